"""Where a token goes, and how to try it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from jwt_middleware.guide.blocks import (
    Block,
    Code,
    Link,
    Program,
    heading,
    paragraph,
)
from jwt_middleware.guide.facts import Facts
from jwt_middleware.guide.places import Places
from jwt_middleware.guide.programs import shell
from jwt_middleware.settings import JWTSettings


def sending(settings: JWTSettings, places: Places) -> Iterator[Block]:
    """The header field, and what belongs around it."""
    yield heading("Send the token")
    yield Program("sh", shell.request(places.api, settings.verify_path or "/"))
    yield paragraph(
        "One `Authorization` header: the word `Bearer`, one blank, the token. A token anywhere else is not looked at, "
        "be it the address, a cookie or a form."
    )
    if settings.require_https:
        yield paragraph("Over https only: a token that comes over plain http is refused.")
    else:
        yield paragraph("Always use https: whoever reads a token on its way can use it until it expires.")
    if settings.websocket_subprotocol:
        yield paragraph(
            "A browser cannot set that header on a WebSocket. There, offer two subprotocols: "
            '`new WebSocket(address, ["bearer", token])`.'
        )


def testing(settings: JWTSettings, places: Places, facts: Facts) -> Iterator[Block]:
    """Nothing, where the verify endpoint is off."""
    if settings.verify_path is None:
        return
    yield heading("Test your token")
    yield paragraph(
        "{request} changes nothing. It answers 200 and says whom the API takes you for, or what is wrong with the "
        "token, as every other address does. In {granted} are the scopes that you really have, and {left} is how many "
        "seconds are left.",
        request=Code(f"GET {settings.verify_path}"),
        granted=Code("scope"),
        left=Code("expires_in"),
    )
    yield paragraph(
        "With {query} it also tells whether the token is enough for a request that needs that scope.",
        query=Code(f"?scope={quote(facts.scopes[0])}"),
    )
    if places.console is not None:
        link = Link("check a token", f"{places.console}/check")
        yield paragraph("Or paste it here, and see which step of the check it fails: {link}.", link=link)
