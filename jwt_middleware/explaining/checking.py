"""One token, checked as the middleware checks it, and which step refused it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from jwt_middleware.authenticator import Authenticator
from jwt_middleware.claims import require_scopes
from jwt_middleware.errors import AuthenticationError, TokenTooLong
from jwt_middleware.explaining.steps import Step, step_of
from jwt_middleware.identity import Identity
from jwt_middleware.log import token_fingerprint
from jwt_middleware.tokens import decoded

_INTRODUCTION: Final = re.compile(r"\s*(authorization:)?\s*(bearer(\s|$))?", re.IGNORECASE)


class Outcome(NamedTuple):
    """What came of it. `claims` are to be believed where `is_verified`; else anybody may have written them."""

    fingerprint: str | None
    header: dict[str, Any] | None
    """As it stands there; None where it cannot be read, or the token is too long. So are the claims."""
    claims: dict[str, Any] | None
    is_verified: bool
    identity: Identity | None
    """Whom the token authenticates, where the checks of the token itself hold."""
    refusal: AuthenticationError | None
    step: Step | None
    """The step that refused; None: none did."""


def token_in(text: str) -> str:
    """The token in what was pasted: alone, after `Bearer`, or as a whole Authorization header."""
    return _INTRODUCTION.sub("", text, count=1).strip()


def check(token: str, authenticator: Authenticator, scopes: Iterable[str] = ()) -> Outcome:
    """Check the token as the middleware would; `scopes` are those that the place it is meant for needs.

    What a store raises that cannot answer is a refusal like others: TemporarilyUnavailable.
    """
    identity, refusal = _checked(token, authenticator, scopes)
    header, claims = (None, None) if isinstance(refusal, TokenTooLong) else _read(token)
    # The checks name the tenant in a refusal once the signature holds, and not before.
    is_verified = refusal is None or refusal.tenant_id is not None
    step = None
    if refusal is not None:
        step = step_of(refusal, is_verified=is_verified, has_header=header is not None)
    return Outcome(token_fingerprint(token), header, claims, is_verified, identity, refusal, step)


def _checked(
    token: str, authenticator: Authenticator, scopes: Iterable[str]
) -> tuple[Identity | None, AuthenticationError | None]:
    identity = None
    try:
        identity = authenticator.authenticate(token)
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
