"""The forms that names and values may have: identifiers, scopes, text without control characters; immutable."""

from __future__ import annotations

import re
from typing import TypeGuard

MAX_NAME_LENGTH = 256
"""Characters in an issuer or a key id, at most."""

# Unicode category Cc is exactly C0, DEL and C1; lone surrogates cannot be encoded as UTF-8.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+").fullmatch


class Immutable:
    """A value whose attributes are set when it is built, by `object.__setattr__`, and not changed afterwards."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: build a new one to change {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: {name} cannot be deleted")


def is_clean(text: str) -> bool:
    """Whether the text has neither control characters (Unicode category Cc) nor surrogates."""
    # str.isprintable is a quicker question with a narrower yes; only a no needs the exact answer.
    return text.isprintable() or _UNSAFE(text) is None


def is_name(value: object) -> TypeGuard[str]:
    """Whether the value is text of 1 to 256 characters without control characters and surrogates."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME_LENGTH and (value.isprintable() or is_clean(value))


def is_scope(value: object) -> TypeGuard[str]:
    """Whether the value is one scope name: non-empty, without SP and control characters."""
    return isinstance(value, str) and value != "" and " " not in value and (value.isprintable() or is_clean(value))


def is_scope_token(value: object) -> TypeGuard[str]:
    """Whether the scope may stand in a challenge unescaped: `scope-token` of RFC 6749 section 3.3."""
    return isinstance(value, str) and _SCOPE_TOKEN(value) is not None


def escaped(text: str, limit: int = 200) -> str:
    """The text for a log line: control characters, surrogates and backslashes escaped, cut after `limit` characters."""
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    if "\\" not in cut and cut.isprintable():
        return cut
    return "".join(map(_escaped_character, cut))


def _escaped_character(character: str) -> str:
    if character == "\\" or not character.isprintable():
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character
