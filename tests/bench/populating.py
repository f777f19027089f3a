"""A database with many tenants in it, written in bulk: what the stores would write, in the driver's fastest way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
from sqlalchemy import Table, make_url

from jwt_middleware.sql.sealing import InClear, Place
from jwt_middleware.sql.tables import tables_in
from jwt_middleware.sql.writing import CHECK_NAME

from . import tokens
from .tenants import secret, tenant_id


def populate(url: str, count: int) -> None:
    """Adds that many tenants, each with one issuer, one application and one key, to empty tables."""
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        _into_sqlite(str(place.database), count)
    else:
        _into_postgresql(place.set(drivername="postgresql").render_as_string(hide_password=False), count)


def _into_sqlite(file: str, count: int) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for table, rows in _everything(count):
            marks = ", ".join("?" * len(table.columns))
            connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 (our own names)
        connection.commit()
        connection.execute("ANALYZE")


def _into_postgresql(url: str, count: int) -> None:
    with psycopg.connect(url) as connection:
        for table, rows in _everything(count):
            with connection.cursor().copy(f"COPY {table.name} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        for table, _ in _everything(0):
            connection.execute(f"ANALYZE {table.name}")


def _everything(count: int) -> Iterator[tuple[Table, Iterator[tuple[Any, ...]]]]:
    """The rows of each table, their values in the order of its columns."""
    tables, sealer = tables_in(None), InClear()
    names = [tenant_id(number) for number in range(count)]
    yield tables.tenants, ((name, True, "scope", "aud", None, None) for name in names)
    yield tables.issuers, ((name, name, 0) for name in names)
    yield tables.applications, ((name, 0, tokens.APPLICATION, None, True) for name in names)
    places = (Place(name, None, "HS256") for name in names)
    sealed = (sealer.seal(place, secret(number).encode()) for number, place in enumerate(places))
    yield tables.keys, ((name, 0, None, "HS256", None, material) for name, material in zip(names, sealed, strict=True))
    if count:
        yield tables.meta, iter([(CHECK_NAME, sealer.check_value())])
