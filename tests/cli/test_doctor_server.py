"""`jwt-middleware doctor --url`: whether a running API gets the Authorization header."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from jwt_middleware import JWTSettings, Key, Tenant
from jwt_middleware.cli.checkup import server
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.wsgi import JWTMiddleware
from tests.cli.calling import called, in_new_process
from tests.stores.redis_server import free_port

ACME = Tenant("acme", keys=[Key.secret(fresh_secret("HS256"))], applications=["shop"])
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(app: App) -> Iterator[str]:
    """A real server on a free port, until the end of the block."""
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join()


def api(**settings: Any) -> App:
    """An API that the middleware protects."""
    return JWTMiddleware(answering("200 OK"), JWTSettings([ACME], **settings))


def answering(status: str, *headers: tuple[str, str], body: bytes = b"") -> App:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response(status, [*headers])
        return [body]

    return app


def without_authorization(app: App) -> App:
    """As behind a server that keeps the header for itself."""

    def around(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.pop("HTTP_AUTHORIZATION", None)
        return app(environ, start_response)

    return around


def below(prefix: str, app: App) -> App:
    def around(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert environ["PATH_INFO"].startswith(prefix)
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(prefix)
        return app(environ, start_response)

    return around


@pytest.fixture(autouse=True)
def _nothing_else_to_find(empty_folder: Path) -> None:
    file = f'[[tenants]]\nid = "acme"\napplications = ["shop"]\nkeys = [{{ secret = "{fresh_secret("HS256")}" }}]\n'
    (empty_folder / "settings.toml").write_text('revocations = "memory:"\n' + file)


def of_server(url: str, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    """Exit status, and what was found about the server."""
    result = called("doctor", "--settings", "settings.toml", "--json", "--url", url, *arguments)
    found = json.loads(result.stdout)["findings"]
    return result.exit_code, [finding for finding in found if finding["check"] == "server"]


def only(url: str) -> tuple[str, str, str]:
    status, [finding] = of_server(url)
    assert status == (finding["state"] == "fail")
    return finding["state"], finding["what"], finding["fix"]


def test_a_server_that_passes_the_header_on_is_fine() -> None:
    fine = ("ok", "the Authorization header arrives, and a made-up token is refused", "")
    with serving(api()) as url:
        for address in (url, f"{url}/", f"{url}/v1/auth/verify"):
            assert only(address) == fine
    with serving(below("/api", api())) as url:
        assert only(f"{url}/api") == fine
    with serving(api(render_error=lambda refusal, members: ("text/plain", b"no"))) as url:
        assert only(url) == fine


def test_the_verify_endpoint_is_where_the_settings_say(empty_folder: Path) -> None:
    settings = empty_folder / "settings.toml"
    text = settings.read_text()
    settings.write_text(f'verify_path = "/whoami"\n{text}')
    with serving(api(verify_path="/whoami")) as url:
        assert only(url)[0] == "ok"
    with serving(api()) as url:
        assert only(url)[0] == "ok"  # every path asks for a token
    settings.write_text(text)
    with serving(api(verify_path=None, public=["/*"])) as url:
        state, what, _ = only(url)
        assert (state, "200 for a token that nobody issued" in what) == ("fail", True)


@pytest.mark.parametrize("render", [None, lambda refusal, members: ("text/plain", b"no")])
def test_a_server_that_keeps_the_header_for_itself_is_found(render: Any) -> None:
    with serving(without_authorization(api(render_error=render))) as url:
        state, what, fix = only(url)
    assert (state, what) == ("fail", "no Authorization header arrived, though one was sent")
    assert "WSGIPassAuthorization On" in fix


def test_an_api_that_takes_the_request_for_plain_http_is_found() -> None:
    with serving(api(require_https=True)) as url:
        assert "takes the request for plain http" in only(url)[1]


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (answering("301 Moved", ("Location", "http://127.0.0.1:1/\x1b[2J")), "a redirect to http://127.0.0.1:1/"),
        (answering("302 Found"), "a redirect to nowhere"),
        (answering("404 Not Found"), "404 instead of 401"),
        (answering("503 Service Unavailable"), "503: a store cannot answer"),
        (answering("200 OK", body=b"{" * 100_000), "200 for a token that nobody issued"),
        (answering("401 No", ("WWW-Authenticate", 'Basic realm="x"')), "something else, which asks for Basic"),
        (answering("401 No"), "something else, which asks for nothing"),
        (answering("401 No", body=b'{"error_description": ["nested'), "something else"),
    ],
)
def test_what_is_not_the_middleware_is_found(app: App, words: str) -> None:
    with serving(app) as url:
        state, what, fix = only(url)
    assert (state, words in what, fix != "") == ("fail", True, True), what
    assert "\x1b" not in what


def test_no_answer_is_found() -> None:
    state, what, _ = only(f"http://127.0.0.1:{free_port()}")
    assert (state, "no answer from 127.0.0.1: ConnectError" in what) == ("fail", True)


@pytest.mark.parametrize("url", ["api.example", "ftp://api.example", "https://", "http://[", "https://a\x00b"])
def test_what_is_no_web_address_is_said(url: str) -> None:
    assert only(url)[0] == "fail"


def test_a_password_in_the_address_is_not_told() -> None:
    assert "hunter2" not in str(only(f"http://user:hunter2@127.0.0.1:{free_port()}"))


def test_plain_http_is_worth_a_look_and_a_verify_endpoint_that_is_off_cannot_be_asked() -> None:
    plain, off = server.findings("http://api.example", None, 60)
    assert (plain.state, "plain http" in plain.what) == ("warn", True)
    assert [*server.findings("https://api.example", None, 60)] == [off]
    assert (off.state, "switched off" in off.what) == ("warn", True)


def test_the_clock_of_the_server_is_compared() -> None:
    challenge = ("WWW-Authenticate", 'Bearer realm="api", error="invalid_token"')
    for date, expected in (("Sun, 01 Nov 2020 12:30:00 GMT", ["fail"]), ("noon", [])):
        with serving(answering("401 Unauthorized", challenge, ("Date", date))) as url:
            found = [finding.state for finding in server.findings(url, "/v1/auth/verify", 60)]
        assert found == ["ok", *expected]
    with serving(api()) as url:
        assert [finding.state for finding in server.findings(url, "/v1/auth/verify", 60)] == ["ok", "ok"]


def test_a_missing_extra_is_named() -> None:
    ran = in_new_process(
        sys.executable,
        "-c",
        "import sys; sys.modules['httpx2'] = None\n"
        "sys.argv[1:] = ['doctor', '--settings', 'settings.toml', '--url', 'https://api.example']\n"
        "from jwt_middleware.cli import main; main()",
    )
    assert ran.returncode == 1
    assert "httpx2 is not installed" in ran.stdout
    assert "pip install 'tenant-jwt-middleware[cli,jwks]'" in ran.stdout
