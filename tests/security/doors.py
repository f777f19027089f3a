"""Drives one request through both doors and hands back what each answered."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from webtest import lint

from jwt_middleware import Identity, JWTSettings
from jwt_middleware.asgi import JWTMiddleware as ASGIDoor
from jwt_middleware.identity import current_identity
from jwt_middleware.wsgi import JWTMiddleware as WSGIDoor

Message = dict[str, Any]
_REASON = "200 OK"


@dataclass(frozen=True)
class Request:
    """One request, put into an environ and into a scope."""

    authorization: tuple[bytes, ...] = ()
    """The Authorization fields, in order: ASGI gets each, WSGI gets them joined with a comma."""
    method: str = "GET"
    path: str = "/v1/things"
    """The decoded path below the mount."""
    mount: str = ""
    query: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()
    environ: Mapping[str, Any] = field(default_factory=dict)
    """Put into the environ last."""
    scope: Mapping[str, Any] = field(default_factory=dict)
    """Put into the scope last."""
    lint: bool = True
    """Off for an environ that PEP 3333 does not allow, though servers deliver it."""

    def fields(self) -> list[tuple[str, bytes]]:
        """All header fields, names in lower case."""
        given = [(name.lower(), value) for name, value in self.headers]
        return [*given, *(("authorization", value) for value in self.authorization)]


def bearer(token: str, **request: Any) -> Request:
    """A request that carries the token as the guide says."""
    return Request(authorization=(b"Bearer " + token.encode(),), **request)


@dataclass(frozen=True)
class Visit:
    """What the app found when a request reached it."""

    identity: Identity | None
    context: Identity | None
    """The identity in the context variable."""
    surroundings: Mapping[str, Any]
    """A copy of the environ or of the scope."""


@dataclass(frozen=True)
class Answer:
    """What one door answered, and whether the app was behind it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in the order of sending."""
    body: bytes
    visits: tuple[Visit, ...]

    def header(self, name: str) -> str | None:
        """The value of the only header of this name, or None."""
        values = [value for header, value in self.headers if header == name]
        assert len(values) < 2, f"{name} is sent twice"
        return values[0] if values else None

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body."""
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document


@dataclass(frozen=True)
class Answers:
    """The answers of both doors to one request."""

    wsgi: Answer
    asgi: Answer

    @property
    def status(self) -> int:
        return self.wsgi.status

    @property
    def code(self) -> str | None:
        """The error code in the body; None where the app answered."""
        return None if self.wsgi.status == 200 else str(self.wsgi.document["error"])

    @property
    def identity(self) -> Identity:
        """Whom the app saw, the same at both doors."""
        seen = [visit.identity for answer in (self.wsgi, self.asgi) for visit in answer.visits]
        assert len(seen) == 2
        assert seen[0] == seen[1]
        assert seen[0] is not None
        return seen[0]

    @property
    def text(self) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        """Everything a client can tell apart."""
        return self.wsgi.status, self.wsgi.headers, self.wsgi.body


class Doors:
    """One app behind both doors, under the same settings."""

    def __init__(self, settings: JWTSettings, loop: asyncio.Runner) -> None:
        self.settings = settings
        self.loop = loop
        self.visits: list[Visit] = []
        self.while_serving: Callable[[], None] = lambda: None
        """Called by the app before it answers; may raise."""
        self.wsgi = WSGIDoor(lint.middleware(self._wsgi_app), settings)
        self.unlinted = WSGIDoor(self._wsgi_app, settings)
        self.linted = lint.middleware(self.wsgi)
        self.asgi = ASGIDoor(self._asgi_app, settings)

    def ask(self, request: Request) -> Answers:
        """What both doors answer."""
        return Answers(self.ask_wsgi(request), self.loop.run(self.ask_asgi(request)))

    def ask_wsgi(self, request: Request) -> Answer:
        """What the WSGI door answers, through a linter on either side where the environ allows it."""
        before = len(self.visits)
        app = self.linted if request.lint else self.unlinted
        status, headers, body = run_wsgi(app, environ_of(request))
        lowered = tuple((name.lower(), value) for name, value in headers)
        return Answer(int(status[:3]), lowered, body, tuple(self.visits[before:]))

    async def ask_asgi(self, request: Request) -> Answer:
        """What the ASGI door answers."""
        before = len(self.visits)
        sent = await converse(self.asgi, scope_of(request), [http_request(request.body)])
        return answer_in(sent, tuple(self.visits[before:]))

    def accepts(self, token: str) -> bool:
        """Whether both doors let the token in."""
        answers = self.ask(bearer(token))
        return answers.wsgi.status == answers.asgi.status == 200

    def _wsgi_app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = self._serve(environ)
        start_response(_REASON, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    async def _asgi_app(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        body = self._serve(scope)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _serve(self, surroundings: Mapping[str, Any]) -> bytes:
        identity = surroundings.get("jwt_middleware.identity")
        self.visits.append(Visit(identity, current_identity.get(), dict(surroundings)))
        self.while_serving()
        return facts(identity)


def facts(identity: Identity | None) -> bytes:
    """What an app would read of an identity; every attribute is touched, as none may raise."""
    if identity is None:
        return b'{"anonymous": true}'
    read = {
        "tenant": identity.tenant_id,
        "application": identity.application_id,
        "subject": identity.subject,
        "issuer": identity.issuer,
        "scopes": sorted(identity.scopes),
        "token": identity.token_id,
        "principal": identity.principal,
        "claims": sorted(identity.claims),
    }
    return json.dumps(read).encode()


def environ_of(request: Request) -> dict[str, Any]:
    """The request as a WSGI server hands it over (PEP 3333: bytes as latin-1 text)."""
    joined: dict[str, list[str]] = {}
    for name, value in request.fields():
        joined.setdefault("HTTP_" + name.upper().replace("-", "_"), []).append(value.decode("latin-1"))
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.mount,
        "PATH_INFO": request.path.encode().decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{name: ",".join(values) for name, values in joined.items()},
        **request.environ,
    }


def scope_of(request: Request) -> Message:
    """The request as an ASGI server hands it over (the path includes the root path)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.mount + request.path,
        "raw_path": None,
        "query_string": request.query.encode(),
        "root_path": request.mount,
        "headers": [(name.encode(), value) for name, value in request.fields()],
        "client": ("192.0.2.1", 50000),
        "server": ("api.example", 80),
        **request.scope,
    }


def run_wsgi(app: Any, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body of a WSGI application, closed as a server would."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., Any]:
        started.append((status, headers))
        return lambda chunk: None

    result = app(environ, start_response)
    try:
        body = b"".join(result)
    finally:
        if hasattr(result, "close"):
            result.close()
    assert len(started) == 1
    return *started[0], body


def http_request(body: bytes = b"") -> Message:
    """The one message that brings a request's body."""
    return {"type": "http.request", "body": body, "more_body": False}


async def converse(app: Any, scope: Message, inbox: Iterable[Message]) -> list[Message]:
    """All messages that an ASGI application sends while it is given those of the inbox."""
    waiting, sent = list(inbox), list[Message]()

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def answer_in(sent: list[Message], visits: tuple[Visit, ...] = ()) -> Answer:
    """The HTTP answer in the messages; also that of a refused WebSocket handshake."""
    start, *rest = sent
    assert start["type"].endswith("http.response.start")
    assert all(message["type"].endswith("http.response.body") for message in rest)
    assert rest
    assert not rest[-1].get("more_body", False)
    headers = tuple((name.decode("ascii"), value.decode("ascii")) for name, value in start["headers"])
    assert all(name == name.lower() for name, _ in headers)
    return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in rest), visits)
