"""The tenants of the table, and the stores that are asked about them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from jwt_middleware import Application, Key, Tenant

from .tokens import ABSENT, CLAIMS, HEADER, NOW, SECRET, raw, with_members

GLOBEX: Final = {name: f"globex has several secrets, and {name} is one of them".encode() for name in ("a", "b", "old")}
GLOBEX_512: Final = b"globex signs with SHA-512 too, for which a secret has sixty-four bytes"
HOOLI: Final = b"hooli is suspended, and yet its secret is as long as all others"
MUELLER: Final = b"the id of this tenant has to be percent-encoded in many places"
UMBRELLA: Final = b"umbrella has an identity provider that names things otherwise"

acme: Final = Tenant(
    "acme",
    keys=[Key.secret(SECRET)],
    applications=["shop", "blog", Application("kiosk", scopes=["read"]), Application("closed", active=False)],
)
globex: Final = Tenant(
    "globex",
    issuers=["globex", "https://id.globex.example/"],
    keys=[
        Key.secret(GLOBEX["a"], kid="a"),
        Key.secret(GLOBEX["b"], kid="b", not_after=NOW + 600),
        Key.secret(GLOBEX["old"], kid="old", not_after=NOW),
        Key.secret(GLOBEX_512, kid="long", algorithm="HS512"),
    ],
    applications=["crm"],
)
hooli: Final = Tenant("hooli", keys=[Key.secret(HOOLI)], applications=["search"], active=False)
mueller: Final = Tenant("Müller & Söhne", keys=[Key.secret(MUELLER)], applications=["Büro 1%"])
umbrella: Final = Tenant(
    "umbrella",
    keys=[Key.secret(UMBRELLA)],
    applications=["hive"],
    audience_claim="client_id",
    scope_claim="scp",
    max_lifetime=600,
    token_types=["at+jwt"],
)
_UMBRELLAS_CLAIMS: Final = {
    **with_members(CLAIMS, {"aud": ABSENT, "scope": ABSENT}),
    "iss": "umbrella",
    "client_id": "hive",
    "scp": "fly sting",
    "exp": NOW + 60,
}
BROKEN: Final = OSError("password=hunter2")
"""What a driver might raise: nobody is told its text."""
TENANTS: Final = (acme, globex, hooli, mueller, umbrella)


class Answering:
    """A store that answers from memory, always the same."""

    in_memory = True

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def resolve(self, issuer: str) -> Any:
        """As a resolver."""
        return self.answer

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> Any:
        """As a revocation store."""
        return self.answer


class Failing:
    """A store that raises."""

    in_memory = True

    def __init__(self, error: Exception) -> None:
        self.error = error

    def resolve(self, issuer: str) -> Tenant | None:
        raise self.error

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        raise self.error


class HangingAsync:
    """A store whose answer does not come, and that can be cancelled."""

    async def resolve(self, issuer: str) -> Tenant | None:
        await asyncio.sleep(60)
        return acme

    async def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        await asyncio.sleep(60)
        return False


class Hanging:
    """A store that blocks its thread, for longer than anybody waits."""

    def resolve(self, issuer: str) -> Tenant | None:
        time.sleep(0.3)
        return acme

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        time.sleep(0.3)
        return False


class Asking:
    """A revocation store that answers as a test says."""

    in_memory = True

    def __init__(self, is_revoked: Callable[[str, str, str, float], bool]) -> None:
        self.is_revoked = is_revoked


async def resolve_async(issuer: str) -> Tenant | None:
    """A resolver that is a coroutine function."""
    return acme if issuer == "acme" else None


def resolve_plainly(issuer: str) -> Tenant | None:
    """A resolver that is a plain function."""
    return acme if issuer == "acme" else None


def of_globex(secret: bytes, kid: object = ABSENT, **claims: Any) -> str:
    """A token of globex, signed with this of its secrets."""
    return raw(with_members(HEADER, {"kid": kid}), {**CLAIMS, "iss": "globex", "aud": "crm", **claims}, secret)


def of_umbrella(typ: str = "at+jwt", **claims: Any) -> str:
    """A token of umbrella, which names audience and scopes otherwise."""
    return raw(with_members(HEADER, {"typ": typ}), with_members(_UMBRELLAS_CLAIMS, claims), UMBRELLA)
