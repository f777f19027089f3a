"""What every resolver has to do, as tests: subclass the suite and say how yours is made to know `TENANTS`.

::

    class TestMyTenants(ResolverSuite):
        @pytest.fixture
        def resolver(self):
            resolver = MyTenants(TENANTS)
            yield resolver
            resolver.close()

Every test runs in both colours: asked in a thread and on an event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import pytest

from jwt_middleware.plugins import UNKNOWN, Plugin
from jwt_middleware.tenants.keys import Key
from jwt_middleware.tenants.model import Application, Tenant

Ask: TypeAlias = Callable[[str], Tenant | None]
"""Takes an issuer."""

TENANTS: Final = (
    Tenant(
        "acme",
        keys=[
            Key.secret("acme's own secret, which nobody else has", kid="2026-11"),
            Key.secret("acme's former secret, which ends some day", kid="2026-10", not_after=4_000_000_000.5),
            Key.secret("a secret as long as the hash of HS512, which is sixty-four bytes.", algorithm="HS512"),
        ],
        applications=["shop", Application("kiosk", scopes=["read"]), Application("closed", scopes=[], active=False)],
    ),
    Tenant(
        "globex",
        keys=[Key.secret("globex' own secret: \u20ac, \u00e9 and \U0001f511 are fine")],
        applications=["shop"],
        issuers=["https://idp.example/globex", "globex-legacy"],
        scope_claim="scp",
        audience_claim="client_id",
        max_lifetime=600,
        token_types=["access", "JWT"],
    ),
    Tenant("asleep", keys=[Key.secret("the secret of a tenant that is suspended")], applications=["a"], active=False),
    Tenant(
        "M\u00fcller & S\u00f6hne",
        keys=[Key.secret("the secret of M\u00fcller & S\u00f6hne, long enough")],
        applications=["%"],
    ),
)
"""What a resolver under test knows, and nobody else."""

ISSUERS: Final = {issuer: tenant for tenant in TENANTS for issuer in tenant.issuers}

STRANGERS: Final = (
    *(
        "ACME",
        "Acme",
        "acme ",
        " acme",
        "acm",
        "acme\0",
        "acme\n",
        "acm\u0065\u0301",
        "\uff41cme",
        "acme/",
        "acm_",
        "a%",
    ),
    *("globex", "https://idp.example/globex/", "HTTPS://idp.example/globex", "mu\u0308ller & so\u0308hne"),
    *(
        "M\u00dcLLER & S\u00d6HNE",
        "Mu\u0308ller & So\u0308hne",
        "",
        "*",
        "?",
        "\ud800",
        "None",
        "x" * 256,
        "x" * 10_000,
    ),
    *(
        "' OR '1'='1",
        "acme' -- ",
        "acme'; DROP TABLE jwt_middleware_tenants; --",
        "acme\\",
        ":issuer",
        "%(issuer)s",
        "$1",
    ),
)
"""Issuers that nobody has, however alike they look."""


class ResolverSuite:
    """A resolver that can be asked. The fixture `resolver`, which is yours to write, gives one that knows `TENANTS`."""

    @pytest.fixture
    def plugin(self, resolver: Any) -> Iterator[Plugin[Tenant | None]]:
        """The resolver as the middleware has it."""
        plugin: Plugin[Tenant | None] = Plugin(resolver, "resolve", (Tenant, type(None)), 10, "tenant_store")
        yield plugin
        plugin.close()

    @pytest.fixture(params=["in a thread", "on an event loop"])
    def ask(self, request: pytest.FixtureRequest, plugin: Plugin[Tenant | None]) -> Iterator[Ask]:
        """Asks as the middleware asks."""
        if request.param == "in a thread":
            yield lambda issuer: asked(plugin, issuer)
        else:
            with asyncio.Runner() as runner:
                yield lambda issuer: runner.run(asked_async(plugin, issuer))

    @pytest.mark.parametrize("issuer", ISSUERS)
    def test_a_tenant_is_found_by_each_of_its_issuers_with_all_that_is_known_of_it(self, issuer: str, ask: Ask) -> None:
        found = ask(issuer)
        assert found is not None
        assert described(found) == described(ISSUERS[issuer])

    def test_its_keys_check_signatures(self, ask: Ask) -> None:
        found, known = ask("acme"), ISSUERS["acme"]
        assert found is not None
        for mine, theirs in zip(sorted(found.keys, key=_name), sorted(known.keys, key=_name), strict=True):
            assert mine.verifies(b"header.payload", theirs.sign(b"header.payload"))

    def test_nobody_is_found_by_what_only_looks_like_an_issuer(self, ask: Ask) -> None:
        found = {issuer: ask(issuer) for issuer in STRANGERS}
        assert found == dict.fromkeys(STRANGERS)
        acme = ask("acme")
        assert acme is not None
        assert acme.id == "acme"

    def test_the_same_question_has_the_same_answer(self, ask: Ask) -> None:
        answers = [ask(issuer) for issuer in ("acme", "nobody", "acme", "globex-legacy", "nobody", "acme")]
        ids = [None if answer is None else answer.id for answer in answers]
        assert ids == ["acme", None, "acme", "globex", None, "acme"]

    def test_many_may_ask_at_once(self, plugin: Plugin[Tenant | None]) -> None:
        issuers = [*ISSUERS, "nobody"] * 10

        async def ask_all() -> list[Tenant | None]:
            return await asyncio.gather(*(asked_async(plugin, issuer) for issuer in issuers))

        with ThreadPoolExecutor(8) as threads:
            in_threads = [*threads.map(lambda issuer: asked(plugin, issuer), issuers)]
        for answers in (in_threads, asyncio.run(ask_all())):
            ids = [None if answer is None else answer.id for answer in answers]
            assert ids == [ISSUERS[issuer].id if issuer in ISSUERS else None for issuer in issuers]

    def test_one_event_loop_after_another_may_ask(self, plugin: Plugin[Tenant | None]) -> None:
        for _ in range(3):
            found = asyncio.run(asked_async(plugin, "acme"))
            assert found is not None
            assert found.id == "acme"

    def test_it_says_that_it_is_well(self, resolver: Any, ask: Ask) -> None:
        assert ask("nobody") is None
        if hasattr(resolver, "check"):
            resolver.check()
        if hasattr(resolver, "check_async"):
            asyncio.run(resolver.check_async())


def asked(plugin: Plugin[Tenant | None], issuer: str) -> Tenant | None:
    """The answer, as a WSGI door gets it."""
    known = plugin.recall(issuer)
    return plugin.ask(issuer) if known is UNKNOWN else known


async def asked_async(plugin: Plugin[Tenant | None], issuer: str) -> Tenant | None:
    """The answer, as an ASGI door gets it."""
    known = plugin.recall(issuer)
    return await plugin.ask_async(issuer) if known is UNKNOWN else known


def described(tenant: Tenant) -> dict[str, Any]:
    """All that is known of a tenant whose keys are at hand, so that two can be compared."""
    return {
        "id": tenant.id,
        "issuers": tenant.issuers,
        "keys": sorted(((key.key_id, key.algorithm, key.not_after, key.material) for key in tenant.keys), key=repr),
        "applications": {
            application.id: (application.scopes, application.active) for application in tenant.applications
        },
        "active": tenant.active,
        "claims": (tenant.scope_claim, tenant.audience_claim),
        "max_lifetime": tenant.max_lifetime,
        "token_types": tenant.token_types,
    }


def _name(key: Key) -> str:
    return f"{key.algorithm} {key.key_id}"
