"""A token has one spelling: no other text than the one that was signed is ever accepted for it."""

from __future__ import annotations

import json
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jwt_middleware import Authenticator, InvalidToken, JWTSettings

from ..conformance.tokens import CLAIMS, NOW
from .signing import ALGORITHMS, TENANTS, issuers_for, sign

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _token(algorithm: str, length: int) -> str:
    header = {"alg": algorithm, "x": "y" * length}
    claims = {**CLAIMS, "iss": issuers_for(algorithm)[0], "x": "z" * length}
    return sign(json.dumps(header).encode(), json.dumps(claims).encode(), algorithm)


_TOKENS: Final = tuple(_token(algorithm, length) for algorithm in ALGORITHMS for length in range(3))
"""Segments of every length modulo four, that is with and without bits to spare, for each algorithm."""

_authenticator = Authenticator(JWTSettings(TENANTS, clock=lambda: NOW))


def _is_accepted(token: str) -> bool:
    try:
        _authenticator.authenticate(token)
    except InvalidToken:
        return False
    return True


@pytest.mark.parametrize("token", _TOKENS)
def test_the_spelling_that_was_signed_is_accepted(token: str) -> None:
    assert _is_accepted(token)
    assert _is_accepted(token)


@given(st.sampled_from(_TOKENS), st.data())
def test_no_token_is_accepted_in_which_one_character_differs(token: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(token) - 1))
    assert _is_accepted(token)
    for character in {*_ALPHABET, *"=+/. ,~\n\0é\u0661\uff21"} - {token[place]}:
        assert not _is_accepted(token[:place] + character + token[place + 1 :])


@pytest.mark.parametrize("token", _TOKENS)
def test_no_other_last_character_of_a_segment_is_accepted(token: str) -> None:
    """Where there are bits to spare, several characters decode to the same bytes."""
    places = [place - 1 for place in range(len(token) + 1) if token[place : place + 1] in ("", ".")]
    spellings = {token[:place] + character + token[place + 1 :] for place in places for character in _ALPHABET}
    assert [text for text in spellings if _is_accepted(text)] == [token]


@given(st.sampled_from(_TOKENS), st.data(), st.text(_ALPHABET + "=+/. \t\r\n\0é", min_size=1, max_size=4))
def test_nothing_can_be_put_into_a_token(token: str, data: st.DataObject, more: str) -> None:
    place = data.draw(st.integers(0, len(token)))
    assert not _is_accepted(token[:place] + more + token[place:])


@given(st.sampled_from(_TOKENS), st.data())
def test_nothing_can_be_left_out_of_a_token(token: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(token) - 1))
    end = data.draw(st.integers(start + 1, len(token)))
    assert not _is_accepted(token[:start] + token[end:])


@given(st.sampled_from(_TOKENS), st.sampled_from(_TOKENS), st.integers(0, 2))
def test_segments_of_two_tokens_make_no_third(one: str, other: str, place: int) -> None:
    segments, more = one.split("."), other.split(".")
    assume(segments[place] != more[place])
    assert not _is_accepted(".".join([*segments[:place], more[place], *segments[place + 1 :]]))
