"""What only the ASGI door does: scopes, messages, lifespan."""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextlib import nullcontext
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from jwt_middleware import Rule, current_identity
from jwt_middleware.admission import admission_of
from jwt_middleware.asgi import JWTMiddleware, path_of
from jwt_middleware.errors import InsufficientPermissions

from .calling import ASGIDoor, Reply, call_asgi, environ_of, run_lifespan, scope_of
from .making import settings, token

START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"ok"}


def call(app: Any, text: str | None = None, **options: Any) -> Reply:
    layer = JWTMiddleware(app, settings(**options))
    return asyncio.run(call_asgi(layer, scope_of("/v1/events", text or token())))


async def never(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the app was called")


# What reaches the app


def test_the_scope_has_what_starlette_promises_to_apps() -> None:
    door = ASGIDoor(settings())
    door.get("/a", token(sub="a/b", scope=["write", "read"]))
    [scope] = door.seen
    user, auth = scope["user"], scope["auth"]
    assert (user.is_authenticated, user.display_name, user.identity) == (True, "a/b", "acme/a%2Fb")
    assert auth.scopes == ["authenticated", "read", "write"]


@pytest.mark.parametrize("open_paths", [{"public": ["/a"]}, {"optional": ["/a"]}], ids=["public", "optional"])
def test_anonymous_requests_have_it_too_in_place_of_what_stood_there(open_paths: Any) -> None:
    door = ASGIDoor(settings(**open_paths))
    forged = dict.fromkeys(("user", "auth", "jwt_middleware.identity", "jwt_middleware.admission"), "admin")
    asyncio.run(call_asgi(door.layer, {**scope_of("/a"), **forged}))
    [scope] = door.seen
    assert scope["jwt_middleware.identity"] is None
    assert admission_of(scope).identity is None
    user, auth = scope["user"], scope["auth"]
    assert (user.is_authenticated, user.display_name, user.identity) == (False, "", "")
    assert auth.scopes == []


def test_the_servers_scope_is_left_as_it_is() -> None:
    scope = scope_of("/a", token())
    before = dict(scope)
    asyncio.run(call_asgi(ASGIDoor(settings()).layer, scope))
    assert scope == before


def test_state_is_shared_with_the_servers_scope() -> None:
    scope = {**scope_of("/a", token()), "state": {"pool": object()}}
    door = ASGIDoor(settings())
    asyncio.run(call_asgi(door.layer, scope))
    assert door.seen[0]["state"] is scope["state"]


@pytest.mark.parametrize(
    ("path", "root_path", "seen"),
    [
        ("/a", "", "/a"),
        ("/api/a", "/api", "/a"),
        ("/api", "/api", ""),
        ("/api/", "/api", "/"),
        ("/apis/a", "/api", "/apis/a"),
        ("/a", "/api", "/a"),
        ("/a/api/a", "/api", "/a/api/a"),
    ],
)
def test_the_path_is_less_the_root_path_by_starlettes_rule(path: str, root_path: str, seen: str) -> None:
    assert path_of({"path": path, "root_path": root_path}) == seen


LITESTAR: dict[str, Any] = {
    "public": ["/static/*"],
    "rules": [Rule("/v1/secret", scopes=["admin"]), Rule("/static/api/own", scopes=["own"])],
}


@pytest.mark.parametrize(
    ("path", "status", "required"),
    [
        ("/static/api/v1/secret", 403, ["admin"]),
        ("/static/api/own", 403, ["own"]),
        ("/static/api/other", 200, None),
        ("/apiary/v1/secret", 200, None),
        ("/apiv1/secret", 403, ["admin"]),
    ],
)
def test_a_root_path_that_stands_elsewhere_opens_nothing_and_hides_no_demand(
    path: str, status: int, required: list[str] | None
) -> None:
    layer = ASGIDoor(settings(**LITESTAR)).layer
    assert asyncio.run(call_asgi(layer, scope_of(path, root_path="/api"))).status == 401
    reply = asyncio.run(call_asgi(layer, scope_of(path, token(), root_path="/api")))
    assert reply.status == status
    assert required is None or reply.members["required_scope"] == required
    preflight = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "GET")]
    asked = scope_of(path, root_path="/api", method="OPTIONS", headers=preflight)
    assert asyncio.run(call_asgi(layer, asked)).status == 200


def test_a_scope_without_root_path_has_an_empty_one() -> None:
    assert path_of({"path": "/a"}) == "/a"


def test_rules_are_about_the_path_below_the_mount() -> None:
    layer = ASGIDoor(settings(public=["/docs"])).layer
    mounted = asyncio.run(call_asgi(layer, scope_of("/api/docs", root_path="/api")))
    outside = asyncio.run(call_asgi(layer, scope_of("/api/docs")))
    assert (mounted.status, outside.status) == (200, 401)


def test_several_fields_of_a_name_are_joined_and_so_no_token() -> None:
    twice = [("Authorization", f"Bearer {token()}")] * 2
    reply = ASGIDoor(settings()).get("/a", headers=twice)
    assert (reply.status, reply.members["error"]) == (401, "invalid_token")
    assert "exactly one bearer token" in reply.members["error_description"]


def test_a_field_is_found_in_any_case() -> None:
    scope = scope_of("/a")
    scope["headers"] = [(b"AuThOrIzAtIoN", f"Bearer {token()}".encode())]
    assert asyncio.run(call_asgi(ASGIDoor(settings()).layer, scope)).status == 200


def test_a_field_that_is_not_ascii_is_refused() -> None:
    scope = scope_of("/a")
    scope["headers"] = [(b"authorization", b"Bearer \xff\xfe")]
    assert asyncio.run(call_asgi(ASGIDoor(settings()).layer, scope)).status == 401


