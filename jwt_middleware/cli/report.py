"""An explanation on the screen, and as JSON. What nobody vouches for is marked as unverified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jwt_middleware.cli.explanation import Explanation, Refused
from jwt_middleware.explaining.steps import NOT_CHECKED, STEPS
from jwt_middleware.explaining.wording import listed, moment, shown
from jwt_middleware.identity import Identity

UNVERIFIED: Final = "UNVERIFIED: anybody may have written this"
_TIMES: Final = ("iat", "exp", "nbf")


def print_explanation(explanation: Explanation, console: Console) -> None:
    """The verdict, why, and what is in the token."""
    if explanation.refused is not None:
        _print_refusal(explanation.refused, console)
    else:
        console.print(Text("Accepted:", style="bold green"), Text("every step that is checked here holds."))
    console.print()
    _print_facts(explanation, console)
    if explanation.claims is not None:
        _print_claims(explanation.claims, explanation.is_verified, console)
    console.print(
        Text(
            "Not checked: validators and revocation. The token was not sent or stored.",
            style="dim",
        )
    )


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The same as a JSON object: `claims` is null, and `unverified_claims` is there, where nobody vouches for them."""
    return {
        "accepted": explanation.refused is None,
        "verified": explanation.is_verified,
        **_refusal_members(explanation.refused),
        "fingerprint": explanation.fingerprint,
        "header": explanation.header,
        "tenant": explanation.tenant_id if explanation.is_verified else None,
        **_identity_members(explanation.identity),
        "claims": explanation.claims if explanation.is_verified else None,
        **({} if explanation.is_verified else {"unverified_claims": explanation.claims}),
    }


def _refusal_members(refused: Refused | None) -> dict[str, Any]:
    if refused is None:
        return {}
    refusal, step, finding = refused
    return {
        "step": {"number": step.number, "name": step.name},
        "status": refusal.status,
        "error": refusal.code,
        "error_description": refusal.description,
        "solution": refusal.solution,
        "claim": refusal.claim,
        "reason": refusal.reason,
        "finding": finding,
    }


def _identity_members(identity: Identity | None) -> dict[str, Any]:
    if identity is None:
        return {}
    return {
        "issuer": identity.issuer,
        "application": identity.application_id,
        "subject": identity.subject,
        "scopes": sorted(identity.scopes),
        "withheld_scopes": sorted(identity.withheld_scopes),
        "expires_at": identity.expires_at,
        "key_expires_at": identity.key_expires_at,
    }


def _print_refusal(refused: Refused, console: Console) -> None:
    refusal, step, finding = refused
    verdict = Text(f"Refused with {refusal.status} {refusal.code}", style="bold red")
    console.print(verdict, Text(f"at step {step.number} of {len(STEPS)}: {step.name}."))
    console.print()
    for label, text in (
        ("what", f"{refusal.description}."),
        ("found", finding),
        ("mend", f"{refusal.solution}."),
        ("held", ", ".join(passed.name for passed in STEPS[: step.number - 1] if passed not in NOT_CHECKED)),
    ):
        if text:
            console.print(_row(label, text))


def _print_facts(explanation: Explanation, console: Console) -> None:
    for label, text in _facts(explanation):
        console.print(_row(label, text))
    console.print()


def _facts(explanation: Explanation) -> Iterator[tuple[str, str]]:
    unverified = "" if explanation.is_verified else f"   ({UNVERIFIED})"
    yield "fingerprint", str(explanation.fingerprint)
    if explanation.header is not None:
        yield "header", shown(explanation.header) + unverified
    if explanation.issuer is not None:
        yield "issuer", explanation.issuer + unverified
    if explanation.tenant_id is not None:
        yield "tenant", shown(explanation.tenant_id) + unverified
    if explanation.identity is not None:
        yield from _identity_facts(explanation.identity)


def _identity_facts(identity: Identity) -> Iterator[tuple[str, str]]:
    yield "application", shown(identity.application_id)
    yield "subject", shown(identity.subject)
    yield "scopes", listed(identity.scopes)
    if identity.withheld_scopes:
        yield "withheld", f"{listed(identity.withheld_scopes)}: the application is not granted them"
    if identity.key_expires_at is not None:
        yield "key", f"is being rotated out, and accepted until {moment(identity.key_expires_at)}"


def _row(label: str, text: str) -> Table:
    row = Table.grid(padding=(0, 2))
    row.add_column(width=11, style="bold")
    row.add_column(overflow="fold")
    row.add_row(label, Text(text))
    return row


def _print_claims(claims: dict[str, Any], is_verified: bool, console: Console) -> None:
    style = "" if is_verified else "yellow"
    table = Table("claim", "value", "", style=style)
    table.columns[1].overflow = "fold"
    for name, value in claims.items():
        table.add_row(Text(shown(name)[1:-1]), Text(shown(value)), moment(value) if name in _TIMES else "")
    console.print(Text("Claims" if is_verified else f"Claims, {UNVERIFIED}", style=style))
    console.print(table)
    console.print()
