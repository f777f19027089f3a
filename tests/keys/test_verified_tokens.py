"""Tokens whose signature was verified before: everything but the signature is looked at again, each time."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import pytest

from jwt_middleware import Application, Authenticator, Identity, InvalidToken, Key, Tenant
from jwt_middleware.tenants.keys import Verifier
from jwt_middleware.verified_tokens import TENANT_SHARE, VerifiedTokens

from ..unit.making import ABSENT, NOW, SECRET, Clock, settings, token
from .conftest import Ask
from .making import Signer, key_set
from .serving import PATIENT, KeyServer, broken, cached_for

Verdict: TypeAlias = Callable[[Authenticator, str], str]

RS = Signer("RS256", "k1")
OTHER = Signer("RS256", "k1", number=1)
ACCEPTED = "user_123"
BAD_SIGNATURE = "401 invalid_signature"
INVALID = "401 invalid_token"


class Counted:
    """A key that counts how often a signature is checked with it."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.checks = 0
        self._verify: Verifier = key.prepare()
        object.__setattr__(key, "prepared", self._counted)

    def _counted(self, signing_input: bytes, signature: bytes) -> bool:
        self.checks += 1
        return self._verify(signing_input, signature)


@pytest.fixture
def counted() -> Counted:
    return Counted(RS.key())


class Directory:
    """Tenants that change between two requests."""

    in_memory = True

    def __init__(self, *tenants: Tenant) -> None:
        self.put(*tenants)

    def put(self, *tenants: Tenant) -> None:
        self.by_issuer = {issuer: tenant for tenant in tenants for issuer in tenant.issuers}

    def resolve(self, issuer: str) -> Tenant | None:
        return self.by_issuer.get(issuer)


def tenant(key: Key, **changes: Any) -> Tenant:
    return Tenant("acme", **{"keys": [key], "applications": ["shop"], **changes})


def kept(authenticator: Authenticator) -> int:
    return len(authenticator._reader._verified)


# What is kept.


@pytest.mark.parametrize("algorithm", ["RS256", "PS512", "ES256", "ES512", "EdDSA"])
def test_the_signature_of_a_token_is_checked_once(ask: Ask, algorithm: str) -> None:
    signer = Signer(algorithm, "k1")
    counted = Counted(signer.key())
    authenticator = Authenticator(settings([tenant(counted.key)]))
    text = signer.token(jti="one")
    first, *later = (ask(authenticator, text) for _ in range(5))
    assert counted.checks == 1
    assert all(identity == first for identity in later)
    assert ask(authenticator, signer.token(jti="two")) != first
    assert counted.checks == 2


def test_what_is_given_the_second_time_is_what_was_given_the_first_time(ask: Ask) -> None:
    key = RS.key(not_after=NOW + 1000)
    application = Application("shop", scopes=["read"])
    authenticator = Authenticator(settings([tenant(key, applications=[application])]))
    text = RS.token(deep={"list": [1]})
    first, second = ask(authenticator, text), ask(authenticator, text)
    assert [getattr(first, name) for name in Identity.__struct_fields__ if name[0] != "_"] == [
        getattr(second, name) for name in Identity.__struct_fields__ if name[0] != "_"
    ]
    assert second.key_expires_at == NOW + 1000
    assert second.scopes == {"read"}
    assert second.withheld_scopes == {"write"}
    assert second.token_id == first.token_id
    assert second.claims == first.claims
    assert second is not first


def test_each_identity_has_claims_of_its_own(ask: Ask, counted: Counted) -> None:
    authenticator = Authenticator(settings([tenant(counted.key)]))
    text = RS.token(deep={"list": [1]})
    for _ in range(4):
        claims = ask(authenticator, text).claims
        assert claims["deep"] == {"list": [1]}
        assert "sub" in claims
        claims["deep"]["list"].append("changed")
        claims.clear()
    assert counted.checks == 1


def test_what_a_validator_does_to_claims_does_not_last(ask: Ask, counted: Counted) -> None:
    def spoil(identity: Identity) -> None:
        assert identity.claims.pop("plan") == "free"
        identity.claims["admin"] = True

    authenticator = Authenticator(settings([tenant(counted.key)], validators=[spoil]))
    text = RS.token(plan="free")
    for _ in range(3):
        ask(authenticator, text)
    assert counted.checks == 1


def test_an_hmac_is_not_worth_keeping(ask: Ask) -> None:
    counted = Counted(Key.secret(SECRET))
    authenticator = Authenticator(settings([tenant(counted.key)]))
    for _ in range(3):
        ask(authenticator, token())
    assert counted.checks == 3
    assert kept(authenticator) == 0


