"""`jwt-middleware token make` and `token explain`."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from jwt_middleware.cli.explanation import Explanation, explain, token_in
from jwt_middleware.cli.making import Made, Wanted, hint, make
from jwt_middleware.cli.provider import Provider, TenantsFile, opened
from jwt_middleware.cli.report import as_json, print_explanation
from jwt_middleware.cli.store import Store
from jwt_middleware.cli.terminal import REFUSED, Json, console, fail, note, print_json, reporting
from jwt_middleware.explaining.wording import listed
from jwt_middleware.identity import Identity
from jwt_middleware.tokens import DEFAULT_LIFETIME

MAX_INPUT: Final = 1 << 20
"""Bytes that are read from stdin at most; what is longer is no token."""


def make_command(
    subject: Annotated[str, typer.Option(help="The tenant's user: claim sub.")],
    tenant: Annotated[str | None, typer.Option(help="Id or issuer; may be left out where there is one only.")] = None,
    application: Annotated[str | None, typer.Option(help="Claim aud; may be left out where there is one only.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope; may be repeated.")] = None,
    lifetime: Annotated[int, typer.Option(help="Seconds that it is valid.")] = DEFAULT_LIFETIME,
    kid: Annotated[str | None, typer.Option(help="Key id of the key that signs; else the first usable one.")] = None,
    claim: Annotated[
        list[str] | None, typer.Option(metavar="NAME=JSON", help="A further claim; may be repeated.")
    ] = None,
    file: TenantsFile = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Make a token as a tenant makes it, and print it and nothing else.

    A token that the middleware would refuse is not made.
    What to change is said instead.
    Whoever has it acts as that user: where the tenants are in a store, its audit table says who made it for whom.
    """
    wanted = Wanted(tenant, application, subject, (*(scope or ()),), lifetime, kid, (*(claim or ()),))
    with reporting(), opened(file, store) as provider:
        made = make(wanted, provider)
        explanation = explain(made.token, provider)
        _refuse_unacceptable(explanation)
        _write_down(wanted, explanation.identity, provider)
    _print_made(made, explanation, json)


def explain_command(
    scope: Annotated[list[str] | None, typer.Option(help="A scope that the token is to have; may be repeated.")] = None,
    file: TenantsFile = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Explain a token: which step refuses it and why, or what it gives.

    The token comes from stdin, or from a prompt that does not show it.
    It is never on the command line, which others can read.
    It is not sent and not stored.
    """
    with reporting(), opened(file, store) as provider:
        explanation = explain(_read_token(), provider, scope or ())
    if json:
        print_json(as_json(explanation))
    else:
        print_explanation(explanation, console())
    if explanation.refused is not None:
        raise typer.Exit(REFUSED)


def _read_token() -> str:
    # A terminal hands over a line of 4095 characters at most: what is longer has to come through a pipe.
    if sys.stdin.isatty():
        text = typer.prompt("Token (not shown)", hide_input=True, err=True)
    else:
        text = sys.stdin.buffer.read(MAX_INPUT).decode("utf-8", "replace")
    return token_in(text) or fail("token", "nothing on stdin", "pipe it in: jwt-middleware token explain < token.txt")


def _refuse_unacceptable(explanation: Explanation) -> None:
    if explanation.refused is None:
        return
    refusal, _, finding = explanation.refused
    note(f"Not made: the middleware would answer {refusal.status} {refusal.code}. {refusal.description}.")
    note(f"  -> {hint(refusal) or refusal.solution}. {finding}")
    raise typer.Exit(REFUSED)


def _write_down(wanted: Wanted, identity: Identity | None, provider: Provider) -> None:
    """Before anybody has the token. It has to be there for what it is for, and is not in there itself."""
    assert identity is not None  # noqa: S101 (what gives no identity was refused)
    provider.note(
        "token.make",
        identity.tenant_id,
        token_id=identity.token_id,
        subject=identity.subject,
        application=identity.application_id,
        scopes=sorted(identity.scopes),
        lifetime=wanted.lifetime,
    )


def _print_made(made: Made, explanation: Explanation, json: bool) -> None:
    withheld = explanation.identity.withheld_scopes if explanation.identity is not None else frozenset()
    if withheld:
        note(f"The application is not granted {listed(withheld)}: the token is good, without that.")
    if json:
        members = {"token": made.token, "fingerprint": explanation.fingerprint, "withheld_scopes": sorted(withheld)}
        print_json({**members, "header": made.header, "claims": made.claims})
    else:
        typer.echo(made.token)
