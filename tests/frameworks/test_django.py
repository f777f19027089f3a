"""What only Django does: middleware in both colours, settings in one place, system checks, an ORM, streams."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from django.urls import path
from django.utils.deprecation import MiddlewareMixin

from jwt_middleware import (
    CachedTenants,
    ConfigurationError,
    Identity,
    InsufficientPermissions,
    JWTSettings,
    Key,
    Rule,
    Tenant,
    asgi,
    current_identity,
    wsgi,
)
from jwt_middleware.django import IdentifiedRequest, door, optional_identity, requires
from jwt_middleware.django.threads import in_djangos_threads
from jwt_middleware.observation import Observation
from jwt_middleware.testing import override, signed_in
from tests.conformance import asgi_doors, wsgi_doors
from tests.conformance.row import Request
from tests.frameworks import world
from tests.frameworks.django_api import DOOR, async_client, client, configured, me
from tests.frameworks.world import NO_TOKEN, Client, Reply, lacking, token
from tests.unit.calling import call_asgi

ORIGIN = {"Origin": "https://example.com"}
CLIENTS: dict[str, Callable[..., Client]] = {"sync": client, "async": async_client}
HERE = __name__
acme: Any = world.settings().tenants


@pytest.fixture(params=CLIENTS)
def sender(request: pytest.FixtureRequest) -> Callable[..., Client]:
    """Builds a client of either colour for the project as it is configured."""
    return CLIENTS[request.param]


def ask_wsgi(request: Request, app: Any = None) -> Reply:
    """What Django's handler, or what is around it, answers to a WSGI server."""
    answer = wsgi_doors.run(app or WSGIHandler(), wsgi_doors.environ_of(request))
    return Reply(answer.status, answer.headers, answer.body)


def ask_asgi(request: Request, app: Any = None) -> Reply:
    """The same to an ASGI server."""
    answer = asyncio.run(call_asgi(app or ASGIHandler(), asgi_doors.scope_of(request)))
    return Reply(answer.status, {name.lower(): value for name, value in answer.headers}, answer.body)


@pytest.fixture(params=[ask_wsgi, ask_asgi])
def ask(request: pytest.FixtureRequest) -> Callable[[Request], Reply]:
    """Calls the handler of either colour, built for this one request."""
    return request.param  # type: ignore[no-any-return]


def bearing(given: str, path: str = world.ME, **more: Any) -> Request:
    return Request(path=path, fields=(("authorization", f"Bearer {given}".encode()),), **more)


# -- middleware of the project's own -----------------------------------------------------------------------------------


class CatchAll(MiddlewareMixin):
    """Answers whatever a view raises, in both colours."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        return HttpResponse("caught", headers={"X-Caught": "yes"})


class Overrule(MiddlewareMixin):
    """Answers in place of every view."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
        return HttpResponse("overruled", headers={"X-Caught": "yes"})


class Fail(MiddlewareMixin):
    """Breaks down over every response."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
        raise LookupError("the middleware failed")


class SyncOnly:
    """A middleware of the old days, which Django calls in a thread under ASGI."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


