"""Keeps a copy in Redis of the revocations that a database has, in a thread of each process.

The database says which generation of the copy is complete. Redis has a marker with the generation that it holds, and
for which run of its server that was said; every check reads it along with the entries.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from jwt_middleware.errors import ConfigurationError, TemporarilyUnavailable
from jwt_middleware.revocation.entries import Entry
from jwt_middleware.revocation.protocol import WritableRevocations
from jwt_middleware.revocation.redis_entries import Reading, RedisEntries

_log = logging.getLogger("jwt_middleware")

LOOKED_AFTER_EVERY: Final = 1.0
"""Seconds between two looks at what was recorded and could not be copied at once."""
TRIED_AGAIN_AFTER: Final = 0.1
"""Seconds between two looks while the copy is not complete."""
ANNOUNCED_FOR: Final = 30
"""Seconds for which other processes leave the copy to the one that fills it, since they last heard of it."""
COPIED_AT_ONCE: Final = 200
"""Entries in one step, for which Redis serves nobody else."""
_PATIENCE: Final = 2.0
UNAVAILABLE: Final = (TemporarilyUnavailable, ConfigurationError)
"""What a store raises that cannot answer."""


class Uncopied(NamedTuple):
    """An entry that was written and not yet copied. A later change of the same entry has another `stamp`."""

    stamp: int
    name: str
    entry: Entry


class Record(WritableRevocations, Protocol):
    """What is needed of the store that has the record. SQLRevocations has it."""

    def generation(self) -> int | None:
        """The generation of the copy that is complete; None before the first."""

    def begin_generation(self, generation: int) -> None:
        """From now on, only a copy of this generation is complete."""

    def batches(self, size: int) -> Iterator[Sequence[tuple[str, Entry]]]:
        """All entries, by name."""

    def uncopied(self, limit: int) -> Sequence[Uncopied]:
        """Some entries that nobody has said were copied."""

    def was_copied(self, stamps: Iterable[int], generation: int) -> None:
        """Say so, of those that have not changed since, while this is the generation that is complete, or filled."""


class CopyKeeper:
    """Fills the copy where it is not complete, and adds what could not be copied when it was recorded."""

    def __init__(self, record: Record, copy: RedisEntries) -> None:
        self._record = record
        self._copy = copy
        self._process: int | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._missed = 0
        self._trusted: int | None = None
        self._complaint = ""

    def trusts(self, reading: Reading) -> bool:
        """Whether this came from a complete copy. If not, it is looked after at once."""
        if reading.generation is not None and reading.generation == self._trusted:
            return True
        self._wake.set()
        return False

    def add(self, name: str, entry: Entry) -> None:
        """Copy an entry that has been recorded. Where that fails, this process trusts no copy until it is done."""
        try:
            self._copy.merge([(name, entry)])
        except UNAVAILABLE as error:
            with self._lock:
                self._missed += 1
                self._trusted = None
            self._wake.set()
            _log.warning("a revocation was recorded and is not in its fast copy yet: %s", _reason(error))

    def start(self) -> None:
        """Look after the copy from now on, once in each process, until `stop`."""
        if self._process != os.getpid():
            self._start()

    def stop(self) -> None:
        """Leave the copy alone."""
        thread, self._process = self._thread, None
        self._stopped.set()
        self._wake.set()
        if thread is not None:
            thread.join(_PATIENCE)

    def tend(self) -> None:
        """Look once. Raises TemporarilyUnavailable or ConfigurationError where a store does not answer."""
        missed = self._missed
        generation = self._record.generation()
        if generation is None or self._copy.read().generation != generation:
            generation = self._fill()
        if generation is not None:
            self._add_uncopied(generation)
        with self._lock:
            if missed == self._missed:
                self._trusted = generation

    def _start(self) -> None:
        with _starting:
            if self._process != os.getpid():
                # Threads do not survive a fork, nor is a lock of use that one of them may have held.
                self._lock, self._wake, self._stopped = threading.Lock(), threading.Event(), threading.Event()
                # What was trusted when somebody last looked may have missed something since.
                self._trusted = None
                self._thread = threading.Thread(target=self._run, name="jwt_middleware-revocations", daemon=True)
                self._thread.start()
                self._process = os.getpid()

    def _run(self) -> None:
        stopped, wake = self._stopped, self._wake
        while not stopped.is_set():
            wake.clear()
            if self._looked_after() and self._trusted is not None:
                wake.wait(LOOKED_AFTER_EVERY)
            else:
                stopped.wait(TRIED_AGAIN_AFTER)

    def _looked_after(self) -> bool:
        """Look once; a reason why that fails is logged when it is a new one."""
        complaint = ""
        try:
            self.tend()
        except Exception as error:
            complaint = _reason(error)
        if complaint and complaint != self._complaint:
            _log.warning("the fast copy of the revocations cannot be looked after: %s", complaint)
        self._complaint = complaint
        return not complaint

    def _fill(self) -> int | None:
        """Copy everything. None: somebody else is at it, or the copy was emptied or restarted meanwhile."""
        builder = secrets.token_hex(8)
        if not self._copy.begin(builder, ANNOUNCED_FOR):
            return None
        generation = secrets.randbits(62)
        self._record.begin_generation(generation)
        servers = {self._copy.read().server}
        for batch in self._record.batches(COPIED_AT_ONCE):
            servers.add(self._copy.merge(batch))
            if len(servers) > 1 or self._stopped.is_set() or not self._copy.renew(ANNOUNCED_FOR):
                return None
        self._add_uncopied(generation)
        is_complete = self._copy.finish(builder, generation, *servers)
        _log.info("the fast copy of the revocations %s", "is complete" if is_complete else "was emptied while filled")
        return generation if is_complete else None

    def _add_uncopied(self, generation: int) -> None:
        """Until somebody else begins another generation, maybe in another server: what is copied here is not there."""
        while (waiting := self._record.uncopied(COPIED_AT_ONCE)) and self._record.generation() == generation:
            self._copy.merge([(name, entry) for _, name, entry in waiting])
            self._record.was_copied((stamp for stamp, _, _ in waiting), generation)


_starting = threading.Lock()


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, TemporarilyUnavailable) else type(error).__name__
