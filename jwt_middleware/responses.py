"""What the middleware itself answers: status, headers and body, the same bytes through every door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from jwt_middleware.errors import AuthenticationError
from jwt_middleware.log import report_broken_renderer
from jwt_middleware.settings import JWTSettings

RETRY_AFTER: Final = "1"
"""Seconds after which a client may ask again when a store could not answer."""

_encode_json = msgspec.json.encode


class Answer(NamedTuple):
    """One complete response. Header names in lower case; `body` is what GET gets, HEAD gets the headers alone."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


METHOD_NOT_ALLOWED: Final = Answer(405, (("allow", "GET, HEAD"), ("content-length", "0")))


def refusal_answer(refusal: AuthenticationError, settings: JWTSettings) -> Answer:
    """The documented answer. Its texts are constants, completed from settings at most (contract section 3)."""
    content_type, body = _rendered(refusal, settings)
    headers = [
        ("content-type", content_type),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
    ]
    if refusal.status == 503:
        headers.append(("retry-after", RETRY_AFTER))
    else:
        headers.append(("www-authenticate", challenge(refusal, settings.realm)))
    return Answer(refusal.status, tuple(headers), body)


def json_answer(members: Mapping[str, Any], headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """200 with a JSON object that nobody may store."""
    body = _encode_json(members)
    length = ("content-length", str(len(body)))
    return Answer(200, (("content-type", "application/json"), length, ("cache-control", "no-store"), *headers), body)


def challenge(refusal: AuthenticationError, realm: str) -> str:
    """The value of WWW-Authenticate (RFC 6750 section 3)."""
    value = f'Bearer realm="{realm}"'
    if refusal.challenge is None:
        return value
    value += f', error="{refusal.challenge}"'
    if refusal.required_scopes:
        return f'{value}, scope="{" ".join(refusal.required_scopes)}"'
    return f'{value}, error_description="{refusal.description}"'


def error_members(refusal: AuthenticationError, error_uri: str | None) -> dict[str, Any]:
    """The members of the documented body."""
    members: dict[str, Any] = {
        "error": refusal.code,
        "error_description": refusal.description,
        "solution": refusal.solution,
    }
    if refusal.claim is not None:
        members["claim"] = refusal.claim
    if refusal.required_scopes:
        members["required_scope"] = list(refusal.required_scopes)
    if error_uri is not None:
        # An address that ends where a fragment begins leads to the section about this code.
        members["error_uri"] = error_uri + refusal.code if error_uri.endswith("#") else error_uri
    return members


def _rendered(refusal: AuthenticationError, settings: JWTSettings) -> tuple[str, bytes]:
    members = error_members(refusal, settings.error_uri)
    if settings.render_error is not None:
        try:
            content_type, body = settings.render_error(refusal, dict(members))
            return _header_value(content_type), bytes(memoryview(body))
        except Exception as error:
            report_broken_renderer(error)
    return "application/json", _encode_json(members)


def _header_value(value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ValueError("a content type is plain ASCII")
    return value
