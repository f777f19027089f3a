"""What the commands print with, and how they end: 0 fine, 1 refused or not as expected, 2 usage or configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, NoReturn, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from jwt_middleware.cli import USAGE
from jwt_middleware.errors import ConfigurationError, Problem, TemporarilyUnavailable
from jwt_middleware.explaining.wording import visible

REFUSED: Final = 1
"""Exit status when a token was refused, or an answer was not the documented one."""
EXIT_CODES: Final = (
    "Exit status: 0 fine; 1 refused, or not as expected; 2 the command line or a file cannot be used as it is."
)
WIDTH_OF_FILES: Final = 132
"""Columns where output goes to a file or a pipe, which have no width of their own."""

_REACH: Final = "check that it runs; host, port, name, user and password in its URL; and the store key"

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def console(*, stderr: bool = False) -> Console:
    """Where text goes: coloured on a terminal unless NO_COLOR is set, plain elsewhere."""
    screen = Console(stderr=stderr, highlight=False)
    if not screen.is_terminal and "COLUMNS" not in os.environ:
        screen.width = WIDTH_OF_FILES
    return screen


def print_json(value: object) -> None:
    """One JSON document on stdout, indented."""
    typer.echo(visible(msgspec.json.format(msgspec.json.encode(value)).decode()))


def note(text: str) -> None:
    """A remark beside the result, on stderr."""
    console(stderr=True).print(Text(visible(text), style="yellow"), soft_wrap=True)


def confirm(question: str, yes: bool) -> None:
    """Go on when the person at the terminal, or `--yes`, says so; else leave with exit status 1.

    Raises ConfigurationError where there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        fail("--yes", "this has to be confirmed, and there is no terminal to ask on", "add --yes if you mean it")
    if not typer.confirm(visible(question), err=True):
        note("Nothing was done.")
        raise typer.Exit(REFUSED)


def fail(where: str, what: str, fix: str = "") -> NoReturn:
    """Raise ConfigurationError: what cannot be used, and what to type instead."""
    raise ConfigurationError([Problem(where, what, fix)], "this cannot be done")


@contextmanager
def reporting() -> Iterator[None]:
    """Turn a ConfigurationError, or a store that cannot answer, into its message on stderr and exit status 2."""
    try:
        yield
    except ConfigurationError as error:
        _print_problem(error)
        raise typer.Exit(USAGE) from None
    except TemporarilyUnavailable as error:
        _print_problem(ConfigurationError([Problem("store", _reason(error), _REACH)], "the store cannot answer"))
        raise typer.Exit(USAGE) from None


def _print_problem(error: ConfigurationError) -> None:
    console(stderr=True).print(Text(visible(str(error)), style="red"), soft_wrap=True)


def _reason(error: TemporarilyUnavailable) -> str:
    """In the driver's own words where there are any."""
    words = str(error.__cause__ or "").splitlines()
    return words[0] if words else error.reason.replace("_", " ")
