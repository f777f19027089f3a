"""Revocations in SQLite or PostgreSQL."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    Engine,
    Executable,
    and_,
    bindparam,
    case,
    cast,
    delete,
    extract,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.revocation import entries
from jwt_middleware.revocation.breaker import Breaker
from jwt_middleware.revocation.copying import Uncopied
from jwt_middleware.revocation.entries import KEPT_LONGER, Entry
from jwt_middleware.sql.connections import Connections
from jwt_middleware.sql.schema import check_revision, check_schema, revision_of
from jwt_middleware.sql.tables import tables_in

_log = logging.getLogger("jwt_middleware")

SWEPT_EVERY: Final = 60.0
"""Seconds between two sweeps of a process, by the clock of the store; a sweep follows a write."""
SWEPT_AT_ONCE: Final = 1000
_GENERATION: Final = "revocation_copy"
_STAMP_BITS: Final = 62


class SQLRevocations:
    """Revocations in a database, shared by all processes that use it. Safe to share between threads.

    One query a check; under ASGI it runs in a thread. `url_or_engine`: `sqlite:///file`, `postgresql+psycopg://...`,
    or an engine of SQLAlchemy, with the tables that `jwt-middleware store upgrade` makes. A URL's connections are the
    store's own, bounded in number, and a check ends within `store_timeout` (seconds).

    Raises ConfigurationError for a database without the tables, if it answers by now.

    What is written are hashes: the database does not tell which tokens, subjects or tenants were revoked.
    """

    def __init__(
        self,
        url_or_engine: str | URL | Engine,
        *,
        store_timeout: float = 0.25,
        schema: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        def admit(connection: Connection) -> None:
            check_revision(revision_of(connection, schema))

        self._connections = Connections(url_or_engine, store_timeout, admit, "revocation_store")
        check_schema(schema, self._connections.dialect)
        self._clock = clock
        self._breaker = Breaker("revocation_store", (TemporarilyUnavailable,))
        self._statements = _Statements(schema, self._connections.dialect)
        self._next_sweep = clock()
        self._connections.start()

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float, /) -> bool:
        """Whether the token was withdrawn. Raises TemporarilyUnavailable where the database cannot tell."""
        token, of_subject, of_tenant = entries.keys(tenant_id, token_id, subject)
        names = {"token": token, "subject": of_subject, "tenant": of_tenant}
        with self._breaker.attempt():
            rows = self._connections.rows(self._statements.look_up, names)
        return entries.is_hit([Entry(row.cutoff, row.ends) for row in rows], issued_at, self._clock())

    def revoke_token(self, tenant_id: str, token_id: str, *, until: float | None) -> None:
        """Withdraw one token."""
        self._merge(entries.token_key(tenant_id, token_id), entries.for_token(until))

    def revoke_subject(self, tenant_id: str, subject: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the subject's tokens issued up to the cut-off."""
        self._merge(entries.subject_key(tenant_id, subject), entries.for_cutoff(cutoff, until))

    def revoke_tenant(self, tenant_id: str, *, cutoff: float, until: float | None) -> None:
        """Withdraw the tenant's tokens issued up to the cut-off."""
        self._merge(entries.tenant_key(tenant_id), entries.for_cutoff(cutoff, until))

    def check(self) -> None:
        """Raise what a check of a token would: TemporarilyUnavailable."""
        self.is_revoked("", "", "", 0)

    def close(self) -> None:
        """End the connections that are the store's own. Whoever asks again opens others."""
        self._connections.close()

    def generation(self) -> int | None:
        """For RecordedRevocations: the generation of the copy that is complete; None before the first."""
        rows = self._connections.rows(self._statements.generation, {})
        return int(rows[0][0]) if rows else None

    def begin_generation(self, generation: int) -> None:
        """For RecordedRevocations: from now on, only a copy of this generation is complete."""
        self._write(self._statements.begin_generation, [{"name": _GENERATION, "value": str(generation)}])

    def batches(self, size: int) -> Iterator[Sequence[tuple[str, Entry]]]:
        """For RecordedRevocations: all entries, by name."""
        last = ""
        while rows := self._connections.rows(self._statements.batch, {"last": last, "size": size}):
            yield [(row.name, Entry(row.cutoff, row.ends)) for row in rows]
            last = rows[-1].name

    def uncopied(self, limit: int) -> Sequence[Uncopied]:
        """For RecordedRevocations: some entries that nobody has said were copied."""
        rows = self._connections.rows(self._statements.uncopied, {"size": limit})
        return [Uncopied(row.uncopied, row.name, Entry(row.cutoff, row.ends)) for row in rows]

    def was_copied(self, stamps: Iterable[int], generation: int) -> None:
        """For RecordedRevocations: say so, of those that have not changed since, while this generation counts."""
        if values := [{"stamp": stamp, "value": str(generation)} for stamp in stamps]:
            self._write(self._statements.was_copied, values)

    def __repr__(self) -> str:
        return f"SQLRevocations({self._connections!r})"

    def _merge(self, name: str, entry: Entry) -> None:
        stamp = secrets.randbits(_STAMP_BITS)
        values = {"name": name, "cutoff": entry.cutoff, "ends": entry.ends, "uncopied": stamp}
        self._write(self._statements.merge, [values])
        self._sweep()

    def _write(self, statement: Executable, values: Sequence[dict[str, Any]]) -> None:
        with self._connections.writing() as connection:
            connection.execute(statement, values)

    def _sweep(self) -> None:
        """Remove what has ended. That this fails is nobody's concern who revokes: another write will do it."""
        now = self._clock()
        if now < self._next_sweep:
            return
        self._next_sweep = now + SWEPT_EVERY
        try:
            self._write(self._statements.sweep, [{"before": int(now) - KEPT_LONGER, "size": SWEPT_AT_ONCE}])
        except TemporarilyUnavailable as error:
            _log.warning("revocations that have ended could not be removed: %s", error.reason)


