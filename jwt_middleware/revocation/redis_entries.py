"""Entries in Redis and the marker beside them, without a judgement on whether they are all there."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.revocation.breaker import Breaker
from jwt_middleware.revocation.entries import FOREVER, KEPT_LONGER, Entry
from jwt_middleware.revocation.redis_address import Address
from jwt_middleware.revocation.redis_links import FAILURES, AsyncLinks, Latest, Links, Reply, Script, Terms

if TYPE_CHECKING:
    from redis import Redis

_log = logging.getLogger("jwt_middleware")

# Redis names the history of its data, and gives it another name whenever it changes its role. A master that was made a
# replica, and a master again, was never restarted, and yet it may have lost what its successor had not heard of.
_HISTORY: Final = """
local told = redis.pcall('INFO', 'replication')
local history = type(told) == 'string' and string.match(told, 'master_replid:(%x+)') or ''
"""

# Unlike MGET, GET fails on a key that holds another type.
_READ: Final = Script(f"""{_HISTORY}
local values = {{}}
for place, key in ipairs(KEYS) do values[place] = redis.call('GET', key) end
values[#KEYS + 1] = history
return values
""")

# For each key a cut-off, an end, and the seconds that it is needed; what is known stays where it is later. Seconds,
# because the clock of the server may be ahead of that of whoever revokes, by more than an entry is kept longer.
_MERGE: Final = Script(f"""{_HISTORY}
for place, key in ipairs(KEYS) do
  local cutoff, ends, needed = unpack(ARGV, 3 * place - 2, 3 * place)
  cutoff, ends, needed = tonumber(cutoff), tonumber(ends), tonumber(needed)
  local known = redis.call('GET', key)
  if known then
    local known_cutoff, known_end = string.match(known, '^(%d+):(%d+)$')
    cutoff, ends = math.max(cutoff, tonumber(known_cutoff)), math.max(ends, tonumber(known_end))
    needed = math.max(needed, redis.call('TTL', key))
  end
  local value = string.format('%.0f:%.0f', cutoff, ends)
  if ends >= {FOREVER} then
    redis.call('SET', key, value)
  elseif needed > 0 then
    redis.call('SET', key, value, 'EX', string.format('%.0f', needed))
  end
end
return history
""")

# Whoever fills an empty server puts his name there, which a flush takes away with all the rest.
_FINISH: Final = Script(f"""{_HISTORY}
if redis.call('GET', KEYS[1]) ~= ARGV[1] or history ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
return 1
""")

_MARKER: Final = re.compile("([0-9]{1,19}):(.*)").fullmatch


class Reading(NamedTuple):
    """What one round trip tells."""

    server: str
    """The run of the server that answered, and the history of its data."""
    marker: str
    """Of which generation, and for which server, the entries are a complete set; "" where nobody says so."""
    entries: tuple[Entry, ...]

    @property
    def generation(self) -> int | None:
        """The generation of which this server has all entries; None where that cannot be said.

        A server that was restarted, took over from another or was taken over from may have lost the newest ones.
        """
        marked = _MARKER(self.marker)
        return int(marked[1]) if marked is not None and marked[2] == self.server else None

    @property
    def marked(self) -> int:
        """The generation in the marker, whomever it was set for; 0 where there is none."""
        marked = _MARKER(self.marker)
        return 0 if marked is None else int(marked[1])


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
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self.address = Address(url_or_client)
        self._prefix = f"{{{prefix}}}:"
        self._marker, self._builder = f"{self._prefix}generation", f"{self._prefix}builder"
        breaker = Breaker("revocation_store", FAILURES)
        terms = Terms(self.address, max_connections, store_timeout, eviction_checked, breaker, Latest())
        self._links, self._async_links = Links(terms), AsyncLinks(terms)

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
        """Add entries; where there is one, the later cut-off and the later end count. Returns the server, as `read`."""
        keys = [self._prefix + name for name, _ in named]
        now = int(self._clock())
        times = [time for _, entry in named for time in (*entry, entry.ends + KEPT_LONGER - now)]
        reply = self._links.run(_MERGE, keys, times)
        return _server(reply.server, reply.answer)

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
        told = [builder, f"{generation}:{server}", server.partition(":")[2]]
        return bool(self._links.run(_FINISH, [self._builder, self._marker], told).answer)

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
    *values, marker, history = reply.answer
    try:
        entries = tuple(_entry(value) for value in values if value is not None)
        return Reading(_server(reply.server, history), (marker or b"").decode(), entries)
    except ValueError:
        raise TemporarilyUnavailable("revocation_store_holds_something_else") from None


def _server(run: str, history: bytes) -> str:
    return f"{run}:{history.decode()}"


def _entry(value: bytes) -> Entry:
    cutoff, ends = value.split(b":")
    return Entry(int(cutoff), int(ends))
