"""SQLAlchemy engines, from URLs that are checked first; and what their errors mean."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from jwt_middleware.errors import ConfigurationError, Problem, TemporarilyUnavailable
from jwt_middleware.sql.time_limits import Opener, seconds_left

COMMAND: Final = "jwt-middleware store upgrade --store URL"
"""Makes a database what it has to be."""
RENEWED_AFTER: Final = 1800
"""Seconds after which a connection is replaced before it is used again: firewalls forget those that idle."""
MAX_CONNECT_TIMEOUT: Final = 10
"""Seconds that opening a connection takes at most, however long an answer may take."""

_FORMS: Final = 'write "sqlite:///tenants.db" or "postgresql+psycopg://user:password@host/database"'
_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_WAIT: Final = "jwt_middleware_busy_timeout"
_NOT_WORTH_SAYING: Final = 20
"""Milliseconds."""
_LATE: Final = frozenset(("TimedOut", "QueryCanceled", "ConnectionTimeout"))
"""What a driver raises when the time is up."""


class Opened(NamedTuple):
    """An engine, and who owns it."""

    engine: Engine
    is_own: bool
    """Made here from a URL, so that its connections are ended here."""
    opener: Opener[Any] | None = None

    def close(self) -> None:
        """End its connections, if they are our own. Whoever asks again opens others."""
        if self.is_own:
            self.engine.dispose()
        if self.opener is not None:
            self.opener.close()


def checked_url(url: str | URL) -> URL:
    """The URL, with its driver. Raises ConfigurationError; the URL is not in it, since it may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _unusable("the URL cannot be read", _FORMS) from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise _unusable(f"{parsed.drivername!r} is none that is known", _FORMS)
    if driver == "sqlite+pysqlite" and _is_in_memory(parsed):
        raise _unusable("a database in memory is another one for each connection", 'write "sqlite:///tenants.db"')
    return parsed.set(drivername=driver)


def opened(url_or_engine: str | URL | Engine, *, limit: float, connections: int) -> Opened:
    """An engine of our own for a URL, with its limits of time (seconds) and number; or the caller's, as it is.

    Raises ConfigurationError: for a URL that cannot be used, an engine of another kind, or a missing driver.
    """
    given: Any = url_or_engine
    if isinstance(given, str | URL):
        return _own(checked_url(given), limit, connections)
    if hasattr(given, "sync_engine"):
        fix = "pass the URL, or create_engine(...): under ASGI it is waited for in threads of its own"
        raise _unusable("an AsyncEngine cannot be used", fix)
    if not isinstance(given, Engine):
        raise _unusable(f"{type(given).__name__} is neither a URL nor an Engine", _FORMS)
    if given.dialect.name not in ("sqlite", "postgresql"):
        raise _unusable(f"{given.dialect.name} is none that is known", "use SQLite or PostgreSQL")
    return Opened(given, is_own=False)


def sqlite_file(url: URL) -> Path | None:
    """The file that the URL names; None where it names none, or in another form than a path."""
    database = url.database or ""
    if url.get_backend_name() != "sqlite" or database in ("", ":memory:") or database.startswith("file:"):
        return None
    return Path(database)


def check_exists(url: URL) -> None:
    """Raises ConfigurationError for a SQLite file that is not there; it would be created, empty, by being opened."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise _unusable(f"there is no file {str(file)!r}", f"create it: {COMMAND}")


def unavailable(error: SQLAlchemyError, store: str) -> TemporarilyUnavailable:
    """What the error means, by its class. Its text is not told: it may quote parameters, and a password."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if is_late(error):
        return TemporarilyUnavailable(f"{store}_timed_out")
    return TemporarilyUnavailable(f"{store}_failed_with_{type(cause or error).__name__}")


def is_late(error: Exception) -> bool:
    """Whether a time limit was over: SQLAlchemy's error, or the driver's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    is_locked = str(getattr(cause, "sqlite_errorname", "")).startswith("SQLITE_BUSY")
    return isinstance(error, PoolTimeoutError) or type(cause).__name__ in _LATE or is_locked


def _own(url: URL, limit: float, connections: int) -> Opened:
    is_sqlite = url.get_backend_name() == "sqlite"
    try:
        engine = create_engine(
            url,
            connect_args={"timeout": limit} if is_sqlite else _limits(url, limit),
            # What is looked up is one statement: a transaction would only add round trips.
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            hide_parameters=True,
            **({} if is_sqlite else {"use_native_hstore": False}),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=limit,
            pool_recycle=RENEWED_AFTER,
            pool_use_lifo=True,
        )
    except ModuleNotFoundError as missing:
        raise _unusable(f"{missing.name} is not installed", "pip install 'tenant-jwt-middleware[sql]'") from None
    if is_sqlite:
        _bound_waiting(engine, round(limit * 1000))
        return Opened(engine, is_own=True)
    from jwt_middleware.sql import postgresql

    return Opened(engine, is_own=True, opener=postgresql.bound(engine))


def _bound_waiting(engine: Engine, limit: int) -> None:
    """SQLite waits for a lock as long as its connection says: here what is left to the thread, up to the limit (ms)."""

    def wait_no_longer(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        left = seconds_left()
        wait = limit if left is None or left * 1000 > limit - _NOT_WORTH_SAYING else int(left * 1000)
        if wait != record.info.get(_WAIT, limit):
            connection.execute(f"PRAGMA busy_timeout = {wait}")
            record.info[_WAIT] = wait

    event.listen(engine, "checkout", wait_no_longer)


def _limits(url: URL, limit: float) -> dict[str, Any]:
    """What PostgreSQL itself, and libpq, shall keep to. libpq counts whole seconds, from two up."""
    given = url.query.get("options", "")
    options = given if isinstance(given, str) else " ".join(given)
    return {
        "connect_timeout": min(max(2, math.ceil(limit)), MAX_CONNECT_TIMEOUT),
        "options": f"{options} -c statement_timeout={math.ceil(limit * 1000)}".strip(),
    }


def _is_in_memory(url: URL) -> bool:
    database = url.database or ""
    return database in ("", ":memory:") or database.startswith("file::memory:") or url.query.get("mode") == "memory"


def _unusable(what: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem("database", what, fix)], "this database cannot be used")
