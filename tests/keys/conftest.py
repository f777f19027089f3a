"""Fixtures of the tests of keys: a key server, and both ways of asking an authenticator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from jwt_middleware import AuthenticationError, Authenticator, Identity

from ..unit.making import Clock
from .serving import KeyServer, document

Ask: TypeAlias = Callable[[Authenticator, str], Identity]
"""Has a token checked, in this thread or on an event loop."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def servers() -> Iterator[Callable[[], KeyServer]]:
    """Makes key servers, which are down and have an empty set."""
    made: list[KeyServer] = []

    def make() -> KeyServer:
        made.append(KeyServer(document({"keys": []})))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(servers: Callable[[], KeyServer]) -> KeyServer:
    """A key server that is up and has an empty set."""
    one = servers()
    one.up()
    return one


@pytest.fixture(params=["thread", "event loop"])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Both ways of having a token checked."""
    if request.param == "thread":
        yield Authenticator.authenticate
        return
    with asyncio.Runner() as runner:
        yield lambda authenticator, token: runner.run(authenticator.authenticate_async(token))


@pytest.fixture
def verdict(ask: Ask) -> Callable[[Authenticator, str], str]:
    """The subject that a token authenticates, or status and code of its refusal."""

    def verdict(authenticator: Authenticator, token: str) -> str:
        try:
            return ask(authenticator, token).subject
        except AuthenticationError as refusal:
            return f"{refusal.status} {refusal.code}"

    return verdict
