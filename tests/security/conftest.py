"""Fixtures of the attack tests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from .outside import Listener
from .world import Records, World


@pytest.fixture
def world() -> Iterator[World]:
    """A frozen clock, tenants made for this test, both doors and a loopback address that must stay uncalled."""
    logger, records = logging.getLogger("jwt_middleware"), Records()
    logger.addHandler(records)
    listener = Listener()
    try:
        with asyncio.Runner() as loop:
            yield World(loop, records, listener)
    finally:
        listener.close()
        logger.removeHandler(records)
