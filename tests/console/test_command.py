"""`jwt-middleware console` as a process: it serves the pages, logs no address, and ends when it is told to."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from jwt_middleware import SQLTenants

from ..cli.calling import called, environment, program
from .visiting import OLD, STORE_KEY, acme, hidden, secret_on, title

SECONDS_TO_START = 20


@pytest.fixture
def variables(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The store that the environment names, with the tenant acme in it."""
    file = tmp_path / "tenants.db"
    file.write_bytes(template.read_bytes())
    monkeypatch.chdir(tmp_path)
    store = SQLTenants(f"sqlite:///{file}", store_key=STORE_KEY)
    store.add_tenant(acme())
    store.close()
    return {"JWT_MIDDLEWARE_TENANTS": f"sqlite:///{file}", "JWT_MIDDLEWARE_STORE_KEY": STORE_KEY}


@pytest.fixture(params=["in JSON", "in words"])
def served(
    request: pytest.FixtureRequest, variables: dict[str, str], tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """The process, its address, and the file with all that it prints."""
    (tmp_path / "settings.toml").write_text('required_claims = ["org"]\nmax_lifetime = 7200\n')
    printed = tmp_path / "printed"
    form = ["--json"] if request.param == "in JSON" else []
    command = program("console", "--port", "0", "--settings", "settings.toml", *form)
    with (
        printed.open("wb") as file,
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment(**variables),
            stdout=file,
            stderr=file,
            # Where these tests run in the background, Ctrl-C is ignored, and that is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process,
    ):
        try:
            yield process, _address(process, printed), printed
        finally:
            process.kill()


def _address(process: subprocess.Popen[bytes], printed: Path) -> str:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r'\{\s*"url": "([^"]+)"\s*\}|^The console is at (\S+)/$', printed.read_text(), re.MULTILINE)
        if found is not None:
            return found[1] or found[2]
        time.sleep(0.02)
    pytest.fail(f"the console did not start: {printed.read_text()}")


def test_a_link_of_the_command_leads_to_a_new_secret_and_its_address_is_logged_nowhere(
    served: tuple[subprocess.Popen[bytes], str, Path], variables: dict[str, str]
) -> None:
    process, address, printed = served
    made = called("tenant", "link", "acme", "--base-url", address, **variables)
    link = made.stdout.strip()
    assert link.startswith(f"{address}/refresh/")
    with httpx2.Client(trust_env=False) as client:
        page = client.get(link)
        assert title(page) == "Refresh your secret"
        assert "server" not in page.headers
        done = client.post(link, data={**hidden(page), "old": "day"})
        secret = secret_on(done)
        assert secret is not None
        assert "your org" in done.text
        assert client.get(link).status_code == 410
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS_TO_START) == 0
    text = printed.read_text()
    for hidden_text in ("/refresh/", link.rpartition("/")[2], secret, OLD):
        assert hidden_text not in text
    audit = called("audit", "--json", **variables).stdout
    assert '"refresh link"' in audit
    assert secret not in audit


def test_ctrl_c_ends_it(served: tuple[subprocess.Popen[bytes], str, Path]) -> None:
    process, _, printed = served
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS_TO_START) == 0
    assert "Ended." in printed.read_text()


def test_other_machines_need_https(variables: dict[str, str]) -> None:
    refused = called("console", "--host", "0.0.0.0", "--port", "0", **variables)  # noqa: S104 (refused)
    assert refused.exit_code == 2
    assert "--base-url: missing" in refused.stderr
    refused = called("console", "--port", "0", "--base-url", "http://console.example", **variables)
    assert refused.exit_code == 2
    assert "plain http is for this machine only" in refused.stderr


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3"])
def test_on_this_machine_no_address_has_to_be_named(host: str, variables: dict[str, str]) -> None:
    refused = called("console", "--host", host, "--port", "0", "--settings", "missing.toml", **variables)
    assert refused.exit_code == 2
    assert "missing.toml" in refused.stderr
    assert "--base-url" not in refused.stderr


def test_a_host_that_is_no_address_of_this_machine_is_told(variables: dict[str, str]) -> None:
    refused = called("console", "--host", "192.0.2.1", "--port", "0", **variables)
    assert refused.exit_code == 2
    assert "cannot listen at 192.0.2.1" in refused.stderr


def test_a_port_that_is_taken_is_told(variables: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = called("console", "--port", str(taken.getsockname()[1]), **variables)
    assert refused.exit_code == 2
    assert "choose another port" in refused.stderr


def test_without_a_store_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = called("console", "--port", "0", JWT_MIDDLEWARE_STORE_KEY=None)
    assert refused.exit_code == 2
    assert "jwt-middleware init" in refused.stderr


def test_without_the_extra_it_names_it(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("jwt_middleware.console")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    refused = called("console", "--port", "0", **variables)
    assert refused.exit_code == 2
    assert "tenant-jwt-middleware[console]" in refused.stderr


def test_help_says_what_it_is_for() -> None:
    shown = " ".join(called("console", "--help").stdout.split())
    for words in ("refresh their secret and check tokens", "speaks https in front of it", "--base-url"):
        assert words in shown
