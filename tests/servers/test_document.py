"""`docs/servers.md` says what the other tests here have measured, and its programs run."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from asgiref.testing import ApplicationCommunicator

from jwt_middleware import Tenant, asgi, wsgi
from jwt_middleware.tokens import guide_claims, signed

from ..conformance.asgi_doors import converse, scope_of
from ..conformance.row import Reply, bearing
from ..conformance.wsgi_doors import environ_of, run
from . import test_forked
from .servers import SERVERS, Server

PAGE: Final = (Path(__file__).parents[2] / "docs" / "servers.md").read_text()
REFUSALS: Final = {"answer": "the answer", "status": "403 alone", None: ""}


def blocks(language: str, text: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def section_of(server: Server) -> str:
    """What stands under the heading with the server's command, on one line."""
    sections = PAGE.split("\n## ")
    [section] = [each for each in sections if server.command in "".join(blocks("sh", each)).splitlines()]
    return " ".join(section.replace("**", "").split())


def test_the_commands_are_those_that_were_run() -> None:
    shown = "".join(blocks("sh")).splitlines()
    assert sorted(shown) == sorted([*(server.command for server in SERVERS), test_forked.COMMAND])


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_what_a_server_hides_or_refuses_stands_under_its_name(server: Server) -> None:
    section = section_of(server)
    habits = [*(hiding.why for hiding in server.hidings), *(limit.why for limit in server.limits)]
    assert [why for why in habits if why not in section] == []


def test_the_table_says_how_sockets_are_refused_and_who_closes_stores() -> None:
    rows = re.findall(r"^\| `(\S+)` \| (\w+) \|(.*)\| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert [(name, interface, refusal.strip(), closes) for name, interface, refusal, closes in rows] == [
        (server.name, server.colour.upper(), REFUSALS[server.refuses_sockets_with], server.closes) for server in SERVERS
    ]


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The apps that the page shows."""
    monkeypatch.setenv("ACME_SECRET", secrets.token_urlsafe(32))
    monkeypatch.setattr("atexit.register", lambda close: close)
    apps: list[Any] = []
    for program in blocks("python"):
        names: dict[str, Any] = {"__name__": "app"}
        exec(compile(program, "app.py", "exec"), names)  # noqa: S102
        apps.append(names)
    yield apps
    for names in apps:
        names["app"].gate.authenticator.close()


def ask_wsgi(app: Any, request: Any) -> Reply:
    return run(app, environ_of(request))


def ask_asgi(app: Any, request: Any) -> Reply:
    return asyncio.run(converse(app, scope_of(request)))


@pytest.mark.parametrize(("number", "door", "ask"), [(0, wsgi, ask_wsgi), (1, asgi, ask_asgi)], ids=["wsgi", "asgi"])
def test_a_program_greets_whoever_has_a_good_token(
    number: int, door: Any, ask: Callable[[Any, Any], Reply], programs: list[Any]
) -> None:
    app, acme = programs[number]["app"], programs[number]["acme"]
    assert isinstance(app, door.JWTMiddleware)
    greeting = ask(app, bearing(fresh(acme)))
    assert (greeting.status, greeting.body) == (200, b"hello user_123\n")
    assert ask(app, bearing(fresh(acme)[:-1])).status == 401


def fresh(tenant: Tenant) -> str:
    return signed(guide_claims(tenant, "shop", "user_123", now=time.time()), tenant.keys[0])


def test_the_asgi_program_takes_part_in_lifespan(programs: list[Any]) -> None:
    async def live() -> list[str]:
        communicator = ApplicationCommunicator(programs[1]["app"], {"type": "lifespan"})
        for moment in ("startup", "shutdown"):
            await communicator.send_input({"type": f"lifespan.{moment}"})
        return [(await communicator.receive_output())["type"] for _ in range(2)]

    assert asyncio.run(live()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
