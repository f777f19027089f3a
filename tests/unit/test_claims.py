"""Steps 7 to 15: what a verified token says, and whether that is acceptable."""

from __future__ import annotations

from typing import Any

import pytest

from jwt_middleware import Application, Identity, InvalidToken, Key
from jwt_middleware.claims import CheckedToken, ClaimsPolicy, admit, check, require_scopes
from jwt_middleware.errors import (
    AmbiguousApplication,
    AuthenticationError,
    InsufficientPermissions,
    InvalidClaim,
    LifetimeTooLong,
    MissingRequiredClaim,
    NotYetValid,
    Revoked,
    ScopeNotGranted,
    SenderConstrained,
    SuspendedApplication,
    SuspendedTenant,
    TimeInMilliseconds,
    TokenExpired,
    UnknownApplication,
)

from .making import ABSENT, NOW, SECRET, fingerprint, identity, tenant, token, verified


def checked(of: Any = None, *, now: float = NOW, policy: ClaimsPolicy | None = None, **claims: object) -> CheckedToken:
    return check(verified(of, **claims), policy or ClaimsPolicy(), now)


def admitted(of: Any = None, **claims: Any) -> Identity:
    return admit(checked(of, **claims), False)


def refusal(of: Any = None, **claims: Any) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as caught:
        checked(of, **claims)
    return caught.value


def refused_claim(kind: type[AuthenticationError], of: Any = None, **claims: Any) -> str | None:
    """The claim that is named by a refusal of just this kind."""
    refused = refusal(of, **claims)
    assert type(refused) is kind
    return refused.claim


# Step 7: standing


def test_a_suspended_tenant_is_refused_before_its_claims_are_looked_at() -> None:
    assert isinstance(refusal(tenant(active=False), sub=ABSENT), SuspendedTenant)


# Step 8: required claims


@pytest.mark.parametrize("value", [ABSENT, None], ids=["absent", "null"])
@pytest.mark.parametrize("claim", ["sub", "aud", "iat", "exp"])
def test_a_required_claim_must_be_there_and_not_null(claim: str, value: object) -> None:
    assert refused_claim(MissingRequiredClaim, **{claim: value}) == claim


@pytest.mark.parametrize("value", [ABSENT, None], ids=["absent", "null"])
def test_settings_may_require_more_claims(value: object) -> None:
    policy = ClaimsPolicy(required_claims=("jti", "level"))
    assert refused_claim(MissingRequiredClaim, policy=policy, jti="t1", level=value) == "level"
    assert admitted(policy=policy, jti="t1", level=0).token_id == "t1"


def test_a_missing_claim_is_told_before_a_wrong_one() -> None:
    assert refused_claim(MissingRequiredClaim, sub=7, exp=ABSENT) == "exp"


def test_a_missing_claim_is_told_before_expiry() -> None:
    assert refused_claim(MissingRequiredClaim, sub=ABSENT, exp=NOW - 100) == "sub"


# Step 9: types


@pytest.mark.parametrize("subject", ["", 7, True, ["user"], {"id": 1}, "a\nb", "\x00", "a\x85"], ids=ascii)
def test_a_subject_is_non_empty_clean_text(subject: object) -> None:
    assert refused_claim(InvalidClaim, sub=subject) == "sub"


@pytest.mark.parametrize("subject", ["0", " ", "jörg", "\u200b", "x" * 5000, "a/b"], ids=ascii)
def test_any_other_text_is_a_subject(subject: str) -> None:
    assert admitted(sub=subject).subject == subject


@pytest.mark.parametrize("audience", ["", 7, True, [], [""], ["shop", ""], ["shop", 7], [["shop"]], {}], ids=ascii)
def test_an_audience_is_non_empty_text_or_a_list_of_it(audience: object) -> None:
    assert refused_claim(InvalidClaim, aud=audience) == "aud"


@pytest.mark.parametrize("value", [True, False, "1800000000", "", [NOW], {}, -1, -0.5, 10**14, 10**30, 1e300])
@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
def test_a_time_is_a_number_in_range_and_nothing_else(claim: str, value: object) -> None:
    assert refused_claim(InvalidClaim, **{claim: value}) == claim


@pytest.mark.parametrize("value", [10**11, NOW * 1000, 10**14 - 1, NOW * 1000.0, NOW * 1000 + 0.5])
@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
def test_a_time_in_milliseconds_is_told_as_such(claim: str, value: float) -> None:
    assert refused_claim(TimeInMilliseconds, **{claim: value}) == claim


