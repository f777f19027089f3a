"""Where a Redis server is, how to get in, and whether it is fit to keep revocations."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, Final

import redis
from redis.asyncio import connection as asynchronous
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from jwt_middleware.errors import ConfigurationError, Problem

GREETINGS: Final = (("INFO", "server"), ("INFO", "memory"))
"""What a server is asked first; `server_of` reads the answers."""

_ADDRESS: Final = ("host", "port", "path", "db", "username", "password", "credential_provider", "client_name")
_TLS: Final = "ssl_"
_FORMS: Final = 'write "redis://host:6379/0", or "rediss://host:6379/0" for TLS'


class Address:
    """Where the server is and how to get in. Raises ConfigurationError for a URL that cannot be used."""

    def __init__(self, url_or_client: str | redis.Redis) -> None:
        given = _parsed(url_or_client) if isinstance(url_or_client, str) else _options_of(url_or_client)
        kind = given.pop("connection_class", redis.Connection)
        self._kind: Any = kind
        self._async_kind: Any = getattr(asynchronous, kind.__name__, None)
        if self._async_kind is None:
            raise _unusable(f"a client of {kind.__name__} cannot be used", f"{_FORMS}, or pass a plain redis.Redis")
        self._options = {name: given[name] for name in given if name in _ADDRESS or name.startswith(_TLS)}
        where = self._options.get("path") or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}"
        self.text = f"{where}/{given.get('db', 0)}"
        """For people; without credentials."""

    def resolve(self) -> None:
        """Find out where the host is, however long that takes. Raises OSError where nobody knows."""
        host = self._options.get("host")
        if host is not None:
            socket.getaddrinfo(host, self._options.get("port"), type=socket.SOCK_STREAM)

    def connection(self, timeout: float) -> Any:
        """A connection that has not been opened, for threads. Its steps take at most `timeout` seconds each."""
        return self._kind(
            **self._options,
            protocol=2,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )

    def async_connection(self) -> Any:
        """The same for an event loop. Whoever uses it bounds the time."""
        return self._async_kind(
            **self._options,
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=AsyncRetry(NoBackoff(), 0),
        )


def server_of(answers: Iterable[Any], eviction_checked: bool) -> str:
    """The run of the server (40 hexadecimal digits; "" where it does not tell), out of its answers to GREETINGS.

    Raises ConfigurationError for one that evicts entries.
    """
    lines = [line.partition(":") for answer in answers if isinstance(answer, bytes) for line in answer.decode().split()]
    told = {name: value for name, _, value in lines}
    policy = told.get("maxmemory_policy")
    if policy is None and not eviction_checked:
        fix = "let this user run INFO; or make sure that maxmemory-policy is noeviction and say eviction_checked=True"
        raise _unusable("the server does not tell its eviction policy, so that a revocation could be forgotten", fix)
    if policy not in (None, "noeviction"):
        what = f"the server evicts entries by the policy {policy}, so that a revocation could be forgotten"
        raise _unusable(what, "set maxmemory-policy to noeviction")
    run = told.get("run_id", "")
    if not run and not eviction_checked:
        what = "the server does not tell its run_id, so that nobody would notice that it was restarted or replaced"
        raise _unusable(what, "use another server; or see eviction_checked=True")
    return run


def _parsed(url: str) -> dict[str, Any]:
    try:
        given: dict[str, Any] = redis.connection.parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        raise _unusable("this is no Redis URL", _FORMS) from None
    strange = [name for name in given if name not in (*_ADDRESS, "connection_class") and not name.startswith(_TLS)]
    if strange:
        raise _unusable(f"{', '.join(strange)} cannot be set in the URL", "leave it out")
    return given


def _options_of(client: Any) -> dict[str, Any]:
    pool: Any = getattr(client, "connection_pool", None)
    if type(pool) not in (redis.ConnectionPool, redis.BlockingConnectionPool):
        raise _unusable(f"{type(client).__name__} cannot be used", f"{_FORMS}, or pass a plain redis.Redis")
    return {**pool.connection_kwargs, "connection_class": pool.connection_class}


def _unusable(what: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem("revocations", what, fix)], "this Redis cannot be used")
