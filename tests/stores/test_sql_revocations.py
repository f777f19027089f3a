"""Revocations in SQL: the suite of every store on SQLite and PostgreSQL, and what is in the table."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from jwt_middleware import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.revocation import entries
from jwt_middleware.revocation.entries import FOREVER, KEPT_LONGER, LATEST, Entry
from jwt_middleware.revocation.sql import SWEPT_EVERY, SQLRevocations
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.testing import Clock
from jwt_middleware.testing.revocations import SharedRevocationStoreSuite, in_parallel

from .databases import Database, PostgresDatabase, SqliteDatabase
from .postgres_server import ROLE
from .waiting import eventually

QUESTION = ("acme", "t-1", "user_123", 1_000.0)
PATIENT = 5.0
LATER = 20_000_000_000


@pytest.fixture
def url(revocation_database: Database) -> str:
    return revocation_database.url


class TestTheSuite(SharedRevocationStoreSuite):
    @pytest.fixture
    def store(self, url: str, clock: Clock) -> Iterator[SQLRevocations]:
        store = SQLRevocations(url, clock=clock, store_timeout=PATIENT)
        yield store
        store.close()

    @pytest.fixture
    def another(self, url: str, clock: Clock) -> Iterator[SQLRevocations]:
        another = SQLRevocations(url, clock=clock, store_timeout=PATIENT)
        yield another
        another.close()


@pytest.fixture
def store(url: str, clock: Clock) -> Iterator[SQLRevocations]:
    store = SQLRevocations(url, clock=clock, store_timeout=PATIENT)
    yield store
    store.close()


def rows(database: Database) -> set[tuple[Any, ...]]:
    """What the table holds: names, cut-offs and ends."""
    return set(database.run("SELECT name, cutoff, ends FROM jwt_middleware_revocations"))


def test_no_name_can_be_read_in_the_database(store: SQLRevocations, revocation_database: Database) -> None:
    store.revoke_token("acme", "t-1", until=LATER - 0.5)
    store.revoke_subject("acme", "user_123", cutoff=10.9, until=None)
    token, subject, _ = entries.keys("acme", "t-1", "user_123")
    assert rows(revocation_database) == {(token, LATEST, LATER), (subject, 10, FOREVER)}


def test_a_check_is_one_query(url: str) -> None:
    engine = create_engine(url)
    store = SQLRevocations(engine)
    store.is_revoked(*QUESTION)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    store.is_revoked(*QUESTION)
    assert len(statements) == 1
    store.close()
    engine.dispose()


def test_an_entry_ends(store: SQLRevocations, clock: Clock) -> None:
    store.revoke_token("acme", "t-1", until=clock.now + 10)
    clock.now += 9.9
    assert store.is_revoked(*QUESTION)
    clock.now += 0.1
    assert not store.is_revoked(*QUESTION)


def test_what_has_ended_is_removed_after_a_later_write(
    store: SQLRevocations, clock: Clock, revocation_database: Database
) -> None:
    long_ago, lately = clock.now - KEPT_LONGER - 10, clock.now - KEPT_LONGER + 300
    store.revoke_token("acme", "stays", until=None)
    store.revoke_token("acme", "has ended", until=long_ago)
    store.revoke_token("acme", "has ended lately", until=lately)
    store.revoke_token("acme", "was given more time", until=long_ago)
    store.revoke_token("acme", "was given more time", until=lately)
    clock.now += SWEPT_EVERY
    store.revoke_subject("acme", "user_123", cutoff=1_000, until=None)
    kept = {row[0] for row in rows(revocation_database)}
    assert entries.token_key("acme", "has ended") not in kept
    assert len(kept) == 4


def test_a_process_whose_clock_is_ahead_removes_nothing_that_others_need(
    store: SQLRevocations, clock: Clock, url: str
) -> None:
    now = clock.now
    other = SQLRevocations(url, store_timeout=PATIENT, clock=lambda: now)
    other.revoke_token("acme", "t-1", until=now + 1_000)
    other.revoke_subject("acme", "user_123", cutoff=now, until=now + 1_000)
    clock.now += 86_400
    store.revoke_token("acme", "another", until=None)
    assert other.is_revoked("acme", "t-1", "somebody else", now)
    assert other.is_revoked("acme", "t-2", "user_123", now)
    other.close()


def test_a_process_whose_clock_is_behind_keeps_what_it_needs_longer_itself(
    store: SQLRevocations, clock: Clock, revocation_database: Database
) -> None:
    clock.now -= 86_400
    store._next_sweep = clock.now
    store.revoke_token("acme", "t-1", until=clock.now - KEPT_LONGER + 300)
    assert len(rows(revocation_database)) == 1


def test_a_process_sweeps_seldom(store: SQLRevocations, clock: Clock, revocation_database: Database) -> None:
    left = []
    for seconds in (0, SWEPT_EVERY - 1, 1):
        clock.now += seconds
        store.revoke_token("acme", f"t-{seconds}", until=0)
        left.append(len(rows(revocation_database)))
    assert left == [0, 1, 0]


def test_a_sweep_that_fails_is_not_the_revocations_failure(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    if isinstance(database, SqliteDatabase):
        database.run("CREATE TRIGGER t BEFORE DELETE ON jwt_middleware_revocations BEGIN DELETE FROM missing; END")
    else:
        database.run("ALTER TABLE jwt_middleware_revocations OWNER TO postgres")
        database.run(f"GRANT SELECT, INSERT, UPDATE ON jwt_middleware_revocations TO {ROLE}")
    store = SQLRevocations(database.url, store_timeout=PATIENT)
    with caplog.at_level(logging.WARNING, logger="jwt_middleware"):
        store.revoke_token("acme", "t-1", until=None)
    assert "could not be removed" in caplog.text
    assert store.is_revoked(*QUESTION)
    store.close()


def test_a_database_without_tables_is_refused_with_the_command(empty_database: Database) -> None:
    empty_database.run("SELECT 1")
    with pytest.raises(ConfigurationError, match="jwt-middleware store upgrade"):
        SQLRevocations(empty_database.url)


def test_a_schema_that_there_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="schema"):
        SQLRevocations(url, schema="a b")


def test_postgresql_may_have_them_in_a_schema_of_their_own(postgres_database: PostgresDatabase) -> None:
    upgrade(postgres_database.url, schema="auth")
    store = SQLRevocations(postgres_database.url, schema="auth", store_timeout=PATIENT)
    store.revoke_token("acme", "t-1", until=None)
    assert store.is_revoked(*QUESTION)
    assert rows(postgres_database) == set()
    store.close()


def test_a_database_that_fails_is_unavailable(database: Database) -> None:
    store = SQLRevocations(database.url, store_timeout=PATIENT)
    assert not store.is_revoked(*QUESTION)
    database.run("DROP TABLE jwt_middleware_revocations")
    for call in (lambda: store.is_revoked(*QUESTION), store.check, lambda: store.revoke_tenant("a", cutoff=1, until=1)):
        with pytest.raises(TemporarilyUnavailable, match="revocation_store_failed_with_"):
            call()
    store.close()


def test_a_server_that_hangs_is_waited_for_by_one_at_a_time_within_the_limit(
    postgres_database: PostgresDatabase,
) -> None:
    store = SQLRevocations(postgres_database.url, store_timeout=0.3)
    eventually(lambda: store.is_revoked(*QUESTION) is False)
    postgres_database.server.pause()
    reasons: list[str] = []

    def ask(_: int) -> None:
        began = time.monotonic()
        with pytest.raises(TemporarilyUnavailable) as caught:
            store.is_revoked(*QUESTION)
        reasons.append(caught.value.reason)
        assert time.monotonic() - began < 0.3 + 1

    ask(0)
    in_parallel(*[ask] * 6, times=1)
    postgres_database.server.resume()
    assert reasons[0] == "revocation_store_timed_out"
    assert reasons.count("revocation_store_does_not_answer") >= 4
    eventually(lambda: store.is_revoked(*QUESTION) is False)
    store.close()


def test_a_server_that_was_restarted_is_asked_again(postgres_database: PostgresDatabase) -> None:
    store = SQLRevocations(postgres_database.url, store_timeout=PATIENT)
    store.revoke_token("acme", "t-1", until=None)
    postgres_database.server.restart()
    assert store.is_revoked(*QUESTION)
    store.close()


# What RecordedRevocations needs


def test_every_change_is_to_be_copied_until_somebody_says_it_was(store: SQLRevocations, clock: Clock) -> None:
    store.revoke_token("acme", "t-1", until=LATER)
    store.revoke_subject("acme", "user_123", cutoff=5, until=LATER)
    waiting = store.uncopied(100)
    assert {(name, entry) for _, name, entry in waiting} == {
        (entries.token_key("acme", "t-1"), Entry(LATEST, LATER)),
        (entries.subject_key("acme", "user_123"), Entry(5, LATER)),
    }
    assert len(store.uncopied(1)) == 1
    store.begin_generation(7)
    store.was_copied((each.stamp for each in waiting), 7)
    store.was_copied([], 7)
    assert store.uncopied(100) == []
    store.revoke_token("acme", "t-1", until=LATER)
    assert len(store.uncopied(100)) == 1


def test_what_changed_since_is_still_to_be_copied(store: SQLRevocations) -> None:
    store.revoke_subject("acme", "user_123", cutoff=5, until=LATER)
    store.begin_generation(7)
    waiting = store.uncopied(100)
    store.revoke_subject("acme", "user_123", cutoff=6, until=LATER)
    store.was_copied((each.stamp for each in waiting), 7)
    assert [each.entry for each in store.uncopied(100)] == [Entry(6, LATER)]


def test_what_was_copied_to_a_server_that_is_replaced_is_still_to_be_copied(store: SQLRevocations) -> None:
    """A process that is still connected to the one before may say so while another is being filled."""
    store.begin_generation(7)
    store.revoke_token("acme", "t-1", until=LATER)
    stamps = [each.stamp for each in store.uncopied(100)]
    store.begin_generation(8)
    store.was_copied(stamps, 7)
    assert [each.stamp for each in store.uncopied(100)] == stamps
    store.was_copied(stamps, 8)
    assert store.uncopied(100) == []


def test_all_entries_come_in_batches(store: SQLRevocations) -> None:
    assert list(store.batches(10)) == []
    for number in range(25):
        store.revoke_token("acme", f"t-{number}", until=None)
    batches = [*store.batches(10)]
    assert [len(batch) for batch in batches] == [10, 10, 5]
    names = [name for batch in batches for name, _ in batch]
    assert sorted({entries.token_key("acme", f"t-{number}") for number in range(25)}) == names


def test_the_generation_is_the_last_one_begun(store: SQLRevocations) -> None:
    assert store.generation() is None
    for generation in (3, 2**62 - 1):
        store.begin_generation(generation)
        assert store.generation() == generation
