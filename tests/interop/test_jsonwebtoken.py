"""Tokens of Node's `jsonwebtoken`, which the authentication guide names: recorded, and made anew.

`make_tokens.js` makes one token for each name below and judges none; what has to come of it is said here.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pytest
from asgiref.testing import ApplicationCommunicator
from webtest import TestApp as WSGIClient

from jwt_middleware import (
    AuthenticationError,
    Authenticator,
    Identity,
    JWTSettings,
    Key,
    Rule,
    Tenant,
    asgi,
    wsgi,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

HERE = Path(__file__).parent
IN_CI = os.environ.get("CI", "").lower() == "true"
WEAK = "your-api-secret"  # the guide's own, too short for HS256


class Minting(NamedTuple):
    """What one run of `make_tokens.js` printed, and the clock that its tokens are checked by."""

    tokens: dict[str, str]
    keys: list[dict[str, Any]]
    clock: Callable[[], float]

    def settings(self) -> JWTSettings:
        """The settings of an API whose tenant made these tokens."""
        keys = [Key.secret(**key, allow_weak=key["secret"] == WEAK) for key in self.keys]
        tenant = Tenant("your-tenant-id", keys=keys, applications=["your-application-id", "your-other-id"])
        writing = Rule("/v1/events", methods=["POST"], scopes=["write"])
        return JWTSettings([tenant], rules=[writing], clock=self.clock)


@pytest.fixture(scope="module", params=["recorded", "live"])
def minting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Minting:
    if request.param == "recorded":
        recorded = json.loads((HERE / "jsonwebtoken.json").read_text(encoding="utf-8"))
        return Minting(recorded["tokens"], recorded["keys"], lambda: float(recorded["clock"]))
    made = make_tokens(tmp_path_factory.mktemp("node"))
    return Minting(made["tokens"], made["keys"], time.time)


def make_tokens(folder: Path) -> dict[str, Any]:
    """The output of `make_tokens.js`, run in this empty folder with its dependency freshly installed."""
    for name in ("make_tokens.js", "package.json"):
        shutil.copy(HERE / name, folder)
    install_or_skip(folder)
    made = subprocess.run(["node", "make_tokens.js"], cwd=folder, check=True, capture_output=True)
    return dict(json.loads(made.stdout))


def install_or_skip(folder: Path) -> None:
    """Install jsonwebtoken. Where that cannot be done, its tests are skipped, but in CI they fail."""
    npm = shutil.which("npm") if shutil.which("node") else None
    if npm is None:
        give_up("needs node and npm")
    quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run([npm, "install", *quiet], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        give_up(f"npm could not install jsonwebtoken: {done.stderr.strip()[-300:]}")


def give_up(reason: str) -> NoReturn:
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def test_the_recorded_tokens_are_those_of_the_script_and_the_pinned_version() -> None:
    pinned = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]["jsonwebtoken"]
    recorded = json.loads((HERE / "jsonwebtoken.json").read_text(encoding="utf-8"))
    assert recorded["jsonwebtoken"] == pinned
    assert set(recorded["tokens"]) == set(ACCEPTED) | set(REFUSED)


# ---- What comes of each token ----

ALL = ["read", "write"]

# name: what its identity says beyond the guide's subject, and with which scopes
ACCEPTED: dict[str, dict[str, Any]] = {
    "guide": {"scopes": ALL},
    "hs256": {"scopes": ALL},
    "hs384": {"scopes": ALL},
    "hs512": {"scopes": ALL},
    "secret_as_buffer": {"scopes": ALL},
    "secret_as_key_object": {"scopes": ALL},
    "secret_with_umlauts": {"scopes": ALL},
    "subject_with_umlauts": {"scopes": ALL, "subject": "Jürgen Groß 🎲"},
    "scope_array": {"scopes": ["events:write", "read"]},
    "scope_text": {"scopes": ["events:write", "read"]},
    "scope_absent": {"scopes": []},
    "scope_null": {"scopes": []},
    "scope_empty": {"scopes": []},
    "expires_in": {"scopes": ["read"], "lifetime": 3600},
    "expires_in_seconds": {"scopes": ["read"], "lifetime": 90},
    "not_before_now": {"scopes": ["read"]},
    "not_before_soon": {"scopes": ["read"]},
    "jwtid": {"scopes": ["read"], "token_id": "8c2f0e1a"},
    "keyid": {"scopes": ["read"]},
    "audience_array": {"scopes": ["read"]},
    "audience_twice": {"scopes": ["read"]},
    "type_access_token": {"scopes": ["read"]},
}

# name: the code of the answer and the claim that it names
REFUSED: dict[str, tuple[str, str | None]] = {
    "scope_with_blank": ("invalid_token", "scope"),
    "not_before_later": ("invalid_token", "nbf"),
    # jsonwebtoken writes the header in Latin-1, where RFC 7515 section 5.1 asks for UTF-8.
    "kid_with_umlauts": ("invalid_token", None),
    "keyid_of_other_secret": ("invalid_signature", None),
    "keyid_unknown": ("invalid_signature", None),
    "audience_array_of_two_applications": ("invalid_token", "aud"),
    "type_other": ("invalid_token", None),
    "critical_header": ("invalid_token", None),
    "wrong_secret": ("invalid_signature", None),
    "secret_base64_decoded": ("invalid_signature", None),
    "secret_trailing_newline": ("invalid_signature", None),
    "right_secret_wrong_algorithm": ("invalid_signature", None),
    "unknown_issuer": ("invalid_signature", None),
    "rs256": ("invalid_signature", None),
    "none": ("invalid_token", None),
    "unknown_audience": ("invalid_token", "aud"),
    "wrong_secret_and_expired": ("invalid_signature", None),
    "expired": ("token_expired", "exp"),
    "expired_by_option": ("token_expired", "exp"),
    "thirty_days": ("invalid_token", "exp"),
    "issued_in_milliseconds": ("invalid_token", "iat"),
    "expires_in_milliseconds": ("invalid_token", "exp"),
    "without_sub": ("missing_required_claim", "sub"),
    "without_iss": ("missing_required_claim", "iss"),
    "without_aud": ("missing_required_claim", "aud"),
    "without_iat": ("missing_required_claim", "iat"),
    "without_exp": ("missing_required_claim", "exp"),
    "sub_null": ("missing_required_claim", "sub"),
    "sub_number": ("invalid_token", "sub"),
    "nothing_but_sub": ("missing_required_claim", "iss"),
    "text_payload": ("invalid_token", None),
}


# ---- The three ways in ----

Answer = dict[str, Any]
"""What a caller learned: the identity's fields, or code and claim of the refusal."""

