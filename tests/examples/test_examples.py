"""Every example is run as its docstring says, and called over the network."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import jwt
import pytest
import uvicorn  # noqa: F401 (run by the examples: without it, these tests are not for this environment)

import jwt_middleware

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(path.name for path in FOLDER.glob("*.py"))
SECRET = secrets.token_urlsafe(32)
EVENT = {"event": "level_completed", "points": 10}
SECONDS_TO_START = 30


def run_line(example: str) -> str:
    """The command in the docstring, below the line that makes the secret."""
    found = re.search(r"^    export ACME_SECRET=.*\n    (.*)$", (FOLDER / example).read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port: int = unused.getsockname()[1]
        return port


def environment() -> dict[str, str]:
    """With the programs of this interpreter, and the package that these tests import."""
    return os.environ | {
        "ACME_SECRET": SECRET,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": str(Path(jwt_middleware.__file__).parents[1]),
        "PYTHONSAFEPATH": "",
    }


def when_ready(client: httpx2.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.get("/healthz")
            return
        except httpx2.TransportError:
            time.sleep(0.05)
    pytest.fail(f"{process.args!r} did not answer")


@pytest.fixture(scope="module", params=EXAMPLES)
def api(request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """The example, running."""
    port = free_port()
    arguments = shlex.split(run_line(request.param).replace("8000", str(port)))
    with (
        subprocess.Popen(arguments, cwd=FOLDER, env=environment(), stderr=subprocess.DEVNULL) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client,
    ):
        try:
            when_ready(client, process)
            yield client
        finally:
            process.terminate()


def bearer(subject: str = "user_123", scope: object = ("read", "write"), secret: str = SECRET) -> dict[str, str]:
    """The header with a token that PyJWT makes, as a tenant would."""
    now = int(time.time())
    claims = {"sub": subject, "iss": "acme", "aud": "quest", "iat": now, "exp": now + 3600, "scope": scope}
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, 'HS256')}"}


def test_there_are_examples_for_every_way_in() -> None:
    assert EXAMPLES == [
        "django_api.py",
        "falcon_api.py",
        "fastapi_app.py",
        "flask_app.py",
        "litestar_api.py",
        "plain_asgi.py",
        "plain_wsgi.py",
        "pyramid_api.py",
        "starlette_app.py",
    ]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_short(example: str) -> None:
    assert len((FOLDER / example).read_text().splitlines()) < 60


def test_the_public_path_needs_no_token(api: httpx2.Client) -> None:
    response = api.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_points_are_added_up_for_each_player_of_the_tenant(api: httpx2.Client) -> None:
    for player, total in (("ann", 10), ("bob", 10), ("bob", 20)):
        response = api.post("/v1/events", headers=bearer(player), json=EVENT)
        assert (response.status_code, response.json()) == (
            201,
            {"tenant": "acme", "player": player, "points": total},
        )
    response = api.get("/v1/leaderboard", headers=bearer())
    assert (response.status_code, response.json()) == (200, {"tenant": "acme", "players": [["bob", 20], ["ann", 10]]})


def test_the_guides_test_endpoint_is_there(api: httpx2.Client) -> None:
    response = api.get("/v1/auth/verify", headers=bearer())
    assert response.status_code == 200
    assert response.json()["sub"] == "user_123"


def test_without_a_token_nothing_else_is_open(api: httpx2.Client) -> None:
    for method, path in (("POST", "/v1/events"), ("GET", "/v1/leaderboard"), ("GET", "/")):
        response = api.request(method, path)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_token")


def test_a_token_signed_with_another_secret_is_refused(api: httpx2.Client) -> None:
    response = api.post("/v1/events", headers=bearer(secret=secrets.token_urlsafe(32)), json=EVENT)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_signature")


@pytest.mark.parametrize(
    ("method", "path", "needed"), [("POST", "/v1/events", "write"), ("GET", "/v1/leaderboard", "read")]
)
def test_each_path_needs_its_scope(api: httpx2.Client, method: str, path: str, needed: str) -> None:
    other = ({"read", "write"} - {needed}).pop()
    response = api.request(method, path, headers=bearer(scope=[other]))
    assert (response.status_code, response.json()["required_scope"]) == (403, [needed])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"event": "x", "points": "many"}', b"\xff"])
def test_what_is_no_event_is_the_clients_mistake(api: httpx2.Client, body: bytes) -> None:
    headers = {**bearer(), "Content-Type": "application/json"}
    response = api.post("/v1/events", headers=headers, content=body)
    assert response.status_code in (400, 422)


def test_what_is_not_there_is_not_found(api: httpx2.Client) -> None:
    assert api.get("/v1/nowhere", headers=bearer()).status_code == 404


def test_the_readme_makes_a_token_that_the_examples_accept(api: httpx2.Client) -> None:
    lines = re.findall(r"^TOKEN=.*$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    program = f"{lines[0]}; echo $TOKEN".replace("jwt-middleware", f"{shlex.quote(sys.executable)} -m jwt_middleware")
    made = subprocess.run(
        ["sh", "-c", program], cwd=FOLDER, env=environment(), check=True, capture_output=True, text=True
    )
    response = api.post("/v1/events", headers={"Authorization": f"Bearer {made.stdout.strip()}"}, json=EVENT)
    assert response.status_code == 201