def test_keeping_can_be_switched_off(ask: Ask, counted: Counted) -> None:
    authenticator = Authenticator(settings([tenant(counted.key)], max_verified_tokens=0))
    for _ in range(3):
        ask(authenticator, RS.token())
    assert counted.checks == 3
    assert kept(authenticator) == 0


def test_claims_of_unusual_types_are_read_anew_each_time(ask: Ask, counted: Counted) -> None:
    """This tenant has its applications in `client_id`, so that nobody has to understand its `aud`."""
    authenticator = Authenticator(settings([tenant(counted.key, audience_claim="client_id")]))
    text = RS.token(aud={"some": "thing"}, client_id="shop")
    for _ in range(3):
        assert ask(authenticator, text).application_id == "shop"
    assert counted.checks == 3
    assert kept(authenticator) == 0


REFUSED = {
    "forged": lambda: OTHER.token(),
    "expired": lambda: RS.token(exp=NOW),
    "not yet valid": lambda: RS.token(iat=NOW + 100),
    "of a wrong type": lambda: RS.token(sub=7),
    "without subject": lambda: RS.token(sub=ABSENT),
    "of another application": lambda: RS.token(aud="other"),
    "of another issuer": lambda: RS.token(iss="other"),
    "of another type": lambda: RS.token({"typ": "dpop+jwt"}),
    "of another key": lambda: RS.token({"kid": "k2"}),
    "sender-constrained": lambda: RS.token(cnf={"jkt": "x"}),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_only_what_was_accepted_is_kept(verdict: Verdict, counted: Counted, make: Callable[[], str]) -> None:
    authenticator = Authenticator(settings([tenant(counted.key)]))
    for _ in range(2):
        assert verdict(authenticator, make()).startswith("401 ")
    assert kept(authenticator) == 0


def test_a_token_that_a_validator_refuses_is_not_kept(verdict: Verdict, counted: Counted) -> None:
    def refuse(identity: Identity) -> None:
        raise InvalidToken("not today")

    authenticator = Authenticator(settings([tenant(counted.key)], validators=[refuse]))
    assert verdict(authenticator, RS.token()) == INVALID
    assert kept(authenticator) == 0


def test_a_token_that_is_kept_cannot_be_found_in_memory(ask: Ask) -> None:
    """Who reads the memory of the process does not find tokens in it that are still good."""
    authenticator = Authenticator(settings([tenant(RS.key())]))
    text = RS.token()
    ask(authenticator, text)
    assert kept(authenticator) == 1
    signature = RS.sign(text.rpartition(".")[0].encode())  # RS256 signs the same text with the same bytes
    segment = text.rpartition(".")[2].encode()
    for found in reachable(authenticator._reader):
        assert signature not in found
        assert segment not in found


def reachable(start: object) -> list[bytes]:
    """All bytes and texts that hang on this object."""
    seen, pending, found = {id(start)}, [start], list[bytes]()
    while pending:
        one = pending.pop()
        if isinstance(one, bytes | str):
            found.append(one if isinstance(one, bytes) else one.encode("utf-8", "replace"))
        # The collector does not look into every struct.
        fields = [getattr(one, name) for name in one.__struct_fields__] if isinstance(one, msgspec.Struct) else []
        for referent in (*gc.get_referents(one), *fields):
            if id(referent) not in seen and not isinstance(referent, type | type(gc)):
                seen.add(id(referent))
                pending.append(referent)
    return found


# What is looked at again.


def test_the_end_of_a_key_is_looked_at(verdict: Verdict, clock: Clock) -> None:
    counted = Counted(RS.key(not_after=NOW + 10))
    authenticator = Authenticator(settings([tenant(counted.key)], clock=clock))
    text = RS.token()
    for now, expected in (
        (NOW, ACCEPTED),
        (NOW + 9.9, ACCEPTED),
        (NOW + 10, BAD_SIGNATURE),
        (NOW + 500, BAD_SIGNATURE),
        (NOW + 9.9, ACCEPTED),
    ):
        clock.now = now
        assert verdict(authenticator, text) == expected
    assert counted.checks == 1


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, ACCEPTED),
    "its key": ({"keys": [OTHER.key()]}, BAD_SIGNATURE),
    "the id of its key": ({"keys": [RS.key(kid="k2")]}, BAD_SIGNATURE),
    "the algorithm of its key": ({"keys": [Signer("PS256", "k1").key()]}, BAD_SIGNATURE),
    "its kind of key": ({"keys": [Key.secret(SECRET)]}, BAD_SIGNATURE),
    "no key": ({"keys": []}, BAD_SIGNATURE),
    "a key that has ended": ({"keys": [RS.key(not_after=NOW)]}, BAD_SIGNATURE),
    "suspended": ({"active": False}, INVALID),
    "other applications": ({"applications": ["other"]}, INVALID),
    "its application suspended": ({"applications": [Application("shop", active=False)]}, INVALID),
    "another audience claim": ({"audience_claim": "client_id"}, "401 missing_required_claim"),
    "a shorter lifetime": ({"max_lifetime": 60}, INVALID),
    "other token types": ({"token_types": ["at+jwt"]}, INVALID),
}


