"""The command line: which commands there are, and what `--help` says."""

from __future__ import annotations

from typing import Annotated

import typer

import jwt_middleware
from jwt_middleware.cli.db_commands import current_command, upgrade_command
from jwt_middleware.cli.demo.command import demo_command
from jwt_middleware.cli.revocation_commands import confirm_command
from jwt_middleware.cli.secret import secret_command
from jwt_middleware.cli.terminal import EXIT_CODES
from jwt_middleware.cli.token_commands import explain_command, make_command

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, epilog=EXIT_CODES)
token = typer.Typer(no_args_is_help=True, help="Make a token, or have one explained.", epilog=EXIT_CODES)
db = typer.Typer(no_args_is_help=True, help="The tables of a database of tenants.", epilog=EXIT_CODES)
revocations = typer.Typer(no_args_is_help=True, help="What was revoked.", epilog=EXIT_CODES)

app.command("demo", epilog=EXIT_CODES)(demo_command)
app.command("secret", epilog=EXIT_CODES)(secret_command)
app.add_typer(token, name="token")
token.command("make", epilog=EXIT_CODES)(make_command)
token.command("explain", epilog=EXIT_CODES)(explain_command)
app.add_typer(db, name="db")
db.command("upgrade", epilog=EXIT_CODES)(upgrade_command)
db.command("current", epilog=EXIT_CODES)(current_command)
app.add_typer(revocations, name="revocations")
revocations.command("confirm", epilog=EXIT_CODES)(confirm_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(jwt_middleware.__version__)
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The customers of your API sign their own JSON Web Tokens; these commands help both sides."""
