"""The revocation stores that a URL names. Each is imported when it is named, since it may need an extra."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.revocation.memory import MemoryRevocations

SQL_SCHEMES: Final = frozenset(("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"))
REDIS_SCHEMES: Final = frozenset(("redis", "rediss", "unix"))

_FORMS: Final = (
    'write "memory:", "sqlite:///revocations.db", "postgresql+psycopg://...", "redis://...", or a database as the '
    'record and Redis as its fast copy with a blank between: "postgresql+psycopg://... redis://..."'
)
_EXTRAS: Final = {"sqlalchemy": "sql", "alembic": "sql", "psycopg": "sql", "cryptography": "sql", "redis": "redis"}


class _Named(NamedTuple):
    """The URLs of a setting, by what they are for."""

    memory: bool
    sql: str | None
    redis: str | None


def revocations_problem(url: str) -> Problem | None:
    """What is wrong with such a setting, without opening it. A URL may hold a password and is not told."""
    return None if _named(url) is not None else Problem("revocations", "names no kind of store", _FORMS)


def is_redis(url: str) -> bool:
    """Whether such a setting names Redis and nothing else."""
    named = _named(url)
    return named is not None and named.sql is None and named.redis is not None


def open_revocations(
    url: str, store_timeout: float = 0.25, clock: Callable[[], float] = time.time
) -> MemoryRevocations | Any:
    """The store that such a setting names; a check ends within `store_timeout` (seconds).

    Raises ConfigurationError for a setting that names none, a store that is not fit for it, or a missing extra.
    """
    named = _named(url)
    if named is None:
        raise ConfigurationError([Problem("revocations", "names no kind of store", _FORMS)])
    if named.memory:
        return MemoryRevocations(clock=clock)
    try:
        return _opened(named, store_timeout, clock)
    except ModuleNotFoundError as missing:
        extra = _EXTRAS.get(missing.name or "")
        if extra is None:
            raise
        fix = f"pip install 'tenant-jwt-middleware[{extra}]'"
        problem = Problem("revocations", f"{missing.name} is not installed", fix)
        raise ConfigurationError([problem], "this store cannot be opened") from None


def _named(url: str) -> _Named | None:
    schemes = [part.partition("://")[0] for part in url.split()]
    kinds = ["sql" if scheme in SQL_SCHEMES else "redis" if scheme in REDIS_SCHEMES else scheme for scheme in schemes]
    if kinds not in (["memory:"], ["sql"], ["redis"], ["sql", "redis"]):
        return None
    parts = dict(zip(kinds, url.split(), strict=True))
    return _Named("memory:" in parts, parts.get("sql"), parts.get("redis"))


def _opened(named: _Named, timeout: float, clock: Callable[[], float]) -> Any:
    if named.redis is None:
        return _sql(named.sql or "", timeout, clock)
    if named.sql is None:
        return _redis(named.redis, timeout, clock)
    from jwt_middleware.revocation.recorded import RecordedRevocations

    # Where the first one hangs there has to be time for the other.
    record, copy = _sql(named.sql, timeout / 2, clock), _redis(named.redis, timeout / 2, clock)
    return RecordedRevocations(record, copy, store_timeout=timeout / 2, clock=clock)


def _sql(url: str, timeout: float, clock: Callable[[], float]) -> Any:
    from jwt_middleware.revocation.sql import SQLRevocations

    return SQLRevocations(url, store_timeout=timeout, clock=clock)


def _redis(url: str, timeout: float, clock: Callable[[], float]) -> Any:
    from jwt_middleware.revocation.redis import RedisRevocations

    return RedisRevocations(url, store_timeout=timeout, clock=clock)
