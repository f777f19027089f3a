"""The provider's whole house, served over https: its API, with the console mounted in it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from jwt_middleware.cli.demo.uvicorn_server import running
from jwt_middleware.console import Console
from jwt_middleware.starlette import protect
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tokens import guide_claims, signed

from ..console.visiting import World, closing

BELOW: Final = "/console"
"""Where the console is mounted."""


class House:
    """The provider with a console and an API that its tenants' tokens open. `url` is the console's address."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = url

    def link(self, tenant_id: str = "acme", expires_in: float = 1800) -> str:
        """A link that a tenant was sent."""
        return self.world.console.refresh_link(tenant_id, expires_in)

    def status(self, secret: str, kid: str | None = None) -> int:
        """What the API answers to a request with a token that was made with this secret."""
        token = self.token(secret, kid=kid)
        with httpx2.Client(verify=False, trust_env=False) as client:
            answer = client.get(self.url.replace(BELOW, "/v1/me"), headers={"Authorization": f"Bearer {token}"})
        return answer.status_code

    def token(self, secret: str, kid: str | None = None, **changes: Any) -> str:
        """A token as a tenant makes it."""
        claims = guide_claims(self.world.tenant(), "shop", "user_123", now=self.world.clock(), scopes=["read", "write"])
        return signed({**claims, **changes}, Key.secret(secret, kid=kid))


@contextmanager
def serving(template: Path, folder: Path, certificate: tuple[Path, Path]) -> Iterator[House]:
    """The house, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}{BELOW}"
        with closing(World(template, folder, url, public=[f"{BELOW}/*"])) as world:
            world.clock.now = time.time()
            with running(_api(world, world.console), listener, ssl_certfile=certificate[0], ssl_keyfile=certificate[1]):
                yield House(world, url)


def _api(world: World, console: Console) -> Starlette:
    async def me(request: Request) -> JSONResponse:
        return JSONResponse({"user": request.user.display_name})

    app = Starlette(routes=[Route("/v1/me", me), Mount(BELOW, console.app)])
    protect(app, world.settings)
    return app
