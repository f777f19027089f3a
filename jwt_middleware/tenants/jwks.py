"""Key sets by URL (RFC 7517 section 5), for tenants that have an identity provider of their own.

One fetch is under way for a URL at a time, in a thread of its own: so it does not matter who waits for it, a thread
or an event loop, and whether they still wait when it is done. Nothing in a token ever names what is fetched.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from jwt_middleware.errors import ConfigurationError, Problem, TemporarilyUnavailable
from jwt_middleware.grammar import escaped
from jwt_middleware.tenants import fetching
from jwt_middleware.tenants.fetching import Document, FetchError, fetch_json
from jwt_middleware.tenants.key_set import KeySet, MalformedKeySet, read_key_set
from jwt_middleware.tenants.keys import Key

_log = logging.getLogger("jwt_middleware")

_DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Limits(NamedTuple):
    """How a key set is fetched and kept: times in seconds, size in bytes."""

    timeout: float = 2.0
    max_bytes: int = 512 * 1024
    min_age: float = 60.0
    """A set is kept at least this long,"""
    max_age: float = 3600.0
    """and at most this long, whatever Cache-Control says;"""
    default_age: float = 300.0
    """this long where it says nothing."""
    last_good: float = 3600.0
    """How long after its age an old set still serves while the endpoint cannot be reached."""
    cool_down: float = 30.0
    """After a fetch, how long an unknown `kid` causes no other."""
    retry: float = 2.0
    """After a failed fetch, how long until the next one."""


class JWKS:
    """The keys that a URL serves: `Tenant("acme", keys=JWKS("https://idp.example/jwks.json"), ...)`.

    https only, no redirects, bounded in time and size. Keys that are broken, private, weak, symmetric or not for
    signatures are left out with a log line. Where the endpoint cannot be reached and no good set is at hand, the
    answer is 503. `allow_loopback_http` permits http for 127.0.0.1, ::1 and localhost: for tests.

    Raises ConfigurationError for a URL that cannot be used, or where the `jwks` or `crypto` extra is missing.
    """

    def __init__(
        self,
        url: str,
        *,
        limits: Limits = Limits(),  # noqa: B008 (immutable)
        allow_loopback_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        fetching.check_installed()
        Key.check_public_keys()
        _check_url(url, allow_loopback_http)
        self.url = url
        self.is_discovered = False
        """Whether the address is an OpenID provider's, whose document names the set's."""
        self._feed = _shared(_Feed, url, limits, allow_loopback_http, clock)

    @classmethod
    def discover(
        cls,
        issuer: str,
        *,
        limits: Limits = Limits(),  # noqa: B008 (immutable)
        allow_loopback_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> JWKS:
        """The keys of an OpenID provider (OpenID Connect Discovery 1.0 section 4): the document at the issuer's
        well-known address names the set, and must name just this issuer.
        """
        jwks = cls(issuer, limits=limits, allow_loopback_http=allow_loopback_http, clock=clock)
        jwks.is_discovered = True
        jwks._feed = _shared(_DiscoveredFeed, issuer, limits, allow_loopback_http, clock)
        return jwks

    def awaited(self, algorithm: str, key_id: str | None) -> Flying | None:
        """See `KeySource`."""
        return self._feed.awaited(key_id)

    def candidates(self, algorithm: str, key_id: str | None) -> tuple[Key, ...]:
        """See `KeySource`."""
        return self._feed.known().candidates(algorithm, key_id)

    def current(self) -> KeySet | None:
        """The set, if it is fresh."""
        return self._feed.fresh()

    def __repr__(self) -> str:
        return f"JWKS({self.url!r})"


class Flying:
    """A fetch under way, and how long it is worth waiting for."""

    def __init__(self, flight: Future[None], timeout: float) -> None:
        self._flight = flight
        self._timeout = timeout

    def wait(self) -> None:
        """See `Fetch`."""
        with suppress(TimeoutError):
            self._flight.result(self._timeout)

    async def wait_async(self) -> None:
        """See `Fetch`."""
        # shield: who is cancelled leaves; the others go on waiting.
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._flight)), self._timeout)


class _Feed:
    """One URL: the last good set, until when it is good, and the fetch under way."""

    def __init__(self, url: str, limits: Limits, allow_loopback_http: bool, clock: Callable[[], float]) -> None:
        self._url = url
        self._limits = limits
        self._allow_loopback_http = allow_loopback_http
        self._clock = clock
        self._lock = threading.Lock()
        self._flight: Future[None] | None = None
        self._flight_started = float("-inf")
        self._set: KeySet | None = None
        self._refresh_at = self._fresh_until = self._last_good_until = float("-inf")
        self._next_fetch = self._cool_until = float("-inf")

    def fresh(self) -> KeySet | None:
        """The set, if its age allows."""
        return self._set if self._clock() < self._fresh_until else None

    def awaited(self, key_id: str | None) -> Flying | None:
        # Before the set is looked at: what landed after that is news, and no reason to fetch again.
        landed = self._landed()
        now, key_set = self._clock(), self._set
        may_fetch = now >= self._next_fetch
        is_known = key_set is not None and (key_id is None or key_set.has(key_id))
        if key_set is not None and now < self._fresh_until:
            if now >= self._refresh_at and may_fetch:
                self._fetched(landed)
            return None if is_known or now < self._cool_until else self._fetched(landed)
        if not may_fetch:
            return None
        flying = self._fetched(landed)
        # While the endpoint fails, those whom the old set can serve do not wait for the next try.
        is_failing = self._next_fetch > self._fresh_until
        return None if is_known and is_failing and now < self._last_good_until else flying

    def known(self) -> KeySet:
        """The set, or the last good one. Raises TemporarilyUnavailable."""
        key_set = self._set
        if key_set is None or self._clock() >= self._last_good_until:
            raise TemporarilyUnavailable("key_set_cannot_be_fetched")
        return key_set

    def _landed(self) -> Future[None] | None:
        """The last fetch, if it is over."""
        flight = self._flight
        return flight if flight is not None and flight.done() else None

    def _fetched(self, landed: Future[None] | None) -> Flying:
        """The fetch that came after the one that had `landed`: under way, over by now, or a new one.

        A thread that does not come back is given up after a while.
        """
        with self._lock:
            now = self._clock()
            flight = self._flight
            is_lost = now > self._flight_started + 10 * self._limits.timeout
            if flight is None or flight is landed or (is_lost and not flight.done()):
                flight = self._flight = Future()
                self._flight_started = now
                arguments = (flight,)
                threading.Thread(target=self._fly, args=arguments, name="jwt_middleware-jwks", daemon=True).start()
            return Flying(flight, self._limits.timeout)

    def _fly(self, flight: Future[None]) -> None:
        try:
            document = self._fetch()
            self._keep(read_key_set(document.content, self._url), document.max_age)
        except (FetchError, MalformedKeySet, ConfigurationError) as error:
            self._fail(str(error))
        except Exception as error:
            self._fail(type(error).__name__)
        finally:
            flight.set_result(None)

    def _fetch(self) -> Document:
        return fetch_json(self._url, self._limits.timeout, self._limits.max_bytes)

    def _keep(self, key_set: KeySet, age: float | None) -> None:
        limits, now = self._limits, self._clock()
        kept = limits.default_age if age is None else min(max(age, limits.min_age), limits.max_age)
        with self._lock:
            self._set = key_set
            # Renewed a little before its time is up, so that nobody has to wait for it.
            self._refresh_at = now + 0.8 * kept
            self._fresh_until = now + kept
            self._last_good_until = now + kept + limits.last_good
            self._cool_until = now + limits.cool_down
        _log.info("key set %s: %d keys, kept for %g s", escaped(self._url), len(key_set), kept)

    def _fail(self, reason: str) -> None:
        with self._lock:
            self._next_fetch = self._clock() + self._limits.retry
            self._cool_until = max(self._cool_until, self._next_fetch)
        _log.warning("key set %s cannot be used: %s", escaped(self._url), escaped(reason))


class _DiscoveredFeed(_Feed):
    """The URL is an OpenID provider's, whose document names the key set's."""

    def _fetch(self) -> Document:
        limits = self._limits
        discovered = fetch_json(self._url.rstrip("/") + _DISCOVERY_PATH, limits.timeout, limits.max_bytes).content
        if not isinstance(discovered, dict) or discovered.get("issuer") != self._url:
            raise FetchError("the discovery document is of another issuer")
        address = discovered.get("jwks_uri")
        problem = _url_problem(address, self._allow_loopback_http)
        if problem is not None:
            raise FetchError(f"the discovery document's jwks_uri {problem}")
        return fetch_json(str(address), limits.timeout, limits.max_bytes)


MAX_IDLE_FEEDS: Final = 1024
"""Feeds kept, at most, though no tenant has them at the moment: a resolver may build its tenants anew each time."""

_feeds: WeakValueDictionary[tuple[Any, ...], _Feed] = WeakValueDictionary()
_recent: deque[_Feed] = deque(maxlen=MAX_IDLE_FEEDS)
_feeds_lock = threading.Lock()


def _shared(
    kind: type[_Feed], url: str, limits: Limits, allow_loopback_http: bool, clock: Callable[[], float]
) -> _Feed:
    """The feed of this URL: a tenant that is built anew keeps what is known, and two tenants fetch it once."""
    name = (kind, url, limits, allow_loopback_http, clock)
    with _feeds_lock:
        feed = _feeds.get(name)
        if feed is None:
            feed = _feeds[name] = kind(url, limits, allow_loopback_http, clock)
            _recent.append(feed)
        return feed


def _check_url(url: object, allow_loopback_http: bool) -> None:
    problem = _url_problem(url, allow_loopback_http)
    if problem is not None:
        fix = 'write JWKS("https://idp.example/jwks.json")'
        raise ConfigurationError([Problem("JWKS", f"the address {problem}", fix)], "this key set cannot be used")


def _url_problem(url: object, allow_loopback_http: bool) -> str | None:
    """What is wrong with an address, without repeating it: it may hold a password."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        return "is not plain ASCII text"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "has a host or port that cannot be"
    if not parts.hostname or parts.username is not None or parts.fragment:
        return "has no host, or has credentials or a fragment"
    if parts.scheme == "https" or (parts.scheme == "http" and allow_loopback_http and parts.hostname in _LOOPBACK):
        return None
    return "is not https"
