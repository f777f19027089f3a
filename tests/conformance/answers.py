"""The documented refusals, written out: what a client may rely on, and the words it gets."""

from __future__ import annotations

from typing import Any, Final

from .row import Answer

REALM: Final = 'Bearer realm="api"'


def _refusal(status: int, code: str, challenge: str, description: str, solution: str, reason: str | None) -> Answer:
    members = {"error": code, "error_description": description, "solution": solution}
    return Answer(status, members, {"cache-control": "no-store", "www-authenticate": challenge}, reason)


def _invalid(description: str, solution: str, reason: str | None, code: str = "invalid_token") -> Answer:
    challenge = f'{REALM}, error="invalid_token", error_description="{description}"'
    return _refusal(401, code, challenge, description, solution, reason)


def about(answer: Answer, claim: str) -> Answer:
    """The same refusal, which names a claim."""
    return with_members(answer, claim=claim)


def because(answer: Answer, reason: str) -> Answer:
    """The same refusal to a client; the operator reads another reason."""
    return answer._replace(reason=reason)


def with_members(answer: Answer, **members: Any) -> Answer:
    """The same refusal with more in its body."""
    return answer._replace(members={**(answer.members or {}), **members})


def lacking(*scopes: str) -> Answer:
    """403: the place needs these scopes, and the token lacks some."""
    return _forbidden(
        "The access token lacks a scope that this request needs",
        "Add the scopes named in this answer to the scope claim: an array of strings, "
        "or one string separated by blanks",
        "scope_not_in_token",
        scopes,
    )


def not_granted(*scopes: str) -> Answer:
    """403: the token asks for what its application may not have."""
    return _forbidden(
        "The application is not granted a scope that this request needs",
        "Ask the API provider to grant the scopes named in this answer to your application",
        "scope_not_granted",
        scopes,
    )


def _forbidden(description: str, solution: str, reason: str, scopes: tuple[str, ...]) -> Answer:
    said = f'scope="{" ".join(scopes)}"' if scopes else f'error_description="{description}"'
    challenge = f'{REALM}, error="insufficient_scope", {said}'
    refusal = _refusal(403, "insufficient_permissions", challenge, description, solution, reason)
    return with_members(refusal, required_scope=list(scopes)) if scopes else refusal


