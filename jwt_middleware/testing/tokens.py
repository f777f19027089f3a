"""Tokens for tests: a good one by default, and one factory for each documented error that a token can bring about.

    tokens = TokenFactory(tenant)                  # or TokenFactory(), for a tenant that is made up
    tokens.make_token(scope=["write"], sub="user_7")
    tokens.expired()
    tokens.without("sub")

What it takes besides a token (a suspended tenant, a revocation, a store that is down) is in `states`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from secrets import token_hex
from typing import Any, Final

import msgspec

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Application, Tenant
from jwt_middleware.testing.private_keys import PrivateKey, Sign, partner_of
from jwt_middleware.testing.states import acme
from jwt_middleware.tokens import DEFAULT_LIFETIME, guide_claims, header_for, segment

SUBJECT: Final = "user_123"
"""The `sub` of tokens whose test does not say otherwise: the one of the authentication guide."""
SCOPES: Final = ("read", "write")
"""The scopes of the authentication guide's token."""

_HOUR: Final = 3600
_TEN_YEARS: Final = 10 * 365 * 24 * _HOUR


def make_token(
    tenant: Tenant | None = None,
    /,
    *,
    clock: Callable[[], float] = time.time,
    private_key: PrivateKey = None,
    **claims: Any,
) -> str:
    """A token that this tenant (None: the made-up `acme()`) could have made: see `TokenFactory.make_token`."""
    return TokenFactory(tenant, clock=clock, private_key=private_key).make_token(**claims)


def auth_headers(token: str) -> dict[str, str]:
    """The headers of a request with this token, for `headers=` of any test client."""
    return {"Authorization": f"Bearer {token}"}


