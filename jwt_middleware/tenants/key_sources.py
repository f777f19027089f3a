"""Keys that are not at hand when a tenant is built: the protocol between the checks and whoever fetches them."""

from __future__ import annotations

from typing import Protocol

from jwt_middleware.tenants.keys import Key


class Fetch(Protocol):
    """Keys have to be fetched before the token can be checked. Waiting does not raise: the next look-up tells."""

    def wait(self) -> None:
        """Wait in this thread, for a bounded time."""

    async def wait_async(self) -> None:
        """Wait on the event loop, for a bounded time. Cancelling it does not cancel the fetch, which others await."""


class KeySource(Protocol):
    """What a tenant may have as `keys` instead of a list. Never asked for anything that a token names but `kid`."""

    def awaited(self, algorithm: str, key_id: str | None) -> Fetch | None:
        """What to wait for before `candidates` can tell; None where it can already, or cannot anyway."""

    def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
        """The keys to try, by what is known now. Raises TemporarilyUnavailable where nothing is."""
