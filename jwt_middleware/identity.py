"""Whom a valid token authenticates."""

from __future__ import annotations

import base64
import re
from contextvars import ContextVar
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec.structs import force_setattr

_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]+").fullmatch
_decode_claims = msgspec.json.Decoder(dict[str, Any]).decode


class Identity(msgspec.Struct, frozen=True, eq=False):
    """The verified caller: an immutable value, made by the checks only.

    Equal and hashed by tenant, application, subject and token id. Neither `repr` nor a pickle holds the token.
    """

    subject: str
    """The tenant's user, `sub`. Unique within a tenant only: use `principal` as a key across tenants."""
    tenant_id: str
    application_id: str
    scopes: frozenset[str]
    """The granted scopes: the token's, limited to the application's ceiling."""
    issued_at: float
    """`iat`, seconds since the Unix epoch."""
    expires_at: float
    """`exp`, seconds since the Unix epoch."""
    issuer: str
    """The `iss` that the token carries: one of the tenant's issuers."""
    key_expires_at: float | None = None
    """When the key that signed stops being accepted (seconds since the Unix epoch); None: no end is set."""
    _withheld: frozenset[str] = frozenset()
    _signing_input: bytes = b""
    jwt_id: str | None = None
    """`jti`, where the token has one."""
    _fingerprint: str | None = None
    _claims: dict[str, Any] | None = None

    @property
    def token_id(self) -> str:
        """`jti`, or else the SHA-256 fingerprint of header.payload, as in the log (64 hexadecimal digits)."""
        if self.jwt_id is not None:
            return self.jwt_id
        if self._fingerprint is None:
            force_setattr(self, "_fingerprint", fingerprint(self._signing_input))
        return self._fingerprint or ""

    @property
    def claims(self) -> dict[str, Any]:
        """All claims, decoded on first use from the verified bytes. A copy of this identity's own."""
        if self._claims is None:
            force_setattr(self, "_claims", _claims_of(self._signing_input))
        return self._claims or {}

    @property
    def principal(self) -> str:
        """Tenant and subject as one ASCII text, different for every pair: `quote(tenant)/quote(subject)`."""
        tenant_id, subject = self.tenant_id, self.subject
        if _UNRESERVED(tenant_id + subject):
            return f"{tenant_id}/{subject}"
        return f"{quote(tenant_id, safe='')}/{quote(subject, safe='')}"

    @property
    def withheld_scopes(self) -> frozenset[str]:
        """Scopes that the token asks for and the application is not granted."""
        return self._withheld

    def has_scopes(self, *names: str) -> bool:
        """Whether every one of these scopes is granted."""
        return self.scopes.issuperset(names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Identity):
            return NotImplemented
        return self._identifying() == other._identifying()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._identifying())

    def _identifying(self) -> tuple[str, str, str, str]:
        return self.tenant_id, self.application_id, self.subject, self.token_id

    def __repr__(self) -> str:
        return (
            f"Identity(subject={self.subject!r}, tenant_id={self.tenant_id!r}, "
            f"application_id={self.application_id!r}, scopes={sorted(self.scopes)!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        verified = (
            self.subject,
            self.tenant_id,
            self.application_id,
            self.scopes,
            self.issued_at,
            self.expires_at,
        )
        token_id = self.token_id
        rest = (self.issuer, self.key_expires_at, self._withheld, b"", self.jwt_id, token_id, self.claims)
        return Identity, verified + rest


current_identity: ContextVar[Identity | None] = ContextVar("jwt_middleware.identity", default=None)
"""Identity of the request being served in this context, None for anonymous ones: for log filters and the like."""


def fingerprint(signing_input: bytes) -> str:
    """SHA-256 of header.payload in hexadecimal: names a token in logs without giving it away."""
    return sha256(signing_input).hexdigest()


def _claims_of(signing_input: bytes) -> dict[str, Any]:
    payload = signing_input.partition(b".")[2]
    return _decode_claims(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
