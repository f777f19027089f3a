"""Looking tenants up: one statement, whose rows become tenants. What comes back is compared again, exactly."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import (
    Boolean,
    CompoundSelect,
    Double,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    literal_column,
    null,
    select,
    union_all,
)

from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.grammar import escaped
from jwt_middleware.sql.sealing import Misplaced, Place, Sealer, Unreadable
from jwt_middleware.sql.tables import NAME, tables_in
from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Application, Tenant

_log = logging.getLogger("jwt_middleware")


class Kind(IntEnum):
    """What a row tells of a tenant."""

    TENANT = 0
    ISSUER = 1
    APPLICATION = 2
    KEY = 3


class Found(NamedTuple):
    """One row. Members that its kind does not need are None."""

    kind: Kind
    tenant_id: str
    position: int | None = None
    name: str | None = None
    """An issuer, an application's id, a key's."""
    active: bool | None = None
    number: float | None = None
    """`max_lifetime`; a key's `not_after`."""
    first: str | None = None
    """`token_types`; an application's scopes; a key's algorithm."""
    second: str | None = None
    """`scope_claim`; what is stored of a key."""
    third: str | None = None
    """`audience_claim`."""


SOURCES: Final[Mapping[str, Callable[[str], JWKS]]] = {"jwks": JWKS, "discover": JWKS.discover}
"""What stands for the algorithm of a key that is no key, but says where keys are fetched from."""

_Kinds: TypeAlias = tuple[list[Found], list[Found], list[Found], list[Found]]
"""The rows of one tenant, by kind."""

_TYPES: Final[tuple[Any, ...]] = (Integer, NAME, Boolean, Double, Text, Text, Text)
"""Of the members after `tenant_id`."""


@lru_cache
def by_issuer(schema: str | None) -> CompoundSelect[Any]:
    """The tenant that has the issuer `:issuer`, or seems to, by the database's own comparison."""
    issuers = tables_in(schema).issuers
    return _everything_about(schema, select(issuers.c.tenant_id).where(issuers.c.issuer == bindparam("issuer")))


@lru_cache
def by_id(schema: str | None) -> CompoundSelect[Any]:
    """The tenant with the id `:tenant_id`."""
    tenants = tables_in(schema).tenants
    return _everything_about(schema, select(tenants.c.id).where(tenants.c.id == bindparam("tenant_id")))


@lru_cache
def by_ids(schema: str | None) -> CompoundSelect[Any]:
    """The tenants with the ids `:tenant_ids`, a list."""
    tenants = tables_in(schema).tenants
    named: Any = bindparam("tenant_ids", expanding=True)
    return _everything_about(schema, select(tenants.c.id).where(tenants.c.id.in_(named)))


@lru_cache
def page(schema: str | None) -> CompoundSelect[Any]:
    """Tenants by id: `:limit` of them after `:offset`, from `:first` on and before `:end`."""
    ids = tables_in(schema).tenants.c.id
    wanted = select(ids).where(ids >= bindparam("first"), ids < bindparam("end")).order_by(ids)
    return _everything_about(schema, wanted.limit(bindparam("limit")).offset(bindparam("offset")))


def _everything_about(schema: str | None, wanted: Select[Any]) -> CompoundSelect[Any]:
    tenants, issuers, applications, keys, *_ = tables_in(schema)
    tenant = tenants.c
    return union_all(
        _rows(
            Kind.TENANT,
            tenant.id,
            *(None, None, tenant.active, tenant.max_lifetime, tenant.token_types),
            *(tenant.scope_claim, tenant.audience_claim),
        ).where(tenant.id.in_(wanted)),
        _rows(Kind.ISSUER, issuers.c.tenant_id, issuers.c.position, issuers.c.issuer).where(
            issuers.c.tenant_id.in_(wanted)
        ),
        _rows(
            Kind.APPLICATION,
            applications.c.tenant_id,
            *(applications.c.position, applications.c.id, applications.c.active, None, applications.c.scopes),
        ).where(applications.c.tenant_id.in_(wanted)),
        _rows(
            Kind.KEY,
            keys.c.tenant_id,
            *(keys.c.position, keys.c.kid, None, keys.c.not_after, keys.c.algorithm, keys.c.material),
        ).where(keys.c.tenant_id.in_(wanted)),
    )


