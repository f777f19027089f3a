"""`jwt-middleware token explain`."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jwt_middleware import Key
from jwt_middleware.cli.explanation import token_in
from jwt_middleware.tokens import segment, signed
from tests.cli.calling import (
    LONG_SECRET,
    NEW,
    OLD_SECRET,
    OTHER_SECRET,
    SECRET,
    called,
    claims,
    environment,
    program,
    token,
)

IDP = {"iss": "https://idp.example/a", "aud": None, "client_id": "portal"}
NOW = int(time.time())
UNVERIFIED = "UNVERIFIED: anybody may have written this"


def explain(file: str, text: str | bytes, *arguments: str) -> tuple[int, str]:
    """Exit status, and what is said, in one line."""
    result = called("token", "explain", "--file", file, *arguments, input=text)
    assert result.stderr == ""
    return result.exit_code, " ".join(result.stdout.split())


def explained(file: str, text: str | bytes, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status, and the JSON object."""
    result = called("token", "explain", "--file", file, "--json", *arguments, input=text)
    assert result.stderr == ""
    return result.exit_code, json.loads(result.stdout)


def with_header(header: object, payload: object = None, key: Key = NEW) -> str:
    members = claims() if payload is None else payload
    signing_input = f"{segment(msgspec.json.encode(header))}.{segment(msgspec.json.encode(members))}"
    return f"{signing_input}.{segment(key.sign(signing_input.encode()))}"


def test_a_good_token_is_accepted_and_shown(tenants: str) -> None:
    status, said = explain(tenants, token({"plan": {"name": "gold"}}))
    assert status == 0
    assert said.startswith("Accepted: every step that is checked here holds.")
    for fact in (
        'header {"alg":"HS256","typ":"JWT","kid":"new"}',
        'issuer "acme"',
        'tenant "acme"',
        'application "quest"',
        'subject "user_123"',
        'scopes "read", "write"',
        '{"name":"gold"}',
        "Not checked: validators and revocation",
    ):
        assert fact in said
    assert UNVERIFIED not in said
    assert re.search(r"fingerprint [0-9a-f]{64} ", said)
    assert re.search(r"│ exp +│ \d{10} +│ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC │", said)


def test_json_has_the_same(tenants: str) -> None:
    good = claims()
    status, answer = explained(tenants, token(good))
    fingerprint = answer.pop("fingerprint")
    assert len(fingerprint) == 64
    assert (status, answer) == (
        0,
        {
            "accepted": True,
            "verified": True,
            "header": {"alg": "HS256", "typ": "JWT", "kid": "new"},
            "tenant": "acme",
            "issuer": "acme",
            "application": "quest",
            "subject": "user_123",
            "scopes": ["read", "write"],
            "withheld_scopes": [],
            "expires_at": good["exp"],
            "key_expires_at": None,
            "claims": good,
        },
    )


def test_what_the_application_is_not_granted_is_said(tenants: str) -> None:
    status, said = explain(tenants, token({"aud": "kiosk"}))
    assert status == 0
    assert 'scopes "read" withheld "write": the application is not granted them' in said


def test_a_key_that_is_being_rotated_out_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    keys = f'keys = [{{ secret = "{SECRET}", kid = "new", not_after = {NOW + 3600} }}]'
    file.write_text(f'[[tenants]]\nid = "acme"\napplications = ["quest"]\n{keys}\n')
    status, said = explain(str(file), token())
    assert status == 0
    assert "key is being rotated out, and accepted until" in said


