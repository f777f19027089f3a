"""The bench runs and leaves no row out. How fast anything is, is not asserted: the machine may be busy."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cryptography")
pytest.importorskip("litestar")
pytest.importorskip("flask_jwt_extended")
pytest.importorskip("matplotlib")
pytest.importorskip("redis")
pytest.importorskip("sqlalchemy")

from jwt_middleware.sql.schema import upgrade
from jwt_middleware.tenants.changes import are_alike
from jwt_middleware.tenants.sql import SQLTenants

from . import asgi_apps, asymmetric, core, stores, tokens, wsgi_apps
from .__main__ import QUICK_TENANTS, measure, write
from .budgets import budgets
from .contestants import label
from .driving import finish
from .populating import populate
from .report import Run, as_text, tables
from .tenants import tenant, tenant_id
from .timing import Contestant, Pace, race


@pytest.fixture(scope="module")
def run() -> Run:
    return measure(quick=True)


def test_every_app_and_every_token_is_timed(run: Run) -> None:
    accepted = [core.FLOOR, core.PYJWT, core.OURS, core.OURS_ASYNC]
    refused = [core.FORGED, core.FORGED_EIGHT, core.STRANGER]
    junk = [core.JUNK + kind for kind in tokens.junk()]
    rows = (asymmetric.raw, asymmetric.fresh, asymmetric.familiar)
    public = [row(algorithm) for algorithm in asymmetric.ALGORITHMS for row in rows]
    apps = [label(*key) for key in (*asgi_apps.apps(), *wsgi_apps.apps())]
    assert list(run.timings) == [*accepted, *refused, *junk, core.JUNK_BASE64, *public, *apps]


def test_every_number_of_tenants_is_surveyed(run: Run) -> None:
    assert [census.count for census in run.censuses] == list(QUICK_TENANTS)


def test_every_store_is_timed_beside_the_bare_thing(run: Run) -> None:
    cached = [stores.cached(kind, count) for kind in stores.KINDS for count in QUICK_TENANTS]
    cold = [row(kind) for kind in stores.KINDS for row in (stores.cold, stores.bare)]
    revocations = [stores.MEMORY, stores.REDIS, stores.BARE_REDIS]
    assert sorted(run.stock.timings) == sorted([stores.STATIC, *cached, *cold, *revocations])


def test_a_database_is_filled_as_the_store_would_fill_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tenants.db'}"
    upgrade(url)
    populate(url, 3)
    store = SQLTenants(url, store_in_clear=True)
    store.add_tenant(tenant(2))
    found = store.tenants()
    assert [one.id for one in found] == [tenant_id(number) for number in range(3)]
    assert all(are_alike(one, tenant(number)) for number, one in enumerate(found))
    store.close()


def test_every_budget_is_printed_with_a_verdict(run: Run) -> None:
    lines = as_text(run).splitlines()
    for budget in budgets(run.timings, run.censuses, run.stock):
        (line,) = [line for line in lines if line.strip().startswith(budget.line + " ")]
        assert line.endswith(("met", "MISS"))


def test_the_documentation_has_the_tables_and_the_picture(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path)
    page = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert all(f"## {table.title}" in page for table in tables(run))
    assert core.PYJWT in (tmp_path / "benchmark.svg").read_text(encoding="utf-8")


def test_the_floor_and_the_rival_do_their_work() -> None:
    good, forged = tokens.token("user_1"), tokens.token("user_1", secret=tokens.WRONG_SECRET)
    assert core.floor(core.parts(good))
    assert not core.floor(core.parts(forged))
    assert core.jwt_decode(good)["sub"] == "user_1"


def test_junk_is_as_long_as_the_length_cap_lets_through_or_longer() -> None:
    assert all(len(text.encode()) >= tokens.JUNK_LENGTH - 8 for text in tokens.junk().values())


def test_rounds_are_interleaved() -> None:
    order: list[str] = []
    racers = [Contestant(name, lambda _, name=name: order.append(name), [0]) for name in "ab"]  # type: ignore[misc]
    race(racers, Pace(rounds=3, round_us=0.001))
    turns = [name for name, before in zip(order, [None, *order], strict=False) if name != before]
    assert turns == list("ab" * (len(turns) // 2))
    assert len(turns) >= 6


def test_a_coroutine_that_suspends_is_an_error() -> None:
    async def suspends() -> None:
        import asyncio

        await asyncio.sleep(0)

    with pytest.raises(AssertionError, match="suspended"):
        finish(suspends())