def _rows(kind: Kind, tenant_id: Any, *columns: Any) -> Select[Any]:
    given = [*columns, *[None] * (len(_TYPES) - len(columns))]
    typed = [cast(null(), kind) if column is None else column for column, kind in zip(given, _TYPES, strict=True)]
    named = zip([tenant_id, *typed], Found._fields[1:], strict=True)
    return select(literal_column(str(int(kind))).label("kind"), *(column.label(name) for column, name in named))


def tenants_in(rows: Iterable[Any], sealer: Sealer) -> list[Tenant]:
    """The tenants that the rows describe, by id. Rows of a tenant that is not among them are left out.

    Raises TemporarilyUnavailable where a key cannot be unsealed, or what is stored is no tenant.
    """
    by_tenant: dict[str, _Kinds] = {}
    for row in map(Found._make, rows):
        kinds = by_tenant.get(row.tenant_id)
        if kinds is None:
            kinds = by_tenant[row.tenant_id] = ([], [], [], [])
        kinds[row.kind].append(row)
    return [_tenant(kinds, sealer) for _, kinds in sorted(by_tenant.items()) if kinds[Kind.TENANT]]


def _tenant(kinds: _Kinds, sealer: Sealer) -> Tenant:
    [row], issuers, applications, keys = kinds
    try:
        names = [issuer.name or "" for issuer in _in_order(issuers)]
        return Tenant(
            row.tenant_id,
            keys=_keys(keys, sealer),
            applications=[_application(application) for application in _in_order(applications)],
            issuers=None if names == [row.tenant_id] else names,
            active=bool(row.active),
            scope_claim=row.second or "",
            audience_claim=row.third or "",
            max_lifetime=row.number,
            token_types=_names(row.first),
        )
    except (ConfigurationError, msgspec.DecodeError) as error:
        _log.error("tenant %s: what is stored cannot be used: %s", escaped(row.tenant_id), escaped(str(error), 2000))
        raise TemporarilyUnavailable("tenant_store_holds_what_cannot_be_used") from None


def _in_order(rows: list[Found]) -> list[Found]:
    return rows if len(rows) < 2 else sorted(rows, key=lambda row: row.position or 0)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else msgspec.json.decode(text, type=list[str])


def _application(row: Found) -> Application | str:
    if row.first is None and bool(row.active):
        # Many tenants have this one: their names become the same object.
        return row.name or ""
    return Application(row.name or "", scopes=_names(row.first), active=bool(row.active))


def _keys(rows: list[Found], sealer: Sealer) -> list[Key] | JWKS:
    """The keys, or where they are fetched from. Those that were sealed for another place are left out."""
    keys = []
    for row in _in_order(rows):
        material = _unsealed(row, sealer)
        source = SOURCES.get(row.first or "")
        if material is not None and source is not None:
            return source(material.decode())
        if material is not None:
            keys.append(_key(row, material))
    return keys


def _unsealed(row: Found, sealer: Sealer) -> bytes | None:
    try:
        return sealer.unseal(Place(row.tenant_id, row.name, row.first or ""), row.second or "")
    except Misplaced:
        _log.error("tenant %s: a key that belongs elsewhere was put among its keys: left out", escaped(row.tenant_id))
        return None
    except Unreadable:
        _log.error("tenant %s: a key cannot be decrypted with the store keys", escaped(row.tenant_id))
        raise TemporarilyUnavailable("tenant_store_key_cannot_be_decrypted") from None


def _key(row: Found, material: bytes) -> Key:
    """The key, checked as when it was added."""
    algorithm = row.first or ""
    if algorithm in HMAC_HASHES:
        return Key.secret(material, kid=row.name, algorithm=algorithm, not_after=row.number, allow_weak=True)
    pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(material) + b"-----END PUBLIC KEY-----\n"
    return Key.public(pem, algorithm=algorithm, kid=row.name, not_after=row.number)