REFUSED_UNVERIFIED: list[tuple[str, str, int, str, str]] = [
    ("longer than allowed", "x" * 9000, 1, "token_too_long", "It has 9000 characters; the limit is 8192."),
    ("one part", "eyJ", 2, "", "It has 1 part; a token has three, divided by dots."),
    ("two parts", "eyJ.eyJ", 2, "", "It has 2 parts; a token has three, divided by dots."),
    ("quoted", f'"{token()}"', 2, "", 'It has characters that no token has: "\\"".'),
    ("not ASCII", "ü" + token(), 2, "not_ascii", 'It has characters that no token has: "ü".'),
    ("a list as header", with_header([]), 2, "no_json_object", "What is wrong with it"),
    ("a list as payload", with_header({"alg": "HS256"}, []), 3, "no_json_object", "What is wrong with it"),
    ("alg none", with_header({"alg": "none"}), 2, "unacceptable_algorithm", 'alg is "none"; accepted are HS256'),
    ("crit", with_header({"alg": "HS256", "crit": ["b64"]}), 2, "unsupported_header", ""),
    ("kid a number", with_header({"alg": "HS256", "kid": 1}), 2, "invalid_key_id", "kid is 1."),
    ("another type", with_header({"alg": "HS256", "typ": "x"}), 2, "", 'typ is "x"; accepted are "JWT", "at+jwt".'),
    ("the tenant's types", token(IDP, Key.secret(OTHER_SECRET)), 2, "", 'typ is "JWT"; accepted are "access".'),
    ("another type, stranger", with_header({"alg": "HS256", "typ": "x"}, {"iss": "x"}), 2, "", "accepted are"),
    ("no iss", token({"iss": None}), 3, "missing_required_claim", "There is no iss."),
    ("iss a list", token({"iss": ["acme"]}), 3, "invalid_claim", 'iss is ["acme"].'),
    ("an issuer like ours", token({"iss": "acmee"}), 4, "unknown_issuer", 'the issuer "acmee". Did you mean "acme"?'),
    ("another issuer", token({"iss": "x"}), 4, "unknown_issuer", 'There are: "acme", "asleep", "globex", "https'),
    ("another kid", token(key=Key.secret(SECRET, kid="x")), 5, "unknown_key_id", 'kid is "x"; the tenant\'s key ids'),
    (
        "another algorithm",
        token(key=Key.secret(SECRET, algorithm="HS512")),
        5,
        "",
        'the tenant\'s keys are for "HS256"',
    ),
    ("a retired key", token(key=Key.secret(OLD_SECRET, kid="old")), 5, "retired_key", "since 2023-11-14 22:13:20 UTC"),
    ("another secret", token(key=Key.secret("x" * 32)), 6, "bad_signature", "No key that is known made this signature"),
    (
        "another kid's",
        token(key=Key.secret(OLD_SECRET, kid="new")),
        6,
        "",
        'with the key "old" (HS256) of tenant "acme"',
    ),
    ("another tenant's", token(key=Key.secret(OTHER_SECRET)), 6, "", 'with a key without kid (HS256) of tenant "idp"'),
]


@pytest.mark.parametrize(
    ("text", "step", "reason", "finding"),
    [case[1:] for case in REFUSED_UNVERIFIED],
    ids=[case[0] for case in REFUSED_UNVERIFIED],
)
def test_what_is_refused_before_the_signature_holds_is_never_shown_as_trustworthy(
    tenants: str, text: str, step: int, reason: str, finding: str
) -> None:
    status, answer = explained(tenants, text)
    assert status == 1
    assert (answer["accepted"], answer["verified"]) == (False, False)
    assert (answer["step"]["number"], answer["status"]) == (step, 401)
    assert reason in answer["reason"]
    assert finding in answer["finding"]
    assert (answer["claims"], answer["tenant"]) == (None, None)
    assert not answer.keys() & {"subject", "application", "issuer", "scopes"}
    status, said = explain(tenants, text)
    assert status == 1
    assert f"at step {step} of 15" in said
    assert " ".join(answer["finding"].split()) in said
    assert ("│" in said) <= (f"Claims, {UNVERIFIED}" in said)
    assert "application" not in said.partition("fingerprint")[2].partition("Claims")[0]


