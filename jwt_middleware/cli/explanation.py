"""What becomes of a token, in words, for the provider who has the secrets at hand.

Says more than the API tells its clients: which key was tried, which issuers there are, who else signed this.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from jwt_middleware.cli import diagnosis
from jwt_middleware.cli.diagnosis import Case
from jwt_middleware.cli.provider import Provider
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.explaining.checking import check
from jwt_middleware.explaining.checking import token_in as token_in
from jwt_middleware.explaining.steps import Step
from jwt_middleware.explaining.wording import shown
from jwt_middleware.identity import Identity


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


def explain(token: str, provider: Provider, scopes: Iterable[str] = ()) -> Explanation:
    """Check the token as the middleware would; `scopes` are those that the place it is meant for needs."""
    outcome = check(token, provider.authenticator, scopes)
    header, claims, refusal = outcome.header, outcome.claims, outcome.refusal
    named = provider.tenant_of((claims or {}).get("iss"))
    refused = None
    if refusal is not None and outcome.step is not None:
        finding = diagnosis.finding(Case(token, header or {}, claims or {}, refusal, provider))
        refused = Refused(refusal, outcome.step, finding)
    tenant_id = None if named is None else named.id
    return Explanation(outcome.fingerprint, header, claims, outcome.is_verified, tenant_id, outcome.identity, refused)
