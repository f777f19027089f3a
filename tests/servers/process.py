"""Starting a server as its documentation says, and ending it for certain."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import jwt_middleware

from ..stores.redis_server import free_port
from .wire import converse

SECONDS_TO_START: Final = 60
SECONDS_TO_END: Final = 20
ATTEMPTS: Final = 3
"""Somebody else may take a free port before the server does."""
DOCUMENTED_PORT: Final = "8000"
READY: Final = b"GET /healthz HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"


class Running(NamedTuple):
    """A server that answers."""

    port: int
    folder: Path
    """Where it was started; what it writes is in `output` there."""
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        """Ask it to end, as a service manager does, and wait until it has."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(SECONDS_TO_END)


@contextmanager
def running(command: str, program: str, folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Running]:
    """The server of this command, with this program as `app.py`, until the end of the block."""
    (folder / "app.py").write_text(program)
    for attempt in range(ATTEMPTS):
        port = free_port()
        process = _started(command.replace(DOCUMENTED_PORT, str(port)), folder, variables or {})
        try:
            if _answers(port, process, folder):
                yield Running(port, folder, process)
                return
        finally:
            _kill(process)
        assert attempt + 1 < ATTEMPTS, f"{command} does not start:\n{(folder / 'output').read_text()}"


def _started(command: str, folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            shlex.split(command),
            cwd=folder,
            env={**_environment(folder), **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _environment(folder: Path) -> dict[str, str]:
    """With the programs of this interpreter, and the package that these tests import, before that of the work tree."""
    package, tree = Path(jwt_middleware.__file__).parents[1], Path(__file__).parents[2]
    return os.environ | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": os.pathsep.join((str(package), str(tree))),
        "PYTHONSAFEPATH": "",
        "SERVED_FOLDER": str(folder),
        # Gunicorn leaves a socket there, or else in the home directory.
        "XDG_RUNTIME_DIR": str(folder),
    }


def _answers(port: int, process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Wait until it answers, and it is this one; False: it has ended, or another server has its port."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            replies = converse(port, [(READY, ["GET"])]).replies
        except OSError:
            time.sleep(0.02)
            continue
        handed = replies[0].handed if replies else None
        return handed is not None and handed["started_for"] == str(folder)
    return False


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the server and whatever it has started: they are a process group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS_TO_END)
