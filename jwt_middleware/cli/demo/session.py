"""One run of the demo, from the fresh secret to Ctrl-C."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import NamedTuple, TypeAlias

from rich.console import Console
from rich.text import Text

from jwt_middleware.cli.demo import screen
from jwt_middleware.cli.demo.pages import serving_pages
from jwt_middleware.cli.demo.server import address, listen
from jwt_middleware.cli.demo.tour import Row, tour
from jwt_middleware.cli.demo.watching import SECONDS_BETWEEN_LOOKS, Watch
from jwt_middleware.cli.demo.world import TENANT, World, new_world
from jwt_middleware.cli.terminal import console, print_json
from jwt_middleware.log import logger

Serving: TypeAlias = Callable[[World, socket.socket], AbstractContextManager[None]]
"""Serves the API at a socket, until the end of the block."""


class Plan(NamedTuple):
    """What the command line asks for."""

    name: str
    serving: Serving
    host: str
    port: int
    once: bool
    json: bool
    grace: float = 30
    """Seconds that an old secret goes on, once there is a new one."""


def run(plan: Plan) -> bool:
    """Whether every answer was the documented one."""
    text = console(stderr=plan.json)
    with listen(plan.host, plan.port) as listener, new_world() as world:
        url = address(listener)
        with plan.serving(world, listener):
            screen.print_start(text, plan.name, url, world)
            rows = tour(url, world)
            _print_rows(text, rows, plan.json)
            if not plan.once:
                _serve_on(text, url, world, plan.grace)
    return not any(row.differences for row in rows)


def _print_rows(text: Console, rows: list[Row], json: bool) -> None:
    if json:
        print_json([screen.as_json(row) for row in rows])
    else:
        screen.print_table(text, rows)


def _serve_on(text: Console, url: str, world: World, grace: float) -> None:
    """With the console beside it, until Ctrl-C, or until the process is asked to end."""
    stop = threading.Event()
    with _asked_to_end(stop), serving_pages(world, url, grace) as pages:
        screen.print_lines_to_try(text, url, world)
        screen.print_pages(text, pages.base_url, pages.refresh_link(TENANT), world, grace)
        with _logged(text), closing(Watch(text, world, lambda: pages.refresh_link(TENANT))) as watch:
            try:
                # Not one long wait: where Windows waits for a lock, Ctrl-C waits too.
                while not stop.wait(SECONDS_BETWEEN_LOOKS):
                    watch.look()
            except KeyboardInterrupt:
                watch.close()
                text.print("Ended.")


@contextmanager
def _asked_to_end(stop: threading.Event) -> Iterator[None]:
    """SIGTERM sets the event, so that the folder with the secrets is removed."""
    previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


class _OnScreen(logging.Handler):
    """Above a countdown, where there is one."""

    def __init__(self, text: Console) -> None:
        super().__init__()
        self._text = text
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        self._text.print(Text(self.format(record)), soft_wrap=True)


@contextmanager
def _logged(text: Console) -> Iterator[None]:
    """The operator's log on the screen."""
    handler = _OnScreen(text)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
