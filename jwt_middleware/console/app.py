"""Console: the pages over one settings object, and the links that lead to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware

from jwt_middleware.authenticator import Authenticator
from jwt_middleware.console import routes
from jwt_middleware.console.choices import CHOICES, Choices
from jwt_middleware.console.guarding import Guard
from jwt_middleware.console.rendering import Pages
from jwt_middleware.console.work import Work
from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.guide import render_html
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.cached import CachedTenants
from jwt_middleware.tenants.refresh_links import VALID_FOR, RefreshLinks, checked_console_url, refresh_url
from jwt_middleware.tenants.sql import SQLTenants

ACTOR: Final = "refresh link"
"""Who has done it, in the audit table, where a tenant used its link."""


class Console:
    """The pages for tenants, over a database of tenants. Safe to share between threads.

    `settings` are those of the API: its tenants are a database's URL, `SQLTenants`, or `CachedTenants` in front of one.
    `base_url` is where a tenant's browser reaches the console: https, or plain http on this machine. `api_url` is the
    API's own address, for the lines that a tenant copies. `choices` is what a tenant can choose for its old secret.

    Raises ConfigurationError for an address or tenants that cannot serve, and what opening the stores raises.
    """

    app: Final[Starlette]
    """To be mounted or served. Keep its paths out of access logs: a link's token is in them."""
    base_url: Final[str]

    def __init__(
        self,
        settings: JWTSettings,
        *,
        base_url: str,
        api_url: str = "https://api.example.com",
        choices: Choices = CHOICES,
    ) -> None:
        self.base_url = checked_console_url(base_url)
        self._authenticator = Authenticator(settings)
        self._tenants = _database_of(self._authenticator)
        self._clock = settings.clock
        links = RefreshLinks(self._tenants.acting_as(ACTOR), clock=self._clock)
        pages, work = Pages(self.base_url), Work(links, self._authenticator, api_url)
        guide = render_html(settings, base_url=api_url, console_url=self.base_url, fragment=True)
        self.app = Starlette(
            routes=routes.routes(pages, work, choices, guide),
            middleware=[Middleware(Guard, pages=pages)],
            exception_handlers=routes.failures(pages),
            lifespan=self._lifespan,
        )

    def refresh_link(self, tenant_id: str, expires_in: float = VALID_FOR, *, actor: str | None = None) -> str:
        """The address of a new link, usable once within so many seconds. Earlier links of the tenant end.

        Whoever has it can change the tenant's secret: show it to a signed-in person, or send it over a way that only
        the tenant reads. `actor` is who asked for it, for the audit table. It talks to the database: on an event loop,
        call it in a thread. Raises ConfigurationError where the tenant gets no link, or TemporarilyUnavailable.
        """
        tenants = self._tenants if actor is None else self._tenants.acting_as(actor)
        return refresh_url(self.base_url, RefreshLinks(tenants, clock=self._clock).make(tenant_id, expires_in))

    def close(self) -> None:
        """End the connections that the stores keep. Whoever asks again opens others."""
        self._authenticator.close()

    async def aclose(self) -> None:
        """The same on an event loop. Where the console is served by itself, that happens when it ends."""
        await self._authenticator.aclose()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        await self.aclose()

    def __repr__(self) -> str:
        return f"Console({self.base_url!r})"


def _database_of(authenticator: Authenticator) -> SQLTenants:
    tenants: object = authenticator.tenants
    while isinstance(tenants, CachedTenants):
        tenants = tenants.resolver
    if isinstance(tenants, SQLTenants):
        return tenants
    authenticator.close()
    fix = 'keep them in a database: JWTSettings("sqlite:///tenants.db"), made by jwt-middleware init'
    raise ConfigurationError([Problem("tenants", "not in a database, so no secret can be changed", fix)])
