"""Values in words."""

from __future__ import annotations

import json

import pytest

from jwt_middleware.explaining.wording import duration, listed, moment, shown, visible


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\r", "\x7f", "\x9b31m", "\u202e", "\u2028", "\ud800", "\U000e0001", "a\tb", "\u00a0"]
)
def test_nothing_that_a_terminal_acts_on_is_left_and_json_reads_it_back(text: str) -> None:
    assert visible(text).isprintable()
    assert json.loads(f'"{visible(text)}"') == text


def test_letters_of_every_language_are_left_alone() -> None:
    assert visible("Zoë 王\n") == "Zoë 王\n"
    assert shown({"name": "Zoë"}) == '{"name":"Zoë"}'


def test_names_are_quoted_in_order_and_counted_where_they_are_many() -> None:
    assert listed([]) == "none"
    assert listed(["b", "a"]) == '"a", "b"'
    assert listed(f"{number:02}" for number in range(12)).endswith('"08", "09" and 2 more')


@pytest.mark.parametrize("value", [None, True, "1", -1, 10**11, float("nan"), []])
def test_what_is_no_time_is_not_told_as_one(value: object) -> None:
    assert moment(value) == ""


def test_a_time_is_told_in_utc() -> None:
    assert moment(1696134000) == "2023-10-01 04:20:00 UTC"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (150, "2.5 minutes"), (7200, "2 hours"), (604800, "7 days"), (0.4, "0 s")],
)
def test_a_duration_can_be_read_at_a_glance(seconds: float, words: str) -> None:
    assert duration(seconds) == words
