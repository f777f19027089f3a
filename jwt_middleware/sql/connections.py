"""Connections of one store to its database: bounded in number and in time, each process with its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, Executable, Pool, Row
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.forks import renew_after_fork
from jwt_middleware.sql.engines import check_exists, is_late, opened, unavailable
from jwt_middleware.sql.prepared import Prepared
from jwt_middleware.sql.time_limits import TimeLimit, seconds_left

_log = logging.getLogger("jwt_middleware")

MAX_CONNECTIONS: Final = 10
"""Connections of one store in one process that look something up."""
MAX_WRITERS: Final = 2
"""Connections of one store in one process that change something, or look at a lot."""
WRITE_TIMEOUT: Final = 10.0
"""Seconds that a change may take, with waiting for whoever changes something at the same time."""
ADMISSION_TIMEOUT: Final = 5.0
"""Seconds for finding out, once, whether the database is the right one."""


class Connections:
    """What one store talks to its database through. A URL's connections are the store's own, and `close` ends them;
    an engine's are the caller's, with the number and the time limits that it was made with.

    Before anything else `admit` looks at the database, and raises ConfigurationError if it is not the right one. When
    the database does not answer at the start, that is done as soon as it does.
    """

    def __init__(
        self,
        url_or_engine: str | URL | Engine,
        store_timeout: float,
        admit: Callable[[Connection], None],
        store: str = "tenant_store",
    ) -> None:
        self._reading = reading = opened(url_or_engine, limit=store_timeout, connections=MAX_CONNECTIONS)
        self._writing = reading
        if reading.is_own:
            check_exists(self.url)
            self._writing = opened(self.url, limit=WRITE_TIMEOUT, connections=MAX_WRITERS)
        self._timeout = store_timeout
        self._admit = admit
        self._store = store
        self._lock = threading.Lock()
        self._admission: Future[ConfigurationError | str | None] | None = None
        self._is_admitted = self._has_complained = False
        renew_after_fork(self)

    @property
    def url(self) -> URL:
        """Where the database is. It may hold a password; `repr` of these connections does not."""
        return self._reading.engine.url

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._reading.engine.dialect.name

    def start(self) -> None:
        """Have the database admitted now, if it answers; else that is logged. Raises ConfigurationError."""
        try:
            with TimeLimit(ADMISSION_TIMEOUT):
                self._await_admission()
        except TemporarilyUnavailable as error:
            _log.warning("%r does not answer (%s): until it does, requests get 503", self, error.reason)
        except BaseException:
            self.close()
            raise

    def rows(
        self, statement: Executable, parameters: Mapping[str, Any], *, patient: bool = False
    ) -> Sequence[Row[Any]]:
        """What one statement answers within the time limit; `patient`: the one for changes.

        Raises TemporarilyUnavailable.
        """
        asked = self._writing if patient else self._reading
        try:
            with TimeLimit(WRITE_TIMEOUT if patient else self._timeout):
                if not self._is_admitted:
                    self._await_admission()
                return _rows(asked.engine, statement, parameters)
        except SQLAlchemyError as error:
            raise unavailable(error, self._store) from None

    def prepared(self, statement: Executable) -> Prepared:
        """The statement, for `look_up`."""
        return Prepared(statement, self._reading.engine)

    def look_up(self, prepared: Prepared, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The same as `rows`, for less, and with the driver's own values. Raises TemporarilyUnavailable."""
        try:
            with TimeLimit(self._timeout):
                if not self._is_admitted:
                    self._await_admission()
                try:
                    return prepared.fetch(parameters)
                except prepared.errors as error:
                    if is_late(error):
                        raise TemporarilyUnavailable(f"{self._store}_timed_out") from None
                # SQLAlchemy knows what it was, and which connections to drop.
                return _rows(self._reading.engine, prepared.statement, parameters)
        except SQLAlchemyError as error:
            raise unavailable(error, self._store) from None

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction, committed at the end. In SQLite there is one at a time, from its beginning on.

        Raises TemporarilyUnavailable, and IntegrityError for the caller to explain.
        """
        return self._patiently(transaction)

    def reading(self) -> AbstractContextManager[Connection]:
        """For several statements that change nothing: they keep nobody from writing. Raises TemporarilyUnavailable."""
        return self._patiently(nullcontext)

    @contextmanager
    def _patiently(self, scope: Callable[[Connection], AbstractContextManager[Any]]) -> Iterator[Connection]:
        try:
            with TimeLimit(WRITE_TIMEOUT):
                if not self._is_admitted:
                    self._await_admission()
                with self._writing.engine.connect() as connection, scope(connection):
                    yield connection
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise unavailable(error, self._store) from None

    def close(self) -> None:
        """End the connections that are the store's own. Whoever asks again opens others."""
        for each in (self._reading, self._writing):
            each.close()

    def after_fork(self) -> None:
        """Leave the parent's connections to the parent: in a forked process others are opened."""
        self._lock = threading.Lock()
        self._admission = None
        for each in (self._reading, self._writing):
            # Kept, for nothing of them may be closed here.
            _inherited.append(each.engine.pool)
            each.engine.dispose(close=False)
            if each.opener is not None:
                each.opener.after_fork()

    def __repr__(self) -> str:
        # Without its options, any of which may be a password.
        return self.url.set(query={}).render_as_string(hide_password=True)

    def _await_admission(self) -> None:
        """Wait for it within this thread's time. It has more, in a thread of its own: nobody asks before it is over."""
        with self._lock:
            admission = self._admission
            if admission is None or (admission.done() and not self._is_admitted):
                admission = self._admission = Future()
                arguments = (admission,)
                threading.Thread(target=self._look, args=arguments, name="jwt_middleware-sql", daemon=True).start()
        try:
            obstacle = admission.result(seconds_left())
        except TimeoutError:
            obstacle = f"{self._store}_timed_out"
        if isinstance(obstacle, ConfigurationError):
            raise obstacle
        if obstacle is not None:
            raise TemporarilyUnavailable(obstacle)

    def _look(self, admission: Future[ConfigurationError | str | None]) -> None:
        try:
            with TimeLimit(ADMISSION_TIMEOUT), self._reading.engine.connect() as connection:
                self._admit(connection)
            self._is_admitted = True
            admission.set_result(None)
        except ConfigurationError as error:
            self._complain(error)
            admission.set_result(error)
        except SQLAlchemyError as error:
            admission.set_result(unavailable(error, self._store).reason)
        except BaseException as error:
            admission.set_exception(error)

    def _complain(self, error: ConfigurationError) -> None:
        """Once: requests that fail say no more than that."""
        if not self._has_complained:
            self._has_complained = True
            _log.error("%r: %s", self, error)


def _rows(engine: Engine, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
    try:
        with engine.connect() as connection:
            return connection.execute(statement, parameters).all()
    except DBAPIError as error:
        # The server was restarted since; with this connection all others of the pool were dropped.
        if not error.connection_invalidated or is_late(error):
            raise
    with engine.connect() as connection:
        return connection.execute(statement, parameters).all()


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """From here to the end all or nothing, and nobody else's changes in between."""
    if connection.dialect.name != "sqlite":
        with connection.execution_options(isolation_level="READ COMMITTED").begin():
            yield
        return
    # Begun by hand: the driver would begin with the first change, when what was read may have changed already.
    connection = connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


_inherited: list[Pool] = []
