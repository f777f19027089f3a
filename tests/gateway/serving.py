"""What stands around the gateway in these tests: nginx, the examples as their docstrings run them, and a backend (or
verify service) that writes down every byte it gets.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import jwt_middleware
from tests.frameworks.world import SECRET, Reply

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
SECONDS_TO_START: Final = 30


def nginx() -> str:
    """The program. Where there is none its tests are skipped, but in CI they fail."""
    found = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
    if found is None:
        if "CI" in os.environ:
            pytest.fail("nginx is not installed")
        pytest.skip("nginx is not installed")
    return found


class Request(NamedTuple):
    """What a server got. Field names as they were sent."""

    line: str
    fields: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    def values(self, name: str) -> list[str]:
        """The values of all fields that a lenient reader could take for this one."""
        return [value for key, value in self.fields if _folded(key) == _folded(name)]


class Recorder:
    """A server at a Unix socket that writes down what it gets. `answer` is all it says, byte for byte."""

    OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def __init__(self, address: Path, answer: bytes = OK) -> None:
        self.requests: list[Request] = []
        self.answer = answer
        address.unlink(missing_ok=True)
        self._server = _Server(str(address), _Handler)
        self._server.recorder = self
        address.chmod(0o666)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
    recorder: Recorder


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        recorder = self.server.recorder
        request = self._read()
        if request is None:
            return
        recorder.requests.append(request)
        if request.values("Upgrade"):
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
            self.wfile.write(self.rfile.readline())
        else:
            self.wfile.write(recorder.answer)

    def _read(self) -> Request | None:
        line = self.rfile.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return None
        fields = []
        while field := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = field.partition(":")
            fields.append((name, value.strip()))
        length = next((int(value) for name, value in fields if name.lower() == "content-length"), 0)
        return Request(line, tuple(fields), self.rfile.read(length))


class Gateway:
    """The folder `examples` in a place of its own, where nginx listens at a Unix socket; nothing else is changed."""

    def __init__(self, folder: Path, edit: Callable[[str], str], listen: str) -> None:
        shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("__pycache__", "*.sock", "temp_*"))
        self.folder = folder / "examples" / "gateway"
        (self.folder / "listen.conf").write_text(listen)
        conf = self.folder / "nginx.conf"
        conf.write_text(edit(conf.read_text()))

    @contextmanager
    def running(self) -> Iterator[Gateway]:
        """With nginx, as the first lines of its configuration say. Workers run as whoever runs the tests."""
        more = "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"
        program = [nginx(), "-p", ".", "-c", "nginx.conf", "-g", more]
        with _running(program, self.folder, os.environ, self.folder / "gateway.sock"):
            yield self

    @contextmanager
    def example(self, name: str, **environment: str) -> Iterator[None]:
        """With this example, run as its docstring says."""
        with _running(shlex.split(command(name)), self.folder, _environment(environment), self.folder / f"{name}.sock"):
            yield

    @contextmanager
    def recorder(self, name: str, answer: bytes = Recorder.OK) -> Iterator[Recorder]:
        """With a recorder in the place of this example."""
        recorder = Recorder(self.folder / f"{name}.sock", answer)
        try:
            yield recorder
        finally:
            recorder.close()

    @contextmanager
    def listening(self, name: str) -> Iterator[None]:
        """With somebody in the place of this example who takes connections and never answers."""
        address = self.folder / f"{name}.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(address))
            address.chmod(0o666)
            listener.listen()
            yield

    def send(
        self,
        target: str,
        token: str | None = None,
        *lines: str,
        method: str = "GET",
        body: bytes = b"",
        to: str = "gateway",
    ) -> Reply:
        """One request whose header has these lines, byte for byte, `to` the gateway or past it."""
        credentials = () if token is None else (f"Authorization: Bearer {token}",)
        length = (f"Content-Length: {len(body)}",) if body else ()
        with self.connection(to) as connection:
            connection.sendall(message(method, target, *lines, *credentials, *length) + body)
            return reply(connection, method)

    def connection(self, to: str = "gateway") -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(self.folder / f"{to}.sock"))
        return connection


def command(name: str) -> str:
    """How the docstring says that the example is started."""
    found = re.search(r"^    (uvicorn .*)$", (EXAMPLES / "gateway" / f"{name}.py").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


@contextmanager
def gateway(
    edit: Callable[[str], str] = lambda text: text, listen: str = "listen unix:gateway.sock;"
) -> Iterator[Gateway]:
    """A gateway with nothing behind it. The names of Unix sockets are short, and so is that of the folder."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        Path(folder).chmod(0o755)
        with Gateway(Path(folder), edit, listen).running() as running:
            yield running


def message(method: str, target: str, *lines: str) -> bytes:
    """The head of a request."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: api.example.com", *lines, "", ""]).encode("latin-1")


def reply(connection: socket.socket, method: str = "GET") -> Reply:
    """The next answer at this connection. No field may be there twice."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    fields = [(name.lower(), value) for name, value in response.getheaders()]
    assert len(dict(fields)) == len(fields)
    return Reply(response.status, dict(fields), response.read())


def _environment(more: Mapping[str, str]) -> Mapping[str, str]:
    return os.environ | {
        "ACME_SECRET": SECRET,
        "JWT_MIDDLEWARE_TENANTS": "../tenants.toml",
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": str(Path(jwt_middleware.__file__).parents[1]),
        "PYTHONSAFEPATH": "",
        **more,
    }


@contextmanager
def _running(
    program: list[str], folder: Path, environment: Mapping[str, str], address: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """With this program, once it takes connections at this address."""
    address.unlink(missing_ok=True)
    with subprocess.Popen(
        program, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + SECONDS_TO_START
            while not _takes_connections(address):
                assert process.poll() is None, f"{program} ended"
                assert time.monotonic() < deadline, f"{program} does not start"
                time.sleep(0.02)
            yield process
        finally:
            process.terminate()


def _takes_connections(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(address))
        except OSError:
            return False
        return True


def _folded(name: str) -> str:
    """Field names as WSGI and the like fold them."""
    return re.sub("[^a-z0-9]", "-", name.lower())
