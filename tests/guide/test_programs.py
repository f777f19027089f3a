"""Every program of the guide is run as it stands there: what it prints is a token that the middleware accepts.

Node, npm and the library that the program asks for are needed in CI, as in `tests/interop`. Java, curl and openssl are
not brought by pip or npm, so what needs them is skipped where they are missing, in CI too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID
from wsgiref.simple_server import WSGIRequestHandler, make_server

import msgspec
import pytest

from jwt_middleware import Authenticator, Identity, JWTSettings, Key, Rule, Tenant
from jwt_middleware.wsgi import JWTMiddleware

from ..interop.test_jsonwebtoken import HERE, install_or_skip
from .reading import Guide, guide

FRESH = "NPfQrlNDcKKHIjPb3xpVqQsl3n9P4ZJcU4KmLtmBv0s"
SECRETS = {
    "fresh": FRESH,
    "beyond ASCII": "Größere Schlüssel für bäuerliche Öfen 🔑 ключ",
    "like base64": "c2VjcmV0IHRoYXQgbG9va3MgbGlrZSBiYXNlNjQ9PT09PT0=",
    "blanks and quotes": " \"$API_SECRET\" 'and' \\n more than 32 ",
    "long": "a secret as long as the longest of the three hashes: HS512, and longer than that",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "another algorithm and type": {"algorithms": ["HS384"], "token_types": ["at+jwt"]},
    "no type": {"algorithms": ["HS512"], "token_types": []},
    "more claims, for a short time": {
        "required_claims": ["jti", "nbf", "urn:rôle", 'a"b\\u0041\\', "100%d %s", '""" + x', "`${x}`🔑"],
        "max_lifetime": 90,
        "start_leeway": 0,
        "rules": [Rule("/v1/events", scopes=["events:'w'%d"])],
    },
}
RUNS = [
    *((secret, "defaults") for secret in SECRETS),
    *(("long", options) for options in OPTIONS if options != "defaults"),
]
WITH_SECRETS = pytest.mark.parametrize(("secret", "options"), RUNS, ids=[" - ".join(run) for run in RUNS])
KEY_ALGORITHMS = ["RS256", "PS384", "ES256", "ES512", "EdDSA"]
"""One of each kind, and both ways in which a curve's size can be said."""
WITH_KEY_PAIRS = pytest.mark.parametrize("algorithm", KEY_ALGORITHMS)


def settings_of(key: Key, **options: Any) -> JWTSettings:
    """The provider that the guide is about, with the reader as its tenant."""
    tenant = Tenant("your-tenant-id", keys=[key], applications=["your-application-id"])
    return JWTSettings([tenant], **options)


@pytest.fixture(scope="session")
def with_jsonwebtoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Node finds the library."""
    folder = tmp_path_factory.mktemp("node")
    shutil.copy(HERE / "package.json", folder)
    install_or_skip(folder)
    return folder


def needed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def printed(command: list[str], folder: Path, secret: str = "") -> str:
    """What the program prints, in a process that knows the secret."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "API_SECRET": secret},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    assert ran.stdout.count("\n") == 1
    return ran.stdout.strip()


def accepted(token: str, settings: JWTSettings) -> Identity:
    """Whom the middleware takes its bearer for."""
    authenticator = Authenticator(settings)
    try:
        return authenticator.authenticate(token)
    finally:
        authenticator.close()


def check(token: str, made: Guide, settings: JWTSettings) -> None:
    """It is accepted, and is the one that the guide shows decoded."""
    identity = accepted(token, settings)
    assert (identity.subject, identity.tenant_id) == ("user_123", "your-tenant-id")
    shown = msgspec.json.decode(made.program("json"))
    assert identity.scopes == {*shown["scope"]}
    claims = identity.claims
    assert claims.keys() == shown.keys()
    assert identity.expires_at - identity.issued_at == shown["exp"] - shown["iat"]
    varying = {"iat", "exp", "nbf", "jti"}
    assert {name: value for name, value in claims.items() if name not in varying} == {
        name: value for name, value in shown.items() if name not in varying
    }
    assert all(UUID(claims[name]) for name in {"jti"} & claims.keys())


Run = Callable[[Guide, int, str], str]
"""The token that the guide's program in this language prints: the first one, or the one with a private key."""


@pytest.fixture
def javascript(with_jsonwebtoken: Path, tmp_path: Path) -> Run:
    def run(made: Guide, number: int, secret: str) -> str:
        (tmp_path / "make_token.js").write_text(made.program("js", number), encoding="utf-8")
        (tmp_path / "node_modules").symlink_to(with_jsonwebtoken / "node_modules")
        return printed(["node", "make_token.js"], tmp_path, secret)

    return run


