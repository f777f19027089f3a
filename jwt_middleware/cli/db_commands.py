"""`jwt-middleware db upgrade` and `db current`: the tables of a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Annotated, TypeAlias

import typer

from jwt_middleware.cli import leave_without
from jwt_middleware.cli.terminal import REFUSED, Json, fail, print_json, reporting
from jwt_middleware.errors import TemporarilyUnavailable

Url: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        envvar="JWT_MIDDLEWARE_TENANTS",
        help="sqlite:///tenants.db or postgresql+psycopg://...; a password in it is better kept in the variable.",
    ),
]
Schema: TypeAlias = Annotated[str | None, typer.Option(help="PostgreSQL's schema; else the usual one.")]


def upgrade_command(url: Url, schema: Schema = None, json: Json = False) -> None:
    """Create the tables in a database, or bring them to the newest revision.

    Doing it again changes nothing.
    What runs on the revision before goes on running.
    """
    with _reporting() as tables:
        reached = tables.upgrade(url, schema=schema)
    _print(reached, tables.NEWEST, json)


def current_command(url: Url, schema: Schema = None, json: Json = False) -> None:
    """Say which revision the tables of a database have. Exit status 1 if it is not the newest."""
    with _reporting() as tables:
        found = tables.current(url, schema=schema)
    _print(found, tables.NEWEST, json)
    if found != tables.NEWEST:
        raise typer.Exit(REFUSED)


def _print(revision: str | None, newest: str, json: bool) -> None:
    if json:
        print_json({"revision": revision, "newest": newest})
    else:
        typer.echo(f"{'no tables' if revision is None else f'revision {revision}'} (newest: {newest})")


@contextmanager
def _reporting() -> Iterator[ModuleType]:
    """The module that knows the tables; what it raises becomes a message."""
    try:
        from jwt_middleware.sql import schema
    except ModuleNotFoundError as missing:
        leave_without(missing, "sql", ("sqlalchemy", "alembic", "cryptography"))
    with reporting():
        try:
            yield schema
        except TemporarilyUnavailable as error:
            reasons = str(error.__cause__ or error.reason).splitlines()
            fail("database", f"cannot be used: {reasons[0]}", "check host, port, name, user and password in the URL")