def test_a_start_that_is_null_is_refused() -> None:
    assert refused_claim(InvalidClaim, nbf=None) == "nbf"


def test_times_may_have_fractions() -> None:
    me = admitted(iat=NOW - 0.5, exp=NOW + 0.5, nbf=NOW - 0.25)
    assert (me.issued_at, me.expires_at) == (NOW - 0.5, NOW + 0.5)


@pytest.mark.parametrize("token_id", ["", None, 7, True, ["t1"], "t\n1", "t\x85"], ids=ascii)
def test_a_token_id_is_non_empty_clean_text(token_id: object) -> None:
    assert refused_claim(InvalidClaim, jti=token_id) == "jti"


@pytest.mark.parametrize("scope", [7, True, {}, [7], [None], [["read"]], ["read", ""], ["a b"], [" "], ["a", "b "]])
def test_a_scope_is_text_or_a_list_of_names_without_blanks(scope: object) -> None:
    assert refused_claim(InvalidClaim, scope=scope) == "scope"


@pytest.mark.parametrize("scope", ["read\twrite", "read\n", "a\x85b", ["a\tb"], ["read", "\x00"]], ids=ascii)
def test_a_scope_has_no_control_characters(scope: object) -> None:
    assert refused_claim(InvalidClaim, scope=scope) == "scope"


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("read write", {"read", "write"}),
        (" read  write ", {"read", "write"}),
        ("read\u00a0write", {"read\u00a0write"}),
        ("read,write", {"read,write"}),
        (["read", "write"], {"read", "write"}),
        (["read", "read"], {"read"}),
        ("", set()),
        ("   ", set()),
        ([], set()),
        (None, set()),
        (ABSENT, set()),
    ],
)
def test_scopes_are_split_on_spaces_only(scope: object, granted: set[str]) -> None:
    assert admitted(scope=scope).scopes == granted


@pytest.mark.parametrize("confirmation", [{"jkt": "x"}, {}, [], "", False, 0])
def test_a_token_that_is_bound_to_a_sender_is_refused(confirmation: object) -> None:
    assert refused_claim(SenderConstrained, cnf=confirmation) == "cnf"


def test_a_null_confirmation_binds_nothing() -> None:
    assert admitted(cnf=None).subject == "user_123"


# Step 10: times


@pytest.mark.parametrize("leeway", [0, 30])
def test_a_token_is_good_until_its_expiry_and_leeway_have_passed(leeway: float) -> None:
    policy = ClaimsPolicy(expiry_leeway=leeway)
    end = NOW + 600 + leeway
    assert admitted(policy=policy, now=end - 0.001).subject == "user_123"
    assert isinstance(refusal(policy=policy, now=end), TokenExpired)


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize("leeway", [0, 60])
def test_a_token_is_good_from_its_start_less_the_leeway(claim: str, leeway: float) -> None:
    policy = ClaimsPolicy(start_leeway=leeway)
    assert admitted(policy=policy, **{claim: NOW + leeway}).subject == "user_123"
    assert refused_claim(NotYetValid, policy=policy, **{claim: NOW + leeway + 1}) == claim


def test_expiry_is_told_before_a_start_in_the_future() -> None:
    assert refused_claim(TokenExpired, exp=NOW - 1, iat=NOW + 1000) == "exp"


def test_a_lifetime_may_be_as_long_as_the_limit_and_the_leeway() -> None:
    policy = ClaimsPolicy(max_lifetime=3600, start_leeway=60)
    assert admitted(policy=policy, iat=NOW, exp=NOW + 3660).expires_at == NOW + 3660
    refused = refusal(policy=policy, iat=NOW, exp=NOW + 3661)
    assert isinstance(refused, LifetimeTooLong)
    assert refused.description.endswith("the limit of 1 hour")


def test_no_limit_means_no_limit() -> None:
    policy = ClaimsPolicy(max_lifetime=None)
    assert admitted(policy=policy, exp=NOW + 10**9).expires_at == NOW + 10**9


