"""WebSockets, lifespan, cancelled requests: asgi-*. Only the ASGI door knows these, so the driver is asgiref's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref import testing

from jwt_middleware import Tenant
from jwt_middleware.asgi import JWTMiddleware

from ..keys.making import key_set
from ..keys.serving import document, slow
from .build import resigned
from .catalogue import ACCEPTED, INVALID_SIGNATURE, INVALID_TOKEN, Attempt, Builder, Cases, Steps, attempt, put_through
from .checks import check_challenge, check_document, check_secrecy
from .doors import Answer, Doors, Message, Request, answer_in, bearer, converse, http_request, scope_of
from .world import Withdrawn, World

cases = Cases()
# It publishes no types.
Communicator: Any = testing.ApplicationCommunicator


def handshake(request: Request, **extra: Any) -> Message:
    """The request as the opening of a WebSocket, without the extension that carries refusals."""
    scope = scope_of(request) | {"type": "websocket", "scheme": "ws", "subprotocols": [], "extensions": {}}
    del scope["method"]
    return scope | extra


def able_to_refuse(scope: Message) -> Message:
    """The same from a server that offers HTTP answers to a handshake."""
    return scope | {"extensions": {"websocket.http.response": {}}}


async def open_socket(doors: Doors, scope: Message) -> list[Message]:
    """What is sent from the client's connect until the socket is accepted or gone."""
    client = Communicator(doors.asgi, scope)
    await client.send_input({"type": "websocket.connect"})
    sent = [await client.receive_output()]
    while sent[-1]["type"] == "websocket.http.response.start" or sent[-1].get("more_body"):
        sent.append(await client.receive_output())
    if sent[0]["type"] == "websocket.accept":
        await client.send_input({"type": "websocket.disconnect", "code": 1000})
    await client.wait()
    assert client.output_queue.empty()
    return sent


def shut_out(world: World, doors: Doors, request: Request, code: str, **extra: Any) -> None:
    """Refused before `accept`, with and without the extension; the app is not called."""
    before = len(doors.visits)
    scope = handshake(request, **extra)
    (closing,) = world.loop.run(open_socket(doors, dict(scope)))
    assert (closing["type"], closing["code"]) == ("websocket.close", 1008)
    assert closing.get("reason", "") == ""
    answer = answer_in(world.loop.run(open_socket(doors, able_to_refuse(scope))))
    assert len(doors.visits) == before
    check_handshake_answer(world, answer, request, code)
    world.check_log(request)


def check_handshake_answer(world: World, answer: Answer, request: Request, code: str) -> None:
    """The same answer as to the same request over HTTP."""
    assert answer.status == 401
    assert answer.document["error"] == code
    check_document(answer)
    check_challenge(answer)
    check_secrecy(answer, request, world.secrets)


@cases("asgi-01")
def socket_without_token(world: World) -> Steps:
    doors = world.doors(world.a)
    shut_out(world, doors, Request(path="/ws"), "invalid_token")
    shut_out(world, doors, Request(path="/ws", authorization=(b"Basic dTpw",)), "invalid_token")
    over_http = yield Attempt(Request(path="/ws"), (INVALID_TOKEN,), through=doors)
    scope = able_to_refuse(handshake(Request(path="/ws")))
    refused = answer_in(world.loop.run(open_socket(doors, scope)))
    assert (refused.headers, refused.body) == (over_http.asgi.headers, over_http.asgi.body)
    world.loop.run(waits_for_connect(doors, scope))


async def waits_for_connect(doors: Doors, scope: Message) -> None:
    """Nothing is sent before the server has delivered `websocket.connect`."""
    client = Communicator(doors.asgi, scope)
    client.future  # noqa: B018 - starts the application
    assert await client.receive_nothing()
    client.stop(exceptions=False)


@cases("asgi-02")
def socket_with_bad_token(world: World) -> Steps:
    store = Withdrawn()
    doors = world.doors(world.a, revocations=store)
    revoked = world.good()
    answers = yield attempt(revoked, ACCEPTED, through=doors)
    store.revoke(answers.identity)
    for token, code in (
        ("x.y.z", "invalid_token"),
        (resigned(world.good(), b"x" * 32), "invalid_signature"),
        (world.good(exp=world.now - 60), "token_expired"),
        (world.good(sub=None), "missing_required_claim"),
        (world.good(aud="other"), "invalid_token"),
        (world.good(world.b), "invalid_signature"),
        (revoked, "invalid_token"),
    ):
        shut_out(world, doors, bearer(token, path="/ws"), code)
    value = b"Bearer " + world.good().encode()
    shut_out(world, doors, Request(path="/ws", authorization=(value, value)), "invalid_token")


@cases("asgi-03")
def socket_with_good_token(world: World) -> Steps:
    doors = world.doors(world.a)
    yield attempt(world.good(), ACCEPTED, path="/ws", through=doors)
    for scope in (handshake(bearer(world.good())), able_to_refuse(handshake(bearer(world.good())))):
        sent = world.loop.run(open_socket(doors, scope))
        assert [message["type"] for message in sent] == ["websocket.accept"]
        visit = doors.visits[-1]
        assert visit.identity is not None
        assert (visit.identity.tenant_id, visit.identity.subject) == ("a", "u1")
        assert visit.surroundings["user"].identity == "a/u1"


