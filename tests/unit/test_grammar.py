"""The forms of names, and what the log makes of foreign text."""

from __future__ import annotations

import pytest

from jwt_middleware.grammar import escaped, is_clean, is_name, is_scope, is_scope_token

CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_text_with_a_control_character_is_not_clean(control: str) -> None:
    assert not is_clean(f"a{control}b")


@pytest.mark.parametrize("surrogate", [*map(chr, (0xD800, 0xDFFF))], ids=ascii)
def test_text_with_a_surrogate_is_not_clean(surrogate: str) -> None:
    assert not is_clean(f"a{surrogate}b")


@pytest.mark.parametrize("text", ["", "a b", "é", "\u00a0", "\u200b", "\u2028", "\ue000", "\U0010ffff"], ids=ascii)
def test_text_that_is_only_unprintable_is_clean(text: str) -> None:
    assert is_clean(text)


@pytest.mark.parametrize("name", ["a", "https://idp.example/", "münchen", "\u200b", "x" * 256], ids=ascii)
def test_a_name_is_clean_text_of_1_to_256_characters(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("value", ["", "x" * 257, "a\nb", "a\x85", "\ud800", None, 7, b"acme", ["acme"]], ids=ascii)
def test_other_values_are_no_names(value: object) -> None:
    assert not is_name(value)


@pytest.mark.parametrize("scope", ["read", "events:write", "schreib-ö", "\u00a0", '"quoted"'], ids=ascii)
def test_a_scope_is_clean_text_without_blanks(scope: str) -> None:
    assert is_scope(scope)


@pytest.mark.parametrize("value", ["", "a b", " ", "a\tb", "\x7f", None, 7], ids=ascii)
def test_other_values_are_no_scopes(value: object) -> None:
    assert not is_scope(value)


@pytest.mark.parametrize("scope", ["read", "!", "#", "[", "]", "~", "https://api.example/read"])
def test_a_scope_token_may_stand_in_a_challenge(scope: str) -> None:
    assert is_scope_token(scope)


@pytest.mark.parametrize("value", ["", "a b", 'a"b', "a\\b", "ö", "\x7f", "\n", None, 7], ids=ascii)
def test_what_would_break_a_challenge_is_no_scope_token(value: object) -> None:
    assert not is_scope_token(value)


@pytest.mark.parametrize("text", ["/v1/events", "münchen", ""])
def test_printable_text_is_logged_as_it_is(text: str) -> None:
    assert escaped(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb", r"a\r\nb"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        (r"\n", r"\\n"),
    ],
    ids=ascii,
)
def test_what_could_forge_a_log_line_is_escaped(text: str, line: str) -> None:
    assert escaped(text) == line


def test_long_text_is_cut_before_it_is_escaped() -> None:
    assert escaped("\n" * 300, 3) == r"\n\n\n..."


def test_text_of_just_the_limit_is_not_cut() -> None:
    assert escaped("abc", 3) == "abc"
