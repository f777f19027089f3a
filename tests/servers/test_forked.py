"""Workers that were forked after the app was loaded: each has connections of its own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from jwt_middleware import Key, Tenant
from jwt_middleware.revocation.redis import RedisRevocations
from jwt_middleware.sql.schema import upgrade
from jwt_middleware.tenants.sql import SQLTenants
from jwt_middleware.tokens import guide_claims, signed

from ..stores.redis_server import RedisServer
from .forked import CONNECTED, STORE_TIMEOUT
from .process import running
from .rows import bearer, request
from .wire import Reply, converse

COMMAND: Final = "gunicorn app:app --bind 127.0.0.1:8000 --workers 2 --preload"
PROGRAM: Final = "from tests.servers.forked import preloaded\n\napp = preloaded()\n"
NAMES: Final = ("first", *(f"tenant-{number}" for number in range(12)))
SECONDS: Final = 30
"""For what takes a moment, unless the machine is busy."""


class Forked(NamedTuple):
    """Two workers, and what they look things up in."""

    port: int
    tenants: SQLTenants
    revocations: RedisRevocations
    redis: RedisServer
    connected_before: frozenset[str]
    """Who was connected to Redis before the server was started."""


def tenant(name: str) -> Tenant:
    """A tenant with a secret of its own."""
    return Tenant(name, keys=[Key.secret(name.ljust(32, "."))], applications=["shop"])


def token(name: str, subject: str = "user_123") -> str:
    """A token of this tenant."""
    owner = tenant(name)
    return signed(guide_claims(owner, "shop", subject, now=time.time()), owner.keys[0])


@pytest.fixture
def forked(tmp_path: Path) -> Iterator[Forked]:
    """The workers, after the process that they were forked from had used both stores."""
    database = f"sqlite:///{tmp_path / 'tenants.db'}"
    upgrade(database)
    tenants = SQLTenants(database, store_in_clear=True, store_timeout=STORE_TIMEOUT)
    for name in NAMES:
        tenants.add_tenant(tenant(name))
    redis = RedisServer(tmp_path, "--maxmemory-policy", "noeviction")
    revocations = RedisRevocations(redis.url, store_timeout=STORE_TIMEOUT)
    try:
        revocations.confirm()
        before = frozenset(redis.connections())
        variables = {"SERVED_DATABASE": database, "SERVED_REDIS": redis.url, "SERVED_TOKEN": token("first")}
        with running(COMMAND, PROGRAM, tmp_path, variables) as started:
            yield Forked(started.port, tenants, revocations, redis, before)
    finally:
        revocations.close()
        tenants.close()
        redis.kill()


def ask(port: int, text: str, path: str = "/v1/things") -> Reply:
    """The answer to a request with this token."""
    [reply] = converse(port, [(request(path, bearer(text)), ["GET"])]).replies
    return reply


def seen(replies: Iterable[Reply]) -> dict[int, set[str]]:
    """What each worker answered."""
    by_worker: dict[int, set[str]] = {}
    for reply in replies:
        assert reply.handed is not None
        text = reply.body.decode() if reply.status == 200 else str(reply.status)
        by_worker.setdefault(reply.handed["process"], set()).add(text)
    return by_worker


def until_both(port: int, text: str, answer: str) -> set[int]:
    """Ask until both workers, as they answered last, answer so. Who they are."""
    deadline = time.monotonic() + SECONDS
    latest: dict[int, set[str]] = {}
    while len(latest) < 2 or any(texts != {answer} for texts in latest.values()):
        assert time.monotonic() < deadline, f"asked for {answer}, got {latest}"
        with ThreadPoolExecutor(4) as pool:
            latest |= seen(pool.map(lambda _: ask(port, text, "/slow"), range(4)))
    return {*latest}


def test_workers_forked_after_the_app_was_loaded_share_no_connection(forked: Forked, tmp_path: Path) -> None:
    names = NAMES * 10
    workers = until_both(forked.port, token("first"), "first")
    with ThreadPoolExecutor(8) as pool:
        replies = [*pool.map(lambda name: ask(forked.port, token(name)), names)]
    assert [reply.body.decode() for reply in replies] == [*names]
    assert seen(replies).keys() <= workers
    connected = {int(note.name.removeprefix(CONNECTED)) for note in tmp_path.glob(f"{CONNECTED}*")}
    assert len(connected - workers) == 1, "the parent had used the database before"
    assert connected > workers, "each worker has a connection of its own"
    assert len(forked.redis.connections() - forked.connected_before) >= 3, "one for the parent, one for each worker"


def test_both_workers_see_what_changes_after_the_fork(forked: Forked) -> None:
    port = forked.port
    late, old = token("late"), token("tenant-0", "leaver")
    until_both(port, late, "401")
    forked.tenants.add_tenant(tenant("late"))
    until_both(port, late, "late")
    forked.tenants.suspend("late")
    until_both(port, late, "401")
    until_both(port, old, "tenant-0")
    forked.revocations.revoke_subject("tenant-0", "leaver", cutoff=time.time(), until=time.time() + 3600)
    assert until_both(port, old, "401") == until_both(port, token("tenant-0"), "tenant-0")
