"""`jwt-middleware tenant import`: a whole list of tenants, a thousand in one transaction."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import UnsupportedOperation
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final, TypeAlias

import typer
from rich.console import Console
from rich.text import Text

from jwt_middleware.cli.progress import progress_bar
from jwt_middleware.cli.store import Store, opened
from jwt_middleware.cli.tenant_lines import numbered_lines, tenant_in
from jwt_middleware.cli.terminal import REFUSED, Json, console, note, print_json, reporting
from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.explaining.wording import visible
from jwt_middleware.tenants.changes import Added
from jwt_middleware.tenants.model import Tenant

if TYPE_CHECKING:
    from jwt_middleware.tenants.sql import SQLTenants

ADDED_AT_ONCE: Final = 1000
"""Tenants in one transaction."""
READ_AT_ONCE: Final = 4 << 20
"""Bytes of lines that are in memory, about."""
_Lines: TypeAlias = list[tuple[int, bytes]]


def import_command(
    file: Annotated[typer.FileBinaryRead, typer.Argument(metavar="FILE|-", help="JSON Lines; -: standard input.")],
    store: Store = None,
    json: Json = False,
) -> None:
    """Add tenants from JSON Lines, one tenant a line.

    The names are those that a tenant has in a TOML file, see docs/cli.md.
    A line that cannot be used is told by its number, and the others are done; the exit status is 1 then.
    Doing it again changes nothing.
    A tenant without keys is added without: no secret is made for it.
    """
    outcome = _Outcome(console(stderr=True), is_listed=json)
    with reporting(), opened(store) as tenants, _counted(outcome), progress_bar("tenants", _size(file)) as advance:
        for lines in _portions(numbered_lines(file)):
            _add(lines, tenants, outcome)
            advance(sum(len(line) for _, line in lines))
    if json:
        print_json(outcome.members())
    else:
        typer.echo(outcome.summary())
    if outcome.keyless:
        note(f"{outcome.keyless:,} have no key, so no token of theirs is accepted: jwt-middleware secret rotate TENANT")
    if outcome.refused:
        raise typer.Exit(REFUSED)


class _Outcome:
    """What became of the lines, counted; those that were refused are told at once, or kept for the document."""

    def __init__(self, screen: Console, is_listed: bool) -> None:
        self.added = self.there = self.refused = self.keyless = 0
        self._screen = screen
        self._listed: list[dict[str, Any]] | None = [] if is_listed else None

    def count(self, number: int, added: Added) -> None:
        if added.problem is not None:
            self.refuse(number, added.problem)
        elif added.is_new:
            self.added += 1
            self.keyless += not added.tenant.keys and added.tenant.key_source is None
        else:
            self.there += 1

    def refuse(self, number: int, error: ConfigurationError) -> None:
        self.refused += 1
        if self._listed is not None:
            problems = [problem._asdict() for problem in error.problems]
            self._listed.append({"line": number, "problems": problems})
        else:
            problems_in_short = "; ".join(f"{where}: {what} -> {fix}" for where, what, fix in error.problems)
            self._screen.print(Text(visible(f"line {number}: {problems_in_short}"), style="red"), soft_wrap=True)

    def members(self) -> dict[str, Any]:
        return {
            "added": self.added,
            "there_already": self.there,
            "without_key": self.keyless,
            "refused": self._listed or [],
        }

    def summary(self) -> str:
        return f"{self.added:,} added, {self.there:,} there already, {self.refused:,} refused"


def _add(lines: _Lines, tenants: SQLTenants, outcome: _Outcome) -> None:
    read: list[tuple[int, Tenant]] = []
    for number, line in lines:
        try:
            read.append((number, tenant_in(line)))
        except ConfigurationError as error:
            outcome.refuse(number, error)
    added = tenants.add_tenants(tenant for _, tenant in read)
    for (number, _), each in zip(read, added, strict=True):
        outcome.count(number, each)


@contextmanager
def _counted(outcome: _Outcome) -> Iterator[None]:
    """Where the store fails on the way, say how far it came."""
    try:
        yield
    except TemporarilyUnavailable:
        note(f"{outcome.summary()}; then the store failed. Do it again: what is there stays as it is.")
        raise


def _portions(lines: Iterable[tuple[int, bytes]]) -> Iterator[_Lines]:
    portion: _Lines = []
    size = 0
    for number, line in lines:
        portion.append((number, line))
        size += len(line)
        if len(portion) == ADDED_AT_ONCE or size >= READ_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _size(file: BinaryIO) -> int | None:
    """Bytes to come, where that can be known."""
    try:
        return os.fstat(file.fileno()).st_size or None
    except (OSError, UnsupportedOperation):
        return None
