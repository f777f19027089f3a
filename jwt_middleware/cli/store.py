"""The stores that a command works on: named by an option, by a variable, or in a `.env` file."""

from __future__ import annotations

import getpass
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeAlias

import typer
from dotenv import dotenv_values

from jwt_middleware.cli.terminal import fail
from jwt_middleware.errors import ConfigurationError
from jwt_middleware.loading import open_revocations, revocations_problem, tenants_problem

if TYPE_CHECKING:
    from jwt_middleware.tenants.sql import SQLTenants

TENANTS: Final = "JWT_MIDDLEWARE_TENANTS"
REVOCATIONS: Final = "JWT_MIDDLEWARE_REVOCATIONS"
STORE_KEY: Final = "JWT_MIDDLEWARE_STORE_KEY"
ENV_FILE: Final = Path(".env")
"""In the working directory."""
DEFAULT_URL: Final = "sqlite:///tenants.db"
"""What `init` makes where nothing is named."""
PATIENCE: Final = 5.0
"""Seconds that a store may take: a person waits longer than a request does."""

Store: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar=TENANTS,
        help="The store: sqlite:///tenants.db or postgresql+psycopg://...; else what .env says.",
    ),
]
"""The option `--store`, for `opened`."""

Revocations: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--revocations",
        metavar="URL",
        envvar=REVOCATIONS,
        help="Where revocations are kept: sqlite:///..., postgresql+psycopg://..., redis://...; else what .env says.",
    ),
]
"""The option `--revocations`, for `opened_revocations`."""


def environment() -> dict[str, str]:
    """The variables of this process, and those of a `.env` file in the working directory that it does not have.

    Values are taken as they stand: `$` means itself. Raises ConfigurationError where the file cannot be read.
    """
    try:
        given = dotenv_values(ENV_FILE, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        fail(str(ENV_FILE), f"cannot be read: {type(error).__name__}", "make it a text file that you may read")
    return {name: value for name, value in given.items() if value} | _set_variables()


def actor() -> str:
    """Who works here, for the audit table."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"  # as in a container that gives its user no name
    return f"{user}@{socket.gethostname()}: jwt-middleware"


def store_url(store: str | None) -> str:
    """The URL of the database that the option, the variable or `.env` names.

    Raises ConfigurationError where none of them does, or where it is no database.
    """
    url = store or environment().get(TENANTS)
    if not url:
        fail("--store", "nothing says which store", f"make one: jwt-middleware init; or name it: --store {DEFAULT_URL}")
    problem = tenants_problem(url)
    if problem is not None:
        raise ConfigurationError([problem], "this store cannot be used")
    if "://" not in url:
        fail(
            "--store",
            f"{url} is a file that is changed by editing it",
            "token make and token explain read it; to change tenants by command, make a store: jwt-middleware init",
        )
    return url


@contextmanager
def opened(store: str | None) -> Iterator[SQLTenants]:
    """The store, whose changes are written down as this user's. Raises ConfigurationError, with what to do.

    What the store raises while it is used goes through: ConfigurationError and TemporarilyUnavailable.
    """
    url, store_key = store_url(store), environment().get(STORE_KEY)
    if not store_key:
        _fail_without_key()
    tenants = open_with(url, store_key)
    try:
        yield tenants.acting_as(actor())
    finally:
        tenants.close()


def open_with(url: str, store_key: str) -> SQLTenants:
    """The store at this URL. Raises ConfigurationError where there are no tables, or where this is not its key."""
    require_sql()
    from jwt_middleware.tenants.sql import SQLTenants

    _check_tables(url)
    with unlogged():
        return SQLTenants(url, store_key=store_key, store_timeout=PATIENCE)


@contextmanager
def opened_revocations(revocations: str | None) -> Iterator[Any]:
    """The store of revocations (`WritableRevocations`), closed afterwards.

    Raises ConfigurationError where nothing names it, or where it cannot be reached from here.
    """
    store: Any = open_revocations(revocations_url(revocations), PATIENCE)
    try:
        yield store
    finally:
        store.close()


def revocations_url(revocations: str | None) -> str:
    """The store of revocations that the option, the variable or `.env` names, which is one outside the API's process.

    Raises ConfigurationError.
    """
    url = revocations or environment().get(REVOCATIONS) or ""
    if url.strip().lower() in ("", "none", "off"):
        fail("--revocations", "nothing says where revocations are kept", f"name it: --revocations {DEFAULT_URL}")
    problem = revocations_problem(url)
    if problem is not None:
        raise ConfigurationError([problem], "this store cannot be used")
    if url.strip() == "memory:":
        what = "memory: is in the API's own process, where no command gets to"
        fail("--revocations", what, f"keep them in a database, here and in the API: {DEFAULT_URL}")
    return url


def _set_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if value}


def require_sql() -> None:
    """Leave, naming the extra, where what a database needs is not installed."""
    from jwt_middleware.cli import leave_without

    try:
        import jwt_middleware.sql.schema
        import jwt_middleware.tenants.sql  # noqa: F401
    except ModuleNotFoundError as missing:
        leave_without(missing, "sql", ("cryptography", "sqlalchemy"))


def _check_tables(url: str) -> None:
    """Raises ConfigurationError, with the command that makes them, where there are no tables."""
    from jwt_middleware.sql.schema import current

    if current(url) is None:
        fail("--store", "there are no tables in it", "create them: jwt-middleware init, with the same --store")


@contextmanager
def unlogged() -> Iterator[None]:
    """What is wrong is said by the command; the log, which has no other place than stderr, need not say it too."""
    log, silence = logging.getLogger("jwt_middleware"), logging.NullHandler()
    log.addHandler(silence)
    try:
        yield
    finally:
        log.removeHandler(silence)


def _fail_without_key() -> NoReturn:
    fix = f"set {STORE_KEY} to the key that this store was made with; for a new store: jwt-middleware init"
    fail(STORE_KEY, "not set, neither in the environment nor in .env, so no secret can be read or stored", fix)
