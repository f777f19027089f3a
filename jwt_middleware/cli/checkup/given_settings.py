"""The API's settings, and what they name, as far as they can be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from jwt_middleware.cli.api_settings import api_settings
from jwt_middleware.cli.checkup.findings import Finding, failure, fine, problems, warning
from jwt_middleware.cli.env_file import is_open_to_others
from jwt_middleware.cli.store import ENV_FILE, environment
from jwt_middleware.errors import ConfigurationError
from jwt_middleware.loading import from_environment, from_toml_file, revocations_problem, tenants_problem
from jwt_middleware.settings import JWTSettings

_CHECK: Final = "settings"


class Given(NamedTuple):
    """What was found, and what the other checks need of the settings."""

    findings: list[Finding]
    tenants: str | None
    """Where the tenants are, if that can be looked at."""
    revocations: str | None
    start_leeway: float
    verify_path: str | None


def given_settings(file: Path | None, **overrides: str) -> Given:
    """The settings of a TOML file, or of environment and `.env`; `overrides`: what the command line says."""
    try:
        values = (from_toml_file(file) if file else from_environment(environment())) | overrides
    except ConfigurationError as error:
        return Given([*problems(_CHECK, error)], **_defaults(overrides))
    missing = [_nowhere()] if values.get("tenants") is None else []
    try:
        settings = api_settings(file, **overrides, **({"tenants": []} if missing else {}))
    except ConfigurationError as error:
        return Given([*missing, *problems(_CHECK, error)], **_defaults(values))
    where = str(file) if file else "the environment and .env"
    found = [*(missing or [fine(_CHECK, f"those of {where} can be used")]), *_remarks(settings)]
    limits = {"start_leeway": settings.start_leeway, "verify_path": settings.verify_path}
    return Given(found, **{**_defaults(values), **limits})


def _defaults(values: dict[str, Any]) -> dict[str, Any]:
    """What can be gone on with where the settings as a whole cannot be used."""
    standard = JWTSettings([])
    tenants, revocations = values.get("tenants"), values.get("revocations")
    is_known = isinstance(tenants, str) and tenants_problem(tenants) is None
    is_store = isinstance(revocations, str) and revocations_problem(revocations) is None
    return {
        "tenants": tenants if is_known else None,
        "revocations": revocations if is_store else None,
        "start_leeway": standard.start_leeway,
        "verify_path": standard.verify_path,
    }


def _nowhere() -> Finding:
    fix = "name the store: --store URL, JWT_MIDDLEWARE_TENANTS or --settings FILE; or make one: jwt-middleware init"
    return failure(_CHECK, "nothing says where the tenants are", fix)


def _remarks(settings: JWTSettings) -> Iterator[Finding]:
    if settings.max_lifetime is None:
        what = "max_lifetime is none: a stolen token may be good for years, and revocations are kept for good"
        yield warning(_CHECK, what, "set it to the longest time that a token needs: 86400 is a day")
    if settings.revocations is None:
        fix = "set JWT_MIDDLEWARE_REVOCATIONS to a database, or to a database and Redis"
        yield warning("revocations", "no store is named, so no token can be withdrawn before it expires", fix)
    if is_open_to_others(ENV_FILE):
        yield failure(_CHECK, f"others on this machine can read {ENV_FILE}", f"chmod 600 {ENV_FILE}")
