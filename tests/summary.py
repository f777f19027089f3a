"""A pytest plug-in: tests that are the rows of a table are counted at the end of the run, one line for each column.

    @pytest.mark.table("rows of the contract", by="door")
    @pytest.mark.parametrize(("door", "row"), ...)
    def test_a_door_answers_as_documented(door, row): ...

`by` names the parameter whose values are counted apart: by their `name` where they have one, else as text. It works
with pytest-xdist: what a test is counted under travels with its report.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final, cast

import pytest

_TABLE: Final = "table"
_OUTCOMES: Final = ("passed", "failed", "skipped")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "table(title, by): count these tests apart by this parameter, at the end")
    config.pluginmanager.register(_Tables())


def pytest_itemcollected(item: pytest.Item) -> None:
    marker = item.get_closest_marker(_TABLE)
    if marker is not None and isinstance(item, pytest.Function):
        value = item.callspec.params[marker.kwargs["by"]]
        item.user_properties.append((_TABLE, (*marker.args, getattr(value, "name", str(value)))))


class _Tables:
    """Counts the reports, in the process that prints the summary."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        """Of each test, by title and name."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return  # A test passes by what it does, and fails by what is done before or after it, too.
        for key, place in report.user_properties:
            if key == _TABLE:
                self._outcomes[_named(place)][report.nodeid] = report.outcome

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for title, group in groupby(sorted(self._outcomes), key=itemgetter(0)):
            terminalreporter.section(title)
            names = [name for _, name in group]
            width = max(map(len, names))
            terminalreporter.write_line(_line("", _OUTCOMES, width))
            for name in names:
                count = Counter(self._outcomes[title, name].values())
                terminalreporter.write_line(_line(name, [str(count[outcome]) for outcome in _OUTCOMES], width))


def _named(place: object) -> tuple[str, str]:
    """Title and name; a report that came from another process has a list."""
    title, name = cast("Iterable[str]", place)
    return title, name


def _line(name: str, cells: Iterable[str], width: int) -> str:
    return "  ".join((name.ljust(width), *(cell.rjust(7) for cell in cells)))
