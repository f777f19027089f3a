"""The ASGI door (ASGI 3): reads the field, drives the checks, injects the identity or answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

from jwt_middleware import websocket
from jwt_middleware.admission import ADMISSION, IDENTITY, Admission, Gate, allows, doubled
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.identity import Identity, current_identity
from jwt_middleware.log import report_late_refusal
from jwt_middleware.responses import Answer
from jwt_middleware.settings import JWTSettings

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_SECURE: Final = ("https", "wss")


class JWTMiddleware:
    """Wraps any ASGI app: `app = JWTMiddleware(app, settings)`.

    A request that may pass arrives with `scope["jwt_middleware.identity"]` (None for anonymous ones), `scope["user"]`
    and `scope["auth"]` as in Starlette, all in a copy of the scope; any other gets the documented answer, and the app
    is not called. Lifespan passes through; when it shuts down, the stores are closed.
    """

    def __init__(self, app: ASGIApp, settings: JWTSettings) -> None:
        self.app = app
        self.gate = Gate(settings, f"{type(self).__module__}.{type(self).__qualname__}")
        if isinstance(app, JWTMiddleware) and app.gate.settings is settings:
            raise doubled(self.gate.layer, app.gate.layer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._serve_http(scope, receive, send)
        elif kind == "websocket":
            await self._serve_websocket(scope, receive, send)
        elif kind == "lifespan":
            await self.app(scope, receive, self._closing(send))
        else:
            raise ValueError(f"{kind!r} is no scope type that could be protected: http, websocket and lifespan are")

    # A WSGI server passes two arguments, and Python itself refuses that call. Servers and frameworks ask whether this
    # is a coroutine function, so it has to be one; its name is what can tell the reader of the TypeError what to do.
    __call__.__qualname__ = (
        "JWTMiddleware.__call__ of the ASGI door (for WSGI: from jwt_middleware.wsgi import JWTMiddleware)"
    )

    async def aclose(self) -> None:
        """End whatever the stores keep running. Called by itself where the server runs lifespan."""
        await self.gate.authenticator.aclose()

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.gate.check_single(scope.get(ADMISSION))
        admission = self.gate.begin(scope["method"], path_of(scope), _is_preflight(scope))
        answer = allows(admission) or await self._admit(admission, scope, field(scope, b"authorization"))
        if answer is not None:
            await send_answer(answer, scope["method"], send)
        else:
            await self._pass(admission, _HTTPResponse(self.gate, admission, send), scope, receive)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.gate.check_single(scope.get(ADMISSION))
        admission = self.gate.begin_socket(path_of(scope))
        response = websocket.SocketResponse(self.gate, admission, scope, send)
        try:
            credentials = websocket.credentials(scope, field(scope, b"authorization"), self.gate.settings)
        except AuthenticationError as refusal:
            answer: Answer | None = self.gate.refused(admission, refusal)
        else:
            answer = await self._admit(admission, scope, credentials)
        if answer is not None:
            await receive()
            await response.refuse(answer)
        else:
            await self._pass(admission, response, websocket.without_token(scope, self.gate.settings), receive)

    async def _admit(self, admission: Admission, scope: Scope, credentials: str) -> Answer | None:
        gate = self.gate
        try:
            token = gate.token(admission, credentials, scope.get("scheme") in _SECURE)
            gate.admit(admission, None if token is None else await gate.authenticator.authenticate_async(token))
            if admission.is_verification:
                return gate.verification(admission, scope.get("query_string", b"").decode("latin-1"))
        except AuthenticationError as refusal:
            return gate.refused(admission, refusal)
        return None

    async def _pass(
        self,
        admission: Admission,
        response: _HTTPResponse | websocket.SocketResponse,
        scope: Scope,
        receive: Receive,
    ) -> None:
        previous = current_identity.get()
        current_identity.set(admission.identity)
        try:
            await self.app(_with_identity(scope, admission), receive, response.send)
        except Exception:
            if not response.is_replaceable():
                raise
        finally:
            current_identity.set(previous)
        if response.is_replaceable():
            await response.replace()

    def _closing(self, send: Send) -> Send:
        async def closing_send(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await self.aclose()
            await send(message)

        return closing_send


class User:
    """What Starlette's `request.user` promises: `is_authenticated`, `display_name` and `identity` (= principal)."""

    __slots__ = ("_identity",)

    def __init__(self, identity: Identity | None) -> None:
        self._identity = identity

    @property
    def is_authenticated(self) -> bool:
        """Whether a token was verified."""
        return self._identity is not None

    @property
    def display_name(self) -> str:
        """The subject, "" for anonymous requests."""
        return "" if self._identity is None else self._identity.subject

    @property
    def identity(self) -> str:
        """The principal, "" for anonymous requests."""
        return "" if self._identity is None else self._identity.principal


