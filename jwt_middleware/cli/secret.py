"""`jwt-middleware secret`: a fresh API secret."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from typing import Annotated, Final

import typer

from jwt_middleware.cli.terminal import Json, print_json
from jwt_middleware.tenants.keys import HMAC_HASHES

_LEAST_BYTES: Final = 32


class Algorithm(StrEnum):
    """What takes a secret."""

    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"


def secret_command(
    algorithm: Annotated[Algorithm, typer.Option(help="The algorithm that the secret is for.")] = Algorithm.HS256,
    json: Json = False,
) -> None:
    """Print a fresh random secret, and nothing else."""
    secret = fresh_secret(algorithm)
    if json:
        print_json({"algorithm": algorithm, "bits": 8 * _size(algorithm), "secret": secret})
    else:
        typer.echo(secret)


def fresh_secret(algorithm: str) -> str:
    """Random URL-safe text of at least 256 bit and at least the size of the hash (RFC 7518 section 3.2).

    It never starts with a hyphen, which commands would take for an option.
    """
    while (secret := secrets.token_urlsafe(_size(algorithm))).startswith("-"):
        pass
    return secret


def _size(algorithm: str) -> int:
    return max(_LEAST_BYTES, hashlib.new(HMAC_HASHES[algorithm]).digest_size)
