"""psycopg, so that no answer is waited for longer than a thread's time limit says, whatever the server does.

A server that is stopped keeps its connections and says nothing, and `statement_timeout` is for itself to keep.
"""

from __future__ import annotations

from collections.abc import Generator
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from jwt_middleware.sql.time_limits import Opener, seconds_left

LOOK_AGAIN: Final = 0.02
"""Seconds between two looks at the clock, while the server is waited for."""


class TimedOut(psycopg.OperationalError):
    """The server did not answer in time; the connection is closed, since the answer may still come."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up when the time limit of the thread that uses it is over."""

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
        """See psycopg. Raises TimedOut."""
        left = seconds_left()
        if left is None:
            return super().wait(gen, *args, **options)
        try:
            return super().wait(_in_time(gen), min(left, LOOK_AGAIN))
        except TimedOut:
            self.pgconn.finish()
            raise

    def __del__(self, *_: Any) -> None:
        """Without psycopg's warning: when a server was restarted, SQLAlchemy leaves a pool's connections to this."""


def bound(engine: Engine) -> Opener[BoundedConnection]:
    """Have the engine open such connections, within the time limit, too."""
    opener: Opener[BoundedConnection] = Opener(_is_alive, BoundedConnection.close)

    def connect(dialect: object, record: object, arguments: list[Any], options: dict[str, Any]) -> BoundedConnection:
        try:
            connection = opener.opened(lambda: BoundedConnection.connect(*arguments, **options))
        except TimeoutError:
            raise TimedOut("no connection in time") from None
        return connection

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "handle_error", _keep_the_others)
    return opener


def _is_alive(connection: BoundedConnection) -> bool:
    """Whether the server is silent, as it is to those who have not asked yet; its end could be read."""
    with DefaultSelector() as selector:
        selector.register(connection.fileno(), EVENT_READ)
        return not selector.select(0)


def _keep_the_others(context: ExceptionContext) -> None:
    """That one answer took too long says nothing about the other connections in the pool."""
    if isinstance(context.original_exception, TimedOut):
        context.invalidate_pool_on_disconnect = False


def _in_time(gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The same steps; but when the time is up and nothing has come, there is no other."""
    try:
        state = next(gen)
        while True:
            ready = yield state
            if not ready and seconds_left() == 0:
                raise TimedOut("no answer in time")
            state = gen.send(ready)
    except StopIteration as end:
        return end.value
