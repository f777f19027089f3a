"""From a request's facts to its admission: what both doors share. No I/O, no framework.

A door reads method, path and field, asks the `Gate` what is needed, lets the authenticator check the token, and
hands the identity back. The `Admission` then travels with the request; a view that refuses puts its refusal there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NoReturn

import msgspec

from jwt_middleware import bearer
from jwt_middleware.authenticator import Authenticator
from jwt_middleware.bearer import BearerToken
from jwt_middleware.claims import require_scopes
from jwt_middleware.errors import (
    AuthenticationError,
    ConfigurationError,
    InsecureTransport,
    NoCredentials,
    Problem,
)
from jwt_middleware.identity import Identity
from jwt_middleware.log import RefusalLog, report_policy
from jwt_middleware.paths import CREDENTIALS, Demand
from jwt_middleware.responses import METHOD_NOT_ALLOWED, Answer, refusal_answer
from jwt_middleware.settings import JWTSettings
from jwt_middleware.verify import identity_answer, require_demanded_scopes

ADMISSION: Final = "jwt_middleware.admission"
"""Key of the request's `Admission` in scope and environ."""
IDENTITY: Final = "jwt_middleware.identity"
"""Key of the request's `Identity`, None for anonymous ones, in scope and environ."""

_ANONYMOUS: Final = Demand("public")


class Admission(msgspec.Struct, eq=False):
    """One request on its way through the middleware. `identity` is None for anonymous requests.

    `refusal` is the refusal cell: what stands there is answered instead of whatever the framework makes of it, as
    long as no response has started.
    """

    gate: Gate
    method: str
    path: str
    demand: Demand
    is_verification: bool = False
    token: BearerToken | None = None
    identity: Identity | None = None
    refusal: AuthenticationError | None = None

    def require(self, scopes: Iterable[str] = ()) -> Identity:
        """The identity, which has all these scopes. For views: raises and leaves the refusal in the cell.

        Raises NoCredentials where an optional path was called without a token, InsufficientPermissions, or
        RuntimeError on a public path, where nobody looks at tokens: that is a mistake in the program.
        """
        identity = self.identity
        if identity is None:
            self._refuse_anonymous()
        try:
            require_scopes(identity, scopes)
        except AuthenticationError as refusal:
            self.refusal = refusal
            raise
        return identity

    def _refuse_anonymous(self) -> NoReturn:
        # What looks like a preflight reaches views too; that is no mistake of theirs.
        if self.demand.access == "public" and self.demand is not _ANONYMOUS:
            raise RuntimeError(
                f"{self.method} {self.path} asks for an identity, but its path is public, where tokens are not looked "
                "at: take it out of JWTSettings(public=...), or put it into optional=... and handle None"
            )
        self.refusal = NoCredentials()
        raise self.refusal


class Gate:
    """Decides by one settings object, for one door."""

    def __init__(self, settings: JWTSettings, layer: str) -> None:
        self.settings = checked_settings(settings, layer)
        self.layer = layer
        self.authenticator = Authenticator(settings)
        self._decide = settings.path_policy.decide
        self._verify_path = settings.verify_path
        self._log = RefusalLog(settings.max_logged_refusals)
        report_policy(settings, layer)

    def begin(self, method: str, path: str, is_preflight: bool) -> Admission:
        """Step 0: what this HTTP request needs."""
        if is_preflight and self.settings.pass_preflight:
            return Admission(self, method, path, _ANONYMOUS)
        demand = self._decide(path, method)
        if path == self._verify_path:
            return Admission(self, method, path, CREDENTIALS._replace(scopes=demand.scopes), True)
        return Admission(self, method, path, demand)

    def begin_socket(self, path: str) -> Admission:
        """Step 0 for a WebSocket, whose handshake is a GET."""
        return Admission(self, "GET", path, self._decide(path, "GET"))

    def token(self, admission: Admission, field: str, is_secure: bool) -> BearerToken | None:
        """Step 1: the token to check, or None where the request passes as anonymous. `field` is "" where absent."""
        access = admission.demand.access
        if access == "public":
            return None
        if self.settings.require_https and not is_secure:
            raise InsecureTransport
        token = admission.token = bearer.from_field(field)
        if token is None and access == "required":
            raise NoCredentials
        return token

    def admit(self, admission: Admission, identity: Identity | None) -> None:
        """Step 15: the identity may pass here. Raises InsufficientPermissions."""
        if identity is not None and admission.demand.scopes:
            require_scopes(identity, admission.demand.scopes)
        admission.identity = identity

    def verification(self, admission: Admission, query: str) -> Answer:
        """What the verify endpoint answers to a good token. Raises InsufficientPermissions for `?scope=...`."""
        identity = admission.require()
        require_demanded_scopes(identity, query)
        return identity_answer(identity, self.settings.clock)

    def refused(self, admission: Admission, refusal: AuthenticationError) -> Answer:
        """The answer to a refused request, which is logged."""
        admission.refusal = refusal
        self._log.write(refusal, admission.method, admission.path, admission.token)
        return refusal_answer(refusal, self.settings)

    def check_single(self, outer: object) -> None:
        """Refuse to run inside another layer that has the same settings object."""
        if isinstance(outer, Admission) and outer.gate.settings is self.settings:
            raise doubled(outer.gate.layer, self.layer)


def allows(admission: Admission) -> Answer | None:
    """405 for a method that the verify endpoint does not have, before anything else."""
    if admission.is_verification and admission.method not in ("GET", "HEAD"):
        return METHOD_NOT_ALLOWED
    return None


def checked_settings(settings: object, layer: str) -> JWTSettings:
    """The settings for a layer. Raises ConfigurationError where they are something else."""
    if isinstance(settings, JWTSettings):
        return settings
    problem = Problem("settings", f"{type(settings).__name__} instead of JWTSettings", "pass JWTSettings([...])")
    raise ConfigurationError([problem], f"{layer} cannot be used")


def doubled(outer: str, inner: str) -> ConfigurationError:
    """Two layers with one settings object: each request would be checked twice."""
    problem = Problem("middleware", f"{outer} around {inner} with the same settings object", "keep one of the two")
    return ConfigurationError([problem], "the middleware is there twice")


def admission_of(carrier: object) -> Admission:
    """The admission in a scope or environ. Raises RuntimeError where no middleware has put one."""
    admission = carrier.get(ADMISSION) if isinstance(carrier, dict) else None
    if isinstance(admission, Admission):
        return admission
    raise RuntimeError("this app is not protected: call protect(app, settings), or wrap it in JWTMiddleware")