@pytest.fixture
def python(tmp_path: Path) -> Run:
    def run(made: Guide, number: int, secret: str) -> str:
        (tmp_path / "make_token.py").write_text(made.program("python", number), encoding="utf-8")
        return printed([sys.executable, "-W", "error", "make_token.py"], tmp_path, secret)

    return run


@pytest.fixture
def java(tmp_path: Path) -> Run:
    def run(made: Guide, number: int, secret: str) -> str:
        (tmp_path / "MakeToken.java").write_text(made.program("java", number), encoding="utf-8")
        quick = ["-XX:TieredStopAtLevel=1", "-Xshare:auto"]
        return printed([needed("java"), *quick, "MakeToken.java"], tmp_path, secret)

    return run


def run_with_secret(run: Run, secret: str, options: str) -> None:
    given = OPTIONS[options]
    key = Key.secret(SECRETS[secret], algorithm=given.get("algorithms", ["HS256"])[0])
    settings = settings_of(key, **given)
    made = guide(settings)
    check(run(made, 0, SECRETS[secret]), made, settings)


@WITH_SECRETS
def test_javascript(javascript: Run, secret: str, options: str) -> None:
    run_with_secret(javascript, secret, options)


@WITH_SECRETS
def test_python(python: Run, secret: str, options: str) -> None:
    run_with_secret(python, secret, options)


@WITH_SECRETS
def test_java(java: Run, secret: str, options: str) -> None:
    run_with_secret(java, secret, options)


def guide_to(algorithm: str) -> Guide:
    return guide(JWTSettings([], algorithms=["HS256", algorithm]))


@pytest.fixture(scope="session")
def key_pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with what the guide's lines have made, by algorithm."""
    needed("openssl")
    folders = {algorithm: tmp_path_factory.mktemp(algorithm) for algorithm in KEY_ALGORITHMS}
    for algorithm, folder in folders.items():
        lines = guide_to(algorithm).program("sh")
        subprocess.run(["sh", "-ec", lines], cwd=folder, check=True, capture_output=True)
    return folders


def run_with_key(run: Run, algorithm: str, made_before: Path, folder: Path) -> None:
    shutil.copy(made_before / "private.pem", folder)
    key = Key.public((made_before / "public.pem").read_text(), algorithm=algorithm)
    made = guide_to(algorithm)
    check(run(made, 1, ""), made, settings_of(key, algorithms=[algorithm]))


@WITH_KEY_PAIRS
def test_javascript_with_a_private_key(
    javascript: Run, algorithm: str, key_pairs: dict[str, Path], tmp_path: Path
) -> None:
    run_with_key(javascript, algorithm, key_pairs[algorithm], tmp_path)


@WITH_KEY_PAIRS
def test_python_with_a_private_key(python: Run, algorithm: str, key_pairs: dict[str, Path], tmp_path: Path) -> None:
    run_with_key(python, algorithm, key_pairs[algorithm], tmp_path)


@WITH_KEY_PAIRS
def test_java_with_a_private_key(java: Run, algorithm: str, key_pairs: dict[str, Path], tmp_path: Path) -> None:
    run_with_key(java, algorithm, key_pairs[algorithm], tmp_path)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(settings: JWTSettings) -> Iterator[str]:
    """The address of an app with this middleware in front of it."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["jwt_middleware.identity"].subject.encode()]

    with make_server("127.0.0.1", 0, JWTMiddleware(app, settings), handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("verify_path", ["/v1/auth/verify", "/prüf meine 'tokens'; $(x)", None])
def test_curl(python: Run, tmp_path: Path, verify_path: str | None) -> None:
    needed("curl")
    settings = settings_of(Key.secret(FRESH), algorithms=["HS256"], verify_path=verify_path)
    with served(settings) as address:
        made = guide(settings, base_url=address)
        token = python(made, 0, FRESH)
        assert curl(made.program("sh"), token).startswith("HTTP/1.0 200 OK")
        assert '"active":true' in curl(made.program("sh"), token) or verify_path is None
        assert '"error":"invalid_signature"' in curl(made.program("sh"), token[:-8] + "AAAAAAAA")


def curl(line: str, token: str) -> str:
    ran = subprocess.run(
        ["sh", "-c", line],
        env={"PATH": os.environ["PATH"], "TOKEN": token, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout
