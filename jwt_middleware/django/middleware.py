"""The door in Django's MIDDLEWARE: reads the request, drives the checks, injects the identity or answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from jwt_middleware.admission import ADMISSION, IDENTITY, Admission, Gate
from jwt_middleware.bearer import BearerToken
from jwt_middleware.django.configuration import door
from jwt_middleware.django.responses import in_place_of, response_to, watched
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.identity import Identity, current_identity
from jwt_middleware.responses import Answer

_REMOTE_USER: Final = ("REMOTE_USER",)
_REMOTE_USER_UNDER_ASGI: Final = ("REMOTE_USER", "HTTP_REMOTE_USER")
"""There, Django's RemoteUserMiddleware believes the field Remote-User, which any client can send."""


class JWTMiddleware:
    """Let nobody in without a valid token, but where `settings.JWT_MIDDLEWARE` opens a path. Sync and async.

    In MIDDLEWARE it stands first, after CORS and SecurityMiddleware at most. A request that may pass arrives with
    `request.identity`, REMOTE_USER (= principal) and AUTH_TYPE in META; any other gets the documented answer, and
    nothing further in is called. Raises ConfigurationError where the settings cannot be used.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self.get_response: Final[Callable[[HttpRequest], Any]] = get_response
        self.door: Final = door()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._serve_async(request)
        admission = self._begin(request)
        gate = admission.gate
        answer = gate.allows(admission) if admission.is_verification else None
        if answer is None:
            try:
                token = _token(admission, request)
                gate.admit(admission, None if token is None else gate.authenticator.authenticate(token))
                answer = _verification(admission, request) if admission.is_verification else None
            except AuthenticationError as refusal:
                answer = gate.refused(admission, refusal)
        return self._pass(request, admission) if answer is None else response_to(admission.method, answer)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A refusal that a view raised is no crash: it is left in the cell, and answered further out."""
        admission = request.META.get(ADMISSION)
        if not isinstance(exception, AuthenticationError) or not isinstance(admission, Admission):
            return None
        admission.refusal = exception
        return HttpResponse(status=exception.status)

    async def _serve_async(self, request: HttpRequest) -> HttpResponseBase:
        admission = self._begin(request)
        gate = admission.gate
        answer = gate.allows(admission) if admission.is_verification else None
        if answer is None:
            try:
                token = _token(admission, request)
                identity = None if token is None else await gate.authenticator.authenticate_async(token)
                gate.admit(admission, identity)
                answer = _verification(admission, request) if admission.is_verification else None
            except AuthenticationError as refusal:
                answer = gate.refused(admission, refusal)
        return await self._pass_async(request, admission) if answer is None else response_to(admission.method, answer)

    def _begin(self, request: HttpRequest) -> Admission:
        gate: Gate = self.door.gate
        meta, scope = request.META, getattr(request, "scope", {})
        if ADMISSION in meta or ADMISSION in scope:
            gate.check_single(meta.get(ADMISSION) or scope[ADMISSION])
        # Django writes the method in capitals; what opens a path is exact.
        method: str = scope["method"] if scope else meta["REQUEST_METHOD"]
        return gate.begin(method, request.path_info, method == "OPTIONS" and _is_preflight(meta))

    def _pass(self, request: HttpRequest, admission: Admission) -> HttpResponseBase:
        previous, response = _enter(request, admission), None
        try:
            response = self.get_response(request)
        except Exception:
            if admission.refusal is None:
                raise
        finally:
            _leave(admission, previous)
        return _answered(response, admission)

    async def _pass_async(self, request: HttpRequest, admission: Admission) -> HttpResponseBase:
        previous, response = _enter(request, admission), None
        try:
            response = await self.get_response(request)
        except Exception:
            if admission.refusal is None:
                raise
        finally:
            _leave(admission, previous)
        return _answered(response, admission)


def _token(admission: Admission, request: HttpRequest) -> BearerToken | None:
    """Step 1. Django knows by SECURE_PROXY_SSL_HEADER whether https reached the proxy in front."""
    gate = admission.gate
    is_secure = not gate.settings.require_https or request.is_secure()
    return gate.token(admission, request.META.get("HTTP_AUTHORIZATION", ""), is_secure)


def _verification(admission: Admission, request: HttpRequest) -> Answer:
    query: str = request.META.get("QUERY_STRING", "")
    if hasattr(request, "scope"):
        # As text, bytes stand for themselves under WSGI; Django has read them as UTF-8 here.
        query = query.encode().decode("latin-1")
    return admission.gate.verification(admission, query)


def _is_preflight(meta: dict[str, Any]) -> bool:
    return "HTTP_ORIGIN" in meta and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in meta


def _enter(request: HttpRequest, admission: Admission) -> Identity | None:
    """Inject the identity; returns the one that this context had before."""
    _inject(request, admission)
    previous = current_identity.get()
    current_identity.set(admission.identity)
    return previous


def _leave(admission: Admission, previous: Identity | None) -> None:
    current_identity.set(previous)
    admission.gate.passed(admission)


def _inject(request: HttpRequest, admission: Admission) -> None:
    """Put the identity there, in place of whatever claimed to be one."""
    identity, meta, injected = admission.identity, request.META, cast("Any", request)
    meta[ADMISSION] = admission
    meta[IDENTITY] = identity
    names = _REMOTE_USER_UNDER_ASGI if hasattr(request, "scope") else _REMOTE_USER
    if identity is None:
        for name in (*names, "AUTH_TYPE"):
            meta.pop(name, None)
        injected.identity = SimpleLazyObject(admission.require)
    else:
        principal = identity.principal
        for name in names:
            meta[name] = principal
        meta["AUTH_TYPE"] = "Bearer"
        injected.identity = identity
        # Browsers send a cookie by themselves, but no token: nobody can forge such a request across sites.
        injected._dont_enforce_csrf_checks = True


def _answered(response: HttpResponseBase | None, admission: Admission) -> HttpResponseBase:
    """The app's response, or the documented answer where a view refused, whatever the app made of that."""
    refusal = admission.refusal
    if refusal is not None:
        answer = admission.gate.refused(admission, refusal)
        return in_place_of(response, response_to(admission.method, answer))
    assert response is not None  # noqa: S101 (without a refusal, what was raised went on)
    return watched(response, admission) if response.streaming else response