@pytest.mark.parametrize("scheme", [None, "http", "ws", "HTTPS"])
def test_a_scheme_that_is_not_https_is_not_secure(scheme: str | None) -> None:
    scope = scope_of("/a", token())
    del scope["scheme"]
    if scheme is not None:
        scope["scheme"] = scheme
    assert asyncio.run(call_asgi(ASGIDoor(settings(require_https=True)).layer, scope)).status == 401


def test_a_verify_request_may_lack_a_query() -> None:
    scope = scope_of("/v1/auth/verify", token())
    del scope["query_string"]
    assert asyncio.run(call_asgi(ASGIDoor(settings()).layer, scope)).status == 200


# The refusal cell


def forbidden(reply: Reply) -> bool:
    return reply.status == 403 and reply.members["error"] == "insufficient_permissions"


def require(scope: Any) -> None:
    admission_of(scope).require(["admin"])


def test_what_a_framework_makes_of_a_refusal_is_not_sent() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(InsufficientPermissions):
            require(scope)
        await send({**START, "status": 500})
        await send({**BODY, "more_body": True})
        await send(BODY)

    assert forbidden(call(app))


def test_an_app_that_swallows_a_refusal_and_sends_nothing_gets_the_documented_answer_sent() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(InsufficientPermissions):
            require(scope)

    assert forbidden(call(app))


def test_an_app_that_answers_and_goes_on_to_raise_has_raised_for_nobody() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            require(scope)
        except InsufficientPermissions:
            await send({**START, "status": 500})
            await send(BODY)
            raise

    assert forbidden(call(app))


LATE = "/v1/events was refused (scope_not_in_token) after its response had started"


def late(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_a_refusal_after_the_response_started_goes_to_the_server_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        require(scope)

    with pytest.raises(InsufficientPermissions):
        call(app)
    assert late(caplog) == [LATE]


def test_a_late_refusal_that_an_app_swallows_is_logged_once_and_the_response_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        with pytest.raises(InsufficientPermissions):
            require(scope)
        await send({**BODY, "more_body": True})
        await send(BODY)

    reply = call(app)
    assert (reply.status, reply.body) == (200, b"okok")
    assert late(caplog) == [LATE]


def test_the_response_of_an_app_is_passed_on_message_by_message() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        await send({**START, "status": 418, "headers": [(b"x-tea", b"pot")]})
        await send({**BODY, "more_body": True})
        await send({"type": "http.response.body"})

    assert call(app) == Reply(418, (("x-tea", "pot"),), b"ok")


# The context variable


def test_requests_at_the_same_time_have_their_own_identity() -> None:
    seen: list[tuple[str, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        before = current_identity.get()
        await asyncio.sleep(0.01)
        after = current_identity.get()
        assert before is not None
        assert after is not None
        seen.append((before.subject, after.subject))
        await send(START)
        await send(BODY)

    async def together() -> None:
        layer = JWTMiddleware(app, settings())
        await asyncio.gather(*(call_asgi(layer, scope_of("/a", token(sub=f"user_{n}"))) for n in range(5)))

    asyncio.run(together())
    assert sorted(seen) == [(f"user_{n}", f"user_{n}") for n in range(5)]


@pytest.mark.parametrize("error", [None, LookupError, InsufficientPermissions(["x"]), asyncio.CancelledError])
def test_the_context_variable_is_as_before_in_the_callers_own_context(error: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert current_identity.get() is not None
        if error is not None:
            raise error

    async def receive() -> Any:
        raise AssertionError("nobody receives here")

    async def send(message: Any) -> None:
        raise AssertionError("nobody sends here")

    async def called() -> None:
        with nullcontext() if error is None else pytest.raises(BaseException):  # noqa: PT011
            await JWTMiddleware(app, settings())(scope_of("/a", token()), receive, send)
        assert current_identity.get() is None

    asyncio.run(called())


# Lifespan


class Store:
    def __init__(self) -> None:
        self.closed: list[str] = []

    def is_revoked(self, *question: Any) -> bool:
        return False

    async def aclose(self) -> None:
        self.closed.append("aclose")


@pytest.mark.parametrize("outcome", ["complete", "failed"])
def test_lifespan_passes_through_and_closes_the_stores_when_it_shuts_down(outcome: str) -> None:
    store, seen = Store(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        assert store.closed == []
        await send({"type": f"lifespan.shutdown.{outcome}"})

    told = asyncio.run(run_lifespan(JWTMiddleware(app, settings(revocations=store))))
    assert told == ["lifespan.startup.complete", f"lifespan.shutdown.{outcome}"]
    assert seen == ["lifespan"]
    assert store.closed == ["aclose"]


def test_stores_can_be_closed_by_hand() -> None:
    store = Store()
    asyncio.run(JWTMiddleware(never, settings(revocations=store)).aclose())
    assert store.closed == ["aclose"]


@pytest.mark.parametrize("kind", ["webtransport", "", "HTTP"])
def test_a_scope_type_that_nobody_knows_is_refused_by_raising(kind: str) -> None:
    async def called() -> None:
        communicator = ApplicationCommunicator(JWTMiddleware(never, settings()), {"type": kind, "path": "/"})
        await communicator.wait(5)

    with pytest.raises(ValueError, match=f"'{kind}' is no scope type that could be protected"):
        asyncio.run(called())


# Misuse


def test_calling_the_asgi_door_as_wsgi_names_the_right_import() -> None:
    door: Any = JWTMiddleware(never, settings())
    with pytest.raises(TypeError, match=r"from jwt_middleware\.wsgi import JWTMiddleware"):
        door(environ_of("/a", token()), lambda *args: None)


def test_servers_see_that_it_is_asgi_3() -> None:
    assert inspect.iscoroutinefunction(JWTMiddleware(never, settings()).__call__)
