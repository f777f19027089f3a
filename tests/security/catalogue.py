"""Reads the recipes, binds builders to them, and puts what they build through both doors."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from .checks import CODES, check_agreement, check_refusal
from .doors import Answers, Doors, Request, bearer

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from .world import World

RECIPES: Final = {
    recipe["id"]: recipe for recipe in json.loads((Path(__file__).parent / "recipes" / "attacks.json").read_text())
}


class Outcome(NamedTuple):
    """A status, and the error code where it is a refusal."""

    status: int
    code: str | None = None


ACCEPTED: Final = Outcome(200)
INVALID_TOKEN: Final = Outcome(401, "invalid_token")
INVALID_SIGNATURE: Final = Outcome(401, "invalid_signature")
MISSING_CLAIM: Final = Outcome(401, "missing_required_claim")
EXPIRED: Final = Outcome(401, "token_expired")
FORBIDDEN: Final = Outcome(403, "insufficient_permissions")
UNAVAILABLE: Final = Outcome(503, "temporarily_unavailable")


@dataclass(frozen=True)
class Attempt:
    """One thing to try: a request, and where it is not the recipe's, what must come of it."""

    request: Request
    expect: tuple[Outcome, ...] = ()
    """Any of these; nothing: what the recipe expects."""
    through: Doors | None = None
    """None: the standing doors of the world, with the tenants A and B."""
    persists: bool = True
    """Whether GOOD(A) must still be let in afterwards; not where A is no tenant or stays shut out."""


def attempt(
    token: str, *expect: Outcome, through: Doors | None = None, persists: bool = True, **request: Any
) -> Attempt:
    """An attempt with a bearer token."""
    return Attempt(bearer(token, **request), expect, through, persists)


Steps = Generator[Attempt, Answers, None]
"""A builder yields attempts and is handed both answers to each."""
Builder = Callable[["World"], Steps]


class Cases:
    """The cases of one module: `@cases("alg-01")` binds a builder, `parameters` makes each id a test id."""

    def __init__(self) -> None:
        self.builders: dict[str, Builder] = {}

    def __call__(self, case_id: str) -> Callable[[Builder], Builder]:
        def bind(builder: Builder) -> Builder:
            assert case_id in RECIPES, f"no recipe {case_id}"
            assert case_id not in self.builders, f"{case_id} is built twice"
            self.builders[case_id] = builder
            return builder

        return bind

    def parameters(self) -> list[ParameterSet]:
        """For pytest.mark.parametrize: case id and builder."""
        return [pytest.param(case_id, builder, id=case_id) for case_id, builder in self.builders.items()]


def put_through(case_id: str, builder: Builder, world: World) -> None:
    """Try everything that the builder yields; nothing tried, nothing tested."""
    steps = builder(world)
    tried = 0
    answers: Answers | None = None
    while True:
        try:
            step = next(steps) if answers is None else steps.send(answers)
        except StopIteration:
            break
        tried += 1
        answers = try_one(step, case_id, world)
    assert tried, f"{case_id} tried nothing"


def try_one(step: Attempt, case_id: str, world: World) -> Answers:
    """Put one attempt through both doors and check all that holds for every case."""
    doors = step.through or world.standing
    answers = doors.ask(step.request)
    # A code is compared where there is a body to read it from; HEAD has none.
    code = None if step.request.method == "HEAD" else answers.code
    wanted = step.expect or (expected(case_id),)
    assert answers.status in {outcome.status for outcome in wanted}, f"{answers.status} {code}"
    if answers.status == 200:
        check_agreement(answers)
        assert len(answers.wsgi.visits) == len(answers.asgi.visits) == 1
    else:
        assert Outcome(answers.status, code) in wanted or step.request.method == "HEAD", f"{code}, not {wanted}"
        check_refusal(answers, step.request, world.secrets)
        assert not step.persists or doors.accepts(world.good()), "GOOD(A) is shut out afterwards"
    world.check_log(step.request)
    return answers


def expected(case_id: str) -> Outcome:
    """The outcome a recipe names; one that only prose can tell must be given by the builder."""
    wanted = RECIPES[case_id]["expected"]
    if wanted["status"] == 200:
        return ACCEPTED
    assert wanted["error_code"] in CODES, f"the builder of {case_id} must say what it expects"
    return Outcome(wanted["status"], wanted["error_code"])
