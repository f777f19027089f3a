"""Tenants sign their own JSON Web Tokens; your app knows tenant, application and user.

Framework-agnostic: `jwt_middleware.wsgi` and `jwt_middleware.asgi` wrap any app, `jwt_middleware.flask`,
`jwt_middleware.starlette` and `jwt_middleware.fastapi` speak their framework's idiom.
"""

from jwt_middleware.authenticator import Authenticator
from jwt_middleware.errors import (
    AuthenticationError,
    ConfigurationError,
    InsufficientPermissions,
    InvalidSignature,
    InvalidToken,
    MissingRequiredClaim,
    TemporarilyUnavailable,
    TokenExpired,
)
from jwt_middleware.identity import Identity, current_identity
from jwt_middleware.paths import Rule
from jwt_middleware.revocation.protocol import RevocationStore
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.cached import CachedTenants
from jwt_middleware.tenants.file import FileTenants
from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Application, Tenant, TenantResolver
from jwt_middleware.tenants.static import StaticTenants

__version__ = "0.1.0"

__all__ = [
    "JWKS",
    "Application",
    "AuthenticationError",
    "Authenticator",
    "CachedTenants",
    "ConfigurationError",
    "FileTenants",
    "Identity",
    "InsufficientPermissions",
    "InvalidSignature",
    "InvalidToken",
    "JWTSettings",
    "Key",
    "MissingRequiredClaim",
    "RevocationStore",
    "Rule",
    "StaticTenants",
    "TemporarilyUnavailable",
    "Tenant",
    "TenantResolver",
    "TokenExpired",
    "__version__",
    "current_identity",
]
