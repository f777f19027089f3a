"""The page on which a tenant gets a new secret, once."""

from __future__ import annotations

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jwt_middleware.console.choices import Choices
from jwt_middleware.console.forms import FIELD, form_of, form_token, keep
from jwt_middleware.console.rendering import Pages
from jwt_middleware.console.snippets import snippets
from jwt_middleware.console.work import Work
from jwt_middleware.tenants.refresh_links import CONFIRMED_WITHIN, LinkUnusable, RefreshLink

MAX_FORM_BYTES: Final = 1024

_STATUS: Final = {"unknown": 404, "expired": 410, "used": 410}


class RefreshPage:
    """Shows what will happen (GET), makes the new secret, and stops the old one where it leaked (POST)."""

    def __init__(self, pages: Pages, work: Work, choices: Choices) -> None:
        self._pages = pages
        self._work = work
        self._choices = choices

    async def show(self, request: Request) -> Response:
        """What the link is for. Nothing changes: mail scanners follow links, too."""
        try:
            link = await self._work.find(_token(request))
        except LinkUnusable as unusable:
            return self._unusable(unusable)
        name = "unconfirmed" if link.awaits_confirmation else "refresh"
        return self._form(request, name, **self._facts(link))

    async def act(self, request: Request) -> Response:
        """Do what the form says."""
        fields = await form_of(request, self._pages, MAX_FORM_BYTES)
        try:
            if fields.get("step") == "confirm":
                return await self._confirm(request)
            return await self._refresh(request, fields.get("old", ""))
        except LinkUnusable:
            # Sent twice, most likely: the page says where things stand, and shows no secret.
            return await self.show(request)

    async def _refresh(self, request: Request, old: str) -> Response:
        choice = self._choices.with_value(old)
        if choice is None:
            raise HTTPException(400)
        refreshed = await self._work.refresh(_token(request), choice.grace)
        now, grace = self._work.settings.clock(), choice.grace
        return self._form(
            request,
            "refreshed",
            tenant=refreshed.tenant,
            secret=refreshed.secret,
            key=refreshed.key,
            old_ends=None if grace is None else now + grace,
            confirm_until=now + CONFIRMED_WITHIN,
            snippets=snippets(refreshed, self._work.settings, self._work.api_url),
        )

    async def _confirm(self, request: Request) -> Response:
        return self._pages.page("confirmed", tenant=await self._work.confirm(_token(request)))

    def _facts(self, link: RefreshLink) -> dict[str, Any]:
        now = self._work.settings.clock()
        keys = [key for key in link.tenant.keys if key.is_usable(now)]
        facts = {"tenant": link.tenant, "keys": keys, "expires_at": link.expires_at}
        return {**facts, "choices": self._choices.every, "usual": self._choices.usual}

    def _form(self, request: Request, name: str, **values: Any) -> Response:
        token = form_token(request, self._pages)
        page = self._pages.page(name, field=FIELD, form_token=token, **values)
        return keep(page, request, self._pages, token)

    def _unusable(self, unusable: LinkUnusable) -> Response:
        return self._pages.page("unusable", _STATUS[unusable.reason], reason=unusable.reason)


def _token(request: Request) -> str:
    return str(request.path_params["token"])
