"""What only Django does: one door for the whole project, and stores that are called in its own threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import AsyncClient, Client, RequestFactory, override_settings
from rest_framework.test import APIClient

from jwt_middleware import ConfigurationError, JWTSettings, Tenant, wsgi
from jwt_middleware.django import door
from jwt_middleware.testing import acme, auth_headers, make_token, override, signed_in
from tests.frameworks import world
from tests.frameworks.django_api import configured
from tests.unit.calling import call_wsgi, environ_of


@pytest.fixture(autouse=True)
def _project() -> Iterator[None]:
    with configured(world.settings()):
        yield


@pytest.mark.parametrize("app", [Client, AsyncClient, APIClient, WSGIHandler, ASGIHandler, door])
def test_the_project_is_found_by_any_of_its_clients_and_handlers(app: Callable[[], object]) -> None:
    client = Client()
    with signed_in(app(), subject="user_7"):
        assert client.get(world.ME).json() == {"tenant": "acme", "user": "user_7"}
    assert client.get(world.ME).status_code == 401


def test_clients_made_before_and_after_are_signed_in() -> None:
    before = Client()
    assert before.get(world.ME).status_code == 401
    with signed_in(before):
        assert before.get(world.ME).status_code == 200
        assert Client().get(world.ME).status_code == 200
        assert asyncio.run(AsyncClient().get(world.ME)).status_code == 200
    assert Client().get(world.ME).status_code == 401


def test_nobody_is_signed_in_to_a_project_whose_settings_change_meanwhile() -> None:
    with signed_in(Client()), override_settings(JWT_MIDDLEWARE=world.settings()):
        assert Client().get(world.ME).status_code == 401
    assert Client().get(world.ME).status_code == 401


def test_a_project_without_settings_is_refused() -> None:
    with (
        override_settings(JWT_MIDDLEWARE=None),
        pytest.raises(ConfigurationError, match="this project cannot be protected"),
        signed_in(Client()),
    ):
        raise AssertionError("entered")


def test_what_makes_requests_and_calls_nothing_is_no_app() -> None:
    with pytest.raises(ConfigurationError, match="this app is not protected"), signed_in(RequestFactory()):
        raise AssertionError("entered")


def test_a_layer_around_a_handler_is_the_one_that_is_meant() -> None:
    around = wsgi.JWTMiddleware(WSGIHandler(), world.settings())
    with override(around, JWTSettings([acme()], public=["/*"])):
        assert call_wsgi(around, environ_of(world.ME)).status == 401
        assert around.gate.settings.public == ("/*",)
        assert door().gate.settings.public != ("/*",)


def test_a_resolver_is_called_in_djangos_threads_as_it_would_be_otherwise() -> None:
    names: list[str] = []

    def find_tenant(issuer: str) -> Tenant:
        names.append(threading.current_thread().name)
        return acme()

    with override(AsyncClient(), tenants=find_tenant):
        sent = AsyncClient().get(world.ME, headers=auth_headers(make_token()))
        assert asyncio.run(sent).status_code == 200
    (name,) = names
    assert not name.startswith("jwt_middleware")
