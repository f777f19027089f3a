"""A bounded number of connections, and the line of those who wait for one."""

from __future__ import annotations

import pytest

from jwt_middleware.revocation.pool import Pool


@pytest.fixture
def pool() -> Pool[str]:
    return Pool(2)


def test_whoever_finds_none_free_waits_and_sees_to_another_one_up_to_the_limit(pool: Pool[str]) -> None:
    assert pool.take() is None
    assert [pool.join().needs_another for _ in range(3)] == [True, True, False]


def test_a_connection_goes_to_whoever_waits_longest(pool: Pool[str]) -> None:
    first, second = pool.join(), pool.join()
    assert pool.give("one")
    assert (first.future.result(0), second.future.done()) == ("one", False)


def test_without_anybody_waiting_it_is_kept(pool: Pool[str]) -> None:
    assert pool.give("one")
    assert pool.take() == "one"
    assert pool.take() is None


def test_one_that_came_free_before_the_line_was_joined_is_given_at_once(pool: Pool[str]) -> None:
    assert pool.give("one")
    place = pool.join()
    assert (place.future.result(0), place.needs_another) == ("one", False)


def test_whoever_left_the_line_is_given_none(pool: Pool[str]) -> None:
    gone, waiting = pool.join(), pool.join()
    assert pool.leave(gone.future) is None
    assert pool.give("one")
    assert waiting.future.result(0) == "one"


def test_where_all_have_left_it_is_kept(pool: Pool[str]) -> None:
    pool.leave(pool.join().future)
    assert pool.give("one")
    assert pool.take() == "one"


def test_whoever_leaves_too_late_has_to_give_it_on(pool: Pool[str]) -> None:
    place = pool.join()
    pool.give("one")
    assert pool.leave(place.future) == "one"


def test_a_lost_one_is_replaced_where_somebody_waits(pool: Pool[str]) -> None:
    for _ in range(2):
        pool.join()
    pool.give("one")
    assert pool.lost()
    pool.give("another")
    assert not pool.lost()
    assert pool.join().needs_another


def test_where_none_can_be_opened_all_who_wait_are_told(pool: Pool[str]) -> None:
    gone, *waiting = [pool.join() for _ in range(4)]
    pool.leave(gone.future)
    pool.failed(LookupError())
    assert [type(place.future.exception(0)) for place in waiting] == [LookupError] * 3
    assert [pool.leave(place.future) for place in waiting] == [None] * 3
    assert pool.join().needs_another


def test_the_idle_ones_can_be_taken_out_to_make_room_for_others(pool: Pool[str]) -> None:
    places = [pool.join(), pool.join()]
    for name in ("one", "other", "one", "other"):
        pool.give(name)
    assert all(place.future.done() for place in places)
    assert pool.clear() == ["one", "other"]
    assert pool.take() is None
    assert [pool.join().needs_another for _ in range(3)] == [True, True, False]


def test_a_closed_one_keeps_none(pool: Pool[str]) -> None:
    place = pool.join()
    pool.give("one")
    assert pool.close() == []
    assert not pool.give(place.future.result(0))
    pool.join()
    assert not pool.lost()
