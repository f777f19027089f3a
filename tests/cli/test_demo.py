"""`jwt-middleware demo`: real servers, real requests."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import httpx2
import pytest

from jwt_middleware.cli.demo import asgi_server, server, wsgi_server
from jwt_middleware.cli.demo.leaderboard import Leaderboard
from jwt_middleware.cli.demo.session import Plan, Serving, run
from jwt_middleware.cli.demo.world import World
from tests.cli.calling import called, environment, program

DOORS = pytest.mark.parametrize("door", [(), ("--wsgi",)], ids=["asgi", "wsgi"])
DOCUMENTED = {
    (401, "invalid_token"),
    (401, "invalid_signature"),
    (401, "missing_required_claim"),
    (401, "token_expired"),
    (403, "insufficient_permissions"),
    (503, "temporarily_unavailable"),
}
SECONDS = 30


@DOORS
def test_every_documented_answer_is_provoked(door: tuple[str, ...]) -> None:
    result = called("demo", "--once", "--port", "0", "--json", *door)
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert all(row["as_documented"] and not row["differences"] for row in rows)
    assert {(row["status"], row["code"]) for row in rows if row["code"] is not None} == DOCUMENTED
    assert [row["status"] for row in rows if row["code"] is None] == [200, 200, 201, 200]
    assert {row["request"] for row in rows} >= {"POST /v1/events", "GET /v1/auth/verify"}
    assert ("on waitress" if door else "on uvicorn") in result.stderr


def test_both_doors_answer_alike() -> None:
    answers = [called("demo", "--once", "--port", "0", "--json", *door).stdout for door in ((), ("--wsgi",))]
    assert answers[0] == answers[1]


def test_the_challenges_are_those_of_rfc_6750() -> None:
    rows = {
        row["case"]: row["challenge"] for row in json.loads(called("demo", "--once", "--port", "0", "--json").stdout)
    }
    assert rows["no Authorization header"] == 'Bearer realm="api"'
    assert rows["expired"] == (
        'Bearer realm="api", error="invalid_token", error_description="The access token expired"'
    )
    assert rows["scope read only"] == 'Bearer realm="api", error="insufficient_scope", scope="write"'
    assert rows["tenant store down"] is None


@DOORS
def test_the_table_is_readable_and_ends_the_run(door: tuple[str, ...]) -> None:
    started = time.monotonic()
    result = called("demo", "--once", "--port", "0", *door)
    assert time.monotonic() - started < 20
    assert result.exit_code == 0
    assert result.stdout.endswith("\n22 of 22 answers are the documented ones.\n")
    assert "\x1b" not in result.stdout
    text = " ".join(result.stdout.split())
    for part in ("challenge (WWW-Authenticate)", "wrong secret", "401 token_expired", 'scope="write"', "log: unknown_"):
        assert part in text
    assert "curl" not in text


@DOORS
def test_nothing_is_left_behind(door: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    threads = set(threading.enumerate())
    assert called("demo", "--once", "--port", "0", *door).exit_code == 0
    assert not [*tmp_path.iterdir()]
    assert set(threading.enumerate()) <= threads


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens at, and after which one is free."""
    # From a random place on: tests that run at the same time look for one, too.
    for port in range(20_000 + secrets.randbelow(5_000), 30_000, 3):
        with socket.socket() as next_one, socket.socket() as this_one:
            try:
                next_one.bind(("127.0.0.1", port + 1))
                this_one.bind(("127.0.0.1", port))
            except OSError:
                continue
            next_one.close()
            this_one.listen()
            yield port
            return


def test_where_a_port_is_taken_the_next_free_one_is_used_and_said(taken: int) -> None:
    result = called("demo", "--once", "--port", str(taken))
    assert result.exit_code == 0
    assert result.stderr == f"Port {taken} is taken; this demo is at port {taken + 1}.\n"
    assert f"http://127.0.0.1:{taken + 1}" in result.stdout


def test_where_no_port_is_free_that_is_said(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_TRIED_PORTS", 1)
    result = called("demo", "--once", "--port", str(taken))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"--port: {taken} and all that follow are taken\n    -> choose another, or 0" in result.stderr


@pytest.mark.parametrize("host", ["203.0.113.1", "::ffff:203.0.113.1", "no.such.host.invalid"])
def test_where_nothing_can_listen_that_is_said(host: str) -> None:
    result = called("demo", "--once", "--host", host, "--port", "0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"--host {host} --port 0: cannot listen there" in result.stderr


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
    ],
)
def test_the_address_is_one_that_a_client_can_use(host: str, url: str) -> None:
    assert server.url_of(host, 80) == url


