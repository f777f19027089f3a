"""The documented errors, as data.

Every refusal is one class below. The class carries what the client may learn: HTTP status, error code (the ones in
the tenants' authentication guide), RFC 6750 challenge error, description and solution. The instance adds what only
the operator's log may hold: the precise `reason`, the key id and, once verified, tenant and application.

::

    AuthenticationError
    +-- InvalidToken                    401  invalid_token   (raise this one in a validator)
    |   +-- NoCredentials                    no bearer token arrived; a bare challenge
    |   +-- MalformedCredentials             the field is not "Bearer", blanks, one token
    |   +-- TokenTooLong                     longer than max_token_bytes
    |   +-- MalformedToken                   not three base64url segments of JSON
    |   +-- UnacceptableAlgorithm            alg missing, "none" or not in the allow-list
    |   +-- UnsupportedHeader                crit or b64 present
    |   +-- InvalidKeyId                     kid is not a short plain string
    |   +-- UnacceptableTokenType            typ is not an accepted token type
    |   +-- InvalidClaim                     a claim has the wrong type or form
    |   +-- TimeInMilliseconds               a time is a thousand times too large
    |   +-- SenderConstrained                cnf: a proof is needed that is not checked here
    |   +-- NotYetValid                      nbf or iat lies in the future
    |   +-- LifetimeTooLong                  exp - iat exceeds the limit
    |   +-- UnknownApplication               aud names no application of the tenant
    |   +-- AmbiguousApplication             aud names more than one
    |   +-- SuspendedTenant
    |   +-- SuspendedApplication
    |   +-- Revoked
    |   +-- InsecureTransport                plain http where https is required
    |   +-- InvalidSignature            401  invalid_signature
    |   +-- MissingRequiredClaim        401  missing_required_claim
    |   +-- TokenExpired                401  token_expired
    +-- InsufficientPermissions         403  insufficient_permissions
    |   +-- ScopeNotGranted                  in the token, above the application's ceiling
    +-- TemporarilyUnavailable          503  temporarily_unavailable

`ConfigurationError` stands apart: it is raised at start-up only and never reaches a client.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

# What may stand in a quoted-string of a challenge without escaping (RFC 6750 section 3).
_CHALLENGE_TEXT = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*").fullmatch


class AuthenticationError(Exception):
    """A request that may not pass, with the answer it gets.

    `status`, `code`, `challenge`, `description` and `solution` are constants of the class (a text may be completed
    from settings, never from a token). `reason` is for the operator's log and never reaches a client.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    challenge: ClassVar[str | None] = None
    """The `error` attribute of the WWW-Authenticate challenge (RFC 6750 section 3.1); None: no attributes."""
    description: str = ""
    solution: str = ""
    reason: str = "refused"

    claim: str | None = None
    """The claim that is missing or wrong: a registered name, or one from settings."""
    required_scopes: tuple[str, ...] = ()
    key_id: str | None = None
    tenant_id: str | None = None
    application_id: str | None = None

    def __init__(self, reason: str | None = None, *, claim: str | None = None) -> None:
        super().__init__(reason or self.reason)
        if reason is not None:
            self.reason = reason
        if claim is not None:
            self.claim = claim

    def __init_subclass__(cls) -> None:
        """Refuse a class whose texts could not stand in a challenge header."""
        super().__init_subclass__()
        for text in (cls.description, cls.solution):
            if not _CHALLENGE_TEXT(text):
                raise TypeError(f"{cls.__name__}: texts are plain ASCII without quotes, backslashes or line ends")


class InvalidToken(AuthenticationError):
    """401 `invalid_token`. A validator of the provider refuses a token by raising it; its argument goes to the log."""

    status = 401
    code = "invalid_token"
    challenge: ClassVar[str | None] = "invalid_token"
    description = "The access token was refused by a rule of this API"
    solution = "Ask the API provider which tokens it accepts"
    reason = "refused_by_validator"


