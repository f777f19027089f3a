"""`jwt-middleware audit`, over a real store."""

from __future__ import annotations

import re

from jwt_middleware.cli.store import actor
from jwt_middleware.tenants.sql import SQLTenants
from tests.cli.calling import answered, called


def test_every_command_that_changes_something_is_written_down_with_who_did_it(store: SQLTenants) -> None:
    for command in (
        "tenant suspend acme",
        "tenant resume acme",
        "application add acme kiosk",
        "application limit acme kiosk --nothing",
        "application suspend acme kiosk",
        "application resume acme kiosk",
        "application remove acme kiosk --yes",
        "secret rotate acme --kid new",
        "secret retire acme new",
        "tenant link acme",
        "tenant remove acme --yes",
    ):
        assert called(*command.split()).exit_code == 0
    entries = answered("audit")["entries"]
    assert [entry["action"] for entry in reversed(entries)] == [
        *("tenant.add", "tenant.suspend", "tenant.resume"),
        *(f"application.{done}" for done in ("add", "limit", "suspend", "resume", "remove")),
        *("secret.rotate", "key.retire", "link.make", "tenant.remove"),
    ]
    assert {entry["actor"] for entry in entries} == {actor()}
    assert {entry["tenant"] for entry in entries} == {"acme"}


def test_what_only_looks_is_not_written_down(store: SQLTenants) -> None:
    before = store.audit()
    for command in ("tenant list", "tenant show acme", "secret list acme", "audit", "secret"):
        called(*command.split())
    assert store.audit() == before


def test_entries_are_shown_newest_first_with_their_details(store: SQLTenants) -> None:
    store.acting_as("ada@desk").note("something", None, subject="\u202euser")
    result = called("audit")
    lines = [line for line in result.stdout.splitlines() if re.search(r"tenant\.add|something", line)]
    assert "something" in lines[0]
    assert "ada@desk" in lines[0]
    assert r'subject="\u202euser"' in lines[0]
    assert re.search(r"│ 1 +│ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC │ ", lines[1])
    assert result.stderr == ""


def test_entries_are_shown_in_pages(store: SQLTenants) -> None:
    for _ in range(2):
        store.suspend("acme")
        store.resume("acme")
    first = answered("audit", "--limit", "2")["entries"]
    last = answered("audit", "--limit", "2", "--before", str(first[-1]["number"]))["entries"]
    assert [entry["number"] for entry in (*first, *last)] == [5, 4, 3, 2]
    assert called("audit", "--limit", "2").stderr == "There may be more: --before 4\n"


def test_entries_of_one_tenant_are_shown_even_when_it_was_removed(store: SQLTenants) -> None:
    called("tenant", "add", "globex")
    called("tenant", "remove", "acme", "--yes")
    assert {entry["tenant"] for entry in answered("audit", "acme")["entries"]} == {"acme"}


def test_a_tenant_that_there_never_was_is_said(store: SQLTenants) -> None:
    result = called("audit", "amce")
    assert (result.exit_code, result.stdout) == (0, "Nothing was written down.\n")
    assert result.stderr == 'There is no tenant "amce": did you mean "acme"?\n'
