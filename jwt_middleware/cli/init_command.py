"""`jwt-middleware init`: a store, its key, and where both are written down."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import typer

from jwt_middleware.cli.env_file import add_variables, ignore_in_git, is_open_to_others
from jwt_middleware.cli.store import (
    DEFAULT_URL,
    ENV_FILE,
    REVOCATIONS,
    STORE_KEY,
    TENANTS,
    Store,
    environment,
    open_with,
    require_sql,
    store_url,
)
from jwt_middleware.cli.terminal import Json, fail, note, print_json, reporting
from jwt_middleware.errors import ConfigurationError
from jwt_middleware.tenants.secret import fresh_secret


class Done(NamedTuple):
    """What was there before, and what was written."""

    url: str
    made_tables: bool
    revision: str
    written: tuple[str, ...]
    """Variables, to `.env`."""
    ignored: bool
    """Whether `.env` was added to `.gitignore`."""

    @property
    def changed(self) -> bool:
        """Whether anything is different from before."""
        return self.made_tables or self.ignored or bool(self.written)


def init_command(store: Store = None, json: Json = False) -> None:
    """Make a store of tenants, and the key that encrypts it.

    The store is a database with its tables.
    What is not set yet is written to .env in this folder, which only you may read: the store, and a fresh store key.
    .env is added to .gitignore.

    Doing it again changes nothing.
    A key that is set is never replaced.
    """
    with reporting():
        require_sql()
        done = _made(store)
    if json:
        print_json(_as_json(done))
    else:
        _print(done)
    _say_what_to_heed(done)


def _made(store: str | None) -> Done:
    variables = environment()
    url = store_url(store or variables.get(TENANTS) or DEFAULT_URL)
    wanted = {TENANTS: url, REVOCATIONS: url, STORE_KEY: fresh_secret("HS256")}
    missing = {name: value for name, value in wanted.items() if name not in variables}
    made_tables, revision = _with_tables(url)
    _check_store_key(url, variables.get(STORE_KEY, wanted[STORE_KEY]), STORE_KEY in missing)
    if missing:
        add_variables(ENV_FILE, missing)
    ignored = ENV_FILE.exists() and ignore_in_git(Path(), ENV_FILE.name)
    return Done(url, made_tables, revision, (*missing,), ignored)


def _with_tables(url: str) -> tuple[bool, str]:
    from jwt_middleware.sql.schema import current, upgrade

    before = current(url)
    revision = upgrade(url)
    return before != revision, revision


def _check_store_key(url: str, store_key: str, is_fresh: bool) -> None:
    """Nothing is written that a store which has secrets already cannot be used with."""
    try:
        with closing(open_with(url, store_key)) as store:
            store.check()
    except ConfigurationError:
        if is_fresh:
            what = "not set, and this store has secrets already, which a fresh key cannot decrypt"
            fail(STORE_KEY, what, f"set {STORE_KEY} to the key that it was made with")
        raise


def _as_json(done: Done) -> dict[str, Any]:
    return {
        "changed": done.changed,
        "store": _shown(done.url),
        "revision": done.revision,
        "made_tables": done.made_tables,
        "written": [*done.written],
        "ignored": done.ignored,
    }


def _print(done: Done) -> None:
    made = "made" if done.made_tables else "there already"
    typer.echo(f"{_shown(done.url)}: tables {made} (revision {done.revision})")
    if done.written:
        typer.echo(f"{ENV_FILE}: {', '.join(done.written)} written; only you may read it")
    if done.ignored:
        typer.echo(f".gitignore: {ENV_FILE} added")
    if not done.changed:
        typer.echo("nothing to do")


def _say_what_to_heed(done: Done) -> None:
    if STORE_KEY in done.written:
        note(
            f"{STORE_KEY} decrypts every secret in the store, and without it they are lost: it belongs in a secret "
            "manager, apart from the database and its backups."
        )
    if environment()[TENANTS] != done.url:
        note(f"{TENANTS} names another store, and stays as it is: give --store with each command, or change it.")
    if is_open_to_others(ENV_FILE):
        note(f"{ENV_FILE} can be read by others: chmod 600 {ENV_FILE}")


def _shown(url: str) -> str:
    """Without what may be a password."""
    return re.sub("://.*@", "://", url).partition("?")[0]
