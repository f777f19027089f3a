"""The operator's log: logger `jwt_middleware`, nothing of which ever reaches a client.

One WARNING for each refusal, with the precise reason, in the message and as fields of the record: `reason`,
`method`, `path`, `tenant`, `application`, `kid`, `fingerprint`. Text from outside is escaped and cut. No token, no
signature, no secret and no claim but the issuer's tenant stands in it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from jwt_middleware.errors import AuthenticationError, NoCredentials
from jwt_middleware.grammar import escaped
from jwt_middleware.identity import fingerprint
from jwt_middleware.loading import shown
from jwt_middleware.paths import can_be_opened
from jwt_middleware.settings import JWTSettings

logger: Final = logging.getLogger("jwt_middleware")

MAX_HINTED_PATHS: Final = 100
"""Paths that are remembered so that the hint how to open one is given once."""


class RefusalLog:
    """Writes refusals, at most `limit` a second; the next line that is written says how many were left out."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic, never_open: Iterable[str] = ()) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._second = 0
        self._written = 0
        self._left_out = 0
        # What no setting can open is as good as said.
        self._hinted: set[str] = {*never_open}

    def write(self, refusal: AuthenticationError, method: str, path: str, token: str | None) -> None:
        """One WARNING about a refused request. `token` is named by its fingerprint."""
        left_out = self._place()
        if left_out is None:
            return
        fields = {
            "reason": refusal.reason,
            "method": escaped(method, 20),
            "path": escaped(path),
            "tenant": _known(refusal.tenant_id),
            "application": _known(refusal.application_id),
            "kid": _known(refusal.key_id),
            "fingerprint": token_fingerprint(token),
        }
        message = _message(refusal, fields) + self._hint(refusal, path) + _omission(left_out)
        logger.warning("%s", message, extra=fields)

    def _place(self) -> int | None:
        """How many refusals were left out before this one, or None when this one is left out too."""
        with self._lock:
            second = int(self._clock())
            if second != self._second:
                self._second, self._written = second, 0
            if self._written >= self._limit:
                self._left_out += 1
                return None
            self._written += 1
            left_out, self._left_out = self._left_out, 0
            return left_out

    def _hint(self, refusal: AuthenticationError, path: str) -> str:
        if not isinstance(refusal, NoCredentials) or not can_be_opened(path) or path in self._hinted:
            return ""
        if len(self._hinted) >= MAX_HINTED_PATHS:
            return ""
        self._hinted.add(path)
        return f'; if this path needs no token: JWTSettings(public=["{escaped(path)}"])'


def token_fingerprint(token: str | None) -> str | None:
    """The name of a token in the log: SHA-256 of header.payload, or of whatever stands before the last dot."""
    if token is None:
        return None
    return fingerprint(token.rpartition(".")[0].encode("utf-8", "surrogatepass"))


def report_policy(settings: JWTSettings, layer: str) -> None:
    """The one INFO line at start-up."""
    logger.info(
        "%s: credentials needed everywhere but public %s and optional %s; %d further rules; algorithms %s; "
        "lifetime up to %s s; verify endpoint %s; tenants from %r; revocations from %r",
        layer,
        list(settings.public),
        list(settings.optional),
        len(settings.rules),
        ",".join(settings.algorithms),
        settings.max_lifetime,
        settings.verify_path,
        shown(settings.tenants),
        shown(settings.revocations),
    )


def report_uncached(tenants: object) -> None:
    """The resolver is asked for each request, and nobody remembers what it said."""
    logger.info(
        "%s is asked for the tenant of each request: put CachedTenants(...) in front of it; if it answers from memory, "
        "say so with in_memory = True",
        escaped(getattr(tenants, "__qualname__", type(tenants).__qualname__)),
    )


def report_retiring_key(tenant_id: str, key_id: str | None, not_after: float) -> None:
    """A tenant still signs with a key that is being retired."""
    end = datetime.fromtimestamp(not_after, UTC).isoformat(timespec="seconds")
    tenant, kid = escaped(tenant_id), _known(key_id)
    fields = {"tenant": tenant, "kid": kid, "not_after": not_after}
    logger.info("tenant %s still signs with the key %s, which ends at %s", tenant, kid, end, extra=fields)


def report_broken_renderer(error: Exception) -> None:
    """The provider's `render_error` failed; the default body was sent."""
    logger.error("render_error failed with %s; the default body was sent", type(error).__name__)


def report_late_refusal(refusal: AuthenticationError, path: str) -> None:
    """A view refused after its response had started, which nobody can take back."""
    logger.error("%s was refused (%s) after its response had started", escaped(path), refusal.reason)


def _known(name: str | None) -> str | None:
    return None if name is None else escaped(name)


def _message(refusal: AuthenticationError, fields: dict[str, str | None]) -> str:
    facts = "".join(
        f" {name}={fields[name]}"
        for name in ("tenant", "application", "kid", "fingerprint")
        if fields[name] is not None
    )
    claim = "" if refusal.claim is None else f" claim={refusal.claim}"
    summary = f"refused {refusal.status} {refusal.code} ({refusal.reason}{claim})"
    return f"{summary}: {fields['method']} {fields['path']}{facts}"


def _omission(left_out: int) -> str:
    return f"; {left_out} refusals before this one were not logged" if left_out else ""
