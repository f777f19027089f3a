"""Links by which a tenant gets a new secret for itself, once."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import delete, insert, select, update

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.sql.auditing import require_audit
from jwt_middleware.sql.writing import Desk
from jwt_middleware.tenants import changes
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Tenant
from jwt_middleware.tenants.secret import fresh_secret
from jwt_middleware.tenants.sql import SQLTenants

VALID_FOR: Final = 1800.0
"""Seconds for which a link can be used, where nobody says otherwise."""
CONFIRMED_WITHIN: Final = 86_400.0
"""Seconds for which a tenant whose secret leaked can say that it has saved the new one."""
_TOKEN_BYTES: Final = 32
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

State: TypeAlias = Literal["open", "unconfirmed", "used"]
Reason: TypeAlias = Literal["unknown", "expired", "used"]


class LinkUnusable(Exception):
    """The link cannot be used. `reason`: `unknown` (mistyped, or ended by a later one), `expired` or `used`.

    A link whose tenant has other keys than secrets since is `unknown`, too.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class RefreshLink(NamedTuple):
    """A link that can be used."""

    tenant: Tenant
    expires_at: float
    """Seconds since the Unix epoch."""
    awaits_confirmation: bool
    """The new secret was made and shown; the old ones go on until the tenant says that it has saved it."""


class Refreshed(NamedTuple):
    """What the tenant has to be shown, once."""

    tenant: Tenant
    """As it is now."""
    secret: str
    key: Key


class RefreshLinks:
    """Makes links and honours them. A link is a random token of 256 bit, of which only a hash is stored.

    It serves one refresh, for a while; a later link ends an earlier one. Each step is one transaction, written down in
    the audit table. Raises ConfigurationError where the tables are older than links, and what SQLTenants raises.
    """

    def __init__(self, tenants: SQLTenants, *, clock: Callable[[], float] = time.time) -> None:
        self._tenants = tenants
        self._clock = clock

    def make(self, tenant_id: str, expires_in: float = VALID_FOR) -> str:
        """The token of a new link, which can be used for so many seconds. Earlier links of the tenant end."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._tenants.transaction() as desk:
            require_audit(desk)
            _require_refreshable(_taken(desk, tenant_id))
            links, ends = desk.tables.links, self._clock() + expires_in
            desk.connection.execute(delete(links).where(links.c.tenant_id == tenant_id))
            row = {"tenant_id": tenant_id, "token_hash": _hash(token), "expires_at": ends, "state": "open"}
            desk.connection.execute(insert(links), row)
            desk.note("link.make", tenant_id, {"expires_at": ends})
        return token

    def find(self, token: str) -> RefreshLink:
        """The link with this token, which stays as it is. Raises LinkUnusable."""
        with self._tenants.transaction() as desk:
            return self._usable(desk, token)

    def refresh(self, token: str, grace: float | None) -> Refreshed:
        """Make the new secret, and use the link up. Raises LinkUnusable.

        The old secrets end `grace` seconds from now. None: they leaked and shall end at once, but not before `confirm`
        says that the new one has arrived, so that a lost answer locks nobody out.
        """
        with self._tenants.transaction() as desk:
            link = self._usable(desk, token)
            if link.awaits_confirmation:
                raise LinkUnusable("used")
            algorithm, now = changes.algorithm_of_secrets(link.tenant), self._clock()
            secret = fresh_secret(algorithm)
            key = Key.secret(secret, kid=changes.next_key_id(link.tenant, now), algorithm=algorithm)
            tenant = changes.rotated(link.tenant, key, grace, now)
            desk.put(tenant, link.tenant)
            if grace is None:
                _turn(desk, token, "unconfirmed", now + CONFIRMED_WITHIN, hashlib.sha256(key.material).hexdigest())
            else:
                _turn(desk, token, "used", now)
            desk.note("link.refresh", tenant.id, {"kid": key.key_id, "grace": grace, "leaked": grace is None})
        return Refreshed(tenant, secret, key)

    def confirm(self, token: str) -> Tenant:
        """The new secret has been saved: the tenant's other ones end now. Raises LinkUnusable."""
        with self._tenants.transaction() as desk:
            link = self._usable(desk, token)
            if not link.awaits_confirmation:
                raise LinkUnusable("unknown")
            new = _key_of(link.tenant, _row_of(desk, token).key_hash)
            tenant = changes.rotated(link.tenant, new, 0, now := self._clock())
            desk.put(tenant, link.tenant)
            _turn(desk, token, "used", now)
            desk.note("link.confirm", tenant.id, {"kid": new.key_id})
        return tenant

    def _usable(self, desk: Desk, token: str) -> RefreshLink:
        require_audit(desk)
        tenant_id = _row_of(desk, token).tenant_id
        # Whoever came first has it to himself until the transaction ends; what he did is seen then.
        tenant = _taken(desk, tenant_id)
        row = _row_of(desk, token)
        if row.state == "used":
            raise LinkUnusable("used")
        if _why_not_refreshable(tenant) is not None:
            raise LinkUnusable("unknown")
        if row.expires_at <= self._clock():
            raise LinkUnusable("expired")
        return RefreshLink(tenant, row.expires_at, row.state == "unconfirmed")


