"""The text of the guide, in the order in which it stands there. What it says of the API comes from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jwt_middleware.guide.blocks import Block, Heading, Items, Link, Said, heading, paragraph, said
from jwt_middleware.guide.chapters.claims import claims, header, limits, scopes
from jwt_middleware.guide.chapters.errors import errors
from jwt_middleware.guide.chapters.making import with_key_pair, with_secret
from jwt_middleware.guide.chapters.practice import further_help, good_practice, new_secret
from jwt_middleware.guide.chapters.sending import sending, testing
from jwt_middleware.guide.facts import Facts, facts_of
from jwt_middleware.guide.places import Places
from jwt_middleware.settings import JWTSettings

CONTENTS: Final = "Contents"
"""The heading of the list of sections."""


def document(settings: JWTSettings, places: Places) -> list[Block]:
    """The whole guide."""
    facts = facts_of(settings)
    sections = [
        *_how_it_works(facts),
        *with_secret(facts),
        *with_key_pair(facts),
        *sending(settings, places),
        *testing(settings, places, facts),
        *claims(facts),
        *header(settings, facts),
        *limits(settings),
        *scopes(settings),
        *errors(settings),
        *good_practice(settings, facts),
        *new_secret(facts),
        *further_help(places),
    ]
    opening = paragraph(
        "How a program of yours calls this API: it makes a short-lived JSON Web Token, signs it, and sends it along "
        "with every request."
    )
    return [heading(places.title, 1), opening, *_contents(sections), *sections]


def _contents(sections: list[Block]) -> Iterator[Block]:
    titles = [block for block in sections if isinstance(block, Heading) and block.level == 2]
    yield heading(CONTENTS)
    yield Items(tuple((Link(title.text, f"#{title.anchor}"),) for title in titles))


def _how_it_works(facts: Facts) -> Iterator[Block]:
    yield heading("How it works")
    yield paragraph(
        "A JSON Web Token (JWT, RFC 7519) is one line of text in three parts: a header, a payload, and a signature of "
        "both. The payload says who is calling; its entries are called claims. Anybody can read a token, so nothing "
        "secret belongs in one. Nobody can change it, or make another, without the key that signed it."
    )
    yield Items(
        (
            said("Your server makes a token: for your account, for one of your applications, for one of your users."),
            said("It sends the token in the `Authorization` header of a request."),
            said("The API checks the signature first, and then each claim."),
            said("If all is well, the request is served. If not, the answer [says what to change](#errors)."),
        ),
        is_numbered=True,
    )
    yield paragraph("From the provider of this API you have:")
    yield Items((*_what_you_have(facts),))


def _what_you_have(facts: Facts) -> Iterator[Said]:
    yield said("a tenant id, which names your account: claim `iss`;")
    yield said("an application id for each of your applications: claim `aud`;")
    if facts.secret_algorithms:
        also = ", or else your own key pair, whose public half the provider knows" if facts.key_algorithms else ""
        yield said(f"an API secret, with which you sign{also};")
    else:
        yield said("nothing secret: you sign with a key pair of your own, whose public half the provider knows;")
    yield said("perhaps a key id: then put it into the token's header as `kid`.")
