"""Entries: what the suite of the stores cannot see."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from jwt_middleware.revocation import entries
from jwt_middleware.revocation.entries import FOREVER, LATEST, Entry, merged

ENTRIES = st.builds(Entry, st.integers(0, LATEST), st.integers(0, FOREVER))
NAMES = st.text(max_size=6)


@given(ENTRIES, ENTRIES, ENTRIES)
def test_the_order_of_writes_and_their_number_do_not_matter(one: Entry, other: Entry, third: Entry) -> None:
    assert merged(one, other) == merged(other, one)
    assert merged(one, merged(other, third)) == merged(merged(one, other), third)
    assert merged(one, one) == one


@given(ENTRIES, ENTRIES, st.floats(0, LATEST - 1), st.floats(0, 1e12))
def test_what_an_entry_hits_it_hits_after_merging_too(one: Entry, other: Entry, issued_at: float, now: float) -> None:
    if entries.is_hit([one, other], issued_at, now):
        assert merged(one, other).hits(issued_at, now)


def test_an_entry_has_ended_at_its_end() -> None:
    assert Entry(10, 20).hits(10, 19.999)
    assert not Entry(10, 20).hits(10, 20)


@given(st.sets(st.tuples(NAMES, NAMES), min_size=2, max_size=6))
def test_different_names_have_different_keys(pairs: set[tuple[str, str]]) -> None:
    keys = [key(*pair) for pair in pairs for key in (entries.token_key, entries.subject_key)]
    assert all(one != other for one, other in combinations(keys, 2))


def test_a_key_is_short_plain_text_whatever_it_names() -> None:
    for name in ("a", "\0", "\ud800", "ä" * 10_000, "{}*\n"):
        for key in entries.keys(name, name, name):
            assert len(key) == entries.KEY_LENGTH
            assert set(key) <= set("0123456789abcdef")


def test_an_end_is_rounded_up_and_a_cutoff_down() -> None:
    assert entries.for_token(10.1) == (LATEST, 11)
    assert entries.for_cutoff(10.9, 10.0) == (10, 10)
    assert entries.for_token(1e300) == entries.for_token(None)


def test_characters_that_no_encoding_has_are_told_apart() -> None:
    names = ("\ud800", "\ud801", "\udc00", "?", "\ufffd", "\ud800\udc00", "\U00010000")
    assert len({entries.token_key("acme", name) for name in names}) == len(names)
    assert len({entries.tenant_key(name) for name in names}) == len(names)
