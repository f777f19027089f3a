"""`jwt-middleware store ...`: the tables of a database, and the key that what is in them is encrypted with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Annotated, TypeAlias

import typer

from jwt_middleware.cli.progress import progress_bar
from jwt_middleware.cli.store import STORE_KEY, Store, environment, opened, require_sql, store_url
from jwt_middleware.cli.terminal import REFUSED, Json, fail, note, print_json, reporting
from jwt_middleware.errors import TemporarilyUnavailable

Schema: TypeAlias = Annotated[str | None, typer.Option(help="PostgreSQL's schema; else the usual one.")]


def upgrade_command(store: Store = None, schema: Schema = None, json: Json = False) -> None:
    """Create the tables, or bring them to the newest revision.

    Doing it again changes nothing.
    What runs on the revision before goes on running.
    """
    with _tables() as tables:
        reached = tables.upgrade(store_url(store), schema=schema)
    _print(reached, tables.NEWEST, json)


def current_command(store: Store = None, schema: Schema = None, json: Json = False) -> None:
    """Say which revision the tables have.

    The exit status is 1 if it is not the newest.
    """
    with _tables() as tables:
        found = tables.current(store_url(store), schema=schema)
    _print(found, tables.NEWEST, json)
    if found != tables.NEWEST:
        raise typer.Exit(REFUSED)


def rekey_command(store: Store = None, json: Json = False) -> None:
    """Encrypt every key in the store anew.

    The first of the store keys is used.
    To change the store key, in three steps, so that every process can read what any other one writes:

    1. Start every process with JWT_MIDDLEWARE_STORE_KEY=OLD,NEW. All read both; all write with the old one.

    2. Start every process with NEW,OLD. When all have it, run with the same: jwt-middleware store rekey

    3. Start every process with NEW. Keep OLD as long as you keep backups that need it.

    It can be ended and done again at any time.
    """
    with reporting(), opened(store) as tenants, progress_bar("tenants", tenants.count()) as advance:
        is_only = "," not in environment()[STORE_KEY].strip(", ")
        done = 0

        def progress(count: int) -> None:
            nonlocal done
            advance(count - done)
            done = count

        count = tenants.reencrypt(progress)
    if json:
        print_json({"tenants": count})
    else:
        typer.echo(f"the keys of {count:,} tenants are encrypted with the first store key")
    if is_only:
        note("There is one store key, so it is the same as before. To change it, see jwt-middleware store rekey --help")


def _print(revision: str | None, newest: str, json: bool) -> None:
    if json:
        print_json({"revision": revision, "newest": newest})
    else:
        typer.echo(f"{'no tables' if revision is None else f'revision {revision}'} (newest: {newest})")


@contextmanager
def _tables() -> Iterator[ModuleType]:
    """The module that knows the tables; what it raises becomes a message."""
    require_sql()
    from jwt_middleware.sql import schema

    with reporting():
        try:
            yield schema
        except TemporarilyUnavailable as error:
            reasons = str(error.__cause__ or error.reason).splitlines()
            fail("database", f"cannot be used: {reasons[0]}", "check host, port, name, user and password in the URL")
