"""What is known about a tenant: its issuers, keys and applications. Values checked when built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar, cast

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.grammar import Immutable, is_name, is_scope
from jwt_middleware.tenants.key_sources import KeySource
from jwt_middleware.tenants.keys import HMAC_HASHES, Key

_Listed = TypeVar("_Listed")

MAX_KEYS_WITHOUT_ID: Final = 8
"""Keys that a token without `kid` is tried against at most, so that nobody multiplies the cost of a bad signature."""


class Application(Immutable):
    """A project of a tenant, named by an `aud` value. `scopes` is a ceiling; None: whatever the token asks for.

    Immutable. Raises ConfigurationError when a name is not usable.
    """

    __slots__ = ("active", "id", "scopes")

    id: str
    scopes: frozenset[str] | None
    active: bool

    def __init__(self, id: str, *, scopes: Iterable[str] | None = None, active: bool = True) -> None:
        ceiling = None if scopes is None else _names_or_none(scopes)
        problems = [*_application_problems(id, scopes is None or ceiling is not None, ceiling or (), active)]
        if problems:
            raise ConfigurationError(problems, f"application {id!r} cannot be used")
        put = object.__setattr__
        put(self, "id", id)
        put(self, "scopes", None if ceiling is None else frozenset(ceiling))
        put(self, "active", active)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Application):
            return NotImplemented
        return (self.id, self.scopes, self.active) == (other.id, other.scopes, other.active)

    def __hash__(self) -> int:
        return hash((self.id, self.scopes, self.active))

    def __repr__(self) -> str:
        ceiling = None if self.scopes is None else sorted(self.scopes)
        return f"Application({self.id!r}, scopes={ceiling!r}, active={self.active!r})"


class Tenant(Immutable):
    """A customer of the API: immutable, checked when built.

    `issuers` are its `iss` values (its id where none are given). `scope_claim`, `audience_claim`, `max_lifetime`
    (seconds) and `token_types` override the settings for identity providers that do it otherwise (`scp`,
    `client_id`, ...). Raises ConfigurationError with every problem and its fix.
    """

    __slots__ = (
        "_by_audience",
        "_issuers",
        "active",
        "applications",
        "audience_claim",
        "id",
        "key_source",
        "keys",
        "max_lifetime",
        "renames_claims",
        "scope_claim",
        "token_types",
    )

    id: str
    keys: tuple[Key, ...]
    key_source: KeySource | None
    """Where the keys are fetched from, instead of `keys`."""
    applications: tuple[Application, ...]
    active: bool
    scope_claim: str
    audience_claim: str
    max_lifetime: float | None
    token_types: frozenset[str] | None
    renames_claims: bool
    """Whether scopes or audience stand in other claims than usual."""
    _issuers: tuple[str, ...] | None
    _by_audience: dict[str, Application] | None

    def __init__(
        self,
        id: str,
        *,
        keys: Iterable[Key] | KeySource,
        applications: Iterable[Application | str],
        issuers: Iterable[str] | None = None,
        active: bool = True,
        scope_claim: str = "scope",
        audience_claim: str = "aud",
        max_lifetime: float | None = None,
        token_types: Iterable[str] | None = None,
    ) -> None:
        problems: list[Problem] = []
        put = object.__setattr__
        put(self, "id", id)
        # None for the usual case: there may be a million tenants.
        put(self, "_issuers", None if issuers is None else tuple(_listed(issuers, "issuers", problems)))
        if self._issuers == () and not problems:
            problems.append(
                Problem("issuers", "empty, so no token is the tenant's", "leave it out where iss is the id")
            )
        put(self, "key_source", None if isinstance(keys, Iterable) else _source(keys))
        put(self, "keys", tuple(_listed(keys, "keys", problems)) if isinstance(keys, Iterable) else ())
        if self.key_source is None and not isinstance(keys, Iterable):
            problems.append(Problem("keys", "neither a list nor a key source", "write keys=[Key.secret(...)]"))
        put(self, "applications", _applications(tuple(_listed(applications, "applications", problems)), problems))
        put(self, "active", active)
        put(self, "scope_claim", scope_claim)
        put(self, "audience_claim", audience_claim)
        put(self, "max_lifetime", max_lifetime)
        put(self, "renames_claims", (audience_claim, scope_claim) != ("aud", "scope"))
        types = None if token_types is None else tuple(_listed(token_types, "token_types", problems))
        problems += _type_problems(types or ())
        put(self, "token_types", None if types is None else normalized_types(types))
        # A dictionary costs more memory than a handful of applications is worth.
        many = len(self.applications) > 8
        put(self, "_by_audience", {application.id: application for application in self.applications} if many else None)
        problems += _tenant_problems(self)
        if problems:
            raise ConfigurationError(problems, f"tenant {id!r} cannot be used")

    @property
    def issuers(self) -> tuple[str, ...]:
        """The `iss` values of this tenant's tokens."""
        return (self.id,) if self._issuers is None else self._issuers

    def has_issuer(self, issuer: str) -> bool:
        """Whether tokens with this `iss` are the tenant's: exactly this text."""
        return issuer == self.id if self._issuers is None else issuer in self._issuers

    def application(self, audience: str) -> Application | None:
        """The application that this `aud` value names, active or not."""
        if self._by_audience is not None:
            return self._by_audience.get(audience)
        for application in self.applications:
            if application.id == audience:
                return application
        return None

    def __repr__(self) -> str:
        return f"Tenant({self.id!r}, issuers={list(self.issuers)!r}, keys={list(self.keys)!r}, active={self.active!r})"


