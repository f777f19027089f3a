"""What exactly was found where a token was refused, from the token itself and the settings.

Nothing about tenants is told: whoever holds the token may read it.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from jwt_middleware import errors
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.explaining.wording import duration, listed, moment, shown
from jwt_middleware.settings import JWTSettings

_BASE64URL: Final = frozenset(string.ascii_letters + string.digits + "-_.")


class RefusedToken(NamedTuple):
    """Header and claims are what stands in the token, empty where that cannot be read."""

    token: str
    header: dict[str, Any]
    claims: dict[str, Any]
    refusal: AuthenticationError
    settings: JWTSettings


def finding(refused: RefusedToken) -> str:
    """One or two sentences, "" where the refusal's own description says it all. Safe to print."""
    for kind in type(refused.refusal).__mro__:
        if kind in _BY_CLASS:
            return _BY_CLASS[kind](refused)
    return ""


def about_claim(refused: RefusedToken) -> str:
    """What stands in the token under the claim that the refusal names."""
    name = refused.refusal.claim or ""
    return f"{name} is {shown(refused.claims[name])}." if name in refused.claims else f"There is no {name}."


def _form(refused: RefusedToken) -> str:
    strange = sorted(set(refused.token) - _BASE64URL)
    if strange:
        return f"It has characters that no token has: {listed(strange)}."
    parts = refused.token.count(".") + 1
    if parts != 3:
        return f"It has {parts} {'part' if parts == 1 else 'parts'}; a token has three, divided by dots."
    return f"What is wrong with it: {refused.refusal.reason.replace('_', ' ')}."


def _too_long(refused: RefusedToken) -> str:
    return f"It has {len(refused.token)} characters; the limit is {refused.settings.max_token_bytes}."


def _algorithm(refused: RefusedToken) -> str:
    accepted = ", ".join(refused.settings.algorithms)
    return f"alg is {shown(refused.header.get('alg'))}; accepted are {accepted}."


def _token_type(refused: RefusedToken) -> str:
    return f"typ is {shown(refused.header.get('typ'))}."


def _key_id(refused: RefusedToken) -> str:
    return f"kid is {shown(refused.header.get('kid'))}."


def _time(refused: RefusedToken) -> str:
    name = refused.refusal.claim or ""
    value, now = refused.claims.get(name, 0), refused.settings.clock()
    away, word = (value - now, "from now") if value > now else (now - value, "ago")
    return f"{name} is {shown(value)}, which is {moment(value)}, {duration(away)} {word}."


def _lifetime(refused: RefusedToken) -> str:
    lifetime = refused.claims["exp"] - refused.claims["iat"]
    return f"exp - iat is {shown(lifetime)} seconds, {duration(lifetime)}."


def _scopes(refused: RefusedToken) -> str:
    return f"Needed: {listed(refused.refusal.required_scopes)}."


_BY_CLASS: Final[dict[type[AuthenticationError], Callable[[RefusedToken], str]]] = {
    errors.TokenTooLong: _too_long,
    errors.MalformedToken: _form,
    errors.UnacceptableAlgorithm: _algorithm,
    errors.UnacceptableTokenType: _token_type,
    errors.InvalidKeyId: _key_id,
    errors.MissingRequiredClaim: about_claim,
    errors.InvalidClaim: about_claim,
    errors.TokenExpired: _time,
    errors.NotYetValid: _time,
    errors.LifetimeTooLong: _lifetime,
    errors.UnknownApplication: about_claim,
    errors.AmbiguousApplication: about_claim,
    errors.InsufficientPermissions: _scopes,
}
