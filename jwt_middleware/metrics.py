"""Prometheus: `JWTSettings(tenants, observers=[Metrics()])`, with the extra `metrics`.

The metrics join those that the process has already, and are served by prometheus-client's own `make_asgi_app` or
`make_wsgi_app`; docs/metrics.md lists them. Labels come from closed sets: nothing that a client sends becomes one.
"""

from __future__ import annotations

import math
import os
import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, Metric

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.observation import REASONS, Observation

OTHER: Final = "other"
"""The label of every tenant that came after the first `max_tenants`."""
BUCKETS: Final = (
    *(0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.001),
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
)
"""Seconds: a secret takes some microseconds, a public key up to a few hundred, a store that is asked milliseconds."""
BATCH: Final = 64
"""Requests of one kind that are counted together at most. A scrape counts what has come since."""

# Outcome, code, reason, whether tenant and signature were remembered, and the tenant's label.
_Kind: TypeAlias = tuple[str, str | None, str | None, bool | None, bool | None, str | None]

_DAY: Final = 86_400
_STORES: Final = {"tenant_store": "tenants", "revocation": "revocations", "key_set": "key_sets"}
_TENANT_FROM: Final = {None: "none", True: "memory", False: "store"}
_SIGNATURE: Final = {None: "none", True: "remembered", False: "verified"}


class Metrics:
    """An observer that counts for Prometheus. One object may serve any number of settings in a process.

    `tenants=True` adds the label `tenant`: the first `max_tenants` tenants whose tokens were verified by their ids, the
    rest as "other", and requests without a verified token as "". It counts in several processes together where
    `PROMETHEUS_MULTIPROC_DIR` is set. Raises ConfigurationError where the registry has these metrics already.
    """

    def __init__(
        self, registry: CollectorRegistry = REGISTRY, *, tenants: bool = False, max_tenants: int = 1000
    ) -> None:
        _check(max_tenants)
        self._tenant_labels = _TenantLabels(max_tenants) if tenants else None
        tenant = ("tenant",) if tenants else ()
        self._requests = _counter("requests", "Requests", "outcome", "code", "reason", *tenant)
        self._closed = _counter("sockets_closed", "WebSockets closed while open", "code", "reason", *tenant)
        self._retiring = _counter("retiring_key_uses", "Uses of keys that have an end", "key_ends", *tenant)
        self._store_errors = _counter("store_errors", "Requests that no store could decide", "store", "reason")
        self._verification = Histogram(
            "jwt_middleware_verification_seconds",
            "Time until a token was accepted or refused, stores included",
            ("tenant_from", "signature"),
            registry=None,
            buckets=BUCKETS,
        )
        # Several processes are scraped by what they have written down: there, each request is, at once.
        self._batch = 1 if "PROMETHEUS_MULTIPROC_DIR" in os.environ else BATCH
        self._series: dict[_Kind, _Series] = {}
        self._start_at_zero()
        try:
            registry.register(self)
        except ValueError:
            fix = "make one Metrics() and give it to all settings, or write Metrics(CollectorRegistry())"
            raise _unusable("metrics", "the registry has them already", fix) from None

    def observe(self, observation: Observation) -> None:
        """Count one request."""
        labels = self._tenant_labels
        kind = (
            observation.outcome,
            observation.code,
            observation.reason,
            observation.tenant_was_remembered,
            observation.signature_was_remembered,
            None if labels is None else labels.of(observation.tenant_id),
        )
        try:
            series = self._series[kind]
        except KeyError:
            series = self._series.setdefault(kind, self._new_series(*kind))
        pending = series.pending
        pending.append(observation.seconds)
        if len(pending) >= self._batch:
            series.count()
        if observation.retiring_key_ends_in is not None:
            self._retiring.labels(_key_ends(observation.retiring_key_ends_in), *_values(kind[-1])).inc()
        if observation.status == 503 and observation.reason is not None:
            self._store_errors.labels(_store(observation.reason), observation.reason).inc()

    def collect(self) -> Iterable[Metric]:
        """What a scrape gets: for the registry."""
        for series in list(self._series.values()):
            series.count()
        for metric in self._metrics():
            yield from metric.collect()

    def describe(self) -> Iterable[Metric]:
        """The metrics without their values: for the registry."""
        for metric in self._metrics():
            yield from metric.describe()

    def _metrics(self) -> tuple[Counter | Histogram, ...]:
        return self._requests, self._closed, self._retiring, self._store_errors, self._verification

    def _new_series(
        self,
        outcome: str,
        code: str | None,
        reason: str | None,
        tenant_was_remembered: bool | None,
        signature_was_remembered: bool | None,
        tenant: str | None,
    ) -> _Series:
        """Where requests of this kind are counted. There are no more kinds than the closed sets allow."""
        labels = code or "", reason or "", *_values(tenant)
        counter = self._closed.labels(*labels) if outcome == "closed" else self._requests.labels(outcome, *labels)
        remembered = _TENANT_FROM[tenant_was_remembered], _SIGNATURE[signature_was_remembered]
        return _Series(counter, self._verification.labels(*remembered))

    def _start_at_zero(self) -> None:
        """A series that begins with its first event hides that event from `increase`, on which alerts rest."""
        for reason in REASONS:
            if (store := _store(reason)) != OTHER or reason == "store_unavailable":
                self._store_errors.labels(store, reason)
        if self._tenant_labels is None:
            for key_ends in ("within_a_day", "within_a_week", "later"):
                self._retiring.labels(key_ends)