class TenantResolver(Protocol):
    """Knows the tenants.

    `resolve` may be a plain or an `async` method. A resolver that answers from memory says so with a class
    attribute `in_memory = True`; then it is called on the event loop, otherwise in a thread of a bounded pool.
    `close` or `aclose`, where there is one, ends what it started.
    """

    def resolve(self, issuer: str, /) -> Tenant | Awaitable[Tenant | None] | None:
        """The tenant that has exactly this issuer, or None. Raising means: cannot tell at the moment (503)."""


def _source(keys: object) -> KeySource | None:
    is_source = callable(getattr(keys, "candidates", None)) and not isinstance(keys, type)
    return cast("KeySource", keys) if is_source else None


def normalized_types(types: Iterable[str]) -> frozenset[str]:
    """Token types as they are compared: lower case, without the `application/` prefix (RFC 7515 section 4.1.9)."""
    return frozenset(str(name).lower().removeprefix("application/") for name in types)


def _type_problems(types: Iterable[object]) -> Iterator[Problem]:
    for name in types:
        if not is_name(name):
            yield Problem("token_types", f"{name!r} is no type", 'write token_types=["JWT"]')


def _names_or_none(names: object) -> Sequence[str] | None:
    if isinstance(names, Iterable) and not isinstance(names, str | bytes):
        return [*names]
    return None


def _application_problems(id: object, is_list: bool, scopes: Iterable[object], active: object) -> Iterator[Problem]:
    if not is_name(id):
        yield Problem("id", "not text of 1 to 256 plain characters", "use the aud value that its tokens carry")
    if not is_list:
        yield Problem("scopes", "not a list", 'write scopes=["read", "write"]')
    for scope in scopes:
        if not is_scope(scope):
            yield Problem("scopes", f"{scope!r} is not a scope name", "no blanks, no control characters")
    if not isinstance(active, bool):
        yield Problem("active", f"{active!r} is neither True nor False", "")


def _listed(given: Iterable[_Listed], where: str, problems: list[Problem]) -> Iterable[_Listed]:
    values: Any = given
    if type(values) is list or type(values) is tuple:
        return given
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        problems.append(Problem(where, "not a list", f"write {where}=[...]"))
        return ()
    return given


def _applications(values: tuple[Application | str, ...], problems: list[Problem]) -> tuple[Application, ...]:
    try:
        return _shared_applications(values)
    except ConfigurationError as error:
        problems += [Problem(f"applications: {where}", what, fix) for where, what, fix in error.problems]
    except TypeError:
        problems.append(Problem("applications", "something in it is neither text nor an Application", 'write ["shop"]'))
    return ()


@lru_cache(maxsize=1024)
def _shared_applications(values: tuple[Application | str, ...]) -> tuple[Application, ...]:
    """Applications by the same names are the same objects: there may be a million tenants that have one "shop"."""
    return tuple(value if isinstance(value, Application) else Application(value) for value in values)


def _tenant_problems(tenant: Tenant) -> Iterator[Problem]:
    yield from _id_problems(tenant)
    yield from _key_problems(tenant.keys)
    yield from _application_set_problems(tenant.applications)
    yield from _override_problems(tenant)


def _id_problems(tenant: Tenant) -> Iterator[Problem]:
    if not is_name(tenant.id):
        yield Problem("id", "not text of 1 to 256 plain characters", "use a short name")
    # A slash, also an encoded one, would make the principal (tenant/subject) ambiguous for whoever decodes it.
    elif "/" in tenant.id or "%2f" in tenant.id.lower():
        yield Problem("id", "has a slash", "use a short name, and issuers=[...] for an iss value that is a URL")
    for issuer in tenant._issuers or ():
        if not is_name(issuer):
            yield Problem("issuers", f"{issuer!r} is not text of 1 to 256 plain characters", "use its iss values")


def _key_problems(keys: Sequence[object]) -> Iterator[Problem]:
    usable = [key for key in keys if isinstance(key, Key)]
    if len(usable) != len(keys):
        yield Problem("keys", "something in it is not a Key", "build keys with Key.secret(...)")
    if len(usable) > 1:
        yield from _key_set_problems(usable)


def _key_set_problems(usable: Sequence[Key]) -> Iterator[Problem]:
    if len({key.algorithm in HMAC_HASHES for key in usable}) > 1:
        yield Problem(
            "keys", "secrets and public keys are mixed", "one tenant has one kind, or what is public could sign"
        )
    if sum(key.key_id is None for key in usable) > MAX_KEYS_WITHOUT_ID:
        yield Problem("keys", f"more than {MAX_KEYS_WITHOUT_ID} keys without kid", "give each a kid")
    named = Counter((key.algorithm, key.key_id) for key in usable if key.key_id is not None)
    for (algorithm, key_id), count in named.items():
        if count > 1:
            yield Problem("keys", f"{count} {algorithm} keys with the kid {key_id!r}", "give each a kid of its own")


def _application_set_problems(applications: Sequence[Application]) -> Iterator[Problem]:
    if len(applications) < 2:
        return
    for name, count in Counter(application.id for application in applications).items():
        if count > 1:
            yield Problem("applications", f"{name!r} stands there {count} times", "name each once")


def _override_problems(tenant: Tenant) -> Iterator[Problem]:
    active: object = tenant.active
    if not isinstance(active, bool):
        yield Problem("active", f"{active!r} is neither True nor False")
    for where, claim in (("scope_claim", tenant.scope_claim), ("audience_claim", tenant.audience_claim)):
        if not is_name(claim):
            yield Problem(where, "not the name of a claim", f'the usual one is "{where.removesuffix("_claim")}"')
    lifetime: object = tenant.max_lifetime
    if lifetime is not None and (
        isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not 0 < lifetime < 1e11
    ):
        yield Problem(
            "max_lifetime",
            "not a number of seconds above 0",
            "86400 is a day; leave it out for the limit in settings",
        )