@pytest.mark.parametrize(("changes", "expected"), CHANGES.values(), ids=CHANGES)
def test_the_tenant_is_looked_at(verdict: Verdict, counted: Counted, changes: dict[str, Any], expected: str) -> None:
    before = tenant(counted.key)
    directory = Directory(before)
    authenticator = Authenticator(settings(directory))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    directory.put(tenant(**{"key": counted.key, **changes}))
    assert verdict(authenticator, text) == expected
    assert verdict(authenticator, text) == expected
    directory.put(before)
    assert verdict(authenticator, text) == ACCEPTED


@pytest.mark.parametrize("put", [lambda: (), lambda: (tenant(RS.key(), issuers=["elsewhere"]),)])
def test_a_tenant_that_is_gone_is_unknown(
    verdict: Verdict, counted: Counted, put: Callable[[], tuple[Tenant, ...]]
) -> None:
    directory = Directory(tenant(counted.key))
    authenticator = Authenticator(settings(directory))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    directory.put(*put())
    assert verdict(authenticator, text) == BAD_SIGNATURE


def test_another_tenant_at_the_same_issuer_does_not_inherit_the_verification(
    verdict: Verdict, counted: Counted
) -> None:
    directory = Directory(tenant(counted.key))
    authenticator = Authenticator(settings(directory))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    directory.put(Tenant("other", keys=[OTHER.key()], applications=["shop"], issuers=["acme"]))
    assert verdict(authenticator, text) == BAD_SIGNATURE


def test_a_resolver_that_answers_with_another_tenant_gains_nothing(verdict: Verdict, counted: Counted) -> None:
    directory = Directory(tenant(counted.key))
    authenticator = Authenticator(settings(directory))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    directory.by_issuer["acme"] = Tenant("other", keys=[counted.key], applications=["shop"])
    assert verdict(authenticator, text) == BAD_SIGNATURE


@pytest.mark.parametrize(
    ("ceiling", "granted"), [(["read"], {"read"}), (["other"], set()), ([], set()), (None, {"read", "write"})]
)
def test_the_ceiling_of_the_application_is_looked_at(
    ask: Ask, counted: Counted, ceiling: list[str] | None, granted: set[str]
) -> None:
    directory = Directory(tenant(counted.key))
    authenticator = Authenticator(settings(directory))
    text = RS.token()
    assert ask(authenticator, text).scopes == {"read", "write"}
    directory.put(tenant(counted.key, applications=[Application("shop", scopes=ceiling)]))
    for _ in range(2):
        assert ask(authenticator, text).scopes == granted


def test_another_scope_claim_is_looked_at(ask: Ask, counted: Counted) -> None:
    directory = Directory(tenant(counted.key))
    authenticator = Authenticator(settings(directory))
    text = RS.token(scp=["admin"])
    assert ask(authenticator, text).scopes == {"read", "write"}
    directory.put(tenant(counted.key, scope_claim="scp"))
    for _ in range(2):
        assert ask(authenticator, text).scopes == {"admin"}


def test_a_tenant_object_that_is_new_each_time_costs_a_check_each_time(ask: Ask, counted: Counted) -> None:
    authenticator = Authenticator(settings(lambda issuer: tenant(counted.key)))
    for _ in range(3):
        ask(authenticator, RS.token())
    assert counted.checks == 3
    assert kept(authenticator) == 1


@pytest.mark.parametrize("leeway", [0, 30])
def test_expiry_is_looked_at(verdict: Verdict, counted: Counted, clock: Clock, leeway: int) -> None:
    authenticator = Authenticator(settings([tenant(counted.key)], clock=clock, expiry_leeway=leeway))
    text = RS.token(exp=NOW + 100)
    assert verdict(authenticator, text) == ACCEPTED
    clock.now = NOW + 100 + leeway - 0.001
    assert verdict(authenticator, text) == ACCEPTED
    clock.now = NOW + 100 + leeway
    assert counted.checks == 1
    assert verdict(authenticator, text) == "401 token_expired"


