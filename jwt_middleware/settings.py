"""JWTSettings: everything a provider decides, checked when built. No I/O happens here."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, Never, TypeAlias, cast

from jwt_middleware import loading
from jwt_middleware.claims import Validator
from jwt_middleware.errors import AuthenticationError, ConfigurationError, Problem
from jwt_middleware.grammar import is_name
from jwt_middleware.observation import Observer
from jwt_middleware.paths import PathPolicy, Rule, is_plain
from jwt_middleware.plugins import is_async
from jwt_middleware.revocation.protocol import RevocationStore
from jwt_middleware.tenants.keys import HMAC_HASHES, PUBLIC_KEY_ALGORITHMS
from jwt_middleware.tenants.model import Tenant, TenantResolver
from jwt_middleware.tenants.static import StaticTenants

Tenants: TypeAlias = Sequence[Tenant] | TenantResolver | Callable[[str], Any] | str
"""Tenant objects, a resolver, a function of the issuer (plain or `async`), or a URL such as "tenants.toml"."""

RenderError: TypeAlias = Callable[[AuthenticationError, Mapping[str, Any]], tuple[str, bytes]]
"""Takes the refusal and the members of the default body; returns content type and body. Decides nothing else."""

ALGORITHMS: Final = (
    *HMAC_HASHES,
    *PUBLIC_KEY_ALGORITHMS,
)
"""Every signature of RFC 7518 section 3.1 and RFC 8037: which of them a key serves is said where the key is built."""

_QUOTABLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+").fullmatch
_WEB_ADDRESS = re.compile(r"https?://[\x21-\x7e]+").fullmatch


class JWTSettings:
    """The settings of one middleware. Frozen; times in seconds, sizes in bytes.

    Raises ConfigurationError with every problem at once, each with what to type instead. docs/settings.md explains
    each name.
    """

    tenants: Final[TenantResolver | Callable[[str], Any] | str]
    revocations: Final[RevocationStore | str | None]
    algorithms: Final[tuple[str, ...]]
    required_claims: Final[tuple[str, ...]]
    expiry_leeway: Final[float]
    start_leeway: Final[float]
    max_lifetime: Final[float | None]
    max_token_bytes: Final[int]
    token_types: Final[tuple[str, ...]]
    realm: Final[str]
    public: Final[tuple[str, ...]]
    optional: Final[tuple[str, ...]]
    rules: Final[tuple[Rule, ...]]
    verify_path: Final[str | None]
    pass_preflight: Final[bool]
    require_https: Final[bool]
    error_uri: Final[str | None]
    render_error: Final[RenderError | None]
    validators: Final[tuple[Validator, ...]]
    store_timeout: Final[float]
    max_verified_tokens: Final[int]
    websocket_subprotocol: Final[bool]
    recheck_interval: Final[float]
    max_logged_refusals: Final[int]
    observers: Final[tuple[Observer, ...]]
    clock: Final[Callable[[], float]]
    path_policy: Final[PathPolicy]
    """`public`, `optional` and `rules`, compiled."""

    def __init__(
        self,
        tenants: Tenants,
        *,
        revocations: RevocationStore | str | None = None,
        algorithms: Iterable[str] = ALGORITHMS,
        required_claims: Iterable[str] = (),
        expiry_leeway: float = 0,
        start_leeway: float = 60,
        max_lifetime: float | None = 86_400,
        max_token_bytes: int = 8192,
        token_types: Iterable[str] = ("JWT", "at+jwt"),
        realm: str = "api",
        public: Iterable[str] = (),
        optional: Iterable[str] = (),
        rules: Iterable[Rule] = (),
        verify_path: str | None = "/v1/auth/verify",
        pass_preflight: bool = True,
        require_https: bool = False,
        error_uri: str | None = None,
        render_error: RenderError | None = None,
        validators: Iterable[Validator] = (),
        store_timeout: float = 0.25,
        max_verified_tokens: int = 1024,
        websocket_subprotocol: bool = False,
        recheck_interval: float = 5,
        max_logged_refusals: int = 20,
        observers: Iterable[Observer] = (),
        clock: Callable[[], float] = time.time,
        **unknown: Never,
    ) -> None:
        check = _Check([_unknown(name) for name in unknown])
        self.tenants = check.tenants(tenants)
        self.revocations = check.revocations(revocations)
        self.algorithms = check.algorithms(algorithms)
        self.required_claims = check.names("required_claims", required_claims)
        self.expiry_leeway = check.number("expiry_leeway", expiry_leeway, 0)
        self.start_leeway = check.number("start_leeway", start_leeway, 0)
        self.max_lifetime = None if max_lifetime is None else check.number("max_lifetime", max_lifetime, 1)
        self.max_token_bytes = int(check.number("max_token_bytes", max_token_bytes, 64))
        self.token_types = check.names("token_types", token_types)
        self.realm = check.realm(realm)
        self.public = check.names("public", public)
        self.optional = check.names("optional", optional)
        self.rules = check.rules(rules)
        self.verify_path = check.verify_path(verify_path)
        self.pass_preflight = check.flag("pass_preflight", pass_preflight)
        self.require_https = check.flag("require_https", require_https)
        self.error_uri = check.error_uri(error_uri)
        self.render_error = check.function("render_error", render_error)
        self.validators = check.functions("validators", validators)
        self.store_timeout = check.number("store_timeout", store_timeout, 0.001)
        self.max_verified_tokens = int(check.number("max_verified_tokens", max_verified_tokens, 0))
        self.websocket_subprotocol = check.flag("websocket_subprotocol", websocket_subprotocol)
        self.recheck_interval = check.number("recheck_interval", recheck_interval, 0.01)
        self.max_logged_refusals = int(check.number("max_logged_refusals", max_logged_refusals, 0))
        self.observers = check.observers(observers)
        self.clock = check.function("clock", clock) or time.time
        self.path_policy = PathPolicy([*check.opened(self.public, self.optional), *self.rules])
        check.finish()
        self._frozen = True

    @classmethod
    def from_env(cls, **overrides: Any) -> JWTSettings:
        """Settings from `JWT_MIDDLEWARE_...` variables (`loading.ENVIRONMENT_NAMES`); what is passed here wins."""
        given = loading.from_environment(os.environ)
        try:
            return cls(**{"tenants": None, **given, **overrides})
        except ConfigurationError as error:
            raise loading.as_variables(error, given) from None

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], **overrides: Any) -> JWTSettings:
        """Settings from a TOML file, whose top-level keys are the names here; what is passed here wins."""
        return cls(**{"tenants": None, **loading.from_toml_file(path), **overrides})

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], **overrides: Any) -> JWTSettings:
        """Settings from a mapping, as in `app.config["JWT_MIDDLEWARE"]`; what is passed here wins."""
        return cls(**{"tenants": None, **loading.from_mapping(mapping), **overrides})

    def __setattr__(self, name: str, value: object) -> None:
        if getattr(self, "_frozen", False):
            raise AttributeError(f"JWTSettings is frozen: build a new one to change {name}")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"JWTSettings is frozen: {name} cannot be deleted")

    def __repr__(self) -> str:
        tenants = loading.shown(self.tenants)
        return f"JWTSettings({tenants!r}, algorithms={list(self.algorithms)!r}, realm={self.realm!r})"


def _unknown(name: str) -> Problem:
    near = get_close_matches(name, loading.SETTING_NAMES, n=1)
    return Problem(name, "there is no such setting", f"did you mean {near[0]}?" if near else "see docs/settings.md")


class _Check:
    """Collects problems. Each method returns the value to keep; after a problem it only has to have the right type."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def finish(self) -> None:
        if self.problems:
            raise ConfigurationError(self.problems, "these settings cannot be used")

    def _report(self, where: str, what: str, fix: str) -> None:
        self.problems.append(Problem(where, what, fix))

    def tenants(self, value: Any) -> TenantResolver | Callable[[str], Any] | str:
        if isinstance(value, str):
            if problem := loading.tenants_problem(value):
                self.problems.append(problem)
            return value
        if isinstance(value, Iterable) and not isinstance(value, Mapping) and not hasattr(value, "resolve"):
            return self._static([*value])
        if callable(getattr(value, "resolve", value)) and not isinstance(value, type):
            return cast("TenantResolver | Callable[[str], Any]", value)
        self._report(
            "tenants",
            "missing" if value is None else f"{type(value).__name__} knows no tenants",
            'pass [Tenant(...)], an object with resolve(issuer), a function of the issuer, or "tenants.toml"',
        )
        return StaticTenants(())

    def _static(self, tenants: list[Any]) -> StaticTenants:
        try:
            return StaticTenants(tenants)
        except ConfigurationError as error:
            self.problems += error.problems
            return StaticTenants(())

    def revocations(self, value: Any) -> RevocationStore | str | None:
        if isinstance(value, str):
            if problem := loading.revocations_problem(value):
                self.problems.append(problem)
            return value
        if value is None or (callable(getattr(value, "is_revoked", None)) and not isinstance(value, type)):
            return cast("RevocationStore | None", value)
        self._report(
            "revocations",
            f"{type(value).__name__} has no is_revoked",
            'pass a revocation store object, or a URL such as "memory:"',
        )
        return None

    def algorithms(self, value: Any) -> tuple[str, ...]:
        names = self.names("algorithms", value)
        for name in names:
            if name not in ALGORITHMS:
                self._report("algorithms", f"{name!r} is not one", f"use some of {', '.join(ALGORITHMS)}")
        if not names:
            self._report("algorithms", "none is accepted, so every token is refused", 'write algorithms=["HS256"]')
        return tuple(name for name in names if name in ALGORITHMS)

    def names(self, where: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            self._report(where, "not a list", f'write {where}=["..."]')
            return ()
        names = tuple(value)
        if not all(is_name(name) for name in names):
            self._report(where, "something in it is not text of 1 to 256 plain characters", f'write {where}=["..."]')
        return tuple(name for name in names if is_name(name))

    def number(self, where: str, value: Any, least: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < float("inf"):
            self._report(where, f"{value!r} is not a number from {least} up", f"write {where}=... as a plain number")
            return least
        return value

    def flag(self, where: str, value: Any) -> bool:
        if not isinstance(value, bool):
            self._report(where, f"{value!r} is neither true nor false", f"write {where}=True or {where}=False")
        return value is True

    def realm(self, value: Any) -> str:
        if isinstance(value, str) and _QUOTABLE(value):
            return value
        self._report("realm", "cannot stand in a WWW-Authenticate header", "plain ASCII, no quotes or backslashes")
        return "api"

    def error_uri(self, value: Any) -> str | None:
        if value is None or (isinstance(value, str) and _WEB_ADDRESS(value)):
            return value
        self._report("error_uri", "not a web address", 'write error_uri="https://docs.example.com/errors"')
        return None

    def verify_path(self, value: Any) -> str | None:
        if value is None or (isinstance(value, str) and is_plain(value)):
            return value
        self._report("verify_path", f"{value!r} is not an absolute path", 'write verify_path="/v1/auth/verify" or None')
        return None

    def function(self, where: str, value: Any) -> Any:
        if value is None or (callable(value) and not is_async(value)):
            return value
        what = "an async function, which nobody would await" if callable(value) else "cannot be called"
        self._report(where, f"{type(value).__name__}: {what}", f"pass a plain function as {where}")
        return None

    def functions(self, where: str, value: Any) -> tuple[Any, ...]:
        if isinstance(value, Iterable) and not isinstance(value, str):
            return tuple(function for item in value if (function := self.function(where, item)) is not None)
        self._report(where, "not a list of functions", f"write {where}=[my_function]")
        return ()

    def observers(self, value: Any) -> tuple[Observer, ...]:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            self._report("observers", "not a list of observers", "write observers=[Metrics()]")
            return ()
        return tuple(item for item in value if self._can_observe(item))

    def _can_observe(self, value: Any) -> bool:
        name = value.__name__ if isinstance(value, type) else type(value).__name__
        observe = getattr(value, "observe", None)
        if isinstance(value, type):
            what = f"{name} is a class"
        elif not callable(observe):
            what = f"{name} has no observe"
        elif is_async(observe):
            what = f"{name}.observe is an async function, which nobody would await"
        else:
            return True
        self._report("observers", what, "pass objects with a plain observe(observation), such as Metrics()")
        return False

    def rules(self, value: Any) -> tuple[Rule, ...]:
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            self._report("rules", "not a list", 'write rules=[Rule("/v1/events", scopes=["write"])]')
            return ()
        return tuple(rule for number, item in enumerate(value, 1) if (rule := self._rule(number, item)) is not None)

    def _rule(self, number: int, value: Any) -> Rule | None:
        if isinstance(value, Rule):
            return value
        if isinstance(value, ConfigurationError):
            self.problems += [Problem(f"rules, number {number}: {inner.where}", *inner[1:]) for inner in value.problems]
            return None
        what = str(value) if isinstance(value, TypeError) else f"{type(value).__name__} instead of Rule"
        self._report(f"rules, number {number}", what, 'write Rule("/v1/events", scopes=["write"])')
        return None

    def opened(self, public: tuple[str, ...], optional: tuple[str, ...]) -> list[Rule]:
        rules = []
        for where, paths in (("public", public), ("optional", optional)):
            for path in paths:
                try:
                    rules.append(Rule(path, access=where))  # type: ignore[arg-type]
                except ConfigurationError as error:
                    self.problems += [
                        Problem(where, f"{path!r} is {inner.what}", inner.fix) for inner in error.problems
                    ]
        return rules
