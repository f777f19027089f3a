"""Fixtures of the attack tests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from .build import Party, party, signing_party
from .outside import Listener
from .world import Records, World


@pytest.fixture
def world() -> Iterator[World]:
    """A frozen clock, tenants made for this test, both doors and a loopback address that must stay uncalled."""
    with made(party) as world:
        yield world


@pytest.fixture
def signing_world() -> Iterator[World]:
    """The same, but the tenants have key pairs instead of secrets."""
    with made(signing_party) as world:
        yield world


@contextmanager
def made(make: Callable[..., Party]) -> Iterator[World]:
    """A world whose parties are made like this."""
    logger, records = logging.getLogger("jwt_middleware"), Records()
    logger.addHandler(records)
    listener = Listener()
    with asyncio.Runner() as loop:
        world = World(loop, records, listener, make)
        try:
            yield world
        finally:
            for server in world.servers:
                server.close()
            listener.close()
            logger.removeHandler(records)
