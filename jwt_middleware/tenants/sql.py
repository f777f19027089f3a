"""Tenants in SQLite or PostgreSQL, created, changed and removed while requests run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import IntegrityError

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.grammar import MAX_NAME_LENGTH, is_name
from jwt_middleware.sql.auditing import AuditEntry, audit_entries
from jwt_middleware.sql.connections import Connections
from jwt_middleware.sql.reading import by_id, by_issuer, page, tenants_in
from jwt_middleware.sql.schema import check_revision, check_schema, revision_of
from jwt_middleware.sql.sealing import sealer_from
from jwt_middleware.sql.writing import Desk, check_storable
from jwt_middleware.tenants import changes
from jwt_middleware.tenants.changes import Added
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Application, Tenant
from jwt_middleware.tenants.public_keys import PublicKeyText
from jwt_middleware.tenants.secret import fresh_secret

MAX_PAGE: Final = 1000
"""Tenants, or entries of the audit table, that are listed at once, at most."""
PROGRAM: Final = "program"
"""Who acts where nobody says so."""
RESEALED_AT_ONCE: Final = 100
"""Tenants whose keys are encrypted anew in one transaction."""

_MAX_OFFSET: Final = 2**53
_LAST: Final = "\U0010ffff"
_FIRST_SURROGATE: Final = 0xD800
_AFTER_SURROGATES: Final = 0xE000


Change: TypeAlias = Callable[[Tenant | None], Tenant]
"""From the tenant as it is, if there is one, to the tenant as it shall be."""


class SQLTenants:
    """Tenants in a database. Look-ups are one statement; put `CachedTenants` in front of them, or pass a URL.

    `url_or_engine`: `sqlite:///file`, `postgresql+psycopg://...`, or an engine of SQLAlchemy, with the tables that
    `jwt-middleware store upgrade` makes. A URL's connections are the store's own, bounded in number, and a look-up
    ends within `store_timeout` (seconds); an engine brings its own limits along. `schema` is PostgreSQL's.

    Keys are encrypted with `store_key`, or else the variable JWT_MIDDLEWARE_STORE_KEY: 32 bytes in base64url, or
    several such keys, of which the first encrypts and all decrypt. `store_in_clear` is the only way to do without.

    Every change is one transaction, and doing it twice is doing it once. It raises ConfigurationError for what cannot
    be, and TemporarilyUnavailable when the database does not answer in time. Who changed what when is written down with
    it, for `audit` to read; `acting_as` says who.

    Raises ConfigurationError for a database without the tables, of another revision or with another store key.
    """

    def __init__(
        self,
        url_or_engine: str | URL | Engine,
        *,
        store_key: str | Iterable[str] | None = None,
        store_in_clear: bool = False,
        schema: str | None = None,
        store_timeout: float = 0.25,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sealer = sealer_from(store_key, store_in_clear)
        self._schema = schema
        self._clock = clock
        self._actor = PROGRAM
        self._subscribers: list[Callable[[Iterable[str]], object]] = []
        self._connections = Connections(url_or_engine, store_timeout, self._admit)
        check_schema(schema, self._connections.dialect)
        self._by_issuer = self._connections.prepared(by_issuer(schema))
        self._connections.start()

    def resolve(self, issuer: str) -> Tenant | None:
        """The tenant that has exactly this issuer, or None. Raises TemporarilyUnavailable."""
        if not is_name(issuer):
            return None
        rows = self._connections.look_up(self._by_issuer, {"issuer": issuer})
        return next((tenant for tenant in tenants_in(rows, self._sealer) if tenant.has_issuer(issuer)), None)

    def tenant(self, tenant_id: str) -> Tenant | None:
        """The tenant with this id, active or not; None: there is none."""
        named = {"tenant_id": _checked("tenant", tenant_id)}
        rows = self._connections.rows(by_id(self._schema), named, patient=True)
        return next((tenant for tenant in tenants_in(rows, self._sealer) if tenant.id == tenant_id), None)

    def tenants(self, offset: int = 0, limit: int = 100, prefix: str = "") -> Sequence[Tenant]:
        """Tenants whose id begins with `prefix`, by id: `limit` of them (up to 1000), after `offset` others."""
        first = _checked("prefix", prefix) if prefix else ""
        places = {"limit": min(max(limit, 0), MAX_PAGE), "offset": min(max(offset, 0), _MAX_OFFSET)}
        bounds = {"first": first, "end": _end_of_prefix(first)}
        rows = self._connections.rows(page(self._schema), bounds | places, patient=True)
        return tenants_in(rows, self._sealer)

    def count(self) -> int:
        """How many tenants there are, active or not."""
        with self._connections.reading() as connection:
            return self._desk(connection).count()

    def acting_as(self, actor: str) -> SQLTenants:
        """The same store, whose changes are written down as this one's: a person, a command, a page."""
        other = copy(self)
        other._actor = actor
        return other

    def audit(
        self,
        tenant_id: str | None = None,
        *,
        actions: Iterable[str] | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> Sequence[AuditEntry]:
        """What was changed, newest first: everything, or what concerns one tenant. Nobody can change an entry.

        `actions`: only these; `limit` entries at most (up to 1000), with numbers below `before`. Raises
        ConfigurationError where the tables are older than that.
        """
        limit = min(max(limit, 0), MAX_PAGE)
        wanted = None if actions is None else tuple(actions)
        with self._connections.reading() as connection:
            return audit_entries(self._desk(connection), tenant_id, wanted, limit, before)

    def note(self, action: str, tenant_id: str | None = None, **details: Any) -> None:
        """Write something down that is no change of a tenant. No secret may be in the details."""
        with self.transaction() as desk:
            desk.note(action, tenant_id, details)

    @contextmanager
    def transaction(self) -> Iterator[Desk]:
        """All or nothing of what is written at the desk; the issuers touched are told to subscribers afterwards."""
        touched: set[str] = set()
        try:
            with self._connections.writing() as connection:
                desk = self._desk(connection)
                touched = desk.touched
                yield desk
        finally:
            # Also when it failed: a commit may have come through though its answer did not.
            self._tell(touched)

    def subscribe(self, callback: Callable[[Iterable[str]], object]) -> None:
        """Call this after each change in this process, with the issuers of the tenant before and after it."""
        self._subscribers.append(callback)

    def add_tenant(self, tenant: Tenant) -> None:
        """Add the tenant. Raises ConfigurationError where another one has its id or an issuer of it."""

        self._write(tenant.id, partial(changes.added, tenant=tenant), "tenant.add", {})

    def add_tenants(self, tenants: Iterable[Tenant]) -> list[Added]:
        """Add many in one transaction, and say what became of each, in their order. Whom `add_tenant` would refuse is
        refused alone, the others are added. A thousand at a time is quick; all of them have ten seconds.
        """
        wanted = [*tenants]
        try:
            return self._add_together(wanted)
        except IntegrityError:
            # Somebody else was quicker with one of them, or the database takes one name for another.
            return [*map(self._added_alone, wanted)]

    def replace_tenant(self, tenant: Tenant) -> None:
        """Add the tenant, or make everything about the one with this id as it is here."""
        self._write(tenant.id, lambda old: tenant, "tenant.replace", {})

    def remove(self, tenant_id: str) -> None:
        """Remove the tenant, if it is there, with its applications and keys. There is no way back; see `suspend`."""
        with self.transaction() as desk:
            if desk.remove(_checked("tenant", tenant_id)):
                desk.note("tenant.remove", tenant_id, {})

    def suspend(self, tenant_id: str) -> None:
        """Refuse the tenant's tokens from now on."""
        self._change(tenant_id, lambda tenant: changes.changed(tenant, active=False), "tenant.suspend")

    def resume(self, tenant_id: str) -> None:
        """Accept the tenant's tokens again."""
        self._change(tenant_id, lambda tenant: changes.changed(tenant, active=True), "tenant.resume")

    def add_application(self, tenant_id: str, application: Application | str) -> None:
        """Add an application. Raises ConfigurationError where there is another one with this id."""
        added = application if isinstance(application, Application) else Application(application)
        details = {"application": added.id, "scopes": _listed(added.scopes)}
        self._change(tenant_id, lambda tenant: changes.with_application(tenant, added), "application.add", **details)

    def limit_application(self, tenant_id: str, application_id: str, scopes: Iterable[str] | None) -> None:
        """Grant the application these scopes at most; None: whatever the token asks for."""
        ceiling = scopes if scopes is None or isinstance(scopes, str) else tuple(scopes)
        details = {"application": application_id, "scopes": _listed(ceiling)}
        limited = partial(changes.with_scopes, application_id=application_id, scopes=ceiling)
        self._change(tenant_id, limited, "application.limit", **details)

    def suspend_application(self, tenant_id: str, application_id: str) -> None:
        """Refuse the application's tokens from now on."""
        suspended = partial(changes.with_application_active, application_id=application_id, active=False)
        self._change(tenant_id, suspended, "application.suspend", application=application_id)

    def resume_application(self, tenant_id: str, application_id: str) -> None:
        """Accept the application's tokens again."""
        resumed = partial(changes.with_application_active, application_id=application_id, active=True)
        self._change(tenant_id, resumed, "application.resume", application=application_id)

    def remove_application(self, tenant_id: str, application_id: str) -> None:
        """Remove the application, if it is there. There is no way back to its ceiling; see `suspend_application`."""
        removed = partial(changes.without_application, application_id=application_id)
        self._change(tenant_id, removed, "application.remove", application=application_id)

    def rotate_secret(
        self,
        tenant_id: str,
        *,
        kid: str | None = None,
        algorithm: str = "HS256",
        secret: str | None = None,
        grace: float | None = None,
        now: float | None = None,
    ) -> str:
        """Give the tenant a new secret, or this one, and return it: the tenant has to be told.

        Its other secrets end `grace` seconds from now, or as they do already if that is earlier; 0: at once; None:
        they go on as they are. Secrets that have ended before are forgotten.
        """
        new = fresh_secret(algorithm if algorithm in HMAC_HASHES else "HS256") if secret is None else secret
        key = Key.secret(new, kid=kid, algorithm=algorithm)
        moment = self._clock() if now is None else now
        rotated = partial(changes.rotated, key=key, grace=grace, now=moment)
        self._change(tenant_id, rotated, "secret.rotate", kid=kid, algorithm=algorithm, grace=grace)
        return new

    def add_public_key(
        self,
        tenant_id: str,
        pem_or_jwk: PublicKeyText,
        *,
        algorithm: str,
        kid: str | None = None,
        not_after: float | None = None,
    ) -> None:
        """Add a public key; see `Key.public`."""
        key = Key.public(pem_or_jwk, algorithm=algorithm, kid=kid, not_after=not_after)
        details = {"kid": kid, "algorithm": algorithm, "not_after": key.not_after}
        self._change(tenant_id, lambda tenant: changes.with_key(tenant, key), "key.add", **details)

    def retire_key(
        self, tenant_id: str, kid: str | None, *, algorithm: str | None = None, at: float | None = None
    ) -> None:
        """End the key with this id (None: those without one) now, or at another time, unless it ends earlier."""
        moment = self._clock() if at is None else at
        retired = partial(changes.without_key, key_id=kid, algorithm=algorithm, at=moment)
        self._change(tenant_id, retired, "key.retire", kid=kid, algorithm=algorithm, at=moment)

    def reencrypt(self, progress: Callable[[int], object] | None = None) -> int:
        """Encrypt every key anew with the first of the store keys; how many tenants that were is returned.

        To change the store key: start every process with `old,new`, then with `new,old`; call this; then drop `old`.
        `progress` is called with the number of tenants so far; what is done stays done if it is ended in between.
        """
        count, last = 0, ""
        while True:
            with self.transaction() as desk:
                done = desk.reseal_after(last, RESEALED_AT_ONCE)
                if not done:
                    desk.renew_check_value()
                    desk.note("store.reencrypt", None, {"tenants": count})
                    return count
            count, last = count + len(done), done[-1]
            if progress is not None:
                progress(count)

    def check(self) -> None:
        """Raise TemporarilyUnavailable or ConfigurationError where the database cannot be used at the moment."""
        self._connections.look_up(self._by_issuer, {"issuer": ""})

    def close(self) -> None:
        """End the connections that are the store's own. Whoever asks again opens others."""
        self._connections.close()

    def __repr__(self) -> str:
        return f"SQLTenants({self._connections!r})"

    def _admit(self, connection: Connection) -> None:
        check_revision(revision_of(connection, self._schema))
        self._desk(connection).check_sealer()

    def _desk(self, connection: Connection) -> Desk:
        return Desk(connection, self._schema, self._sealer, self._actor, self._clock())

    def _change(self, tenant_id: str, change: Callable[[Tenant], Tenant], action: str, **details: Any) -> None:
        def existing(old: Tenant | None) -> Tenant:
            if old is None:
                raise _impossible(tenant_id, Problem("tenant", "there is none with this id", "add_tenant adds one"))
            return change(old)

        self._write(_checked("tenant", tenant_id), existing, action, details)

    def _add_together(self, tenants: Sequence[Tenant]) -> list[Added]:
        issuers = [issuer for tenant in tenants for issuer in tenant.issuers]
        with self.transaction() as desk:
            known = desk.known([tenant.id for tenant in tenants])
            outcomes = [*changes.added_together(tenants, known, desk.owners(issuers), check_storable)]
            new = [outcome.tenant for outcome in outcomes if outcome.is_new]
            if new:
                desk.put_new(new, "tenant.add")
        return outcomes

    def _added_alone(self, tenant: Tenant) -> Added:
        try:
            is_new = self._write(tenant.id, partial(changes.added, tenant=tenant), "tenant.add", {})
        except ConfigurationError as error:
            return Added(tenant, is_new=False, problem=error)
        return Added(tenant, is_new)

    def _write(self, tenant_id: str, change: Change, action: str, details: Mapping[str, Any]) -> bool:
        """One transaction; whether it changed anything. When somebody else was quicker, a second one sees what came
        of it.
        """
        try:
            return self._write_once(tenant_id, change, action, details)
        except IntegrityError:
            try:
                return self._write_once(tenant_id, change, action, details)
            except IntegrityError:
                what = "the database takes a name in it for another one that is there already"
                fix = "use names that differ in more than case or blanks"
                raise _impossible(tenant_id, Problem("id, issuers, kid", what, fix)) from None

    def _write_once(self, tenant_id: str, change: Change, action: str, details: Mapping[str, Any]) -> bool:
        with self.transaction() as desk:
            old = desk.take(tenant_id)
            new = change(old)
            desk.put(new, old)
            is_change = old is None or not changes.are_alike(old, new)
            if is_change:
                desk.note(action, tenant_id, details)
            return is_change

    def _tell(self, issuers: Iterable[str]) -> None:
        changed = frozenset(issuers)
        if changed:
            for callback in self._subscribers:
                callback(changed)


def _listed(scopes: Iterable[str] | None) -> list[str] | None:
    return None if scopes is None else sorted(scopes)


def _checked(where: str, name: object) -> str:
    if is_name(name):
        return name
    problem = Problem(where, "not text of 1 to 256 plain characters", "use the id that it was added with")
    raise ConfigurationError([problem], "this cannot be done")


def _impossible(tenant_id: str, problem: Problem) -> ConfigurationError:
    return ConfigurationError([problem], f"tenant {tenant_id!r} cannot be stored so")


def _end_of_prefix(prefix: str) -> str:
    """Text that comes after all that begins with the prefix, and before whatever else comes after that."""
    counted = prefix.rstrip(_LAST)
    if not counted:
        return _LAST * MAX_NAME_LENGTH
    following = ord(counted[-1]) + 1
    return counted[:-1] + chr(_AFTER_SURROGATES if following == _FIRST_SURROGATE else following)
