"""What to do, what to leave, and whom to ask."""

from __future__ import annotations

from collections.abc import Iterator

from jwt_middleware.guide.blocks import (
    Block,
    Items,
    Link,
    Said,
    heading,
    paragraph,
    said,
)
from jwt_middleware.guide.facts import Facts
from jwt_middleware.guide.places import Places
from jwt_middleware.settings import JWTSettings


def good_practice(settings: JWTSettings, facts: Facts) -> Iterator[Block]:
    """What keeps tokens and keys safe, and a client running."""
    yield heading("Good practice")
    yield Items((*_advice(settings, facts),))


def _advice(settings: JWTSettings, facts: Facts) -> Iterator[Said]:
    key = "secret" if facts.secret_algorithms else "private key"
    yield said(
        f"Keep the {key} on your servers, in a secret manager. It belongs in no browser, no app on a phone, no "
        "repository and no log; make tokens where it is, and hand out the tokens."
    )
    yield said("Make tokens short-lived, and a new one in good time: a stolen one is useful until it ends.")
    yield said(
        "Let the clock of your servers be set by NTP. A wrong one makes tokens that are not yet, or no longer, good."
    )
    yield said(
        "Change keys regularly, and with an overlap: get the new one, use it everywhere, and only then let the old one "
        "end. Meanwhile both are good."
    )
    if settings.revocations is not None:
        yield said("Give every token a `jti` of its own: one that was stolen can then be withdrawn alone.")
    yield said(
        "After 503, wait for as long as `Retry-After` says, and send the same request again; wait longer each time. "
        "After 401 or 403, the same token will not do: change something first."
    )
    yield said("Send tokens over https, to this API and to nobody else.")


def new_secret(facts: Facts) -> Iterator[Block]:
    """What to do about a secret that is lost, or no secret any more."""
    if not facts.secret_algorithms:
        return
    yield heading("Refresh your secret")
    yield paragraph(
        "If you have lost the secret, or somebody else may have seen it, tell the provider. You get a link, good for "
        "one use, to a page that makes a new secret and shows it once; or you are given a new one."
    )
    yield Items(
        (
            said("Lost: choose how long the old one goes on, so that your servers have time to change over."),
            said("Leaked: the old one has to stop. Do not wait; tokens can be made with it until then."),
        )
    )


def further_help(places: Places) -> Iterator[Block]:
    """Nothing, where the provider names no place for it."""
    links = (
        (places.documentation, "What the API can do: {link}.", "reference"),
        (places.support, "If you are stuck: {link}. Send no token and no secret along.", "ask us"),
    )
    items = tuple(said(text, link=Link(words, address)) for address, text, words in links if address is not None)
    if items:
        yield heading("Further help")
        yield Items(items)
