"""Step 1: from the Authorization field to one bearer token (RFC 6750 section 2.1, RFC 9110 section 11)."""

from __future__ import annotations

from typing import NewType

from jwt_middleware.errors import MalformedCredentials

BearerToken = NewType("BearerToken", str)
"""The text of one token; nothing else about it was checked."""


def from_field(value: str) -> BearerToken | None:
    """The token in the value of an Authorization field, or None where it holds no bearer credentials.

    Several fields come joined with commas; then what follows Bearer is not one token, and is refused as such.
    Raises MalformedCredentials.
    """
    scheme, _, credentials = value.strip(" \t").partition(" ")
    if scheme != "Bearer" and scheme.lower() != "bearer":
        return None
    token = credentials.lstrip(" ")
    if not token or " " in token or "," in token:
        raise MalformedCredentials
    return BearerToken(token)
