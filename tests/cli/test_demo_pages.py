"""`jwt-middleware demo` serves on: a tenant's secret is refreshed, and the old one ends before the reader's eyes."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx2
import pytest
from rich.console import Console

from jwt_middleware import ConfigurationError, Key, SQLTenants, TemporarilyUnavailable
from jwt_middleware.cli.demo.session import Plan, run
from jwt_middleware.cli.demo.watching import Watch
from jwt_middleware.cli.demo.world import TENANT, World, new_world
from jwt_middleware.tokens import signed
from tests.cli.calling import environment, program
from tests.cli.test_demo import Running, running, wrongly
from tests.unit.calling import eventually

_FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_SECRET = re.compile(r'<code id="secret">([^<]+)</code>')


@pytest.fixture(scope="module")
def demo() -> Iterator[Running]:
    with running() as started:
        yield started


def link_in(said: str) -> str:
    found = re.findall(r"http://127\.0\.0\.1:\d+/refresh/[\w-]+", said)
    assert found
    return str(found[-1])


class Browser:
    """Sends the forms of the pages that it opens."""

    def __init__(self) -> None:
        self._client = httpx2.Client(trust_env=False)
        self._page = ""

    def open(self, address: str) -> httpx2.Response:
        answer = self._client.get(address)
        self._page = answer.text
        return answer

    def send(self, address: str, **fields: str) -> httpx2.Response:
        hidden = {name: unescape(value) for name, value in _FIELD.findall(self._page)}
        answer = self._client.post(address, data={**hidden, **fields})
        self._page = answer.text
        return answer

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    opened = Browser()
    yield opened
    opened.close()


def code_for(demo: Running, token: str) -> str:
    """What the demo's API says of it: the error, or "" for none."""
    answer = httpx2.get(f"{demo.url}/v1/auth/verify", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    return str(answer.json().get("error", ""))


def token_by(secret: str) -> str:
    now = int(time.time())
    claims = {"sub": "user_123", "iss": TENANT, "aud": "quest", "iat": now, "exp": now + 60}
    return signed(claims, Key.secret(secret))


def line_with(demo: Running, words: str) -> str:
    """The next line that the demo prints with these words in it."""
    assert demo.process.stdout is not None
    for line in demo.process.stdout:
        if words in line:
            return str(line)
    pytest.fail(f"it ended without saying {words!r}")


def test_the_pages_that_it_names_are_there(demo: Running, browser: Browser) -> None:
    pages = re.findall(r"^  (http://127\.0\.0\.1:\d+/\S+)$", demo.said, re.MULTILINE)
    assert [page.rpartition("/")[2] for page in pages[1:]] == ["check", "guide"]
    assert pages[0] == link_in(demo.said)
    assert [browser.open(page).status_code for page in pages] == [200, 200, 200]
    guide = browser.open(pages[2]).text
    assert f"{demo.url}/v1/auth/verify" in guide
    assert f'href="{pages[1]}"' in guide


def test_a_secret_that_leaked_ends_when_the_new_one_is_saved(browser: Browser) -> None:
    with running() as demo:
        link, old = link_in(demo.said), demo.token
        browser.open(link)
        shown = _SECRET.search(browser.send(link, old="leaked").text)
        assert shown is not None
        new = token_by(unescape(shown[1]))
        assert (code_for(demo, old), code_for(demo, new)) == ("", "")
        browser.send(link)
        assert (code_for(demo, old), code_for(demo, new)) == ("invalid_signature", "")
        assert "ends now" in line_with(demo, "acme has a new secret. The old one, and all that it has signed,")
        line_with(demo, "The old secret has ended: what it has signed is refused.")
        again = link_in(line_with(demo, "To do it once more: "))
        assert again != link
        assert browser.open(again).status_code == 200
        status, stdout, stderr = demo.end(signal.SIGTERM)
    assert (status, "Traceback" in stdout + stderr) == (0, False)
    assert shown[1] not in stdout + stderr + demo.said
    assert not demo.file.parent.exists()


def test_a_secret_that_was_lost_ends_after_its_grace(browser: Browser) -> None:
    with running("--grace", "4s") as demo:
        link, old = link_in(demo.said), demo.token
        page = browser.open(link).text
        assert re.search(r'value="soon" checked>\s*<span>In 4 seconds', page)
        shown = _SECRET.search(browser.send(link, old="soon").text)
        assert shown is not None
        new = token_by(unescape(shown[1]))
        assert (code_for(demo, old), code_for(demo, new)) == ("", "")
        assert re.search(r"ends in [1-4] seconds?\.", line_with(demo, "acme has a new secret."))
        line_with(demo, "The old secret has ended")
        assert (code_for(demo, old), code_for(demo, new)) == ("invalid_signature", "")


def test_the_command_that_it_names_is_followed_by_the_end_of_the_old_secret() -> None:
    with running("--wsgi", "--grace", "2s") as demo:
        line = next(line.strip() for line in demo.said.splitlines() if "secret rotate" in line)
        command = " ".join(map(shlex.quote, program()))
        quick = line.replace("jwt-middleware secret", f"{command} secret")
        assert quick.endswith("--grace 2s)")
        ran = subprocess.run(
            ["sh", "-c", quick], env=environment(PATH=os.environ["PATH"]), capture_output=True, text=True, check=True
        )
        new = token_by(ran.stdout.strip())
        assert re.search(r"ends (now|in [12] seconds?)\.", line_with(demo, "acme has a new secret."))
        assert eventually(lambda: code_for(demo, new) == "")
        line_with(demo, "The old secret has ended")
        assert eventually(lambda: code_for(demo, demo.token) == "invalid_signature")
        assert code_for(demo, new) == ""


def test_the_store_is_what_init_makes() -> None:
    with new_world() as world:
        assert (world.file.parent / ".env").stat().st_mode & 0o777 == 0o600
        assert world.file.stat().st_mode & 0o777 == 0o600
        variables = (world.file.parent / ".env").read_text()
        assert f"JWT_MIDDLEWARE_TENANTS=sqlite:///{world.file}\n" in variables
        assert "JWT_MIDDLEWARE_STORE_KEY=" in variables
        with pytest.raises(ConfigurationError, match="is encrypted"):
            SQLTenants(f"sqlite:///{world.file}", store_in_clear=True)
        assert [entry.action for entry in world.store.audit()] == ["tenant.add"]


def test_at_the_end_no_file_of_it_is_open() -> None:
    with new_world() as world:
        world.store.check()
        assert str(world.file) in open_files()
    assert not [name for name in open_files() if name.startswith(str(world.file.parent))]


def open_files() -> list[str]:
    """What this process has open."""
    return [os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir()]


class Screen:
    """What a watch prints on a terminal."""

    def __init__(self) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, force_terminal=True, width=100, color_system=None)

    @property
    def text(self) -> str:
        return self._file.getvalue()


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as made:
        yield made


