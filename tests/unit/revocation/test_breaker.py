"""A store that hangs costs one caller at a time; the others are told at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from jwt_middleware import TemporarilyUnavailable
from jwt_middleware.revocation.breaker import Breaker


@pytest.fixture
def breaker() -> Breaker:
    return Breaker("store", (TimeoutError,))


def fail(breaker: Breaker, error: BaseException) -> None:
    with pytest.raises(type(error)), breaker.attempt():
        raise error


def succeed(breaker: Breaker) -> None:
    with breaker.attempt():
        pass


def test_many_may_try_at_once_while_nothing_is_wrong(breaker: Breaker) -> None:
    with breaker.attempt(), breaker.attempt(), breaker.attempt():
        succeed(breaker)


def test_after_a_failure_one_at_a_time_may_try(breaker: Breaker) -> None:
    fail(breaker, TimeoutError())
    for _ in range(2):
        trial = breaker.attempt()
        with pytest.raises(TemporarilyUnavailable, match="store_does_not_answer"):
            breaker.attempt()
        with pytest.raises(TimeoutError), trial:
            raise TimeoutError


@pytest.mark.parametrize("answer", [None, LookupError()])
def test_after_an_answer_everybody_may_try_again(breaker: Breaker, answer: Exception | None) -> None:
    fail(breaker, TimeoutError())
    if answer is None:
        succeed(breaker)
    else:
        fail(breaker, answer)
    with breaker.attempt():
        succeed(breaker)


def test_an_answer_to_somebody_who_began_earlier_counts_too(breaker: Breaker) -> None:
    with breaker.attempt():
        fail(breaker, TimeoutError())
        trial = breaker.attempt()
    with breaker.attempt(), trial:
        succeed(breaker)


def test_one_who_began_earlier_and_fails_does_not_end_the_trial_of_another(breaker: Breaker) -> None:
    early = breaker.attempt()
    fail(breaker, TimeoutError())
    with breaker.attempt():
        with pytest.raises(TimeoutError), early:
            raise TimeoutError
        with pytest.raises(TemporarilyUnavailable):
            breaker.attempt()


def test_a_cancelled_trial_tells_nothing_and_lets_the_next_one_try(breaker: Breaker) -> None:
    fail(breaker, TimeoutError())
    fail(breaker, asyncio.CancelledError())
    with breaker.attempt(), pytest.raises(TemporarilyUnavailable):
        breaker.attempt()


def test_another_error_means_that_the_store_answers(breaker: Breaker) -> None:
    fail(breaker, LookupError())
    with breaker.attempt():
        succeed(breaker)


def test_of_many_threads_one_tries(breaker: Breaker) -> None:
    fail(breaker, TimeoutError())
    begun, outcomes, go_on = threading.Barrier(8), [], threading.Event()

    def attempt() -> None:
        begun.wait()
        try:
            with breaker.attempt():
                outcomes.append("tries")
                go_on.wait(10)
        except TemporarilyUnavailable:
            outcomes.append("is told")
            if len(outcomes) == 8:
                go_on.set()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["is told"] * 7 + ["tries"]


def test_a_forked_process_does_not_wait_for_a_trial_of_its_parent(breaker: Breaker) -> None:
    fail(breaker, TimeoutError())
    with breaker.attempt(), breaker._lock:
        child = os.fork()
        if child == 0:
            # Whoever waits for a lock that nobody gives back is ended.
            signal.alarm(10)
            try:
                succeed(breaker)
            except BaseException:
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
    assert status == 0
