"""A process that is killed between any two statements: what was done is written down, and what is not was not done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Engine, event

from jwt_middleware import Key, SQLTenants, Tenant
from jwt_middleware.tenants.refresh_links import RefreshLinks
from jwt_middleware.tenants.secret import fresh_secret

from .databases import Database

STORE_KEY = fresh_secret("HS256")
OLD = Key.secret("the secret that acme has had for a long time")
MOST_STATEMENTS = 40
Work: TypeAlias = Callable[[SQLTenants, str], object]

NEW = Tenant("globex", keys=[Key.secret("a secret that globex has of its own, and long")], applications=["shop"])

WORKS: dict[str, Work] = {
    "tenant.add": lambda tenants, _: tenants.add_tenants([NEW]),
    "tenant.suspend": lambda tenants, _: tenants.suspend("acme"),
    "tenant.remove": lambda tenants, _: tenants.remove("acme"),
    "secret.rotate": lambda tenants, _: tenants.rotate_secret("acme", grace=60),
    "link.make": lambda tenants, _: RefreshLinks(tenants).make("acme"),
    "link.refresh": lambda tenants, token: RefreshLinks(tenants).refresh(token, None),
}


def opened(database: Database) -> SQLTenants:
    return SQLTenants(database.url, store_key=STORE_KEY, store_timeout=10)


@pytest.fixture
def token(database: Database) -> Iterator[str]:
    store = opened(database)
    store.add_tenant(Tenant("acme", keys=[OLD], applications=["shop"]))
    yield RefreshLinks(store).make("acme")
    store.close()


def killed_before(statement: int, work: Callable[[], object]) -> bool:
    """Do the work in a process that is killed before this statement; whether it came so far."""
    child = os.fork()
    if child == 0:
        counted = 0

        def count(*_: Any) -> None:
            nonlocal counted
            counted += 1
            if counted == statement:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            event.listen(Engine, "before_cursor_execute", count)
            event.listen(Engine, "commit", count)
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def state(database: Database) -> tuple[list[Any], ...]:
    """All that a change may change, without what was written down about it."""
    tables = ("tenants", "issuers", "applications", "keys", "links")
    return tuple(sorted(database.run(f"SELECT * FROM jwt_middleware_{table}"), key=repr) for table in tables)  # noqa: S608


@pytest.mark.parametrize(("action", "work"), WORKS.items(), ids=WORKS)
def test_what_was_done_is_written_down_and_what_was_not_is_not(
    action: str, work: Work, token: str, database: Database
) -> None:
    is_done, statement = False, 0
    for statement in range(1, MOST_STATEMENTS):
        before, entries = state(database), database.count("audit")
        was_killed = killed_before(statement, lambda: work(opened(database), token))
        is_done = state(database) != before
        assert is_done == (database.count("audit") == entries + 1), f"killed before statement {statement}"
        if not was_killed:
            break
        assert not is_done, f"done, though killed before statement {statement}"
    assert is_done
    assert statement > 5
