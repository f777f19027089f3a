"""Whether a running API gets the Authorization header: a made-up token is sent, and the answer read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec

from jwt_middleware.cli.checkup.findings import Finding, clocks, failure, fine, warning
from jwt_middleware.errors import InsecureTransport, NoCredentials
from jwt_middleware.explaining.wording import visible
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.tokens import signed

PATIENCE: Final = 10.0
"""Seconds that the server may take."""
MAX_BODY: Final = 65_536
"""Bytes of the answer that are read."""
_CHECK: Final = "server"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_MADE_UP: Final = "made up by jwt-middleware doctor"
_LET_IT_THROUGH: Final = (
    "have the proxy or server pass it on: mod_wsgi needs WSGIPassAuthorization On, "
    "CGI and FastCGI often a rule; nginx passes it unless proxy_set_header empties it"
)


class Answer(NamedTuple):
    """What came back."""

    status: int
    challenge: str
    """The WWW-Authenticate field."""
    location: str
    date: str
    members: dict[str, Any]
    """Of the JSON body; none where there is no such body."""


def findings(url: str, verify_path: str | None, leeway: float) -> Iterator[Finding]:
    """Ask the verify endpoint below `url` with a token that nobody issued. `leeway`: start_leeway, in seconds."""
    import httpx2

    parts = _parts(url)
    if parts is None:
        yield failure(_CHECK, "--url is no web address", "write --url https://api.example.com")
        return
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        yield warning(_CHECK, "plain http: whoever is on the way can read the tokens", "use https")
    if verify_path is None:
        yield warning(_CHECK, "the verify endpoint is switched off, so this cannot be asked", "set verify_path")
        return
    try:
        answer = _asked(urlunsplit(parts._replace(path=_path(parts.path, verify_path))))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        what = f"no answer from {parts.hostname}: {type(error).__name__}"
        yield failure(_CHECK, what, "check address, port and certificate, and that the API runs")
        return
    yield judged(answer, verify_path)
    yield from _clock(answer.date, leeway)


def judged(answer: Answer, verify_path: str) -> Finding:
    """What the answer to a made-up token says about the server."""
    status, description = answer.status, answer.members.get("error_description")
    if 300 <= status < 400:
        what = f"{status}, a redirect to {_short(answer.location) or 'nowhere'}: clients do not send tokens along"
        return failure(_CHECK, what, "give tenants, and --url, the address that it leads to")
    if status == HTTPStatus.OK:
        what = f"200 for a token that nobody issued: {verify_path} is not answered by the middleware"
        return failure(_CHECK, what, "put the middleware around the whole app, and see that the path is its own")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return failure(_CHECK, "503: a store cannot answer, or the API is down", "see its log, and the stores above")
    if status != HTTPStatus.UNAUTHORIZED:
        fix = "check --url and the setting verify_path, and what stands between"
        return failure(_CHECK, f"{status} instead of 401: {verify_path} is not answered by the middleware", fix)
    return _unauthorized(answer.challenge, description)


def _unauthorized(challenge: str, description: object) -> Finding:
    if not challenge.lower().startswith("bearer"):
        what = f"401 by something else, which asks for {_short(challenge.partition(' ')[0]) or 'nothing'}"
        return failure(_CHECK, what, "let the API's requests through there, with their Authorization header")
    # RFC 6750 section 3.1: where no credentials arrived, the challenge has no error code.
    if description == NoCredentials.description or "error=" not in challenge:
        return failure(_CHECK, "no Authorization header arrived, though one was sent", _LET_IT_THROUGH)
    if description == InsecureTransport.description:
        fix = "have the proxy say X-Forwarded-Proto, and the server believe it: docs/proxies.md"
        return failure(_CHECK, "the API takes the request for plain http", fix)
    return fine(_CHECK, "the Authorization header arrives, and a made-up token is refused")


def _asked(url: str) -> Answer:
    import httpx2

    token = signed({"iss": _MADE_UP, "sub": _MADE_UP}, Key.secret(fresh_secret("HS256")))
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    with (
        httpx2.Client(timeout=PATIENCE, follow_redirects=False) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        body = b""
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BODY:
                break
    challenge, location, date = (response.headers.get(name, "") for name in ("www-authenticate", "location", "date"))
    return Answer(response.status_code, challenge, location, date, _members(body))


def _members(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return {}


def _parts(url: str) -> SplitResult | None:
    """None: no web address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def _path(path: str, verify_path: str) -> str:
    """The verify endpoint below the path that the API has."""
    return path if path.endswith(verify_path) else path.rstrip("/") + verify_path


def _clock(date: str, leeway: float) -> Iterator[Finding]:
    """By the Date field, which counts whole seconds."""
    try:
        ahead = parsedate_to_datetime(date).timestamp() + 0.5 - time.time()
    except (ValueError, TypeError):
        return
    yield clocks("clock", "the server's", ahead, leeway)


def _short(text: str) -> str:
    return visible(text)[:100]
