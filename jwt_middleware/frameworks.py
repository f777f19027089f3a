"""What the framework adapters share: mistakes that show at start-up, and views that demand scopes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, ParamSpec, TypeVar, cast

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.grammar import is_scope_token
from jwt_middleware.plugins import is_async

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")

_ADAPTERS: Final = {
    "fastapi.applications.FastAPI": "jwt_middleware.fastapi",
    "flask.app.Flask": "jwt_middleware.flask",
    "starlette.applications.Starlette": "jwt_middleware.starlette",
}
_DOORS: Final = (
    "for an app of another framework: app = JWTMiddleware(app, settings), "
    "with JWTMiddleware from jwt_middleware.wsgi or jwt_middleware.asgi"
)


def wrong_app(app: object, wanted: str) -> ConfigurationError:
    """`protect` got something that is no app of its framework. The fix names the right import."""
    names = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(app).__mro__]
    adapters = [_ADAPTERS[name] for name in names if name in _ADAPTERS]
    fix = f"from {adapters[0]} import protect" if adapters else _DOORS
    return ConfigurationError([Problem("app", f"{names[0]} instead of {wanted}", fix)], "this app cannot be protected")


def scope_names(scopes: Sequence[object]) -> tuple[str, ...]:
    """The scopes that a view demands. Raises ConfigurationError where one is no scope name."""
    named = tuple(scope for scope in scopes if is_scope_token(scope))
    wrong = [scope for scope in scopes if not is_scope_token(scope)]
    if wrong:
        fix = 'write requires("read", "write"): one name each, no blanks; and requires() where any identity will do'
        raise ConfigurationError([Problem("requires", f"{scope!r} is not a scope name", fix) for scope in wrong])
    return named


def checked_first(view: Callable[Arguments, Returned], check: Callable[..., object]) -> Callable[Arguments, Returned]:
    """The view, plain or `async`, which runs after `check` was called with the same arguments and did not raise.

    Raises ConfigurationError for a class: its methods are what can be decorated.
    """
    if inspect.isclass(view):
        problem = Problem("requires", f"{view.__qualname__} is a class", "decorate its methods")
        raise ConfigurationError([problem])
    return _checked_async(view, check) if is_async(view) else _checked(view, check)


def _checked(view: Callable[Arguments, Returned], check: Callable[..., object]) -> Callable[Arguments, Returned]:
    @functools.wraps(view)
    def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Returned:
        check(*args, **kwargs)
        return view(*args, **kwargs)

    return checked


def _checked_async(view: Callable[Arguments, Returned], check: Callable[..., object]) -> Callable[Arguments, Returned]:
    @functools.wraps(view)
    async def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
        check(*args, **kwargs)
        return await cast("Awaitable[Any]", view(*args, **kwargs))

    return cast("Callable[Arguments, Returned]", checked)
