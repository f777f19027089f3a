"""What may change about a tenant: from the tenant as it is to the tenant as it shall be. No I/O.

Each function raises ConfigurationError where that would be no tenant, or where it names what is not there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.tenants.jwks import JWKS
from jwt_middleware.tenants.keys import HMAC_HASHES, Key
from jwt_middleware.tenants.model import Application, Tenant

LATEST: Final = 1e11
"""No time is this late (seconds since the Unix epoch), and none lasts this long."""


class Added(NamedTuple):
    """What became of a tenant that was to be added with others."""

    tenant: Tenant
    is_new: bool
    """False: it was there already, just so; or it cannot be added."""
    problem: ConfigurationError | None = None
    """Why it cannot be added."""


def added(old: Tenant | None, tenant: Tenant) -> Tenant:
    """The tenant, new or there already. Raises ConfigurationError where there is another one of this id."""
    if old is not None and not are_alike(old, tenant):
        fix = "change what shall be different, or call replace_tenant"
        problem = Problem("id", "there is another tenant of this id", fix)
        raise ConfigurationError([problem], f"tenant {tenant.id!r} cannot be stored so")
    return old or tenant


def refuse_issuers_of_others(tenant: Tenant, owners: Mapping[str, str]) -> None:
    """Raises ConfigurationError for an issuer that is somebody else's; `owners` has the tenant's id for each."""
    problems = [
        Problem(f"issuer {issuer!r}", f"belongs to {owners[issuer]!r}", "give it to one")
        for issuer in tenant.issuers
        if owners.get(issuer, tenant.id) != tenant.id
    ]
    if problems:
        raise ConfigurationError(problems, f"tenant {tenant.id!r} cannot be stored")


def added_together(
    tenants: Iterable[Tenant],
    known: Mapping[str, Tenant],
    owners: Mapping[str, str],
    check: Callable[[Tenant], object],
) -> Iterator[Added]:
    """What becomes of each, in their order, beside those that are `known` and those before it.

    `owners` are the tenants, by id, that have an issuer; `check` raises ConfigurationError for what cannot be stored.
    """
    there, taken = {**known}, {**owners}
    for tenant in tenants:
        is_new = tenant.id not in there
        try:
            check(tenant)
            added(there.get(tenant.id), tenant)
            refuse_issuers_of_others(tenant, taken)
        except ConfigurationError as error:
            yield Added(tenant, is_new=False, problem=error)
            continue
        there[tenant.id] = tenant
        taken |= dict.fromkeys(tenant.issuers, tenant.id)
        yield Added(tenant, is_new)


def changed(tenant: Tenant, **values: Any) -> Tenant:
    """The tenant with other values for these arguments of `Tenant`."""
    as_it_is = {
        "keys": tenant.keys if tenant.key_source is None else tenant.key_source,
        "applications": tenant.applications,
        "issuers": None if tenant.issuers == (tenant.id,) else tenant.issuers,
        "active": tenant.active,
        "scope_claim": tenant.scope_claim,
        "audience_claim": tenant.audience_claim,
        "max_lifetime": tenant.max_lifetime,
        "token_types": tenant.token_types,
    }
    return Tenant(tenant.id, **{**as_it_is, **values})


def are_alike(one: Tenant, other: Tenant) -> bool:
    """Whether both say the same, in whichever order."""
    return _said(one) == _said(other)


def fetched_from(tenant: Tenant) -> object:
    """What says where the tenant's keys are fetched from, equal for equal places; None: they are at hand."""
    source = tenant.key_source
    return (source.url, source.is_discovered) if isinstance(source, JWKS) else source


def with_application(tenant: Tenant, application: Application) -> Tenant:
    """One more application; the tenant itself where it has just this one already."""
    if tenant.application(application.id) == application:
        return tenant
    return changed(tenant, applications=[*tenant.applications, application])


def with_scopes(tenant: Tenant, application_id: str, scopes: Iterable[str] | None) -> Tenant:
    """Another ceiling for an application; None: no ceiling."""
    old = _application(tenant, application_id)
    return _with(tenant, old, Application(old.id, scopes=scopes, active=old.active))


def with_application_active(tenant: Tenant, application_id: str, active: bool) -> Tenant:
    """An application suspended, or resumed."""
    old = _application(tenant, application_id)
    return _with(tenant, old, Application(old.id, scopes=old.scopes, active=active))


