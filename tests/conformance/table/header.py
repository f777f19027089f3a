"""Step 2: three segments, and what the first one says."""

from __future__ import annotations

from ..answers import ALGORITHM, EXTENSION, KEY_ID, MALFORMED, SIGNATURE, TOKEN_TYPE, because
from ..row import Row, Section, bearing, reached
from ..tokens import ABSENT, CLAIMS, GOOD, encode, headed, raw, sealed

_HEADER, _PAYLOAD, _SIGNATURE = GOOD.split(".")
_BARE = encode(b'{"alg":"HS256" }')
_REORDERED = encode(b'{"typ":"JWT", "alg":"HS256"}')
_NO_KEY = because(SIGNATURE, "no_key_for_algorithm")


def _passes(name: str, text: str, **settings: object) -> Row:
    return Row(name, bearing(text), reached(text), settings)


def _with_spare_bits(segment: str) -> str:
    """Another spelling of the same bytes: the last character of a segment that is not full has bits to spare."""
    return segment[:-1] + chr(ord(segment[-1]) + 1)


def _with_header(octets: bytes) -> str:
    return raw(octets, CLAIMS)


SECTION = Section(
    "header",
    (
        Row("empty-token-of-dots", bearing(".."), MALFORMED),
        Row("no-dot", bearing(_HEADER), MALFORMED),
        Row("two-segments", bearing(f"{_HEADER}.{_PAYLOAD}"), MALFORMED),
        Row("four-segments", bearing(f"{GOOD}.{_SIGNATURE}"), MALFORMED),
        Row("five-segments", bearing(f"{GOOD}.{_PAYLOAD}.{_SIGNATURE}"), MALFORMED),
        Row("dot-in-front", bearing(f".{GOOD}"), MALFORMED),
        Row("dot-behind", bearing(f"{GOOD}."), MALFORMED),
        Row("no-header", bearing(sealed(f".{_PAYLOAD}")), MALFORMED),
        Row("no-payload", bearing(sealed(f"{_HEADER}.")), MALFORMED),
        Row("padded-header", bearing(sealed(f"{_BARE}==.{_PAYLOAD}")), MALFORMED),
        Row("padded-payload", bearing(sealed(f"{_HEADER}.{_PAYLOAD}==")), MALFORMED),
        Row("padded-signature", bearing(f"{GOOD}="), MALFORMED),
        Row("spare-bits-in-header", bearing(sealed(f"{_with_spare_bits(_BARE)}.{_PAYLOAD}")), MALFORMED),
        Row("spare-bits-in-signature", bearing(_with_spare_bits(GOOD)), MALFORMED),
        Row("segment-of-impossible-length", bearing(f"{GOOD}AA"), MALFORMED),
        Row("base64-of-the-other-alphabet", bearing(f"{_HEADER}.{_PAYLOAD}.{'+/' * 21}A"), MALFORMED),
        Row("percent-encoded", bearing(GOOD.replace(".", "%2E")), MALFORMED),
        Row("empty-header", bearing(_with_header(b"")), MALFORMED),
        Row("header-is-an-array", bearing(_with_header(b'["alg","HS256"]')), MALFORMED),
        Row("header-is-text", bearing(_with_header(b'"HS256"')), MALFORMED),
        Row("header-is-null", bearing(_with_header(b"null")), MALFORMED),
        Row("header-is-cut-off", bearing(_with_header(b'{"alg":"HS256"')), MALFORMED),
        Row("header-with-junk-behind", bearing(_with_header(b'{"alg":"HS256"}x')), MALFORMED),
        Row("header-with-byte-order-mark", bearing(_with_header(b'\xef\xbb\xbf{"alg":"HS256"}')), MALFORMED),
        Row("header-in-utf-16", bearing(_with_header('{"alg":"HS256"}'.encode("utf-16"))), MALFORMED),
        Row("header-in-no-utf-8", bearing(_with_header(b'{"alg":"HS256","x":"\xff"}')), MALFORMED),
        Row("header-with-nan", bearing(_with_header(b'{"alg":"HS256","x":NaN}')), MALFORMED),
        Row("header-with-infinity", bearing(_with_header(b'{"alg":"HS256","x":-Infinity}')), MALFORMED),
        Row("header-with-alg-twice", bearing(_with_header(b'{"alg":"none","alg":"HS256"}')), MALFORMED),
        Row("header-with-alg-twice-escaped", bearing(_with_header(b'{"\\u0061lg":"none","alg":"HS256"}')), MALFORMED),
        Row("header-with-kid-twice", bearing(_with_header(b'{"alg":"HS256","kid":"a","kid":"b"}')), MALFORMED),
        Row("header-with-a-twin-inside", bearing(_with_header(b'{"alg":"HS256","x":{"y":1,"y":2}}')), MALFORMED),
        Row("header-nested-deeply", bearing(_with_header(b'{"alg":"HS256","x":' + b"[" * 2500)), MALFORMED),
        Row("no-alg", bearing(headed(alg=ABSENT)), ALGORITHM),
        Row("null-alg", bearing(headed(alg=None)), ALGORITHM),
        Row("number-as-alg", bearing(headed(alg=256)), ALGORITHM),
        Row("list-as-alg", bearing(headed(alg=["HS256"])), ALGORITHM),
        Row("empty-alg", bearing(headed(alg="")), ALGORITHM),
        Row("none", bearing(headed(alg="none")), ALGORITHM),
        Row("none-without-signature", bearing(headed(alg="none").rpartition(".")[0] + "."), ALGORITHM),
        Row("none-in-capitals", bearing(headed(alg="NONE")), ALGORITHM),
        Row("none-in-mixed-case", bearing(headed(alg="nOnE")), ALGORITHM),
        Row("alg-in-lower-case", bearing(headed(alg="hs256")), ALGORITHM),
        Row("alg-with-blank", bearing(headed(alg="HS256 ")), ALGORITHM),
        Row("unknown-alg", bearing(headed(alg="HS1")), ALGORITHM),
        Row("alg-off-the-list", bearing(GOOD), ALGORITHM, {"algorithms": ["HS512"]}),
        Row("alg-that-no-key-has", bearing(headed(alg="HS384")), _NO_KEY),
        Row("alg-of-public-keys-over-a-secret", bearing(headed(alg="RS256")), _NO_KEY),
        Row("crit-empty", bearing(headed(crit=[])), EXTENSION),
        Row("crit-known", bearing(headed(crit=["exp"], exp=1)), EXTENSION),
        Row("crit-null", bearing(headed(crit=None)), EXTENSION),
        Row("b64-false", bearing(headed(b64=False)), EXTENSION),
        Row("b64-true", bearing(headed(b64=True)), EXTENSION),
        Row("crit-and-b64", bearing(headed(b64=False, crit=["b64"])), EXTENSION),
        Row("kid-null", bearing(headed(kid=None)), KEY_ID),
        Row("kid-empty", bearing(headed(kid="")), KEY_ID),
        Row("kid-number", bearing(headed(kid=1)), KEY_ID),
        Row("kid-object", bearing(headed(kid={"$ne": ""})), KEY_ID),
        Row("kid-too-long", bearing(headed(kid="k" * 257)), KEY_ID),
        Row("kid-with-line-feed", bearing(headed(kid="k\n")), KEY_ID),
        Row("kid-with-delete", bearing(headed(kid="k\x7f")), KEY_ID),
        Row("kid-with-c1-control", bearing(headed(kid="k\x85")), KEY_ID),
        Row("kid-with-surrogate", bearing(headed(kid="k\ud800")), KEY_ID),
        _passes("kid-of-256-characters", headed(kid="é" * 256)),
        _passes("kid-like-a-path", headed(kid="../../dev/null")),
        _passes("typ-absent", headed(typ=ABSENT)),
        _passes("typ-in-lower-case", headed(typ="jwt")),
        _passes("typ-with-prefix", headed(typ="application/JWT")),
        _passes("typ-access-token", headed(typ="at+jwt")),
        _passes("typ-access-token-with-prefix", headed(typ="Application/AT+JWT")),
        Row("typ-null", bearing(headed(typ=None)), TOKEN_TYPE),
        Row("typ-number", bearing(headed(typ=1)), TOKEN_TYPE),
        Row("typ-empty", bearing(headed(typ="")), TOKEN_TYPE),
        Row("typ-prefix-only", bearing(headed(typ="application/")), TOKEN_TYPE),
        Row("typ-prefix-twice", bearing(headed(typ="application/application/jwt")), TOKEN_TYPE),
        Row("typ-of-a-proof", bearing(headed(typ="dpop+jwt")), TOKEN_TYPE),
        Row("typ-of-a-logout-token", bearing(headed(typ="logout+jwt")), TOKEN_TYPE),
        Row("typ-off-the-list", bearing(GOOD), TOKEN_TYPE, {"token_types": ["at+jwt"]}),
        _passes("typ-on-the-list", headed(typ="x+jwt"), token_types=["application/X+JWT"]),
        _passes("key-in-the-header-is-not-used", headed(jwk={"kty": "oct", "k": encode(b"k" * 32)})),
        _passes("address-in-the-header-is-not-used", headed(jku="http://127.0.0.1:9/", x5u="http://127.0.0.1:9/")),
        Row(
            "signed-with-the-key-in-the-header",
            bearing(headed(b"k" * 32, jwk={"kty": "oct", "k": encode(b"k" * 32), "alg": "HS256"})),
            SIGNATURE,
        ),
        _passes("unknown-member", headed(cty="JWT", extra={"nested": [1, 2]})),
        _passes("members-in-another-order", sealed(f"{_REORDERED}.{_PAYLOAD}")),
    ),
)
