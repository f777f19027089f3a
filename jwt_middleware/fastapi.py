"""FastAPI: `protect(app, settings)` closes the app to everyone without a tenant's token, and documents it.

    from jwt_middleware import JWTSettings
    from jwt_middleware.fastapi import CurrentIdentity, Requires, protect

    app = FastAPI()
    protect(app, JWTSettings([acme], public=["/docs", "/openapi.json"]))
    app.add_middleware(CORSMiddleware, allow_origins=["https://example.com"])  # after protect, so that it is outside

    @app.post("/v1/events", dependencies=[Requires("write")])
    def events(me: CurrentIdentity):
        return {"tenant": me.tenant_id, "user": me.subject}

What needs a token has a padlock in the documentation, and shows the scopes and the errors that a client can meet.
"""

# No `from __future__ import annotations` here: FastAPI reads the annotations of a callable object when the program
# runs, and cannot find the names that text in them stands for.

from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.requests import HTTPConnection
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.routing import Mount

from jwt_middleware import asgi, openapi, starlette
from jwt_middleware.admission import admission_of
from jwt_middleware.frameworks import scope_names, wrong_app
from jwt_middleware.identity import Identity
from jwt_middleware.settings import JWTSettings

__all__ = ["CurrentIdentity", "JWTMiddleware", "OptionalIdentity", "Requires", "protect"]


def protect(app: FastAPI, settings: JWTSettings) -> None:
    """Let nobody in without a valid token, but where the settings open a path. Changes the app, returns nothing.

    Call it before the app starts; middleware added later is further out. The OpenAPI documents of the app and of
    FastAPI apps mounted in it are completed, whichever function makes them, with routes that are added later too.
    Raises ConfigurationError for what is no FastAPI app, and where these settings protect it already.
    """
    if not isinstance(app, FastAPI):
        raise wrong_app(app, "fastapi.FastAPI")
    starlette.add_door(app, settings, JWTMiddleware, api=app)
    _complete(app, settings)


class _RequiredIdentity(SecurityBase):
    """The dependency behind `Requires` and `CurrentIdentity`, which FastAPI knows as a security scheme."""

    def __init__(self) -> None:
        self.scheme_name = openapi.SCHEME
        self.model = HTTPBearer.model_validate(openapi.SCHEME_OBJECT)

    async def __call__(self, connection: HTTPConnection, demanded: SecurityScopes) -> Identity:
        return admission_of(connection.scope).require(demanded.scopes)


_required_identity = _RequiredIdentity()


async def _optional_identity(connection: HTTPConnection) -> Identity | None:
    return admission_of(connection.scope).identity


def Requires(*scopes: str) -> Any:
    """A dependency that demands an identity with all these scopes: 403 without. Its value is the identity.

    For `dependencies=[Requires("write")]` of a route, router or app, `me: Annotated[Identity, Requires("write")]`,
    and `me: Identity = Requires("write")`; on WebSocket routes too, before they accept. `Requires()` demands no
    scope. Raises ConfigurationError where a scope is not the name of one.
    """
    return Security(_required_identity, scopes=scope_names(scopes))


CurrentIdentity = Annotated[Identity, Requires()]
"""Parameter type: the identity of this request or WebSocket.

On an optional path, it refuses an anonymous request with 401: use `OptionalIdentity` where both are served. On a
public path, where tokens are not looked at, it raises RuntimeError.
"""
OptionalIdentity = Annotated[Identity | None, Depends(_optional_identity)]
"""Parameter type: the identity, None for an anonymous request: for optional paths."""


class JWTMiddleware(starlette.JWTMiddleware):
    """The ASGI door as FastAPI builds it at start-up, when the app has its routes and documentation."""

    def __init__(self, app: asgi.ASGIApp, settings: JWTSettings, api: FastAPI) -> None:
        super().__init__(app, settings)
        _complete(api, settings)


class _CompleteDocument:
    """An app's `openapi`, whose document says what the middleware demands."""

    def __init__(self, api: FastAPI, settings: JWTSettings, prefix: str) -> None:
        self._document = api.openapi
        self._described = settings, prefix

    def __call__(self) -> dict[str, Any]:
        document = self._document()
        openapi.describe(document, *self._described)
        return document

    def describes(self, settings: JWTSettings, prefix: str) -> bool:
        """Whether this is the one for these settings and this place."""
        return self._described == (settings, prefix)


def _complete(api: FastAPI, settings: JWTSettings, prefix: str = "") -> None:
    """Put the complete document in place of the app's own, where it is not there yet."""
    given = cast("object", api.openapi)
    if not isinstance(given, _CompleteDocument) or not given.describes(settings, prefix):
        api.openapi = _CompleteDocument(api, settings, prefix)  # type: ignore[method-assign]
    for route in api.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            _complete(route.app, settings, prefix + route.path)