def refresh_url(console_url: str, token: str) -> str:
    """The address at which a tenant uses the link with this token: `console_url`, `/refresh/` and the token.

    Raises ConfigurationError for what `checked_console_url` refuses.
    """
    return f"{checked_console_url(console_url)}/refresh/{token}"


def checked_console_url(console_url: str) -> str:
    """The address of the console, without a slash at its end.

    Raises ConfigurationError for what is no address of a page, and for plain http to another machine: whoever listens
    on the way would read the secret.
    """
    what = _what_is_wrong_with(console_url)
    if what is not None:
        fix = "write the https address at which tenants reach it: https://api.example.com/console"
        raise ConfigurationError([Problem("console URL", what, fix)], "this address cannot be used")
    return console_url.rstrip("/")


def _what_is_wrong_with(console_url: str) -> str | None:
    address = _split(console_url)
    if address is None or address.scheme not in ("https", "http") or not address.hostname:
        return "it is no web address"
    if address.query or address.fragment or "@" in address.netloc or "\\" in console_url:
        return "there is more in it than host, port and path"
    if address.scheme == "http" and address.hostname not in _LOOPBACK:
        return "plain http is for this machine only"
    return None


def _split(url: str) -> SplitResult | None:
    """None for what cannot be split, or has characters in it that no address has."""
    try:
        address = urlsplit(url)
        return address if url.isascii() and url.isprintable() and " " not in url and address.port != 0 else None
    except ValueError:
        return None


def _row_of(desk: Desk, token: str) -> Any:
    links = desk.tables.links
    row = desk.connection.execute(select(links).where(links.c.token_hash == _hash(token))).first()
    if row is None:
        raise LinkUnusable("unknown")
    return row


def _turn(desk: Desk, token: str, state: State, expires_at: float, key_hash: str | None = None) -> None:
    links = desk.tables.links
    mine = update(links).where(links.c.token_hash == _hash(token))
    desk.connection.execute(mine, {"state": state, "expires_at": expires_at, "key_hash": key_hash})


def _taken(desk: Desk, tenant_id: str) -> Tenant:
    tenant = desk.take(tenant_id)
    if tenant is None:
        problem = Problem("tenant", "there is none with this id", "jwt-middleware tenant list")
        raise ConfigurationError([problem], f"tenant {tenant_id!r} gets no link")
    return tenant


def _require_refreshable(tenant: Tenant) -> None:
    problem = _why_not_refreshable(tenant)
    if problem is not None:
        raise ConfigurationError([problem], f"tenant {tenant.id!r} gets no link")


def _why_not_refreshable(tenant: Tenant) -> Problem | None:
    if tenant.key_source is not None:
        return Problem("keys", "they are fetched by URL", "this tenant changes its keys where they are published")
    if any(key.algorithm not in HMAC_HASHES for key in tenant.keys):
        return Problem("keys", "they are public keys", "this tenant makes its keys itself: add_public_key, retire_key")
    return None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _key_of(tenant: Tenant, key_hash: str | None) -> Key:
    found = [key for key in tenant.keys if hashlib.sha256(key.material).hexdigest() == key_hash]
    if not found:
        # Somebody has retired the new secret since.
        raise LinkUnusable("used")
    return found[0]