class NoCredentials(InvalidToken):
    """No Authorization field, an empty one, or one of another scheme."""

    challenge = None
    description = "No bearer token arrived with the request"
    solution = (
        "Send the header Authorization: Bearer YOUR_JWT_TOKEN. If you do send it, "
        "a proxy on the way may have removed it"
    )
    reason = "no_credentials"


class MalformedCredentials(InvalidToken):
    """The field says Bearer, but what follows is not exactly one token (RFC 6750 section 2.1)."""

    description = "The Authorization header does not hold exactly one bearer token"
    solution = "Send the word Bearer, one blank and the token, and nothing else, in a single Authorization header"
    reason = "malformed_credentials"


class TokenTooLong(InvalidToken):
    """The token is longer than the limit, in bytes."""

    description = "The access token is too long"
    solution = "Leave claims out of the token that the API does not need"
    reason = "token_too_long"


class MalformedToken(InvalidToken):
    """Not a compact JWS (RFC 7515 section 3.1) of JSON objects (RFC 7519 section 3)."""

    description = "The access token is malformed or cannot be parsed"
    solution = "Check the token format and ensure that it is properly encoded: header.payload.signature, base64url"
    reason = "malformed_token"


class UnacceptableAlgorithm(InvalidToken):
    """`alg` is missing, not a string, `none`, or not in the allow-list (RFC 8725 section 3.1)."""

    description = "The algorithm in the header of the access token is not accepted"
    solution = "Sign the token with the algorithm that you agreed with the API provider, usually HS256"
    reason = "unacceptable_algorithm"


class UnsupportedHeader(InvalidToken):
    """`crit` or `b64` is present; no extension is supported (RFC 7515 section 4.1.11)."""

    description = "The header of the access token asks for an extension that is not supported"
    solution = "Leave crit and b64 out of the token header"
    reason = "unsupported_header"


class InvalidKeyId(InvalidToken):
    """`kid` is not a string of 1 to 256 characters without control characters."""

    description = "The key id in the header of the access token is not valid"
    solution = "Set kid to the key id that the API provider issued with the secret, or leave it out"
    reason = "invalid_key_id"


class UnacceptableTokenType(InvalidToken):
    """`typ` is not an accepted token type (RFC 8725 section 3.11)."""

    description = "The type in the header of the access token is not accepted"
    solution = "Set typ to JWT in the token header, or leave it out"
    reason = "unacceptable_token_type"


class InvalidClaim(InvalidToken):
    """A claim has the wrong type or form; `claim` names it."""

    description = "A claim of the access token has the wrong type or form"
    solution = (
        "Check the claim named in this answer: sub, iss and aud are non-empty strings, iat, exp and nbf are numbers "
        "of seconds, scope is an array of strings or a blank-separated string"
    )
    reason = "invalid_claim"


class TimeInMilliseconds(InvalidClaim):
    """A time is so large that it must be in milliseconds."""

    description = "A time in the access token looks like milliseconds"
    solution = "Give iat, exp and nbf in seconds since the Unix epoch: Math.floor(Date.now() / 1000)"
    reason = "time_in_milliseconds"


class SenderConstrained(InvalidToken):
    """`cnf` binds the token to a key (RFC 7800) whose proof is not checked here, so it is no bearer token."""

    description = "The access token is bound to a sender and cannot be used as a bearer token"
    solution = "Send a token without the claim cnf"
    reason = "sender_constrained"
    claim = "cnf"


class NotYetValid(InvalidToken):
    """`nbf` or `iat` lies later than now plus the leeway."""

    description = "The access token is not yet valid"
    solution = "Check the clock of the machine that makes the token, and its iat and nbf claims"
    reason = "not_yet_valid"


class LifetimeTooLong(InvalidToken):
    """`exp - iat` exceeds `max_lifetime` (seconds), which the description names."""

    description = "The lifetime of the access token exceeds the limit"
    solution = "Set exp closer to iat and make a new token before it expires"
    reason = "lifetime_too_long"
    claim = "exp"

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.description = f"The lifetime of the access token exceeds the limit of {_in_words(limit)}"


class UnknownApplication(InvalidToken):
    """No value of `aud` is an application of the tenant (RFC 7519 section 4.1.3)."""

    description = "The audience of the access token is not one of your applications"
    solution = "Set aud to your application id as registered with the API provider"
    reason = "unknown_application"
    claim = "aud"


