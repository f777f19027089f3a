"""Who changed what when: entries that are written with the change and never changed themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import select

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.sql.engines import COMMAND
from jwt_middleware.sql.writing import Desk


class AuditEntry(msgspec.Struct, frozen=True):
    """One change. No secret and no token is in it."""

    number: int
    """Counts up; gaps say nothing."""
    at: float
    """Seconds since the Unix epoch, by the clock of the store that wrote it."""
    actor: str
    action: str
    """Such as `secret.rotate`; docs/stores.md lists them."""
    tenant_id: str | None
    """None: it concerns no single tenant."""
    details: Mapping[str, Any]


def require_audit(desk: Desk) -> None:
    """Raises ConfigurationError, with the command, where the tables are older than audit and links."""
    if not desk.has_audit():
        problem = Problem("database", "its tables are of a revision without it", f"bring them to the newest: {COMMAND}")
        raise ConfigurationError([problem], "this database cannot be used for it")


def audit_entries(
    desk: Desk, tenant_id: str | None, actions: Sequence[str] | None, limit: int, before: int | None
) -> Sequence[AuditEntry]:
    """Entries about the tenant, or about all, of these kinds, or of every kind; newest first."""
    require_audit(desk)
    audit = desk.tables.audit.c
    wanted = select(desk.tables.audit).order_by(audit.number.desc()).limit(limit)
    if tenant_id is not None:
        wanted = wanted.where(audit.tenant_id == tenant_id)
    if actions is not None:
        wanted = wanted.where(audit.action.in_(actions))
    if before is not None:
        wanted = wanted.where(audit.number < before)
    return [_entry(*row) for row in desk.connection.execute(wanted)]


def _entry(number: int, at: float, actor: str, action: str, tenant_id: str | None, details: str) -> AuditEntry:
    return AuditEntry(number, at, actor, action, tenant_id, msgspec.json.decode(details))
