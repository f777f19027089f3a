"""Each documented error has a factory, whose token or state brings about just that error at both doors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from jwt_middleware import (
    Application,
    Authenticator,
    ConfigurationError,
    Identity,
    InvalidToken,
    JWTSettings,
    Key,
    Rule,
    Tenant,
    errors,
)
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.testing import (
    Clock,
    EverythingRevoked,
    TokenFactory,
    Unavailable,
    acme,
    auth_headers,
    make_token,
    override,
    suspended,
)
from jwt_middleware.tokens import decoded
from tests.unit.calling import ASGIDoor, Door, WSGIDoor

MakesToken = Callable[[TokenFactory], str | None]


def refuse(identity: Identity) -> None:
    raise InvalidToken


def signed(factory: TokenFactory) -> str:
    return factory.make_token()


class Case(NamedTuple):
    """A token and the settings that it meets, beside those in `door`."""

    token: MakesToken
    settings: dict[str, Any] = {}  # noqa: RUF012 (read only)
    scheme: str = "https"


CASES: dict[type[AuthenticationError], list[Case]] = {
    errors.NoCredentials: [Case(lambda tokens: None)],
    errors.MalformedCredentials: [Case(TokenFactory.two_tokens)],
    errors.TokenTooLong: [Case(TokenFactory.too_long)],
    errors.MalformedToken: [Case(TokenFactory.malformed)],
    errors.UnacceptableAlgorithm: [Case(TokenFactory.unsigned)],
    errors.UnsupportedHeader: [Case(TokenFactory.with_critical_header)],
    errors.InvalidKeyId: [Case(TokenFactory.with_invalid_key_id)],
    errors.UnacceptableTokenType: [Case(TokenFactory.of_unaccepted_type)],
    errors.InvalidClaim: [
        Case(lambda tokens, name=name: tokens.with_wrong_type(name))  # type: ignore[misc]
        for name in ("sub", "iss", "aud", "iat", "exp", "nbf", "jti", "scope")
    ],
    errors.TimeInMilliseconds: [Case(TokenFactory.in_milliseconds)],
    errors.SenderConstrained: [Case(TokenFactory.bound_to_sender)],
    errors.NotYetValid: [Case(TokenFactory.not_yet_valid)],
    errors.LifetimeTooLong: [Case(TokenFactory.living_too_long)],
    errors.UnknownApplication: [Case(TokenFactory.for_unknown_application)],
    errors.AmbiguousApplication: [Case(TokenFactory.for_two_applications)],
    errors.SuspendedTenant: [Case(signed, {"tenants": [suspended(acme())]})],
    errors.SuspendedApplication: [Case(TokenFactory.for_suspended_application)],
    errors.Revoked: [Case(signed, {"revocations": EverythingRevoked()})],
    errors.InsecureTransport: [Case(signed, {"require_https": True}, "http")],
    errors.InvalidToken: [Case(signed, {"validators": [refuse]})],
    errors.InvalidSignature: [
        Case(TokenFactory.badly_signed),
        Case(TokenFactory.for_unknown_tenant),
        Case(TokenFactory.with_unknown_key_id),
    ],
    errors.MissingRequiredClaim: [
        Case(lambda tokens, name=name: tokens.without(name))  # type: ignore[misc]
        for name in ("sub", "iss", "aud", "iat", "exp")
    ],
    errors.TokenExpired: [Case(TokenFactory.expired)],
    errors.InsufficientPermissions: [Case(TokenFactory.without_scope), Case(lambda made: made.without_scope("write"))],
    errors.ScopeNotGranted: [Case(TokenFactory.above_ceiling)],
    errors.TemporarilyUnavailable: [
        Case(signed, {"tenants": Unavailable()}),
        Case(signed, {"revocations": Unavailable()}),
    ],
}


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000)


@pytest.fixture(params=[WSGIDoor, ASGIDoor])
def door(request: pytest.FixtureRequest, clock: Clock) -> Door:
    writing = Rule("/v1/events", scopes=["write"])
    made: Door = request.param(JWTSettings([acme()], rules=[writing], clock=clock))
    return made


@pytest.fixture
def tokens(clock: Clock) -> TokenFactory:
    return TokenFactory(clock=clock)


def every_error(family: type[AuthenticationError] = AuthenticationError) -> Iterator[type[AuthenticationError]]:
    for kind in family.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from every_error(kind)


def test_every_documented_error_can_be_brought_about() -> None:
    assert set(CASES) == set(every_error())


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(kind, case, id=f"{kind.__name__}-{place}")
        for kind, cases in CASES.items()
        for place, case in enumerate(cases)
    ],
)
def test_a_factory_brings_about_the_error_that_it_is_for(
    kind: type[AuthenticationError], case: Case, door: Door, tokens: TokenFactory
) -> None:
    with override(door.layer, **case.settings):
        reply = door.get("/v1/events", case.token(tokens), scheme=case.scheme)
    assert (reply.status, reply.members["error"]) == (kind.status, kind.code)
    assert reply.members["error_description"].startswith(kind.description)
    assert door.seen == []


def test_a_good_token_is_accepted_at_both_doors(door: Door, tokens: TokenFactory) -> None:
    assert door.get("/v1/events", tokens.make_token()).body == b"ok"
    identity: Identity = door.seen[0]["jwt_middleware.identity"]
    assert (identity.tenant_id, identity.application_id, identity.subject) == ("acme", "shop", "user_123")
    assert identity.scopes == {"read", "write"}
    assert identity.expires_at - identity.issued_at == 3600


def test_a_token_has_the_claims_that_are_asked_for(tokens: TokenFactory) -> None:
    token = tokens.make_token(scope="read", sub="user_7", aud=["kiosk"], email=None, lifetime=60)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {
        "iss": "acme",
        "sub": "user_7",
        "aud": ["kiosk"],
        "iat": 1_800_000_000,
        "exp": 1_800_000_060,
        "scope": "read",
        "email": None,
    }


def test_a_token_has_the_header_that_is_asked_for(tokens: TokenFactory) -> None:
    assert jwt.get_unverified_header(tokens.make_token()) == {"alg": "HS256", "typ": "JWT", "kid": "test"}
    assert jwt.get_unverified_header(tokens.make_token(header={"typ": "at+jwt", "x": 1})) == {
        "alg": "HS256",
        "typ": "at+jwt",
        "kid": "test",
        "x": 1,
    }


def test_claims_may_be_the_same_for_all_tokens_of_a_factory(clock: Clock) -> None:
    tokens = TokenFactory(clock=clock, claims={"plan": "gold", "sub": "user_7"})
    claims = jwt.decode(tokens.expired(sub="user_8"), options={"verify_signature": False, "verify_exp": False})
    assert (claims["plan"], claims["sub"]) == ("gold", "user_8")


def test_a_token_lives_from_its_time_of_issue_on(tokens: TokenFactory) -> None:
    claims = jwt.decode(tokens.make_token(iat=1_000, lifetime=5), options={"verify_signature": False})
    assert (claims["iat"], claims["exp"]) == (1_000, 1_005)


def test_scopes_are_taken_away_from_text_too(tokens: TokenFactory) -> None:
    claims = jwt.decode(tokens.without_scope("b", scope="a b c"), options={"verify_signature": False})
    assert claims["scope"] == ["a", "c"]


def test_a_token_goes_by_the_clock_of_the_test(door: Door, tokens: TokenFactory, clock: Clock) -> None:
    token = tokens.make_token()
    clock.turn(3599)
    assert door.get("/v1/events", token).status == 200
    clock.turn(1)
    assert door.get("/v1/events", token).members["error"] == "token_expired"
    assert door.get("/v1/events", tokens.make_token()).status == 200


def test_a_tenant_with_names_of_its_own_gets_its_claims_by_them() -> None:
    renaming = Tenant(
        "globex",
        issuers=["https://idp.example/globex", "globex"],
        keys=[Key.secret("a former secret, long enough for HS256", not_after=1.0), Key.secret("s" * 64, kid="now")],
        applications=[Application("closed", active=False), "app"],
        scope_claim="scp",
        audience_claim="client_id",
        token_types=["access"],
    )
    tokens = TokenFactory(renaming)
    authenticator = Authenticator(JWTSettings([renaming]))
    identity = authenticator.authenticate(tokens.make_token(scope=["a"]))
    assert (identity.application_id, identity.issuer) == ("app", "https://idp.example/globex")
    assert identity.scopes == {"a"}
    assert authenticator.authenticate(tokens.without("scope")).scopes == frozenset()
    with pytest.raises(errors.MissingRequiredClaim):
        authenticator.authenticate(tokens.without("aud"))


def test_without_a_factory_a_token_is_that_of_the_made_up_tenant() -> None:
    identity = Authenticator(JWTSettings([acme()])).authenticate(make_token(sub="user_7", lifetime=60))
    assert (identity.tenant_id, identity.subject) == ("acme", "user_7")


def test_a_secret_that_is_made_up_is_no_constant() -> None:
    fresh = acme.__wrapped__()
    assert fresh.id == acme().id
    assert not fresh.keys[0].has_secret_of(acme().keys[0])


def test_headers_hold_the_token_that_is_given_or_a_good_one(tokens: TokenFactory) -> None:
    assert auth_headers("a.b.c") == {"Authorization": "Bearer a.b.c"}
    assert tokens.auth_headers("a.b.c") == auth_headers("a.b.c")
    scheme, token = tokens.auth_headers(sub="user_7")["Authorization"].split(" ")
    assert scheme == "Bearer"
    assert jwt.decode(token, options={"verify_signature": False})["sub"] == "user_7"


PRIVATE_KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def public_key(algorithm: str) -> Key:
    pem = PRIVATE_KEYS[algorithm].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return Key.public(pem.decode(), algorithm=algorithm, kid=algorithm)


def pem_of(algorithm: str) -> str:
    key = PRIVATE_KEYS[algorithm]
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def with_public_keys(*algorithms: str) -> Tenant:
    return Tenant("initech", keys=[public_key(algorithm) for algorithm in algorithms], applications=["shop"])


@pytest.mark.parametrize("algorithm", PRIVATE_KEYS)
@pytest.mark.parametrize("form", ["PEM", "object"])
def test_a_private_key_signs_for_the_public_key_that_belongs_to_it(algorithm: str, form: str) -> None:
    tenant = with_public_keys(*PRIVATE_KEYS)
    private_key = pem_of(algorithm) if form == "PEM" else PRIVATE_KEYS[algorithm]
    tokens = TokenFactory(tenant, private_key=private_key)
    authenticator = Authenticator(JWTSettings([tenant]))
    assert authenticator.authenticate(tokens.make_token()).tenant_id == "initech"
    assert jwt.get_unverified_header(tokens.make_token())["kid"] == algorithm
    with pytest.raises(errors.InvalidSignature):
        authenticator.authenticate(tokens.badly_signed())
    with pytest.raises(errors.InvalidSignature):
        authenticator.authenticate(tokens.with_unknown_key_id())
    assert authenticator.authenticate(make_token(tenant, private_key=private_key)).tenant_id == "initech"


def test_of_several_public_keys_for_one_algorithm_the_right_one_is_found() -> None:
    others = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = others.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    tenant = Tenant(
        "initech", keys=[Key.public(pem, algorithm="ES256", kid="other"), public_key("ES256")], applications=["shop"]
    )
    tokens = TokenFactory(tenant, private_key=pem_of("ES256"))
    assert jwt.get_unverified_header(tokens.make_token())["kid"] == "ES256"


def test_a_key_may_be_named_where_the_tenants_keys_are_fetched() -> None:
    class Source:
        def awaited(self, algorithm: str, key_id: str | None) -> None:
            return None

        def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
            return (public_key("EdDSA"),)

    tenant = Tenant("hooli", keys=Source(), applications=["shop"])
    tokens = TokenFactory(tenant, private_key=pem_of("EdDSA"), key=public_key("EdDSA"))
    assert Authenticator(JWTSettings([tenant])).authenticate(tokens.make_token()).tenant_id == "hooli"
    with pytest.raises(errors.SuspendedTenant):
        Authenticator(JWTSettings([suspended(tenant)])).authenticate(tokens.make_token())


@pytest.mark.parametrize(
    ("tenant", "options", "problem"),
    [
        (with_public_keys("RS256"), {}, "no secret to sign with"),
        (with_public_keys("RS256"), {"private_key": pem_of("ES256")}, "belongs to none of the tenant's keys"),
        (with_public_keys("RS256"), {"private_key": "no key"}, "belongs to none of the tenant's keys"),
        (acme(), {"private_key": pem_of("RS256")}, "belongs to none of the tenant's keys"),
        (Tenant("t", keys=[Key.secret("s" * 32, not_after=1.0)], applications=["a"]), {}, "no secret to sign with"),
        (Tenant("t", keys=[Key.secret("s" * 32)], applications=[]), {}, "none of tenant 't' is active"),
    ],
)
def test_what_cannot_make_good_tokens_is_refused_at_once(tenant: Tenant, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        TokenFactory(tenant, **options)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (TokenFactory.for_two_applications, "beside the first one"),
        (TokenFactory.for_suspended_application, "is suspended"),
        (TokenFactory.above_ceiling, "may not have 'write'"),
        (TokenFactory.with_unknown_key_id, "goes with any"),
    ],
)
def test_a_tenant_that_cannot_have_such_a_token_is_named(make: MakesToken, problem: str) -> None:
    tokens = TokenFactory(Tenant("t", keys=[Key.secret("s" * 32)], applications=["a"]))
    with pytest.raises(ConfigurationError, match=problem):
        make(tokens)


def test_a_suspended_tenant_is_the_same_one_otherwise() -> None:
    tenant = Tenant(
        "globex",
        keys=acme().keys,
        applications=acme().applications,
        issuers=["a", "b"],
        scope_claim="scp",
        audience_claim="client_id",
        max_lifetime=600,
        token_types=["access"],
    )
    asleep = suspended(tenant)
    names = [name for name in Tenant.__slots__ if name not in ("active", "_by_audience")]
    assert [getattr(asleep, name) for name in names] == [getattr(tenant, name) for name in names]
    assert (tenant.active, asleep.active) == (True, False)


def test_an_unsigned_token_has_an_empty_signature(tokens: TokenFactory) -> None:
    header, payload, signature = tokens.unsigned().split(".")
    assert json.loads(decoded(header))["alg"] == "none"
    assert json.loads(decoded(payload))["sub"] == "user_123"
    assert signature == ""
