"""What the commands print with, and how they end: 0 fine, 1 refused or not as expected, 2 usage or configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, NoReturn, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from jwt_middleware.cli import USAGE
from jwt_middleware.cli.wording import visible
from jwt_middleware.errors import ConfigurationError, Problem

REFUSED: Final = 1
"""Exit status when a token was refused, or an answer was not the documented one."""
EXIT_CODES: Final = (
    "Exit status: 0 fine; 1 refused, or not as expected; 2 the command line or a file cannot be used as it is."
)
WIDTH_OF_FILES: Final = 132
"""Columns where output goes to a file or a pipe, which have no width of their own."""

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]


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


def fail(where: str, what: str, fix: str = "") -> NoReturn:
    """Raise ConfigurationError: what cannot be used, and what to type instead."""
    raise ConfigurationError([Problem(where, what, fix)], "this cannot be done")


@contextmanager
def reporting() -> Iterator[None]:
    """Turn a ConfigurationError into its message on stderr and exit status 2."""
    try:
        yield
    except ConfigurationError as error:
        console(stderr=True).print(Text(visible(str(error)), style="red"), soft_wrap=True)
        raise typer.Exit(USAGE) from None
