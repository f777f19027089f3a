"""What docs/console.md shows is run as it stands there."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from jwt_middleware import Key, SQLTenants
from jwt_middleware.console.guarding import HEADERS
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.tokens import guide_claims, signed

from ..cli.calling import environment, program
from ..console.visiting import OLD, STORE_KEY, Visitor, acme, secret_on, title
from ..examples.test_examples import free_port
from ..gateway.serving import nginx as nginx_program
from .test_documents import ROOT, blocks

PAGE = (ROOT / "docs" / "console.md").read_text()
PORT = "8088"
SECONDS_TO_START = 20


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_console_in_an_app_gives_a_new_secret_that_the_app_takes_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_MIDDLEWARE_STORE_KEY", STORE_KEY)
    upgrade("sqlite:///tenants.db")
    tenants = SQLTenants("sqlite:///tenants.db")
    tenants.add_tenant(acme())
    names: dict[str, Any] = {}
    for text in blocks(PAGE, "python"):
        exec(text, names)  # noqa: S102 (our own page)
    visitor = Visitor(names["app"], "https://api.example.com")
    assert visitor.open(names["link"]).status_code == 200
    secret = secret_on(visitor.send(old="day"))
    assert secret is not None
    client = TestClient(names["app"], base_url="https://api.example.com")
    for used in (secret, OLD):
        bearer = signed(guide_claims(acme(), "shop", "user_123", now=time.time()), Key.secret(used))
        assert client.get("/v1/me", headers={"Authorization": f"Bearer {bearer}"}).json() == {"user": "user_123"}
    assert client.get("/v1/me").status_code == 401
    for page in ("/console/", "/console/check", "/console/guide", "/console/static/console.css"):
        assert client.get(page).status_code == 200
    assert [entry.actor for entry in tenants.audit("acme")][:2] == ["refresh link", "ada@acme.example"]
    tenants.close()
    names["console"].close()


@contextmanager
def served(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """A server, which answers at this port."""
    with subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + SECONDS_TO_START
            while time.monotonic() < deadline and process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


def run(line: str, folder: Path) -> str:
    """What a line of the page prints."""
    name, *arguments = shlex.split(line)
    assert name == "jwt-middleware"
    done = subprocess.run(
        program(*arguments), cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_console_by_itself_and_behind_nginx(folder: Path) -> None:
    port = free_port()
    [lines] = (block.replace(PORT, str(port)).splitlines() for block in blocks(PAGE, "sh"))
    init, add, console, link = lines
    run(init, folder)
    run(add, folder)
    command = program(*shlex.split(console.removesuffix("&"))[1:])
    with served(command, folder, port), httpx2.Client(trust_env=False) as client:
        assert title(client.get(run(link, folder).strip())) == "Refresh your secret"
    behind = [*command, "--base-url", "https://api.example.com/console"]
    with served(behind, folder, port), nginx(port, folder) as address, httpx2.Client(trust_env=False) as client:
        found = client.get(f"{address}/console/")
        assert {name: found.headers.get(name) for name in HEADERS} == HEADERS
        for part in re.findall(r'(?:href|src)="(/[^"]+)"', found.text):
            assert client.get(f"{address}{part}").status_code == 200


@contextmanager
def nginx(port: int, folder: Path) -> Iterator[str]:
    """nginx with the lines of the page in it."""
    own = free_port()
    [location] = blocks(PAGE, "nginx")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"pid {folder}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}"
        f"server {{\nlisten 127.0.0.1:{own};\n{location.replace(PORT, str(port))}}}\n}}\n"
    )
    alone = "daemon off; master_process off;"
    command = [nginx_program(), "-p", str(folder), "-e", "nginx.log", "-c", "nginx.conf", "-g", alone]
    with served(command, folder, own):
        yield f"http://127.0.0.1:{own}"
