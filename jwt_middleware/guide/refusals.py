"""The errors that a tenant can meet with these settings, by code, in the words of the answers themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec

from jwt_middleware import errors
from jwt_middleware.errors import AuthenticationError, InvalidToken
from jwt_middleware.responses import Answer, challenge, error_members, refusal_answer
from jwt_middleware.settings import JWTSettings

SCOPES_IN_EXAMPLES: Final = ("write",)
_UNPRINTABLE: Final = "\N{REPLACEMENT CHARACTER}"


class Refusals(NamedTuple):
    """All that is answered with one code."""

    code: str
    status: int
    causes: tuple[AuthenticationError, ...]


def refusals(settings: JWTSettings) -> list[Refusals]:
    """Every documented code, in the order of `errors`, with the causes that these settings leave possible."""
    by_code: dict[str, list[AuthenticationError]] = {}
    for kind in _kinds(AuthenticationError):
        causes = by_code.setdefault(kind.code, [])
        if _is_possible(kind, settings):
            causes.append(_instance(kind, settings))
    return [Refusals(code, causes[0].status, (*causes,)) for code, causes in by_code.items()]


def example(settings: JWTSettings) -> str:
    """What the API answers to a token that has expired, as it comes over the wire."""
    answer = refusal_answer(errors.TokenExpired(), settings)
    fields = "\n".join(f"{name.title().replace('Www', 'WWW')}: {value}" for name, value in _telling(answer))
    return f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\n{fields}\n\n{_body(answer)}"


def documented_at(code: str, settings: JWTSettings) -> str | None:
    """What `error_uri` says in an answer with this code."""
    cause = next(group.causes[0] for group in refusals(settings) if group.code == code)
    return error_members(cause, settings.error_uri).get("error_uri")


def challenges(group: Refusals, settings: JWTSettings) -> list[str]:
    """The values of WWW-Authenticate that come with this code. What differs from cause to cause is left out."""
    values = (challenge(cause, settings.realm) for cause in group.causes)
    if len(group.causes) > 1:
        descriptions = {cause.description for cause in group.causes}
        values = (_without(value, descriptions) for value in values)
    return [*dict.fromkeys(values)]


def _without(value: str, descriptions: Iterable[str]) -> str:
    head, name, rest = value.partition(', error_description="')
    return f'{head}{name}..."' if name and rest.removesuffix('"') in descriptions else value


def _kinds(parent: type[AuthenticationError]) -> Iterator[type[AuthenticationError]]:
    """The documented classes, in the order of their source; a provider may have made others from them."""
    for kind in parent.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from _kinds(kind)


def _is_possible(kind: type[AuthenticationError], settings: JWTSettings) -> bool:
    if kind is InvalidToken:
        return bool(settings.validators)
    if kind is errors.Revoked:
        return settings.revocations is not None
    return kind is not errors.InsecureTransport or settings.require_https


def _instance(kind: type[AuthenticationError], settings: JWTSettings) -> AuthenticationError:
    if issubclass(kind, errors.LifetimeTooLong):
        return kind.__new__(kind) if settings.max_lifetime is None else kind(settings.max_lifetime)
    if issubclass(kind, errors.InsufficientPermissions):
        return kind(SCOPES_IN_EXAMPLES)
    return kind()


def _telling(answer: Answer) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in answer.headers if name != "content-length")


def _body(answer: Answer) -> str:
    """Line by line where it is JSON. A provider's own may hold anything."""
    try:
        text = msgspec.json.format(answer.body, indent=2).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = answer.body.decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c == "\n" else _UNPRINTABLE for c in text)
