"""`jwt-middleware secret`: a fresh API secret."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from jwt_middleware.cli.terminal import Json, print_json
from jwt_middleware.tenants.secret import fresh_secret, secret_size


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
        print_json({"algorithm": algorithm, "bits": 8 * secret_size(algorithm), "secret": secret})
    else:
        typer.echo(secret)
