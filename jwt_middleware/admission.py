"""From a request's facts to its admission: what both doors share. No I/O, no framework.

A door reads method, path and field, asks the `Gate` what is needed, lets the authenticator check the token, and
hands the identity back. The `Admission` then travels with the request; a view that refuses puts its refusal there.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import ClassVar, Final, NoReturn

import msgspec

from jwt_middleware import bearer
from jwt_middleware.authenticator import Authenticator
from jwt_middleware.bearer import BearerToken
from jwt_middleware.claims import require_scopes
from jwt_middleware.errors import (
    AuthenticationError,
    ConfigurationError,
    InsecureTransport,
    InvalidSignature,
    NoCredentials,
    Problem,
)
from jwt_middleware.identity import Identity
from jwt_middleware.log import RefusalLog, report_policy, token_fingerprint
from jwt_middleware.observation import METHOD_REFUSED, Observation, Outcome, code_of, reason_of
from jwt_middleware.observing import Audience, Notes, ObservedAuthenticator, noted
from jwt_middleware.paths import CREDENTIALS, Demand
from jwt_middleware.responses import METHOD_NOT_ALLOWED, Answer, refusal_answer
from jwt_middleware.settings import JWTSettings
from jwt_middleware.verify import identity_answer, require_demanded_scopes

ADMISSION: Final = "jwt_middleware.admission"
"""Key of the request's `Admission` in scope and environ."""
IDENTITY: Final = "jwt_middleware.identity"
"""Key of the request's `Identity`, None for anonymous ones, in scope and environ."""

_ANONYMOUS: Final = Demand("public")
_ORDINARY: Final = Notes()


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

    def __repr__(self) -> str:
        # Debug pages and error mails print the environ: without the token.
        return f"Admission({self.method} {self.path!r}, {self.demand}, identity={self.identity!r})"

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


class ObservedAdmission(Admission, eq=False):
    """A request that observers will be told of. Times on the clock of `perf_counter`."""

    started_at: float = msgspec.field(default_factory=perf_counter)
    ended_at: float = 0.0
    """When its token was accepted, or the request refused."""
    notes: Notes | None = None
    is_told: bool = False


class Gate:
    """Decides by one settings object, for one door. With observers in the settings, it is an `ObservedGate`."""

    _authenticator: ClassVar[type[Authenticator]] = Authenticator
    _admission: ClassVar[type[Admission]] = Admission

    def __new__(cls, settings: JWTSettings, layer: str) -> Gate:
        """This gate, or the one that tells observers: decided here, so that nothing has to ask for each request."""
        return super().__new__(ObservedGate if checked_settings(settings, layer).observers else cls)

    def __init__(self, settings: JWTSettings, layer: str) -> None:
        self.settings = settings
        self.layer = layer
        self.authenticator = self._authenticator(settings)
        self._decide = settings.path_policy.decide
        self._verify_path = settings.verify_path
        self.read_field = bearer.from_field
        """What finds the token in the Authorization field. `jwt_middleware.testing` signs requests in here."""
        self._log = RefusalLog(settings.max_logged_refusals, never_open=[settings.verify_path or ""])
        report_policy(settings, layer)

    def begin(self, method: str, path: str, is_preflight: bool) -> Admission:
        """Step 0: what this HTTP request needs."""
        if is_preflight and self.settings.pass_preflight:
            return self._admission(self, method, path, _ANONYMOUS)
        demand = self._decide(path, method)
        if path == self._verify_path:
            return self._admission(self, method, path, CREDENTIALS._replace(scopes=demand.scopes), True)
        return self._admission(self, method, path, demand)

    def begin_socket(self, path: str) -> Admission:
        """Step 0 for a WebSocket, whose handshake is a GET."""
        return self._admission(self, "GET", path, self._decide(path, "GET"))

    def consider(self, admission: Admission, path: str) -> None:
        """Demand what this path needs, too, since a router may take it for the request's: open to nobody then."""
        if admission.demand is not _ANONYMOUS:
            other = self._decide(path, admission.method)
            scopes = dict.fromkeys((*admission.demand.scopes, *other.scopes))
            admission.demand = Demand("required", tuple(scopes))

    def allows(self, admission: Admission) -> Answer | None:
        """405 for a method that the verify endpoint does not have, before anything else."""
        return None if admission.method in ("GET", "HEAD") else METHOD_NOT_ALLOWED

    def token(self, admission: Admission, field: str, is_secure: bool) -> BearerToken | None:
        """Step 1: the token to check, or None where the request passes as anonymous. `field` is "" where absent."""
        access = admission.demand.access
        if access == "public":
            return None
        if self.settings.require_https and not is_secure:
            raise InsecureTransport
        # Calling it in one go would take longer, as for a method that has to be looked for.
        read = self.read_field
        token = admission.token = read(field)
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

    def passed(self, admission: Admission) -> None:
        """The app begins to answer this request, or is done with it. May be said several times, for observers only."""

    def check_single(self, outer: object) -> None:
        """Refuse to run inside another layer that has the same settings object."""
        if isinstance(outer, Admission) and outer.gate.settings is self.settings:
            raise doubled(outer.gate.layer, self.layer)


