"""The command line: which commands there are, in which panel of `--help` they stand, and nothing else."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

import jwt_middleware
from jwt_middleware.cli import (
    application_commands,
    revocation_commands,
    revoke_commands,
    secret_commands,
    store_commands,
    tenant_commands,
    token_commands,
)
from jwt_middleware.cli.audit_command import audit_command
from jwt_middleware.cli.console_commands import console_command
from jwt_middleware.cli.demo.command import demo_command
from jwt_middleware.cli.doctor_command import doctor_command
from jwt_middleware.cli.guide_commands import guide_command
from jwt_middleware.cli.import_command import import_command
from jwt_middleware.cli.init_command import init_command
from jwt_middleware.cli.terminal import EXIT_CODES

START: Final = "Start here"
TENANTS: Final = "Tenants and their keys"
TOKENS: Final = "Tokens"
OPERATION: Final = "Running it"

PANELS: Final = (START, TENANTS, TOKENS, OPERATION)


class _ByPanel(TyperGroup):
    """Commands and groups in the order of their panels."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order in which `--help` shows them."""
        commands: dict[str, Any] = {**self.commands}
        return sorted(commands, key=lambda name: PANELS.index(commands[name].rich_help_panel))


app = typer.Typer(
    cls=_ByPanel, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, epilog=EXIT_CODES
)


def _group(name: str, panel: str, about: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help=about, epilog=EXIT_CODES)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group


app.command("init", epilog=EXIT_CODES, rich_help_panel=START)(init_command)
app.command(
    "demo", epilog=EXIT_CODES, rich_help_panel=START, short_help="Watch a small API give every documented answer."
)(demo_command)

tenants = _group("tenant", TENANTS, "Add tenants, and show, change and remove them.")
tenants.command("add", epilog=EXIT_CODES)(tenant_commands.add_command)
tenants.command("list", epilog=EXIT_CODES)(tenant_commands.list_command)
tenants.command("show", epilog=EXIT_CODES)(tenant_commands.show_command)
tenants.command("suspend", epilog=EXIT_CODES)(tenant_commands.suspend_command)
tenants.command("resume", epilog=EXIT_CODES)(tenant_commands.resume_command)
tenants.command("remove", epilog=EXIT_CODES)(tenant_commands.remove_command)
tenants.command("revoke", epilog=EXIT_CODES)(revoke_commands.revoke_tenant_command)
tenants.command("import", epilog=EXIT_CODES)(import_command)
tenants.command("link", epilog=EXIT_CODES)(tenant_commands.link_command)

applications = _group("application", TENANTS, "Add, limit, suspend and remove a tenant's applications.")
applications.command("add", epilog=EXIT_CODES)(application_commands.add_command)
applications.command("limit", epilog=EXIT_CODES)(application_commands.limit_command)
applications.command("suspend", epilog=EXIT_CODES)(application_commands.suspend_command)
applications.command("resume", epilog=EXIT_CODES)(application_commands.resume_command)
applications.command("remove", epilog=EXIT_CODES)(application_commands.remove_command)

secrets = typer.Typer(callback=secret_commands.secret_command, invoke_without_command=True, epilog=EXIT_CODES)
app.add_typer(secrets, name="secret", rich_help_panel=TENANTS)
secrets.command("rotate", epilog=EXIT_CODES)(secret_commands.rotate_command)
secrets.command("list", epilog=EXIT_CODES)(secret_commands.list_command)
secrets.command("retire", epilog=EXIT_CODES)(secret_commands.retire_command)

tokens = _group("token", TOKENS, "Make a token, have one explained, or withdraw one.")
tokens.command("make", epilog=EXIT_CODES)(token_commands.make_command)
tokens.command("explain", epilog=EXIT_CODES)(token_commands.explain_command)
tokens.command("revoke", epilog=EXIT_CODES)(revoke_commands.revoke_token_command)

subjects = _group("subject", TOKENS, "Withdraw the tokens of a tenant's user.")
subjects.command("revoke", epilog=EXIT_CODES)(revoke_commands.revoke_subject_command)

store = _group("store", OPERATION, "The tables of a database, and its encryption.")
store.command("upgrade", epilog=EXIT_CODES)(store_commands.upgrade_command)
store.command("current", epilog=EXIT_CODES)(store_commands.current_command)
store.command("rekey", epilog=EXIT_CODES)(store_commands.rekey_command)

revocations = _group("revocations", OPERATION, "Give a Redis back what it lost.")
revocations.command("confirm", epilog=EXIT_CODES)(revocation_commands.confirm_command)
revocations.command("restore", epilog=EXIT_CODES)(revocation_commands.restore_command)

app.command("audit", epilog=EXIT_CODES, rich_help_panel=OPERATION)(audit_command)
app.command("doctor", epilog=EXIT_CODES, rich_help_panel=OPERATION)(doctor_command)
app.command(
    "console",
    epilog=EXIT_CODES,
    rich_help_panel=OPERATION,
    short_help="Serve the pages on which tenants refresh their secret.",
)(console_command)
app.command("guide", epilog=EXIT_CODES, rich_help_panel=OPERATION)(guide_command)


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
