"""A statement that is asked often: compiled once, and handed to the driver as it is.

That halves what a look-up costs beside the database's own work. The connections are those of the engine's pool.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Engine, Executable

Arrange: TypeAlias = Callable[[Mapping[str, Any]], Any]


class Prepared:
    """One statement for one engine. Its values are those of the driver: SQLite has integers for booleans."""

    def __init__(self, statement: Executable, engine: Engine) -> None:
        self.statement = statement
        """As SQLAlchemy has it."""
        self._engine = engine
        compiled: Any = statement.compile(dialect=engine.dialect)  # type: ignore[attr-defined]
        self._text = str(compiled)
        self._arrange: Arrange = _by_position(compiled.positiontup) if compiled.positional else dict

    @property
    def errors(self) -> type[Exception]:
        """What the driver raises."""
        error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        return error

    def fetch(self, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows. Raises the driver's errors; a connection on which something failed is not used again."""
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(self._text, self._arrange(parameters))
            return cursor.fetchall()
        except BaseException:
            connection.invalidate()
            raise
        finally:
            connection.close()


def _by_position(names: Sequence[str]) -> Arrange:
    return lambda parameters: tuple([parameters[name] for name in names])
