"""An open WebSocket ends with its token (contract section 6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from jwt_middleware import Application, Identity, InvalidToken, JWTSettings, Key, Rule, Tenant, socket_watch
from jwt_middleware.asgi import JWTMiddleware
from jwt_middleware.tokens import guide_claims, signed

KEY = Key.secret(b"k" * 32)
QUICK = 0.03


class World:
    """A resolver whose answer can change, or fail."""

    in_memory = True

    def __init__(self) -> None:
        self.tenant: Tenant | None = acme()
        self.fails = False
        self.revoked = False
        self.asked = 0

    def resolve(self, issuer: str) -> Tenant | None:
        self.asked += 1
        if self.fails:
            raise ConnectionError
        return self.tenant

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        return self.revoked


def acme(**changes: Any) -> Tenant:
    return Tenant("acme", **{"keys": [KEY], "applications": ["shop"], **changes})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Accepts, echoes, and tells with what code the socket ended."""
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})
    scope["state"]["ended"] = event
    await send({"type": "websocket.send", "text": "too late"})


@asynccontextmanager
async def opened(
    world: World, lifetime: float = 60, app: Any = echo, **settings: Any
) -> AsyncIterator[tuple[ApplicationCommunicator, dict[str, Any]]]:
    state: dict[str, Any] = {}
    claims = guide_claims(acme(), "shop", "user_123", now=time.time(), scopes=["read"], lifetime=1)
    token = signed({**claims, "exp": time.time() + lifetime}, KEY)
    options = {"revocations": world, "recheck_interval": QUICK, **settings}
    door = JWTMiddleware(app, JWTSettings(world, **options))
    scope = {
        "type": "websocket",
        "path": "/feed",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
        "state": state,
    }
    connection = ApplicationCommunicator(door, scope)
    await connection.send_input({"type": "websocket.connect"})
    assert (await connection.receive_output())["type"] == "websocket.accept"
    try:
        yield connection, state
    finally:
        await connection.send_input({"type": "websocket.disconnect", "code": 1000})
        await connection.wait()


def suspend(world: World) -> None:
    world.tenant = acme(active=False)


def remove(world: World) -> None:
    world.tenant = None


def retire_key(world: World) -> None:
    world.tenant = acme(keys=[Key.secret(b"k" * 32, not_after=time.time() - 1)])


def suspend_application(world: World) -> None:
    world.tenant = acme(applications=[Application("shop", active=False)])


def lower_ceiling(world: World) -> None:
    world.tenant = acme(applications=[Application("shop", scopes=[])])


def revoke(world: World) -> None:
    world.revoked = True


@pytest.mark.parametrize("change", [suspend, remove, retire_key, suspend_application, lower_ceiling, revoke])
def test_a_socket_is_closed_when_a_check_fails_later(change: Callable[[World], None]) -> None:
    async def scenario() -> None:
        world = World()
        async with opened(world, rules=[Rule("/feed", scopes=["read"])]) as (connection, state):
            await connection.send_input({"type": "websocket.receive", "text": "before"})
            assert (await connection.receive_output())["text"] == "before"
            change(world)
            assert await connection.receive_output() == {"type": "websocket.close", "code": 1008, "reason": ""}
            assert await connection.receive_nothing()
            assert state["ended"] == {"type": "websocket.disconnect", "code": 1008, "reason": ""}

    asyncio.run(scenario())


def test_a_socket_is_closed_when_a_validator_refuses_later() -> None:
    verdicts: list[str] = []

    def validator(identity: Identity) -> None:
        if verdicts:
            raise InvalidToken(verdicts[0])

    async def scenario() -> None:
        async with opened(World(), validators=[validator]) as (connection, _):
            verdicts.append("no_longer")
            assert (await connection.receive_output())["code"] == 1008

    asyncio.run(scenario())


def test_a_socket_is_closed_when_its_token_expires_though_no_check_is_due() -> None:
    async def scenario() -> None:
        started = time.monotonic()
        async with opened(World(), lifetime=0.3, recheck_interval=60) as (connection, _):
            assert (await connection.receive_output(3))["code"] == 1008
            assert 0.2 < time.monotonic() - started < 2

    asyncio.run(scenario())


def test_a_socket_stays_open_while_its_token_is_good() -> None:
    async def scenario() -> None:
        world = World()
        async with opened(world) as (connection, _):
            await asyncio.sleep(5 * QUICK)
            assert world.asked > 2
            await connection.send_input({"type": "websocket.receive", "text": "still here"})
            assert (await connection.receive_output())["text"] == "still here"

    asyncio.run(scenario())


def test_a_store_that_fails_closes_a_socket_only_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        world = World()
        async with opened(world) as (connection, state):
            world.fails = True
            assert await connection.receive_nothing(timeout=5 * QUICK)
            monkeypatch.setattr(socket_watch, "MAX_UNCHECKED", 0)
            assert (await connection.receive_output())["code"] == 1013
            assert await connection.receive_nothing()
            assert state["ended"]["code"] == 1013

    asyncio.run(scenario())


def test_a_socket_ends_with_its_token_though_no_store_can_tell() -> None:
    async def scenario() -> None:
        world = World()
        async with opened(world, lifetime=0.2) as (connection, _):
            world.fails = True
            closed = await connection.receive_output(timeout=1)
            assert (closed["type"], closed["code"]) == ("websocket.close", 1008)

    asyncio.run(scenario())


def test_an_event_is_not_lost_when_the_app_gives_up_waiting_for_it() -> None:
    async def impatient(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.02)
        event = await receive()
        await send({"type": "websocket.send", "text": event["text"]})

    async def scenario() -> None:
        async with opened(World(), app=impatient) as (connection, _):
            await asyncio.sleep(0.1)
            await connection.send_input({"type": "websocket.receive", "text": "late"})
            assert (await connection.receive_output())["text"] == "late"

    asyncio.run(scenario())


def test_nothing_is_left_running_when_the_app_is_done() -> None:
    async def scenario() -> None:
        async with opened(World()) as (connection, _):
            assert any(task.get_name() == "jwt_middleware-socket" for task in asyncio.all_tasks())
            await connection.send_input({"type": "websocket.disconnect", "code": 1000})
            await connection.receive_output()
        await asyncio.sleep(0)
        assert not any(task.get_name() == "jwt_middleware-socket" for task in asyncio.all_tasks())

    asyncio.run(scenario())


def test_an_anonymous_socket_is_not_watched() -> None:
    async def scenario() -> None:
        world = World()
        async with opened(world, public=["/feed"]):
            await asyncio.sleep(3 * QUICK)
            assert world.asked == 0

    asyncio.run(scenario())
