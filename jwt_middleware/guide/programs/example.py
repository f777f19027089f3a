"""The token that every program makes: whom it is for, and what is in it."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Final, TypeAlias

from jwt_middleware.guide.facts import Facts, in_words

SECRET: Final = "API_SECRET"  # noqa: S105 (the name of a variable)
"""The environment variable that the programs read."""
PRIVATE_KEY: Final = "private.pem"
PUBLIC_KEY: Final = "public.pem"
SUBJECT: Final = "user_123"
ISSUER: Final = "your-tenant-id"
AUDIENCE: Final = "your-application-id"
WRITTEN_BY_LIBRARIES: Final = ("JWT",)
"""Types that need not be asked for."""


class Made(Enum):
    """A value that is another one each time."""

    NOW = 1_696_134_000
    """In the token that is shown decoded."""
    END = "end"
    ID = "2f1c1a52-8f5e-4d0a-9b57-0c9d4b1e7a11"


Value: TypeAlias = Made | str | list[str]

_KNOWN: Final[dict[str, Value]] = {
    "sub": SUBJECT,
    "iss": ISSUER,
    "aud": AUDIENCE,
    "iat": Made.NOW,
    "nbf": Made.NOW,
    "exp": Made.END,
    "jti": Made.ID,
}


def claims_of(facts: Facts) -> dict[str, Value]:
    """What a program puts into its token, in this order."""
    names = dict.fromkeys(("sub", "iss", "aud", "iat", "exp", *facts.further_claims, "scope"))
    return {name: [*facts.scopes] if name == "scope" else _KNOWN.get(name, f"your {name}") for name in names}


def remark_on(name: str, facts: Facts) -> str:
    """What a program says beside a claim, "" for nothing."""
    return {"sub": "your user", "exp": in_words(facts.lifetime)}.get(name, "")


def header_of(facts: Facts, algorithm: str) -> dict[str, str]:
    """The header of the token."""
    return {"alg": algorithm} | ({} if facts.token_type is None else {"typ": facts.token_type})


def decoded_header(facts: Facts) -> str:
    """The same as JSON, for the algorithm that is shown first."""
    return as_json(header_of(facts, facts.secret_algorithm if facts.secret_algorithms else facts.key_algorithm))


def decoded_claims(facts: Facts) -> str:
    """The claims as JSON, one on a line."""
    end = Made.NOW.value + facts.lifetime
    values = {name: end if value is Made.END else value for name, value in claims_of(facts).items()}
    plain = {name: value.value if isinstance(value, Made) else value for name, value in values.items()}
    members = (f"  {as_json(name)}: {as_json(value)}" for name, value in plain.items())
    return "{\n" + ",\n".join(members) + "\n}"


def as_json(value: Any) -> str:
    """On one line, in plain ASCII: a literal of JavaScript, too."""
    return json.dumps(value)
