"""What holds for every case of the recipes: `defaults_for_every_case` in fixtures.json."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator

from jwt_middleware import AuthenticationError

from .build import decode
from .doors import Answer, Answers, Request

MEMBERS = {"error", "error_description", "solution", "claim", "required_scope", "error_uri"}
CLAIMS = {"sub", "iss", "aud", "iat", "exp", "nbf", "jti", "scope", "cnf"}
CODES = {
    "invalid_token": 401,
    "invalid_signature": 401,
    "missing_required_claim": 401,
    "token_expired": 401,
    "insufficient_permissions": 403,
    "temporarily_unavailable": 503,
}
_ATTRIBUTE = r'[a-z_]+="[\x20\x21\x23-\x5b\x5d-\x7e]*"'
_CHALLENGE = re.compile(rf"Bearer {_ATTRIBUTE}(, {_ATTRIBUTE})*").fullmatch
_EXCEPTION_TEXT = re.compile(r"Traceback|Exception|Error\b|object at 0x|msgspec|jwt\.|line \d|byte \d")


def check_refusal(answers: Answers, request: Request, secrets: Iterable[bytes]) -> None:
    """Both doors refused alike, documented and without giving anything away; the app heard nothing."""
    check_agreement(answers)
    check_unreached(answers)
    check_document(answers.wsgi, head=request.method == "HEAD")
    check_challenge(answers.wsgi)
    check_secrecy(answers.wsgi, request, secrets)


def check_agreement(answers: Answers) -> None:
    """The two doors say the same: status, headers and body, byte for byte."""
    assert answers.wsgi.status == answers.asgi.status
    assert sorted(answers.wsgi.headers) == sorted(answers.asgi.headers)
    assert answers.wsgi.body == answers.asgi.body


def check_unreached(answers: Answers) -> None:
    """The request ended at the door."""
    assert answers.wsgi.visits == ()
    assert answers.asgi.visits == ()


def check_document(answer: Answer, *, head: bool = False) -> None:
    """The body is the documented one and may be stored by nobody."""
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    if head:
        assert answer.body == b""
        return
    assert answer.header("content-length") == str(len(answer.body))
    document = answer.document
    assert {"error", "error_description", "solution"} <= document.keys() <= MEMBERS
    assert CODES[document["error"]] == answer.status
    assert document.get("claim", "exp") in CLAIMS
    assert answer.body.isascii()


def check_challenge(answer: Answer) -> None:
    """401 and 403 carry a well-formed Bearer challenge; 503 says when to come back."""
    challenge = answer.header("www-authenticate")
    if answer.status == 503:
        assert challenge is None
        assert answer.header("retry-after") == "1"
        return
    assert challenge is not None
    assert _CHALLENGE(challenge)
    if answer.status == 403:
        assert 'error="insufficient_scope"' in challenge
        assert 'scope="' in challenge


def check_secrecy(answer: Answer, request: Request, secrets: Iterable[bytes]) -> None:
    """No header is split, and nothing of the request, of a key or of an exception is in the answer."""
    for _, value in answer.headers:
        assert value.isprintable()
        assert value.isascii()
    told = "\n".join(told_by(answer))
    # A place's scopes come from settings; that one of them is in the token too tells nothing of it.
    known = {*(answer.document.get("required_scope", ()) if answer.body else ())}
    assert not _EXCEPTION_TEXT.search(told)
    for text in {*texts_of(request), *spellings(secrets)} - known:
        assert text not in told or text in CONSTANTS, f"{text!r} is told to the client"


def told_by(answer: Answer) -> Iterator[str]:
    """All text in an answer, as a client reads it."""
    for name, value in answer.headers:
        yield f"{name}: {value}"
    yield answer.body.decode()
    if answer.body:
        yield from (str(value) for value in answer.document.values())


def texts_of(request: Request) -> Iterator[str]:
    """What a request says that must not come back: its credentials and all values inside them."""
    for field in request.authorization:
        credentials = field.decode("latin-1").partition(" ")[2].strip()
        yield from (part for part in {credentials, *credentials.split(".")} if len(part) > 7)
        for segment in credentials.split(".")[:2]:
            yield from (text for text in values_in(segment) if len(text) > 4)


def values_in(segment: str) -> Iterator[str]:
    """Every string and every large number in a segment, where it can be read at all."""
    try:
        document = json.loads(decode(segment))
    except (ValueError, RecursionError, binascii.Error):
        return
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict | list):
            pending.extend(value.values() if isinstance(value, dict) else value)
        elif not isinstance(value, bool):
            yield _as_text(value)


def _as_text(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than Python turns into text
        return ""


def spellings(secrets: Iterable[bytes]) -> Iterator[str]:
    """The ways in which a secret could show up in a text."""
    for secret in secrets:
        if secret:
            yield from (secret.hex(), repr(secret)[2:-1], base64.b64encode(secret).decode().rstrip("="))


def _constant_texts(error: type[AuthenticationError]) -> Iterator[str]:
    yield f"{error.description} {error.solution}"
    for heir in error.__subclasses__():
        yield from _constant_texts(heir)


CONSTANTS = " ".join(_constant_texts(AuthenticationError))
"""Every text that stands in the source: a value that happens to be a piece of one was not told by it."""
