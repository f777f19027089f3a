"""Tells a gateway whether a request may pass, and as whom. From this folder:

    export ACME_SECRET=$(jwt-middleware secret) JWT_MIDDLEWARE_TENANTS=../tenants.toml
    uvicorn verify:app --uds verify.sock
All other settings come from the environment, too. docs/gateway.md has the rest.
"""

from typing import Any

from starlette.applications import Starlette

from jwt_middleware import JWTSettings
from jwt_middleware.asgi import JWTMiddleware


class RefusalInHeader:
    """Says a refusal in the field X-Auth-Refusal too: nginx does not let a gateway see the body of an answer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        started: dict[str, Any] = {}

        async def send_both(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                started.update(message)
                return
            if started:
                refusal = (b"x-auth-refusal", message.get("body", b""))
                await send({**started, "headers": [*started["headers"], refusal]})
                started.clear()
            await send(message)

        await self._app(scope, receive, send_both)


app = RefusalInHeader(JWTMiddleware(Starlette(), JWTSettings.from_env()))
