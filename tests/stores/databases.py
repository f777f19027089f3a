"""Databases of the test's own, with a way to look and write behind the store's back."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from jwt_middleware.sql.schema import upgrade

from .postgres_server import ROLE, PostgresServer

TEMPLATE: Final = "template_with_tables"


class Database(ABC):
    """A database and its URL."""

    url: str

    @abstractmethod
    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""

    def count(self, table: str) -> int:
        """How many rows the table has."""
        [[number]] = self.run(f"SELECT count(*) FROM jwt_middleware_{table}")  # noqa: S608
        return int(number)


class SqliteDatabase(Database):
    """A file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"sqlite:///{file}"

    def with_tables(self) -> SqliteDatabase:
        """The same, migrated."""
        upgrade(self.url)
        return self

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """See Database."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()


class PostgresDatabase(Database):
    """A database of the server."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server = server
        self.name = name
        self.url = server.url(name)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """See Database."""
        return self.server.run(statement, self.name)


@contextmanager
def migrated(server: PostgresServer) -> Iterator[None]:
    """While this lasts, databases with tables can be made quickly: copies of one."""
    server.run(f"CREATE DATABASE {TEMPLATE} OWNER {ROLE}")
    upgrade(server.url(TEMPLATE))
    yield
