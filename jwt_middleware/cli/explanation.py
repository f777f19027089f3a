"""What becomes of a token, in words, for the provider who has the secrets at hand.

Says more than the API tells its clients: which key was tried, which issuers there are, who else signed this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from jwt_middleware.claims import require_scopes
from jwt_middleware.cli import diagnosis
from jwt_middleware.cli.diagnosis import Case
from jwt_middleware.cli.provider import Provider
from jwt_middleware.cli.steps import Step, step_of
from jwt_middleware.cli.wording import shown
from jwt_middleware.errors import AuthenticationError, TokenTooLong
from jwt_middleware.identity import Identity
from jwt_middleware.log import token_fingerprint
from jwt_middleware.tokens import decoded

_INTRODUCTION: Final = re.compile(r"\s*(authorization:)?\s*(bearer(\s|$))?", re.IGNORECASE)


class Refused(NamedTuple):
    """Where and why a token was refused."""

    error: AuthenticationError
    """What the API answers."""
    step: Step
    finding: str
    """What exactly was found there, "" where the error's description says it all."""


class Explanation(NamedTuple):
    """One token, explained. `claims` are to be believed where `is_verified`; else anybody may have written them."""

    fingerprint: str | None
    header: dict[str, Any] | None
    claims: dict[str, Any] | None
    is_verified: bool
    tenant_id: str | None
    """The tenant that signed, or where the signature does not hold the one whose issuer stands in the token."""
    identity: Identity | None
    """Whom the token authenticates, where the checks of the token itself hold."""
    refused: Refused | None

    @property
    def issuer(self) -> str | None:
        """The issuer that the token names, as JSON; None where it could not be read."""
        return shown(self.claims["iss"]) if self.claims is not None and "iss" in self.claims else None


def token_in(text: str) -> str:
    """The token in what was pasted: alone, after `Bearer`, or as a whole Authorization header."""
    return _INTRODUCTION.sub("", text, count=1).strip()


def explain(token: str, provider: Provider, scopes: Iterable[str] = ()) -> Explanation:
    """Check the token as the middleware would; `scopes` are those that the place it is meant for needs."""
    identity, refusal = _outcome(token, provider, scopes)
    header, claims = (None, None) if isinstance(refusal, TokenTooLong) else _read(token)
    named = provider.tenant_of((claims or {}).get("iss"))
    # The checks name the tenant in a refusal once the signature holds, and not before.
    is_verified = refusal is None or refusal.tenant_id is not None
    refused = None
    if refusal is not None:
        step = step_of(refusal, is_verified=is_verified, has_header=header is not None)
        finding = diagnosis.finding(Case(token, header or {}, claims or {}, refusal, provider))
        refused = Refused(refusal, step, finding)
    tenant_id = None if named is None else named.id
    return Explanation(token_fingerprint(token), header, claims, is_verified, tenant_id, identity, refused)


def _outcome(
    token: str, provider: Provider, scopes: Iterable[str]
) -> tuple[Identity | None, AuthenticationError | None]:
    identity = None
    try:
        identity = provider.authenticator.authenticate(token)
        require_scopes(identity, scopes)
    except AuthenticationError as refusal:
        return identity, refusal
    return identity, None


def _read(token: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Header and claims as they stand there, None where they cannot be read."""
    header, _, rest = token.partition(".")
    return _json_object(header), _json_object(rest.partition(".")[0])


def _json_object(segment: str) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(decoded(segment), type=dict[str, Any])
        msgspec.json.encode(value)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    return value
