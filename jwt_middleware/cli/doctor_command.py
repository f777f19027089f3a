"""`jwt-middleware doctor`: everything that can be checked from here, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from jwt_middleware.cli.api_settings import SettingsFile
from jwt_middleware.cli.checkup import installation, revocation_store, tenant_store
from jwt_middleware.cli.checkup.findings import Finding, State, failure
from jwt_middleware.cli.checkup.given_settings import given_settings
from jwt_middleware.cli.durations import seconds_in
from jwt_middleware.cli.store import Revocations, Store
from jwt_middleware.cli.terminal import REFUSED, Json, console, print_json, reporting
from jwt_middleware.explaining.wording import visible

_STYLES: Final = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


def doctor_command(
    context: typer.Context,
    settings: SettingsFile = None,
    store: Store = None,
    revocations: Revocations = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A running API, https://api.example: whether it gets the Authorization header."
        ),
    ] = None,
    within: Annotated[
        str, typer.Option(metavar="DURATION", help="Keys that end within that time are told of: 14d, 24h.")
    ] = "14d",
    json: Json = False,
) -> None:
    """Check settings, stores, clocks and keys; say what to mend.

    The exit status is 1 where something fails, and 0 where there are warnings only.
    It changes nothing and tells no secret. Settings are those of the environment and .env, or of --settings.
    """
    with reporting():
        seconds = seconds_in(within, "--within")
        named = {"tenants": store, "revocations": revocations}
        options = {"tenants": "store", "revocations": "revocations"}
        overrides = {
            name: text
            for name, text in named.items()
            if text and (settings is None or _is_typed(context, options[name]))
        }
        found = [*_findings(settings, overrides, url, seconds)]
    failed = any(finding.state is State.FAIL for finding in found)
    if json:
        print_json({"ok": not failed, "findings": [finding._asdict() for finding in found]})
    else:
        _print(found)
    if failed:
        raise typer.Exit(REFUSED)


def _is_typed(context: typer.Context, option: str) -> bool:
    """Whether the option is on the command line; else a variable has it, which a file of settings goes before."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _findings(file: Path | None, overrides: dict[str, str], url: str | None, within: float) -> Iterator[Finding]:
    yield from installation.findings()
    given = given_settings(file, **overrides)
    yield from given.findings
    if given.tenants is not None:
        yield from tenant_store.findings(given.tenants, given.start_leeway, within)
    if given.revocations is not None:
        yield from revocation_store.findings(given.revocations)
    if url is not None:
        yield from _of_server(url, given.verify_path, given.start_leeway)


def _of_server(url: str, verify_path: str | None, leeway: float) -> list[Finding]:
    from jwt_middleware.cli.checkup import server

    try:
        return [*server.findings(url, verify_path, leeway)]
    except ModuleNotFoundError as missing:
        return [failure("server", f"{missing.name} is not installed", "pip install 'tenant-jwt-middleware[cli,jwks]'")]


def _print(found: list[Finding]) -> None:
    table = Table("", "check", "found", "what to do")
    for column in table.columns[2:]:
        column.overflow = "fold"
    for check, state, what, fix in found:
        table.add_row(Text(state, style=_STYLES[state]), check, Text(visible(what)), Text(visible(fix)))
    console().print(table)