class Credentials:
    """What Starlette's `request.auth` promises: `scopes`, with "authenticated" where a token was verified."""

    __slots__ = ("_identity",)

    def __init__(self, identity: Identity | None) -> None:
        self._identity = identity

    @property
    def scopes(self) -> list[str]:
        """The granted scopes, sorted, after "authenticated"; empty for anonymous requests."""
        return [] if self._identity is None else ["authenticated", *sorted(self._identity.scopes)]


class _HTTPResponse:
    """Holds back what a framework made of a refusal, as long as no response has started."""

    __slots__ = ("_admission", "_gate", "_has_started", "_is_replaced", "_send")

    def __init__(self, gate: Gate, admission: Admission, send: Send) -> None:
        self._gate = gate
        self._admission = admission
        self._send = send
        self._has_started = False
        self._is_replaced = False

    async def send(self, message: Message) -> None:
        """The `send` that the app gets."""
        if self._admission.refusal is not None and not self._has_started:
            await self.replace()
        elif not self._is_replaced:
            self._has_started = True
            await self._send(message)

    def is_replaceable(self) -> bool:
        """Whether a view refused, and neither the app's response nor our answer has been sent."""
        if self._admission.refusal is None or self._is_replaced:
            return False
        if self._has_started:
            report_late_refusal(self._admission.refusal, self._admission.path)
        return not self._has_started

    async def replace(self) -> None:
        """Send the documented answer to the view's refusal, once."""
        if not self._is_replaced and self._admission.refusal is not None:
            self._is_replaced = True
            answer = self._gate.refused(self._admission, self._admission.refusal)
            await send_answer(answer, self._admission.method, self._send)


async def send_answer(answer: Answer, method: str, send: Send) -> None:
    """Send an answer of our own."""
    headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


def path_of(scope: Scope) -> str:
    """The path as the app's router sees it: `path` less `root_path`, by Starlette's rule."""
    path: str = scope["path"]
    root_path: str = scope.get("root_path", "")
    if not root_path or not path.startswith(root_path):
        return path
    below = path[len(root_path) :]
    return below if below[:1] in ("", "/") else path


def field(scope: Scope, name: bytes) -> str:
    """The value of a header field, "" where absent; several of the name joined with a comma, as WSGI servers do."""
    return b",".join(_values(scope["headers"], name)).decode("latin-1")


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    length = len(name)
    return [value for key, value in headers if len(key) == length and key.lower() == name]


def _is_preflight(scope: Scope) -> bool:
    if scope["method"] != "OPTIONS":
        return False
    headers = scope["headers"]
    return bool(_values(headers, b"origin") and _values(headers, b"access-control-request-method"))


def _with_identity(scope: Scope, admission: Admission) -> Scope:
    """A copy of the scope with the identity in it, instead of whatever stood there."""
    identity = admission.identity
    return {
        **scope,
        ADMISSION: admission,
        IDENTITY: identity,
        "user": User(identity),
        "auth": Credentials(identity),
    }
