"""The tables, once as plain text for the terminal and once as Markdown for the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from . import core
from .budgets import OURS_DOOR, Budget, budgets
from .contestants import added
from .stores import Stock
from .tenants import Census
from .timing import Timing

LIBRARIES = (
    *("PyJWT", "cryptography", "msgspec", "starlette", "fastapi", "litestar", "flask", "flask-jwt-extended"),
    *("sqlalchemy", "psycopg", "redis"),
)
INTRODUCTION = """\
# What authentication costs

`tox -e bench` makes this page. All times are microseconds of one core, in one process, without a server or a
network. Every contestant runs a short round, then the next one, some hundred times over, with the garbage
collector off; "best" is the best round and "median" the median one. Compare the ratios of one run, not times
from two machines.

- **Floor**: what any verifier must do with a token that is split already: one `hmac.digest`, three strict
  base64url decodes, one typed JSON decode, one comparison. It checks no claim and knows no tenant.
- **jwt.decode** stands for one tenant whose secret is at hand; a multi-tenant API would first have to look at
  the issuer and find the secret, which is left out in its favour. It is asked for the same claims, issuer and
  audience.
- **Added** is the time of a request with a guard less that of the same app without one. Around a framework the same
  guard costs more than around an app that does nothing, because each displaces the other's code from the CPU's caches.
  So guards are compared around the same app only, and "x ours" is relative to our `JWTMiddleware` there.
- **8 KiB junk** is text as long as a token may be that is none. Reading a segment as base64 alone takes several floors
  at that length; no junk that gets so far can be refused in two.
- **Stores**: PostgreSQL and Redis run on the same machine. A cached tenant is one of a thousand that a database had; a
  cold one is looked up, its keys in clear, beside the same statement executed by SQLAlchemy, which keeps no tenant.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """All that one run of the bench measured."""

    timings: dict[str, Timing]
    censuses: list[Census]
    stock: Stock


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; the first column is text, the others are numbers or single words."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(run: Run) -> list[Table]:
    """The tables of a run, in reading order, budgets first."""
    return [budget_table(run), token_table(run), request_table(run), tenant_table(run), store_table(run)]


def as_text(run: Run) -> str:
    """For a terminal."""
    return "\n\n".join([machine(), *map(_text, tables(run))])


def as_markdown(run: Run, picture: str) -> str:
    """For the documentation, with a link to the picture of that name."""
    parts = [INTRODUCTION.rstrip(), f"![What each guard adds to a request]({picture})", machine()]
    return "\n\n".join([*parts, *map(_markdown, tables(run))]) + "\n"


def machine() -> str:
    """What the numbers were measured on, without naming the machine."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores; {libraries}."


def budget_table(run: Run) -> Table:
    """Each budget with its limit, what was measured, and whether it is met."""
    header = ("ratio", "budget", "best", "median", "")
    return Table("Budgets", header, [_budget_row(budget) for budget in budgets(run.timings, run.censuses, run.stock)])


def token_table(run: Run) -> Table:
    """One token, no web app."""
    floor = run.timings[core.FLOOR]
    rows = [
        (name, *_times(timing), f"{timing.over(floor).best:.2f}")
        for name, timing in run.timings.items()
        if " | " not in name
    ]
    return Table("One token", ("", "best µs", "median µs", "x floor"), rows)


def request_table(run: Run) -> Table:
    """What each guard adds to a request, and how that compares with our door over the same app."""
    guards = added(run.timings)
    rows = [
        (f"{stack}: {guard}", *_times(timing), f"{timing.best / guards[stack, OURS_DOOR].best:.1f}")
        for (stack, guard), timing in guards.items()
    ]
    return Table("Added to a request", ("app: guard", "best µs", "median µs", "x ours"), rows)


def tenant_table(run: Run) -> Table:
    """Tenants in memory: one column for each number of them."""
    header = ("", *(f"{census.count:,} tenants" for census in run.censuses))
    rows = [(label, *cells) for label, cells in _tenant_rows(run.censuses)]
    return Table("Tenants in memory", header, rows)


def store_table(run: Run) -> Table:
    """Requests whose tenant is cached, and single questions to the stores."""
    rows = [(name, *_times(timing)) for name, timing in run.stock.timings.items()]
    return Table("Stores", ("", "best µs", "median µs"), rows)


def _tenant_rows(censuses: list[Census]) -> Iterator[tuple[str, list[str]]]:
    yield "request, µs (best)", [f"{census.request.best:.2f}" for census in censuses]
    yield "request, µs (median)", [f"{census.request.median:.2f}" for census in censuses]
    yield "a tenant's first request, µs (best)", [f"{census.first_of_tenant.best:.2f}" for census in censuses]
    yield "the process's first request, µs", [f"{census.first_request_us:.0f}" for census in censuses]
    yield "building them, s", [f"{census.build_seconds:.3f}" for census in censuses]
    yield "bytes for each", [f"{census.bytes_per_tenant:.0f}" for census in censuses]
    yield "one full garbage collection, ms", [f"{census.collection_seconds * 1e3:.0f}" for census in censuses]


def _budget_row(budget: Budget) -> tuple[str, ...]:
    measured = budget.measured
    verdict = "met" if budget.met else "MISS"
    return (budget.line, budget.rule, f"{measured.best:.2f}", f"{measured.median:.2f}", verdict)


def _times(timing: Timing) -> tuple[str, str]:
    return f"{timing.best:.2f}", f"{timing.median:.2f}"


def _text(table: Table) -> str:
    lines = [table.header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join([table.title, *(_aligned(line, widths) for line in lines)])


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join([f"  {first.strip():<{widths[0]}}", *others]).rstrip()


def _markdown(table: Table) -> str:
    rule = ["---", *("---:" for _ in table.header[1:])]
    lines = ["| " + " | ".join(cells) + " |" for cells in (table.header, rule, *table.rows)]
    return "\n".join([f"## {table.title}", "", *lines])
