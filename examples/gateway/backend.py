"""A backend that lets its gateway say who is calling. From this folder:

    uvicorn backend:app --uds backend.sock --lifespan off
It believes whoever connects: let nobody but the gateway reach its socket.
"""

import json
from typing import Any
from urllib.parse import unquote


async def app(scope: Any, receive: Any, send: Any) -> None:
    fields = {name.decode(): value.decode() for name, value in scope["headers"]}
    answer = {
        "path": scope["path"],
        "user": unquote(fields.get("x-auth-subject", "")),
        "tenant": unquote(fields.get("x-auth-tenant", "")),
        "application": unquote(fields.get("x-auth-application", "")),
        "scopes": [unquote(scope) for scope in fields.get("x-auth-scope", "").split()],
    }
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
