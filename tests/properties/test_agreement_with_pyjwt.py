"""Whatever we accept, PyJWT accepts too: with the same key, issuers, audiences, algorithms and leeway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, tzinfo
from functools import cache
from typing import Any

import jwt
import jwt.api_jwt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jwt_middleware import Authenticator, Identity, InvalidToken, JWTSettings

from ..conformance.tokens import CLAIMS, GOOD, NOW, claims_of
from .existence import one_of
from .signing import ALGORITHMS, APPLICATIONS, TENANTS, VERIFICATION_KEYS, issuers_for, sign
from .strategies import damaged_tokens, tokens

_LEEWAYS = st.sampled_from((0, 1, 60, 0.5, 100))
_REQUIRED = ["sub", "iss", "aud", "iat", "exp"]


class _Standing(datetime):
    """A clock that stands, for PyJWT: ours is a setting, its is not."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> _Standing:
        return cls.fromtimestamp(NOW, tz)


@pytest.fixture(scope="module", autouse=True)
def _standing_clock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jwt.api_jwt, "datetime", _Standing)
        yield


@cache
def _authenticator(start_leeway: float, expiry_leeway: float) -> Authenticator:
    """Keeps what it has verified between examples, as in a process that serves."""
    return Authenticator(
        JWTSettings(
            TENANTS,
            algorithms=ALGORITHMS,
            start_leeway=start_leeway,
            expiry_leeway=expiry_leeway,
            max_lifetime=None,
            clock=lambda: NOW,
        )
    )


def _accepted(token: str, start_leeway: float = 60, expiry_leeway: float = 0) -> Identity | None:
    authenticator = _authenticator(start_leeway, expiry_leeway)
    try:
        return authenticator.authenticate(token)
    except InvalidToken:
        return None


def _by_pyjwt(token: str, leeway: float) -> dict[str, Any]:
    algorithm = jwt.get_unverified_header(token)["alg"]
    return jwt.decode(
        token,
        VERIFICATION_KEYS[algorithm],
        ALGORITHMS,
        issuer=issuers_for(algorithm),
        audience=APPLICATIONS,
        leeway=leeway,
        options={"require": _REQUIRED},
    )


@settings(max_examples=5 * settings().max_examples)
@given(tokens() | damaged_tokens(), _LEEWAYS, _LEEWAYS)
@example(GOOD, 60, 0)
@example(sign(b'{"alg":"HS256"}', json.dumps({**CLAIMS, "exp": NOW + 0.5}).encode(), "HS256"), 0, 0)
def test_what_we_accept_pyjwt_accepts(token: str, start_leeway: float, expiry_leeway: float) -> None:
    identity = _accepted(token, start_leeway, expiry_leeway)
    if identity is None:
        return
    # PyJWT drops the fraction of a second that `exp` may have; we do not.
    fraction = claims_of(token)["exp"] % 1
    claims = _by_pyjwt(token, max(start_leeway, expiry_leeway) + fraction)
    assert identity.claims == claims
    assert (identity.subject, identity.issuer) == (claims["sub"], claims["iss"])
    assert (identity.issued_at, identity.expires_at) == (claims["iat"], claims["exp"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_good_tokens_are_among_the_generated(algorithm: str) -> None:
    def is_wanted(token: str) -> bool:
        return _accepted(token) is not None and jwt.get_unverified_header(token)["alg"] == algorithm

    assert is_wanted(one_of(tokens(), is_wanted))
