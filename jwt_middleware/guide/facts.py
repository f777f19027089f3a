"""What the settings mean for whoever makes tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.keys import HMAC_HASHES, PUBLIC_KEY_ALGORITHMS
from jwt_middleware.tenants.model import normalized_types
from jwt_middleware.tokens import DEFAULT_LIFETIME

ALWAYS_REQUIRED: Final = ("sub", "iss", "aud", "iat", "exp")
"""Claims that every token has (contract section 2, step 8)."""
USUAL_SCOPES: Final = ("read", "write")
MAX_EXAMPLE_SCOPES: Final = 3

_SHOWN_FIRST: Final = ("ES256", "RS256", "PS256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512", "EdDSA")
"""EdDSA last: the library that the programs in JavaScript use does not have it."""


class Facts(NamedTuple):
    """All that the programs in the guide depend on."""

    secret_algorithms: tuple[str, ...]
    key_algorithms: tuple[str, ...]
    """Those of key pairs."""
    token_type: str | None
    """What `typ` has to say; None: nothing."""
    further_claims: tuple[str, ...]
    """Required by the settings, beyond those that every token has."""
    lifetime: int
    """Seconds, of a token in an example."""
    scopes: tuple[str, ...]

    @property
    def secret_algorithm(self) -> str:
        """That of the programs with a secret. Raises StopIteration where none is accepted; so does the next."""
        return next(name for name in HMAC_HASHES if name in self.secret_algorithms)

    @property
    def key_algorithm(self) -> str:
        """That of the programs with a private key."""
        return next(name for name in _SHOWN_FIRST if name in self.key_algorithms)


def facts_of(settings: JWTSettings) -> Facts:
    """Read them off the settings."""
    return Facts(
        secret_algorithms=tuple(name for name in settings.algorithms if name in HMAC_HASHES),
        key_algorithms=tuple(name for name in settings.algorithms if name in PUBLIC_KEY_ALGORITHMS),
        token_type=_token_type(settings.token_types),
        further_claims=tuple(dict.fromkeys(name for name in settings.required_claims if name not in ALWAYS_REQUIRED)),
        lifetime=int(min(DEFAULT_LIFETIME, settings.max_lifetime or DEFAULT_LIFETIME)),
        scopes=demanded_scopes(settings)[:MAX_EXAMPLE_SCOPES] or USUAL_SCOPES,
    )


def demanded_scopes(settings: JWTSettings) -> tuple[str, ...]:
    """Those that the rules name, each once."""
    return tuple(dict.fromkeys(scope for rule in settings.rules for scope in rule.scopes))


def in_words(seconds: float) -> str:
    """A duration, exactly: "24 hours", "1 hour 30 minutes", "0.5 seconds"."""
    return " ".join(_counted(seconds)) or "0 seconds"


def _counted(seconds: float) -> Iterator[str]:
    for unit, size in (("hour", 3600), ("minute", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            yield f"{count:.0f} {unit}{'' if count == 1 else 's'}"
    if seconds:
        yield f"{round(seconds, 3):g} second{'' if seconds == 1 else 's'}"


def _token_type(accepted: tuple[str, ...]) -> str | None:
    """JWT where that is fine, for it is what libraries write; else one that any of them can write."""
    if "jwt" in normalized_types(accepted):
        return "JWT"
    return next((name for name in accepted if name.isascii()), None)
