"""How long an entry has to live, so that no token it could hit is still valid; and revoking by that."""

from __future__ import annotations

from typing import Any

import pytest

from jwt_middleware import Authenticator, Identity, Tenant
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.revocation.lifetimes import Revoker, cutoff_ends, token_ends
from jwt_middleware.revocation.memory import MemoryRevocations

from ..making import NOW, Clock, identity, settings, tenant, token


class Told:
    """A store that keeps what it is told."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []

    def is_revoked(self, *question: Any) -> bool:
        raise AssertionError("nobody asks here")

    def revoke_token(self, *names: str, until: float | None) -> None:
        self.entries.append((*names, until))

    def revoke_subject(self, *names: str, cutoff: float, until: float | None) -> None:
        self.entries.append((*names, cutoff, until))

    def revoke_tenant(self, *names: str, cutoff: float, until: float | None) -> None:
        self.entries.append((*names, cutoff, until))


LIMITS = settings(expiry_leeway=5, start_leeway=30, max_lifetime=3_600)
LIMIT_AFTER_CUTOFF = 3_600 + 2 * 30 + 5


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def revoker(told: Told) -> Revoker:
    return Revoker(LIMITS, told)


def test_a_token_ends_when_nobody_accepts_it_any_longer() -> None:
    assert token_ends(LIMITS, NOW) == NOW + 5


def test_a_cutoff_ends_with_the_last_token_that_it_hits() -> None:
    assert cutoff_ends(LIMITS, NOW) == NOW + LIMIT_AFTER_CUTOFF


def test_without_a_limit_of_lifetimes_a_cutoff_never_ends() -> None:
    assert cutoff_ends(settings(max_lifetime=None), NOW) is None


@pytest.mark.parametrize("limit", [60, 1_000_000])
def test_a_tenant_may_have_a_limit_of_its_own(limit: int) -> None:
    own = tenant(max_lifetime=limit)
    assert cutoff_ends(LIMITS, NOW, own) == NOW + limit + 2 * 30 + 5
    assert cutoff_ends(settings(max_lifetime=None, start_leeway=0), NOW, own) == NOW + limit
    assert cutoff_ends(LIMITS, NOW, tenant()) == NOW + LIMIT_AFTER_CUTOFF


def test_the_token_of_an_identity_is_revoked_until_it_expires(revoker: Revoker, told: Told) -> None:
    me = identity(jwt_id="t-1")
    revoker.revoke_token("acme", me)
    revoker.revoke_token(tenant(), me)
    assert told.entries == [("acme", "t-1", me.expires_at + 5)] * 2


def test_an_identity_of_another_tenant_is_refused(revoker: Revoker, told: Told) -> None:
    with pytest.raises(ValueError, match="another tenant's"):
        revoker.revoke_token("globex", identity())
    assert told.entries == []


def test_a_token_may_be_named_by_its_id_and_end(revoker: Revoker, told: Told) -> None:
    revoker.revoke_token("acme", "t-1", NOW + 60)
    assert told.entries == [("acme", "t-1", NOW + 65)]


def test_a_token_whose_end_is_not_known_is_revoked_as_long_as_any_issued_by_now(revoker: Revoker, told: Told) -> None:
    revoker.revoke_token("acme", "t-1")
    revoker.revoke_token(tenant(max_lifetime=60), "t-2")
    assert told.entries == [("acme", "t-1", NOW + LIMIT_AFTER_CUTOFF), ("acme", "t-2", NOW + 125)]


def test_the_cutoff_is_now_unless_another_is_given(revoker: Revoker, told: Told) -> None:
    revoker.revoke_subject("acme", "user_123")
    revoker.revoke_subject(tenant(max_lifetime=60), "user_123", NOW - 10)
    revoker.revoke_tenant("acme")
    revoker.revoke_tenant(tenant(max_lifetime=60), NOW - 10)
    assert told.entries == [
        ("acme", "user_123", NOW, NOW + LIMIT_AFTER_CUTOFF),
        ("acme", "user_123", NOW - 10, NOW + 115),
        ("acme", NOW, NOW + LIMIT_AFTER_CUTOFF),
        ("acme", NOW - 10, NOW + 115),
    ]


@pytest.mark.parametrize("start_leeway", [0, 60])
@pytest.mark.parametrize("expiry_leeway", [0, 20])
@pytest.mark.parametrize("own_limit", [None, 100, 10_000])
def test_no_revoked_token_passes_before_it_would_have_expired_anyway(
    start_leeway: int, expiry_leeway: int, own_limit: int | None
) -> None:
    """The latest token that a cut-off hits: issued as late and for as long as the checks allow."""
    clock, own = Clock(), tenant(max_lifetime=own_limit)
    store = MemoryRevocations(clock=clock)
    limits = {"max_lifetime": 1_000, "start_leeway": start_leeway, "expiry_leeway": expiry_leeway}
    authenticator = Authenticator(settings([own], revocations=store, clock=clock, **limits))
    latest = token(iat=NOW, exp=NOW + (own_limit or 1_000) + start_leeway)
    assert authenticate(authenticator, latest) == "user_123"
    Revoker(authenticator.settings, store).revoke_subject(own, "user_123")
    for clock.now in range(NOW, NOW + (own_limit or 1_000) + start_leeway + expiry_leeway + 200, 7):
        assert authenticate(authenticator, latest) in ("revoked", "token_expired")


def authenticate(authenticator: Authenticator, text: str) -> str:
    """The subject, or the reason of the refusal."""
    try:
        return authenticator.authenticate(text).subject
    except AuthenticationError as refusal:
        return refusal.reason


def test_revoking_works_through_the_whole_house() -> None:
    store, clock = MemoryRevocations(clock=Clock()), Clock()
    authenticator = Authenticator(settings(revocations=store, clock=clock))
    revoker = Revoker(authenticator.settings, store)
    me: Identity = authenticator.authenticate(token())
    revoker.revoke_token(me.tenant_id, me)
    assert authenticate(authenticator, token()) == "revoked"
    assert authenticate(authenticator, token(jti="another")) == "user_123"
    whole: Tenant = tenant()
    revoker.revoke_tenant(whole)
    assert authenticate(authenticator, token(jti="another")) == "revoked"
