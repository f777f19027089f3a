"""A pytest plug-in: what came of each row of the wire table at each server is printed at the end of the run.

A test tells it with `record_property(OUTCOMES, {"server": name, row: mark, ...})`; it works with pytest-xdist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

import pytest

OUTCOMES: Final = "wire outcomes"
TITLE: Final = "rows on the wire by server"
AS_DOCUMENTED: Final = "="
LEGEND: Final = "=: the contract's answer; 400: the server's own; closed: none; hidden: see docs/servers.md; !: a fault"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Outcomes())


class _Outcomes:
    """Collects what the reports tell, in the process that prints the summary."""

    def __init__(self) -> None:
        self._by_server: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, told in report.user_properties:
            if name == OUTCOMES and report.when == "call":
                marks = dict(cast("Mapping[str, str]", told))
                self._by_server[marks.pop("server")] = marks

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._by_server:
            terminalreporter.section(TITLE)
            for line in table(self._by_server):
                terminalreporter.write_line(line)


def table(by_server: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """The lines: one for each row that is not answered alike everywhere, one column for each server."""
    servers = sorted(by_server)
    rows = dict.fromkeys(row for server in servers for row in by_server[server])
    marks = {row: [by_server[server].get(row, "") for server in servers] for row in rows}
    alike = [row for row in rows if {*marks[row]} == {AS_DOCUMENTED}]
    counted = f"{len(alike)} more of {len(rows)} rows"
    lines = [("", servers), *((row, marks[row]) for row in rows if row not in alike)]
    yield from _aligned([*lines, (counted, [AS_DOCUMENTED] * len(servers))])
    yield LEGEND


def _aligned(lines: Iterable[tuple[str, list[str]]]) -> Iterator[str]:
    cells = [[name, *marks] for name, marks in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
