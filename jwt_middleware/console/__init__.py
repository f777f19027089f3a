"""The pages that tenants use themselves: refresh a secret, check a token, read the guide. Needs the extra `console`.

::

    console = Console(settings, base_url="https://api.example.com/console")
    app.mount("/console", console.app)
    console.refresh_link("acme")          # send this to acme: it can be used once
"""

from __future__ import annotations

from jwt_middleware.console.app import Console

__all__ = ["Console"]