def test_it_listens_on_every_address_if_asked_to() -> None:
    result = called("demo", "--once", "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    assert result.exit_code == 0
    assert "http://127.0.0.1:" in result.stdout


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def wrongly(body: bytes) -> Serving:
    """An API that lets everybody in, with this answer."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body]

    @contextmanager
    def serving(world: World, listener: socket.socket) -> Iterator[None]:
        wrong = WSGIServer(listener.getsockname(), _Quiet, bind_and_activate=False)
        wrong.socket.close()
        wrong.socket = listener
        wrong.server_name, wrong.server_port = listener.getsockname()
        wrong.setup_environ()
        wrong.set_app(app)
        thread = threading.Thread(target=wrong.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            wrong.shutdown()
            thread.join()

    return serving


@pytest.mark.parametrize("body", [b"welcome", b"[]", b'{"status": "ok"}'])
def test_an_answer_that_is_not_the_documented_one_is_pointed_out(
    body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Plan("wrong", wrongly(body), "127.0.0.1", 0, once=True, json=False)) is False
    said = " ".join(capsys.readouterr().out.split())
    assert "NOT AS DOCUMENTED: status 200 instead of 401" in said
    assert "NOT AS DOCUMENTED: www-authenticate: absent instead of Bearer" in said
    assert re.search(r" [01] of 22 answers are the documented ones", said)


@pytest.mark.parametrize(("door", "module"), [((), asgi_server), (("--wsgi",), wsgi_server)], ids=["asgi", "wsgi"])
def test_then_the_exit_status_is_1(door: tuple[str, ...], module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "serving", wrongly(b"{}"))
    result = called("demo", "--once", "--port", "0", "--json", *door)
    assert result.exit_code == 1
    assert not [row for row in json.loads(result.stdout) if row["as_documented"]]


class Running:
    """A demo that serves on."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.said = ""
        for line in process.stdout:
            self.said += line
            if line.startswith("Ctrl-C ends it."):
                return
        pytest.fail(f"it ended: {self.said}")

    @property
    def url(self) -> str:
        return self._found(r"A gamification API .* at (http\S+)")

    @property
    def token(self) -> str:
        return self._found(r"TOKEN=(\S+)")

    @property
    def file(self) -> Path:
        return Path(self._found(r"Its tenants, with a fresh secret: (.+)"))

    def end(self, with_signal: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(with_signal)
        stdout, stderr = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, stdout, stderr

    def _found(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found is not None
        return found[1]


@contextmanager
def running(*arguments: str) -> Iterator[Running]:
    with subprocess.Popen(
        program("demo", "--port", "0", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PYTHONUNBUFFERED="1"),
        # Whatever runs the tests in the background may have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


@DOORS
@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_until_it_is_ended_and_then_removes_the_secret(
    door: tuple[str, ...], with_signal: signal.Signals
) -> None:
    with running(*door) as demo:
        with httpx2.Client(base_url=demo.url, trust_env=False) as client:
            bearer = {"Authorization": f"Bearer {demo.token}"}
            assert client.get("/v1/auth/verify", headers=bearer).json()["sub"] == "user_123"
            scored = client.post("/v1/events", headers=bearer, json={"event": "again", "points": 5})
            assert (scored.status_code, scored.json()["points"]) == (201, 15)
            assert client.post("/v1/events", headers=bearer, json={"points": "many"}).status_code == 422
            assert client.get("/v1/leaderboard").status_code == 401
        assert stat.S_IMODE(demo.file.stat().st_mode) == 0o600
        assert stat.S_IMODE(demo.file.parent.stat().st_mode) == 0o700
        status, stdout, stderr = demo.end(with_signal)
    assert (status, "Traceback" in stderr) == (0, False)
    assert "WARNING refused 401 invalid_token (no_credentials): GET /v1/leaderboard" in stdout
    assert not demo.file.parent.exists()


def test_the_lines_to_try_work_as_they_stand_there() -> None:
    with running() as demo:
        lines = [line.strip() for line in demo.said.splitlines() if line.startswith("  ")]
        program_text = "\n".join(line for line in lines if re.match("TOKEN=|echo |curl ", line))
        assert program_text.count("curl -i ") == 4
        command = " ".join(program())
        ran = subprocess.run(
            ["sh", "-c", program_text.replace("jwt-middleware token", f"{command} token")],
            env=environment(PATH=os.environ["PATH"]),
            capture_output=True,
            text=True,
            check=False,
        )
    assert "Accepted: every step that is checked here holds." in ran.stdout
    if "curl: not found" not in ran.stderr and "curl: command not found" not in ran.stderr:
        statuses = re.findall(r"HTTP/1.1 (\d+)", ran.stdout)
        assert statuses == ["200", "201", "200", "401"]


def test_tenants_do_not_see_each_others_players() -> None:
    board = Leaderboard()
    assert board.add("acme", "ann", 10) == 10
    assert board.add("acme", "bob", 15) == 15
    assert board.add("globex", "ann", 1) == 1
    assert board.ranking("acme") == [("bob", 15), ("ann", 10)]
    assert board.ranking("globex") == [("ann", 1)]