class ObservedGate(Gate):
    """Decides just the same, and tells observers how each request went, once."""

    _authenticator = ObservedAuthenticator
    _admission = ObservedAdmission
    # Such a gate begins no other admissions than these, which the methods below rely on.

    def __init__(self, settings: JWTSettings, layer: str) -> None:
        super().__init__(settings, layer)
        audience = Audience(settings.observers)
        self._tell_observers = audience.tell
        self._wants_fingerprint = audience.wants_fingerprint

    def allows(self, admission: ObservedAdmission) -> Answer | None:  # type: ignore[override]
        """405 for a method that the verify endpoint does not have."""
        answer = super().allows(admission)
        if answer is not None:
            self._tell(admission, "refused", answer.status, METHOD_REFUSED)
        return answer

    def admit(self, admission: ObservedAdmission, identity: Identity | None) -> None:  # type: ignore[override]
        """Step 15. Observers hear of it when the app answers: until then, a view may refuse."""
        admission.ended_at = perf_counter()
        if (notes := noted.get()) is not None:
            noted.set(None)
            admission.notes = notes
        Gate.admit(self, admission, identity)

    def verification(self, admission: ObservedAdmission, query: str) -> Answer:  # type: ignore[override]
        """What the verify endpoint answers to a good token."""
        answer = super().verification(admission, query)
        self._tell(admission, "accepted", answer.status)
        return answer

    def refused(  # type: ignore[override]
        self, admission: ObservedAdmission, refusal: AuthenticationError
    ) -> Answer:
        """The answer to a refused request. What is refused after it was told of is an open WebSocket, closed."""
        if not admission.ended_at:
            admission.ended_at = perf_counter()
            admission.notes = noted.get()
            noted.set(None)
        answer = Gate.refused(self, admission, refusal)
        self._tell(admission, "closed" if admission.is_told else "refused", answer.status, reason_of(refusal), refusal)
        return answer

    def passed(self, admission: ObservedAdmission) -> None:  # type: ignore[override]
        """The app answers: the first time, if no view has refused, observers hear of it."""
        if admission.is_told or admission.refusal is not None:
            return
        identity = admission.identity
        if identity is None or admission.notes is not None or self._wants_fingerprint:
            self._tell(admission, "anonymous" if identity is None else "accepted")
            return
        # What almost every request is, said with less ado.
        admission.is_told = True
        self._tell_observers(
            Observation(
                "accepted",
                None,
                None,
                None,
                None,
                admission.method,
                admission.path,
                identity.tenant_id,
                identity.application_id,
                admission.ended_at - admission.started_at,
                True,
                False,
            )
        )

    def _tell(
        self,
        admission: ObservedAdmission,
        outcome: Outcome,
        status: int | None = None,
        reason: str | None = None,
        refusal: AuthenticationError | None = None,
    ) -> None:
        about, notes = admission.identity or refusal, admission.notes or _ORDINARY
        admission.is_told = True
        is_verified = about is not None and about.tenant_id is not None
        is_unsigned = isinstance(refusal, InvalidSignature)
        ends_at = notes.key_ends_at
        self._tell_observers(
            Observation(
                outcome,
                status,
                None if refusal is None else code_of(refusal),
                reason,
                reason if refusal is None else refusal.reason,
                admission.method,
                admission.path,
                None if about is None else about.tenant_id,
                None if about is None else about.application_id,
                None if admission.token is None else admission.ended_at - admission.started_at,
                False if notes.store_was_asked else True if is_verified or is_unsigned else None,
                notes.was_remembered if is_verified else None,
                notes.key_id,
                None if ends_at is None else ends_at - self.settings.clock(),
                token_fingerprint(admission.token) if self._wants_fingerprint else None,
            )
        )


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
