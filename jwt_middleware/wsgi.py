"""The WSGI door (PEP 3333): reads the field, drives the checks, injects the identity or answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from jwt_middleware.admission import ADMISSION, IDENTITY, Admission, Gate, admission_of, doubled
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.identity import Identity, current_identity
from jwt_middleware.log import report_late_refusal
from jwt_middleware.responses import Answer
from jwt_middleware.settings import JWTSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["JWTMiddleware", "admission_of", "path_of"]

_ExcInfo: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None"
_COMPLETE: Final = (list, tuple)
"""Bodies whose app has nothing left to do when it returns them."""
_MISUSE: Final = (
    "this is the WSGI door and was called as an ASGI app: "
    "use `from jwt_middleware.asgi import JWTMiddleware` for ASGI servers and apps"
)


class JWTMiddleware:
    """Wraps any WSGI app: `app = JWTMiddleware(app, settings)`.

    A request that may pass arrives with `environ["jwt_middleware.identity"]` (None for anonymous ones), REMOTE_USER
    (= principal) and AUTH_TYPE; any other gets the documented answer, and the app is not called.
    """

    def __init__(self, app: WSGIApplication, settings: JWTSettings) -> None:
        self.app = app
        self.use(Gate(settings, f"{type(self).__module__}.{type(self).__qualname__}"))
        if isinstance(app, JWTMiddleware) and app.gate.settings is settings:
            raise doubled(self.gate.layer, app.gate.layer)

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse | None = None, *more: object
    ) -> Iterable[bytes]:
        if start_response is None or more:
            raise TypeError(_MISUSE)
        if ADMISSION in environ:
            self.gate.check_single(environ[ADMISSION])
        method = environ["REQUEST_METHOD"]
        admission = self.gate.begin(method, path_of(environ), method == "OPTIONS" and _is_preflight(environ))
        answer = (admission.is_verification and self.gate.allows(admission)) or self._admit(admission, environ)
        if answer is not None:
            return self.answer(environ, start_response, answer)
        return self._pass(admission, environ, start_response)

    def use(self, gate: Gate) -> None:
        """Decide by this gate from now on: for `jwt_middleware.testing`, while a test lasts."""
        self.gate = gate
        self._response = _ObservedResponse if gate.settings.observers else _Response

    def close(self) -> None:
        """End whatever the stores keep running."""
        self.gate.authenticator.close()

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse, answer: Answer) -> Iterable[bytes]:
        """Send an answer of our own. An adapter may let it pass through its framework first."""
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", _title_case(answer.headers))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _admit(self, admission: Admission, environ: WSGIEnvironment) -> Answer | None:
        gate = self.gate
        try:
            is_secure = environ.get("wsgi.url_scheme") == "https"
            token = gate.token(admission, environ.get("HTTP_AUTHORIZATION", ""), is_secure)
            gate.admit(admission, None if token is None else gate.authenticator.authenticate(token))
            if admission.is_verification:
                return gate.verification(admission, environ.get("QUERY_STRING", ""))
        except AuthenticationError as refusal:
            return gate.refused(admission, refusal)
        return None

    def _pass(self, admission: Admission, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        _inject(environ, admission)
        response = self._response(self, admission, environ, start_response)
        previous = current_identity.get()
        current_identity.set(admission.identity)
        try:
            body = self.app(environ, response.start)
        except Exception:
            current_identity.set(previous)
            if response.is_replaceable():
                return response.replace()
            response.finish()
            raise
        except BaseException:
            current_identity.set(previous)
            response.finish()
            raise
        if isinstance(body, _COMPLETE) or _is_file(body, environ):
            current_identity.set(previous)
            return response.replace() if response.is_replaceable() else body
        return _Body(body, response, previous)


class _Response(msgspec.Struct, eq=False):
    """Holds back what a framework made of a refusal, as long as nothing was sent."""

    _door: JWTMiddleware
    _admission: Admission
    _environ: WSGIEnvironment
    _start: StartResponse
    has_started: bool = False

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo = None, /
    ) -> Callable[[bytes], Any]:
        """The `start_response` that the app gets."""
        if self._admission.refusal is not None and not self.has_started:
            return _discard
        self.has_started = True
        return self._start(status, headers) if exc_info is None else self._start(status, headers, exc_info)

    def is_replaceable(self) -> bool:
        """Whether a view refused and nothing has been sent."""
        if self._admission.refusal is None:
            return False
        if self.has_started:
            report_late_refusal(self._admission.refusal, self._admission.path)
            self._admission.refusal = None
        return not self.has_started

    def replace(self) -> Iterable[bytes]:
        """Send the documented answer to the view's refusal instead."""
        assert self._admission.refusal is not None  # noqa: S101 (is_replaceable was asked)
        answer = self._door.gate.refused(self._admission, self._admission.refusal)
        return self._door.answer(self._environ, self._start, answer)

    def finish(self) -> None:
        """The app is done. Not said of one that returned a complete body, for which it has to have begun."""


class _ObservedResponse(_Response):
    """Tells the gate when the app begins to answer, or has gone without an answer."""

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo = None, /
    ) -> Callable[[bytes], Any]:
        """The `start_response` that the app gets."""
        if not self.has_started:
            if self._admission.refusal is not None:
                return _discard
            self.has_started = True
            self._door.gate.passed(self._admission)
        return self._start(status, headers) if exc_info is None else self._start(status, headers, exc_info)

    def finish(self) -> None:
        """The app is done."""
        self._door.gate.passed(self._admission)


class _Body:
    """The body of an app that sends as it goes: the context variable holds until it is closed."""

    def __init__(self, body: Iterable[bytes], response: _Response, previous: Identity | None) -> None:
        self._body = body
        self._response = response
        self._previous = previous

    def __iter__(self) -> Iterator[bytes]:
        """The chunks; a refusal raised before the first one is answered as documented."""
        response = self._response
        try:
            for chunk in self._body:
                if response.is_replaceable():
                    break
                yield chunk
        except Exception:
            if not response.is_replaceable():
                raise
        if response.is_replaceable():
            yield from response.replace()

    def close(self) -> None:
        """Close the app's body, as PEP 3333 asks of a server, and forget the identity."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            current_identity.set(self._previous)
            self._response.finish()


def path_of(environ: WSGIEnvironment) -> str:
    """PATH_INFO as the text that ASGI servers pass: its bytes decoded as UTF-8."""
    path: str = environ.get("PATH_INFO", "")
    return path if path.isascii() else path.encode("latin-1").decode("utf-8", "replace")


def _is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether the server wants to send this file by itself, which a body of our own would prevent."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def _is_preflight(environ: WSGIEnvironment) -> bool:
    return "HTTP_ORIGIN" in environ and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _inject(environ: WSGIEnvironment, admission: Admission) -> None:
    """Put the identity there, in place of whatever claimed to be one."""
    identity = admission.identity
    environ[ADMISSION] = admission
    environ[IDENTITY] = identity
    if identity is None:
        environ.pop("REMOTE_USER", None)
        environ.pop("AUTH_TYPE", None)
    else:
        environ["REMOTE_USER"] = identity.principal
        environ["AUTH_TYPE"] = "Bearer"


def _title_case(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("WWW-Authenticate" if name == "www-authenticate" else name.title(), value) for name, value in headers]


def _discard(chunk: bytes) -> object:
    """The `write` of a response that is not sent."""
    return None
