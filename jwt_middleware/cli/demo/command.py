"""`jwt-middleware demo`: loads what it needs only when it is called."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from jwt_middleware.cli import leave_without
from jwt_middleware.cli.durations import positive_seconds_in
from jwt_middleware.cli.terminal import REFUSED, Json, reporting

BROUGHT_BY_THE_EXTRA: Final = (
    *("alembic", "cryptography", "fastapi", "flask", "httpx2", "jinja2", "markupsafe", "pydantic", "sqlalchemy"),
    *("starlette", "uvicorn", "waitress", "werkzeug"),
)


def demo_command(
    wsgi: Annotated[bool, typer.Option("--wsgi", help="Flask on waitress instead of FastAPI on uvicorn.")] = False,
    once: Annotated[bool, typer.Option("--once", help="End after the table instead of serving on.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where to listen; 0: any free port.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    grace: Annotated[
        str, typer.Option(metavar="DURATION", help="How long an old secret goes on, once there is a new one.")
    ] = "30s",
    json: Json = False,
) -> None:
    """Serve a small gamification API, provoke each documented answer, and show them in one table.

    The tenant has a fresh secret, in a store that is removed at the end.
    The requests are real ones, over the network.
    Then the API serves on, so that you can try it, beside the pages for tenants:
    refresh the secret in a browser, and watch the old one end.
    With --json, the rows are on stdout and the rest is on stderr.
    """
    with reporting():
        all_as_documented = _run(wsgi, once, port, host, grace, json)
    if not all_as_documented:
        raise typer.Exit(REFUSED)


def _run(wsgi: bool, once: bool, port: int, host: str, grace: str, json: bool) -> bool:
    try:
        from jwt_middleware.cli.demo.session import Plan, run

        if wsgi:
            from jwt_middleware.cli.demo.wsgi_server import NAME, serving
        else:
            from jwt_middleware.cli.demo.asgi_server import NAME, serving
    except ModuleNotFoundError as missing:
        leave_without(missing, "demo", BROUGHT_BY_THE_EXTRA)
    return run(Plan(NAME, serving, host, port, once, json, positive_seconds_in(grace, "--grace")))
