"""What observers are told about each request: the protocol, and the closed sets that its values come from.

    class Statsd:
        def observe(self, observation):
            statsd.increment("auth", tags=[f"outcome:{observation.outcome}", f"reason:{observation.reason}"])

    JWTSettings(tenants, observers=[Statsd()])

`jwt_middleware.metrics` has the observer for Prometheus.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from jwt_middleware.errors import AuthenticationError

Outcome: TypeAlias = Literal["accepted", "anonymous", "refused", "closed"]

CODES: Final = frozenset(
    (
        *("invalid_token", "invalid_signature", "missing_required_claim", "token_expired"),
        *("insufficient_permissions", "temporarily_unavailable"),
    )
)
"""What may stand in `Observation.code`: the codes of the documented answers."""

METHOD_REFUSED: Final = "method_not_allowed"
"""The reason where the verify endpoint was asked with another method than GET or HEAD."""

REASONS: Final = frozenset(
    (
        *("no_credentials", "malformed_credentials", "token_in_two_places", "no_token_after_subprotocol"),
        *("insecure_transport", "token_too_long", "not_ascii", "no_json_object", "not_base64url"),
        *("not_canonical_base64url", "header_is_no_json_object", "payload_is_no_json_object"),
        *("payload_too_deeply_nested", "unacceptable_algorithm", "unsupported_header", "invalid_key_id"),
        *("unacceptable_token_type",),
        *("unknown_issuer", "resolver_answered_with_another_issuer", "no_key_for_algorithm", "unknown_key_id"),
        *("retired_key", "bad_signature", "suspended_tenant", "missing_required_claim", "invalid_claim"),
        *("time_in_milliseconds", "sender_constrained", "token_expired", "not_yet_valid", "lifetime_too_long"),
        *("unknown_application", "ambiguous_application", "suspended_application", "refused_by_validator"),
        *("validator_failed", "validator_answered", "revoked", "scope_not_in_token", "scope_not_granted"),
        *("tenant_store_timed_out", "tenant_store_failed", "tenant_store_answered"),
        *("tenant_store_has_too_many_waiting", "tenant_store_has_too_many_look_ups", "tenant_store_look_up_ended"),
        *("tenant_store_holds_what_cannot_be_used", "tenant_store_key_cannot_be_decrypted"),
        *("revocation_store_timed_out", "revocation_store_failed", "revocation_store_answered"),
        *("revocation_store_does_not_answer", "revocation_store_holds_something_else"),
        *("revocation_store_has_too_many_waiting", "revocations_not_confirmed"),
        *("key_set_cannot_be_fetched", "store_unavailable"),
        *(METHOD_REFUSED, "refused"),
    )
)
"""What may stand in `Observation.reason`: the reasons of the log, cut before `_with_` where what follows varies."""


class Observation(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One request, as it went for this middleware. Immutable; holds no token, no secret and no claim.

    `outcome`, `status`, `code` and `reason` come from small closed sets, and may be labels of a metric. `tenant_id`,
    `application_id` and `retiring_key_id` are names of the provider's own, set once a signature was verified.
    `method`, `path` and `precise_reason` are for logs only: there is no end to what a client may send.
    """

    outcome: Outcome
    """`accepted`: with an identity. `anonymous`: without one. `refused`: answered by the middleware. `closed`: an open
    WebSocket, which was `accepted` before, ended because its token did."""
    status: int | None
    """Of the answer: None where the app answers."""
    code: str | None
    """Of the answer, one of CODES; None where it is no refusal."""
    reason: str | None
    """Why it was refused or closed, one of REASONS; None where it was not."""
    precise_reason: str | None
    """The same as in the log, with what failed where, or the words of a validator. Text without bounds."""
    method: str
    """As the client sent it: text without bounds."""
    path: str
    """As the client sent it: text without bounds, which may hold line breaks."""
    tenant_id: str | None
    application_id: str | None
    seconds: float | None
    """From when the request came until its token was accepted or refused, stores included; None without a token."""
    tenant_was_remembered: bool | None
    """Whether the tenant was known without asking the store; None where it did not come to that."""
    signature_was_remembered: bool | None
    """Whether the signature had been verified before and was not again; None where none was found good."""
    retiring_key_id: str | None = None
    """The id of the key that signed, where it has one and its end is set."""
    retiring_key_ends_in: float | None = None
    """Seconds until the key that signed is retired; None where its end is not set, or no signature was good."""
    fingerprint: str | None = None
    """Names the token as the log does. None unless an observer says `wants_fingerprint = True`: it takes a hash."""


class Observer(Protocol):
    """Told of each request once: when it is refused, or when the app begins to answer.

    It is called in the request's thread, or on the event loop, and must not block. What it raises is logged once and
    changes nothing for the request. Tokens that an `Authenticator` checks without a request are not told of.
    """

    def observe(self, observation: Observation) -> None:
        """Take note of one request."""


def code_of(refusal: AuthenticationError) -> str:
    """The documented code of a refusal; for a class of the provider's own that has another, of the class it extends."""
    return refusal.code if refusal.code in CODES else _first_documented(type(refusal), "code", CODES) or "invalid_token"


def reason_of(refusal: AuthenticationError) -> str:
    """The documented reason of a refusal: whatever the provider's own code gave as one, this is one of REASONS."""
    if refusal.reason in REASONS:
        return refusal.reason
    family = refusal.reason.partition("_with_")[0]
    return family if family in REASONS else _first_documented(type(refusal), "reason", REASONS) or "refused"


def _first_documented(kind: type[AuthenticationError], name: str, documented: frozenset[str]) -> str | None:
    values = (vars(base).get(name) for base in kind.__mro__)
    return next((value for value in values if isinstance(value, str) and value in documented), None)
