"""What a forked process must not go on with: locks that another thread held, and waits for threads that it has not."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Has something of its process that a child has to begin anew."""

    def after_fork(self) -> None:
        """Called in the child, before anything else runs there. Must not block or raise."""


def renew_after_fork(thing: Renewable) -> None:
    """Call `after_fork` of this object in each process that is forked while the object lives."""
    _everywhere.add(thing)


_everywhere: weakref.WeakSet[Renewable] = weakref.WeakSet()


def _after_fork() -> None:
    for thing in _everywhere:
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # pragma: no branch (Windows forks nothing)
    os.register_at_fork(after_in_child=_after_fork)