NO_CREDENTIALS: Final = _refusal(
    401,
    "invalid_token",
    REALM,
    "No bearer token arrived with the request",
    "Send the header Authorization: Bearer YOUR_JWT_TOKEN. If you do send it, a proxy on the way may have removed it",
    "no_credentials",
)
MALFORMED_CREDENTIALS: Final = _invalid(
    "The Authorization header does not hold exactly one bearer token",
    "Send the word Bearer, one blank and the token, and nothing else, in a single Authorization header",
    "malformed_credentials",
)
TOO_LONG: Final = _invalid(
    "The access token is too long", "Leave claims out of the token that the API does not need", "token_too_long"
)
MALFORMED: Final = _invalid(
    "The access token is malformed or cannot be parsed",
    "Check the token format and ensure that it is properly encoded: header.payload.signature, base64url",
    None,
)
ALGORITHM: Final = _invalid(
    "The algorithm in the header of the access token is not accepted",
    "Sign the token with the algorithm that you agreed with the API provider, usually HS256",
    "unacceptable_algorithm",
)
EXTENSION: Final = _invalid(
    "The header of the access token asks for an extension that is not supported",
    "Leave crit and b64 out of the token header",
    "unsupported_header",
)
KEY_ID: Final = _invalid(
    "The key id in the header of the access token is not valid",
    "Set kid to the key id that the API provider issued with the secret, or leave it out",
    "invalid_key_id",
)
TOKEN_TYPE: Final = _invalid(
    "The type in the header of the access token is not accepted",
    "Set typ to JWT in the token header, or leave it out",
    "unacceptable_token_type",
)
_WRONG_CLAIM: Final = _invalid(
    "A claim of the access token has the wrong type or form",
    "Check the claim named in this answer: sub, iss and aud are non-empty strings, iat, exp and nbf are numbers of "
    "seconds, scope is an array of strings or a blank-separated string",
    "invalid_claim",
)
_MILLISECONDS: Final = _invalid(
    "A time in the access token looks like milliseconds",
    "Give iat, exp and nbf in seconds since the Unix epoch: Math.floor(Date.now() / 1000)",
    "time_in_milliseconds",
)
_MISSING: Final = _invalid(
    "A required claim is missing from the access token",
    "Add the claim named in this answer to your token generation logic",
    "missing_required_claim",
    "missing_required_claim",
)
_NOT_YET: Final = _invalid(
    "The access token is not yet valid",
    "Check the clock of the machine that makes the token, and its iat and nbf claims",
    "not_yet_valid",
)
SENDER_CONSTRAINED: Final = about(
    _invalid(
        "The access token is bound to a sender and cannot be used as a bearer token",
        "Send a token without the claim cnf",
        "sender_constrained",
    ),
    "cnf",
)
SIGNATURE: Final = _invalid(
    "The signature of the access token could not be verified",
    "Check that you sign with the current API secret (its text as it is, not base64-decoded), and that iss, alg and, "
    "if you set it, kid are those registered with the API provider",
    "bad_signature",
    "invalid_signature",
)
EXPIRED: Final = about(
    _invalid(
        "The access token expired",
        "Generate a new token with a future expiration time",
        "token_expired",
        "token_expired",
    ),
    "exp",
)
UNKNOWN_APPLICATION: Final = about(
    _invalid(
        "The audience of the access token is not one of your applications",
        "Set aud to your application id as registered with the API provider",
        "unknown_application",
    ),
    "aud",
)
AMBIGUOUS_APPLICATION: Final = about(
    _invalid(
        "The audience of the access token names more than one of your applications",
        "Set aud to exactly one application id",
        "ambiguous_application",
    ),
    "aud",
)
SUSPENDED_TENANT: Final = _invalid("The tenant is suspended", "Contact the API provider", "suspended_tenant")
SUSPENDED_APPLICATION: Final = about(
    _invalid("The application is suspended", "Contact the API provider", "suspended_application"), "aud"
)
REFUSED_BY_RULE: Final = _invalid(
    "The access token was refused by a rule of this API",
    "Ask the API provider which tokens it accepts",
    "refused_by_validator",
)
REVOKED: Final = _invalid("The access token was revoked", "Make a new token", "revoked")
INSECURE: Final = _invalid(
    "Bearer tokens are accepted over https only",
    "Use https, and make a new token if this one was sent over http",
    "insecure_transport",
)
UNAVAILABLE: Final = Answer(
    503,
    {
        "error": "temporarily_unavailable",
        "error_description": "The token could not be checked at this moment",
        "solution": "Send the same request again after the time in the Retry-After header",
    },
    {"cache-control": "no-store", "retry-after": "1"},
)
METHOD_NOT_ALLOWED: Final = Answer(405, None, {"allow": "GET, HEAD"})


def wrong(claim: str) -> Answer:
    """401: this claim has the wrong type or form."""
    return about(_WRONG_CLAIM, claim)


def milliseconds(claim: str) -> Answer:
    """401: this time is a thousand times too large."""
    return about(_MILLISECONDS, claim)


def missing(claim: str) -> Answer:
    """401: this required claim is absent or null."""
    return about(_MISSING, claim)


def not_yet(claim: str) -> Answer:
    """401: this time lies in the future."""
    return about(_NOT_YET, claim)


def too_long_lived(limit: str, claim: str = "exp") -> Answer:
    """401: the token lives longer than this limit."""
    description = f"The lifetime of the access token exceeds the limit of {limit}"
    solution = "Set exp closer to iat and make a new token before it expires"
    return about(_invalid(description, solution, "lifetime_too_long"), claim)