class NeedsIdentity(SyncOnly):
    """Asks for the identity before any view does."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        assert request.identity.subject == "user_123"  # type: ignore[attr-defined]
        return self.get_response(request)


class Unreachable(SyncOnly):
    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        raise AssertionError("a refused request reached the project")


def function_middleware(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """A middleware that is no class."""
    return lambda request: get_response(request)


def own(*names: str) -> list[str]:
    return [f"{HERE}.{name}" for name in names]


INTERFERENCE: dict[str, dict[str, Any]] = {
    "process_exception that answers": {"MIDDLEWARE": [DOOR, *own("CatchAll")]},
    "process_exception further out": {"MIDDLEWARE": [*own("CatchAll"), DOOR]},
    "process_response that answers": {"MIDDLEWARE": [DOOR, *own("Overrule")]},
    "process_response that fails": {"MIDDLEWARE": [DOOR, *own("Fail")]},
    "sync middleware inside": {"MIDDLEWARE": [DOOR, *own("SyncOnly")]},
    "sync middleware outside": {"MIDDLEWARE": [*own("SyncOnly"), DOOR]},
    "compression": {"MIDDLEWARE": [DOOR, "django.middleware.gzip.GZipMiddleware"]},
    "DEBUG": {"DEBUG": True},
    "DEBUG_PROPAGATE_EXCEPTIONS": {"MIDDLEWARE": [DOOR, *own("Fail")], "DEBUG_PROPAGATE_EXCEPTIONS": True},
}


@pytest.mark.parametrize("interference", INTERFERENCE)
@pytest.mark.parametrize("place", [world.AUDIT, world.SWALLOWED])
def test_a_refusal_in_a_view_is_answered_as_documented_whatever_the_project_does_with_errors(
    sender: Callable[..., Client], interference: str, place: str
) -> None:
    with configured(world.settings(), **INTERFERENCE[interference]):
        reply = sender(raise_request_exception=False)("GET", place, token("read"))
    assert reply.documented() == lacking("audit")
    assert "x-caught" not in reply.headers
    assert "content-encoding" not in reply.headers


def test_a_refusal_in_a_middleware_is_answered_as_documented(sender: Callable[..., Client]) -> None:
    with configured(world.settings(), MIDDLEWARE=[DOOR, *own("NeedsIdentity")]):
        send = sender(raise_request_exception=False)
        assert send("GET", world.MAYBE).documented() == NO_TOKEN
        assert send("GET", world.MAYBE, token()).members == {"user": "user_123"}


def test_a_refused_request_does_not_reach_middleware_that_is_inside(sender: Callable[..., Client]) -> None:
    with configured(world.settings(), MIDDLEWARE=[DOOR, *own("Unreachable")]):
        assert sender()("GET", "/nowhere").documented() == NO_TOKEN


@pytest.mark.parametrize("debug", [False, True])
def test_a_path_that_is_not_there_is_told_to_callers_with_a_token_only(
    sender: Callable[..., Client], debug: bool
) -> None:
    with configured(world.settings(), DEBUG=debug):
        assert sender()("GET", "/nowhere", token()).status == 404
        assert sender()("GET", "/nowhere").documented() == NO_TOKEN


def test_what_a_response_holds_open_is_closed_where_a_refusal_takes_its_place(sender: Callable[..., Client]) -> None:
    file = io.BytesIO(b"content")

    def view(request: IdentifiedRequest) -> HttpResponseBase:
        try:
            return requires("audit")(me)(request)
        except InsufficientPermissions:
            return FileResponse(file)

    with configured(world.settings(), [path("v1/file", view)]):
        assert sender()("GET", "/v1/file", token()).documented() == lacking("audit")
    assert file.closed


def test_what_a_view_raises_goes_on_as_it_does_without_the_middleware(sender: Callable[..., Client]) -> None:
    def crash(request: HttpRequest) -> HttpResponse:
        raise LookupError("the view failed")

    for propagates in (False, True):
        with configured(world.settings(), [path("v1/crash", crash)], DEBUG_PROPAGATE_EXCEPTIONS=propagates):
            with pytest.raises(LookupError, match="the view failed"):
                sender()("GET", "/v1/crash", token())
            assert current_identity.get() is None


def test_no_page_about_an_error_holds_a_token(sender: Callable[..., Client]) -> None:
    def crash(request: HttpRequest) -> HttpResponse:
        raise LookupError("the view failed")

    given = token()
    with configured(world.settings(), [path("v1/crash", crash)], DEBUG=True):
        reply = sender(raise_request_exception=False)("GET", "/v1/crash", given)
    assert b"the view failed" in reply.body
    assert given.encode() not in reply.body
    assert given.rpartition(".")[2].encode() not in reply.body


# -- identity ----------------------------------------------------------------------------------------------------------


def test_the_identity_of_a_request_is_the_identity_itself(sender: Callable[..., Client]) -> None:
    def view(request: IdentifiedRequest) -> HttpResponse:
        same = optional_identity(request) is request.identity is current_identity.get()
        return JsonResponse([type(request.identity) is Identity, same], safe=False)

    with configured(world.settings(), [path("v1/same", view)]):
        assert sender()("GET", "/v1/same", token()).members == [True, True]
    assert current_identity.get() is None


class Believing:
    """An authentication backend that notes which remote users it is told of."""

    told: ClassVar[list[str]] = []

    def authenticate(self, request: HttpRequest, remote_user: str) -> None:
        self.told.append(remote_user)

    async def aauthenticate(self, request: HttpRequest, remote_user: str) -> None:
        self.told.append(remote_user)


@pytest.mark.parametrize(("given", "told"), [(None, []), (token(), ["acme/user_123"])])
def test_djangos_remote_user_is_who_the_token_says_and_nobody_else(
    sender: Callable[..., Client], given: str | None, told: list[str]
) -> None:
    contrib = ["sessions.middleware.SessionMiddleware", "auth.middleware.AuthenticationMiddleware"]
    Believing.told.clear()
    with configured(
        world.settings(),
        MIDDLEWARE=[DOOR, *(f"django.contrib.{name}" for name in (*contrib, "auth.middleware.RemoteUserMiddleware"))],
        AUTHENTICATION_BACKENDS=own("Believing"),
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    ):
        send = sender(REMOTE_USER="root", AUTH_TYPE="Bearer")
        assert send("GET", world.MAYBE, given, {"Remote-User": "root"}).status == 200
    assert Believing.told == told


def test_a_request_with_a_token_needs_no_csrf_cookie_and_one_without_does(sender: Callable[..., Client]) -> None:
    middleware = [DOOR, "django.middleware.csrf.CsrfViewMiddleware"]
    with configured(world.settings(public=[world.EVENTS]), MIDDLEWARE=middleware):
        assert sender(enforce_csrf_checks=True)("POST", world.EVENTS).status == 403
    with configured(world.settings(), MIDDLEWARE=middleware):
        assert sender(enforce_csrf_checks=True)("POST", world.EVENTS, token("write")).status == 200


def test_https_is_what_the_proxy_that_django_trusts_says(sender: Callable[..., Client]) -> None:
    with configured(world.settings(require_https=True)):
        assert sender()("GET", world.ME, token(), {"X-Forwarded-Proto": "https"}).status == 401
    with configured(world.settings(require_https=True), SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        assert sender()("GET", world.ME, token(), {"X-Forwarded-Proto": "https"}).status == 200
        assert sender()("GET", world.ME, token(), {"X-Forwarded-Proto": "http"}).status == 401


def test_a_scope_in_a_query_is_read_as_by_the_bare_doors(ask: Callable[[Request], Reply]) -> None:
    settings = JWTSettings([Tenant("acme", keys=[Key.secret(world.SECRET)], applications=["shop"])])
    given = token("\u00e9")
    with configured(settings):
        for query, status in (("scope=%C3%A9", 200), ("scope=\u00c3\u00a9", 403)):
            assert ask(bearing(given, "/v1/auth/verify", query=query)).status == status


class Observer:
    def __init__(self) -> None:
        self.told: list[str] = []

    def observe(self, observation: Observation) -> None:
        """Called by the middleware."""
        self.told.append(observation.outcome)


def test_observers_are_told_once_of_each_request(sender: Callable[..., Client]) -> None:
    observer = Observer()

    def crash(request: HttpRequest) -> HttpResponse:
        raise LookupError("the view failed")

    with configured(world.settings(observers=[observer]), [path("v1/crash", crash)]):
        send = sender(raise_request_exception=False)
        for place, given in (
            (world.ME, token()),
            (world.HEALTH, None),
            (world.ME, None),
            (world.AUDIT, token()),
            ("/v1/auth/verify", token()),
            ("/v1/crash", token()),
        ):
            send("GET", place, given)
    assert observer.told == ["accepted", "anonymous", "refused", "refused", "accepted", "accepted"]


# -- requires ----------------------------------------------------------------------------------------------------------


def test_a_decorated_view_keeps_its_name_and_finds_the_request_among_its_arguments() -> None:
    @requires("audit")
    def view(number: int, *, request: HttpRequest) -> int:
        """Doubles."""
        raise AssertionError("let in")

    assert (view.__name__, view.__doc__) == ("view", "Doubles.")
    with pytest.raises(RuntimeError, match=f'"{DOOR}" first into MIDDLEWARE'):
        view(1, request=RequestFactory().get("/"))
    with pytest.raises(TypeError, match="none of the arguments is a request"):
        view(1)  # type: ignore[call-arg]


@pytest.mark.parametrize("scope", ["read write", "", 'a"b', None])
def test_what_is_no_scope_name_is_refused_where_it_is_written(scope: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a scope name"):
        requires(scope)


# -- streams -----------------------------------------------------------------------------------------------------------


def stream(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse(str(current_identity.get()) + "!" for _ in range(2))


async def async_stream(request: HttpRequest) -> HttpResponseBase:
    async def chunks() -> AsyncIterator[str]:
        for _ in range(2):
            yield str(current_identity.get()) + "!"

    return StreamingHttpResponse(chunks())


def late(request: IdentifiedRequest) -> HttpResponseBase:
    def chunks() -> Iterator[str]:
        yield "begun"
        yield request.identity.subject

    return StreamingHttpResponse(chunks())


async def async_late(request: IdentifiedRequest) -> HttpResponseBase:
    async def chunks() -> AsyncIterator[str]:
        yield "begun"
        yield request.identity.subject

    return StreamingHttpResponse(chunks())


STREAMS = {
    "sync": (client, [path("v1/stream", stream), path("maybe/late", late)]),
    "async": (async_client, [path("v1/stream", async_stream), path("maybe/late", async_late)]),
}


@pytest.mark.parametrize("colour", STREAMS)
def test_a_view_that_streams_is_served_with_its_identity(colour: str) -> None:
    build, urls = STREAMS[colour]
    with configured(world.settings(), urls):
        reply = build()("GET", "/v1/stream", token())
    assert reply.body.count(b"Identity(subject='user_123'") == 2
    assert current_identity.get() is None


@pytest.mark.parametrize("colour", STREAMS)
def test_a_refusal_that_comes_after_a_stream_began_is_logged(colour: str, caplog: pytest.LogCaptureFixture) -> None:
    build, urls = STREAMS[colour]
    with configured(world.settings(optional=["/maybe/late"]), urls), pytest.raises(Exception, match="no_credentials"):
        build()("GET", "/maybe/late")
    assert "/maybe/late was refused (no_credentials) after its response had started" in caplog.text
    assert current_identity.get() is None


def test_a_file_is_left_to_the_server() -> None:
    file = io.BytesIO(b"content")
    with configured(world.settings(), [path("v1/file", lambda request: FileResponse(file))]):
        environ = wsgi_doors.environ_of(bearing(token(), "/v1/file"))
        handler: Any = WSGIHandler()
        sent: object = handler({**environ, "wsgi.file_wrapper": lambda given, size: given}, lambda *answer: None)
    assert sent is file
    file.close()


# -- paths below a mount -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mount", ["", "/api"])
def test_paths_are_those_that_djangos_router_sees(ask: Callable[[Request], Reply], mount: str) -> None:
    with configured(world.settings()):
        assert ask(bearing(token(), mount=mount)).status == 200
        assert ask(Request(path=world.HEALTH, mount=mount)).status == 200
        assert ask(Request(path=world.ME, mount=mount)).documented() == NO_TOKEN
        assert ask(bearing(token("read"), world.RULED, mount=mount)).documented() == lacking("write")
        assert ask(bearing(token("read"), "/v1/auth/verify", mount=mount)).members["sub"] == "user_123"


def test_a_forced_script_name_is_no_part_of_the_path() -> None:
    with configured(world.settings(), FORCE_SCRIPT_NAME="/api"):
        assert ask_wsgi(Request(path=world.HEALTH)).status == 200
        assert ask_wsgi(Request(path=world.ME)).documented() == NO_TOKEN
        assert ask_asgi(Request(path="/api" + world.HEALTH)).status == 200
        assert ask_asgi(Request(path="/api" + world.ME)).documented() == NO_TOKEN
        assert ask_asgi(bearing(token("read"), "/api" + world.RULED)).documented() == lacking("write")


def test_no_path_is_decided_as_the_root_that_django_serves() -> None:
    def root(request: HttpRequest) -> HttpResponse:
        return HttpResponse("root")

    with configured(world.settings(rules=[Rule("/", scopes=["admin"])]), [path("", root)]):
        for place in ("", "/"):
            assert ask_wsgi(bearing(token("read"), place, mount="/api")).documented() == lacking("admin")


# -- settings ----------------------------------------------------------------------------------------------------------


def resolve(issuer: str) -> Tenant | None:
    found: Tenant | None = acme.resolve(issuer)
    return found


class Tenants:
    in_memory = True

    def resolve(self, issuer: str) -> Tenant | None:
        return resolve(issuer)


def refuse_nobody(identity: Identity) -> None:
    return None


def build() -> JWTSettings:
    return world.settings(realm="built")


MAPPING = {
    "TENANTS": acme,
    "PUBLIC": [world.HEALTH],
    "realm": "mapped",
    "rules": [{"path": world.RULED, "scopes": ["write"]}],
}
GIVEN: dict[str, tuple[object, str]] = {
    "a mapping": (MAPPING, "mapped"),
    "settings": (world.settings(realm="given"), "given"),
    "a function": (build, "built"),
    "the path of a function": (f"{HERE}.build", "built"),
    "the path of a mapping": (f"{HERE}.MAPPING", "mapped"),
    "a mapping with the path of a resolver": ({**MAPPING, "TENANTS": f"{HERE}.resolve"}, "mapped"),
    "a mapping with the path of a class": ({**MAPPING, "TENANTS": f"{HERE}.Tenants"}, "mapped"),
    "a mapping with paths of functions": (
        {**MAPPING, "validators": [f"{HERE}.refuse_nobody"], "clock": "time.time"},
        "mapped",
    ),
}


@pytest.mark.parametrize("given", GIVEN)
def test_settings_come_from_the_settings_of_the_project(given: str) -> None:
    value, realm = GIVEN[given]
    with configured(value):
        send = client()
        assert send("GET", world.ME, token()).status == 200
        assert send("GET", world.HEALTH).status == 200
        assert send("GET", world.RULED, token("read")).status == 403
        assert send("GET", world.ME).headers["www-authenticate"] == f'Bearer realm="{realm}"'


def test_a_file_of_tenants_is_named_as_django_names_files(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text(f'[[tenants]]\nid = "acme"\nkeys = [{{ secret = "{world.SECRET}" }}]\napplications = ["shop"]\n')
    for name in (file, str(file)):
        with configured({"tenants": name}):
            assert client()("GET", world.ME, token()).status == 200


UNUSABLE: list[tuple[object, list[str]]] = [
    (None, ["settings.JWT_MIDDLEWARE: missing"]),
    (7, ["settings.JWT_MIDDLEWARE: int instead of a mapping or JWTSettings"]),
    ("nowhere.at.all", ["settings.JWT_MIDDLEWARE: 'nowhere.at.all' cannot be imported (No module named 'nowhere')"]),
    ("postgresql://acme:hunter2@db/acme", ["settings.JWT_MIDDLEWARE: 'postgresql://...' cannot be imported"]),
    ({}, ["tenants: missing"]),
    ({"tenants": "nowhere.at.all", "max_lifetime": "1h"}, ["'nowhere.at.all' cannot be imported", "max_lifetime: "]),
    *(
        ({"tenants": acme, name: "nowhere.at.all"}, [f"{name}: 'nowhere.at.all' cannot be imported"])
        for name in ("clock", "observers", "render_error", "revocations", "validators")
    ),
    ({"tenants": acme, "validators": ["nowhere.at.all"]}, ["validators: 'nowhere.at.all' cannot be imported"]),
    ({"tenants": "not a path"}, ["tenants: 'not a path' names no kind of store"]),
    ({"tenants": acme, "realm": "built.in"}, []),
]


@pytest.mark.parametrize(("value", "problems"), UNUSABLE)
def test_settings_that_cannot_be_used_are_refused_at_start_up_and_told_by_a_check(
    value: object, problems: list[str]
) -> None:
    with configured(value):
        told = [message for message in told_by_checks() if message.id == "jwt_middleware.E001"]
        assert len(told) == len(problems)
        if not problems:
            WSGIHandler()
            return
        for build_handler in (WSGIHandler, ASGIHandler):
            with pytest.raises(ConfigurationError) as raised:
                build_handler()
            assert "hunter2" not in str(raised.value)
            for problem in problems:
                assert problem in str(raised.value)
                assert any(problem in message.msg and message.hint for message in told)


def told_by_checks() -> list[CheckMessage]:
    ours = [message for message in run_checks() if str(message.id).startswith("jwt_middleware.")]
    assert all(message.hint for message in ours)
    return sorted(ours, key=lambda message: str(message.id))


def test_a_project_without_middleware_and_settings_is_told_by_the_checks() -> None:
    with configured(None, MIDDLEWARE=[]):
        assert [message.id for message in told_by_checks()] == ["jwt_middleware.E001", "jwt_middleware.E002"]


ORDERS: list[tuple[list[str], list[str]]] = [
    ([], ["E002"]),
    (own("SyncOnly"), ["E002"]),
    ([DOOR], []),
    (["jwt_middleware.django.middleware.JWTMiddleware"], []),
    ([DOOR, *own("SyncOnly", "function_middleware"), DOOR], ["E003"]),
    (["corsheaders.middleware.CorsMiddleware", DOOR], []),
    ([DOOR, "corsheaders.middleware.CorsMiddleware"], ["W001"]),
    ([DOOR, "django.contrib.auth.middleware.RemoteUserMiddleware"], []),
    (["django.contrib.auth.middleware.PersistentRemoteUserMiddleware", DOOR], ["W002"]),
    (["django.middleware.cache.FetchFromCacheMiddleware", DOOR], ["W003"]),
    ([DOOR, "django.middleware.cache.CacheMiddleware"], ["W003"]),
    ([DOOR, "nowhere.at.all"], []),
]


@pytest.mark.parametrize(("middleware", "told"), ORDERS)
def test_a_middleware_in_the_wrong_place_is_told_by_a_check(middleware: list[str], told: list[str]) -> None:
    with configured(world.settings(), MIDDLEWARE=middleware):
        assert [str(message.id).removeprefix("jwt_middleware.") for message in told_by_checks()] == told


def test_a_preflight_passes_whatever_the_order_and_refusals_have_cors_headers_where_it_is_right(
    sender: Callable[..., Client],
) -> None:
    cors = "corsheaders.middleware.CorsMiddleware"
    preflight = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    for middleware, has_headers in (([cors, DOOR], True), ([DOOR, cors], False)):
        with configured(world.settings(), MIDDLEWARE=middleware, CORS_ALLOW_ALL_ORIGINS=True):
            send = sender()
            reply = send("OPTIONS", world.EVENTS, None, preflight)
            assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")
            for given in (None, token()):
                refused = send("GET", world.AUDIT, given, ORIGIN)
                assert refused.status in (401, 403)
                assert ("access-control-allow-origin" in refused.headers) == has_headers


# -- the door ----------------------------------------------------------------------------------------------------------


def test_every_handler_of_the_process_decides_by_one_door() -> None:
    with configured(world.settings()):
        first, handlers = door(), [WSGIHandler(), ASGIHandler()]
        assert door() is first
        send, send_async = client(), async_client()
        with override(first, public=[world.ME], rules=[], optional=[]):
            assert send("GET", "/maybe").status == send_async("GET", "/maybe").status == 401
        assert send("GET", "/maybe").status == send_async("GET", "/maybe").status == 200
        assert len(handlers) == 2
    with configured(world.settings()):
        assert door() is not first


def test_a_test_may_sign_in_without_a_token(sender: Callable[..., Client]) -> None:
    with configured(world.settings()):
        send = sender()
        with signed_in(door(), tenant="acme", subject="user_7", scopes=["read"]):
            assert send("GET", world.ME).members == {"tenant": "acme", "user": "user_7"}
            assert send("POST", world.EVENTS).documented() == lacking("write")
        assert send("GET", world.ME).status == 401


class Closing:
    def __init__(self) -> None:
        self.in_memory = True
        self.closed: list[str] = []

    def resolve(self, issuer: str) -> Tenant | None:
        return None

    def close(self) -> None:
        self.closed.append("closed")


def test_stores_are_closed_with_the_door_and_when_a_test_changes_the_settings() -> None:
    store = Closing()
    with configured(JWTSettings(store)):
        door().close()
        assert store.closed == ["closed"]
        asyncio.run(door().aclose())
        assert store.closed == ["closed"] * 2
        with configured(world.settings()):
            assert store.closed == ["closed"] * 3


def test_the_same_settings_are_not_checked_twice(sender: Callable[..., Client]) -> None:
    with (
        configured(world.settings(), MIDDLEWARE=[DOOR, DOOR]),
        pytest.raises(ConfigurationError, match="the middleware is there twice"),
    ):
        sender()("GET", world.ME, token())


@pytest.mark.parametrize("handler", [WSGIHandler, ASGIHandler])
def test_the_same_settings_are_not_checked_by_a_bare_door_outside_too(handler: Any) -> None:
    settings, request = world.settings(), bearing(token())
    kind, ask_door = (wsgi, ask_wsgi) if handler is WSGIHandler else (asgi, ask_asgi)
    with configured(settings):
        assert ask_door(request, kind.JWTMiddleware(handler(), world.settings())).status == 200
        assert ask_door(request, kind.JWTMiddleware(handler(), settings)).status == 500


# -- look-ups with Django's ORM ----------------------------------------------------------------------------------------


class ORMTenants:
    """Asks the database, as a resolver with models does."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.connections: list[Any] = []

    def resolve(self, issuer: str) -> Tenant | None:
        self._ask()
        return resolve(issuer)

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        self._ask()
        return False

    def _ask(self) -> None:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 1")
        self.threads.append(threading.get_ident())
        self.connections.append(connections["default"])


