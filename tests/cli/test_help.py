"""What `--help` says: of every command that there is, and word by word where others rely on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from jwt_middleware.cli.app import PANELS, app
from tests.cli.calling import called

STORE = "--store --json"
PINNED = {
    "init": ("Make a store of tenants, and the key that encrypts it.", STORE),
    "tenant add": (
        "Add a tenant, and print its first secret.",
        "TENANT --application --issuer --kid --algorithm --jwks --discover --public-key --scope-claim "
        f"--audience-claim --max-lifetime --token-type {STORE}",
    ),
    "tenant list": (
        "List the tenants, by id, with their applications and keys.",
        f"--prefix --limit --offset {STORE}",
    ),
    "tenant show": ("Show a tenant: issuers, applications, keys, latest changes.", f"TENANT {STORE}"),
    "tenant suspend": ("Refuse a tenant's tokens, until it is resumed.", f"TENANT {STORE}"),
    "tenant resume": ("Accept a suspended tenant's tokens again.", f"TENANT {STORE}"),
    "tenant remove": ("Remove a tenant with its applications and keys.", f"TENANT --yes {STORE}"),
    "tenant link": (
        "Make a link by which a tenant renews its secret, once.",
        f"TENANT --expires-in --base-url {STORE}",
    ),
    "application add": ("Add an application to a tenant.", f"TENANT APPLICATION --scope {STORE}"),
    "application limit": (
        "Say which scopes an application gets at most.",
        f"TENANT APPLICATION --scope --unlimited --nothing {STORE}",
    ),
    "application suspend": (
        "Refuse the tokens of one application, until it is resumed.",
        f"TENANT APPLICATION {STORE}",
    ),
    "application resume": ("Accept the tokens of a suspended application again.", f"TENANT APPLICATION {STORE}"),
    "application remove": ("Remove an application from a tenant.", f"TENANT APPLICATION --yes {STORE}"),
    "secret": ("Print a fresh secret; or change those of a tenant.", "--algorithm --json"),
    "secret rotate": (
        "Give a tenant a new secret, and print it.",
        f"TENANT --grace --compromised --kid --algorithm {STORE}",
    ),
    "secret list": ("List a tenant's keys: key id, algorithm and end, never the secret.", f"TENANT {STORE}"),
    "secret retire": ("End a key of a tenant, now or after a while.", f"TENANT [KID] --without-kid --grace {STORE}"),
    "tenant revoke": (
        "Withdraw every token of a tenant that was issued until now.",
        "TENANT --issued-until --yes --store --revocations --settings --json",
    ),
    "tenant import": ("Add tenants from JSON Lines, one tenant a line.", f"FILE|- {STORE}"),
    "token make": (
        "Make a token as a tenant makes it, and print it and nothing else.",
        f"--subject --tenant --application --scope --lifetime --kid --claim --file {STORE}",
    ),
    "token explain": ("Explain a token: which step refuses it and why, or what it gives.", f"--scope --file {STORE}"),
    "token revoke": (
        "Withdraw one token, from the next request on.",
        "TENANT ID --expires-at --store --revocations --settings --json",
    ),
    "subject revoke": (
        "Withdraw every token of a user that was issued until now.",
        "TENANT SUBJECT --issued-until --store --revocations --settings --json",
    ),
    "store upgrade": ("Create the tables, or bring them to the newest revision.", "--store --schema --json"),
    "store current": ("Say which revision the tables have.", "--store --schema --json"),
    "store rekey": ("Encrypt every key in the store anew.", STORE),
    "doctor": (
        "Check settings, stores, clocks and keys; say what to mend.",
        "--settings --store --revocations --url --within --json",
    ),
    "audit": ("Show who changed what when, newest first.", f"[TENANT] --limit --before {STORE}"),
}
"""The first line, and the arguments and options in order."""


def tree(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The command and all below it."""
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from tree(below, (*words, name))


COMMANDS = dict(tree(typer.main.get_command(app)))
LEAVES = [words for words, command in COMMANDS.items() if not hasattr(command, "commands") or words == ("secret",)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_has_the_exit_status(words: tuple[str, ...]) -> None:
    result = called(*words, "--help", TERMINAL_WIDTH="200")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "0 fine; 1 refused, or not as expected; 2 the command line or a file cannot be used" in text


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_prints_json_if_wanted(words: tuple[str, ...]) -> None:
    assert "--json" in called(*words, "--help").stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_argument_and_option_is_explained(words: tuple[str, ...]) -> None:
    assert [param.name for param in COMMANDS[words].params if not (param.name == "help" or param.help)] == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_word_of_a_help_is_lost_as_markup(words: tuple[str, ...]) -> None:
    text = " ".join(called(*words, "--help", TERMINAL_WIDTH="200").stdout.replace("│", " ").split())
    said = [COMMANDS[words].help, *(param.help for param in COMMANDS[words].params)]
    assert [each for each in said if each and " ".join(each.split()) not in text] == []


def test_commands_stand_in_panels_in_the_order_in_which_they_are_needed() -> None:
    text = called("--help").stdout
    places = [text.index(f"─ {panel} ─") for panel in PANELS]
    assert places == sorted(places)
    assert text.index("│ init ") < text.index("│ tenant ") < text.index("│ token ") < text.index("│ audit ")


@pytest.mark.parametrize(("name", "said"), PINNED.items(), ids=PINNED)
def test_help_says_this(name: str, said: tuple[str, str]) -> None:
    command = COMMANDS[tuple(name.split())]
    names = [param.metavar if param.param_type_name == "argument" else param.opts[0] for param in command.params]
    assert ((command.help or "").partition("\n")[0], " ".join(names)) == said


@pytest.mark.parametrize("name", PINNED)
def test_in_the_list_it_has_one_line(name: str) -> None:
    *group, last = name.split()
    lines = called(*group, "--help", TERMINAL_WIDTH="80").stdout.splitlines()
    assert f"{last} {PINNED[name][0]}" in [" ".join(line.strip("│").split()) for line in lines]