Way = Callable[[JWTSettings, str, str], Answer]
"""From settings, token and HTTP method of a request for `/v1/events` to the answer."""


def described(identity: Identity | None) -> Answer:
    assert identity is not None
    return {
        "subject": identity.subject,
        "tenant_id": identity.tenant_id,
        "application_id": identity.application_id,
        "scopes": sorted(identity.scopes),
        "lifetime": identity.expires_at - identity.issued_at,
        "token_id": identity.token_id,
    }


def by_authenticator(settings: JWTSettings, token: str, method: str) -> Answer:
    authenticator = Authenticator(settings)
    try:
        return described(authenticator.authenticate(token))
    except AuthenticationError as refusal:
        return {"status": refusal.status, "code": refusal.code, "claim": refusal.claim}
    finally:
        authenticator.close()


def by_wsgi(settings: JWTSettings, token: str, method: str) -> Answer:
    door = WSGIClient(wsgi.JWTMiddleware(wsgi_echo, settings))
    response = door.request(
        "/v1/events", method=method, headers={"Authorization": f"Bearer {token}"}, expect_errors=True
    )
    return answered(response.status_int, response.body)


def wsgi_echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(described(environ["jwt_middleware.identity"])).encode()]


def by_asgi(settings: JWTSettings, token: str, method: str) -> Answer:
    return asyncio.run(asgi_request(settings, token, method))


async def asgi_request(settings: JWTSettings, token: str, method: str) -> Answer:
    door = asgi.JWTMiddleware(asgi_echo, settings)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": "/v1/events",
        "raw_path": b"/v1/events",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"api.example.com"), (b"authorization", f"Bearer {token}".encode())],
    }
    client = ApplicationCommunicator(door, scope)
    await client.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await client.receive_output(10)
    body = await client.receive_output(10)
    await client.wait(10)
    return answered(start["status"], body["body"])


async def asgi_echo(scope: Any, receive: Any, send: Any) -> None:
    body = json.dumps(described(scope["jwt_middleware.identity"])).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def answered(status: int, body: bytes) -> Answer:
    answer = json.loads(body)
    if status == 200:
        return dict(answer)
    return {"status": status, "code": answer["error"], "claim": answer.get("claim")}


WAYS = pytest.mark.parametrize("way", [by_authenticator, by_wsgi, by_asgi], ids=["authenticator", "wsgi", "asgi"])


@WAYS
@pytest.mark.parametrize("name", ACCEPTED)
def test_a_token_by_the_guide_is_let_in_as_whom_it_names(minting: Minting, name: str, way: Way) -> None:
    expected = {
        "subject": "user_123",
        "tenant_id": "your-tenant-id",
        "application_id": "your-application-id",
        **ACCEPTED[name],
    }
    answer = way(minting.settings(), minting.tokens[name], "GET")
    assert answer == answer | expected


@WAYS
@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_answered_with_its_documented_code(minting: Minting, name: str, way: Way) -> None:
    code, claim = REFUSED[name]
    answer = way(minting.settings(), minting.tokens[name], "GET")
    assert answer == {"status": 401, "code": code, "claim": claim}


DOORS = pytest.mark.parametrize("way", [by_wsgi, by_asgi], ids=["wsgi", "asgi"])


@DOORS
@pytest.mark.parametrize("name", ["scope_array", "scope_text", "scope_absent"])
def test_a_token_without_the_scope_is_refused_where_the_scope_is_needed(minting: Minting, name: str, way: Way) -> None:
    answer = way(minting.settings(), minting.tokens[name], "POST")
    assert answer == {"status": 403, "code": "insufficient_permissions", "claim": None}


@DOORS
def test_the_guides_token_may_write(minting: Minting, way: Way) -> None:
    assert way(minting.settings(), minting.tokens["guide"], "POST")["scopes"] == ALL