@pytest.mark.parametrize(
    "start", [{"iat": NOW}, {"iat": NOW - 500, "nbf": NOW}, {"iat": NOW, "nbf": NOW - 500}], ids=str
)
def test_a_clock_that_moves_back_is_looked_at(
    verdict: Verdict, counted: Counted, clock: Clock, start: dict[str, Any]
) -> None:
    authenticator = Authenticator(settings([tenant(counted.key)], clock=clock, start_leeway=60))
    text = RS.token(None, **start)
    assert verdict(authenticator, text) == ACCEPTED
    clock.now = NOW - 60
    assert verdict(authenticator, text) == ACCEPTED
    assert counted.checks == 1
    clock.now = NOW - 60.001
    assert verdict(authenticator, text) == INVALID


class Store:
    """A revocation store that changes its mind."""

    in_memory = True

    def __init__(self) -> None:
        self.answer: bool | Exception = False
        self.asked: list[tuple[object, ...]] = []

    def is_revoked(self, *question: object) -> bool:
        self.asked.append(question)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_revocation_is_asked_each_time(verdict: Verdict, counted: Counted) -> None:
    store = Store()
    authenticator = Authenticator(settings([tenant(counted.key)], revocations=store))
    text = RS.token(jti="one")
    for answer, expected in (
        (False, ACCEPTED),
        (True, INVALID),
        (True, INVALID),
        (ConnectionError(), "503 temporarily_unavailable"),
        (False, ACCEPTED),
    ):
        store.answer = answer
        assert verdict(authenticator, text) == expected
    assert store.asked == [("acme", "one", "user_123", NOW - 10)] * 5
    assert counted.checks == 1


def test_a_token_that_was_revoked_before_it_came_first_stays_revoked(verdict: Verdict, counted: Counted) -> None:
    store = Store()
    store.answer = True
    authenticator = Authenticator(settings([tenant(counted.key)], revocations=store))
    for _ in range(3):
        assert verdict(authenticator, RS.token()) == INVALID


def test_validators_are_asked_each_time(verdict: Verdict, counted: Counted) -> None:
    is_open = True

    def opening_hours(identity: Identity) -> None:
        if not is_open:
            raise InvalidToken("closed")

    authenticator = Authenticator(settings([tenant(counted.key)], validators=[opening_hours]))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    is_open = False
    assert verdict(authenticator, text) == INVALID
    is_open = True
    assert verdict(authenticator, text) == ACCEPTED
    assert counted.checks == 1


def test_another_signature_under_the_same_content_is_checked(verdict: Verdict, counted: Counted) -> None:
    authenticator = Authenticator(settings([tenant(counted.key)]))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    content, _, signature = text.rpartition(".")
    for forged in ("", "AAAA", "A" * len(signature), OTHER.token().rpartition(".")[2], signature[:-4] + "AAAA"):
        assert verdict(authenticator, f"{content}.{forged}") == BAD_SIGNATURE
    assert verdict(authenticator, text) == ACCEPTED
    assert kept(authenticator) == 1


def test_another_spelling_of_a_kept_token_is_refused(verdict: Verdict, counted: Counted) -> None:
    authenticator = Authenticator(settings([tenant(counted.key)]))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    for spelling in (text + "=", text + " ", text + ".", "." + text, text.replace("_", "/", 1) + "=", text[:-1]):
        assert verdict(authenticator, spelling).startswith("401 ")


def test_another_header_over_the_same_payload_is_checked(verdict: Verdict, counted: Counted) -> None:
    authenticator = Authenticator(settings([tenant(counted.key)]))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    _, payload, signature = text.split(".")
    for header in ({"alg": "HS256"}, {"alg": "RS512"}, {"kid": "k2"}, {"kid": ABSENT}, {"typ": ABSENT}):
        head = RS.token(header).split(".")[0]
        assert verdict(authenticator, f"{head}.{payload}.{signature}") == BAD_SIGNATURE


def test_two_authenticators_share_nothing(verdict: Verdict, counted: Counted) -> None:
    first = Authenticator(settings([tenant(counted.key)]))
    second = Authenticator(settings([tenant(counted.key, applications=["other"])]))
    stranger = Authenticator(settings([tenant(OTHER.key())]))
    strict = Authenticator(settings([tenant(RS.key())], algorithms=["ES256"]))
    text = RS.token()
    assert verdict(first, text) == ACCEPTED
    for authenticator, expected in ((second, INVALID), (stranger, BAD_SIGNATURE), (strict, INVALID)):
        assert verdict(authenticator, text) == expected
        assert kept(authenticator) == 0
    assert verdict(first, text) == ACCEPTED


