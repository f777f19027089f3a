"""Which revision of the tables a database has, and bringing it to the newest: Alembic's work, when it is wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateSchema

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.sql.connections import transaction
from jwt_middleware.sql.engines import COMMAND, Opened, opened, sqlite_file, unavailable
from jwt_middleware.sql.tables import VERSION_TABLE, tables_in

NEWEST: Final = "0003"
"""What `upgrade` leads to."""
SUPPORTED: Final = ("0002", NEWEST)
"""Revisions that this code runs on: the newest and the one before, so that code and database change one by one."""
MIGRATION_TIMEOUT: Final = 600.0
"""Seconds that an upgrade waits for its connection or a lock, and that one statement of it may take."""

_FOLDER: Final = Path(__file__).parent / "migrations"
_UPGRADE_LOCK: Final = 0x6A77746D
"""Names PostgreSQL's advisory lock under which one process at a time migrates."""
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}").fullmatch


def revision_of(connection: Connection, schema: str | None) -> str | None:
    """The revision that the tables have; None: there are none."""
    if not inspect(connection).has_table(VERSION_TABLE, schema):
        return None
    return connection.execute(select(tables_in(schema).version.c.version_num)).scalar()


def check_revision(revision: str | None) -> None:
    """Raises ConfigurationError for tables that this code cannot use, with the command that mends it."""
    if revision in SUPPORTED:
        return
    if revision is None:
        what, fix = "there are no tables in it", f"create them: {COMMAND}"
    elif revision < NEWEST:
        what, fix = f"its tables have the old revision {revision}", f"bring them to {NEWEST}: {COMMAND}"
    else:
        what = f"its tables have the revision {revision}, which this version does not know"
        fix = f"install the version of tenant-jwt-middleware that wrote it; this one knows {' and '.join(SUPPORTED)}"
    raise ConfigurationError([Problem("database", what, fix)], "this database cannot be used")


def check_schema(schema: object, dialect: str) -> None:
    """Raises ConfigurationError for a database schema that cannot be named so, or that SQLite does not have."""
    problem = None
    if schema is not None and not (isinstance(schema, str) and _IDENTIFIER(schema)):
        problem = Problem("schema", "not a plain name", 'write schema="auth": letters, digits and underscores')
    elif schema is not None and dialect == "sqlite":
        problem = Problem("schema", "SQLite has none", "leave it out, and use a database file of its own")
    if problem is not None:
        raise ConfigurationError([problem], "this database cannot be used")


def upgrade(url_or_engine: str | URL | Engine, *, schema: str | None = None, revision: str = "head") -> str:
    """Create the tables, or bring them to the newest revision (or to `revision`); the one they have then is returned.

    Doing it twice changes nothing; of several processes one does it, and the others wait. Raises ConfigurationError
    for a database that cannot be used or a revision that is not known, TemporarilyUnavailable when it does not answer.
    """
    with _opened(url_or_engine, schema) as (engine, is_own, _):
        if is_own:
            _create_privately(engine)
        with engine.connect() as connection, transaction(connection):
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
                _create_schema(connection, schema)
            _migrate(connection, schema, revision)
            return revision_of(connection, schema) or ""


def current(url_or_engine: str | URL | Engine, *, schema: str | None = None) -> str | None:
    """The revision of the tables; None: there are none. Changes nothing. Raises as `upgrade` does."""
    with _opened(url_or_engine, schema) as (engine, _, _):
        file = sqlite_file(engine.url)
        if file is not None and not file.exists():
            return None
        with engine.connect() as connection:
            return revision_of(connection, schema)


@contextmanager
def _opened(url_or_engine: str | URL | Engine, schema: str | None) -> Iterator[Opened]:
    database = opened(url_or_engine, limit=MIGRATION_TIMEOUT, connections=1)
    check_schema(schema, database.engine.dialect.name)
    try:
        yield database
    except SQLAlchemyError as error:
        # For whoever migrates the driver's own words help; the parameters are SQLAlchemy's.
        raise unavailable(error, "database") from getattr(error, "orig", None)
    finally:
        database.close()


def _create_schema(connection: Connection, schema: str | None) -> None:
    # Asked first, since creating it needs a privilege that using it does not.
    if schema is not None and not inspect(connection).has_schema(schema):
        connection.execute(CreateSchema(schema))


def _migrate(connection: Connection, schema: str | None, revision: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection, "schema": schema})
    # Percent signs would be taken for interpolation.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, revision)
    except CommandError:
        check_revision(revision_of(connection, schema) or NEWEST)
        problem = Problem("revision", f"{revision!r} is not known", f"leave it out for {NEWEST}")
        raise ConfigurationError([problem], "nothing was done") from None


def _create_privately(engine: Engine) -> None:
    """A new SQLite file is its owner's only. Readers do not wait for a writer, nor it for them."""
    file = sqlite_file(engine.url)
    if file is not None:
        with suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
