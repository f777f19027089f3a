"""No recipe is forgotten: each is built, or waits for a stated reason."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from .catalogue import RECIPES, Attempt, Cases, Steps, put_through
from .doors import Request, bearer
from .waiting import PARTLY, WAITING
from .world import World

_HERE = Path(__file__)


def built() -> Iterator[str]:
    """The ids that the modules beside this one build."""
    for path in sorted(_HERE.parent.glob("test_*.py")):
        if path != _HERE:
            cases = import_module(f".{path.stem}", __package__).cases
            assert isinstance(cases, Cases)
            yield from cases.builders


@pytest.mark.parametrize("case_id", RECIPES)
def test_is_built_or_waits(case_id: str) -> None:
    times = [*built()].count(case_id)
    assert times == (case_id not in WAITING), f"{case_id} is built {times} times"
    assert WAITING.get(case_id, "a reason")


def test_no_reason_is_left_behind() -> None:
    """What has been built does not wait, and what waits in part has been built."""
    assert set(WAITING) <= set(RECIPES)
    assert set(PARTLY) <= set(built())


def test_recipes_are_complete() -> None:
    assert len(RECIPES) == 209
    assert {"id", "group", "describe", "how_to_build", "expected"} <= set.intersection(
        *(set(one) for one in RECIPES.values())
    )


@pytest.mark.parametrize(
    "wrong",
    [Attempt(Request(), ()), Attempt(Request(authorization=(b"Bearer x.y.z",)))],
    ids=["nothing sent", "bad token"],
)
def test_runner_notices_a_refusal(world: World, wrong: Attempt) -> None:
    """The runner itself works: a case that expects to be let in fails when it is not."""

    def refused(world: World) -> Steps:
        yield wrong

    with pytest.raises(AssertionError):
        put_through("key-15", refused, world)


def test_runner_notices_a_pass(world: World) -> None:
    """And a case that expects a refusal fails when the token is let in."""

    def let_in(world: World) -> Steps:
        yield Attempt(bearer(world.good()))

    with pytest.raises(AssertionError):
        put_through("alg-01", let_in, world)


def test_runner_notices_that_nothing_was_tried(world: World) -> None:
    def idle(world: World) -> Steps:
        yield from ()

    with pytest.raises(AssertionError, match="tried nothing"):
        put_through("alg-01", idle, world)
