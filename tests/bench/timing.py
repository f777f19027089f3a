"""Interleaved timing: every contestant runs a short round, then the next one, over and over.

A busy machine slows all contestants alike, so that their ratios hold where their times do not. The minimum is
the cost of the code; the median shows what the machine's other work added.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from statistics import median
from time import perf_counter_ns
from typing import Any

# Cyclic garbage is collected between rounds, untimed, so that a long race does not grow without bound.
COLLECT_EVERY = 25
# Untimed calls before each round: enough for code that the contestant before has displaced from the CPU's caches.
WARMING = 20


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something to time: `call(item)` for each of `inputs`, in order and from the start again."""

    name: str
    call: Callable[[Any], object]
    inputs: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds per call: the best round and the median round."""

    best: float
    median: float

    def less(self, other: Timing) -> Timing:
        """What this costs more than the other."""
        return Timing(self.best - other.best, self.median - other.median)

    def over(self, other: Timing) -> Timing:
        """This as a multiple of the other."""
        return Timing(self.best / other.best, self.median / other.median)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a race is: rounds for each contestant, and microseconds for each round."""

    rounds: int = 400
    round_us: float = 1000.0


QUICK = Pace(rounds=3, round_us=50.0)


@dataclass(slots=True)
class _Lane:
    """One contestant with its batches of inputs and what its rounds took."""

    call: Callable[[Any], object]
    batches: Iterator[list[Any]]
    warm: list[Any]
    samples: list[float] = field(default_factory=list)

    def run(self) -> None:
        """One round: untimed calls that bring the code back into the CPU's caches, then the timed batch."""
        batch = next(self.batches)
        _spend(self.call, self.warm)
        self.samples.append(_spend(self.call, batch) / len(batch) / 1000)
        self.warm = batch[-WARMING:]

    def timing(self) -> Timing:
        return Timing(min(self.samples), median(self.samples))


def race(contestants: Sequence[Contestant], pace: Pace) -> dict[str, Timing]:
    """Times all contestants in one interleaved run; the result has one entry for each name."""
    with collector_off():
        lanes = {contestant.name: _lane(contestant, pace.round_us) for contestant in contestants}
        for number in range(pace.rounds):
            for lane in lanes.values():
                lane.run()
            if number % COLLECT_EVERY == 0:
                gc.collect()
        return {name: lane.timing() for name, lane in lanes.items()}


@contextmanager
def collector_off() -> Iterator[None]:
    """No automatic garbage collection inside, and an explicit one skips what was there before."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def seconds(work: Callable[[], object]) -> float:
    """What doing the work once takes."""
    started = perf_counter_ns()
    work()
    return (perf_counter_ns() - started) / 1e9


def _spend(call: Callable[[Any], object], batch: Sequence[Any]) -> int:
    """Nanoseconds that the calls of one batch take."""
    started = perf_counter_ns()
    for item in batch:
        call(item)
    return perf_counter_ns() - started


def _lane(contestant: Contestant, round_us: float) -> _Lane:
    """A lane whose batches are as long as fits into one round."""
    probe = list(islice(cycle(contestant.inputs), WARMING))
    _spend(contestant.call, probe)
    call_us = _spend(contestant.call, probe) / len(probe) / 1000
    calls = max(2, int(round_us / call_us))
    return _Lane(contestant.call, _batches(contestant.inputs, calls), probe[:WARMING])


def _batches(inputs: Sequence[Any], calls: int) -> Iterator[list[Any]]:
    """The inputs over and over, in lists of that many."""
    endless = cycle(inputs)
    while True:
        yield list(islice(endless, calls))
