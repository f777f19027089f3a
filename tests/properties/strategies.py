"""Tokens and requests: mostly good ones, with a few things changed, a little or wildly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..conformance.row import Request
from ..conformance.tokens import ABSENT, CLAIMS, NOW, with_members
from .signing import ALGORITHMS, APPLICATIONS, ISSUERS, issuers_for, sign

_TEXTS: Final = st.text(max_size=12) | st.sampled_from(("", " ", "a\0", "\x85", "\u2028", "x" * 300))
_WILD: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_TIMES: Final = (
    st.integers(NOW - 200, NOW + 200)
    | st.floats(NOW - 200, NOW + 200)
    | st.sampled_from((NOW, NOW - 60, NOW + 60, NOW + 0.5, NOW - 0.5, 0, -0.0, 1e10, 10**11, NOW * 1000))
    | st.sampled_from((str(NOW), True, None, ABSENT))
)
_SCOPES: Final = st.lists(st.sampled_from(("read", "write", "é", "a b", "")) | _TEXTS, max_size=4)
_NEAR: Final[Mapping[str, SearchStrategy[Any]]] = {
    "iss": st.sampled_from((*ISSUERS, "ACME", "acme ", "", None, ["acme"], ABSENT)),
    "aud": st.sampled_from((*APPLICATIONS, "nope", "", None, ABSENT))
    | st.lists(st.sampled_from((*APPLICATIONS, "x", ""))),
    "sub": _TEXTS | st.sampled_from((1, None, ABSENT)),
    "iat": _TIMES,
    "exp": _TIMES,
    "nbf": _TIMES,
    "jti": _TEXTS | st.sampled_from((1, None)),
    "scope": _SCOPES | _SCOPES.map(" ".join) | st.sampled_from((None, 1, ABSENT)),
    "cnf": st.sampled_from((None, {}, {"jkt": "x"})),
}
_CLAIM_CHANGES: Final = st.one_of(
    *(st.tuples(st.just(name), near) for name, near in _NEAR.items()),
    st.tuples(st.sampled_from([*_NEAR]) | _TEXTS, _WILD),
)
_HEADER_CHANGES: Final = st.one_of(
    st.tuples(st.just("alg"), st.sampled_from((*ALGORITHMS, "none", "hs256", "RS256", None, ABSENT)) | _WILD),
    st.tuples(st.just("typ"), st.sampled_from(("JWT", "at+jwt", "application/jwt", "", None, ABSENT)) | _WILD),
    st.tuples(st.just("kid"), _TEXTS | _WILD),
    st.tuples(st.sampled_from(("crit", "b64", "jwk", "jku", "x5c", "zip", "cty")), _WILD),
    st.tuples(_TEXTS, _WILD),
)
_LITERALS: Final = st.sampled_from(
    (
        b'"x":NaN',
        b'"x":1e400',
        b'"x":-0',
        b'"x":1E5',
        b'"x":01',
        b'"x":"\xff"',
        b'"x":"\\ud800"',
        b'"x":"\\ud83d\\ude00"',
        b'"\xff":1',
        b'"x":' + b"[" * 127 + b"]" * 127,
        b'"x":' + b"[" * 200 + b"]" * 200,
        b'"x":' + b"9" * 30,
        b'"x":' + b"9" * 400,
        b'"sub":"twin"',
        b'"\\u0073ub":"twin"',
        b'"iss":"acme"',
        b'"iss":"other"',
        b'"exp":1e11',
        b'"exp":1800000600.75',
        b'"exp":1800000600e0',
        b'"exp":18000006000e-1',
        b'"jti":"a:b"',
        b'"nbf":0',
        b'"scope":null',
        b'"":{}',
        b'"x":1}',
        b'"x":1,',
        b"'x':1",
        b'"x":"\t"',
        b'"x":{"y":1,"y":2}',
        b' "x"\n:\t1 ',
    )
)
"""Members of JSON that no encoder would write."""


def _object(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


@st.composite
def _objects(draw: st.DrawFn, good: Mapping[str, Any], changes: SearchStrategy[tuple[str, Any]]) -> bytes:
    """A JSON object: these members with up to three changes, at times with a literal member, at times cut off."""
    members = with_members(good, dict(draw(st.lists(changes, max_size=3))))
    text = _object(members)
    literal = draw(st.none() | _LITERALS)
    return text if literal is None or not members else text[:-1] + b"," + literal + b"}"


def good_token(algorithm: str) -> str:
    """The guide's token, for the tenant whose keys are for this algorithm."""
    claims = {**CLAIMS, "iss": issuers_for(algorithm)[0]}
    return sign(_object({"alg": algorithm, "typ": "JWT"}), _object(claims), algorithm)


