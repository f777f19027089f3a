"""Flask: `protect(app, settings)` closes the app to everyone without a tenant's token.

    from jwt_middleware import JWTSettings
    from jwt_middleware.flask import current_identity, protect, requires

    app = Flask(__name__)
    protect(app, JWTSettings([acme], public=["/healthz"]))

    @app.post("/v1/events")
    @requires("write")
    def events():
        return {"tenant": current_identity.tenant_id, "user": current_identity.subject}

The token is checked before any code of the app runs. What the middleware answers passes through the app's
`after_request` functions (so that Flask-CORS can add its headers) and runs its teardown functions; status, body,
challenge and caching of the answer stay as documented. What a proxy says about the request has to be known before:
`app.wsgi_app = ProxyFix(app.wsgi_app)` goes *after* `protect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, NoReturn, cast

from flask import Flask, Response, abort, request
from werkzeug.datastructures import Headers
from werkzeug.local import LocalProxy

from jwt_middleware import wsgi
from jwt_middleware.admission import ADMISSION, Admission, admission_of, doubled
from jwt_middleware.errors import AuthenticationError, ConfigurationError, Problem
from jwt_middleware.frameworks import Arguments, Returned, checked_first, scope_names, wrong_app
from jwt_middleware.identity import Identity
from jwt_middleware.log import logger
from jwt_middleware.responses import Answer, refusal_answer
from jwt_middleware.settings import JWTSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["JWTMiddleware", "current_identity", "optional_identity", "protect", "requires"]

CONFIGURATION: Final = "JWT_MIDDLEWARE"
"""The key in `app.config` of the settings that `protect(app)` reads."""
EXTENSION: Final = "jwt_middleware"
"""The key in `app.extensions` of the list of `JWTMiddleware` around the app."""

_ADDED: Final = "jwt_middleware.flask.added_headers"
# What says how the body is to be read, shown or kept: an answer of ours has its own, or none.
_OURS: Final = frozenset(
    (
        *("cache-control", "content-encoding", "content-length", "content-range", "content-type", "etag"),
        *("last-modified", "location", "retry-after", "transfer-encoding", "www-authenticate"),
    )
)


def protect(app: Flask, settings: JWTSettings | None = None) -> None:
    """Let nobody in without a valid token, but where the settings open a path. Changes the app, returns nothing.

    Without settings, `app.config["JWT_MIDDLEWARE"]` has them: a mapping of the names in `JWTSettings`, in either
    case. Call it before the first request. `app.extensions["jwt_middleware"]` lists the doors, for `close()`.
    Raises ConfigurationError for what is no Flask app, and where the app is protected by these settings already.
    """
    if not isinstance(app, Flask):
        raise wrong_app(app, "flask.Flask")
    source = app.config.get(CONFIGURATION) if settings is None else settings
    doors: list[JWTMiddleware] = app.extensions.setdefault(EXTENSION, [])
    for door in doors:
        if door.source is source:
            raise doubled(door.gate.layer, door.gate.layer)
    door = JWTMiddleware(app, _from_configuration(source) if settings is None else settings, source)
    app.register_error_handler(AuthenticationError, _leave_refusal)
    app.process_response = _Pipeline(app)  # type: ignore[method-assign]
    app.wsgi_app = door  # type: ignore[method-assign]
    doors.append(door)


def requires(*scopes: str) -> Callable[[Callable[Arguments, Returned]], Callable[Arguments, Returned]]:
    """Demand an identity that has all these scopes: 403 without. Stands right above the view, below its route.

    For views and methods of a MethodView (or in its `decorators`), plain or `async`; `requires()` demands no scope.
    Raises ConfigurationError where a scope is not the name of one.
    """
    needed = scope_names(scopes)

    def decorate(view: Callable[Arguments, Returned]) -> Callable[Arguments, Returned]:
        return checked_first(view, lambda *args, **kwargs: _required(needed))

    return decorate


def optional_identity() -> Identity | None:
    """The identity of the current request, None for an anonymous one: for optional paths."""
    return admission_of(request.environ).identity


def _required(scopes: Iterable[str] = ()) -> Identity:
    try:
        return admission_of(request.environ).require(scopes)
    except AuthenticationError as refusal:
        _leave_app(refusal)


def _leave_app(refusal: AuthenticationError) -> NoReturn:
    """Leave the view. Flask hands a response that is raised to no error handler, and nobody reports it as a crash."""
    abort(Response(status=refusal.status))


current_identity: Identity = cast("Identity", LocalProxy(_required))
"""The identity of the current request, as Flask's `request` is the request.

