"""The clock of a database beside the one of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from jwt_middleware.sql.engines import opened, unavailable
from jwt_middleware.sql.time_limits import TimeLimit

_NOW = text("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS double precision)")


def seconds_ahead(url: str, timeout: float, clock: Callable[[], float] = time.time) -> float | None:
    """How far the database's clock is ahead of this one (below 0: behind), give or take half the time of an answer.

    None: SQLite has none of its own. Raises ConfigurationError for a URL that cannot be used, TemporarilyUnavailable
    where there is no answer within `timeout` (seconds).
    """
    database = opened(url, limit=timeout, connections=1)
    if database.engine.dialect.name == "sqlite":
        return None
    try:
        with TimeLimit(timeout), database.engine.connect() as connection:
            connection.execute(_NOW)  # so that what a first statement takes is not counted
            before = clock()
            there: float = connection.execute(_NOW).scalar_one()
            return there - (before + clock()) / 2
    except SQLAlchemyError as error:
        raise unavailable(error, "database") from getattr(error, "orig", None)
    finally:
        database.close()
