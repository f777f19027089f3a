"""What is counted, and that labels come from closed sets."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Histogram, make_asgi_app, make_wsgi_app
from prometheus_client.parser import text_string_to_metric_families

from jwt_middleware import CachedTenants, ConfigurationError, InvalidToken, Key, Tenant
from jwt_middleware.errors import TemporarilyUnavailable
from jwt_middleware.metrics import BATCH, BUCKETS, Metrics, _add_all
from jwt_middleware.observation import REASONS, Observation

from ..unit.calling import ASGIDoor, Door, WSGIDoor, call_asgi, call_wsgi, environ_of, scope_of
from ..unit.making import NOW, OTHER_SECRET, SECRET, settings, tenant, token
from .scraping import scraped, series_of, value

MakeDoor = Callable[..., Door]

REQUESTS = "jwt_middleware_requests_total"
CLOSED = "jwt_middleware_sockets_closed_total"
STORE_ERRORS = "jwt_middleware_store_errors_total"
RETIRING = "jwt_middleware_retiring_key_uses_total"
SECONDS = "jwt_middleware_verification_seconds"


@pytest.fixture(params=[WSGIDoor, ASGIDoor])
def door(request: pytest.FixtureRequest) -> MakeDoor:
    """Makes a door of either kind."""
    make: MakeDoor = request.param
    return make


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def observation(**changes: Any) -> Observation:
    """An accepted request, or another one."""
    accepted = {
        "outcome": "accepted",
        **dict.fromkeys(("status", "code", "reason", "precise_reason")),
        "method": "GET",
        "path": "/",
        "tenant_id": "acme",
        "application_id": "shop",
        "seconds": 0.000_01,
        "tenant_was_remembered": True,
        "signature_was_remembered": False,
    }
    return Observation(**{**accepted, **changes})


def refused(**changes: Any) -> Observation:
    return observation(**{"outcome": "refused", "status": 401, "tenant_id": None, "application_id": None, **changes})


def test_requests_are_counted_by_outcome_code_and_reason(door: MakeDoor, registry: CollectorRegistry) -> None:
    made = door(settings(observers=[Metrics(registry)], optional=["/maybe"]))
    for path, text in [
        ("/a", token()),
        ("/a", token()),
        ("/maybe", None),
        ("/a", None),
        ("/a", token(exp=NOW)),
        ("/a", token(OTHER_SECRET)),
        ("/v1/auth/verify", token()),
    ]:
        made.get(path, text)
    made.get("/v1/auth/verify", token(), query="scope=admin")
    found = scraped(registry)
    assert {labels: number for (name, labels), number in found.items() if name == REQUESTS} == {
        frozenset({("outcome", outcome), ("code", code), ("reason", reason)}): number
        for outcome, code, reason, number in [
            ("accepted", "", "", 3),
            ("anonymous", "", "", 1),
            ("refused", "invalid_token", "no_credentials", 1),
            ("refused", "token_expired", "token_expired", 1),
            ("refused", "invalid_signature", "bad_signature", 1),
            ("refused", "insufficient_permissions", "scope_not_in_token", 1),
        ]
    }


def test_a_closed_socket_is_not_counted_as_a_request(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    metrics.observe(observation(outcome="closed", status=401, code="token_expired", reason="token_expired"))
    found = scraped(registry)
    assert value(found, CLOSED, code="token_expired", reason="token_expired") == 1
    assert value(found, REQUESTS) == 0


# Time


@pytest.mark.parametrize("seconds", [0.0, BUCKETS[0], 0.000_006, BUCKETS[3], 0.3, 1.0, 7.5])
def test_time_is_counted_as_the_histogram_itself_would(seconds: float, registry: CollectorRegistry) -> None:
    metrics, theirs = Metrics(registry), CollectorRegistry()
    histogram = Histogram(SECONDS, "", ("tenant_from", "signature"), registry=theirs, buckets=BUCKETS)
    for _ in range(3):
        metrics.observe(observation(seconds=seconds))
        metrics.observe(observation(seconds=0.002))
        histogram.labels("memory", "verified").observe(seconds)
        histogram.labels("memory", "verified").observe(0.002)
    ours = {series: number for series, number in scraped(registry).items() if series[0].startswith(SECONDS)}
    assert ours == pytest.approx(scraped(theirs))


def test_time_is_counted_where_the_parts_of_a_histogram_are_not_known() -> None:
    class Unknown:
        def __init__(self) -> None:
            self.times: list[float] = []

        def observe(self, seconds: float) -> None:
            self.times.append(seconds)

    histogram: Any = Unknown()
    _add_all(histogram, [0.1, 0.2])
    assert histogram.times == [0.1, 0.2]


def test_the_quick_way_is_taken_with_this_prometheus_client(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    monkeypatch.delattr(Histogram, "observe")
    metrics.observe(observation())
    assert value(scraped(registry), f"{SECONDS}_count") == 1


@pytest.mark.parametrize(
    ("tenant_was_remembered", "signature_was_remembered", "labels"),
    [
        (True, False, {"tenant_from": "memory", "signature": "verified"}),
        (True, True, {"tenant_from": "memory", "signature": "remembered"}),
        (False, False, {"tenant_from": "store", "signature": "verified"}),
        (False, None, {"tenant_from": "store", "signature": "none"}),
        (None, None, {"tenant_from": "none", "signature": "none"}),
    ],
)
def test_time_is_told_apart_by_what_was_remembered(
    tenant_was_remembered: Any, signature_was_remembered: Any, labels: dict[str, str], registry: CollectorRegistry
) -> None:
    Metrics(registry).observe(
        observation(
            tenant_was_remembered=tenant_was_remembered, signature_was_remembered=signature_was_remembered, seconds=0.25
        )
    )
    found = scraped(registry)
    assert value(found, f"{SECONDS}_count", **labels) == value(found, f"{SECONDS}_count") == 1
    assert value(found, f"{SECONDS}_sum", **labels) == 0.25


def test_no_time_is_counted_without_a_token(registry: CollectorRegistry) -> None:
    Metrics(registry).observe(observation(outcome="anonymous", tenant_id=None, seconds=None))
    found = scraped(registry)
    assert value(found, REQUESTS) == 1
    assert value(found, f"{SECONDS}_count") == 0


def test_hits_of_the_tenant_cache_are_seen(door: MakeDoor, registry: CollectorRegistry) -> None:
    class Directory:
        def resolve(self, issuer: str) -> Tenant:
            return tenant()

    made = door(settings(CachedTenants(Directory()), observers=[Metrics(registry)]))
    for _ in range(5):
        made.get(token=token())
    found = scraped(registry)
    counts = [value(found, f"{SECONDS}_count", tenant_from=source) for source in ("store", "memory", "none")]
    assert counts == [1, 4, 0]


# Keys that are being retired, and stores that fail


@pytest.mark.parametrize(
    ("seconds", "key_ends"),
    [
        (1, "within_a_day"),
        (86_399, "within_a_day"),
        (86_400, "within_a_week"),
        (604_799, "within_a_week"),
        (604_800, "later"),
    ],
)
def test_the_use_of_a_key_that_is_being_retired_is_counted_by_how_near_its_end_is(
    seconds: float, key_ends: str, door: MakeDoor, registry: CollectorRegistry
) -> None:
    ending = Key.secret(SECRET, kid="k1", not_after=NOW + seconds)
    staying = Key.secret(OTHER_SECRET, kid="k2")
    made = door(settings([tenant(keys=[ending, staying])], observers=[Metrics(registry)]))
    made.get(token=token(header={"kid": "k1"}))
    made.get(token=token(OTHER_SECRET, header={"kid": "k2"}))
    found = scraped(registry)
    assert value(found, RETIRING, key_ends=key_ends) == value(found, RETIRING) == 1


@pytest.mark.parametrize(
    ("reason", "labels"),
    [
        ("tenant_store_timed_out", {"store": "tenants", "reason": "tenant_store_timed_out"}),
        ("tenant_store_failed_with_OSError_at_db.py:7", {"store": "tenants", "reason": "tenant_store_failed"}),
        ("revocation_store_does_not_answer", {"store": "revocations", "reason": "revocation_store_does_not_answer"}),
        ("revocations_not_confirmed", {"store": "revocations", "reason": "revocations_not_confirmed"}),
        ("key_set_cannot_be_fetched", {"store": "key_sets", "reason": "key_set_cannot_be_fetched"}),
        ("db-7 is down", {"store": "other", "reason": "store_unavailable"}),
    ],
)
def test_a_store_that_fails_is_counted(
    reason: str, labels: dict[str, str], door: MakeDoor, registry: CollectorRegistry
) -> None:
    def fail(issuer: str) -> None:
        raise TemporarilyUnavailable(reason)

    made = door(settings(fail, observers=[Metrics(registry)]))
    assert made.get(token=token()).status == 503
    found = scraped(registry)
    assert value(found, STORE_ERRORS, **labels) == value(found, STORE_ERRORS) == 1
    assert value(found, REQUESTS, code="temporarily_unavailable", reason=labels["reason"]) == 1


def test_what_alerts_rest_on_begins_at_zero(registry: CollectorRegistry) -> None:
    Metrics(registry)
    begun = {(sample.name, *sample.labels.values()) for metric in registry.collect() for sample in metric.samples}
    assert (STORE_ERRORS, "tenants", "tenant_store_failed") in begun
    assert (STORE_ERRORS, "other", "store_unavailable") in begun
    assert {(RETIRING, "within_a_day"), (RETIRING, "within_a_week"), (RETIRING, "later")} <= begun


# Labels


def test_tenants_are_no_label_unless_asked_for(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    metrics.observe(observation())
    assert not [labels for _, labels in scraped(registry) if "tenant" in dict(labels)]


def test_tenants_are_a_label_on_request(door: MakeDoor, registry: CollectorRegistry) -> None:
    globex = tenant("globex", keys=[Key.secret(OTHER_SECRET)])
    made = door(settings([tenant(), globex], observers=[Metrics(registry, tenants=True)]))
    for text in (token(), token(OTHER_SECRET, iss="globex"), token(OTHER_SECRET, iss="globex", exp=NOW), None):
        made.get(token=text)
    found = scraped(registry)
    assert value(found, REQUESTS, tenant="acme") == 1
    assert value(found, REQUESTS, tenant="globex", outcome="accepted") == 1
    assert value(found, REQUESTS, tenant="globex", code="token_expired") == 1
    assert value(found, REQUESTS, tenant="") == 1


def test_a_token_that_nobody_signed_counts_for_no_tenant(door: MakeDoor, registry: CollectorRegistry) -> None:
    made = door(settings(observers=[Metrics(registry, tenants=True)]))
    made.get(token=token(OTHER_SECRET))
    made.get(token=token(iss="invented"))
    found = scraped(registry)
    assert value(found, REQUESTS, tenant="") == value(found, REQUESTS) == 2


def test_tenants_beyond_the_limit_share_one_label(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry, tenants=True, max_tenants=2)
    for name in ("a", "b", "c", "d", "a", "c"):
        metrics.observe(observation(tenant_id=name, retiring_key_ends_in=5.0))
    for name in (REQUESTS, RETIRING):
        counts = [value(scraped(registry), name, tenant=label) for label in ("a", "b", "other")]
        assert counts == [2, 1, 3]


def test_no_tenant_has_a_label_of_its_own_where_none_may(registry: CollectorRegistry) -> None:
    Metrics(registry, tenants=True, max_tenants=0).observe(observation())
    assert value(scraped(registry), REQUESTS, tenant="other") == 1


@pytest.mark.parametrize("wrong", [-1, True, "1000", None, 1.5])
def test_a_limit_that_makes_no_sense_is_refused(wrong: Any, registry: CollectorRegistry) -> None:
    with pytest.raises(ConfigurationError, match="write max_tenants=1000"):
        Metrics(registry, max_tenants=wrong)


def test_nothing_that_a_client_or_a_plug_in_makes_up_becomes_a_label(
    door: MakeDoor, registry: CollectorRegistry
) -> None:
    def refuse(identity: Any) -> None:
        raise InvalidToken(f"made up {identity.subject}")

    def fail(issuer: str) -> Tenant:
        if issuer == "acme":
            return tenant()
        raise type(f"MadeUp{issuer}", (Exception,), {})

    made = door(settings(fail, observers=[Metrics(registry, tenants=True)], validators=[refuse]))
    kinds = set()
    for number in range(20):
        made.get(f"/made-up-{number}", token(sub=f"made-up-{number}"), method=f"MADE{number}")
        made.get(token=token(iss=f"made-up-{number}"))
        made.get(token=token(header={"kid": f"made-up-{number}"}, aud=f"made-up-{number}"))
        kinds.add(frozenset(labels for name, labels in scraped(registry) if name == REQUESTS))
    assert len(kinds) == 1
    assert not re.search("made.?up", repr(list(scraped(registry))), re.IGNORECASE)


def test_every_reason_is_a_label_of_its_own(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    for reason in REASONS:
        metrics.observe(refused(code="invalid_token", reason=reason))
    found = scraped(registry)
    assert all(value(found, REQUESTS, reason=reason) == 1 for reason in REASONS)


# In a process, and on its way to Prometheus


def test_a_registry_has_them_once(registry: CollectorRegistry) -> None:
    Metrics(registry)
    with pytest.raises(ConfigurationError, match="the registry has them already"):
        Metrics(registry)


def test_one_object_serves_several_settings(door: MakeDoor, registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    for _ in range(2):
        door(settings(observers=[metrics])).get(token=token())
    assert value(scraped(registry), REQUESTS) == 2


def test_they_join_those_of_the_process_unless_told_otherwise() -> None:
    metrics = Metrics()
    try:
        metrics.observe(observation())
        assert REGISTRY.get_sample_value(REQUESTS, {"outcome": "accepted", "code": "", "reason": ""}) == 1
    finally:
        REGISTRY.unregister(metrics)


@pytest.mark.parametrize("number", [1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH + 5])
def test_a_scrape_sees_every_request_before_it(number: int, registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    for _ in range(number):
        metrics.observe(observation())
    for _ in range(2):
        found = scraped(registry)
        assert value(found, REQUESTS) == value(found, f"{SECONDS}_count") == number


def test_what_waits_to_be_counted_is_bounded(registry: CollectorRegistry) -> None:
    metrics = Metrics(registry)
    for _ in range(10 * BATCH):
        metrics.observe(observation())
        assert sum(len(series.pending) for series in metrics._series.values()) < BATCH


def test_no_request_is_lost_between_threads(registry: CollectorRegistry) -> None:
    metrics, each, threads = Metrics(registry, tenants=True), 3_000, 6
    told = [observation(), observation(outcome="anonymous", seconds=None), observation(tenant_id="globex")]

    def work() -> None:
        for number in range(each):
            metrics.observe(told[number % 3])

    scraper = threading.Thread(target=lambda: [scraped(registry) for _ in range(50)])
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for thread in (*workers, scraper):
        thread.start()
    for thread in (*workers, scraper):
        thread.join()
    found = scraped(registry)
    assert value(found, REQUESTS) == each * threads
    assert value(found, f"{SECONDS}_count") == each * threads * 2 / 3


def test_two_scrapes_at_once_count_no_request_twice(registry: CollectorRegistry) -> None:
    class Slow(list[Any]):
        def __getitem__(self, places: Any) -> Any:
            found = super().__getitem__(places)
            time.sleep(0.05)
            return found

    metrics = Metrics(registry)
    metrics.observe(observation())
    [series] = metrics._series.values()
    series.pending = Slow(series.pending)
    scrapers = [threading.Thread(target=scraped, args=[registry]) for _ in range(2)]
    for scraper in scrapers:
        scraper.start()
    for scraper in scrapers:
        scraper.join()
    assert value(scraped(registry), REQUESTS) == 1


def test_prometheus_can_read_them_under_wsgi_and_asgi(registry: CollectorRegistry) -> None:
    Metrics(registry, tenants=True).observe(observation(tenant_id='a "quoted" \\ tenant'))
    replies = [
        call_wsgi(make_wsgi_app(registry), environ_of("/metrics")),
        asyncio.run(call_asgi(make_asgi_app(registry), scope_of("/metrics"))),
    ]
    for reply in replies:
        found = series_of(text_string_to_metric_families(reply.body.decode()))
        assert value(found, REQUESTS, tenant='a "quoted" \\ tenant') == 1


def test_one_of_them_can_be_asked_for_by_name(registry: CollectorRegistry) -> None:
    Metrics(registry).observe(observation())
    reply = call_wsgi(make_wsgi_app(registry), environ_of("/metrics", query=f"name[]={REQUESTS}"))
    assert value(series_of(text_string_to_metric_families(reply.body.decode())), REQUESTS) == 1
