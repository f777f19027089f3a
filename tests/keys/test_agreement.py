"""Whatever is accepted, PyJWT accepts too: with the same key, algorithm, issuer, audience and leeway."""

from __future__ import annotations

import json
from typing import Any

import jwt
from hypothesis import event, given, settings
from hypothesis import strategies as st

from jwt_middleware import AuthenticationError, Authenticator, Tenant
from jwt_middleware.settings import JWTSettings

from ..unit.making import ABSENT, NOW, Clock, segment
from .making import ALGORITHMS, Signer

LEEWAY = 60
SIGNERS = {
    **{name: Signer(name, f"{name}-1") for name in ALGORITHMS},
    "Ed448": Signer("EdDSA", "Ed448-1", kind="Ed448"),
}
STRANGERS = {name: Signer(name, f"{name}-1", number=1) for name in ALGORITHMS}
TENANT = Tenant("acme", keys=[signer.key() for signer in SIGNERS.values()], applications=["shop"])
AUTHENTICATOR = Authenticator(JWTSettings([TENANT], clock=Clock(), start_leeway=LEEWAY))

times = st.one_of(st.integers(NOW - 5000, NOW + 5000), st.floats(NOW - 5000, NOW + 5000), st.sampled_from([0, -1, "1"]))
likely_claims = st.fixed_dictionaries(
    {
        "sub": st.one_of(st.just("user_123"), st.text(max_size=3), st.sampled_from([7, None])),
        "iss": st.sampled_from(["acme"] * 8 + ["other", 7]),
        "aud": st.sampled_from(["shop"] * 6 + [["shop"], ["shop", "other"], ["other"], "other", [], 7]),
        "iat": times,
        "exp": times,
    },
    optional={
        "nbf": times,
        "jti": st.one_of(st.text(max_size=3), st.just(7)),
        "scope": st.sampled_from(["a b", ["a"]]),
    },
)
good_claims = st.fixed_dictionaries(
    {
        "sub": st.text("abc", min_size=1, max_size=5),
        "iss": st.just("acme"),
        "aud": st.sampled_from(["shop", ["shop"], ["shop", "other"]]),
        "iat": st.integers(NOW - 3000, NOW + LEEWAY),
        "exp": st.integers(NOW + 1, NOW + 3000),
    },
    optional={"nbf": st.integers(NOW - 3000, NOW + LEEWAY)},
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "kid": st.sampled_from([ABSENT, "ES256-1", "RS256-1", "other", 7]),
        "typ": st.sampled_from([ABSENT, "JWT", "at+jwt", "application/jwt", "dpop+jwt"]),
        "alg": st.sampled_from([*ALGORITHMS, "none", "HS256", "ES256K"]),
        "x": st.integers(),
    },
)


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """Good tokens, and such as go wrong in one place or several."""
    name = draw(st.sampled_from([*SIGNERS]))
    signer = draw(st.sampled_from([SIGNERS[name]] * 6 + [STRANGERS.get(name, STRANGERS["ES256"])]))
    header = draw(st.one_of(st.just({}), headers))
    claims = draw(st.one_of(good_claims, good_claims, likely_claims))
    members = {"alg": signer.algorithm, "typ": "JWT", "kid": signer.kid, **header}
    present = {member: value for member, value in members.items() if value is not ABSENT}
    text = signer.signed(json.dumps(present).encode(), json.dumps(claims).encode())
    return draw(st.sampled_from([text] * 8 + [damaged(text), text[:-1], text + "=", f"{text.rpartition('.')[0]}."]))


def damaged(text: str) -> str:
    """The token with one bit of its signature changed."""
    content, _, signature = text.rpartition(".")
    raw = bytearray(jwt.utils.base64url_decode(signature))
    raw[len(raw) // 2] ^= 1
    return f"{content}.{segment(bytes(raw))}"


def pyjwt_accepts(text: str) -> bool:
    """Whether PyJWT takes it with any one of the tenant's keys, at the frozen time."""
    header = jwt.get_unverified_header(text)
    return any(
        decoded_by(signer, text)
        for signer in SIGNERS.values()
        if signer.algorithm == header["alg"] and header.get("kid", signer.kid) == signer.kid
    )


def decoded_by(signer: Signer, text: str) -> bool:
    # PyJWT looks at the real clock: times are checked by hand, as it does.
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "require": ["sub", "iat", "exp"]}
    try:
        claims = jwt.decode(
            text, signer.public, algorithms=[signer.algorithm], audience="shop", issuer="acme", options=options
        )
    except jwt.PyJWTError:
        return False
    starts = max(float(claims["iat"]), float(claims.get("nbf", 0)))
    return starts <= NOW + LEEWAY and float(claims["exp"]) > NOW - LEEWAY


def accepts(text: str) -> bool:
    try:
        AUTHENTICATOR.authenticate(text)
    except AuthenticationError:
        return False
    return True


@given(tokens())
@settings(max_examples=400, deadline=None)
def test_whatever_is_accepted_pyjwt_accepts_too(text: str) -> None:
    first, second = accepts(text), accepts(text)
    event("accepted" if first else "refused")
    assert first == second, "a token that was seen before is treated otherwise"
    assert not first or pyjwt_accepts(text)


def test_the_comparison_can_fail() -> None:
    """Both sides accept the good token of every algorithm, and the other side refuses what is wrong with it."""
    for name, signer in SIGNERS.items():
        text = signer.token()
        assert accepts(text), name
        assert pyjwt_accepts(text), name
        for wrong in (
            damaged(text),
            signer.token(aud="other"),
            signer.token(exp=NOW - LEEWAY),
            signer.token(sub=ABSENT),
        ):
            assert not accepts(wrong), name
            assert not pyjwt_accepts(wrong), name
