"""Durations as they are typed."""

from __future__ import annotations

import pytest

from jwt_middleware import ConfigurationError
from jwt_middleware.cli.durations import positive_seconds_in, seconds_in


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800), (" 1d ", 86_400)],
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert seconds_in(text, "--grace") == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1.5h", "1h30m", "1 h", "1w", "1H", "9999999d", "1" * 13, "\u0661h"])
def test_what_is_no_duration_is_refused_with_the_option(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--grace: not a duration"):
        seconds_in(text, "--grace")


def test_no_time_at_all_is_refused_where_it_makes_no_sense() -> None:
    assert positive_seconds_in("1s", "--expires-in") == 1
    with pytest.raises(ConfigurationError, match="--expires-in: no time at all"):
        positive_seconds_in("0m", "--expires-in")