@pytest.mark.parametrize(("own", "general"), [(7200, 3600), (7200, None), (3600, 86_400)])
def test_a_tenants_own_lifetime_limit_replaces_that_of_the_settings(own: float, general: float | None) -> None:
    policy, of = ClaimsPolicy(max_lifetime=general, start_leeway=0), tenant(max_lifetime=own)
    assert admitted(of, policy=policy, iat=NOW, exp=NOW + own).tenant_id == "acme"
    refused = refusal(of, policy=policy, iat=NOW, exp=NOW + own + 1)
    assert isinstance(refused, LifetimeTooLong)
    assert refused.description.endswith(f"{own // 3600} hour{'s' * (own > 3600)}")


# Step 11: application

TWO = [Application("shop"), Application("admin"), Application("old", active=False), Application("gone", active=False)]


@pytest.mark.parametrize("count", [2, 20], ids=["few applications", "many applications"])
@pytest.mark.parametrize(
    ("audience", "application"),
    [
        ("shop", "shop"),
        (["admin"], "admin"),
        (["shop", "shop"], "shop"),
        (["https://elsewhere.example/", "shop"], "shop"),
        (["old", "shop"], "shop"),
    ],
)
def test_the_audience_names_one_active_application(audience: object, application: str, count: int) -> None:
    of = tenant(applications=[*TWO, *(f"more-{number}" for number in range(count))])
    assert admitted(of, aud=audience).application_id == application


@pytest.mark.parametrize("count", [2, 20], ids=["few applications", "many applications"])
@pytest.mark.parametrize(
    ("kind", "audience"),
    [
        (UnknownApplication, "Shop"),
        (UnknownApplication, "shop "),
        (UnknownApplication, "acme"),
        (UnknownApplication, ["a", "b"]),
        (AmbiguousApplication, ["shop", "admin"]),
        (AmbiguousApplication, ["shop", "admin", "shop"]),
        (SuspendedApplication, "old"),
        (SuspendedApplication, ["old", "gone"]),
        (SuspendedApplication, ["unknown", "old"]),
    ],
)
def test_any_other_audience_is_refused(kind: type[AuthenticationError], audience: object, count: int) -> None:
    of = tenant(applications=[*TWO, *(f"more-{number}" for number in range(count))])
    assert refused_claim(kind, of, aud=audience) == "aud"


def test_the_only_application_of_a_tenant_may_be_suspended_too() -> None:
    of = tenant(applications=[Application("shop", active=False)])
    for audience in ("shop", ["shop"]):
        assert refused_claim(SuspendedApplication, of, aud=audience) == "aud"


def test_a_suspended_application_is_named_for_the_log() -> None:
    assert refusal(tenant(applications=TWO), aud=["elsewhere", "old"]).application_id == "old"


# Step 12: scopes


def test_granted_scopes_are_those_of_the_token_up_to_the_ceiling() -> None:
    of = tenant(applications=[Application("shop", scopes=["read", "delete"])])
    me = admitted(of, scope=["read", "write"])
    assert me.scopes == {"read"}
    assert me.withheld_scopes == {"write"}


def test_an_empty_ceiling_grants_nothing() -> None:
    of = tenant(applications=[Application("shop", scopes=[])])
    assert admitted(of, scope=["read"]).scopes == frozenset()


def test_without_a_ceiling_every_scope_is_granted() -> None:
    me = admitted(scope=["read", "anything"])
    assert me.scopes == {"read", "anything"}
    assert me.withheld_scopes == frozenset()


# Tenants that name claims otherwise


def test_a_tenant_may_keep_scopes_and_audience_in_other_claims() -> None:
    of = tenant(scope_claim="scp", audience_claim="client_id")
    me = admitted(of, scp="read", client_id="shop", aud="https://api.example/", scope="admin")
    assert me.application_id == "shop"
    assert me.scopes == {"read"}


def test_the_usual_claims_may_have_any_type_where_they_mean_nothing() -> None:
    of = tenant(scope_claim="scp", audience_claim="client_id")
    assert admitted(of, client_id="shop", aud=7, scope=7, scp=ABSENT).scopes == frozenset()