# Keys that are fetched.


def test_a_key_that_is_gone_from_its_set_is_looked_at(server: KeyServer, clock: Clock, verdict: Verdict) -> None:
    server.answer = cached_for(100, key_set(RS))
    keys = server.jwks(clock=clock)
    authenticator = Authenticator(settings([Tenant("acme", keys=keys, applications=["shop"])]))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    assert verdict(authenticator, text) == ACCEPTED
    for members, expected in (((RS,), ACCEPTED), ((OTHER,), BAD_SIGNATURE), ((), BAD_SIGNATURE), ((RS,), ACCEPTED)):
        server.answer = cached_for(100, key_set(*members))
        clock.now += 100
        assert verdict(authenticator, text) == expected
        assert verdict(authenticator, text) == expected
    assert kept(authenticator) == 1


def test_a_set_whose_time_is_up_is_looked_at(server: KeyServer, clock: Clock, verdict: Verdict) -> None:
    server.answer = cached_for(100, key_set(RS))
    keys = server.jwks(clock=clock, limits=PATIENT._replace(last_good=50))
    authenticator = Authenticator(settings([Tenant("acme", keys=keys, applications=["shop"])]))
    text = RS.token()
    assert verdict(authenticator, text) == ACCEPTED
    server.answer = broken()
    clock.now += 149
    assert verdict(authenticator, text) == ACCEPTED
    clock.now += 1
    assert verdict(authenticator, text) == "503 temporarily_unavailable"


# How many are kept.


def test_tokens_are_bounded_in_all_and_the_first_go_first() -> None:
    tokens: VerifiedTokens[int] = VerifiedTokens(8)
    for number in range(20):
        tokens.keep(b"%d" % number, number, f"tenant {number % 5}")
        assert len(tokens) <= 8
    assert [tokens.find(b"%d" % number) for number in range(20)] == [None] * 12 + [*range(12, 20)]


def test_a_tenant_has_a_quarter_of_the_places_at_most() -> None:
    """Its flood displaces its own tokens, not those of the others."""
    tokens: VerifiedTokens[int] = VerifiedTokens(8)
    tokens.keep(b"quiet", -1, "quiet")
    for number in range(20):
        tokens.keep(b"%d" % number, number, "noisy")
    assert len(tokens) == 1 + 8 // TENANT_SHARE
    assert tokens.find(b"quiet") == -1
    assert [tokens.find(b"%d" % number) for number in (17, 18, 19)] == [None, 18, 19]


@pytest.mark.parametrize(("places", "of_one"), [(0, 0), (1, 1), (3, 1), (4, 1), (1024, 256)])
def test_each_tenant_has_one_place_where_there_is_any(places: int, of_one: int) -> None:
    tokens: VerifiedTokens[int] = VerifiedTokens(places)
    for number in range(300):
        tokens.keep(b"%d" % number, number, "acme")
    assert len(tokens) == of_one


def test_the_same_token_again_takes_no_second_place() -> None:
    tokens: VerifiedTokens[int] = VerifiedTokens(8)
    for number in range(5):
        tokens.keep(b"same", number, "acme")
    tokens.keep(b"another", 7, "acme")
    assert len(tokens) == 2
    assert tokens.find(b"same") == 4
    assert tokens.find(b"sam") is None


def test_who_comes_and_goes_leaves_nothing_behind() -> None:
    tokens: VerifiedTokens[int] = VerifiedTokens(4)
    for number in range(1000):
        tokens.keep(b"%d" % number, number, f"tenant {number}")
    assert len(tokens) == 4
    assert len(tokens._of_tenant) == 4


def test_a_flood_of_one_tenant_does_not_cost_another_its_place(ask: Ask) -> None:
    quiet, noisy = Signer("ES256", number=2), Signer("EdDSA", number=2)
    counted = Counted(quiet.key())
    tenants = [Tenant("quiet", keys=[counted.key], applications=["shop"]), noisy.tenant("noisy")]
    authenticator = Authenticator(settings(tenants, max_verified_tokens=16))
    text = quiet.token(iss="quiet")
    ask(authenticator, text)
    for number in range(50):
        ask(authenticator, noisy.token(iss="noisy", jti=f"{number}"))
    ask(authenticator, text)
    assert counted.checks == 1
    assert kept(authenticator) == 1 + 16 // TENANT_SHARE
