"""Tenants sign their own JSON Web Tokens; your app knows tenant, application and user.

Framework-agnostic: `jwt_middleware.wsgi` and `jwt_middleware.asgi` wrap any app, `jwt_middleware.flask`,
`jwt_middleware.starlette`, `jwt_middleware.fastapi` and `jwt_middleware.django` speak their framework's idiom.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

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
from jwt_middleware.observation import Observation, Observer
from jwt_middleware.paths import Rule
from jwt_middleware.revocation.lifetimes import Revoker
from jwt_middleware.revocation.memory import MemoryRevocations
from jwt_middleware.revocation.protocol import RevocationStore, WritableRevocations
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.cached import CachedTenants
from jwt_middleware.tenants.file import FileTenants
from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Application, Tenant, TenantResolver
from jwt_middleware.tenants.static import StaticTenants

if TYPE_CHECKING:
    from jwt_middleware.revocation.recorded import RecordedRevocations as RecordedRevocations
    from jwt_middleware.revocation.redis import RedisRevocations as RedisRevocations
    from jwt_middleware.revocation.sql import SQLRevocations as SQLRevocations
    from jwt_middleware.tenants.sql import SQLTenants as SQLTenants

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
    "MemoryRevocations",
    "MissingRequiredClaim",
    "Observation",
    "Observer",
    "RevocationStore",
    "Revoker",
    "Rule",
    "StaticTenants",
    "TemporarilyUnavailable",
    "Tenant",
    "TenantResolver",
    "TokenExpired",
    "WritableRevocations",
    "__version__",
    "current_identity",
]

_NEEDING_AN_EXTRA = {
    "RecordedRevocations": ("jwt_middleware.revocation.recorded", "redis"),
    "RedisRevocations": ("jwt_middleware.revocation.redis", "redis"),
    "SQLRevocations": ("jwt_middleware.revocation.sql", "sql"),
    "SQLTenants": ("jwt_middleware.tenants.sql", "sql"),
}


def __getattr__(name: str) -> _Any:
    """Stores are imported when they are asked for, since each needs an extra. Raises ImportError that names it."""
    if name not in _NEEDING_AN_EXTRA:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, extra = _NEEDING_AN_EXTRA[name]
    try:
        return getattr(_import_module(module), name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("jwt_middleware"):
            raise
        needed = f"{name} needs {missing.name}: pip install 'tenant-jwt-middleware[{extra}]'"
        raise ImportError(needed, name=missing.name) from None
