"""The ASGI door (ASGI 3): reads the field, drives the checks, injects the identity or answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import msgspec

from jwt_middleware.admission import ADMISSION, IDENTITY, Admission, Gate, admission_of, doubled
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.exchange import Exchange, Message, ObservedExchange, Receive, Scope, Send, field_values
from jwt_middleware.identity import Identity, current_identity
from jwt_middleware.settings import JWTSettings
from jwt_middleware.websocket import ObservedSocketExchange, SocketExchange

__all__ = ["ASGIApp", "Credentials", "JWTMiddleware", "User", "admission_of", "path_of"]

ASGIApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""What takes scope, receive and send, however its framework spells their types."""

_SECURE: Final = ("https", "wss")


class JWTMiddleware:
    """Wraps any ASGI app: `app = JWTMiddleware(app, settings)`.

    A request that may pass arrives with `scope["jwt_middleware.identity"]` (None for anonymous ones), `scope["user"]`
    and `scope["auth"]` as in Starlette, all in a copy of the scope; any other gets the documented answer, and the app
    is not called. Lifespan passes through; when it shuts down, the stores are closed.
    """

    def __init__(self, app: ASGIApp, settings: JWTSettings) -> None:
        self.app = app
        self.use(Gate(settings, f"{type(self).__module__}.{type(self).__qualname__}"))
        if isinstance(app, JWTMiddleware) and app.gate.settings is settings:
            raise doubled(self.gate.layer, app.gate.layer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, self._closing(send))
            return
        gate, exchange = self.gate, self._begin(scope, receive, send)
        admission = exchange.admission
        answer = gate.allows(admission) if admission.is_verification else None
        if answer is None:
            try:
                token = gate.token(admission, exchange.credentials(), scope.get("scheme") in _SECURE)
                identity = None if token is None else await gate.authenticator.authenticate_async(token)
                gate.admit(admission, identity)
                if admission.is_verification:
                    answer = gate.verification(admission, scope.get("query_string", b"").decode("latin-1"))
            except AuthenticationError as refusal:
                answer = gate.refused(admission, refusal)
        if answer is not None:
            await exchange.answer(answer)
        else:
            await self._pass(exchange)

    # A WSGI server passes two arguments, and Python itself refuses that call. Servers and frameworks ask whether this
    # is a coroutine function, so it has to be one; its name is what tells the reader of the TypeError what to do.
    __call__.__qualname__ = (
        "JWTMiddleware.__call__ of the ASGI door (for WSGI: from jwt_middleware.wsgi import JWTMiddleware)"
    )

    def use(self, gate: Gate) -> None:
        """Decide by this gate from now on: for `jwt_middleware.testing`, while a test lasts."""
        self.gate = gate
        is_observed = bool(gate.settings.observers)
        self._exchange = ObservedExchange if is_observed else Exchange
        self._socket_exchange = ObservedSocketExchange if is_observed else SocketExchange

    async def aclose(self) -> None:
        """End whatever the stores keep running. Called by itself where the server runs lifespan."""
        await self.gate.authenticator.aclose()

    def _begin(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        """Step 0, for the two kinds of connection that carry requests."""
        gate, kind = self.gate, scope["type"]
        if ADMISSION in scope:
            gate.check_single(scope[ADMISSION])
        if kind == "http":
            method = scope["method"]
            admission = gate.begin(method, path_of(scope), method == "OPTIONS" and _is_preflight(scope))
            exchange = self._exchange(gate, admission, scope, receive, send)
        elif kind == "websocket":
            exchange = self._socket_exchange(gate, gate.begin_socket(path_of(scope)), scope, receive, send)
        else:
            raise ValueError(f"{kind!r} is no scope type that could be protected: http, websocket and lifespan are")
        if other := _other_reading(scope):
            gate.consider(exchange.admission, other)
        return exchange

    async def _pass(self, exchange: Exchange) -> None:
        previous = current_identity.get()
        current_identity.set(exchange.admission.identity)
        try:
            await self.app(_with_identity(exchange.scope, exchange.admission), exchange.receive, exchange.send)
        except Exception:
            # Starlette goes on to raise after it has sent its own response, in place of which ours was sent.
            if not (exchange.is_replaced or exchange.is_replaceable()):
                raise
        finally:
            current_identity.set(previous)
            exchange.finish()
        if exchange.is_replaceable():
            await exchange.replace()

    def _closing(self, send: Send) -> Send:
        async def closing_send(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await self.aclose()
            await send(message)

        return closing_send


class User(msgspec.Struct, frozen=True, eq=False):
    """What Starlette's `request.user` promises: `is_authenticated`, `display_name` and `identity` (= principal)."""

    _identity: Identity | None

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


class Credentials(msgspec.Struct, frozen=True, eq=False):
    """What Starlette's `request.auth` promises: `scopes`, with "authenticated" where a token was verified."""

    _identity: Identity | None

    @property
    def scopes(self) -> list[str]:
        """The granted scopes, sorted, after "authenticated"; empty for anonymous requests."""
        return [] if self._identity is None else ["authenticated", *sorted(self._identity.scopes)]


def path_of(scope: Scope) -> str:
    """The path as the app's router sees it: `path` less `root_path`, by Starlette's rule."""
    path: str = scope["path"]
    root_path: str = scope.get("root_path", "")
    if not root_path or not path.startswith(root_path):
        return path
    below = path[len(root_path) :]
    return below if below[:1] in ("", "/") else path


def _other_reading(scope: Scope) -> str | None:
    """The path as Litestar's router reads it where `root_path` does not stand in front: what follows it, anywhere."""
    root_path: str = scope.get("root_path", "")
    if not root_path or path_of(scope) != scope["path"]:
        return None
    _, is_inside, behind = scope["path"].partition(root_path)
    return f"/{behind.lstrip('/')}" if is_inside else None


def _is_preflight(scope: Scope) -> bool:
    headers = scope["headers"]
    return bool(field_values(headers, b"origin") and field_values(headers, b"access-control-request-method"))


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
