"""The command, called in this process and in one of its own; and a provider's file for it."""

from __future__ import annotations

import json
import os
import pty
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

import jwt_middleware
from jwt_middleware import Key
from jwt_middleware.cli.app import app
from jwt_middleware.tokens import signed

SECRET, OLD_SECRET, OTHER_SECRET, LONG_SECRET = (secrets.token_urlsafe(64) for _ in range(4))

TENANTS = f"""
[[tenants]]
id = "acme"
applications = [
  "quest",
  {{ id = "kiosk", scopes = ["read"] }},
  {{ id = "closed", active = false }},
]
keys = [
  {{ kid = "old", secret = "{OLD_SECRET}", not_after = 1_700_000_000 }},
  {{ kid = "new", secret = "{SECRET}" }},
]

[[tenants]]
id = "globex"
applications = ["only"]
keys = [{{ secret = "{LONG_SECRET}", algorithm = "HS512" }}]

[[tenants]]
id = "idp"
issuers = ["https://idp.example/a", "https://idp.example/b"]
applications = ["portal"]
keys = [{{ secret = "{OTHER_SECRET}" }}]
scope_claim = "scp"
audience_claim = "client_id"
token_types = ["access"]

[[tenants]]
id = "asleep"
active = false
applications = ["only"]
keys = [{{ secret = "{secrets.token_urlsafe(32)}" }}]
"""
NEW = Key.secret(SECRET, kid="new")
STORE_VARIABLES = ("JWT_MIDDLEWARE_TENANTS", "JWT_MIDDLEWARE_REVOCATIONS", "JWT_MIDDLEWARE_STORE_KEY")


def called(*arguments: str, input: str | bytes | None = None, **variables: str | None) -> Result:
    """The command in this process, as on no terminal."""
    plain = dict.fromkeys(("NO_COLOR", "FORCE_COLOR", "COLUMNS", *STORE_VARIABLES))
    return CliRunner().invoke(app, arguments, input=input, env={**plain, **variables}, prog_name="jwt-middleware")


def answered(*arguments: str, **variables: str | None) -> Any:
    """What the command prints as JSON, where it succeeds."""
    result = called(*arguments, "--json", **variables)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def program(*arguments: str) -> list[str]:
    """The command line of the command in a process of its own."""
    return [sys.executable, "-m", "jwt_middleware", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """For such a process: with the package that these tests import."""
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return plain | {"PYTHONPATH": str(Path(jwt_middleware.__file__).parents[1])} | variables


def in_new_process(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What such a process prints."""
    return subprocess.run(command, env=environment(**variables), capture_output=True, text=True, check=False)


def on_a_terminal(*arguments: str, prompt: str, typed: str) -> tuple[int, str]:
    """Exit status and screen of the command in a process whose streams are a terminal; the prompt is answered so."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        program(*arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(TERM="xterm", COLUMNS="100", NO_COLOR="1"),
        start_new_session=True,
    )
    os.close(theirs)
    screen = b""
    # At its end, a terminal whose other side is closed gives an error instead of nothing.
    with suppress(OSError):
        while chunk := os.read(ours, 1024):
            screen += chunk
            if screen.endswith(prompt.encode()):
                os.write(ours, f"{typed}\n".encode())
    os.close(ours)
    return process.wait(), screen.decode()


def claims(changes: Mapping[str, object] | None = None) -> dict[str, object]:
    """Good claims of acme, with changes; None takes one out."""
    now = int(time.time())
    good = {"sub": "user_123", "iss": "acme", "aud": "quest", "iat": now, "exp": now + 600, "scope": ["read", "write"]}
    return {name: value for name, value in (good | dict(changes or {})).items() if value is not None}


def token(changes: Mapping[str, object] | None = None, key: Key = NEW) -> str:
    """A token with these claims."""
    return signed(claims(changes), key)
