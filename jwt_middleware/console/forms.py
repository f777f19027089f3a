"""What a browser sends: read within limits, and refused where it was not sent from a page of this console."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final
from urllib.parse import parse_qsl

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from jwt_middleware.console.rendering import Pages

FIELD: Final = "form_token"
"""The hidden field that has to hold what the cookie holds."""
MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
MAX_FIELDS: Final = 8
SECONDS_TO_ARRIVE: Final = 10

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch
_FROM_A_PAGE: Final = ("same-origin", "none")
"""Values of Sec-Fetch-Site (Fetch Metadata section 2.4) for what a page of this origin, or a person, has sent."""


def form_token(request: Request, pages: Pages) -> str:
    """What a form of this page has to carry: what the browser's cookie holds, or a fresh one for `keep`."""
    held = request.cookies.get(cookie_name(pages), "")
    return held if _TOKEN(held) else secrets.token_urlsafe(32)


def keep(response: Response, request: Request, pages: Pages, token: str) -> Response:
    """The response, with the cookie where the browser has not got it."""
    name = cookie_name(pages)
    if request.cookies.get(name) != token:
        response.set_cookie(name, token, path="/", secure=pages.is_https, httponly=True, samesite="strict")
    return response


def cookie_name(pages: Pages) -> str:
    """With a prefix that lets no other host and no plain http set it (RFC 6265bis section 4.1.3.2)."""
    return "__Host-jwt-middleware-console" if pages.is_https else "jwt-middleware-console"


async def form_of(request: Request, pages: Pages, max_bytes: int) -> dict[str, str]:
    """The fields of a form that a page of this console has sent.

    Raises HTTPException: 403 where it came from elsewhere, 400, 408, 413 or 415 where it cannot be read.
    """
    _require_own_page(request, pages)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise HTTPException(415)
    fields = _fields(await _body(request, max_bytes))
    held, sent = request.cookies.get(cookie_name(pages), ""), fields.get(FIELD, "")
    if not _TOKEN(held) or not hmac.compare_digest(held.encode(), sent.encode()):
        raise HTTPException(403)
    return fields


def _require_own_page(request: Request, pages: Pages) -> None:
    if request.headers.get("sec-fetch-site", "none") not in _FROM_A_PAGE:
        raise HTTPException(403)
    # These pages send no referrer, so browsers say `null` (Fetch section 3.2); another origin is somebody else's page.
    if request.headers.get("origin", "null") not in ("null", pages.origin):
        raise HTTPException(403)


async def _body(request: Request, max_bytes: int) -> bytes:
    body = b""
    try:
        with anyio.fail_after(SECONDS_TO_ARRIVE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise HTTPException(413)
    except TimeoutError:
        raise HTTPException(408) from None
    except ClientDisconnect:
        raise HTTPException(400) from None
    return body


def _fields(body: bytes) -> dict[str, str]:
    """Raises HTTPException where that is not text, or a field stands twice."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise HTTPException(400) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HTTPException(400)
    return fields