@cases("asgi-04")
def socket_with_token_elsewhere(world: World) -> Steps:
    good = world.good()
    doors = world.doors(world.a)
    for name in ("token", "access_token", "authorization", "bearer"):
        shut_out(world, doors, Request(path="/ws", query=f"{name}={good}"), "invalid_token")
    for protocols in (["bearer", good], [good], ["bearer", "chat", good]):
        header = (("Sec-WebSocket-Protocol", ", ".join(protocols).encode()),)
        shut_out(world, doors, Request(path="/ws", headers=header), "invalid_token", subprotocols=protocols)
    yield attempt(good, ACCEPTED, path="/ws", through=doors)


@cases("asgi-05")
def lifespan(world: World) -> Steps:
    doors = world.doors(world.a)
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "lifespan"
        for _ in range(2):
            heard.append((await receive())["type"])
            await send({"type": f"{heard[-1]}.complete"})

    async def whole_life() -> list[str]:
        door = JWTMiddleware(app, world.settings([world.a.tenant()]))
        state = {"shared": 1}
        server = Communicator(door, {"type": "lifespan", "asgi": {"version": "3.0"}, "state": state})
        said = []
        for event in ("startup", "shutdown"):
            await server.send_input({"type": f"lifespan.{event}"})
            said.append((await server.receive_output())["type"])
        await server.wait()
        assert state == {"shared": 1}
        return said

    assert world.loop.run(whole_life()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert heard == ["lifespan.startup", "lifespan.shutdown"]
    yield attempt(world.good(), ACCEPTED, through=doors)


@cases("asgi-06")
def unknown_scope_type(world: World) -> Steps:
    doors = world.doors(world.a)
    good = scope_of(bearer(world.good()))
    for scope_type in ("foo", "http.push", "HTTP", "http2", "", None, "websocket2", "lifespan2", "mqtt"):
        refused_by_raising(world, doors, good | {"type": scope_type})
    refused_by_raising(world, doors, {name: value for name, value in good.items() if name != "type"})
    assert doors.visits == []
    yield attempt(world.good(), ACCEPTED, through=doors)


def refused_by_raising(world: World, doors: Doors, scope: Message) -> None:
    """The contract says "by raising", and not what; answering or waiting would be neither."""
    with pytest.raises(Exception) as refusal:  # noqa: PT011
        world.loop.run(converse(doors.asgi, scope, [http_request(), {"type": "http.disconnect"}]))
    assert "Bearer" not in str(refusal.value)


class Gate:
    """An async resolver that answers when the test lets it."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.opened = asyncio.Event()
        self.opened.set()
        self.asked = asyncio.Event()

    async def resolve(self, issuer: str) -> Tenant | None:
        self.asked.set()
        await self.opened.wait()
        return self.tenant


@cases("asgi-08")
def cancelled_while_resolving(world: World) -> Steps:
    gate = Gate(world.a.tenant())
    doors = world.doors(resolver=gate, store_timeout=30)
    yield attempt(world.good(), ACCEPTED, through=doors)

    async def cancelled() -> int:
        gate.opened.clear()
        gate.asked.clear()
        scope = scope_of(bearer(world.good()))
        client = Communicator(doors.asgi, scope)
        await client.send_input({"type": "http.request"})
        await client.send_input({"type": "http.disconnect"})
        await gate.asked.wait()
        client.future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.future
        assert client.output_queue.empty()
        gate.opened.set()
        return (await doors.ask_asgi(bearer(world.good()))).status

    visits = len(doors.visits)
    assert world.loop.run(cancelled()) == 200
    assert len(doors.visits) == visits + 1  # the cancelled request never arrived
    yield attempt(world.good(), ACCEPTED, through=doors)
    yield attempt(resigned(world.good(), b"x" * 32), INVALID_SIGNATURE, through=doors)
    yield from cancelled_while_fetching(world)


def cancelled_while_fetching(world: World) -> Steps:
    """The same where a key set is fetched: who leaves does not end the fetch, which the next one finds done."""
    j = world.keyed("J", "ES256", "k1")
    server = world.serve(slow(0.3, document(key_set(j.secret))))
    doors = world.doors(world.a, j.tenant(keys=world.jwks(server)))

    async def left() -> None:
        client = Communicator(doors.asgi, scope_of(bearer(world.good(j))))
        await client.send_input({"type": "http.request"})
        await client.send_input({"type": "http.disconnect"})
        assert await asyncio.to_thread(server.was_asked, 1)
        client.future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.future
        assert client.output_queue.empty()

    world.loop.run(left())
    assert doors.visits == []
    yield attempt(world.good(j), ACCEPTED, through=doors)
    assert server.fetches == 1


@cases("asgi-12")
def content_length(world: World) -> Steps:
    for token in ("x.y.z", world.good(sub=None), world.good(exp=1)):
        answers = world.standing.ask(bearer(token))
        head = yield Attempt(bearer(token, method="HEAD"), (INVALID_TOKEN,))
        for full, empty in ((answers.wsgi, head.wsgi), (answers.asgi, head.asgi)):
            assert full.header("content-length") == str(len(full.body))
            assert full.headers == empty.headers
            assert empty.body == b""
            assert {name for name, _ in full.headers}.isdisjoint({"transfer-encoding", "connection"})
            assert not [name for name, _ in full.headers if name.startswith(":")]


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)