REFUSED_VERIFIED: list[tuple[str, Mapping[str, object], int, str, str]] = [
    ("a suspended application", {"aud": "closed"}, 11, "suspended_application", 'Suspended is "closed"'),
    (
        "an unknown application",
        {"aud": "x"},
        11,
        "",
        'aud is "x". The tenant\'s active applications: "kiosk", "quest".',
    ),
    ("two applications", {"aud": ["quest", "kiosk"]}, 11, "ambiguous_application", 'aud is ["quest","kiosk"].'),
    ("no sub", {"sub": None}, 8, "missing_required_claim", "There is no sub."),
    ("no aud", {"aud": None}, 8, "missing_required_claim", "There is no aud."),
    ("sub a number", {"sub": 5}, 9, "invalid_claim", "sub is 5."),
    ("milliseconds", {"exp": NOW * 1000}, 9, "time_in_milliseconds", f"exp is {NOW * 1000}."),
    ("bound to a key", {"cnf": {"jkt": "x"}}, 9, "sender_constrained", ""),
    ("expired", {"exp": NOW - 7200, "iat": NOW - 9000}, 10, "token_expired", "UTC, 2"),
    ("not yet valid", {"nbf": NOW + 90_000}, 10, "not_yet_valid", "from now."),
    ("a week", {"exp": NOW + 604_800}, 10, "lifetime_too_long", ", 7 days."),
]


@pytest.mark.parametrize(
    ("changes", "step", "reason", "finding"),
    [case[1:] for case in REFUSED_VERIFIED],
    ids=[case[0] for case in REFUSED_VERIFIED],
)
def test_what_is_refused_after_the_signature_holds_is_explained_with_its_claims(
    tenants: str, changes: Mapping[str, object], step: int, reason: str, finding: str
) -> None:
    wrong = claims(changes)
    text = signed(wrong, NEW)
    status, answer = explained(tenants, text)
    assert status == 1
    assert (answer["accepted"], answer["verified"], answer["tenant"]) == (False, True, "acme")
    assert (answer["step"]["number"], answer["claims"]) == (step, wrong)
    assert reason in answer["reason"]
    assert finding in answer["finding"]
    assert "unverified_claims" not in answer
    status, said = explain(tenants, text)
    assert status == 1
    assert f"{answer['solution']}." in said
    assert UNVERIFIED not in said


def test_every_fact_of_an_unverified_token_is_marked_as_such(tenants: str) -> None:
    forged = token({"sub": "admin"}, Key.secret("x" * 32))
    said = called("token", "explain", "--file", tenants, input=forged).stdout
    for label in ("header ", "issuer ", "tenant ", "Claims,"):
        lines = [line for line in said.splitlines() if line.startswith(label)]
        assert len(lines) == 1
        assert UNVERIFIED in lines[0]


def test_the_file_is_closed_in_the_end(tenants: str) -> None:
    threads = set(threading.enumerate())
    assert explain(tenants, token())[0] == 0
    assert set(threading.enumerate()) <= threads


def test_a_suspended_tenant_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text(
        f'[[tenants]]\nid = "acme"\nactive = false\napplications = ["quest"]\nkeys = [{{ secret = "{SECRET}" }}]\n'
    )
    status, answer = explained(str(file), token())
    assert (status, answer["step"]["number"], answer["verified"]) == (1, 7, True)
    assert answer["finding"] == 'Suspended is "acme".'


@pytest.mark.parametrize(
    ("changes", "needed", "reason"),
    [({"scope": ["read"]}, "write", "scope_not_in_token"), ({"aud": "kiosk"}, "write", "scope_not_granted")],
)
def test_scopes_that_are_needed_are_looked_for(
    tenants: str, changes: Mapping[str, object], needed: str, reason: str
) -> None:
    assert explained(tenants, token(changes), "--scope", "read")[0] == 0
    status, answer = explained(tenants, token(changes), "--scope", "read", "--scope", needed)
    assert (status, answer["status"], answer["reason"], answer["verified"]) == (1, 403, reason, True)
    assert answer["finding"].startswith('Needed: "read", "write". scope is [')
    status, said = explain(tenants, token(changes), "--scope", needed)
    assert status == 1
    assert "held the Authorization field, the header," in said
    assert "validators, revocation" not in said