On an optional path, using it refuses an anonymous request with 401: ask `optional_identity()` where both are served.
On a public path, where tokens are not looked at, using it raises RuntimeError.
"""


class JWTMiddleware(wsgi.JWTMiddleware):
    """The WSGI door around one Flask app, whose answers pass through that app's response pipeline."""

    def __init__(self, app: Flask, settings: JWTSettings, source: object) -> None:
        super().__init__(app.wsgi_app, settings)
        self.source: Final = source
        """What `protect` was given: settings, or the mapping in the app's configuration."""
        self._flask = app

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse, answer: Answer) -> Iterable[bytes]:
        """Send an answer of our own, with the headers that the app adds to it."""
        added = environ.pop(_ADDED, None)
        if added is None:
            added = self._headers_added_to(answer, environ)
        return super().answer(environ, start_response, answer._replace(headers=(*answer.headers, *added)))

    def _headers_added_to(self, answer: Answer, environ: WSGIEnvironment) -> tuple[tuple[str, str], ...]:
        """What the app adds where none of its views was called."""
        try:
            with self._flask.request_context(environ):
                response = _passed_through(self._flask, self._flask.process_response, answer)
                response.close()
                return _added_headers(response, answer)
        except Exception:
            logger.exception("a refused request could not pass through the app; it was answered without")
            return ()


class _Pipeline:
    """Flask's `process_response`: a view's refusal passes instead of whatever the framework made of it.

    The door sends it. Asked once more about the same request, the app's functions are not called again.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._process = app.process_response

    def __call__(self, response: Response) -> Response:
        admission = request.environ.get(ADMISSION)
        if not isinstance(admission, Admission) or admission.refusal is None:
            return self._process(response)
        answer = refusal_answer(admission.refusal, admission.gate.settings)
        if _ADDED in request.environ:
            return _as_response(self._app, answer)
        passed = _passed_through(self._app, self._process, answer)
        passed.call_on_close(response.close)
        request.environ[_ADDED] = _added_headers(passed, answer)
        return passed


def _passed_through(app: Flask, process: Callable[[Response], Response], answer: Answer) -> Response:
    """The answer after the app's functions have seen it. When one fails, with what those before it have added."""
    response = _as_response(app, answer)
    try:
        return process(response)
    except Exception:
        logger.exception("an after_request function failed; the request was answered without it")
        return response


def _as_response(app: Flask, answer: Answer) -> Response:
    response = app.response_class(answer.body, status=answer.status)
    response.headers = Headers(answer.headers)
    return response


def _added_headers(response: Response, answer: Answer) -> tuple[tuple[str, str], ...]:
    ours = _OURS.union(name for name, _ in answer.headers)
    return tuple((name, value) for name, value in response.headers if name.lower() not in ours)


def _leave_refusal(refusal: AuthenticationError) -> Response:
    """The error handler: a refusal that a view raised by itself is answered as one by `requires`."""
    admission_of(request.environ).refusal = refusal
    return Response(status=refusal.status)


def _from_configuration(value: object) -> JWTSettings:
    if isinstance(value, Mapping):
        return JWTSettings.from_mapping(value)
    what = "missing" if value is None else f"{type(value).__name__} instead of a mapping"
    fix = 'set it to {"tenants": "tenants.toml"}, or call protect(app, JWTSettings(...))'
    raise ConfigurationError([Problem(f'app.config["{CONFIGURATION}"]', what, fix)], "this app cannot be protected")
