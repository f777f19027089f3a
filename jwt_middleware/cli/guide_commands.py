"""`jwt-middleware guide`: what a provider gives to its tenants to read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from jwt_middleware.cli.api_settings import SettingsFile, api_settings
from jwt_middleware.cli.store import environment
from jwt_middleware.cli.terminal import Json, fail, note, print_json, reporting
from jwt_middleware.guide import TITLE, render_html, render_markdown
from jwt_middleware.guide.places import API_URL
from jwt_middleware.loading import ENVIRONMENT_NAMES


class Format(StrEnum):
    """How the guide is written."""

    md = "md"
    html = "html"


RENDER: Final = {Format.md: render_markdown, Format.html: render_html}


def guide_command(
    format: Annotated[Format, typer.Option(help="Markdown, or a web page.")] = Format.md,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there instead of to stdout.")
    ] = None,
    base_url: Annotated[str, typer.Option(metavar="URL", help="Where tenants reach the API.")] = API_URL,
    title: Annotated[str, typer.Option(help="Its heading.")] = TITLE,
    documentation_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The API's reference, to link to.")
    ] = None,
    support_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where to ask, to link to; mailto:api@example.com is fine.")
    ] = None,
    console_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where tenants reach the console, to link to.")
    ] = None,
    settings: SettingsFile = None,
    json: Json = False,
) -> None:
    """Write the guide for tenants, made from the API's settings.

    It has the claims that are required, the limits, each error with what to do about it, and programs to copy.
    No tenant, key or store is named in it, and none is looked at.
    Make it again when the settings change.
    """
    with reporting():
        # The guide is about the API, not about those who call it.
        known = api_settings(settings, tenants=[])
        text = RENDER[format](
            known,
            base_url=base_url,
            title=title,
            documentation_url=documentation_url,
            support_url=support_url,
            console_url=console_url,
        )
        if output is not None:
            _write(output, text)
    _print(format, output, text, json)
    if settings is None and not ENVIRONMENT_NAMES.keys() & environment().keys():
        note("Nothing names the API's settings, so this is the guide to the defaults: --settings FILE")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail("--output", f"{file} cannot be written: {error.strerror}", "name a file in a folder that you may write to")


def _print(format: Format, output: Path | None, text: str, json: bool) -> None:
    if json:
        written = {"guide": text} if output is None else {"file": str(output)}
        print_json({"format": format.value, **written})
    elif output is None:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"{output}: the guide, {len(text.encode())} bytes")
