"""`jwt-middleware revocations confirm`: what Redis holds is complete."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import typer

from jwt_middleware.cli import leave_without
from jwt_middleware.cli.terminal import Json, fail, print_json, reporting
from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.revocation.opening import is_redis

Url: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        envvar="JWT_MIDDLEWARE_REVOCATIONS",
        help="redis://... or rediss://...; a password in it is better kept in the variable.",
    ),
]

PATIENCE: Final = 5.0
"""Seconds that the server may take."""


def confirm_command(url: Url, json: Json = False) -> None:
    """Say that no revocation is missing from a Redis that is used without a database.

    It is needed once for a new server, and again after it was flushed, restarted or replaced: put back what was
    revoked before. Until then every request is answered with 503.
    """
    with reporting():
        if not is_redis(url):
            fail("revocations", "only Redis alone has to be confirmed", "leave it: a database is complete by itself")
        _confirm(url)
    if json:
        print_json({"confirmed": True})
    else:
        typer.echo("confirmed: what this Redis holds is complete")


def _confirm(url: str) -> None:
    try:
        from jwt_middleware.revocation.redis import RedisRevocations
    except ModuleNotFoundError as missing:
        leave_without(missing, "redis", ("redis",))
    store = RedisRevocations(url, store_timeout=PATIENCE)
    try:
        store.confirm()
    except TemporarilyUnavailable as error:
        fail("revocations", f"Redis does not take it: {error.reason}", "check host, port, user and password in the URL")
    finally:
        store.close()
