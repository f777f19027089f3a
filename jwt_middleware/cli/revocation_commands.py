"""`jwt-middleware revocations ...`: a Redis that lost what it held gets it back, and is said to be complete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from jwt_middleware.cli import leave_without
from jwt_middleware.cli.audited_revocations import put_back, written_down
from jwt_middleware.cli.store import (
    PATIENCE,
    REVOCATIONS,
    Store,
    environment,
    opened,
    opened_revocations,
    revocations_url,
)
from jwt_middleware.cli.terminal import Json, Yes, confirm, fail, note, print_json, reporting
from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.revocation.opening import is_redis

if TYPE_CHECKING:
    from jwt_middleware.revocation.recorded import RecordedRevocations
    from jwt_middleware.revocation.redis import RedisRevocations

Url: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="URL",
        envvar=REVOCATIONS,
        help="redis://... or rediss://..., or a database and Redis as the API has them; else what .env says.",
        show_default=False,
    ),
]

FILLED_WITHIN: Final = 120.0
"""Seconds after which somebody looks why the copy does not become complete."""
_LOOK_AGAIN: Final = 0.1


def confirm_command(url: Url = None, json: Json = False) -> None:
    """Say that a Redis without a database lacks no revocation.

    It is needed once for a new server, and again after it was flushed, restarted or replaced: put back what was
    revoked before. Until then every request is answered with 503.
    """
    with reporting():
        url = _named(url)
        if not is_redis(url):
            fail("revocations", "only Redis alone has to be confirmed", "leave it: a database is complete by itself")
        _confirm(url)
    if json:
        print_json({"confirmed": True})
    else:
        typer.echo("confirmed: what this Redis holds is complete")


def restore_command(url: Url = None, yes: Yes = False, store: Store = None, json: Json = False) -> None:
    """Give a Redis back the revocations that it lost.

    It lost them when it was flushed, restarted or replaced.
    Where a database has the record (two URLs, with a blank between), it is filled from that at once.

    Redis alone is filled from the audit table of the tenants' store, and confirmed. That table has what was revoked by
    these commands: what a program of yours revoked is not in there, and has to be revoked again before.
    """
    with reporting():
        url = _named(url)
        if is_redis(url):
            members, text = _from_audit_table(url, store, yes)
        else:
            members, text = _from_record(url)
    if json:
        print_json(members)
    else:
        typer.echo(text)


def _named(url: str | None) -> str:
    return url or environment().get(REVOCATIONS) or revocations_url(None)


def _confirm(url: str) -> None:
    store = _redis(url)
    try:
        store.confirm()
    except TemporarilyUnavailable as error:
        fail("revocations", f"Redis does not take it: {error.reason}", "check host, port, user and password in the URL")
    finally:
        store.close()


def _redis(url: str) -> RedisRevocations:
    try:
        from jwt_middleware.revocation.redis import RedisRevocations
    except ModuleNotFoundError as missing:
        leave_without(missing, "redis", ("redis",))
    return RedisRevocations(url, store_timeout=PATIENCE)


def _from_record(url: str) -> tuple[dict[str, object], str]:
    from jwt_middleware.revocation.recorded import RecordedRevocations

    with opened_revocations(url) as store:
        if not isinstance(store, RecordedRevocations):
            fail("revocations", "a database is complete by itself", "nothing has to be put back into it")
        was_complete = is_complete(store)
        _fill(store)
    text = "complete: Redis holds all that the database has"
    return {"complete": True, "was_complete": was_complete}, f"{text}, as before" if was_complete else f"{text}, again"


def _fill(store: RecordedRevocations) -> None:
    deadline = time.monotonic() + FILLED_WITHIN
    store.keeper.tend()
    while not is_complete(store):
        if time.monotonic() > deadline:
            fix = "see the log of the processes that use it; does somebody flush it again and again?"
            fail("revocations", "the copy does not become complete", fix)
        time.sleep(_LOOK_AGAIN)
        store.keeper.tend()


def is_complete(store: RecordedRevocations) -> bool:
    """Whether Redis has all that the database has. Raises what either raises."""
    generation = store.record.generation()
    return generation is not None and store.copy.entries.read().generation == generation


def _from_audit_table(url: str, store: str | None, yes: bool) -> tuple[dict[str, object], str]:
    with opened(store) as tenants:
        found, unreadable = written_down(tenants, time.time())
    note("What was revoked otherwise than by these commands is not in the audit table: revoke it again before.")
    if unreadable:
        note(f"{unreadable} entries of the audit table cannot be read, and are left out.")
    question = f"Put {len(found)} revocations into this Redis, and say that nothing is missing then?"
    redis = _redis(url)
    try:
        server = redis.entries.read().server
        confirm(question, yes)
        put_back(found, redis)
        if redis.entries.read().server != server:
            fail("revocations", "Redis was restarted or replaced meanwhile", "do it again")
        redis.confirm()
    finally:
        redis.close()
    members: dict[str, object] = {"put_back": len(found), "unreadable": unreadable, "confirmed": True}
    return members, f"{len(found)} revocations are put back, and this Redis is confirmed to be complete"
