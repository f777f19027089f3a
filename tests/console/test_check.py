"""A token is checked step by step, and nobody learns from that who is a tenant here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest

from jwt_middleware import Application, InvalidToken, Key, MemoryRevocations, Revoker, Tenant
from jwt_middleware.console.check_page import steps_shown
from jwt_middleware.explaining.checking import Outcome
from jwt_middleware.explaining.steps import STEPS
from jwt_middleware.testing import Clock
from jwt_middleware.tokens import signed

from ..unit import making
from .visiting import OLD, ORIGIN, Visitor, World, acme, closing, hidden, text, title

ADDRESS: Final = f"{ORIGIN}/check"
OTHER: Final = "another secret, which nobody at this API has ever had"
SIGNATURE: Final = "the tenant, its key and the signature"


def token(clock: Clock, secret: str = OLD, kid: str | None = None, **claims: Any) -> str:
    now = int(clock())
    good = {"sub": "user_123", "iss": "acme", "aud": "shop", "iat": now, "exp": now + 600, "scope": ["read", "write"]}
    kept = {name: value for name, value in {**good, **claims}.items() if value is not making.ABSENT}
    return signed(kept, Key.secret(secret, kid=kid))


def checked(visitor: Visitor, pasted: str, scopes: str = "") -> Any:
    visitor.open(ADDRESS)
    return visitor.send(token=pasted, scopes=scopes)


def steps(page: Any) -> dict[str, list[str]]:
    """The names of the steps, by what came of them."""
    found: dict[str, list[str]] = {}
    for line in page.text.splitlines():
        if line.startswith('<li class="') and "<b>" in line:
            state, _, name = line.partition("<b>")[2].partition("</b> ")
            found.setdefault(state, []).append(unescape(name.removesuffix("</li>")))
    return found


def test_a_good_token_passes_every_step(world: World, visitor: Visitor) -> None:
    page = checked(visitor, token(world.clock), scopes="read")
    assert (page.status_code, title(page)) == (200, "Check a token")
    assert steps(page).keys() == {"passed", "left out"}
    assert steps(page)["left out"] == ["the provider's validators", "revocation"]
    assert len(steps(page)["passed"]) == len(STEPS) - 4
    for fact in ("Accepted", "as one of acme", "user_123", "shop", "read write"):
        assert fact in text(page)
    assert "the signature does not vouch" not in text(page)


def test_what_an_application_is_not_granted_is_shown(world: World, visitor: Visitor) -> None:
    world.tenants.limit_application("acme", "shop", ["read"])
    page = checked(visitor, token(world.clock))
    assert "Not granted write" in text(page)
    refused = checked(visitor, token(world.clock), scopes="write")
    assert "Needed: " in text(refused)
    assert "is not granted a scope" in text(refused)
    assert steps(refused)["failed"] == ["the scopes that are needed"]


def test_an_old_secret_is_told_with_its_end(world: World, visitor: Visitor) -> None:
    world.tenants.rotate_secret("acme", grace=3600)
    assert "is an old one, accepted until" in text(checked(visitor, token(world.clock)))


@pytest.mark.parametrize(
    "around", ["{}", "Bearer {}", "Authorization: Bearer {}", "  {}\r\n", "authorization:bearer {}"]
)
def test_a_token_may_be_pasted_with_what_stands_before_it(around: str, world: World, visitor: Visitor) -> None:
    assert "Accepted" in text(checked(visitor, around.format(token(world.clock))))


@pytest.mark.parametrize("nothing", ["", "   ", "Authorization: Bearer "])
def test_without_a_token_there_is_nothing_to_check(nothing: str, visitor: Visitor) -> None:
    page = checked(visitor, nothing)
    assert page.status_code == 200
    assert "There was no token in the form" in text(page)


UNSIGNED: Final = ".".join(making.segment(part) for part in (b'{"alg":"none"}', b'{"iss":"acme"}', b""))
REFUSED: dict[str, tuple[Callable[[Clock], str], str, str, str]] = {
    "too long": (lambda clock: "x" * 9000, "invalid_token", "the Authorization field", "It has 9000 characters"),
    "no token": (lambda clock: "abc", "invalid_token", "the header", "It has 1 part"),
    "three parts of nothing": (lambda clock: "a.b.c", "invalid_token", "the header", "What is wrong with it: no json"),
    "strange": (lambda clock: "a\u202eb.c.d", "invalid_token", "the header", r"characters that no token has"),
    "unsigned": (lambda clock: UNSIGNED, "invalid_token", "the header", 'alg is "none"'),
    "no issuer": (
        lambda clock: token(clock, iss=making.ABSENT),
        "missing_required_claim",
        "the payload and its issuer",
        "There is no iss",
    ),
    "signature": (lambda clock: token(clock, OTHER), "invalid_signature", SIGNATURE, "What to do: Check that you sign"),
    "issuer": (lambda clock: token(clock, iss="globex"), "invalid_signature", SIGNATURE, "could not be verified"),
    "subject": (
        lambda clock: token(clock, sub=making.ABSENT),
        "missing_required_claim",
        "the required claims",
        "There is no sub",
    ),
    "types": (lambda clock: token(clock, sub=7), "invalid_token", "the types of the claims", "sub is 7"),
    "expired": (
        lambda clock: token(clock, iat=clock() - 900, exp=clock() - 300),
        "token_expired",
        "the times",
        "5 minutes ago",
    ),
    "lifetime": (lambda clock: token(clock, exp=clock() + 10**6), "invalid_token", "the times", "11.6 days"),
    "application": (lambda clock: token(clock, aud="x"), "invalid_token", "the application", 'aud is "x"'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_step_that_refuses_is_named_with_what_to_do(name: str, world: World, visitor: Visitor) -> None:
    make, code, step, found = REFUSED[name]
    page = checked(visitor, make(world.clock))
    assert page.status_code == 200
    assert f"Refused: {code}" in text(page)
    assert steps(page)["failed"] == [step]
    assert found in text(page)
    assert f'href="/guide#{code}"' in page.text


def test_the_steps_before_it_have_passed_and_those_after_it_were_not_reached(world: World, visitor: Visitor) -> None:
    found = steps(checked(visitor, token(world.clock, iat=world.clock() - 900, exp=world.clock() - 300)))
    assert found["passed"][-1] == "the types of the claims"
    assert found["not reached"][0] == "the application"


def no_such_tenant(world: World) -> None:
    world.tenants.remove("acme")


def another_key_id(world: World) -> None:
    world.tenants.replace_tenant(acme(keys=[Key.secret(OLD, kid="other")]))


def another_algorithm(world: World) -> None:
    world.tenants.replace_tenant(acme(keys=[Key.secret(OLD * 2, algorithm="HS512")]))


def test_a_type_that_is_not_accepted_is_told(world: World, visitor: Visitor) -> None:
    page = checked(visitor, signed({"iss": "acme"}, Key.secret(OLD), typ="x"))
    assert 'typ is "x".' in text(page)


def a_retired_key(world: World) -> None:
    world.tenants.replace_tenant(acme(keys=[Key.secret(OLD, not_after=1)]))


def suspended(world: World) -> None:
    world.tenants.replace_tenant(acme(keys=[Key.secret(OLD + "x")], active=False))


def other_types(world: World) -> None:
    world.tenants.replace_tenant(acme(keys=[Key.secret(OLD + "x")], token_types=["access"]))


def another_secret(world: World) -> None:
    world.tenants.replace_tenant(acme(keys=[Key.secret(OLD + "x")], applications=["a", "b"]))


def test_before_the_signature_holds_nothing_tells_who_is_a_tenant(world: World, visitor: Visitor) -> None:
    made = token(world.clock, kid="mine")
    pages = set()
    for change in (another_secret, another_key_id, another_algorithm, a_retired_key, suspended, other_types):
        change(world)
        pages.add(checked(visitor, made).text)
    no_such_tenant(world)
    pages.add(checked(visitor, made).text)
    assert len(pages) == 1
    [page] = pages
    assert SIGNATURE in page
    assert "the signature does not vouch for it" in page


def test_what_no_signature_vouches_for_is_marked(world: World, visitor: Visitor) -> None:
    assert "does not vouch" in text(checked(visitor, token(world.clock, OTHER)))
    assert "does not vouch" not in text(checked(visitor, token(world.clock, aud="x")))


def test_applications_of_the_tenant_are_not_listed(world: World, visitor: Visitor) -> None:
    world.tenants.add_application("acme", Application("a project that is not out yet"))
    assert "not out yet" not in checked(visitor, token(world.clock, aud="x")).text


def test_the_token_is_in_no_log_no_table_and_no_answer(
    world: World, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = world.tenants.audit()
    for made in (token(world.clock), token(world.clock, OTHER), token(world.clock, aud="x")):
        page = checked(visitor, made)
        logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
        for part in (made, made.rpartition(".")[2]):
            assert part not in page.text
            assert part not in logged
        assert "location" not in page.headers
    assert world.tenants.audit() == before


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202eevil", "{{ 7919 * 7919 }}", "&lt;b&gt;"])
def test_what_stands_in_a_token_is_text(name: str, world: World, visitor: Visitor) -> None:
    for secret in (OLD, OTHER):
        page = checked(visitor, token(world.clock, secret, kid=None, sub=name, **{name: name}))
        for raw in ("<script>alert", "\u202e", "<b>al", "62710561"):
            assert raw not in page.text


@pytest.mark.parametrize("scopes", ["read write", "  read\twrite ", "read\nwrite"])
def test_scopes_are_kept_for_the_next_try(scopes: str, world: World, visitor: Visitor) -> None:
    page = checked(visitor, token(world.clock), scopes=scopes)
    assert 'value="read write"' in page.text
    assert "the scopes that are needed" in steps(page)["passed"]


def test_what_is_no_scope_is_refused(visitor: Visitor) -> None:
    assert checked(visitor, "a.b.c", scopes="read \x01").status_code == 400


def test_validators_and_revocations_of_the_provider_are_asked(template: Path, tmp_path: Path) -> None:
    def no_robots(identity: Any) -> None:
        if identity.subject == "robot":
            raise InvalidToken("robots may not")

    store = MemoryRevocations()
    with closing(World(template, tmp_path, validators=[no_robots], revocations=store)) as world:
        visitor = Visitor(world.console.app)
        good = token(world.clock)
        assert {"the provider's validators", "revocation"} <= {*steps(checked(visitor, good))["passed"]}
        robot = checked(visitor, token(world.clock, sub="robot"))
        assert steps(robot)["failed"] == ["the provider's validators"]
        assert "robots may not" not in robot.text
        Revoker(world.settings, store).revoke_subject("acme", "user_123")
        assert steps(checked(visitor, good))["failed"] == ["revocation"]


def test_a_store_that_cannot_answer_says_nothing_about_the_token(template: Path, tmp_path: Path) -> None:
    class Down:
        in_memory = True

        def is_revoked(self, *question: object) -> bool:
            raise ConnectionError

    with closing(World(template, tmp_path, revocations=Down())) as world:
        page = checked(Visitor(world.console.app), token(world.clock))
        assert (page.status_code, page.headers["retry-after"]) == (503, "1")


def test_looking_changes_nothing(world: World, visitor: Visitor) -> None:
    before = world.tenants.audit()
    assert hidden(visitor.open(ADDRESS)).keys() == {"form_token"}
    assert world.tenants.audit() == before


def test_every_step_has_its_place(world: World) -> None:
    for step in STEPS:
        outcome = Outcome(None, None, None, False, None, None, step)
        states = [shown.state for shown in steps_shown(outcome, world.settings, ["read"])]
        assert states.count("failed") == 1


def test_a_tenant_may_name_its_claims_otherwise(world: World, visitor: Visitor) -> None:
    keys = [Key.secret(OLD)]
    world.tenants.add_tenant(
        Tenant("idp", keys=keys, applications=["portal"], audience_claim="client_id", scope_claim="scp")
    )
    claims: dict[str, Any] = {"iss": "idp", "aud": making.ABSENT, "client_id": "elsewhere"}
    page = checked(visitor, token(world.clock, **claims))
    assert steps(page)["failed"] == ["the application"]