@pytest.mark.parametrize(
    ("kind", "claims", "named"),
    [
        (MissingRequiredClaim, {"client_id": ABSENT}, "client_id"),
        (InvalidClaim, {"client_id": ["shop", 7]}, "client_id"),
        (UnknownApplication, {"client_id": "other"}, "client_id"),
        (AmbiguousApplication, {"client_id": ["shop", "admin"]}, "client_id"),
        (SuspendedApplication, {"client_id": "old"}, "client_id"),
        (InvalidClaim, {"scp": 7}, "scp"),
        (InvalidClaim, {"scp": "a\nb"}, "scp"),
    ],
)
def test_a_refusal_names_the_claim_as_the_tenant_does(
    kind: type[AuthenticationError], claims: dict[str, object], named: str
) -> None:
    of = tenant(scope_claim="scp", audience_claim="client_id", applications=TWO)
    assert refused_claim(kind, of, **{"client_id": "shop", **claims}) == named


# Step 13: validators


def test_validators_see_the_identity_one_after_the_other() -> None:
    seen: list[tuple[int, str]] = []
    policy = ClaimsPolicy(validators=tuple(lambda me, n=n: seen.append((n, me.subject)) for n in range(2)))  # type: ignore[misc]
    assert admitted(policy=policy).subject == "user_123"
    assert seen == [(0, "user_123"), (1, "user_123")]


def test_a_validator_refuses_by_raising() -> None:
    def refuse(me: Identity) -> None:
        raise InvalidToken("banned")

    refused = refusal(policy=ClaimsPolicy(validators=(refuse,)))
    assert (refused.code, refused.reason, refused.tenant_id, refused.application_id) == (
        "invalid_token",
        "banned",
        "acme",
        "shop",
    )


def test_a_validator_may_refuse_with_an_error_of_its_own() -> None:
    class Banned(InvalidToken):
        description = "The subject is banned"

    def refuse(me: Identity) -> None:
        raise Banned

    assert refusal(policy=ClaimsPolicy(validators=(refuse,))).description == "The subject is banned"


@pytest.mark.parametrize("verdict", [False, True, "refused"])
def test_a_validator_that_answers_instead_of_raising_refuses(verdict: object) -> None:
    """Whoever returns False means no; a coroutine that nobody awaits has decided nothing."""
    refused = refusal(policy=ClaimsPolicy(validators=(lambda me: verdict,)))  # type: ignore[arg-type]
    assert refused.reason == f"validator_answered_with_{type(verdict).__name__}"


def test_a_validator_that_fails_refuses_and_its_text_is_not_told() -> None:
    def fail(me: Identity) -> None:
        raise LookupError("password=hunter2")

    refused = refusal(policy=ClaimsPolicy(validators=(fail,)))
    assert type(refused) is InvalidToken
    assert refused.reason == "validator_failed_with_LookupError"
    assert "hunter2" not in str(refused)


# Step 14: revocation


def test_a_revocation_store_is_asked_with_tenant_token_subject_and_issue_time() -> None:
    assert checked(jti="t1").question == ("acme", "t1", "user_123", NOW - 10)


def test_a_token_without_id_is_asked_for_by_its_fingerprint() -> None:
    assert checked().question[1] == fingerprint(token())


def test_a_revoked_token_is_refused_with_tenant_and_application_for_the_log() -> None:
    with pytest.raises(Revoked) as caught:
        admit(checked(), True)
    assert (caught.value.tenant_id, caught.value.application_id) == ("acme", "shop")


# Step 15: scopes that a place needs


def test_scopes_that_are_all_granted_are_enough() -> None:
    require_scopes(identity(), ["read"])
    require_scopes(identity(), [])


def test_a_lacking_scope_is_refused_with_all_that_the_place_needs() -> None:
    with pytest.raises(InsufficientPermissions) as caught:
        require_scopes(identity(), ["read", "admin"])
    assert type(caught.value) is InsufficientPermissions
    assert caught.value.required_scopes == ("read", "admin")
    assert (caught.value.tenant_id, caught.value.application_id) == ("acme", "shop")


def test_a_scope_above_the_ceiling_is_told_apart_from_one_that_is_not_in_the_token() -> None:
    of = tenant(applications=[Application("shop", scopes=["read"])])
    me = admitted(of, scope="read write")
    with pytest.raises(ScopeNotGranted):
        require_scopes(me, ["write", "admin"])
    with pytest.raises(InsufficientPermissions) as caught:
        require_scopes(me, ["admin"])
    assert not isinstance(caught.value, ScopeNotGranted)


def test_an_identity_knows_when_the_key_that_signed_ends() -> None:
    assert admitted(tenant(keys=[Key.secret(SECRET, not_after=NOW + 5)])).key_expires_at == NOW + 5
    assert admitted().key_expires_at is None
