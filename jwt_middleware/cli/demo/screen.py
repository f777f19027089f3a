"""The demo on the screen: what it has set up, one row for each answer, and the lines to try."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jwt_middleware.cli.demo.scenes import EVENT
from jwt_middleware.cli.demo.tour import Row
from jwt_middleware.cli.demo.world import TENANT, World
from jwt_middleware.explaining.wording import shown

WIDTH_OF_CODES: Final = 32


def print_start(console: Console, name: str, url: str, world: World) -> None:
    """Where the API is, what opens it, and a token's claims."""
    console.print(Text.assemble(("A gamification API", "bold"), f" ({name}) at {url}"))
    console.print(Text(f"Its tenants, with a fresh secret: {world.file}"), soft_wrap=True)
    console.print(Text(f"A token as in the guide: {shown(world.claims())}"), soft_wrap=True)
    console.print()


def print_table(console: Console, rows: Sequence[Row]) -> None:
    """One row for each answer, and how many were the documented ones."""
    table = Table("request", "status", "code", "challenge (WWW-Authenticate)", box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    table.columns[2].max_width = WIDTH_OF_CODES
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    wrong = [row for row in rows if row.differences]
    verdict = f"{len(rows) - len(wrong)} of {len(rows)} answers are the documented ones."
    console.print(Text(verdict, style="bold red" if wrong else "bold green"))


def as_json(row: Row) -> dict[str, Any]:
    """A row as a JSON object."""
    return {
        "request": f"{row.scene.method} {row.scene.path}",
        "case": row.scene.title,
        "status": row.status,
        "code": row.code,
        "challenge": row.challenge,
        "log_reason": row.reason,
        "as_documented": not row.differences,
        "differences": list(row.differences),
    }


def print_lines_to_try(console: Console, url: str, world: World) -> None:
    """Commands for another terminal, with a token that is good for an hour."""
    console.print()
    console.print(Text("It serves on. Try it in another terminal:", style="bold"))
    console.print()
    for line in _lines_to_try(url, world):
        console.print(Text(f"  {line}"), soft_wrap=True)


def print_pages(console: Console, pages_url: str, link: str, world: World, grace: float) -> None:
    """Where a browser can refresh the tenant's secret, and what else is there for tenants."""
    console.print()
    console.print(Text("The pages for tenants. Refresh the secret, and watch the old one end here:", style="bold"))
    console.print()
    console.print(Text(f"  {link}"), soft_wrap=True)
    console.print(Text(f"  {pages_url}/check"), soft_wrap=True)
    console.print(Text(f"  {pages_url}/guide"), soft_wrap=True)
    console.print()
    console.print(Text("Or by command, in another terminal:", style="bold"))
    console.print()
    rotate = f"jwt-middleware secret rotate {TENANT} --grace {grace:.0f}s"
    console.print(Text(f"  (cd {shlex.quote(str(world.file.parent))} && {rotate})"), soft_wrap=True)
    console.print()
    console.print(Text("Ctrl-C ends it. What the operator's log says about refused requests follows.", style="dim"))


def _lines_to_try(url: str, world: World) -> Iterator[str]:
    bearer = '-H "Authorization: Bearer $TOKEN"'
    yield f"TOKEN={world.token()}"
    yield f"curl -i {bearer} {url}/v1/auth/verify"
    yield (
        f"curl -i -X POST {url}/v1/events {bearer} -H 'Content-Type: application/json' -d {shlex.quote(shown(EVENT))}"
    )
    yield f"curl -i {bearer} {url}/v1/leaderboard"
    yield f"curl -i {url}/v1/leaderboard"
    yield f"echo $TOKEN | (cd {shlex.quote(str(world.file.parent))} && jwt-middleware token explain)"


def _cells(row: Row) -> Iterator[Text]:
    scene = row.scene
    yield Text.assemble((f"{scene.method} {scene.path}", "bold"), (f"\n{scene.title}", "dim"))
    yield Text(str(row.status), style="green" if row.status < HTTPStatus.MULTIPLE_CHOICES else "yellow")
    yield Text.assemble(row.code or "", (_reason(row), "dim"))
    yield Text.assemble(_challenge(row), *((f"\nNOT AS DOCUMENTED: {text}", "red") for text in row.differences))


def _challenge(row: Row) -> str:
    return (row.challenge or "").replace(", error_description", ",\nerror_description")


def _reason(row: Row) -> str:
    return "" if row.reason in (None, row.code) else f"\nlog: {row.reason}"
