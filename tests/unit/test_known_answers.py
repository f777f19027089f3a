"""Known answers: the HMAC test vectors of RFC 4231, and the HS256 example of RFC 7515, appendix A.1."""

from __future__ import annotations

import base64

import pytest

from jwt_middleware import Authenticator, InvalidSignature, JWTSettings, Key, MissingRequiredClaim, Tenant, TokenExpired

_LONG = b"\xaa" * 131
_VECTORS = {
    "case-1": (
        # The zero is the first one of HMAC's own padding: vertical tabs alone are white space, which is no secret here.
        b"\x0b" * 20 + b"\0",
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
        "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    "case-2": (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    "case-3": (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
        "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ),
    "case-4": (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
        "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
    "case-6": (
        _LONG,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
    "case-7": (
        _LONG,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
        "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
    ),
}
"""RFC 4231, section 4: key, data, and their HMAC with SHA-256, SHA-384 and SHA-512 in hexadecimal.

Case 5 is left out: its values are cut off, which no signature of JWS is.
"""


@pytest.mark.parametrize("index", range(3), ids=["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("vector", _VECTORS.values(), ids=_VECTORS)
def test_hmac_as_in_rfc_4231(vector: tuple[bytes, bytes, str, str, str], index: int) -> None:
    secret, signing_input, *digests = vector
    key = Key.secret(secret, algorithm=("HS256", "HS384", "HS512")[index], allow_weak=True)
    signature = bytes.fromhex(digests[index])
    assert key.verifies(signing_input, signature)
    assert key.sign(signing_input) == signature
    assert not key.verifies(signing_input + b"\0", signature)
    assert not key.verifies(signing_input, signature[:-1])
    assert not any(key.verifies(signing_input, bytes.fromhex(other)) for other in digests if other != digests[index])


_RFC_7515_SECRET = base64.urlsafe_b64decode(
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
)
_RFC_7515_INPUT = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
_RFC_7515_SIGNATURE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def test_the_signature_of_rfc_7515_a_1() -> None:
    key = Key.secret(_RFC_7515_SECRET)
    signature = base64.urlsafe_b64decode(_RFC_7515_SIGNATURE + "=")
    assert len(_RFC_7515_SECRET) == 64
    assert key.verifies(_RFC_7515_INPUT.encode(), signature)
    assert key.sign(_RFC_7515_INPUT.encode()) == signature


def test_the_token_of_rfc_7515_a_1_is_read_as_far_as_its_claims_go() -> None:
    """Its white space and line ends are read; what is missing for this API is told, after the signature has held."""
    authenticator = _authenticator(_RFC_7515_SECRET)
    with pytest.raises(MissingRequiredClaim) as refused:
        authenticator.authenticate(f"{_RFC_7515_INPUT}.{_RFC_7515_SIGNATURE}")
    assert refused.value.claim == "sub"


def test_the_token_of_rfc_7515_a_1_under_another_key() -> None:
    with pytest.raises(InvalidSignature) as refused:
        _authenticator(_RFC_7515_SECRET[::-1]).authenticate(f"{_RFC_7515_INPUT}.{_RFC_7515_SIGNATURE}")
    assert refused.value.code == "invalid_signature"


def test_the_example_of_the_authentication_guide_was_good_in_its_time() -> None:
    """Header and payload as the guide shows them, white space left out; signed as it says."""
    header, payload = (base64.urlsafe_b64encode(text).rstrip(b"=") for text in (_GUIDES_HEADER, _GUIDES_PAYLOAD))
    key = Key.secret(_RFC_7515_SECRET)
    signature = base64.urlsafe_b64encode(key.sign(header + b"." + payload)).rstrip(b"=")
    text = b".".join((header, payload, signature)).decode()
    tenant = Tenant("your-tenant-id", keys=[key], applications=["your-application-id"])
    identity = Authenticator(JWTSettings([tenant], clock=lambda: 1_696_137_599)).authenticate(text)
    assert (identity.subject, sorted(identity.scopes)) == ("user_123", ["read", "write"])
    with pytest.raises(TokenExpired):
        Authenticator(JWTSettings([tenant], clock=lambda: 1_696_137_600)).authenticate(text)


_GUIDES_HEADER = b'{"alg":"HS256","typ":"JWT"}'
_GUIDES_PAYLOAD = (
    b'{"sub":"user_123","iss":"your-tenant-id","aud":"your-application-id",'
    b'"iat":1696134000,"exp":1696137600,"scope":["read","write"]}'
)


def _authenticator(secret: bytes) -> Authenticator:
    joe = Tenant("joe", keys=[Key.secret(secret)], applications=["shop"])
    return Authenticator(JWTSettings([joe], clock=lambda: 1_300_819_379))
