"""The world of one test: a frozen clock, fresh tenants, both doors, and the log they write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any
from unicodedata import category

from jwt_middleware import JWKS, Identity, JWTSettings, Tenant
from jwt_middleware.tenants.jwks import Limits

from ..keys.serving import PATIENT, Answer, KeyServer
from .build import Clock, Party, party, raw, signing_party
from .checks import spellings, texts_of
from .doors import Doors, Request
from .outside import Listener


class Records(logging.Handler):
    """Keeps the records of one test."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


class World:
    """What fixtures.json describes, made new for each test."""

    def __init__(
        self, loop: asyncio.Runner, log: Records, listener: Listener, make: Callable[..., Party] = party
    ) -> None:
        self.loop = loop
        self.log = log
        self.listener = listener
        self.clock = Clock()
        self.servers: list[KeyServer] = []
        self._make = make
        self.secrets: set[bytes] = set()
        self.a = self.party("A")
        self.b = self.party("B")
        self.standing = self.doors(self.a, self.b)

    @property
    def now(self) -> float:
        return self.clock.now

    def party(self, name: str, *key_ids: str) -> Party:
        """A further tenant, whose secrets are watched for too."""
        made = self._make(name, *key_ids)
        self.secrets.update(secret for secret in made.secrets.values() if isinstance(secret, bytes))
        return made

    def keyed(self, name: str, algorithm: str, *key_ids: str) -> Party:
        """A further tenant, which has a key pair of this algorithm."""
        return signing_party(name, *key_ids, algorithm=algorithm)

    def serve(self, answer: Answer) -> KeyServer:
        """A key server on a loopback address that answers like this."""
        server = KeyServer(answer)
        self.servers.append(server)
        server.up()
        return server

    def jwks(self, server: KeyServer, limits: Limits = PATIENT) -> JWKS:
        """The keys of that server, on the frozen clock."""
        return server.jwks(limits=limits, clock=self.clock)

    def settings(self, tenants: Any, **options: Any) -> JWTSettings:
        """Settings that run on the frozen clock, and log every refusal, so that each line can be read."""
        return JWTSettings(tenants, **{"clock": self.clock, "max_logged_refusals": 1_000_000, **options})

    def doors(self, *parties: Party | Tenant, resolver: object = None, **options: Any) -> Doors:
        """Both doors for these tenants, or for a resolver."""
        listed = [one.tenant() if isinstance(one, Party) else one for one in parties]
        return Doors(self.settings(resolver or listed, **options), self.loop)

    def good(self, of: Party | None = None, /, **claims: object) -> str:
        """GOOD(A), or of another party, with claims changed or ABSENT."""
        one = of or self.a
        return raw(one.header(), one.claims(self.now, **claims), one.secret)

    def headed(self, of: Party | None = None, /, **members: object) -> str:
        """GOOD(A) with header members changed or ABSENT, signed again."""
        one = of or self.a
        return raw(one.header(**members), one.claims(self.now), one.secret)

    def paying(self, payload: object) -> str:
        """The good header of A over any payload, signed with A's secret."""
        return raw(self.a.header(), payload, self.a.secret)

    def segments(self) -> tuple[str, str, str]:
        """h, p and s of GOOD(A)."""
        header, payload, signature = self.good().split(".")
        return header, payload, signature

    def check_log(self, request: Request) -> None:
        """The log has no line break, no credentials and no secret; it is emptied for the next attempt."""
        told = [record.getMessage() for record in self.log.kept]
        self.log.kept.clear()
        forbidden = [*spellings(self.secrets), *_credentials(request)]
        for line in told:
            assert len(line.splitlines()) == 1, f"a line break in the log: {line!r}"
            assert not [char for char in line if category(char) == "Cc"], f"control characters in the log: {line!r}"
            assert len(line) < 2000
            assert not [text for text in forbidden if text in line]


def _credentials(request: Request) -> Iterable[str]:
    long = [text for text in texts_of(request) if len(text) > 40]
    return [text for field in request.authorization for text in long if text in field.decode("latin-1")]


class Directory:
    """A resolver that a test can change between two requests."""

    in_memory = True

    def __init__(self, *tenants: Tenant) -> None:
        self.by_issuer: dict[str, Tenant] = {}
        self.asked: list[object] = []
        self.put(*tenants)

    def put(self, *tenants: Tenant) -> None:
        self.by_issuer.update({issuer: tenant for tenant in tenants for issuer in tenant.issuers})

    def remove(self, issuer: str) -> None:
        del self.by_issuer[issuer]

    def resolve(self, issuer: str) -> Tenant | None:
        self.asked.append(issuer)
        return self.by_issuer.get(issuer)


class Withdrawn:
    """A revocation store in memory: pairs of tenant id and token id."""

    in_memory = True

    def __init__(self) -> None:
        self.tokens: set[tuple[str, str]] = set()

    def revoke(self, identity: Identity) -> None:
        self.tokens.add((identity.tenant_id, identity.token_id))

    def is_revoked(self, tenant_id: str, token_id: str, subject: str, issued_at: float) -> bool:
        return (tenant_id, token_id) in self.tokens
