"""Writing tenants down, and who did it. All of it works inside a transaction that somebody else begins and commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, delete, func, insert, inspect, select, update

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.sql.reading import SOURCES, by_id, by_ids, tenants_in
from jwt_middleware.sql.sealing import Place, Sealer
from jwt_middleware.sql.tables import tables_in
from jwt_middleware.tenants.changes import fetched_from, refuse_issuers_of_others
from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.model import Tenant

CHECK_NAME: Final = "store_key_check"
"""Where the meta table holds the check value."""
_ASKED_AT_ONCE: Final = 1000
"""Names in one statement, at most: databases have a limit."""


class Desk:
    """Where tenants are written: one transaction, the tables of one schema, how keys are sealed, and who writes."""

    def __init__(self, connection: Connection, schema: str | None, sealer: Sealer, actor: str, now: float) -> None:
        self.connection = connection
        self.tables = tables_in(schema)
        self.touched: set[str] = set()
        """The issuers, before and after, of the tenants that were written."""
        self._schema = schema
        self._sealer = sealer
        self._actor = actor
        self._now = now

    def take(self, tenant_id: str) -> Tenant | None:
        """The tenant, if there is one; nobody else changes it before the transaction ends."""
        self._lock(tenant_id)
        rows = self.connection.execute(by_id(self._schema), {"tenant_id": tenant_id})
        return next((one for one in tenants_in(rows, self._sealer) if one.id == tenant_id), None)

    def put(self, tenant: Tenant, old: Tenant | None) -> None:
        """Write what is new in the tenant. Raises ConfigurationError for an issuer that is somebody else's."""
        self.touched.update(tenant.issuers, () if old is None else old.issuers)
        if old is None:
            self.connection.execute(insert(self.tables.tenants), _row(tenant))
        elif _row(tenant) != _row(old):
            mine = self.tables.tenants.c.id == tenant.id
            self.connection.execute(update(self.tables.tenants).where(mine), _row(tenant))
        if old is None or tenant.issuers != old.issuers:
            self._refuse_issuers_of_others(tenant)
            self._replace(self.tables.issuers, tenant, _issuers(tenant))
        if old is None or tenant.applications != old.applications:
            self._replace(self.tables.applications, tenant, _applications(tenant))
        if old is None or (tenant.keys, fetched_from(tenant)) != (old.keys, fetched_from(old)):
            self._seal_keys(tenant)

    def known(self, tenant_ids: Sequence[str]) -> dict[str, Tenant]:
        """The tenants among these that there are. Others may change them before the transaction ends."""
        found: dict[str, Tenant] = {}
        for some in _portions(tenant_ids):
            rows = self.connection.execute(by_ids(self._schema), {"tenant_ids": some})
            found |= {tenant.id: tenant for tenant in tenants_in(rows, self._sealer)}
        return {tenant_id: found[tenant_id] for tenant_id in tenant_ids if tenant_id in found}

    def owners(self, issuers: Sequence[str]) -> dict[str, str]:
        """Whose each of these issuers is, as far as they are somebody's."""
        columns = self.tables.issuers.c
        found: dict[str, str] = {}
        for some in _portions(issuers):
            taken = select(columns.issuer, columns.tenant_id).where(columns.issuer.in_(some))
            found |= {issuer: owner for issuer, owner in self.connection.execute(taken)}
        return found

    def count(self) -> int:
        """How many tenants there are."""
        counted = select(func.count()).select_from(self.tables.tenants)
        return self.connection.execute(counted).scalar_one()

    def put_new(self, tenants: Sequence[Tenant], action: str) -> None:
        """Write tenants of which nothing is there yet, and who did it, with one statement for each table.

        Raises IntegrityError where something of theirs is there after all.
        """
        self._require_sealer()
        self.touched.update(issuer for tenant in tenants for issuer in tenant.issuers)
        self._insert(self.tables.tenants, map(_row, tenants))
        for table, rows_of in (
            (self.tables.issuers, _issuers),
            (self.tables.applications, _applications),
            (self.tables.keys, self._keys),
        ):
            self._insert(table, (row for tenant in tenants for row in _placed(tenant, rows_of(tenant))))
        if self.has_audit():
            self._insert(self.tables.audit, (self._entry(action, tenant.id, {}) for tenant in tenants))

    def remove(self, tenant_id: str) -> bool:
        """Remove the tenant and everything that is its own, be it readable or not; whether there was one."""
        if not self._lock(tenant_id):
            return False
        tenants, issuers, *others = self.tables[:4]
        gone = select(issuers.c.issuer).where(issuers.c.tenant_id == tenant_id)
        self.touched.update(self.connection.execute(gone).scalars())
        links = [self.tables.links] if self.has_audit() else []
        for table in (issuers, *others, *links):
            self.connection.execute(delete(table).where(table.c.tenant_id == tenant_id))
        self.connection.execute(delete(tenants).where(tenants.c.id == tenant_id))
        return True

    def note(self, action: str, tenant_id: str | None, details: Mapping[str, Any]) -> None:
        """Write down who did this, in the same transaction. The revision before the newest has no place for it."""
        if self.has_audit():
            self.connection.execute(insert(self.tables.audit), self._entry(action, tenant_id, details))

    def has_audit(self) -> bool:
        """Whether the schema has the tables for audit and links."""
        return inspect(self.connection).has_table(self.tables.audit.name, self._schema)

    def reseal_after(self, tenant_id: str, limit: int) -> list[str]:
        """Write the keys of the next tenants, by id, sealed with the first of the store keys; whose these were."""
        ids = self.tables.tenants.c.id
        following = select(ids).where(ids > tenant_id).order_by(ids).limit(limit)
        found = [*self.connection.execute(following).scalars()]
        for tenant in filter(None, map(self.take, found)):
            self._seal_keys(tenant)
        return found

    def check_sealer(self) -> None:
        """Nobody reads or writes with another store key than before. Raises ConfigurationError."""
        known = self._check_value()
        problem = None if known is None else self._sealer.problem(known)
        if problem is not None:
            raise ConfigurationError([problem], "this store cannot be used")

    def renew_check_value(self) -> None:
        """Write down how keys are sealed now."""
        meta, value = self.tables.meta, self._sealer.check_value()
        if self._check_value() is None:
            self.connection.execute(insert(meta), {"name": CHECK_NAME, "value": value})
        else:
            self.connection.execute(update(meta).where(meta.c.name == CHECK_NAME), {"value": value})

    def _lock(self, tenant_id: str) -> bool:
        """Have nobody else change the tenant before the transaction ends; whether there is one of just this id."""
        ids = self.tables.tenants.c.id
        found = self.connection.execute(select(ids).where(ids == tenant_id).with_for_update())
        return tenant_id in found.scalars().all()

    def _check_value(self) -> str | None:
        meta = self.tables.meta
        return self.connection.execute(select(meta.c.value).where(meta.c.name == CHECK_NAME)).scalar()

    def _entry(self, action: str, tenant_id: str | None, details: Mapping[str, Any]) -> dict[str, Any]:
        text = msgspec.json.encode(details).decode()
        return {"at": self._now, "actor": self._actor, "action": action, "tenant_id": tenant_id, "details": text}

    def _require_sealer(self) -> None:
        """Before keys are written: that they are sealed as those before, which a new database does not know yet."""
        if self._check_value() is None:
            self.renew_check_value()
        self.check_sealer()

    def _seal_keys(self, tenant: Tenant) -> None:
        self._require_sealer()
        self._replace(self.tables.keys, tenant, self._keys(tenant))

    def _refuse_issuers_of_others(self, tenant: Tenant) -> None:
        refuse_issuers_of_others(tenant, self.owners(tenant.issuers))

    def _replace(self, table: Table, tenant: Tenant, rows: Iterable[dict[str, Any]]) -> None:
        self.connection.execute(delete(table).where(table.c.tenant_id == tenant.id))
        self._insert(table, _placed(tenant, rows))

    def _insert(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        listed = [*rows]
        if listed:
            self.connection.execute(insert(table), listed)

    def _keys(self, tenant: Tenant) -> Iterable[dict[str, Any]]:
        keys = [(key.key_id, key.algorithm, key.not_after, key.material) for key in tenant.keys]
        for key_id, algorithm, not_after, material in (*keys, *_source(tenant)):
            sealed = self._sealer.seal(Place(tenant.id, key_id, algorithm), material)
            yield {"kid": key_id, "algorithm": algorithm, "not_after": not_after, "material": sealed}


def check_storable(tenant: Tenant) -> None:
    """Raises ConfigurationError for a tenant whose keys are fetched from where no database can say."""
    for _ in _source(tenant):
        pass


def _source(tenant: Tenant) -> Iterable[tuple[None, str, None, bytes]]:
    """Where the tenant's keys are fetched from, if they are. Raises ConfigurationError for what cannot be stored."""
    source = tenant.key_source
    if source is None:
        return
    if not isinstance(source, JWKS):
        what, fix = f"{type(source).__name__} cannot be stored", "use JWKS(...), JWKS.discover(...) or a list of keys"
        raise ConfigurationError([Problem("keys", what, fix)], f"tenant {tenant.id!r} cannot be stored")
    kind = "discover" if source.is_discovered else "jwks"
    # What is stored is the address: whether it serves without further options is found out here.
    SOURCES[kind](source.url)
    yield None, kind, None, source.url.encode()


def _row(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "active": tenant.active,
        "scope_claim": tenant.scope_claim,
        "audience_claim": tenant.audience_claim,
        "max_lifetime": tenant.max_lifetime,
        "token_types": _text(tenant.token_types),
    }


def _portions(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + _ASKED_AT_ONCE] for start in range(0, len(names), _ASKED_AT_ONCE))


def _placed(tenant: Tenant, rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Rows of a table that has several for a tenant, in their order."""
    return ({"tenant_id": tenant.id, "position": position, **row} for position, row in enumerate(rows))


def _issuers(tenant: Tenant) -> Iterable[dict[str, Any]]:
    return ({"issuer": issuer} for issuer in tenant.issuers)


def _applications(tenant: Tenant) -> Iterable[dict[str, Any]]:
    for application in tenant.applications:
        yield {"id": application.id, "scopes": _text(application.scopes), "active": application.active}


def _text(names: Iterable[str] | None) -> str | None:
    return None if names is None else msgspec.json.encode(sorted(names)).decode()