def without_application(tenant: Tenant, application_id: str) -> Tenant:
    """The applications less the one with this id; the tenant itself where there is none."""
    others = [one for one in tenant.applications if one.id != application_id]
    return tenant if len(others) == len(tenant.applications) else changed(tenant, applications=others)


def with_key(tenant: Tenant, key: Key) -> Tenant:
    """One more key; the tenant itself where it has this one already, whatever its end."""
    _refuse_fetched(tenant)
    if any(_is_same(old, key) for old in tenant.keys):
        return tenant
    return changed(tenant, keys=[*tenant.keys, key])


def rotated(tenant: Tenant, key: Key, grace: float | None, now: float) -> Tenant:
    """The new key beside the others, which end in `grace` seconds; None: they keep the end that they have.

    No key lives longer than before, and those that have ended already are forgotten. Where the tenant has this very
    key, it stays as it is.
    """
    _refuse_fetched(tenant)
    moment = _seconds("now", now)
    end = None if grace is None else moment + _seconds("grace", grace)
    usable = [old for old in tenant.keys if old.is_usable(moment)]
    new = next((old for old in usable if _is_same(old, key)), key)
    others = [old if end is None else _ending(old, end) for old in usable if old is not new]
    return changed(tenant, keys=[new, *others])


def without_key(tenant: Tenant, key_id: str | None, algorithm: str | None, at: float) -> Tenant:
    """Keys with this id (None: those that have none) end at this time, unless they do earlier."""
    _refuse_fetched(tenant)
    end = _seconds("at", at)
    meant = {key for key in tenant.keys if key.key_id == key_id and algorithm in (None, key.algorithm)}
    if not meant:
        raise _missing("key", key_id, tenant, [key.key_id for key in tenant.keys])
    return changed(tenant, keys=[_ending(key, end) if key in meant else key for key in tenant.keys])


def algorithm_of_secrets(tenant: Tenant) -> str:
    """What the tenant's next secret is for: the same as its newest one, HS256 where it has none."""
    return next((key.algorithm for key in tenant.keys if key.algorithm in HMAC_HASHES), "HS256")


def next_key_id(tenant: Tenant, now: float) -> str | None:
    """A key id that none of the tenant's keys has, beginning with the day (UTC).

    None where its keys have none: its tokens then name none either.
    """
    if all(key.key_id is None for key in tenant.keys):
        return None
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    return f"{day}-{secrets.token_hex(3)}"


def _ending(key: Key, end: float) -> Key:
    ends_before = key.not_after is not None and key.not_after <= end
    return key if ends_before else Key(key.algorithm, key.material, key.key_id, end)


def _is_same(old: Key, new: Key) -> bool:
    return (old.algorithm, old.key_id) == (new.algorithm, new.key_id) and old.has_secret_of(new)


def _seconds(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LATEST:
        problem = Problem(where, f"{value!r} is not a number of seconds from 0 up", "3600 is an hour")
        raise ConfigurationError([problem], "no key was changed")
    return value


def _application(tenant: Tenant, application_id: str) -> Application:
    found = tenant.application(application_id)
    if found is None:
        raise _missing("application", application_id, tenant, [one.id for one in tenant.applications])
    return found


def _with(tenant: Tenant, old: Application, new: Application) -> Tenant:
    return changed(tenant, applications=[new if each is old else each for each in tenant.applications])


def _refuse_fetched(tenant: Tenant) -> None:
    if tenant.key_source is not None:
        fix = "change them where they are published; or replace the tenant, with keys=[...]"
        problem = Problem("keys", "those of this tenant are fetched by URL", fix)
        raise ConfigurationError([problem], f"tenant {tenant.id!r} cannot be changed so")


def _missing(kind: str, name: str | None, tenant: Tenant, known: Iterable[str | None]) -> ConfigurationError:
    what = "there is none without kid" if name is None else f"there is no {name!r}"
    fix = f"there are: {', '.join(repr(one) for one in known) or 'none'}"
    return ConfigurationError([Problem(kind, what, fix)], f"tenant {tenant.id!r} cannot be changed so")


def _said(tenant: Tenant) -> tuple[Any, ...]:
    return (
        *(tenant.id, frozenset(tenant.issuers), frozenset(tenant.applications), frozenset(tenant.keys)),
        *(tenant.active, tenant.scope_claim, tenant.audience_claim, tenant.max_lifetime, tenant.token_types),
        fetched_from(tenant),
    )
