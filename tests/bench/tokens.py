"""The tokens that the contestants are given: the guide's, forged ones, and 8 KiB of junk of every kind."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import jwt

TENANT = "your-tenant-id"
APPLICATION = "your-application-id"
SECRET = "a tenant's secret, as long as SHA-256's output"
WRONG_SECRET = "another one, which this tenant was never given"
REQUIRED = ["sub", "iss", "aud", "iat", "exp"]
JUNK_LENGTH = 8192


def token(subject: str, *, issuer: str = TENANT, audience: str = APPLICATION, secret: str = SECRET) -> str:
    """A token as the guide's program makes it."""
    return jwt.encode(claims(subject, issuer, audience), secret, algorithm="HS256")


def claims(subject: str, issuer: str = TENANT, audience: str = APPLICATION) -> dict[str, Any]:
    """The guide's claims, valid for an hour from now."""
    now = int(time.time())
    times = {"iat": now, "exp": now + 3600}
    return {"sub": subject, "iss": issuer, "aud": audience, **times, "scope": ["read", "write"]}


def subjects(count: int) -> Iterator[str]:
    """That many users, all with names of one length, so that all tokens have the same size."""
    return (f"user_{number:05}" for number in range(count))


def good(count: int) -> list[str]:
    """Distinct tokens that must be let in."""
    return [token(subject) for subject in subjects(count)]


def forged(count: int) -> list[str]:
    """Distinct tokens of a known issuer, signed with a secret that is not its own."""
    return [token(subject, secret=WRONG_SECRET) for subject in subjects(count)]


def strangers(count: int) -> list[str]:
    """Distinct tokens of an issuer that nobody registered."""
    return [token(subject, issuer="anyone-at-all!") for subject in subjects(count)]


def junk() -> dict[str, str]:
    """By kind: text of 8 KiB, the longest that the length cap lets through, which is no token."""
    header, _, signature = token("user_00000").split(".")
    room = JUNK_LENGTH - len(header) - len(signature) - 2
    return {
        "no dots": "a" * JUNK_LENGTH,
        "dots only": "." * JUNK_LENGTH,
        "blanks": " " * JUNK_LENGTH,
        "not ASCII": "\N{LATIN SMALL LETTER E WITH ACUTE}" * (JUNK_LENGTH // 2),
        "too long": "a" * (8 * JUNK_LENGTH),
        "header of noise": f"{'A' * (JUNK_LENGTH - 8)}.e30.",
        "header of members": f"{segment(_members(JUNK_LENGTH))[: JUNK_LENGTH - 8]}.e30.AA",
        "header of brackets": f"{segment('[' * (JUNK_LENGTH // 4 * 3 - 9))}.e30.AA",
        "payload of noise": f"{header}.{'A' * (room // 4 * 4)}.{signature}",
        "payload of brackets": f"{header}.{segment('[' * (room // 4 * 3))}.{signature}",
        "payload not base64": f"{header}.{'A' * (room // 4 * 4 - 4)}AA*A.{signature}",
        "signature of noise": f"{header}.e30.{'A' * (JUNK_LENGTH - len(header) - 5)}",
    }


def segment(text: str) -> str:
    """The text as one base64url segment without padding."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _members(length: int) -> str:
    """The start of a JSON object with as many members as fit into that many base64url characters."""
    members = (f'"{number:x}":0' for number in range(length))
    return "{" + ",".join(members)[: length // 4 * 3]
