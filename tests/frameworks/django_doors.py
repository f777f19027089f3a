"""Doors of Django for the table of the conformance tests: the handlers that WSGI and ASGI servers call."""

from __future__ import annotations

import asyncio
from typing import Final

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path

from jwt_middleware import JWTSettings
from jwt_middleware.django import requires
from tests.conformance.app import VIEWS, seen_in_environ
from tests.conformance.asgi_doors import scope_of
from tests.conformance.row import Reply, Request
from tests.conformance.wsgi_doors import environ_of, run
from tests.frameworks.django_api import configured
from tests.unit.calling import call_asgi


def tell(request: HttpRequest) -> HttpResponse:
    """The app of the table."""
    body = seen_in_environ(request.META)
    content = b"" if request.method == "HEAD" else body
    return HttpResponse(content, headers={"Content-Type": "application/json", "Content-Length": str(len(body))})


_URLS: Final = (
    *(path(place.removeprefix("/"), requires(*scopes)(tell)) for place, scopes in VIEWS.items()),
    re_path("", tell),
)


def under_wsgi(settings: JWTSettings, request: Request) -> Reply:
    """Django, asked like any other WSGI app."""
    with configured(settings, _URLS):
        return run(WSGIHandler(), environ_of(request))


def under_asgi(settings: JWTSettings, request: Request) -> Reply:
    """Django, asked like any other ASGI app. It writes names of headers as it does for WSGI."""
    with configured(settings, _URLS):
        answer = asyncio.run(call_asgi(ASGIHandler(), scope_of(request)))
    headers = {name.lower(): value for name, value in answer.headers}
    assert len(headers) == len(answer.headers), "a header is sent twice"
    return Reply(answer.status, headers, answer.body)
