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
    recalls_safely = True

    def __init__(self, tenants: Iterable[Tenant]) -> None:
        listed = tuple(tenants)
        problems: list[Problem] = [*_strangers(listed)]
        self._by_issuer: dict[str, Tenant] = {} if problems else _by_issuer(listed, problems)
        problems += [] if problems else _shared_secrets(listed)
        if problems:
            raise ConfigurationError(problems, "these tenants cannot be used together")
        self.resolve = self.recall = self._by_issuer.get
        """The tenant that has this issuer, or None."""

    def __len__(self) -> int:
        return len(set(map(id, self._by_issuer.values())))

    def __repr__(self) -> str:
        return f"StaticTenants({len(self)} tenants)"


def _strangers(tenants: tuple[Tenant, ...]) -> Iterator[Problem]:
    kinds = ", ".join(sorted({kind.__name__ for kind in set(map(type, tenants)) if not issubclass(kind, Tenant)}))
    if kinds:
        fix = "build each with Tenant(id, keys=[...], applications=[...])"
        yield Problem("tenants", f"{kinds} instead of Tenant", fix)


def _by_issuer(tenants: tuple[Tenant, ...], problems: list[Problem]) -> dict[str, Tenant]:
    ids: set[str] = set()
    owners: dict[str, Tenant] = {}
    for tenant in tenants:
        if tenant.id in ids:
            fix = "one tenant has all its keys and applications"
            problems.append(Problem(f"tenant {tenant.id!r}", "stands there twice", fix))
        ids.add(tenant.id)
        for issuer in tenant.issuers:
            owner = owners.setdefault(issuer, tenant)
            if owner.id != tenant.id:
                what = f"belongs to {owner.id!r} and {tenant.id!r}"
                problems.append(Problem(f"issuer {issuer!r}", what, "give it to one"))
    return owners


def _shared_secrets(tenants: tuple[Tenant, ...]) -> Iterator[Problem]:
    owners: dict[bytes, Tenant] = {}
    for tenant in tenants:
        for key in tenant.keys:
            owner = owners.setdefault(key.material, tenant)
            if owner is not tenant:
                yield Problem(
                    f"tenants {owner.id!r} and {tenant.id!r}",
                    "share a secret, so each can sign for the other",
                    "issue a secret of its own to each: jwt-middleware secret",
                )
