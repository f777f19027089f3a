"""WebSockets: authenticated before they are accepted."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from jwt_middleware import Rule, current_identity
from jwt_middleware.admission import admission_of
from jwt_middleware.asgi import JWTMiddleware
from jwt_middleware.errors import InsufficientPermissions

from .calling import ASGIDoor, open_socket, socket_scope
from .making import NOW, OTHER_SECRET, settings, token

ANSWERS: dict[str, Any] = {"websocket.http.response": {}}
"""The extension of a server that can refuse a handshake with a response."""
REFUSED = [{"type": "websocket.close", "code": 1008, "reason": ""}]
ACCEPTED = [{"type": "websocket.accept"}]


class Socket:
    """The ASGI door around an app that accepts every socket that reaches it."""

    def __init__(self, accept: Mapping[str, Any] = ACCEPTED[0], view: Any = lambda scope: None, **options: Any) -> None:
        self.accept = accept
        self.view = view
        self.seen: list[Any] = []
        self.layer = JWTMiddleware(self._app, settings(**options))

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        self.view(scope)
        await send(dict(self.accept))

    def open(self, token: str | None = None, path: str = "/live", **request: Any) -> list[Mapping[str, Any]]:
        return asyncio.run(open_socket(self.layer, socket_scope(path, token, **request)))


def test_a_good_token_opens_the_socket_with_its_identity() -> None:
    socket = Socket()
    assert socket.open(token()) == ACCEPTED
    [scope] = socket.seen
    assert scope["jwt_middleware.identity"].subject == "user_123"
    assert (scope["type"], scope["user"].is_authenticated) == ("websocket", True)


BAD = {"none": None, "junk": "junk", "forged": token(OTHER_SECRET), "expired": token(exp=NOW)}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_refused_socket_is_closed_with_1008_before_it_is_accepted(text: str | None) -> None:
    socket = Socket()
    assert socket.open(text) == REFUSED
    assert socket.seen == []


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_server_that_can_answer_sends_the_answer_that_http_would_get(text: str | None) -> None:
    socket = Socket()
    start, body = socket.open(text, extensions=ANSWERS)
    http = ASGIDoor(settings()).get("/live", text)
    assert start["type"] == "websocket.http.response.start"
    assert start["status"] == http.status
    assert tuple((name.decode(), value.decode()) for name, value in start["headers"]) == http.headers
    assert body == {"type": "websocket.http.response.body", "body": http.body}
    assert socket.seen == []


@pytest.mark.parametrize("extensions", [None, {}, {"websocket.close": {}}])
def test_a_server_without_the_extension_gets_a_close(extensions: Any) -> None:
    assert Socket().open(extensions=extensions) == REFUSED


def test_a_scope_may_lack_extensions_and_subprotocols() -> None:
    scope = socket_scope()
    del scope["extensions"], scope["subprotocols"]
    assert asyncio.run(open_socket(Socket(websocket_subprotocol=True).layer, scope)) == REFUSED


def test_the_handshake_is_a_get() -> None:
    rules = [Rule("/live", methods=["GET"], scopes=["listen"]), Rule("/open", methods=["GET"], access="public")]
    socket = Socket(rules=rules)
    start, _ = socket.open(token(), extensions=ANSWERS)
    assert start["status"] == 403
    assert socket.open(token(scope="listen")) == ACCEPTED
    assert socket.open(path="/open") == ACCEPTED
    assert socket.open(path="/other") == REFUSED


def test_an_optional_path_opens_for_anonymous_sockets_and_refuses_a_bad_token() -> None:
    socket = Socket(optional=["/live"])
    assert socket.open() == ACCEPTED
    assert socket.seen[0]["jwt_middleware.identity"] is None
    assert socket.open(token(exp=NOW)) == REFUSED


def test_the_verify_endpoint_is_no_socket() -> None:
    assert Socket().open(token(), path="/v1/auth/verify") == ACCEPTED


@pytest.mark.parametrize(("scheme", "answer"), [("wss", ACCEPTED), ("ws", REFUSED)])
def test_a_plain_socket_is_refused_where_https_is_required(scheme: str, answer: Any) -> None:
    assert Socket(require_https=True).open(token(), scheme=scheme) == answer


def test_a_refused_socket_is_logged_as_a_get(caplog: pytest.LogCaptureFixture) -> None:
    Socket().open(token(exp=NOW))
    [record] = caplog.records
    assert "refused 401 token_expired" in record.getMessage()
    assert ": GET /live " in record.getMessage()


# Refusals in the app


def demand(scope: Any) -> None:
    admission_of(scope).require(["admin"])


def swallow(scope: Any) -> None:
    with pytest.raises(InsufficientPermissions):
        demand(scope)


@pytest.mark.parametrize("view", [demand, swallow], ids=["raised", "swallowed"])
def test_a_refusal_before_accept_refuses_the_handshake_once(view: Any) -> None:
    socket = Socket(view=view)
    assert socket.open(token()) == REFUSED
    start, body = socket.open(token(), extensions=ANSWERS)
    assert start["status"] == 403
    assert json.loads(body["body"])["required_scope"] == ["admin"]


def test_what_an_app_sends_after_its_refusal_is_not_sent() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        swallow(scope)
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "secret"})
        await send({"type": "websocket.close"})

    layer = JWTMiddleware(app, settings())
    assert asyncio.run(open_socket(layer, socket_scope("/live", token()))) == REFUSED


def test_a_refusal_after_accept_goes_to_the_server_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        demand(scope)

    layer = JWTMiddleware(app, settings())
    with pytest.raises(InsufficientPermissions):
        asyncio.run(open_socket(layer, socket_scope("/live", token())))
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == ["/live was refused (scope_not_in_token) after its response had started"]


def test_the_context_variable_holds_while_a_socket_is_open() -> None:
    seen: list[Any] = []
    Socket(view=lambda scope: seen.append(current_identity.get())).open(token())
    assert seen[0].subject == "user_123"
    assert current_identity.get() is None


# Subprotocols, for browsers


def test_a_subprotocol_is_no_token_unless_settings_allow_it() -> None:
    socket = Socket()
    assert socket.open(subprotocols=["bearer", token()]) == REFUSED
    assert socket.open(token(), subprotocols=["bearer", "chat"]) == ACCEPTED
    assert socket.seen[0]["subprotocols"] == ["bearer", "chat"]


def test_a_token_may_stand_in_the_subprotocols_and_accept_echoes_the_marker() -> None:
    socket = Socket(websocket_subprotocol=True)
    assert socket.open(subprotocols=["bearer", token()]) == [{"type": "websocket.accept", "subprotocol": "bearer"}]
    assert socket.seen[0]["jwt_middleware.identity"].subject == "user_123"


def test_a_subprotocol_that_the_app_chose_is_echoed() -> None:
    socket = Socket({"type": "websocket.accept", "subprotocol": "chat"}, websocket_subprotocol=True)
    assert socket.open(subprotocols=["bearer", token(), "chat"]) == [
        {"type": "websocket.accept", "subprotocol": "chat"}
    ]


@pytest.mark.parametrize("chosen", [None, ""])
def test_no_choice_of_the_app_is_the_marker(chosen: str | None) -> None:
    socket = Socket({"type": "websocket.accept", "subprotocol": chosen}, websocket_subprotocol=True)
    [accepted] = socket.open(subprotocols=["bearer", token()])
    assert accepted["subprotocol"] == "bearer"


def test_a_socket_whose_token_stands_in_the_header_gets_no_marker() -> None:
    assert Socket(websocket_subprotocol=True).open(token(), subprotocols=["chat"]) == ACCEPTED


@pytest.mark.parametrize("others", [[], ["chat"], ["chat", "v2"]])
def test_token_and_marker_do_not_reach_the_app(others: list[str]) -> None:
    socket, text = Socket(websocket_subprotocol=True), token()
    assert socket.open(subprotocols=["bearer", text, *others])[0]["type"] == "websocket.accept"
    [scope] = socket.seen
    assert scope["subprotocols"] == others
    offered = [value for name, value in scope["headers"] if name == b"sec-websocket-protocol"]
    assert offered == ([", ".join(others).encode()] if others else [])
    assert text.encode() not in b"".join(value for _, value in scope["headers"])
    assert text not in repr({name: value for name, value in scope.items() if not name.startswith("jwt_middleware.")})


def test_the_token_stands_right_after_the_marker_wherever_that_is() -> None:
    socket = Socket(websocket_subprotocol=True)
    assert socket.open(subprotocols=["chat", "bearer", token(), "v2"])[0]["subprotocol"] == "bearer"
    assert socket.seen[0]["subprotocols"] == ["chat", "v2"]


def test_the_servers_scope_is_left_as_it_is() -> None:
    scope = socket_scope(subprotocols=["bearer", token()])
    before = {**scope, "headers": [*scope["headers"]], "subprotocols": [*scope["subprotocols"]]}
    asyncio.run(open_socket(Socket(websocket_subprotocol=True).layer, scope))
    assert scope == before


@pytest.mark.parametrize("subprotocols", [["bearer"], ["chat", "bearer"]])
def test_the_marker_without_a_token_is_refused(subprotocols: list[str], caplog: pytest.LogCaptureFixture) -> None:
    assert Socket(websocket_subprotocol=True).open(subprotocols=subprotocols) == REFUSED
    assert "(no_token_after_subprotocol)" in caplog.messages[0]


def test_a_token_in_both_places_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    assert Socket(websocket_subprotocol=True).open(token(), subprotocols=["bearer", token()]) == REFUSED
    assert "(token_in_two_places)" in caplog.messages[0]


@pytest.mark.parametrize("text", ["", "a b", "a,b", "junk", token(OTHER_SECRET)])
def test_a_bad_token_in_the_subprotocols_is_refused(text: str) -> None:
    assert Socket(websocket_subprotocol=True).open(subprotocols=["bearer", text]) == REFUSED


@pytest.mark.parametrize("subprotocols", [["bearer"], ["bearer", "junk"], ["bearer", token(exp=NOW)]])
@pytest.mark.parametrize("text", [None, "junk"])
def test_on_a_public_path_nobody_looks_at_a_token_in_either_place(subprotocols: list[str], text: str | None) -> None:
    socket = Socket(websocket_subprotocol=True, public=["/live"])
    assert socket.open(text, subprotocols=subprotocols)[0]["type"] == "websocket.accept"
    assert socket.seen[0]["jwt_middleware.identity"] is None
    assert "junk" not in socket.seen[0]["subprotocols"]


def test_http_requests_know_no_subprotocols() -> None:
    door = ASGIDoor(settings(websocket_subprotocol=True))
    assert door.get("/a", headers=[("Sec-WebSocket-Protocol", f"bearer, {token()}")]).status == 401


def test_a_root_path_that_stands_elsewhere_opens_nothing_and_hides_no_demand() -> None:
    socket = Socket(public=["/static/*"], rules=[Rule("/v1/secret", scopes=["admin"])])
    assert socket.open(path="/static/live", root_path="/api") == ACCEPTED
    assert socket.open(path="/static/api/v1/live", root_path="/api") == REFUSED
    assert socket.open(token(), "/static/api/v1/secret", root_path="/api") == REFUSED
    assert socket.open(token(), "/static/api/v1/live", root_path="/api") == ACCEPTED
