"""One look-up at a time for each question."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.flights import GIVEN_UP_AFTER, Failure, Flights


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_to_ask_leads_and_the_others_get_its_answer() -> None:
    flights: Flights[str] = Flights(2, "store")
    leader, follower = flights.join("acme"), flights.join("acme")
    assert (leader.leads, follower.leads) == (True, False)
    flights.land("acme", leader, "answer")
    assert follower.future.result(1) == "answer"
    assert len(flights) == 0


def test_who_asks_after_the_landing_leads_a_new_one() -> None:
    flights: Flights[str] = Flights(2, "store")
    flights.land("acme", flights.join("acme"), "answer")
    assert flights.join("acme").leads


def test_a_failure_is_told_as_such_to_everybody() -> None:
    flights: Flights[str] = Flights(2, "store")
    leader, follower = flights.join("acme"), flights.join("acme")
    flights.land("acme", leader, Failure("down"))
    assert follower.future.result(1) == Failure("down")


def test_too_many_questions_at_once_are_refused_and_places_come_free() -> None:
    flights: Flights[str] = Flights(2, "store")
    first = flights.join("one")
    flights.join("two")
    with pytest.raises(TemporarilyUnavailable) as refused:
        flights.join("three")
    assert refused.value.reason == "store_has_too_many_look_ups"
    assert not flights.join("two").leads
    flights.land("one", first, "answer")
    assert flights.join("three").leads


def test_a_flight_that_never_lands_is_given_up() -> None:
    clock = Clock()
    flights: Flights[str] = Flights(1, "store", clock)
    lost = flights.join("acme")
    clock.now = GIVEN_UP_AFTER
    again = flights.join("acme")
    assert again.leads
    flights.land("acme", lost, "late")
    assert not flights.join("acme").leads
    flights.land("acme", again, "answer")
    assert len(flights) == 0


def test_a_lost_flight_takes_nobodys_place_for_ever() -> None:
    clock = Clock()
    flights: Flights[str] = Flights(1, "store", clock)
    flights.join("lost")
    clock.now = GIVEN_UP_AFTER
    assert flights.join("acme").leads


def test_of_many_threads_one_leads() -> None:
    flights: Flights[str] = Flights(1, "store")
    together = threading.Barrier(20)
    leaders: list[bool] = []

    def ask() -> None:
        together.wait()
        leaders.append(flights.join("acme").leads)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leaders) == [False] * 19 + [True]


def test_a_forked_process_waits_for_no_look_up_of_its_parent() -> None:
    flights: Flights[str] = Flights(1, "store")
    flights.join("acme")
    with flights._lock:
        child = os.fork()
        if child == 0:
            # Whoever waits for a lock that nobody gives back is ended.
            signal.alarm(10)
            leads = False
            try:
                leads = flights.join("acme").leads
            finally:
                os._exit(0 if leads else 1)
        _, status = os.waitpid(child, 0)
    assert status == 0
    assert not flights.join("acme").leads
