"""Entries in Redis and the marker beside them, without a judgement on whether they are all there."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.revocation.breaker import Breaker
from jwt_middleware.revocation.entries import FOREVER, KEPT_LONGER, Entry
from jwt_middleware.revocation.redis_address import Address
from jwt_middleware.revocation.redis_links import FAILURES, AsyncLinks, Links, Reply, Script

if TYPE_CHECKING:
    from redis import Redis

_log = logging.getLogger("jwt_middleware")

# Unlike MGET, GET fails on a key that holds another type.
_READ: Final = Script("""
local values = {}
for place, key in ipairs(KEYS) do values[place] = redis.call('GET', key) end
return values
""")

# For each key a cut-off and an end; what is known stays where it is later.
_MERGE: Final = Script(f"""
for place, key in ipairs(KEYS) do
  local cutoff, ends = tonumber(ARGV[2 * place - 1]), tonumber(ARGV[2 * place])
  local known = redis.call('GET', key)
  if known then
    local known_cutoff, known_end = string.match(known, '^(%d+):(%d+)$')
    cutoff, ends = math.max(cutoff, tonumber(known_cutoff)), math.max(ends, tonumber(known_end))
  end
  local value = string.format('%.0f:%.0f', cutoff, ends)
  if ends < {FOREVER} then
    redis.call('SET', key, value, 'EXAT', string.format('%.0f', ends + {KEPT_LONGER}))
  else
    redis.call('SET', key, value)
  end
end
""")

# Whoever fills an empty server puts his name there, which a flush takes away with all the rest.
_FINISH: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
return 1
""")


class Reading(NamedTuple):
    """What one round trip tells."""

    server: str
    """The run of the server that answered."""
    marker: str
    """Of which generation, and for which run, the entries are a complete set; "" where nobody says so."""
    entries: tuple[Entry, ...]

    @property
    def generation(self) -> int | None:
        """The generation of which this server has all entries; None where that cannot be said.

        A server that was restarted, or took over from another, may have lost the newest ones.
        """
        generation, _, server = self.marker.partition(":")
        return int(generation) if generation.isdecimal() and server == self.server else None


class RedisEntries:
    """Entries by name, and which generation of them is complete. Several threads and event loops may use it.

    All keys have one hash tag, so that they are in one slot of a cluster. Raises TemporarilyUnavailable, or
    ConfigurationError where the server may forget entries.
    """

    def __init__(
        self,
        url_or_client: str | Redis,
        *,
        store_timeout: float,
        prefix: str,
        max_connections: int,
        eviction_checked: bool,
    ) -> None:
        self.address = Address(url_or_client)
        self._prefix = f"{{{prefix}}}:"
        self._marker, self._builder = f"{self._prefix}generation", f"{self._prefix}builder"
        breaker = Breaker("revocation_store", FAILURES)
        self._links = Links(self.address, max_connections, store_timeout, eviction_checked, breaker)
        self._async_links = AsyncLinks(self.address, max_connections, store_timeout, eviction_checked, breaker)

    def start(self) -> None:
        """Have a look at the server, if it answers; else that is logged. Raises ConfigurationError if it evicts."""
        try:
            self.read()
        except TemporarilyUnavailable as error:
            _log.warning("Redis at %s does not answer (%s)", self.address.text, error.reason)
        finally:
            # Whoever forks now shall not share a connection.
            self._links.close()

    def read(self, *names: str) -> Reading:
        """The entries of these names that there are."""
        return _reading(self._links.run(_READ, self._keys(names)))

    async def read_async(self, *names: str) -> Reading:
        """The same on an event loop."""
        return _reading(await self._async_links.run(_READ, self._keys(names)))

    def merge(self, named: Sequence[tuple[str, Entry]]) -> str:
        """Add entries; where there is one, the later cut-off and the later end count. Returns the server's run."""
        keys = [self._prefix + name for name, _ in named]
        return self._links.run(_MERGE, keys, [time for _, entry in named for time in entry]).server

    def mark(self, generation: int) -> None:
        """Say that this generation is complete on the server that answers."""
        server = self.read().server
        self._links.call("SET", self._marker, f"{generation}:{server}")

    def begin(self, builder: str, seconds: int) -> bool:
        """Announce that somebody fills in all entries; False: somebody else does, and may for that long."""
        return self._links.call("SET", self._builder, builder, "NX", "EX", seconds).answer is not None

    def renew(self, seconds: int) -> bool:
        """Let the announcement stand for that long from now; False: it is gone, start anew."""
        return bool(self._links.call("EXPIRE", self._builder, seconds).answer)

    def finish(self, builder: str, generation: int, server: str) -> bool:
        """Say that this generation is complete on this server; False: the announcement is gone, start anew."""
        marker = f"{generation}:{server}"
        return bool(self._links.run(_FINISH, [self._builder, self._marker], [builder, marker]).answer)

    def close(self) -> None:
        """End the connections of this process's threads. Later calls open others."""
        self._links.close()

    async def aclose(self) -> None:
        """End them, and those of the running event loop."""
        self._links.close()
        await self._async_links.aclose()

    def _keys(self, names: Iterable[str]) -> list[str]:
        return [*(self._prefix + name for name in names), self._marker]


def _reading(reply: Reply) -> Reading:
    *values, marker = reply.answer
    try:
        entries = tuple(_entry(value) for value in values if value is not None)
        return Reading(reply.server, (marker or b"").decode(), entries)
    except ValueError:
        raise TemporarilyUnavailable("revocation_store_holds_something_else") from None


def _entry(value: bytes) -> Entry:
    cutoff, ends = value.split(b":")
    return Entry(int(cutoff), int(ends))
