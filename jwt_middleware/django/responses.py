"""The documented answers, and responses that are sent as they are made, in Django's terms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import cast

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from jwt_middleware.admission import Admission
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.identity import current_identity
from jwt_middleware.log import report_late_refusal
from jwt_middleware.responses import Answer


def response_to(method: str, answer: Answer) -> HttpResponse:
    """An answer of our own, complete; HEAD gets the headers alone."""
    response = HttpResponse(b"" if method == "HEAD" else answer.body, status=answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers:
        response.headers["WWW-Authenticate" if name == "www-authenticate" else name.title()] = value
    # Our own log has it, and Django would mail a 503 to the administrators.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def in_place_of(response: HttpResponseBase | None, replacement: HttpResponse) -> HttpResponse:
    """The replacement, with whose end what the response holds open is closed too."""
    if response is not None:
        replacement._resource_closers.extend(response._resource_closers)  # type: ignore[attr-defined]
    return replacement


def watched(response: HttpResponseBase, admission: Admission) -> HttpResponseBase:
    """The response. One that streams keeps the context variable until it ends, and tells of a refusal in it.

    A file is left alone, so that the server can send it by itself.
    """
    if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
        chunks = response.streaming_content
        if response.is_async:
            response.streaming_content = _watched_async(cast("AsyncIterator[bytes]", chunks), admission)
        else:
            response.streaming_content = _watched(cast("Iterator[bytes]", chunks), admission)
    return response


def _watched(chunks: Iterator[bytes], admission: Admission) -> Iterator[bytes]:
    previous = current_identity.get()
    current_identity.set(admission.identity)
    try:
        yield from chunks
    except AuthenticationError as refusal:
        report_late_refusal(refusal, admission.path)
        raise
    finally:
        current_identity.set(previous)


async def _watched_async(chunks: AsyncIterator[bytes], admission: Admission) -> AsyncIterator[bytes]:
    previous = current_identity.get()
    current_identity.set(admission.identity)
    try:
        async for chunk in chunks:
            yield chunk
    except AuthenticationError as refusal:
        report_late_refusal(refusal, admission.path)
        raise
    finally:
        current_identity.set(previous)
