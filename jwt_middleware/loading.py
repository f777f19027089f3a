"""Where settings come from: the environment, a TOML file, a mapping; and the stores that a URL names.

`SETTING_NAMES` is the one list of names. A value that does not convert is passed on as it is, so that the settings
report it together with everything else that is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.paths import Rule
from jwt_middleware.revocation.opening import SQL_SCHEMES
from jwt_middleware.revocation.opening import open_revocations as open_revocations
from jwt_middleware.revocation.opening import revocations_problem as revocations_problem
from jwt_middleware.tenants.cached import CachedTenants
from jwt_middleware.tenants.file import FileTenants, read_toml
from jwt_middleware.tenants.model import TenantResolver

ENVIRONMENT_PREFIX: Final = "JWT_MIDDLEWARE_"
OTHER_VARIABLES: Final = frozenset(("JWT_MIDDLEWARE_STORE_KEY",))
"""Variables that begin so and are no settings: secrets that stores read themselves."""


def _text(value: str) -> object:
    return value


def _number(value: str) -> object:
    try:
        return int(value) if value.strip().lstrip("-").isdigit() else float(value)
    except ValueError:
        return value


def _or_none(convert: Callable[[str], object]) -> Callable[[str], object]:
    return lambda value: None if value.strip().lower() in ("none", "off") else convert(value)


def _flag(value: str) -> object:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(value.lower(), value)


def _list(value: str) -> object:
    return [part.strip() for part in value.split(",") if part.strip()]


SETTING_NAMES: Final[dict[str, Callable[[str], object] | None]] = {
    "tenants": _text,
    "revocations": _or_none(_text),
    "algorithms": _list,
    "required_claims": _list,
    "expiry_leeway": _number,
    "start_leeway": _number,
    "max_lifetime": _or_none(_number),
    "max_token_bytes": _number,
    "token_types": _list,
    "realm": _text,
    "public": _list,
    "optional": _list,
    "rules": None,
    "verify_path": _or_none(_text),
    "pass_preflight": _flag,
    "require_https": _flag,
    "error_uri": _or_none(_text),
    "render_error": None,
    "validators": None,
    "store_timeout": _number,
    "max_verified_tokens": _number,
    "websocket_subprotocol": _flag,
    "recheck_interval": _number,
    "max_logged_refusals": _number,
    "observers": None,
    "clock": None,
}
"""Every setting, with how text from the environment is read; None: it cannot be given as text."""

ENVIRONMENT_NAMES: Final = {
    ENVIRONMENT_PREFIX + name.upper(): name for name, read in SETTING_NAMES.items() if read is not None
}
"""The environment variables that `JWTSettings.from_env` reads. Lists are comma-separated."""


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Settings by name from the `JWT_MIDDLEWARE_...` variables; a name that is none is passed on to be reported."""
    given = {name: value for name, value in environment.items() if _is_setting(name)}
    return dict(_from_variable(name, value) for name, value in given.items())


def from_toml_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Settings by name from a TOML file. `[[tenants]]` may stand in it, or `tenants` names another file."""
    file = Path(path)
    values = from_mapping(read_toml(file))
    tenants = values.get("tenants")
    if isinstance(tenants, list):
        values["tenants"] = str(file)
    elif isinstance(tenants, str) and _is_file(tenants):
        values["tenants"] = str(file.parent / tenants)
    return values


def from_mapping(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name from a mapping such as a framework's configuration; names in either case."""
    values = {str(name).lower(): value for name, value in mapping.items()}
    if isinstance(values.get("rules"), list | tuple):
        values["rules"] = [_rule(rule) for rule in values["rules"]]
    return values


def as_variables(error: ConfigurationError, given: Iterable[str]) -> ConfigurationError:
    """The same problems under the names of their environment variables; `given` are those that the environment has."""
    names = {name: variable for variable, name in ENVIRONMENT_NAMES.items()}
    names |= {name: ENVIRONMENT_PREFIX + name.upper() for name in given}
    renamed = [Problem(names.get(problem.where, problem.where), *problem[1:]) for problem in error.problems]
    return ConfigurationError(renamed, error.title)


def tenants_problem(url: str) -> Problem | None:
    """What is wrong with a URL of tenants, without opening it."""
    scheme, is_url, _ = url.partition("://")
    if _is_file(url) or (is_url and scheme in SQL_SCHEMES):
        return None
    fix = 'write "tenants.toml", "sqlite:///tenants.db" or "postgresql+psycopg://...", or pass Tenant objects'
    return Problem("tenants", f"{shown(url)!r} names no kind of store", fix)


def shown(store: object) -> object:
    """A setting that names a store, as it may be shown: what follows the scheme of a URL may hold a password."""
    if not isinstance(store, str) or _is_file(store):
        return store
    scheme, colon, _ = store.partition(":")
    return f"{scheme}://..." if colon else store


def open_tenants(url: str, store_timeout: float = 0.25) -> TenantResolver:
    """The resolver that a URL names; a database with a cache in front of it.

    `store_timeout` (seconds) bounds each look-up. Raises ConfigurationError when it cannot be opened.
    """
    if _is_file(url):
        return FileTenants(url)
    try:
        from jwt_middleware.tenants.sql import SQLTenants
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library not in ("sqlalchemy", "cryptography"):
            raise
        problem = Problem("tenants", f"{library} is not installed", "pip install 'tenant-jwt-middleware[sql]'")
        raise ConfigurationError([problem], "this store cannot be opened") from None
    return CachedTenants(SQLTenants(url, store_timeout=store_timeout), store_timeout=store_timeout)


def _is_setting(variable: str) -> bool:
    return variable.startswith(ENVIRONMENT_PREFIX) and variable not in OTHER_VARIABLES


def _is_file(url: str) -> bool:
    return url.endswith(".toml") and "://" not in url


def _from_variable(variable: str, value: str) -> tuple[str, object]:
    name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
    read = SETTING_NAMES.get(name)
    return name, value if read is None else read(value)


def _rule(value: object) -> object:
    """A rule written as a table. One that is wrong stays as it is, with its problems, for the settings to report."""
    if not isinstance(value, Mapping):
        return value
    try:
        return Rule(**value)
    except (ConfigurationError, TypeError) as error:
        return error
