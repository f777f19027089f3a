"""What views ask: the identity of their request, and scopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from jwt_middleware.admission import ADMISSION, Admission
from jwt_middleware.frameworks import Arguments, Returned, checked_first, scope_names
from jwt_middleware.identity import Identity


class IdentifiedRequest(HttpRequest):
    """For annotations: a request that passed the middleware. `def events(request: IdentifiedRequest)`."""

    identity: Identity
    """The identity. An anonymous request is refused with 401 when this is used, and RuntimeError is raised where the
    path is public: `optional_identity(request)` does neither."""


def requires(*scopes: str) -> Callable[[Callable[Arguments, Returned]], Callable[Arguments, Returned]]:
    """Demand an identity that has all these scopes: 403 without.

    For views that are functions, plain or `async`, and for methods of class-based views, as it is or with
    `@method_decorator(requires("write"), name="dispatch")`. `requires()` demands no scope. Raises ConfigurationError
    where a scope is not the name of one.
    """
    needed = scope_names(scopes)

    def check(*args: object, **kwargs: object) -> None:
        admission_in(_meta(*args, *kwargs.values())).require(needed)

    def decorate(view: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
        return checked_first(view, check)

    return decorate


def optional_identity(request: Any) -> Identity | None:
    """The identity of this request (Django's or Django REST framework's), None for an anonymous one."""
    return admission_in(request.META).identity


def admission_in(meta: dict[str, Any]) -> Admission:
    """The admission in a request's META. Raises RuntimeError where no middleware has put one."""
    admission = meta.get(ADMISSION)
    if isinstance(admission, Admission):
        return admission
    raise RuntimeError(
        "this app is not protected, or not yet where this is asked: "
        'put "jwt_middleware.django.JWTMiddleware" first into MIDDLEWARE'
    )


def _meta(*arguments: object) -> dict[str, Any]:
    for argument in arguments:
        meta = getattr(argument, "META", None)
        if isinstance(meta, dict):
            return meta
    raise TypeError("requires() is for views: none of the arguments is a request")
