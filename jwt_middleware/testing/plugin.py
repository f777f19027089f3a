"""The pytest plug-in: fixtures that hold until the test ends. pytest finds it by itself where the package is installed.

It is loaded in every run, and loads no framework and no store. Nothing happens in a test that asks for no fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from jwt_middleware.tenants.model import Tenant
from jwt_middleware.testing import Clock, TokenFactory, acme, override, signed_in


@pytest.fixture
def jwt_clock() -> Clock:
    """A clock that stands still until the test turns it: for `JWTSettings(clock=...)`."""
    return Clock()


@pytest.fixture
def jwt_tenant() -> Tenant:
    """The tenant whose tokens `jwt_tokens` makes: one that is made up. Write a fixture of this name to have yours."""
    return acme()


@pytest.fixture
def jwt_tokens(jwt_tenant: Tenant, jwt_clock: Clock) -> TokenFactory:
    """Makes good tokens, and one for each documented error, by `jwt_clock`."""
    return TokenFactory(jwt_tenant, clock=jwt_clock)


@pytest.fixture
def jwt_auth_headers(jwt_tokens: TokenFactory) -> Callable[..., dict[str, str]]:
    """Gives the headers of a request: `jwt_auth_headers(scope=["read"])`, or with a token that was made before."""
    return jwt_tokens.auth_headers


@pytest.fixture
def jwt_override() -> Iterator[Callable[..., None]]:
    """`jwt_override(app, tenants=[...])`: other settings for an app until the test ends."""
    with ExitStack() as stack:
        yield lambda app, *settings, **changes: stack.enter_context(override(app, *settings, **changes))


@pytest.fixture
def jwt_signed_in() -> Iterator[Callable[..., None]]:
    """`jwt_signed_in(app, subject="user_7")`: requests to an app need no token until the test ends."""
    with ExitStack() as stack:
        yield lambda app, **identity: stack.enter_context(signed_in(app, **identity))
