"""What is answered to a token that is not accepted."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from jwt_middleware.guide.blocks import (
    Block,
    Code,
    Link,
    Program,
    Said,
    Table,
    codes,
    heading,
    paragraph,
    said,
)
from jwt_middleware.guide.refusals import Refusals, challenges, documented_at, refusals
from jwt_middleware.guide.refusals import example as example_answer
from jwt_middleware.responses import RETRY_AFTER
from jwt_middleware.settings import JWTSettings

_SUMMARIES: Final = {
    "invalid_token": "There is no token, or the API does not accept it.",
    "invalid_signature": "The signature is not that of a key of yours.",
    "missing_required_claim": "A claim is missing.",
    "token_expired": "The token has expired.",
    "insufficient_permissions": "The token is good, but not for this request.",
    "temporarily_unavailable": "The token could not be checked. It may well be good.",
}


def errors(settings: JWTSettings) -> Iterator[Block]:
    """The answer, all codes in a table, and a section for each."""
    groups = refusals(settings)
    yield heading("Errors")
    yield paragraph("A token that has expired, for instance, is answered so:")
    yield Program("http", example_answer(settings))
    yield from _about_the_body(settings)
    rows = tuple((_linked(group), (str(group.status),), (_SUMMARIES[group.code],)) for group in groups)
    yield Table("The codes of all errors", ("error", "status", "in short"), rows)
    yield paragraph(
        "The causes are looked for in a fixed order: first the header field and the token's form, then the signature, "
        "then its claims. The first that is found is told, so that mending one may show the next."
    )
    for group in groups:
        yield from _error(group, settings)


def _about_the_body(settings: JWTSettings) -> Iterator[Block]:
    if settings.render_error is None:
        yield paragraph(
            "Decide by `error` and by the status: they stay as they are. `error_description` and `solution` are for "
            "people. `claim` names the claim that is missing or wrong, where it is one."
        )
    else:
        yield paragraph(
            "Decide by the status: it stays as it is, and so does the `WWW-Authenticate` header. The body is in this "
            "API's own form."
        )
    if settings.error_uri is not None:
        uri = documented_at("token_expired", settings) or settings.error_uri
        link = Link(uri, uri)
        yield paragraph("`error_uri` is the address where this is documented: {link}.", link=link)


def _linked(group: Refusals) -> Said:
    return (Link(group.code, f"#{group.code}"),)


def _error(group: Refusals, settings: JWTSettings) -> Iterator[Block]:
    yield heading(group.code, 3)
    yield paragraph("Status {status}, {field}", status=str(group.status), field=_field(group, settings))
    causes = ((cause.description, cause.solution) for cause in group.causes)
    rows = tuple(((f"{description}.",), (f"{solution}.",)) for description, solution in causes)
    yield Table(f"The causes of {group.code}", ("what is wrong", "what to change"), rows)


def _field(group: Refusals, settings: JWTSettings) -> Said:
    if group.status == HTTPStatus.SERVICE_UNAVAILABLE:
        text = "with {field}: wait for so many seconds, and send the same request again."
        return said(text, field=Code(f"Retry-After: {RETRY_AFTER}"))
    values = [f"WWW-Authenticate: {value}" for value in challenges(group, settings)]
    return said("with {fields}.", fields=codes(values, "or"))
