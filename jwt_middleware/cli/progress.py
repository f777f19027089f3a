"""How far a long piece of work has come: a bar on stderr, on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.progress import Progress

from jwt_middleware.cli.terminal import console

Advance: TypeAlias = Callable[[float], object]
"""Takes how much more is done."""


@contextmanager
def progress_bar(what: str, total: float | None) -> Iterator[Advance]:
    """A bar for as long as this lasts; None: it is not known how much there is to do."""
    screen = console(stderr=True)
    with Progress(console=screen, disable=not screen.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda more: progress.advance(task, more)
