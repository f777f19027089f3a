"""Other settings for an app while a test lasts."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
import webtest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.testclient import TestClient
from werkzeug.middleware.proxy_fix import ProxyFix

import jwt_middleware.flask
import jwt_middleware.starlette
from jwt_middleware import ConfigurationError, JWTSettings, Rule, asgi, wsgi
from jwt_middleware.observation import Observation
from jwt_middleware.testing import Clock, TokenFactory, acme, make_token, override
from tests.frameworks import flask_api, starlette_api, world
from tests.frameworks.world import NO_TOKEN, lacking, token
from tests.testing import apis
from tests.testing.apis import Api
from tests.unit.calling import call_wsgi, environ_of

ME = {"tenant": "acme", "user": "user_123"}
TEST = JWTSettings([acme()], public=["/healthz"])


def status(api: Api, token: str | None) -> int:
    return api.call("GET", world.ME, token).status


def is_as_before(api: Api) -> bool:
    return (status(api, token()), status(api, make_token())) == (200, 401)


def is_overridden(api: Api) -> bool:
    return (status(api, token()), status(api, make_token())) == (401, 200)


def test_the_settings_hold_while_it_lasts_and_the_former_ones_again_afterwards(api: Api) -> None:
    with override(api.app, TEST):
        assert is_overridden(api)
        assert api.call("GET", world.ME, make_token()).members == ME
    assert is_as_before(api)


def test_an_app_that_has_served_requests_can_be_overridden_too(started: Api) -> None:
    with override(started.app, TEST):
        assert is_overridden(started)
    assert is_as_before(started)


def test_the_former_settings_come_back_after_an_error(api: Api) -> None:
    with pytest.raises(ZeroDivisionError), override(api.app, TEST):
        raise ZeroDivisionError
    assert is_as_before(api)


def test_a_refusal_is_the_one_of_these_settings(api: Api) -> None:
    with override(api.app, realm="test"):
        reply = api.call("GET", world.ME)
    assert reply.headers["www-authenticate"] == 'Bearer realm="test"'
    assert api.call("GET", world.ME).documented() == NO_TOKEN


def test_settings_may_be_changed_one_by_one_and_the_others_hold(api: Api) -> None:
    clock = Clock(1_000_000)
    with override(api.app, tenants=[acme()], clock=clock):
        tokens = TokenFactory(clock=clock)
        assert api.call("GET", world.RULED, tokens.make_token()).members == ME
        assert api.call("GET", world.RULED, tokens.without_scope("write")).documented() == lacking("write")
        assert api.call("GET", world.HEALTH).status == 200
        clock.turn(3600)
        assert status(api, tokens.make_token(iat=1_000_000)) == 401


def test_changes_go_on_top_of_settings_that_are_given(api: Api) -> None:
    with override(api.app, TEST, rules=[Rule(world.ME, scopes=["admin"])]):
        assert status(api, make_token()) == 403
        assert status(api, make_token(scope=["admin"])) == 200


def test_it_nests_and_the_inner_one_changes_what_the_outer_one_has_set(api: Api) -> None:
    with override(api.app, tenants=[acme()]):
        with override(api.app, realm="inner"):
            assert is_overridden(api)
            assert 'realm="inner"' in api.call("GET", world.ME).headers["www-authenticate"]
        assert is_overridden(api)
        assert 'realm="api"' in api.call("GET", world.ME).headers["www-authenticate"]
    assert is_as_before(api)


def test_those_that_overlap_may_end_in_any_order(api: Api) -> None:
    first, second = override(api.app, TEST), override(api.app, realm="second", tenants=[acme()])
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert 'realm="second"' in api.call("GET", world.ME).headers["www-authenticate"]
    second.__exit__(None, None, None)
    assert is_as_before(api)


def test_many_threads_may_override_at_once_and_none_of_it_stays(api: Api) -> None:
    def come_and_go() -> None:
        for _ in range(5):
            with override(api.app, TEST):
                assert is_overridden(api)

    errors: list[BaseException] = []

    def run() -> None:
        try:
            come_and_go()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert is_as_before(api)


def test_tasks_may_override_at_once_and_none_of_it_stays() -> None:
    api = apis.starlette(world.settings())

    async def come_and_go(number: int) -> None:
        with override(api.app, TEST):
            await asyncio.sleep(0.001 * (number % 3))

    async def many() -> None:
        await asyncio.gather(*(come_and_go(number) for number in range(9)))

    asyncio.run(many())
    assert is_as_before(api)


@pytest.mark.parametrize("app", [Flask(__name__), Starlette(), object(), None, lambda environ, start: []])
def test_an_app_that_is_not_protected_is_refused_with_what_to_pass(app: object) -> None:
    with pytest.raises(ConfigurationError, match="pass the app that was given to protect"), override(app, TEST):
        raise AssertionError("entered")


def test_settings_that_cannot_be_used_are_refused_and_change_nothing(api: Api) -> None:
    with pytest.raises(ConfigurationError, match="did you mean tenants"), override(api.app, tenant=[acme()]):
        raise AssertionError("entered")
    with pytest.raises(ConfigurationError, match="dict instead of JWTSettings"), override(api.app, {}):  # type: ignore[arg-type]
        raise AssertionError("entered")
    assert is_as_before(api)


def twice_protected_flask() -> tuple[Any, Any]:
    app = flask_api.build()
    jwt_middleware.flask.protect(app, world.settings())
    jwt_middleware.flask.protect(app, world.settings())
    return app, app.extensions["jwt_middleware"]


def test_of_several_layers_the_one_that_is_meant_has_to_be_passed() -> None:
    app, (inner, outer) = twice_protected_flask()
    with pytest.raises(ConfigurationError, match="has 2 layers of the middleware"), override(app, TEST):
        raise AssertionError("entered")
    client = flask_api.client(app)
    with override(inner, TEST):
        assert client("GET", world.ME, token()).status == 401
        with override(outer, JWTSettings([acme()])):
            assert client("GET", world.ME, make_token()).status == 200
    assert client("GET", world.ME, token()).status == 200


def test_a_layer_is_found_behind_other_middleware() -> None:
    flask = flask_api.build()
    jwt_middleware.flask.protect(flask, world.settings())
    flask.wsgi_app = ProxyFix(flask.wsgi_app)  # type: ignore[method-assign]
    starlette = starlette_api.build()
    jwt_middleware.starlette.protect(starlette, world.settings())
    starlette.add_middleware(CORSMiddleware, allow_origins=["*"])
    for api in (Api(flask, flask_api.client(flask)), Api(starlette, starlette_api.client(starlette))):
        with override(api.app, TEST):
            assert is_overridden(api)
        assert is_as_before(api)


def test_a_test_client_may_be_passed_instead_of_the_app_that_it_calls() -> None:
    flask, starlette, wsgi_door = (build(world.settings()) for build in (apis.flask, apis.starlette, apis.wsgi_api))
    clients = (flask.app.test_client(), TestClient(starlette.app), webtest.TestApp(wsgi_door.app))
    for api, client in zip((flask, starlette, wsgi_door), clients, strict=True):
        with override(client, TEST):
            assert is_overridden(api)


def test_an_app_that_was_wrapped_by_hand_is_found_through_its_framework() -> None:
    flask = flask_api.build()
    flask.wsgi_app = wsgi.JWTMiddleware(flask.wsgi_app, world.settings())  # type: ignore[method-assign]
    starlette = starlette_api.build()
    starlette.add_middleware(asgi.JWTMiddleware, settings=world.settings())
    for api in (Api(flask, flask_api.client(flask)), Api(starlette, starlette_api.client(starlette))):
        with override(api.app, TEST):
            assert is_overridden(api)


def test_a_lifespan_that_ends_while_it_lasts_closes_the_stores_that_hold_then() -> None:
    closed: list[str] = []

    class Store:
        in_memory = True

        def __init__(self, name: str) -> None:
            self.name = name

        def is_revoked(self, *question: object) -> bool:
            return False

        async def aclose(self) -> None:
            closed.append(self.name)

    app = starlette_api.build()
    jwt_middleware.starlette.protect(app, world.settings(revocations=Store("own")))
    with override(app, revocations=Store("other")), TestClient(app) as client:
        assert client.get(world.HEALTH).status_code == 200
    assert closed == ["other"]
    with TestClient(app):
        pass
    assert closed == ["other", "own"]


def test_stores_that_are_named_are_closed_at_the_end_and_objects_are_not(tmp_path: Path) -> None:
    class Revocations:
        closed = False

        def is_revoked(self, *question: object) -> bool:
            return False

        def close(self) -> None:
            self.closed = True

    file, mine = tmp_path / "tenants.toml", Revocations()
    file.write_text(f'[[tenants]]\nid = "acme"\napplications = ["shop"]\nkeys = [{{secret = "{world.SECRET}"}}]\n')
    door = wsgi.JWTMiddleware(lambda environ, start: [], JWTSettings([acme()]))
    opened: list[Any] = []
    with override(door, tenants=str(file), revocations=mine):
        opened.append(door.gate.authenticator.tenants)
        assert call_wsgi(door, environ_of(world.ME)).status == 401
        opened[0].close = lambda: opened.append("closed")
    assert opened[1:] == ["closed"]
    assert not mine.closed


class Tally:
    """An observer that counts outcomes."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def observe(self, observation: Observation) -> None:
        self.outcomes.append(observation.outcome)


def test_observers_hear_of_every_request_while_it_lasts_and_of_none_afterwards(api: Api) -> None:
    tally = Tally()
    with override(api.app, observers=[tally]):
        assert status(api, token()) == 200
        assert status(api, None) == 401
        assert api.call("GET", world.MAYBE).status == 200
    assert status(api, token()) == 200
    assert tally.outcomes == ["accepted", "refused", "anonymous"]


def test_observers_of_the_app_itself_hear_nothing_while_others_are_told(kind: str) -> None:
    own, other = Tally(), Tally()
    with apis.BUILD[kind](world.settings(observers=[own])) as api:
        with override(api.app, observers=[other]):
            assert status(api, token()) == 200
        with override(api.app, observers=[]):
            assert status(api, token()) == 200
        assert (own.outcomes, other.outcomes) == ([], ["accepted"])
        assert status(api, token()) == 200
    assert own.outcomes == ["accepted"]


def test_dependencies_of_fastapi_are_left_alone() -> None:
    api = apis.fastapi(world.settings())
    with override(api.app, TEST):
        assert is_overridden(api)
        assert api.app.dependency_overrides == {}
