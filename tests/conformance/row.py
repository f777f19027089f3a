"""What the table is made of: a request, the answer to it, and the settings that make it so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from .tokens import claims_of, fingerprint

Colour: TypeAlias = Literal["wsgi", "asgi"]


@dataclass(frozen=True)
class Request:
    """One request, as a client sends it. `path` is what stands below the mount, percent-decoded."""

    method: str = "GET"
    path: str | bytes = "/v1/things"
    mount: str = ""
    query: str = ""
    fields: tuple[tuple[str, bytes], ...] = ()
    """Header fields in the order of arrival. Names in lower case."""
    scheme: str = "http"
    is_forged: bool = False
    """Whether something in front of the door has put an identity of its own where the app will look."""

    @property
    def path_bytes(self) -> bytes:
        """The path as the client meant it, in bytes."""
        return self.path if isinstance(self.path, bytes) else self.path.encode()


class Answer(NamedTuple):
    """What a client gets. Names of headers in lower case."""

    status: int
    members: Mapping[str, Any] | None
    """The members of the JSON body, in order; None: there is no body."""
    headers: Mapping[str, str] = {}
    """All but Content-Type and Content-Length."""
    reason: str | None = None
    """What the operator's log says about a refusal."""
    body: bytes | None = None
    """The body where it is no JSON."""
    content_type: str = "application/json"


class Reply(NamedTuple):
    """What came out of a door."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Row(NamedTuple):
    """One line of the table."""

    id: str
    request: Request
    answer: Answer
    settings: Mapping[str, Any] = {}
    """What is passed to JWTSettings on top of the usual tenants and the clock."""
    colour: Colour | None = None
    """The only kind of door that can answer, where one kind cannot."""


@dataclass(frozen=True)
class Section:
    """Rows about one subject."""

    name: str
    rows: tuple[Row, ...] = field(repr=False)


def bearing(token: str, **more: Any) -> Request:
    """A request with this token."""
    return sending(b"Bearer " + token.encode(), **more)


def sending(*values: bytes, **more: Any) -> Request:
    """A request with these Authorization fields."""
    return Request(fields=(*more.pop("fields", ()), *(("authorization", value) for value in values)), **more)


def reached(token: str, **seen: Any) -> Answer:
    """200 from the app, which saw the identity that this token gives, but for what is named here."""
    claims = claims_of(token)
    tenant = seen.get("tenant", "acme")
    members = {
        "tenant": tenant,
        "application": claims.get("aud"),
        "subject": claims["sub"],
        "scopes": sorted(claims.get("scope") or ()),
        "issued_at": claims["iat"],
        "expires_at": claims["exp"],
        "token_id": claims.get("jti", fingerprint(token)),
        "issuer": claims["iss"],
        "claims": claims,
        "user": f"{tenant}/{quote(claims['sub'], safe='')}",
        "is_authenticated": True,
        "is_in_context": True,
    }
    assert members.keys() >= seen.keys()
    return Answer(200, {**members, **seen})


ANONYMOUS = Answer(200, {"anonymous": True, "user": "", "is_authenticated": False, "is_in_context": True})
"""200 from the app, which saw nobody."""


def expected(row: Row) -> Reply:
    """The one reply that every door has to give."""
    answer = row.answer
    body = answer.body or (b"" if answer.members is None else json_bytes(answer.members))
    headers = {**answer.headers, "content-length": str(len(body))}
    if body:
        headers["content-type"] = answer.content_type
    return Reply(answer.status, headers, b"" if row.request.method == "HEAD" else body)


def json_bytes(members: Mapping[str, Any]) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