class _Statements:
    """All that is said to the database, prepared once."""

    def __init__(self, schema: str | None, dialect: str) -> None:
        tables = tables_in(schema)
        table, meta = tables.revocations, tables.meta
        name, cutoff, ends, stamp = table.c.name, table.c.cutoff, table.c.ends, table.c.uncopied
        writing = postgresql.insert if dialect == "postgresql" else sqlite.insert
        names: list[Any] = [bindparam("token"), bindparam("subject"), bindparam("tenant")]
        self.look_up = select(cutoff, ends).where(name.in_(names))
        self.merge = _merging(writing(table))
        self.uncopied = (
            select(stamp, name, cutoff, ends).where(stamp.is_not(None)).order_by(stamp).limit(bindparam("size"))
        )
        counts = select(meta.c.value).where(meta.c.name == _GENERATION).scalar_subquery() == bindparam("value")
        self.was_copied = update(table).where(stamp == bindparam("stamp"), counts).values(uncopied=None)
        self.batch = select(name, cutoff, ends).where(name > bindparam("last")).order_by(name).limit(bindparam("size"))
        self.generation = select(meta.c.value).where(meta.c.name == _GENERATION)
        beginning = writing(meta)
        self.begin_generation = beginning.on_conflict_do_update(
            index_elements=["name"], set_={"value": beginning.excluded.value}
        )
        # By the clock of the database as well: that of one process may be ahead, and what it removes all others lose.
        has_ended = and_(ends < bindparam("before"), ends < _now_there(dialect) - KEPT_LONGER)
        ended = select(name).where(has_ended).limit(bindparam("size")).with_for_update(skip_locked=True)
        # Said twice, because an entry may be given a later end between being found and being removed.
        self.sweep = delete(table).where(name.in_(ended), has_ended)


def _now_there(dialect: str) -> Any:
    """Seconds since the Unix epoch. SQLite's own function for that is younger than some that are in use."""
    return extract("epoch", func.now()) if dialect == "postgresql" else cast(func.strftime("%s", "now"), BigInteger)


def _merging(inserting: Any) -> Executable:
    """Later times win, each for itself; and the entry has to be copied, again."""
    known, new = inserting.table.c, inserting.excluded
    later = {column: case((new[column] > known[column], new[column]), else_=known[column]) for column in _TIMES}
    merging: Executable = inserting.on_conflict_do_update(
        index_elements=["name"], set_={**later, "uncopied": new.uncopied}
    )
    return merging


_TIMES: Final = ("cutoff", "ends")
