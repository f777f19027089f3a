"""What docs/stores.md shows is run as it stands there."""

from __future__ import annotations

import re
import secrets
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import jwt_middleware
from jwt_middleware import Tenant
from jwt_middleware.cli.app import app
from jwt_middleware.errors import InvalidSignature, Revoked
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tokens import guide_claims, signed

from .test_documents import ROOT, blocks

PAGE = (ROOT / "docs" / "stores.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the tables that the page's commands make, and a store key as the page says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JWT_MIDDLEWARE_STORE_KEY", secrets.token_urlsafe(32))
    [commands] = blocks(PAGE, "sh")
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "jwt-middleware"
        assert CliRunner().invoke(app, arguments).exit_code == 0
    return tmp_path


def token_of(tenant: Tenant, key: Key, now: float) -> str:
    return signed(guide_claims(tenant, "shop", "user_123", now=now), key)


def test_the_programs_of_the_page_run_and_do_what_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changing, using, auditing, revoking = blocks(PAGE, "python")
    names: dict[str, Any] = {}
    for program in (changing, using, auditing):
        exec(program, names)  # noqa: S102 (our own page)
    assert capsys.readouterr().out == "".join(blocks(PAGE, "text"))
    authenticator, tenants = names["authenticator"], names["tenants"]
    acme = tenants.tenant("acme")
    old, new = Key.secret(str(names["secret"]), kid="2026-11"), Key.secret(str(names["new_secret"]), kid="2026-12")
    good, retired = token_of(acme, new, time.time()), token_of(acme, old, time.time())
    assert authenticator.authenticate(good).subject == "user_123"
    with pytest.raises(InvalidSignature):
        authenticator.authenticate(retired)
    exec(revoking, names)  # noqa: S102
    with pytest.raises(Revoked):
        authenticator.authenticate(good)
    authenticator.close()
    tenants.close()


def test_every_action_of_the_audit_is_listed() -> None:
    package = Path(jwt_middleware.__file__).parent
    action = re.compile(r'"((?:tenant|application|secret|key|store|link|token|subject)\.[a-z]+)"')
    noted = {name for file in package.rglob("*.py") for name in action.findall(file.read_text())}
    assert noted == set(re.findall(r"`((?:tenant|application|secret|key|store|link|token|subject)\.[a-z]+)`", PAGE))


def test_every_store_in_the_tables_has_a_public_name() -> None:
    named = set(re.findall(r"\b\w+(?:Tenants|Revocations)\b", PAGE))
    assert named >= {"SQLTenants", "CachedTenants", "RecordedRevocations"}
    assert all(hasattr(jwt_middleware, name) for name in named)
