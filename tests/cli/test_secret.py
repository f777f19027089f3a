"""`jwt-middleware secret`."""

from __future__ import annotations

import base64
import json
import re
import secrets

import pytest

from jwt_middleware import Key
from tests.cli.calling import called

SIZES = [("HS256", 32), ("HS384", 48), ("HS512", 64)]
"""Bytes that an algorithm needs, and that a secret has."""


@pytest.mark.parametrize(("algorithm", "size"), SIZES)
def test_a_secret_is_url_safe_text_as_long_as_the_hash_and_nothing_else(algorithm: str, size: int) -> None:
    result = called("secret", "--algorithm", algorithm)
    assert (result.exit_code, result.stderr) == (0, "")
    text = result.stdout.removesuffix("\n")
    assert re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_-]*", text)
    assert len(base64.urlsafe_b64decode(text + "==")) == size
    Key.secret(text, algorithm=algorithm)


def test_hs256_is_what_is_meant() -> None:
    assert len(called("secret").stdout) == len(called("secret", "--algorithm", "HS256").stdout)


def test_no_two_secrets_are_alike() -> None:
    assert len({called("secret").stdout for _ in range(5)}) == 5


@pytest.mark.parametrize(("algorithm", "size"), SIZES)
def test_json_says_what_the_secret_is_for(algorithm: str, size: int) -> None:
    answer = json.loads(called("secret", "--algorithm", algorithm, "--json").stdout)
    assert answer.keys() == {"algorithm", "bits", "secret"}
    assert (answer["algorithm"], answer["bits"]) == (algorithm, 8 * size)
    Key.secret(answer["secret"], algorithm=algorithm)


def test_a_secret_never_looks_like_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-first", "--second", "third"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda size: next(drawn))
    assert called("secret").stdout == "third\n"