class TokenFactory:
    """Makes the tokens of one tenant, None: of the made-up `acme()`. They are good unless a method's name says how not.

    The first secret of the tenant signs that is not retired. Where the tenant has public keys, pass the private one:
    PEM, or an object of cryptography. Where its keys are fetched by URL, pass the public one as `key`, too.

    `claims` are those of all tokens, beside or instead of the ones of the authentication guide: `sub` user_123, the
    first active application as `aud`, the scopes read and write, one hour from now on. Each method takes more. `aud`
    and `scope` stand under the names that the tenant has for them. `clock` has to be the one in the settings.

    Raises ConfigurationError where the tenant has nothing to sign with, or no active application.
    """

    def __init__(
        self,
        tenant: Tenant | None = None,
        *,
        clock: Callable[[], float] = time.time,
        claims: Mapping[str, object] | None = None,
        private_key: PrivateKey = None,
        key: Key | None = None,
        typ: str | None = None,
    ) -> None:
        self.tenant: Final = acme() if tenant is None else tenant
        """Whose tokens these are: for `override(app, tenants=[tokens.tenant])`."""
        self._clock = clock
        self._key, self._sign = _signer(self.tenant, key, private_key, clock())
        self._claims = dict(claims or {})
        self._application = self._found("application", "is active", lambda application: application.active)
        self._typ = _accepted_type(self.tenant) if typ is None else typ

    def make_token(
        self, *, lifetime: float = DEFAULT_LIFETIME, header: Mapping[str, object] | None = None, **claims: object
    ) -> str:
        """A good token, but for what is asked for. `lifetime` in seconds; `header` has members instead of the usual.

        What is JSON may be a claim, None too; `without` leaves one out.
        """
        return self._sealed(self._all_claims(claims, lifetime), header or {})

    def auth_headers(self, token: str | None = None, /, **claims: Any) -> dict[str, str]:
        """The headers of a request with this token, or with a good one that has these claims."""
        return auth_headers(self.make_token(**claims) if token is None else token)

    # 401 invalid_token: what arrives is no token that could be read.

    def two_tokens(self, **claims: Any) -> str:
        """Two where one should be (MalformedCredentials)."""
        return " ".join(2 * [self.make_token(**claims)])

    def malformed(self, **claims: Any) -> str:
        """One that lost its signature on the way (MalformedToken)."""
        return self.make_token(**claims).rpartition(".")[0]

    def too_long(self, max_token_bytes: int = 8192, **claims: Any) -> str:
        """One that is longer than this setting allows (TokenTooLong)."""
        return self.make_token(padding="x" * max_token_bytes, **claims)

    def unsigned(self, **claims: Any) -> str:
        """One of the algorithm `none`, with an empty signature (UnacceptableAlgorithm)."""
        return self.make_token(header={"alg": "none"}, **claims).rpartition(".")[0] + "."

    def with_critical_header(self, **claims: Any) -> str:
        """One that asks for an extension (UnsupportedHeader)."""
        return self.make_token(header={"crit": ["exp"]}, **claims)

    def with_invalid_key_id(self, **claims: Any) -> str:
        """One whose `kid` is empty (InvalidKeyId)."""
        return self.make_token(header={"kid": ""}, **claims)

    def of_unaccepted_type(self, **claims: Any) -> str:
        """One for another purpose, by its `typ` (UnacceptableTokenType)."""
        return self.make_token(header={"typ": "logout+jwt"}, **claims)

    # 401 invalid_signature: one answer for all of these.

    def badly_signed(self, **claims: Any) -> str:
        """One signed with something else (InvalidSignature)."""
        signing_input, _, signature = self.make_token(**claims).rpartition(".")
        return f"{signing_input}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"

    def for_unknown_tenant(self, **claims: Any) -> str:
        """One whose `iss` nobody has (InvalidSignature)."""
        return self.make_token(iss=f"unknown-{token_hex(8)}", **claims)

    def with_unknown_key_id(self, **claims: Any) -> str:
        """One whose `kid` none of the tenant's keys has (InvalidSignature).

        Raises ConfigurationError where a key of the tenant has no `kid`, and therefore goes with any.
        """
        if any(key.key_id is None for key in self.tenant.keys):
            raise _missing("kid", "a key of the tenant has none, so that it goes with any", "Key.secret(..., kid=...)")
        return self.make_token(header={"kid": f"unknown-{token_hex(8)}"}, **claims)

    # 401 missing_required_claim, token_expired, and invalid_token for what a good signature stands under.

    def without(self, *names: str, **claims: Any) -> str:
        """One that lacks these claims (MissingRequiredClaim for those that are required)."""
        own = {self._name(name) for name in names}
        kept = {name: value for name, value in self._all_claims(claims).items() if name not in own}
        return self._sealed(kept, {})

    def with_wrong_type(self, name: str = "sub", **claims: Any) -> str:
        """One in which this registered claim is `false` (InvalidClaim)."""
        return self.make_token(**{**claims, name: False})

    def in_milliseconds(self, **claims: Any) -> str:
        """One whose times are a thousand times too large, as Date.now() makes them (TimeInMilliseconds)."""
        now = int(self._clock())
        return self.make_token(**{"iat": now * 1000, "exp": (now + _HOUR) * 1000, **claims})

    def bound_to_sender(self, **claims: Any) -> str:
        """One whose `cnf` asks for a proof (SenderConstrained)."""
        return self.make_token(cnf={"jkt": segment(b"no key has this thumbprint, really")}, **claims)

    def expired(self, **claims: Any) -> str:
        """One that ended an hour ago (TokenExpired)."""
        return self._made_at(-2 * _HOUR, claims)

    def not_yet_valid(self, **claims: Any) -> str:
        """One that begins in an hour (NotYetValid)."""
        return self._made_at(_HOUR, claims)

    def living_too_long(self, **claims: Any) -> str:
        """One for ten years (LifetimeTooLong)."""
        return self.make_token(lifetime=_TEN_YEARS, **claims)

    def for_unknown_application(self, **claims: Any) -> str:
        """One whose `aud` is no application of the tenant (UnknownApplication)."""
        return self.make_token(aud=f"unknown-{token_hex(8)}", **claims)

    def for_two_applications(self, **claims: Any) -> str:
        """One whose `aud` names two applications (AmbiguousApplication). ConfigurationError where there is but one."""
        first = self._application
        other = self._found(
            "application", "is active, beside the first one", lambda found: found.active and found is not first
        )
        return self.make_token(aud=[first.id, other.id], **claims)

    def for_suspended_application(self, **claims: Any) -> str:
        """One for an application that is not active (SuspendedApplication). ConfigurationError where there is none."""
        closed = self._found("application", "is suspended", lambda application: not application.active)
        return self.make_token(aud=closed.id, **claims)

    # 403 insufficient_permissions

    def without_scope(self, *scopes: str, **claims: Any) -> str:
        """One without these scopes, or without any (InsufficientPermissions where one of them is needed)."""
        if not scopes:
            return self.without("scope", **claims)
        usual = _scopes(self._all_claims(claims)[self.tenant.scope_claim])
        return self.make_token(**{**claims, "scope": [scope for scope in usual if scope not in scopes]})

    def above_ceiling(self, scope: str = "write", **claims: Any) -> str:
        """One that asks for a scope which its application is not granted (ScopeNotGranted where it is needed).

        Raises ConfigurationError where no application has a ceiling without it.
        """
        limited = self._found(
            "application", f"may not have {scope!r}", lambda found: found.active and not _may_have(found, scope)
        )
        return self.make_token(aud=limited.id, scope=[*sorted(limited.scopes or ()), scope], **claims)

    def _made_at(self, seconds: float, claims: Mapping[str, object]) -> str:
        return self.make_token(**{"iat": int(self._clock() + seconds), **claims})  # type: ignore[arg-type]

    def _all_claims(self, claims: Mapping[str, object], lifetime: float = DEFAULT_LIFETIME) -> dict[str, object]:
        usual = guide_claims(self.tenant, self._application.id, SUBJECT, now=self._clock(), scopes=SCOPES)
        given = {self._name(name): value for name, value in {**self._claims, **claims}.items()}
        issued_at = given.get("iat", usual["iat"])
        end = {"exp": issued_at + lifetime} if isinstance(issued_at, int | float) else {}
        return {**usual, **end, **given}

    def _name(self, claim: str) -> str:
        """What this tenant calls the claim."""
        return {"aud": self.tenant.audience_claim, "scope": self.tenant.scope_claim}.get(claim, claim)

    def _sealed(self, claims: Mapping[str, object], header: Mapping[str, object]) -> str:
        members = {**header_for(self._key, self._typ), **header}
        signing_input = ".".join(segment(msgspec.json.encode(part)) for part in (members, claims))
        return f"{signing_input}.{segment(self._sign(signing_input.encode('ascii')))}"

    def _found(self, where: str, what: str, is_wanted: Callable[[Application], bool]) -> Application:
        """The first application that is such."""
        for application in self.tenant.applications:
            if is_wanted(application):
                return application
        raise _missing(where, f"none of tenant {self.tenant.id!r} {what}", "give it one, or use acme() for this test")


def _signer(tenant: Tenant, key: Key | None, private_key: PrivateKey, now: float) -> tuple[Key, Sign]:
    keys = [key] if key is not None else [known for known in tenant.keys if known.is_usable(now)]
    if private_key is not None:
        return partner_of(private_key, keys)
    for candidate in keys:
        if candidate.algorithm in HMAC_HASHES:
            return candidate, candidate.sign
    fix = "pass private_key=..., and key=Key.public(...) where the tenant's keys are fetched"
    raise _missing("key", f"tenant {tenant.id!r} has no secret to sign with", fix)


def _accepted_type(tenant: Tenant) -> str:
    """JWT where the tenant accepts it, else one that it does."""
    types = tenant.token_types
    return "JWT" if types is None or "jwt" in types else min(types, default="JWT")


def _scopes(claim: object) -> Iterable[str]:
    return claim.split(" ") if isinstance(claim, str) else msgspec.convert(claim, list[str])


def _may_have(application: Application, scope: str) -> bool:
    return application.scopes is None or scope in application.scopes


def _missing(where: str, what: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem(where, what, fix)], "no such token can be made")
