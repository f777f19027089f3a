"""Tenants that are known when the process starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.tenants.model import Tenant


class StaticTenants:
    """A fixed set of tenants, found by issuer in one dictionary look-up. What a plain sequence becomes.

    Raises ConfigurationError when an id or issuer stands twice, or two tenants share a secret: each could then
    sign for the other.
    """

    in_memory = True

    def __init__(self, tenants: Iterable[Tenant]) -> None:
        listed = tuple(tenants)
        problems = [*_problems(listed)]
        if problems:
            raise ConfigurationError(problems, "these tenants cannot be used together")
        self._by_issuer = {issuer: tenant for tenant in listed for issuer in tenant.issuers}
        self.resolve = self._by_issuer.get
        """The tenant that has this issuer, or None."""

    def __len__(self) -> int:
        return len(set(map(id, self._by_issuer.values())))

    def __repr__(self) -> str:
        return f"StaticTenants({len(self)} tenants)"


def _problems(tenants: tuple[Tenant, ...]) -> Iterator[Problem]:
    kinds = ", ".join(sorted({kind.__name__ for kind in map(type, tenants) if not issubclass(kind, Tenant)}))
    if kinds:
        yield Problem(
            "tenants",
            f"{kinds} instead of Tenant",
            "build each with Tenant(id, keys=[...], applications=[...])",
        )
        return
    yield from _twice(tenants)
    yield from _shared_secrets(tenants)


def _twice(tenants: tuple[Tenant, ...]) -> Iterator[Problem]:
    ids: set[str] = set()
    owner: dict[str, str] = {}
    for tenant in tenants:
        if tenant.id in ids:
            yield Problem(f"tenant {tenant.id!r}", "stands there twice", "one tenant has all its keys and applications")
        ids.add(tenant.id)
        for issuer in set(tenant.issuers):
            if owner.setdefault(issuer, tenant.id) != tenant.id:
                yield Problem(f"issuer {issuer!r}", f"belongs to {owner[issuer]!r} and {tenant.id!r}", "give it to one")


def _shared_secrets(tenants: tuple[Tenant, ...]) -> Iterator[Problem]:
    owner: dict[bytes, str] = {}
    for tenant in tenants:
        for key in tenant.keys:
            first = owner.setdefault(key.secret_digest(), tenant.id)
            if first != tenant.id:
                yield Problem(
                    f"tenants {first!r} and {tenant.id!r}",
                    "share a secret, so each can sign for the other",
                    "issue a secret of its own to each: jwt-middleware secret",
                )
