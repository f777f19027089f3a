"""Requests that need no token while a test lasts."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

import jwt_middleware.flask
import jwt_middleware.starlette
from jwt_middleware import ConfigurationError, Identity, InvalidToken, JWTSettings, Rule, asgi, wsgi
from jwt_middleware.starlette import identity
from jwt_middleware.testing import Clock, Unavailable, acme, override, signed_in
from tests.frameworks import flask_api, world
from tests.frameworks.world import EXPIRED, NO_TOKEN, lacking, token
from tests.testing.apis import Api
from tests.unit.calling import ASGIDoor, Door, WSGIDoor

FRAMEWORKS = ["flask", "starlette", "fastapi", "django", "django, async"]


def who(api: Api, path: str = world.ME) -> tuple[int, Any]:
    reply = api.call("GET", path)
    return reply.status, reply.members


def test_no_token_is_needed_while_it_lasts_and_one_is_afterwards(api: Api) -> None:
    with signed_in(api.app, tenant="globex", subject="user_7", scopes=["read"]):
        assert who(api) == (200, {"tenant": "globex", "user": "user_7"})
    assert api.call("GET", world.ME).documented() == NO_TOKEN


def test_an_app_that_has_served_requests_can_be_entered_too(started: Api) -> None:
    with signed_in(started.app):
        assert who(started) == (200, {"tenant": "acme", "user": "user_123"})
    assert started.call("GET", world.ME).documented() == NO_TOKEN


def test_a_token_is_needed_again_after_an_error(api: Api) -> None:
    with pytest.raises(ZeroDivisionError), signed_in(api.app):
        raise ZeroDivisionError
    assert api.call("GET", world.ME).documented() == NO_TOKEN


def test_scopes_of_a_path_are_still_needed(api: Api) -> None:
    with signed_in(api.app, scopes=["read"]):
        assert api.call("GET", world.RULED).documented() == lacking("write")
    with signed_in(api.app, scopes="read write"):
        assert who(api, world.RULED)[0] == 200
    with signed_in(api.app, scopes=[]):
        assert api.call("GET", world.RULED).status == 403
        assert who(api)[0] == 200


@pytest.mark.parametrize("kind", FRAMEWORKS, indirect=True)
def test_scopes_of_a_view_are_still_needed(api: Api) -> None:
    with signed_in(api.app):
        assert api.call("POST", world.EVENTS).status == 200
        assert api.call("GET", world.AUDIT).documented() == lacking("audit")
    with signed_in(api.app, scopes=["audit"]):
        assert who(api, world.AUDIT) == (200, {"tenant": "acme", "user": "user_123"})


def test_a_public_path_stays_anonymous_and_an_optional_one_has_the_identity(api: Api) -> None:
    with signed_in(api.app):
        assert "acme" not in str(who(api, world.HEALTH))
        assert who(api, world.MAYBE)[1]["user"] == "user_123"


def test_a_token_that_is_sent_is_checked_as_always(api: Api) -> None:
    with signed_in(api.app, tenant="globex", subject="user_7"):
        assert api.call("GET", world.ME, token(sub="user_8")).members == {"tenant": "acme", "user": "user_8"}
        assert api.call("GET", world.ME, token(iat=1_000, exp=2_000)).documented() == EXPIRED
        assert api.call("GET", world.ME, "not even a token").status == 401


def test_the_verify_endpoint_answers_for_the_identity(api: Api) -> None:
    with signed_in(api.app, subject="user_7", scopes=["read"]):
        status, members = who(api, "/v1/auth/verify")
    assert status == 200
    assert (members["tenant"], members["sub"], members["aud"], members["scope"]) == ("acme", "user_7", "shop", ["read"])


def test_it_nests_and_the_innermost_identity_counts(api: Api) -> None:
    with signed_in(api.app, subject="outer"):
        with signed_in(api.app, subject="inner"):
            assert who(api)[1]["user"] == "inner"
        assert who(api)[1]["user"] == "outer"
    assert api.call("GET", world.ME).status == 401


def test_those_that_overlap_may_end_in_any_order_and_nobody_stays_signed_in(api: Api) -> None:
    first, second = signed_in(api.app, subject="first"), signed_in(api.app, subject="second")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert who(api)[1]["user"] == "second"
    second.__exit__(None, None, None)
    assert api.call("GET", world.ME).documented() == NO_TOKEN


def test_overridden_settings_hold_for_it_too(api: Api) -> None:
    with override(api.app, rules=[Rule(world.ME, scopes=["admin"])]), signed_in(api.app):
        assert api.call("GET", world.ME).documented() == lacking("admin")
    with signed_in(api.app), override(api.app, realm="real"):
        assert 'realm="real"' in api.call("GET", world.ME).headers["www-authenticate"]


def test_no_store_is_asked(api: Api) -> None:
    with override(api.app, tenants=Unavailable(), revocations=Unavailable()):
        assert api.call("GET", world.ME, token()).status == 503
        with signed_in(api.app):
            assert who(api)[0] == 200
            assert api.call("GET", world.ME, token()).status == 503


def test_https_is_still_needed_where_it_is_required(api: Api) -> None:
    with override(api.app, require_https=True), signed_in(api.app):
        assert api.call("GET", world.ME).members["error_description"] == "Bearer tokens are accepted over https only"


def test_every_layer_of_an_app_lets_the_identity_in() -> None:
    app = flask_api.build()
    jwt_middleware.flask.protect(app, world.settings(realm="inner"))
    jwt_middleware.flask.protect(app, world.settings(realm="outer"))
    client = flask_api.client(app)
    with signed_in(app, subject="user_7"):
        assert client("GET", world.ME).members["user"] == "user_7"
    assert client("GET", world.ME).status == 401


@pytest.fixture(params=[WSGIDoor, ASGIDoor])
def door(request: pytest.FixtureRequest) -> Door:
    made: Door = request.param(JWTSettings([acme()], clock=Clock(1_800_000_000)))
    return made


def test_the_identity_is_a_real_one(door: Door) -> None:
    with signed_in(
        door.layer, tenant="M\u00fcller", subject="user 7", application="app", scopes=["a"], claims={"plan": "gold"}
    ):
        assert door.get().status == 200
    (seen,) = door.seen
    found = seen["jwt_middleware.identity"]
    assert type(found) is Identity
    assert (found.tenant_id, found.subject, found.application_id) == ("M\u00fcller", "user 7", "app")
    assert found.scopes == {"a"}
    assert (found.issuer, found.principal) == ("M\u00fcller", "M%C3%BCller/user%207")
    assert (found.issued_at, found.expires_at) == (1_800_000_000, 1_800_003_600)
    assert found.claims == {
        "sub": "user 7",
        "iss": "M\u00fcller",
        "aud": "app",
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
        "scope": ["a"],
        "plan": "gold",
    }
    assert len(found.token_id) == 64


def test_it_does_not_run_out_however_far_the_clock_is_turned(door: Door) -> None:
    clock: Any = door.layer.gate.settings.clock
    with signed_in(door.layer):
        for _ in range(3):
            assert door.get().status == 200
            clock.turn(86_400)


def test_a_validator_is_called_and_may_refuse(door: Door) -> None:
    def only_gold(identity: Identity) -> None:
        if identity.claims.get("plan") != "gold":
            raise InvalidToken("not_gold")

    with override(door.layer, validators=[only_gold]):
        with signed_in(door.layer):
            assert door.get().status == 401
        with signed_in(door.layer, claims={"plan": "gold"}):
            assert door.get().status == 200


def test_a_token_made_for_the_identity_is_worth_nothing_when_a_request_brings_it(door: Door) -> None:
    with signed_in(door.layer):
        assert door.get().status == 200
        made = door.seen[0]["jwt_middleware.admission"].token
        assert door.get(token=made).status == 401
    assert door.get(token=made).members["error"] == "invalid_signature"


def test_no_other_app_is_entered() -> None:
    settings = JWTSettings([acme()])
    first, second = WSGIDoor(settings), WSGIDoor(settings)
    with signed_in(first.layer):
        assert first.get().status == 200
        assert second.get().status == 401


def test_nothing_is_logged_as_refused(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "jwt_middleware"), signed_in(door.layer):
        assert door.get().status == 200
    assert caplog.records == []


@pytest.mark.parametrize(
    ("names", "problem"),
    [({"tenant": ""}, "id: not text"), ({"tenant": "a/b"}, "slash"), ({"application": "\n"}, "id: not text")],
)
def test_names_that_cannot_be_used_are_refused_at_once(door: Door, names: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem), signed_in(door.layer, **names):  # type: ignore[arg-type]
        raise AssertionError("entered")


def test_an_app_that_is_not_protected_is_refused_with_what_to_pass() -> None:
    with pytest.raises(ConfigurationError, match="pass the app that was given"), signed_in(Starlette()):
        raise AssertionError("entered")


async def live(websocket: WebSocket) -> None:
    me = identity(websocket)
    await websocket.accept()
    await websocket.send_json({"user": me.subject})
    with suppress(WebSocketDisconnect):
        await websocket.receive_text()


def sockets(**options: Any) -> Starlette:
    app = Starlette(routes=[WebSocketRoute("/live", live)])
    jwt_middleware.starlette.protect(app, world.settings(**options))
    return app


def test_a_websocket_needs_no_token_either() -> None:
    app = sockets()
    with signed_in(app, subject="user_7"), TestClient(app).websocket_connect("/live") as socket:
        assert socket.receive_json() == {"user": "user_7"}
        socket.send_text("bye")


def test_an_open_websocket_is_checked_again_and_stays_open_until_its_time_is_up() -> None:
    clock = Clock()
    app = sockets(clock=clock, recheck_interval=0.01)
    with signed_in(app), TestClient(app).websocket_connect("/live") as socket:
        assert socket.receive_json() == {"user": "user_123"}
        socket.portal.call(asyncio.sleep, 0.05)
        clock.turn(3601)
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    assert ended.value.code == 1008


def closing(closed: list[str], *names: str) -> Any:
    class Store:
        def is_revoked(self, *question: object) -> bool:
            return False

    for name in names:
        setattr(Store, name, lambda self: closed.append("closed"))
    return Store()


def test_closing_an_app_meanwhile_closes_its_stores() -> None:
    closed: list[str] = []
    door = wsgi.JWTMiddleware(lambda environ, start: [], world.settings(revocations=closing(closed, "close")))
    with signed_in(door):
        door.close()
    assert closed == ["closed"]
    async_door = asgi.JWTMiddleware(sockets(), world.settings(revocations=closing(closed, "close")))
    with signed_in(async_door):
        asyncio.run(async_door.aclose())
    assert closed == ["closed", "closed"]