def after_a_look(watch: Watch, screen: Screen) -> str:
    watch.look()
    return screen.text


def test_on_a_terminal_the_seconds_are_counted_down(world: World) -> None:
    screen = Screen()
    watch = Watch(screen.console, world, lambda: "LINK")
    watch.look()
    assert screen.text == ""
    world.store.rotate_secret(TENANT, grace=1.2)
    watch.look()
    assert "acme has a new secret. The old one, and all that it has signed, ends in 2 seconds." in screen.text
    assert eventually(lambda: "accepted for 1 s more" in after_a_look(watch, screen))
    assert eventually(lambda: "The old secret has ended" in after_a_look(watch, screen))
    watch.look()
    assert screen.text.count("The old secret has ended") == 1
    assert screen.text.count("LINK") == 1
    watch.close()


def test_each_end_is_told_once_and_the_nearest_is_counted_down_to(world: World) -> None:
    screen = Screen()
    watch = Watch(screen.console, world, lambda: "LINK")
    for grace in (3600, 60):
        world.store.rotate_secret(TENANT, grace=grace)
        watch.look()
    assert screen.text.count("has a new secret") == 2
    assert eventually(lambda: re.search(r"accepted for (60|59) s more", screen.text))
    world.store.rotate_secret(TENANT, grace=0)
    watch.look()
    assert screen.text.count("ends now") == 1
    watch.close()


def test_a_tenant_that_is_gone_or_a_store_that_is_busy_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    watch = Watch(screen.console, world, lambda: "LINK")

    def busy(_: str) -> None:
        raise TemporarilyUnavailable("busy")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "tenant", busy)
        watch.look()
    world.store.remove(TENANT)
    watch.look()
    assert screen.text == ""


def test_ctrl_c_ends_the_countdown_and_the_rest(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with running() as demo:
        subprocess.run(
            program("secret", "rotate", TENANT, "--grace", "60s"),
            cwd=demo.file.parent,
            env=environment(),
            capture_output=True,
            check=True,
        )
        line_with(demo, "has a new secret")
        status, stdout, stderr = demo.end(signal.SIGINT)
    assert (status, "Ended." in stdout, "Traceback" in stdout + stderr) == (0, True, False)


def test_the_pages_are_on_this_machine_only_wherever_the_api_is() -> None:
    with running("--host", "0.0.0.0") as demo:  # noqa: S104
        port = int(re.findall(r":(\d+)/refresh/", demo.said)[0])
        # Another address of this machine, at which nothing listens that listens at 127.0.0.1 alone.
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) == 0
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.2", port)) != 0


def test_pages_are_not_served_where_it_ends_after_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    run(Plan("wrong", wrongly(b"{}"), "127.0.0.1", 0, once=True, json=False))
    assert "/refresh/" not in capsys.readouterr().out
