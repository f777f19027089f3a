"""Tenants as JSON Lines: one object a line, with the names that `[[tenants]]` has in a TOML file.

A secret stands in the line itself: a list that came from elsewhere names no files and no variables of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, Final

import msgspec

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.tenants.entries import TenantEntry
from jwt_middleware.tenants.key_sources import KeySource
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Tenant

MAX_LINE: Final = 1 << 18
"""Bytes in a line at most."""
FIELDS: Final = (
    "a tenant has id, applications, keys or jwks or discover, issuers, active, scope_claim, audience_claim, "
    "max_lifetime, token_types; a key has secret or jwk, kid, algorithm, not_after; "
    "an application is its id, or has id, scopes, active"
)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class KeyLine(msgspec.Struct, forbid_unknown_fields=True):
    """A key: either a `secret`, or a public key as a JWK."""

    secret: str | None = None
    jwk: dict[str, Any] | None = None
    kid: str | None = None
    algorithm: str = "HS256"
    not_after: datetime | float | None = None


class TenantLine(TenantEntry, kw_only=True):
    """A tenant. Without `keys`, `jwks` and `discover` it has no key, and no token is accepted until it has one."""

    keys: list[KeyLine] | None = None


_decode: Final = msgspec.json.Decoder(TenantLine).decode


def numbered_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers. One that is too long is cut, and cannot be read then."""
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        rest = line
        while rest and not rest.endswith(b"\n") and len(rest) > MAX_LINE:
            rest = stream.readline(MAX_LINE + 1)
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if text.strip():
            yield number, text


def tenant_in(line: bytes) -> Tenant:
    """The tenant that a line describes. Raises ConfigurationError with every problem; no secret is in it."""
    if len(line) > MAX_LINE:
        raise ConfigurationError([Problem("line", f"longer than {MAX_LINE} bytes", "write one tenant a line")])
    try:
        entry = _decode(line)
    except msgspec.ValidationError as error:
        raise ConfigurationError([Problem("fields", str(error), FIELDS)]) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        what = str(error) if isinstance(error, msgspec.DecodeError) else "not UTF-8, or nested too deeply"
        raise ConfigurationError([Problem("line", what, "write one JSON object a line")]) from None
    return entry.tenant(_keys(entry))


def _keys(entry: TenantLine) -> list[Key] | KeySource:
    if [entry.keys, entry.jwks, entry.discover].count(None) < 2:
        raise ConfigurationError([Problem("keys", "more than one source", "name one of keys, jwks and discover")])
    return entry.key_source() or [*map(_key, entry.keys or ())]


def _key(entry: KeyLine) -> Key:
    if entry.secret is not None and entry.jwk is None:
        return Key.secret(entry.secret, kid=entry.kid, algorithm=entry.algorithm, not_after=entry.not_after)
    if entry.jwk is not None and entry.secret is None:
        return Key.public(entry.jwk, algorithm=entry.algorithm, kid=entry.kid, not_after=entry.not_after)
    raise ConfigurationError([Problem("key", "not exactly one source", "name one of secret and jwk")])
