"""Every kind of app that can be protected."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.frameworks import world
from tests.testing.apis import BUILD, Api


@pytest.fixture(params=BUILD)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def api(kind: str) -> Iterator[Api]:
    """Protected by the settings of the framework tests: their tenant has a secret that these tests do not use."""
    with BUILD[kind](world.settings()) as built:
        yield built


@pytest.fixture
def started(api: Api) -> Api:
    """The same when it has served a request."""
    assert api.call("GET", world.HEALTH).status == 200
    return api
