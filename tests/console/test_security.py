"""What protects the pages: who may send their forms, what a browser may do with them, and what is never told."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from jwt_middleware import JWTSettings, SQLTenants
from jwt_middleware.console import Console, forms, work
from jwt_middleware.console.guarding import HEADERS, Guard
from jwt_middleware.console.rendering import Pages
from jwt_middleware.sql import connections
from jwt_middleware.sql.schema import upgrade

from .visiting import OLD, ORIGIN, STORE_KEY, Visitor, World, hidden, title

COOKIE = "__Host-jwt-middleware-console"
OTHER_TOKEN = "A" * 43
FORM = {"content-type": "application/x-www-form-urlencoded"}

Asked = Callable[[World, Visitor], Any]


def sent_from_elsewhere(world: World, visitor: Visitor) -> Any:
    visitor.open(world.console.refresh_link("acme"))
    return visitor.send(old="day", headers={"Sec-Fetch-Site": "cross-site"})


def refreshed(world: World, visitor: Visitor) -> Any:
    visitor.open(world.console.refresh_link("acme"))
    return visitor.send(old="leaked")


ANSWERS: dict[str, tuple[int, Asked]] = {
    "start": (200, lambda world, visitor: visitor.open(f"{ORIGIN}/")),
    "guide": (200, lambda world, visitor: visitor.open(f"{ORIGIN}/guide")),
    "check": (200, lambda world, visitor: visitor.open(f"{ORIGIN}/check")),
    "a link": (200, lambda world, visitor: visitor.open(world.console.refresh_link("acme"))),
    "the new secret": (200, refreshed),
    "a forged link": (404, lambda world, visitor: visitor.open(f"{ORIGIN}/refresh/x")),
    "no such page": (404, lambda world, visitor: visitor.open(f"{ORIGIN}/nothing")),
    "a form from elsewhere": (403, sent_from_elsewhere),
    "no form": (415, lambda world, visitor: visitor.request("POST", f"{ORIGIN}/check", json={})),
    "another method": (405, lambda world, visitor: visitor.request("PUT", f"{ORIGIN}/check")),
    "HEAD": (200, lambda world, visitor: visitor.request("HEAD", f"{ORIGIN}/check")),
    "style": (200, lambda world, visitor: visitor.open(f"{ORIGIN}/static/console.css")),
    "script": (200, lambda world, visitor: visitor.open(f"{ORIGIN}/static/copy.js")),
    "icon": (200, lambda world, visitor: visitor.open(f"{ORIGIN}/static/icon.svg")),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_the_headers_that_protect_it(name: str, world: World, visitor: Visitor) -> None:
    status, ask = ANSWERS[name]
    answer = ask(world, visitor)
    assert answer.status_code == status
    assert {field: answer.headers.get(field) for field in HEADERS} == HEADERS


def test_the_headers_are_those_that_are_promised() -> None:
    policy = dict(directive.split(" ", 1) for directive in HEADERS["Content-Security-Policy"].split("; "))
    nothing = ("default-src", "frame-ancestors", "base-uri")
    own = ("style-src", "script-src", "img-src", "form-action")
    assert policy == {**dict.fromkeys(nothing, "'none'"), **dict.fromkeys(own, "'self'")}
    assert HEADERS["Referrer-Policy"] == "no-referrer"
    assert HEADERS["Cache-Control"] == "no-store"
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["X-Frame-Options"] == "DENY"


def test_no_page_has_a_script_or_a_style_in_it(world: World, visitor: Visitor) -> None:
    for name in ("start", "guide", "check", "a link", "the new secret", "no such page"):
        page = ANSWERS[name][1](world, visitor).text
        assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page) == []
        assert set(re.findall(r"<script[^>]*>", page)) == {'<script src="/static/copy.js" defer>'}


# Who may send a form


def test_the_cookie_belongs_to_this_host_and_no_script_can_read_it(world: World, visitor: Visitor) -> None:
    field = visitor.open(world.console.refresh_link("acme")).headers["set-cookie"]
    name, _, rest = field.partition("=")
    value, *attributes = rest.split("; ")
    assert name == COOKIE
    assert re.fullmatch("[A-Za-z0-9_-]{43}", value)
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=strict", "Secure"]


def test_a_browser_that_has_the_cookie_keeps_it(visitor: Visitor) -> None:
    first = hidden(visitor.open(f"{ORIGIN}/check"))
    again = visitor.open(f"{ORIGIN}/check")
    assert hidden(again) == first
    assert "set-cookie" not in again.headers
    visitor.forget()
    assert hidden(visitor.open(f"{ORIGIN}/check")) != first


def test_on_this_machine_plain_http_does(world: World) -> None:
    origin = "http://127.0.0.1:8088"
    console = Console(world.settings, base_url=origin)
    visitor = Visitor(console.app, origin)
    page = visitor.open(console.refresh_link("acme"))
    assert page.headers["set-cookie"].startswith("jwt-middleware-console=")
    assert "Secure" not in page.headers["set-cookie"]
    assert visitor.send(old="day").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": ORIGIN},
    ],
)
def test_a_form_from_its_own_page_is_taken(headers: dict[str, str], world: World, visitor: Visitor) -> None:
    visitor.open(world.console.refresh_link("acme"))
    assert visitor.send(old="day", headers=headers).status_code == 200
    assert len(world.usable()) == 2


FORGERIES: dict[str, dict[str, Any]] = {
    "from another site": {"headers": {"Sec-Fetch-Site": "cross-site"}},
    "from another host of this site": {"headers": {"Sec-Fetch-Site": "same-site"}},
    "by a browser of another sort": {"headers": {"Sec-Fetch-Site": ""}},
    "from another origin": {"headers": {"Origin": "https://evil.example"}},
    "from this host by plain http": {"headers": {"Origin": "http://console.example"}},
    "with another token": {"field": OTHER_TOKEN},
    "with an empty token": {"field": ""},
    "without a token": {"field": None},
    "with a token that is no ASCII": {"field": "é" * 43},
    "without the cookie": {"cookie": None},
    "with another cookie": {"cookie": OTHER_TOKEN},
    "with an empty cookie": {"cookie": "", "field": ""},
    "with a short cookie": {"cookie": "x", "field": "x"},
    "with a cookie of another name": {"cookie": OTHER_TOKEN, "name": "jwt-middleware-console", "field": OTHER_TOKEN},
}


@pytest.mark.parametrize("page", ["refresh", "check"])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_form_changes_nothing(forgery: str, page: str, world: World, visitor: Visitor) -> None:
    address = world.console.refresh_link("acme") if page == "refresh" else f"{ORIGIN}/check"
    fields: dict[str, str | None] = {**hidden(visitor.open(address)), "step": "refresh", "old": "day", "token": "a.b.c"}
    cookie: str | None = visitor.cookies[COOKIE]
    visitor.forget()
    how = {"field": fields[forms.FIELD], "cookie": cookie, "name": COOKIE, "headers": {}, **FORGERIES[forgery]}
    fields[forms.FIELD] = how["field"]
    headers = dict(how["headers"])
    if how["cookie"] is not None:
        headers["Cookie"] = f"{how['name']}={how['cookie']}"
    given = {name: value for name, value in fields.items() if value is not None}
    answer = visitor.request("POST", address, data=given, headers=headers)
    assert (answer.status_code, title(answer)) == (403, "This form was not sent from its page")
    assert world.usable() == [OLD]
    assert [entry.action for entry in world.tenants.audit()] in (["link.make", "tenant.add"], ["tenant.add"])


# What a form may be


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_only_one_kind_of_form_is_read(kind: str, world: World, visitor: Visitor) -> None:
    visitor.open(world.console.refresh_link("acme"))
    answer = visitor.request("POST", visitor.address, content=b"step=refresh&old=day", headers={"Content-Type": kind})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"old=day&old=week",
        b"old=%ff",
        b"old=\xff",
        "&".join(f"field{number}=x" for number in range(forms.MAX_FIELDS + 1)).encode(),
    ],
)
def test_a_form_that_cannot_be_read_in_one_way_is_refused(body: bytes, world: World, visitor: Visitor) -> None:
    visitor.open(world.console.refresh_link("acme"))
    assert visitor.request("POST", visitor.address, content=body, headers=FORM).status_code == 400
    assert world.usable() == [OLD]


@pytest.mark.parametrize("page", ["refresh", "check"])
def test_a_body_is_read_up_to_a_limit(page: str, world: World, visitor: Visitor) -> None:
    address = world.console.refresh_link("acme") if page == "refresh" else f"{ORIGIN}/check"
    limit = 1024 if page == "refresh" else 3 * 8192 + 4096
    pieces = 0

    def endless() -> Iterator[bytes]:
        nonlocal pieces
        while pieces < 1000:
            pieces += 1
            yield b"x" * 512

    answer = visitor.request("POST", address, content=endless(), headers=FORM)
    assert answer.status_code == 413
    fits = visitor.request("POST", address, content=b"x" * limit, headers=FORM)
    assert fits.status_code == 403
    assert visitor.request("POST", address, content=b"x" * (limit + 1), headers=FORM).status_code == 413


def asked(app: Any, messages: list[dict[str, Any]], method: str = "POST", path: str = "/check") -> list[Any]:
    """What the app sends to a client that sends these messages and then nothing more."""

    async def call() -> list[Any]:
        sent: list[Any] = []
        waiting = list(messages)

        async def receive() -> Any:
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"content-type", FORM["content-type"].encode())]
        scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b""}
        await asyncio.wait_for(app(scope, receive, send), 10)
        return sent

    return asyncio.run(call())


def test_a_body_that_does_not_arrive_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "SECONDS_TO_ARRIVE", 0.05)
    start, *_ = asked(world.console.app, [{"type": "http.request", "body": b"a", "more_body": True}])
    assert start["status"] == 408


def test_a_client_that_goes_away_is_no_failure(world: World, caplog: pytest.LogCaptureFixture) -> None:
    start, *_ = asked(world.console.app, [{"type": "http.disconnect"}])
    assert start["status"] == 400
    assert caplog.records == []


@pytest.mark.parametrize("path", ["/", "/check", "/nothing", "/static/copy.js"])
def test_head_is_get_without_the_body(path: str, world: World) -> None:
    sent = {method: asked(world.console.app, [], method, path) for method in ("GET", "HEAD")}
    heads = [dict(messages[0]["headers"]) for messages in sent.values()]
    assert [head.pop(b"set-cookie", None) is None for head in heads] == [path != "/check"] * 2
    assert heads[0] == heads[1]
    assert [any(message.get("body") for message in messages) for messages in sent.values()] == [True, False]


def test_another_method_is_told_which_there_are(visitor: Visitor) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = visitor.request(method, f"{ORIGIN}/check")
        assert answer.status_code == 405
        assert {*answer.headers["allow"].split(", ")} == {"GET", "HEAD", "POST"}
    assert visitor.request("POST", f"{ORIGIN}/").status_code == 405


def test_a_websocket_is_not_accepted(world: World) -> None:
    with (
        pytest.raises(WebSocketDisconnect),
        TestClient(world.console.app, base_url=ORIGIN).websocket_connect("/check"),
    ):
        pytest.fail("it was accepted")


# What fails


@contextmanager
def locked(world: World) -> Iterator[None]:
    """The database does not answer."""
    with closing(sqlite3.connect(world.file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_while_the_store_cannot_answer_the_page_says_so(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WRITE_TIMEOUT", 0.2)
    store = SQLTenants(world.url, store_key=STORE_KEY, store_timeout=0.1)
    console = Console(JWTSettings(store), base_url=ORIGIN)
    link = console.refresh_link("acme")
    visitor = Visitor(console.app)
    visitor.open(link)
    with locked(world):
        for answer in (visitor.send(old="day"), visitor.request("GET", link)):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert title(answer) == "The page cannot be made at this moment"
            assert {field: answer.headers.get(field) for field in HEADERS} == HEADERS
    assert world.usable() == [OLD]
    assert visitor.open(link).status_code == 200
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name == "jwt_middleware")
    assert "console: the stores cannot answer" in logged
    assert link.rpartition("/")[2] not in logged
    console.close()


def test_more_requests_than_can_be_served_are_told_so(
    world: World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = world.console.refresh_link("acme")
    monkeypatch.setattr(work, "MAX_WAITING", 0)
    assert visitor.open(link).status_code == 503


def test_tables_without_links_are_the_operators_business(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    upgrade(url, revision="0002")
    console = Console(JWTSettings(SQLTenants(url, store_key=STORE_KEY)), base_url=ORIGIN)
    answer = Visitor(console.app).open(f"{ORIGIN}/refresh/x")
    assert answer.status_code == 503
    assert "upgrade" not in answer.text
    assert "upgrade" in "\n".join(record.getMessage() for record in caplog.records if record.name == "jwt_middleware")
    console.close()


def test_a_table_that_is_missing_is_a_store_that_cannot_answer(world: World, visitor: Visitor) -> None:
    link = world.console.refresh_link("acme")
    with closing(sqlite3.connect(world.file, isolation_level=None)) as connection:
        connection.execute("DROP TABLE jwt_middleware_links")
    answer = visitor.open(link)
    assert answer.status_code == 503
    assert "jwt_middleware_links" not in answer.text


def test_what_failed_inside_is_not_told_and_not_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    fails = False

    def clock() -> float:
        if fails:
            raise RuntimeError("a word that nobody may read")
        return world.clock()

    console = Console(JWTSettings(world.tenants, clock=clock), base_url=ORIGIN)
    link = console.refresh_link("acme")
    fails = True
    answer = Visitor(console.app).open(link)
    assert (answer.status_code, title(answer)) == (500, "This page failed")
    assert {field: answer.headers.get(field) for field in HEADERS} == HEADERS
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert re.fullmatch(r"console: a page failed with RuntimeError at .*\.py:\d+", record.getMessage())
    assert record.exc_info is None
    assert "nobody may read" not in answer.text


def test_an_answer_that_has_started_gets_no_second_one() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent = asked(Guard(app, Pages(ORIGIN)), [])
    assert [message["type"] for message in sent] == ["http.response.start"]


def test_a_console_that_is_served_by_itself_closes_its_stores_at_the_end(world: World) -> None:
    with TestClient(world.console.app, base_url=ORIGIN) as client:
        assert client.get("/").status_code == 200
    assert world.tenant().id == "acme"