@pytest.mark.parametrize("paste", ["{}", "  {}\r\n\n", "Bearer {}", "bearer  {}", "Authorization: Bearer {}\n"])
def test_a_token_is_found_in_what_is_pasted(tenants: str, paste: str) -> None:
    assert token_in(paste.format("a.b.c")) == "a.b.c"
    assert explain(tenants, paste.format(token()))[0] == 0


@pytest.mark.parametrize("text", ["", "\n", "Authorization: Bearer \n"])
def test_without_a_token_nothing_is_explained(tenants: str, text: str) -> None:
    result = called("token", "explain", "--file", tenants, input=text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "token: nothing on stdin\n    -> pipe it in" in result.stderr


def test_a_token_is_no_argument(tenants: str) -> None:
    assert called("token", "explain", "--file", tenants, token()).exit_code == 2


@pytest.mark.parametrize(
    "text",
    [b"\xff\xfe\x00.\x1b[2J", b"\x00" * 2_000_000, b"[" * 3000 + b".x.y", b"...."],
    ids=["binary", "zeros", "deep", "dots"],
)
def test_junk_is_refused_as_a_token_is(tenants: str, text: bytes) -> None:
    status, answer = explained(tenants, text)
    assert (status, answer["verified"], answer["claims"]) == (1, False, None)


def test_claims_too_deep_to_show_are_left_out(tenants: str) -> None:
    payload = b'{"a":' + 2000 * b"[" + 2000 * b"]" + b"}"
    assert explain(tenants, f"{segment(b'{}')}.{segment(payload)}.x")[0] == 1


def test_nothing_in_a_token_acts_on_the_terminal(tenants: str) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202e[red]x[/red]"
    for text in (token({"sub": "a", evil: evil}), token({evil: evil}, Key.secret("x" * 32)), token({"iss": evil})):
        for arguments in ((), ("--json",)):
            result = called("token", "explain", "--file", tenants, *arguments, input=text)
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", result.stdout)
    assert "[red]x[/red]" in explain(tenants, token({"plan": evil}))[1]


def test_a_secret_is_never_shown(tenants: str) -> None:
    for text in (token(), token(key=Key.secret(OLD_SECRET, kid="old")), token(key=Key.secret(LONG_SECRET))):
        for arguments in ((), ("--json",)):
            output = called("token", "explain", "--file", tenants, *arguments, input=text).output
            assert not [secret for secret in (SECRET, OLD_SECRET, OTHER_SECRET, LONG_SECRET) if secret in output]
            assert text not in output
            assert text.rpartition(".")[2] not in output


def on_a_terminal(file: str, typed: str, **variables: str) -> tuple[int, str]:
    """Exit status and screen of the command in a process whose streams are a terminal, where this is typed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        program("token", "explain", "--file", file),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(TERM="xterm", COLUMNS="100", **variables),
        start_new_session=True,
    )
    os.close(theirs)
    screen = b""
    # At its end, a terminal whose other side is closed gives an error instead of nothing.
    with suppress(OSError):
        while chunk := os.read(ours, 1024):
            screen += chunk
            if screen.endswith(b"(not shown): ") and typed:
                os.write(ours, f"{typed}\n".encode())
                typed = ""
    os.close(ours)
    return process.wait(), screen.decode()


def test_a_prompt_takes_the_token_without_showing_it(tenants: str) -> None:
    good = token()
    status, screen = on_a_terminal(tenants, good)
    assert status == 0
    assert "Accepted" in screen
    assert good not in screen


def test_a_terminal_has_colours_unless_they_are_unwanted(tenants: str) -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-7]")
    assert colour.search(on_a_terminal(tenants, token())[1])
    assert not colour.search(on_a_terminal(tenants, token(), NO_COLOR="1")[1])
