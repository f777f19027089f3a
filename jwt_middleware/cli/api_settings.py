"""The settings that the API has, for commands whose work depends on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from jwt_middleware.cli.store import environment
from jwt_middleware.errors import ConfigurationError
from jwt_middleware.loading import as_variables, from_environment
from jwt_middleware.settings import JWTSettings

SettingsFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="TOML file with the API's settings; else they come from JWT_MIDDLEWARE_... variables and .env.",
    ),
]


def api_settings(file: Path | None, **overrides: Any) -> JWTSettings:
    """From a TOML file, or else from the variables of this process and of `.env`; what is passed here wins.

    Raises ConfigurationError with every problem.
    """
    if file is not None:
        return JWTSettings.from_toml(file, **overrides)
    given = from_environment(environment())
    try:
        return JWTSettings(**{"tenants": None, **given, **overrides})
    except ConfigurationError as error:
        raise as_variables(error, given) from None