class _Series:
    """Requests of one kind. What each took waits in `pending`, because counting many together takes less time."""

    __slots__ = ("_add", "_histogram", "_lock", "pending")

    def __init__(self, counter: Counter, histogram: Histogram) -> None:
        self.pending: list[float | None] = []
        self._lock = threading.Lock()
        self._add = counter.inc
        self._histogram = histogram

    def count(self) -> None:
        """Count what waits. Other threads may append meanwhile."""
        with self._lock:
            taken = self.pending[:]
            del self.pending[: len(taken)]
        if taken:
            self._add(len(taken))
            _add_all(self._histogram, sorted(seconds for seconds in taken if seconds is not None))


class _TenantLabels:
    """The first tenants by their ids, and one label for all the others: a bound on the number of series."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._named: set[str] = set()

    def of(self, tenant_id: str | None) -> str:
        """The label of a verified tenant; "" where none was verified."""
        if tenant_id is None:
            return ""
        return tenant_id if tenant_id in self._named or self._is_named_now(tenant_id) else OTHER

    def _is_named_now(self, tenant_id: str) -> bool:
        with self._lock:
            if len(self._named) < self._limit:
                self._named.add(tenant_id)
            return tenant_id in self._named


def _counter(name: str, documentation: str, *labels: str) -> Counter:
    return Counter(f"jwt_middleware_{name}", documentation, labels, registry=None)


def _add_all(histogram: Histogram, times: Sequence[float]) -> None:
    """What `histogram.observe` does, for many times at once, which are sorted.

    Its parts are private to prometheus-client. Where a release keeps them elsewhere, each time is observed.
    """
    total, buckets = getattr(histogram, "_sum", None), getattr(histogram, "_buckets", ())
    if total is None or len(buckets) != len(BUCKETS) + 1:
        for seconds in times:
            histogram.observe(seconds)
    elif times:
        total.inc(sum(times))
        counted = 0
        for bucket, bound in zip(buckets, (*BUCKETS, math.inf), strict=True):
            number = bisect_right(times, bound, counted) - counted
            if number:
                bucket.inc(number)
                counted += number


def _check(max_tenants: object) -> None:
    if isinstance(max_tenants, bool) or not isinstance(max_tenants, int) or max_tenants < 0:
        raise _unusable("max_tenants", f"{max_tenants!r} is not a number from 0 up", "write max_tenants=1000")


def _unusable(where: str, what: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem(where, what, fix)], "these metrics cannot be used")


def _values(tenant: str | None) -> tuple[str, ...]:
    return () if tenant is None else (tenant,)


def _key_ends(seconds: float) -> str:
    if seconds < _DAY:
        return "within_a_day"
    return "within_a_week" if seconds < 7 * _DAY else "later"


def _store(reason: str) -> str:
    """Which store could not answer; "other" where it gave a reason of its own."""
    return next((store for begins, store in _STORES.items() if reason.startswith(begins)), OTHER)
