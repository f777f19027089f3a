"""Steps 2 to 6: from a bearer token to one whose signature holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jwt_middleware import Key, Tenant
from jwt_middleware.errors import (
    AuthenticationError,
    InvalidClaim,
    InvalidKeyId,
    InvalidSignature,
    MalformedToken,
    MissingRequiredClaim,
    TokenTooLong,
    UnacceptableAlgorithm,
    UnacceptableTokenType,
    UnsupportedHeader,
)
from jwt_middleware.jws import MAX_KNOWN_HEADERS, MAX_NESTING, UnverifiedToken, VerifiedToken

from .making import (
    ABSENT,
    NOW,
    OTHER_SECRET,
    SECRET,
    as_json,
    claims,
    sealed,
    segment,
    signed,
    tenant,
    token,
    token_reader,
)

HEADER = b'{"alg":"HS256","typ":"JWT"}'
CLAIMS = as_json(claims())


def read(text: str, **options: Any) -> UnverifiedToken:
    return token_reader(**options).read(text)


def verify(text: str, of: Tenant | None, now: float = NOW, **options: Any) -> VerifiedToken:
    checks = token_reader(**options)
    return checks.verify(checks.read(text), of, now)


def refusal(text: str, of: Tenant | None = None, **options: Any) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as caught:
        verify(text, tenant() if of is None else of, **options)
    return caught.value


def test_a_good_token_is_read_and_its_issuer_told() -> None:
    unverified = read(token())
    assert unverified.issuer == "acme"
    assert (unverified.header.algorithm, unverified.header.key_id, unverified.header.token_type) == (
        "HS256",
        None,
        "jwt",
    )


def test_a_token_of_just_the_limit_is_read_and_one_byte_more_is_not() -> None:
    text = token()
    assert read(text, max_bytes=len(text)).issuer == "acme"
    with pytest.raises(TokenTooLong):
        read(text, max_bytes=len(text) - 1)


def test_length_is_checked_before_anything_is_decoded() -> None:
    with pytest.raises(TokenTooLong):
        read("é" * 8193)


def malformed() -> Iterator[tuple[str, str]]:
    good = token()
    header, payload, signature = good.split(".")
    yield "empty", ""
    yield "dots only", ".."
    yield "no dot", header + payload
    yield "one dot", f"{header}.{payload}"
    yield "four segments", f"{good}.{signature}"
    yield "five segments", f"{good}..{signature}"
    yield "empty header", f".{payload}.{signature}"
    yield "empty payload", f"{header}..{signature}"
    yield "not ascii", f"{good}é"
    yield "a blank inside", f"{header}.{payload[:8]} {payload[8:]}.{signature}"
    yield "a line end at the end", f"{good}\n"
    yield "padded header", f"{header}=.{payload}.{signature}"
    yield "padded signature", f"{good}="
    yield "plus", f"{header}.{payload}.{signature[:-4]}+AAA"
    yield "slash", f"{header}.{payload}.{signature[:-4]}/AAA"
    yield "one character too many", f"{header}.{payload}.{signature}AA"
    yield "header is no JSON", sealed(b"{alg", CLAIMS)
    yield "header is an array", sealed(b" [{}]", CLAIMS)
    yield "header is a string", sealed(b' "alg"', CLAIMS)
    yield "header is not UTF-8", sealed(b'{"alg":"HS256","x":"\xff"}', CLAIMS)
    yield "header has a byte order mark", sealed(b" \xef\xbb\xbf" + HEADER, CLAIMS)
    yield "header has a member twice", sealed(b'{"alg":"HS256","alg":"HS256"}', CLAIMS)
    yield "header has an inner member twice", sealed(b'{"alg":"HS256","x":{"a":1,"a":1}}', CLAIMS)
    yield "header has NaN", sealed(b'{"alg":"HS256","x":NaN}', CLAIMS)
    yield "header has Infinity", sealed(b'{"alg":"HS256","x":-Infinity}', CLAIMS)
    yield "header is deeply nested", sealed(b'{"x":' + b"[" * 100_000, CLAIMS)
    yield (
        "header is nested deeper than claims may be",
        sealed(HEADER[:-1] + b',"x":' + b"[" * 128 + b"]" * 128 + b"}", CLAIMS),
    )
    yield "header has a number of 5000 digits", sealed(b'{"alg":"HS256","x":' + b"1" * 5000 + b"}", CLAIMS)
    yield "payload is no JSON", sealed(HEADER, b"{sub")
    yield "payload is an array", sealed(HEADER, b' [{"iss":"acme"}]')
    yield "payload is null", sealed(HEADER, b" null")
    yield "payload is not UTF-8", sealed(HEADER, b'{"iss":"acme","x":"\xff"}')
    yield "payload has NaN", sealed(HEADER, CLAIMS[:-1] + b',"x":NaN}')
    yield "payload has Infinity", sealed(HEADER, CLAIMS[:-1] + b',"x":Infinity}')
    yield "payload has something behind it", sealed(HEADER, CLAIMS + b"{}")
    yield "payload is deeply nested", sealed(HEADER, CLAIMS[:-1] + b',"x":' + b"[" * 100_000)
    yield "a claim is not UTF-8", sealed(HEADER, CLAIMS.replace(b"user_123", b"user\xff"))


@pytest.mark.parametrize(("text"), [pytest.param(text, id=name) for name, text in malformed()])
def test_what_is_not_three_canonical_segments_of_json_objects_is_malformed(text: str) -> None:
    with pytest.raises(MalformedToken):
        read(text, max_bytes=1_000_000)


@pytest.mark.parametrize("reached", [2, 3])
def test_a_segment_with_spare_bits_is_not_canonical(reached: int) -> None:
    payload = next(
        as_json(claims(x="x" * pad)) for pad in range(4) if len(segment(as_json(claims(x="x" * pad)))) % 4 == reached
    )
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    canonical = segment(payload)
    following = alphabet[alphabet.index(canonical[-1]) + 1]
    assert read(signed(f"{segment(HEADER)}.{canonical}")).issuer == "acme"
    with pytest.raises(MalformedToken) as caught:
        read(signed(f"{segment(HEADER)}.{canonical[:-1]}{following}"))
    assert caught.value.reason == "not_canonical_base64url"


@pytest.mark.parametrize("blank", [b" ", b"\t", b"\n", b"\r"])
def test_json_may_begin_with_its_own_blanks(blank: bytes) -> None:
    assert verify(sealed(blank + HEADER, blank + CLAIMS), tenant()).token.issuer == "acme"


def nested(depth: int) -> str:
    """A token with this many arrays and objects within each other, the payload itself among them."""
    inner = b"[" * (depth - 1) + b"]" * (depth - 1)
    return sealed(HEADER, CLAIMS[:-1] + b',"x":' + inner + b"}")


def test_claims_may_be_nested_to_the_limit() -> None:
    assert read(nested(MAX_NESTING)).issuer == "acme"
    with pytest.raises(MalformedToken) as caught:
        read(nested(MAX_NESTING + 1))
    assert caught.value.reason == "payload_too_deeply_nested"


def test_nesting_counts_objects_and_arrays_alike() -> None:
    inner = b'{"a":[' * 70 + b"1" + b"]}" * 70
    with pytest.raises(MalformedToken):
        read(sealed(HEADER, CLAIMS[:-1] + b',"x":' + inner + b"}"))


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "hs256", "HS384", "RS256", "", " HS256", None, 256, ["HS256"], ABSENT], ids=ascii
)
def test_an_algorithm_outside_the_allow_list_is_refused(algorithm: object) -> None:
    assert isinstance(refusal(token(header={"alg": algorithm})), UnacceptableAlgorithm)


def test_the_allow_list_is_of_this_process() -> None:
    text = token(header={"alg": "HS512"})
    of = tenant(keys=[Key.secret(SECRET, algorithm="HS512")])
    assert verify(text, of, algorithms=["HS512"]).key.algorithm == "HS512"
    assert isinstance(refusal(text, of, algorithms=["HS256"]), UnacceptableAlgorithm)


@pytest.mark.parametrize("member", ["crit", "b64"])
@pytest.mark.parametrize("value", [None, [], ["exp"], True, False])
def test_an_extension_is_refused_whatever_its_value(member: str, value: object) -> None:
    assert isinstance(refusal(token(header={member: value})), UnsupportedHeader)


@pytest.mark.parametrize("member", ["jku", "x5u", "x5c", "jwk", "cty", "custom"])
def test_other_header_members_are_not_used(member: str) -> None:
    assert verify(token(header={member: "https://evil.example/"}), tenant()).tenant.id == "acme"


@pytest.mark.parametrize("key_id", [None, "", 7, ["k1"], "x" * 257, "k\n1", "k\x851", "\ud800"], ids=ascii)
def test_a_key_id_is_a_short_plain_string(key_id: object) -> None:
    assert isinstance(refusal(token(header={"kid": key_id})), InvalidKeyId)


@pytest.mark.parametrize(
    "token_type", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "Application/at+jwt", ABSENT]
)
def test_an_accepted_token_type_may_be_written_in_any_way(token_type: object) -> None:
    assert verify(token(header={"typ": token_type}), tenant()).tenant.id == "acme"


@pytest.mark.parametrize("token_type", ["", "JWS", "dpop+jwt", "application/application/jwt", " JWT", None, 7, ["JWT"]])
def test_another_token_type_is_refused(token_type: object) -> None:
    assert isinstance(refusal(token(header={"typ": token_type})), UnacceptableTokenType)


@pytest.mark.parametrize(("token_type", "as_text"), [(None, "None"), (7, "7"), (True, "true")])
def test_a_token_type_that_is_no_text_is_none_whatever_is_accepted(token_type: object, as_text: str) -> None:
    assert isinstance(refusal(token(header={"typ": token_type}), tenant(token_types=[as_text])), UnacceptableTokenType)


def test_a_tenants_own_token_types_replace_those_of_the_settings() -> None:
    of = tenant(token_types=["application/Custom+JWT"])
    assert verify(token(header={"typ": "custom+jwt"}), of).tenant.id == "acme"
    assert isinstance(refusal(token(header={"typ": "JWT"}), of), UnacceptableTokenType)


def test_a_token_without_type_is_accepted_for_a_tenant_with_its_own_token_types() -> None:
    assert verify(token(header={"typ": ABSENT}), tenant(token_types=["at+jwt"])).tenant.id == "acme"


@pytest.mark.parametrize("token_type", ["JWT", "at+jwt", "custom+jwt", ABSENT], ids=str)
@pytest.mark.parametrize("own", [None, ["JWT"], ["custom+jwt"], []], ids=str)
def test_who_cannot_sign_does_not_learn_from_the_type_which_issuers_exist(
    own: list[str] | None, token_type: object
) -> None:
    text = token(OTHER_SECRET, header={"typ": token_type})
    known = refusal(text, tenant(token_types=own))
    with pytest.raises(AuthenticationError) as unknown:
        verify(text, None)
    assert type(known) is type(unknown.value)
    assert known.description == unknown.value.description


def test_no_token_types_of_a_tenants_own_means_that_none_is_accepted() -> None:
    of = tenant(token_types=[])
    assert isinstance(refusal(token(header={"typ": "JWT"}), of), UnacceptableTokenType)
    assert verify(token(header={"typ": ABSENT}), of).tenant is of


@pytest.mark.parametrize("issuer", [ABSENT, None])
def test_a_token_without_issuer_lacks_a_required_claim(issuer: object) -> None:
    missing = refusal(token(iss=issuer))
    assert isinstance(missing, MissingRequiredClaim)
    assert missing.claim == "iss"


@pytest.mark.parametrize("issuer", ["", "x" * 257, "ac\nme", 7, True, ["acme"], {"acme": 1}], ids=ascii)
def test_an_issuer_is_a_short_plain_string(issuer: object) -> None:
    wrong = refusal(token(iss=issuer))
    assert isinstance(wrong, InvalidClaim)
    assert wrong.claim == "iss"


def test_of_a_member_that_stands_twice_the_last_counts() -> None:
    payload = CLAIMS[:-1] + b',"iss":"globex"}'
    assert read(sealed(HEADER, payload)).issuer == "globex"
    assert verify(sealed(HEADER, payload), tenant("globex")).all_claims()["iss"] == "globex"


def test_wrong_types_of_other_claims_are_not_told_before_the_signature_holds() -> None:
    assert isinstance(refusal(token(OTHER_SECRET, sub=7)), InvalidSignature)
    assert verify(token(sub=7), tenant()).claims is None


@pytest.mark.parametrize(
    ("length", "secret"),
    [(256, SECRET[:32]), (384, SECRET[:48]), (512, SECRET[:64]), (256, SECRET), (256, b"\0" * 32), (512, b"k" * 200)],
)
def test_a_good_signature_of_each_algorithm_holds(length: int, secret: bytes) -> None:
    algorithm = f"HS{length}"
    text = token(secret, header={"alg": algorithm})
    key = Key.secret(secret, algorithm=algorithm)
    verified = verify(text, tenant(keys=[key]), algorithms=[algorithm])
    assert (verified.key, verified.all_claims()) == (key, claims())


def tampered() -> Iterator[tuple[str, str]]:
    header, payload, signature = token().split(".")
    yield "another secret", token(OTHER_SECRET)
    yield "another payload", f"{header}.{segment(as_json(claims(sub='admin')))}.{signature}"
    yield "another header", f"{segment(HEADER + b' ')}.{payload}.{signature}"
    yield "no signature", f"{header}.{payload}."
    yield "half a signature", f"{header}.{payload}.{signature[:20]}"
    yield "a longer signature", f"{header}.{payload}.{signature[:-1]}AAAAA"
    yield "zeros", f"{header}.{payload}.{segment(bytes(32))}"
    yield "the right length in another hash", signed(f"{header}.{payload}", SECRET, "HS512")


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in tampered()])
def test_a_signature_that_does_not_hold_is_refused(text: str) -> None:
    assert isinstance(refusal(text), InvalidSignature | MalformedToken)
    assert refusal(text).reason in ("bad_signature", "not_canonical_base64url")


def no_good_key() -> Iterator[tuple[str, str, Tenant | None]]:
    yield "unknown_issuer", token(), None
    yield "resolver_answered_with_another_issuer", token(), tenant("globex")
    yield "no_key_for_algorithm", token(), tenant(keys=[Key.secret(SECRET, algorithm="HS512")])
    yield "no_key_for_algorithm", token(), tenant(keys=[])
    yield "unknown_key_id", token(header={"kid": "k2"}), tenant(keys=[Key.secret(SECRET, kid="k1")])
    yield "retired_key", token(), tenant(keys=[Key.secret(SECRET, not_after=NOW)])
    yield "retired_key", token(), tenant(keys=[Key.secret(SECRET, kid="k1", not_after=NOW - 1)])
    yield "bad_signature", token(OTHER_SECRET), tenant()


@pytest.mark.parametrize(("reason", "text", "of"), [*no_good_key()])
def test_every_reason_why_no_key_fits_gets_one_answer(reason: str, text: str, of: Tenant | None) -> None:
    checks = token_reader(["HS256", "HS512"])
    with pytest.raises(InvalidSignature) as caught:
        checks.verify(checks.read(text), of, NOW)
    refused = caught.value
    assert refused.reason == reason
    assert (refused.description, refused.solution) == (InvalidSignature.description, InvalidSignature.solution)
    assert (refused.claim, refused.required_scopes, refused.tenant_id) == (None, (), None)


@pytest.mark.parametrize(("reason", "text", "of"), [*no_good_key()])
def test_a_refused_signature_costs_one_verification_whether_there_was_a_key_or_not(
    reason: str, text: str, of: Tenant | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Key] = []
    prepare = Key.prepare

    def counting(key: Key) -> Any:
        verifier = prepare(key)
        object.__setattr__(key, "prepared", None)  # so that each use is counted

        def verify(signing_input: bytes, signature: bytes) -> bool:
            counted.append(key)
            return verifier(signing_input, signature)

        return verify

    monkeypatch.setattr(Key, "prepare", counting)
    checks = token_reader(["HS256", "HS512"])
    with pytest.raises(InvalidSignature):
        checks.verify(checks.read(text), of, NOW)
    assert len(counted) == 1, reason


def test_every_stranger_pays_whether_there_was_one_before_or_not() -> None:
    checks = token_reader()
    for _ in range(3):
        with pytest.raises(InvalidSignature):
            checks.verify(checks.read(token()), None, NOW)


def test_a_key_is_accepted_until_its_end() -> None:
    of = tenant(keys=[Key.secret(SECRET, not_after=NOW)])
    assert verify(token(), of, now=NOW - 1).tenant is of


@pytest.mark.parametrize("issuer", ["acme ", "Acme", "acm", "acmee"])
def test_the_issuer_is_matched_exactly(issuer: str) -> None:
    assert refusal(token(iss=issuer)).reason == "resolver_answered_with_another_issuer"


def test_every_issuer_of_a_tenant_is_accepted() -> None:
    of = tenant(issuers=["acme", "https://acme.example/"])
    assert verify(token(iss="https://acme.example/"), of).token.issuer == "https://acme.example/"


def numbered(number: int) -> bytes:
    return f"the secret with the number {number:06}".encode()


def keys(count: int) -> list[Key]:
    return [Key.secret(numbered(number), kid=f"k{number}") for number in range(count)]


def test_the_key_that_the_token_names_is_used() -> None:
    of = tenant(keys=[Key.secret(OTHER_SECRET, kid="old"), Key.secret(SECRET, kid="new")])
    assert verify(token(header={"kid": "new"}), of).key.key_id == "new"
    assert refusal(token(header={"kid": "old"}), of).reason == "bad_signature"


def test_a_key_without_id_serves_every_key_id() -> None:
    assert verify(token(header={"kid": "whatever"}), tenant()).key.key_id is None


def test_a_token_without_key_id_is_tried_against_every_key_of_its_algorithm() -> None:
    of = tenant(keys=[Key.secret(OTHER_SECRET, kid="old"), Key.secret(SECRET, kid="new")])
    assert verify(token(), of).key.key_id == "new"


def test_a_token_without_key_id_is_tried_against_eight_keys_and_no_more() -> None:
    of = tenant(keys=keys(9))
    assert verify(token(numbered(7)), of).key.key_id == "k7"
    assert isinstance(refusal(token(numbered(8)), of), InvalidSignature)


def test_a_token_with_key_id_finds_its_key_among_any_number() -> None:
    of = tenant(keys=keys(100))
    assert verify(token(numbered(99), header={"kid": "k99"}), of).key.key_id == "k99"


def test_a_named_key_is_found_behind_eight_keys_without_id() -> None:
    anonymous = [Key.secret(numbered(number)) for number in range(8)]
    of = tenant(keys=[*anonymous, Key.secret(SECRET, kid="k1")])
    assert verify(token(header={"kid": "k1"}), of).key.key_id == "k1"


def test_a_header_that_was_seen_gets_the_same_checks_again() -> None:
    checks, of = token_reader(), tenant(keys=[Key.secret(SECRET, kid="k1")])
    for _ in range(2):
        checks.verify(checks.read(token(header={"kid": "k1"})), of, NOW)
    with pytest.raises(InvalidSignature):
        checks.verify(checks.read(token(OTHER_SECRET, header={"kid": "k1"})), of, NOW)
    with pytest.raises(InvalidSignature):
        checks.verify(checks.read(token(header={"kid": "k1"})), tenant(keys=[Key.secret(SECRET, kid="k2")]), NOW)


def test_a_header_is_the_same_one_the_second_time() -> None:
    checks = token_reader()
    verified = checks.verify(checks.read(token()), tenant(), NOW)
    assert checks.read(token()).header is verified.token.header


def test_only_headers_of_good_tokens_are_remembered_and_not_too_many() -> None:
    checks, of = token_reader(), tenant()
    with pytest.raises(InvalidSignature):
        checks.verify(checks.read(token(OTHER_SECRET)), of, NOW)
    assert checks.read(token()).header is not checks.read(token()).header
    first = checks.verify(checks.read(token()), of, NOW).token.header
    for number in range(MAX_KNOWN_HEADERS):
        checks.verify(checks.read(token(header={"n": number})), of, NOW)
    assert checks.read(token()).header is not first


def test_all_claims_are_read_from_the_verified_bytes() -> None:
    payload = json.dumps({**claims(), "x": {"y": [1, None, "ü"]}}).encode()
    assert verify(sealed(HEADER, payload), tenant()).all_claims() == json.loads(payload)


@pytest.mark.parametrize(
    "more",
    [b',"x":"\xff"', b',"x":"a:b:c\xff"', b',"\xff":1', b',"jti":"t","x":"\xff"', b',"nbf":1,"x":["\xff"]'],
    ids=ascii,
)
@pytest.mark.parametrize("scope", [["read"], ABSENT, None], ids=["scope", "no scope", "null scope"])
def test_claims_that_nobody_looks_at_are_read_as_carefully_as_the_others(more: bytes, scope: object) -> None:
    with pytest.raises(MalformedToken):
        read(sealed(HEADER, as_json(claims(scope=scope))[:-1] + more + b"}"))