class AmbiguousApplication(InvalidToken):
    """More than one value of `aud` is an application of the tenant."""

    description = "The audience of the access token names more than one of your applications"
    solution = "Set aud to exactly one application id"
    reason = "ambiguous_application"
    claim = "aud"


class SuspendedTenant(InvalidToken):
    """The tenant is not active."""

    description = "The tenant is suspended"
    solution = "Contact the API provider"
    reason = "suspended_tenant"


class SuspendedApplication(InvalidToken):
    """The application is not active."""

    description = "The application is suspended"
    solution = "Contact the API provider"
    reason = "suspended_application"
    claim = "aud"


class Revoked(InvalidToken):
    """The token, its subject's tokens or its tenant's tokens were withdrawn."""

    description = "The access token was revoked"
    solution = "Make a new token"
    reason = "revoked"


class InsecureTransport(InvalidToken):
    """The request came over plain http, and the settings require https."""

    description = "Bearer tokens are accepted over https only"
    solution = "Use https, and make a new token if this one was sent over http"
    reason = "insecure_transport"


class InvalidSignature(InvalidToken):
    """One answer for unknown issuer, unknown key id, no key for the algorithm, retired key and bad signature."""

    code = "invalid_signature"
    description = "The signature of the access token could not be verified"
    solution = (
        "Check that you sign with the current API secret (its text as it is, not base64-decoded), and that iss, alg "
        "and, if you set it, kid are those registered with the API provider"
    )
    reason = "bad_signature"


class MissingRequiredClaim(InvalidToken):
    """A required claim is absent or null; `claim` names it."""

    code = "missing_required_claim"
    description = "A required claim is missing from the access token"
    solution = "Add the claim named in this answer to your token generation logic"
    reason = "missing_required_claim"


class TokenExpired(InvalidToken):
    """`exp` has passed; signature good, required claims present."""

    code = "token_expired"
    description = "The access token expired"
    solution = "Generate a new token with a future expiration time"
    reason = "token_expired"
    claim = "exp"


class InsufficientPermissions(AuthenticationError):
    """403: the token is good and lacks a scope. `required_scopes` has all that the place needs."""

    status = 403
    code = "insufficient_permissions"
    challenge = "insufficient_scope"
    description = "The access token lacks a scope that this request needs"
    solution = (
        "Add the scopes named in this answer to the scope claim: an array of strings, or one string separated by blanks"
    )
    reason = "scope_not_in_token"

    def __init__(self, required_scopes: Iterable[str]) -> None:
        super().__init__()
        self.required_scopes = tuple(required_scopes)


class ScopeNotGranted(InsufficientPermissions):
    """The token asks for the scope, but the application was not granted it."""

    description = "The application is not granted a scope that this request needs"
    solution = "Ask the API provider to grant the scopes named in this answer to your application"
    reason = "scope_not_granted"


class TemporarilyUnavailable(AuthenticationError):
    """503: a tenant or revocation store could not answer in time. Says nothing about the token."""

    status = 503
    code = "temporarily_unavailable"
    description = "The token could not be checked at this moment"
    solution = "Send the same request again after the time in the Retry-After header"
    reason = "store_unavailable"


class Problem(NamedTuple):
    """One thing that is wrong with a configuration: where, what, and what to type instead."""

    where: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n    -> {self.fix}" if self.fix else "")


class ConfigurationError(ValueError):
    """The configuration cannot be used. `problems` has all that is wrong; the message has the fix beside each."""

    def __init__(self, problems: Iterable[Problem], title: str = "the configuration cannot be used") -> None:
        self.problems = tuple(problems)
        self.title = title
        super().__init__("\n".join([f"{title}:", *(f"  - {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[type[ConfigurationError], tuple[tuple[Problem, ...], str]]:
        return type(self), (self.problems, self.title)


def _in_words(seconds: float) -> str:
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"{count} {unit if count > 1 else unit[:-1]}"
    return f"{seconds:g} seconds"