@pytest.mark.parametrize("middleware", [[DOOR], [DOOR, *own("SyncOnly")], [*own("SyncOnly"), DOOR]])
def test_a_look_up_with_the_orm_runs_in_the_thread_of_the_views_and_its_connection_is_closed_by_django(
    ask: Callable[[Request], Reply], middleware: list[str]
) -> None:
    store = ORMTenants()
    threads: list[int] = []

    def view(request: HttpRequest) -> HttpResponse:
        threads.append(threading.get_ident())
        return HttpResponse()

    with configured(JWTSettings(store, revocations=store), [path("v1/view", view)], MIDDLEWARE=middleware):
        assert ask(bearing(token(), "/v1/view")).status == 200
    assert store.threads == threads * 2
    assert [used.connection for used in store.connections] == [None, None]


async def resolve_async(issuer: str) -> Tenant | None:
    return resolve(issuer)


@pytest.mark.parametrize(
    "settings",
    [
        world.settings(),
        JWTSettings(Tenants()),
        JWTSettings(resolve_async),
        JWTSettings(CachedTenants(resolve)),
        JWTSettings("tenants.toml"),
    ],
)
def test_what_never_blocks_django_is_called_as_elsewhere(settings: JWTSettings) -> None:
    assert in_djangos_threads(settings) is settings


def test_a_store_in_djangos_threads_is_still_itself() -> None:
    store = Closing()
    store.in_memory = False
    adapted: Any = in_djangos_threads(JWTSettings(store)).tenants
    assert repr(adapted) == repr(store)
    adapted.close()
    assert store.closed == ["closed"]
    assert not hasattr(adapted, "check")
