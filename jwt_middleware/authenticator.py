"""Authenticator: from a token's text to an identity, in threads or on an event loop; usable without a web app.

The two drivers only fetch the answers that may need waiting for (tenant, revocation). Every check is in `bearer`,
`jws` and `claims`, once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jwt_middleware import claims, loading
from jwt_middleware.claims import CheckedToken, ClaimsPolicy
from jwt_middleware.errors import AuthenticationError, TemporarilyUnavailable
from jwt_middleware.identity import Identity
from jwt_middleware.jws import TokenReader, UnverifiedToken, VerifiedToken, awaited_keys
from jwt_middleware.log import report_uncached
from jwt_middleware.plugins import UNKNOWN, Plugin, aclose_all, check_of, close_all
from jwt_middleware.revocation.protocol import RevocationStore
from jwt_middleware.rotation import RetiringKey, RetiringKeys
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.model import Tenant, TenantResolver


class Authenticator:
    """Checks tokens by one settings object. Safe to share between threads, and between event loops.

    Raises ConfigurationError when a store that the settings name by URL cannot be opened.
    """

    def __init__(self, settings: JWTSettings) -> None:
        self.settings = settings
        self.tenants = _opened_tenants(settings)
        """The resolver: the one in the settings, or the one that their URL names."""
        self.revocations = _opened_revocations(settings)
        """The revocation store: the one in the settings, or the one that their URL names; None: nothing is revoked."""
        self._reader = TokenReader(
            settings.algorithms, settings.token_types, settings.max_token_bytes, settings.max_verified_tokens
        )
        self._policy = ClaimsPolicy(
            settings.expiry_leeway,
            settings.start_leeway,
            settings.max_lifetime,
            settings.required_claims,
            settings.validators,
        )
        self._retiring = RetiringKeys()
        self._now = settings.clock
        timeout = settings.store_timeout
        self._resolver: Plugin[Tenant | None]
        self._resolver = Plugin(self.tenants, "resolve", (Tenant, type(None)), timeout, "tenant_store")
        if not self._resolver.remembers:
            report_uncached(self.tenants)
        # Looked up once; an observed authenticator puts its notes in between.
        self._verify = self._reader.verify
        self._ask, self._ask_async = self._resolver.ask, self._resolver.ask_async
        self._store: Plugin[bool] | None = None
        if self.revocations is not None:
            self._store = Plugin(self.revocations, "is_revoked", bool, timeout, "revocation_store")
        self._checks = {"tenants": check_of(self.tenants, timeout, "tenant_store")}
        if self.revocations is not None:
            self._checks["revocations"] = check_of(self.revocations, timeout, "revocation_store")

    def authenticate(self, token: str) -> Identity:
        """The identity that this token (its text, without `Bearer`) gives.

        Raises InvalidToken in one of its forms, or TemporarilyUnavailable when a store cannot answer.
        """
        unverified = verified = None
        try:
            unverified = self._reader.read(token)
            issuer = unverified.issuer
            tenant = self._resolver.recall(issuer)
            if tenant is UNKNOWN:
                tenant = self._ask(issuer)
            if tenant is not None and tenant.key_source is not None:
                fetch = awaited_keys(unverified, tenant)
                if fetch is not None:
                    fetch.wait()
            verified = self._verify(unverified, tenant, now := self._now())
            checked = claims.check(verified, self._policy, now)
            if verified.is_worth_keeping or verified.key.not_after is not None:
                self._take_note(verified, checked, now)
            revoked = self._store is not None and self._store.ask(*checked.question)
            return claims.admit(checked, revoked)
        except AuthenticationError as refusal:
            _note(refusal, unverified, verified)
            raise

    async def authenticate_async(self, token: str) -> Identity:
        """The same on an event loop. Suspends only where a store has to be waited for."""
        unverified = verified = None
        store = self._store
        try:
            unverified = self._reader.read(token)
            issuer = unverified.issuer
            tenant = self._resolver.recall(issuer)
            if tenant is UNKNOWN:
                tenant = await self._ask_async(issuer)
            if tenant is not None and tenant.key_source is not None:
                fetch = awaited_keys(unverified, tenant)
                if fetch is not None:
                    await fetch.wait_async()
            verified = self._verify(unverified, tenant, now := self._now())
            checked = claims.check(verified, self._policy, now)
            if verified.is_worth_keeping or verified.key.not_after is not None:
                self._take_note(verified, checked, now)
            revoked = False
            if store is not None:
                known = store.recall(*checked.question)
                revoked = await store.ask_async(*checked.question) if known is UNKNOWN else known
            return claims.admit(checked, revoked)
        except AuthenticationError as refusal:
            _note(refusal, unverified, verified)
            raise

    def close(self) -> None:
        """End whatever the stores and their threads keep running."""
        close_all(self._closables())

    async def aclose(self) -> None:
        """The same on an event loop."""
        await aclose_all(self._closables())

    def check(self) -> dict[str, str]:
        """How the stores are, for a readiness probe: "ok", or the reason why one cannot answer, by setting."""
        return {name: "ok" if ask is None else _state(ask) for name, ask in self._checks.items()}

    async def check_async(self) -> dict[str, str]:
        """The same on an event loop."""
        return {name: "ok" if ask is None else await _state_async(ask) for name, ask in self._checks.items()}

    def retiring_keys(self) -> tuple[RetiringKey, ...]:
        """Keys with a `not_after` that were used in this process, with when they last were: whom to call."""
        return self._retiring.used()

    def _take_note(self, verified: VerifiedToken, checked: CheckedToken, now: float) -> None:
        if verified.key.not_after is not None:
            self._retiring.note(verified, now)
        if verified.is_worth_keeping:
            memory = claims.memory_of(verified, checked, self._policy)
            if memory is not None:
                self._reader.remember(verified.token, memory)

    def _closables(self) -> list[object]:
        return [self.tenants, self.revocations, self._resolver, self._store, *self._checks.values()]


def _opened_tenants(settings: JWTSettings) -> TenantResolver | Callable[[str], Any]:
    named = settings.tenants
    return loading.open_tenants(named, settings.store_timeout) if isinstance(named, str) else named


def _opened_revocations(settings: JWTSettings) -> RevocationStore | None:
    named = settings.revocations
    return loading.open_revocations(named, settings.store_timeout, settings.clock) if isinstance(named, str) else named


def _state(check: Plugin[None]) -> str:
    try:
        check.ask()
    except TemporarilyUnavailable as error:
        return error.reason
    return "ok"


async def _state_async(check: Plugin[None]) -> str:
    try:
        await check.ask_async()
    except TemporarilyUnavailable as error:
        return error.reason
    return "ok"


def _note(refusal: AuthenticationError, unverified: UnverifiedToken | None, verified: VerifiedToken | None) -> None:
    """Write into the refusal what the log may say about the token."""
    if unverified is not None:
        refusal.key_id = unverified.header.key_id
    if verified is not None:
        refusal.tenant_id = verified.tenant.id
