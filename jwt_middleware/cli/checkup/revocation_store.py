"""The store of revocations: reachable, complete, and one that forgets nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from jwt_middleware.cli.checkup.findings import Finding, failure, fine, problems, unreachable, warning
from jwt_middleware.cli.checkup.tenant_store import revision
from jwt_middleware.cli.revocation_commands import is_complete
from jwt_middleware.cli.store import opened_revocations, unlogged
from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.revocation.opening import is_redis

_CHECK: Final = "revocations"
_UNCONFIRMED: Final = "revocations_not_confirmed"


def findings(url: str) -> Iterator[Finding]:
    """What is found where the setting `revocations` leads to."""
    if url.strip() == "memory:":
        what = "each process of the API has its own, which ends with it and which no command gets to"
        yield warning(_CHECK, what, "for more than one process, keep them in a database, or in a database and Redis")
        return
    try:
        if not is_redis(url):
            yield revision(_CHECK, url.split()[0])
        with unlogged(), opened_revocations(url) as store:
            yield from _of(store)
    except ConfigurationError as error:
        yield from problems(_CHECK, error)
    except TemporarilyUnavailable as error:
        yield _unconfirmed() if error.reason == _UNCONFIRMED else unreachable(_CHECK, error)
    except ModuleNotFoundError as missing:
        yield failure(_CHECK, f"{missing.name} is not installed", "pip install 'tenant-jwt-middleware[cli,sql]'")


def _of(store: Any) -> Iterator[Finding]:
    if not hasattr(store, "keeper"):
        store.check()
        yield fine(_CHECK, f"{store!r} answers")
    elif is_complete(store):
        yield fine(_CHECK, f"{store.record!r} answers, and {store.copy!r} has a complete copy")
    else:
        fix = "running processes fill it; to do it now: jwt-middleware revocations restore"
        yield warning(_CHECK, f"the copy in {store.copy!r} is not complete, so the database is asked", fix)


def _unconfirmed() -> Finding:
    fix = "jwt-middleware revocations restore; or, if nothing was revoked yet: jwt-middleware revocations confirm"
    return failure(_CHECK, "nobody has said that this Redis holds everything, so requests get 503", fix)