_NOISE: Final = st.binary(max_size=40)


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """A token that one of the tenant's keys has signed."""
    named = draw(st.sampled_from(ALGORITHMS))
    good = {"alg": named, "typ": "JWT"}
    header = _object(good) if draw(st.integers(0, 3)) else draw(_objects(good, _HEADER_CHANGES) | _NOISE)
    claims = _objects({**CLAIMS, "iss": issuers_for(named)[0]}, _CLAIM_CHANGES)
    payload = draw(claims | claims | _NOISE)
    signing = named if draw(st.integers(0, 9)) else draw(st.sampled_from(ALGORITHMS))
    return sign(header, payload, signing)


_JUNK: Final = st.text("abAB01-_=+/. ,\t\n\x00é\u0661", max_size=6)


@st.composite
def damaged_tokens(draw: st.DrawFn) -> str:
    """A token in which something was cut out and something was put in."""
    whole = draw(tokens())
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 4)))
    return whole[:start] + draw(_JUNK) + whole[end:]


def _latin_1(text: str) -> bytes:
    return text.encode("latin-1", "replace")


_SCHEMES: Final = st.sampled_from(
    (b"Bearer ", b"bearer ", b"BEARER  ", b" \tBearer ", b"Basic ", b"Bearer", b"Bearer\t", b"")
)
_VALUES: Final = st.one_of(
    st.builds(lambda scheme, token: scheme + _latin_1(token), _SCHEMES, tokens()),
    st.builds(lambda scheme, token: scheme + _latin_1(token), _SCHEMES, damaged_tokens()),
    st.builds(lambda scheme, noise: scheme + noise, _SCHEMES, st.binary(max_size=60)),
    st.builds(lambda token: b"Bearer " + _latin_1(token), tokens()),
)
"""Values of the Authorization field."""

_NAMES: Final = st.sampled_from(
    (
        *("authorization", "proxy-authorization", "host", "cookie", "origin", "access-control-request-method"),
        *("x-forwarded-proto", "x-forwarded-for", "x-original-url", "x-http-method-override", "remote-user"),
        *("sec-websocket-protocol", "upgrade", "x-auth-subject", "accept", "user-agent"),
    )
) | st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
fields: Final = st.lists(
    st.tuples(st.just("authorization"), _VALUES) | st.tuples(_NAMES, st.binary(max_size=40)), max_size=4
).map(tuple)
"""Header fields: any bytes as values, the Authorization field more often than others."""

_SEGMENTS: Final = st.sampled_from(
    (
        *(b"", b".", b"..", b"static", b"admin", b"Admin", b"healthz", b"feed", b"users", b"v1", b"auth", b"verify"),
        *(
            b"x\\y",
            b"%2f",
            b"%2e%2e",
            b"%61dmin",
            b"%",
            "é".encode(),
            b"\xff",
            b"\xc0\xaf",
            b"\xed\xa0\x80",
            b"\0",
            b"\n",
        ),
    )
) | st.binary(max_size=5)
paths: Final = st.lists(_SEGMENTS, min_size=1, max_size=5).map(lambda segments: b"/" + b"/".join(segments))
"""Percent-decoded paths, in bytes: what a server has read, in any spelling."""

_METHODS: Final = st.sampled_from(("GET", "HEAD", "POST", "OPTIONS", "get", "PROPFIND", "PUT")) | st.from_regex(
    r"[!#$%&'*+.^_`|~A-Za-z0-9-]{1,8}", fullmatch=True
)
_QUERIES: Final = st.text(st.characters(max_codepoint=255, exclude_characters="#"), max_size=20) | st.sampled_from(
    ("scope=read", "scope=admin", "scope=read%20admin", "scope=%C3%A9", "scope=%ff", "scope=a+b&scope=c", "scope=%22")
)


def requests(paths: SearchStrategy[bytes] = paths) -> SearchStrategy[Request]:
    """Requests to these paths; with a good token or none, or with any fields at all."""
    good = tokens().map(lambda token: (("authorization", b"Bearer " + token.encode()),))
    return st.builds(
        Request,
        method=_METHODS,
        path=paths,
        mount=st.sampled_from(("", "", "/api", "/static", "/büro")),
        query=_QUERIES,
        fields=fields | good | st.just(()),
        scheme=st.sampled_from(("http", "https")),
        is_forged=st.booleans(),
    )
