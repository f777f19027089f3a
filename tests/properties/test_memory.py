"""What is remembered between requests changes no answer: a long-lived authenticator judges as a new one does."""

from __future__ import annotations

from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from jwt_middleware import Authenticator, Identity, InvalidToken, JWTSettings

from ..conformance.tokens import NOW
from .signing import ALGORITHMS, TENANTS
from .strategies import damaged_tokens, good_token, tokens

_OFFSETS: Final = st.sampled_from((0, 0, -7200, -121, -120, -119, 3539, 3540, 7200)) | st.integers(-300, 300)
# Only what is signed with a private key is remembered, and that takes the crypto extra.
_KEPT: Final = good_token("EdDSA" if "EdDSA" in ALGORITHMS else "HS256")


class _Clock:
    """Seconds since the Unix epoch, as a test sets them."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


_clock: Final = _Clock()
_settings: Final = JWTSettings(TENANTS, clock=_clock)
_long_lived: Final = Authenticator(_settings)


def _judged(authenticator: Authenticator, token: str) -> Identity | tuple[str, str | None]:
    try:
        return authenticator.authenticate(token)
    except InvalidToken as refusal:
        return refusal.reason, refusal.claim


@given(tokens() | damaged_tokens(), st.lists(_OFFSETS, min_size=2, max_size=5))
@example(_KEPT, [0, 0, 3539, 3540, 0, -121, -120])
@example(good_token("HS256"), [0, 0, 3540, 0])
def test_a_token_is_judged_alike_however_often_it_was_seen(token: str, offsets: list[int]) -> None:
    for offset in offsets:
        _clock.now = NOW + offset
        assert _judged(_long_lived, token) == _judged(Authenticator(_settings), token)
