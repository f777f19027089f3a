"""What a token has to hold: claims, header, limits, scopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jwt_middleware.guide.blocks import (
    Block,
    Code,
    Items,
    Program,
    Said,
    Table,
    codes,
    heading,
    paragraph,
    said,
)
from jwt_middleware.guide.facts import ALWAYS_REQUIRED, Facts, in_words
from jwt_middleware.guide.programs import example
from jwt_middleware.settings import JWTSettings

USUAL_ALGORITHM: Final = "HS256"
"""That of a secret, where nobody has asked for another."""


def claims(facts: Facts) -> Iterator[Block]:
    """All that mean something to the API, and which have to be there."""
    yield heading("Claims")
    always = {
        "sub": said("Subject: your user, by the id that your system has for them. Text."),
        "iss": said("Issuer: your tenant id."),
        "aud": said("Audience: the id of exactly one of your applications."),
        "iat": said("Issued at: when the token was made, in seconds since 1970 (Unix time), not milliseconds."),
        "exp": said("Expires: when it ends, likewise. How far off that may be: [limits](#limits)."),
    }
    further = {
        "nbf": said("Not before: when it begins, in seconds likewise."),
        "jti": said("Token id: text that no other token of yours has, such as a UUID."),
        "scope": said("What the token is for; see [scopes](#scopes)."),
    }
    required = (*ALWAYS_REQUIRED, *facts.further_claims)
    meanings = always | further
    own = said("This API asks for it, besides the usual ones.")
    rows = [_claim(name, meanings.get(name, own), "yes") for name in required]
    rows += [_claim(name, meaning, "no") for name, meaning in further.items() if name not in required]
    yield Table("The claims of a token", ("claim", "required", "what it holds"), (*rows,))
    yield paragraph(
        "A claim that is `null` counts as missing. Leave out what the API does not need: the token gets shorter, and "
        "tells less about your users."
    )
    yield paragraph("The payload of a token, decoded:")
    yield Program("json", example.decoded_claims(facts))


def _claim(name: str, meaning: Said, required: str) -> tuple[Said, ...]:
    return (Code(name),), (required,), meaning


def header(settings: JWTSettings, facts: Facts) -> Iterator[Block]:
    """Algorithm, type and key id."""
    yield heading("Header")
    yield Table(
        "The members of a token's header",
        ("member", "required", "what it holds"),
        (
            _claim("alg", said("The algorithm: {names}.", names=codes(settings.algorithms, "or")), "yes"),
            _claim("typ", _types(settings), "no"),
            _claim("kid", said("The key id, where the provider gave you one: 1 to 256 characters."), "no"),
        ),
    )
    if facts.secret_algorithms:
        yield paragraph(
            "With a secret, the algorithm is the one that the secret was given to you for: {names}.",
            names=_usual(facts),
        )
    yield paragraph("`crit` and `b64` are refused. The header of a token, decoded:")
    yield Program("json", example.decoded_header(facts))


def _usual(facts: Facts) -> Said:
    """All of them, and which one it is where nothing else was agreed."""
    names = codes(facts.secret_algorithms, "or")
    if len(facts.secret_algorithms) == 1 or facts.secret_algorithm != USUAL_ALGORITHM:
        return names
    return (*names, ", and usually ", Code(USUAL_ALGORITHM))


def _types(settings: JWTSettings) -> Said:
    if not settings.token_types:
        return said("Leave it out.")
    return said("{names}, or nothing at all.", names=codes(settings.token_types, "or"))


def limits(settings: JWTSettings) -> Iterator[Block]:
    """How long a token may live and may be, and how far clocks may differ."""
    yield heading("Limits")
    yield Items((*_limits_of(settings),))


def _limits_of(settings: JWTSettings) -> Iterator[Said]:
    leeway = in_words(settings.start_leeway)
    if settings.max_lifetime is None:
        yield said("Lifetime, `exp` less `iat`: no limit for all, though your account may have one. Choose an hour.")
    else:
        yield said("Lifetime, `exp` less `iat`: {most} at most.", most=in_words(settings.max_lifetime))
    if settings.expiry_leeway:
        yield said("End: a token is accepted until {late} after `exp`.", late=in_words(settings.expiry_leeway))
    else:
        yield said("End: at `exp`, to the second. Nothing is added for clocks that are slow.")
    if settings.start_leeway:
        yield said("Beginning: `iat` and `nbf` may be up to {leeway} ahead of the API's clock.", leeway=leeway)
    else:
        yield said("Beginning: `iat` and `nbf` may not be ahead of the API's clock at all.")
    yield said("Length: {most} bytes for the whole token.", most=str(settings.max_token_bytes))


def scopes(settings: JWTSettings) -> Iterator[Block]:
    """How they are written, and where the rules demand which."""
    yield heading("Scopes")
    yield paragraph(
        'The claim `scope` says what a token is for: `["read", "write"]`, or the same as one text with blanks, '
        '`"read write"`. A token without it has none.'
    )
    yield paragraph(
        "You get those scopes of the token that the provider has granted to the application in `aud`. Ask for no more "
        "than a request needs."
    )
    rows = tuple((_request(rule.path, rule.methods), codes(rule.scopes)) for rule in settings.rules if rule.scopes)
    if rows:
        yield paragraph("What requests need, by their path; where several lines fit, all of their scopes together:")
        yield Table("The scopes that requests need", ("request", "scopes"), rows)
    yield paragraph(
        "Where a scope is lacking, [insufficient_permissions](#insufficient_permissions) is answered, and "
        "`required_scope` names all that the request needs."
    )


def _request(path: str, methods: frozenset[str] | None) -> Said:
    return (*(codes(sorted(methods), "or") if methods else ("any method",)), " ", Code(path))
