"""The store of tenants: reachable, with the newest tables, the right store key and the same time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jwt_middleware.cli.checkup.findings import Finding, State, clocks, failure, fine, problems, unreachable, warning
from jwt_middleware.cli.checkup.keys import KeyRing
from jwt_middleware.cli.progress import progress_bar
from jwt_middleware.cli.provider import tenants_of
from jwt_middleware.cli.store import PATIENCE, STORE_KEY, environment, unlogged
from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.tenants.file import FileTenants
from jwt_middleware.tenants.model import Tenant

if TYPE_CHECKING:
    from jwt_middleware.tenants.sql import SQLTenants

_CHECK: Final = "tenants"
_PAGE: Final = 1000


def findings(url: str, leeway: float, within: float) -> Iterator[Finding]:
    """A TOML file, or a database; and every tenant in it. `leeway` and `within` in seconds."""
    try:
        if "://" not in url:
            yield from _in_file(Path(url), within)
        else:
            yield from _in_database(url, leeway, within)
    except ConfigurationError as error:
        yield from problems(_CHECK, error)
    except TemporarilyUnavailable as error:
        yield unreachable(_CHECK, error)
    except ModuleNotFoundError as missing:
        yield failure(_CHECK, f"{missing.name} is not installed", "pip install 'tenant-jwt-middleware[cli,sql]'")


def revision(check: str, url: str) -> Finding:
    """Whether the tables are the newest. Raises what looking at the database raises."""
    from jwt_middleware.sql.schema import NEWEST, SUPPORTED, current
    from jwt_middleware.sql.time_limits import TimeLimit

    with TimeLimit(PATIENCE):
        found = current(url)
    fix = "jwt-middleware store upgrade, with --store and its URL"
    if found is None:
        return failure(check, "there are no tables in it", fix)
    if found == NEWEST:
        return fine(check, f"its tables have the newest revision, {found}")
    if found in SUPPORTED:
        return warning(check, f"its tables have the revision {found}; {NEWEST} is the newest", fix)
    return failure(check, f"its tables have the revision {found}, which does not go with this version", fix)


def _in_file(path: Path, within: float) -> Iterator[Finding]:
    tenants = FileTenants(path)
    yield fine(_CHECK, f"{path} can be used")
    ring = KeyRing(within)
    for tenant in tenants_of(tenants):
        ring.add(tenant)
    tenants.close()
    yield from ring.findings()


def _in_database(url: str, leeway: float, within: float) -> Iterator[Finding]:
    tables = revision(_CHECK, url)
    yield tables
    yield from _clock(url, leeway)
    if tables.state is State.FAIL:
        return
    store_key = environment().get(STORE_KEY)
    if not store_key:
        yield failure(_CHECK, f"{STORE_KEY} is not set, so no secret can be read", "set it to the key of this store")
        return
    yield from _opened(url, store_key, within)


def _clock(url: str, leeway: float) -> Iterator[Finding]:
    from jwt_middleware.sql.server_clock import seconds_ahead

    ahead = seconds_ahead(url, PATIENCE)
    if ahead is not None:
        yield clocks("clock", "the database's", ahead, leeway)


def _opened(url: str, store_key: str, within: float) -> Iterator[Finding]:
    from jwt_middleware.tenants.sql import SQLTenants

    with unlogged():
        tenants = SQLTenants(url, store_key=store_key, store_timeout=PATIENCE)
    try:
        yield fine(_CHECK, "the store key is the one that it was made with")
        ring = KeyRing(within)
        with _errors() as messages:
            obstacle = _look_through(tenants, ring)
        fix = "change it back, or remove the tenant and add it anew: jwt-middleware tenant remove"
        yield from (failure(_CHECK, message, fix) for message in dict.fromkeys(messages))
        if obstacle is not None and not messages:
            yield unreachable(_CHECK, obstacle)
        yield from ring.findings(is_whole=obstacle is None)
    finally:
        tenants.close()


def _look_through(tenants: SQLTenants, ring: KeyRing) -> TemporarilyUnavailable | None:
    """Add every tenant; what came in between."""
    try:
        with progress_bar("tenants", tenants.count()) as advance:
            for page in _pages(tenants):
                for tenant in page:
                    ring.add(tenant)
                advance(len(page))
    except TemporarilyUnavailable as error:
        return error
    return None


def _pages(tenants: SQLTenants) -> Iterator[list[Tenant]]:
    offset = 0
    while page := [*tenants.tenants(offset, _PAGE)]:
        yield page
        offset += _PAGE


@contextmanager
def _errors() -> Iterator[list[str]]:
    """What the package logs as errors meanwhile, instead of stderr."""
    messages: list[str] = []

    class _Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    log, listener = logging.getLogger("jwt_middleware"), _Listener(logging.ERROR)
    log.addHandler(listener)
    try:
        yield messages
    finally:
        log.removeHandler(listener)
