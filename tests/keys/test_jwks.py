"""Key sets by URL, fetched from a real server on a loopback address that can do everything wrong."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import pytest

from jwt_middleware import JWKS, AuthenticationError, Authenticator, ConfigurationError, Tenant
from jwt_middleware.tenants import jwks as module
from jwt_middleware.tenants.jwks import Limits

from ..unit.making import ABSENT, NOW, Clock, settings
from .conftest import Ask
from .making import Signer, key_set
from .serving import (
    PATIENT,
    QUICK,
    Answer,
    KeyServer,
    broken,
    cached_for,
    dies_in_the_middle,
    document,
    html,
    redirecting,
    silent,
    slow,
    text,
)

Verdict: TypeAlias = Callable[[Authenticator, str], str]
Servers: TypeAlias = Callable[[], KeyServer]

OLD, NEW = Signer("RS256", "old"), Signer("ES256", "new")
GOOD = document(key_set(OLD))
ACCEPTED = "user_123"
REFUSED = "401 invalid_signature"
UNAVAILABLE = "503 temporarily_unavailable"


def api(keys: JWKS, **changes: Any) -> Authenticator:
    """Checks the tokens of one tenant that has these keys."""
    return Authenticator(settings([Tenant("acme", **{"keys": keys, "applications": ["shop"], **changes})]))


def eventually(holds: Callable[[], bool], within: float = 5.0) -> bool:
    """Whether it comes to hold in this time."""
    end = time.monotonic() + within
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def after(clock: Clock, seconds: float) -> bool:
    clock.now += seconds
    return True


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns as often as they can, so that what may go wrong between two steps does."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


# What is fetched when.


def test_the_first_token_fetches_the_set_and_the_next_ones_do_not(server: KeyServer, verdict: Verdict) -> None:
    server.answer = document(key_set(OLD, NEW))
    authenticator = api(server.jwks())
    assert server.fetches == 0
    for token in (OLD.token(), NEW.token(), OLD.token(jti="another"), OLD.token({"kid": ABSENT})):
        assert verdict(authenticator, token) == ACCEPTED
    assert server.paths == ["/jwks.json"]


def test_a_token_that_the_set_has_no_key_for_is_refused(server: KeyServer, verdict: Verdict) -> None:
    server.answer = GOOD
    authenticator = api(server.jwks())
    assert verdict(authenticator, NEW.token({"kid": "old"})) == REFUSED
    assert verdict(authenticator, NEW.token()) == REFUSED
    assert verdict(authenticator, OLD.token({"kid": "other"})) == REFUSED
    assert verdict(authenticator, Signer("RS256", "old", number=1).token()) == REFUSED
    assert server.fetches == 1


def test_a_token_of_another_tenant_fetches_nothing(server: KeyServer, verdict: Verdict) -> None:
    authenticator = api(server.jwks())
    assert verdict(authenticator, OLD.token(iss="other")) == REFUSED
    assert verdict(authenticator, "x.y.z") == "401 invalid_token"
    assert server.connections == 0


def test_a_resolver_that_answers_with_another_tenant_fetches_nothing(server: KeyServer, verdict: Verdict) -> None:
    other = Tenant("other", keys=server.jwks(), applications=["shop"])
    authenticator = Authenticator(settings(lambda issuer: other))
    assert verdict(authenticator, OLD.token()) == REFUSED
    assert server.connections == 0


@pytest.mark.parametrize("keys", [7, None, object()])
def test_a_tenant_has_a_list_of_keys_or_a_source(keys: Any) -> None:
    with pytest.raises(ConfigurationError, match="keys: neither a list nor a key source"):
        Tenant("acme", keys=keys, applications=["shop"])


AGES = {
    "no word": ((), 300),
    "short": (("Cache-Control: max-age=5",), 60),
    "in between": (("Cache-Control: public, max-age=1000",), 1000),
    "long": (("Cache-Control: max-age=999999",), 3600),
    "not to be kept": (("Cache-Control: no-store",), 60),
}


@pytest.mark.parametrize(("fields", "kept"), AGES.values(), ids=AGES)
def test_the_age_is_that_of_cache_control_within_bounds(
    server: KeyServer, clock: Clock, ask: Ask, fields: tuple[str, ...], kept: float
) -> None:
    server.answer = document(key_set(OLD), *fields)
    keys = server.jwks(clock=clock)
    authenticator = api(keys)
    ask(authenticator, OLD.token())
    fetched = keys.current()
    assert fetched is not None
    clock.now += 0.8 * kept - 0.01
    ask(authenticator, OLD.token())
    assert server.fetches == 1
    assert keys.current() is fetched
    clock.now = NOW + kept - 0.01
    assert keys.current() is fetched
    clock.now += 0.01
    assert keys.current() is None
    ask(authenticator, OLD.token())
    assert server.fetches == 2
    assert keys.current() not in (None, fetched)


def test_a_set_is_renewed_before_its_time_is_up_and_nobody_waits_for_it(
    server: KeyServer, clock: Clock, ask: Ask, verdict: Verdict
) -> None:
    server.answer = cached_for(100, key_set(OLD))
    keys = server.jwks(clock=clock)
    authenticator = api(keys)
    ask(authenticator, OLD.token())
    server.answer = slow(0.8, cached_for(100, key_set(OLD, NEW)))
    clock.now += 80
    started = time.monotonic()
    for _ in range(5):
        ask(authenticator, OLD.token())
    assert time.monotonic() - started < 0.7
    assert eventually(lambda: len(keys.current() or ()) == 2)
    assert server.fetches == 2
    clock.now += 79  # the old one would be over by now
    assert verdict(authenticator, NEW.token()) == ACCEPTED
    assert server.fetches == 2


def test_renewing_in_the_background_is_tried_once_in_two_seconds(server: KeyServer, clock: Clock, ask: Ask) -> None:
    server.answer = cached_for(100, key_set(OLD))
    authenticator = api(server.jwks(clock=clock))
    ask(authenticator, OLD.token())
    server.answer = broken()
    clock.now += 80
    for fetches in (2, 3):
        for _ in range(5):
            ask(authenticator, OLD.token())
            assert server.was_asked(fetches)
            time.sleep(0.05)
        assert server.fetches == fetches
        clock.now += PATIENT.retry


def test_a_key_that_is_gone_is_refused_when_the_age_is_over(server: KeyServer, clock: Clock, verdict: Verdict) -> None:
    server.answer = cached_for(100, key_set(OLD))
    authenticator = api(server.jwks(clock=clock))
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    server.answer = cached_for(100, key_set(NEW))
    clock.now += 100
    assert verdict(authenticator, OLD.token()) == REFUSED
    assert verdict(authenticator, NEW.token()) == ACCEPTED
    assert server.fetches == 2


def test_a_new_key_is_fetched_when_the_cool_down_is_over(server: KeyServer, clock: Clock, verdict: Verdict) -> None:
    server.answer = GOOD
    authenticator = api(server.jwks(clock=clock))
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    server.answer = document(key_set(OLD, NEW))
    clock.now += 29.9
    assert verdict(authenticator, NEW.token()) == REFUSED
    assert server.fetches == 1
    clock.now += 0.1
    assert verdict(authenticator, NEW.token()) == ACCEPTED
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    assert server.fetches == 2
    assert verdict(authenticator, OLD.token({"kid": "third"})) == REFUSED
    assert server.fetches == 2


def test_a_known_key_id_and_none_cause_no_fetch_after_the_cool_down(
    server: KeyServer, clock: Clock, verdict: Verdict
) -> None:
    server.answer = GOOD
    authenticator = api(server.jwks(clock=clock))
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    clock.now += 100
    forged = Signer("RS256", "old", number=1)
    for header in ({}, {"kid": ABSENT}):
        assert verdict(authenticator, forged.token(header)) == REFUSED
    assert server.fetches == 1


# Many at once.


def together(jobs: int, work: Callable[[int], str]) -> list[str]:
    """What the work comes to in so many threads that start at the same moment."""
    start = threading.Barrier(jobs, timeout=60)
    running = threading.Semaphore(0)
    outcomes = [""] * jobs

    def run(number: int) -> None:
        running.release()
        start.wait()
        outcomes[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(jobs)]
    for thread in threads:
        thread.start()
        # One after the other: two threads that install coverage's trace function at once would fail.
        assert running.acquire(timeout=60)
    for thread in threads:
        thread.join()
    return outcomes


async def outcome(authenticator: Authenticator, token: str) -> str:
    try:
        return (await authenticator.authenticate_async(token)).subject
    except AuthenticationError as refusal:
        return f"{refusal.status} {refusal.code}"


def outcome_in_thread(authenticator: Authenticator, token: str) -> str:
    try:
        return authenticator.authenticate(token).subject
    except AuthenticationError as refusal:
        return f"{refusal.status} {refusal.code}"


async def outcomes(authenticator: Authenticator, tokens: list[str]) -> list[str]:
    return await asyncio.gather(*(outcome(authenticator, token) for token in tokens))


class Preempted:
    """A lock before which a thread loses its turn once: others get through all they want to do meanwhile."""

    def __init__(self, lock: threading.Lock, meanwhile: Callable[[], object]) -> None:
        self._lock = lock
        self._meanwhile: list[Callable[[], object]] = [meanwhile]

    def __enter__(self) -> bool:
        while self._meanwhile:
            self._meanwhile.pop()()
        return self._lock.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._lock.__exit__(*error)


def test_who_was_late_finds_what_others_fetched_and_fetches_nothing(server: KeyServer, clock: Clock) -> None:
    """Between the decision that a fetch is needed and the fetch, another thread may have been quicker."""
    server.answer = GOOD
    keys: Any = server.jwks(clock=clock)
    authenticator, lock = api(keys), keys._feed._lock
    for token, expected, fetches in ((OLD.token(), ACCEPTED, 1), (strangers(1)[0], REFUSED, 2)):
        keys._feed._lock = Preempted(lock, partial(outcome_in_thread, authenticator, token))
        assert outcome_in_thread(authenticator, token) == expected
        assert server.fetches == fetches
        clock.now += PATIENT.cool_down


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("pause", [0, 0.001, 0.01, 0.1])
def test_200_threads_that_come_first_together_cause_one_fetch(server: KeyServer, pause: float) -> None:
    server.answer = slow(pause, GOOD)
    authenticator = api(server.jwks())
    token = OLD.token()
    assert together(200, lambda number: outcome_in_thread(authenticator, token)) == [ACCEPTED] * 200
    assert server.fetches == 1


@pytest.mark.parametrize("pause", [0, 0.1])
def test_200_requests_that_come_first_on_an_event_loop_cause_one_fetch(server: KeyServer, pause: float) -> None:
    server.answer = slow(pause, GOOD)
    authenticator = api(server.jwks())
    assert asyncio.run(outcomes(authenticator, [OLD.token()] * 200)) == [ACCEPTED] * 200
    assert server.fetches == 1


def test_threads_and_event_loops_share_one_fetch(server: KeyServer) -> None:
    server.answer = slow(0.2, GOOD)
    authenticator = api(server.jwks())
    token = OLD.token()

    def work(number: int) -> str:
        if number % 2:
            return outcome_in_thread(authenticator, token)
        return asyncio.run(outcome(authenticator, token))

    assert together(40, work) == [ACCEPTED] * 40
    assert server.fetches == 1


def strangers(count: int) -> list[str]:
    """Tokens with random key ids, and signatures that nobody made."""
    good = OLD.token()
    _, payload, signature = good.split(".")
    heads = (OLD.token({"kid": f"random-{number}"}).split(".")[0] for number in range(count))
    return [f"{head}.{payload}.{signature}" for head in heads]


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("pause", [0, 0.05], ids=["at once", "slowly"])
def test_1000_random_key_ids_in_threads_cause_one_fetch_after_the_cool_down_and_none_before(
    server: KeyServer, clock: Clock, pause: float
) -> None:
    server.answer = slow(pause, GOOD)
    authenticator = api(server.jwks(clock=clock))
    flood = strangers(1000)

    def work(number: int) -> str:
        answers = {outcome_in_thread(authenticator, token) for token in flood[number::20]}
        return " ".join(answers)

    for fetches in (1, 2):
        assert together(20, work) == [REFUSED] * 20
        assert server.fetches == fetches
        assert outcome_in_thread(authenticator, OLD.token()) == ACCEPTED
        clock.now += 29
        assert together(20, work) == [REFUSED] * 20
        assert server.fetches == fetches
        clock.now += 1


def test_1000_random_key_ids_on_an_event_loop_cause_one_fetch_after_the_cool_down_and_none_before(
    server: KeyServer, clock: Clock
) -> None:
    server.answer = slow(0.05, GOOD)
    authenticator = api(server.jwks(clock=clock))
    flood = strangers(1000)
    with asyncio.Runner() as runner:
        for fetches in (1, 2):
            assert runner.run(outcomes(authenticator, flood)) == [REFUSED] * 1000
            assert server.fetches == fetches
            assert runner.run(outcome(authenticator, OLD.token())) == ACCEPTED
            clock.now += 29
            assert runner.run(outcomes(authenticator, flood)) == [REFUSED] * 1000
            assert server.fetches == fetches
            clock.now += 1


def test_random_key_ids_cause_no_fetches_while_the_endpoint_fails(
    server: KeyServer, clock: Clock, verdict: Verdict
) -> None:
    """After a failure there is one try each two seconds, whoever asks and however often."""
    server.answer = broken()
    authenticator = api(server.jwks(clock=clock))
    flood = strangers(50)
    for fetches in (1, 2, 3):
        assert {verdict(authenticator, token) for token in flood} == {UNAVAILABLE}
        assert server.fetches == fetches
        clock.now += PATIENT.retry


def test_random_key_ids_cause_no_further_fetches_while_a_fresh_set_cannot_be_renewed(
    server: KeyServer, clock: Clock, verdict: Verdict
) -> None:
    server.answer = GOOD
    authenticator = api(server.jwks(clock=clock))
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    server.answer = broken()
    clock.now += 30
    for fetches in (2, 3):
        assert {verdict(authenticator, token) for token in strangers(20)} == {REFUSED}
        assert server.fetches == fetches
        assert verdict(authenticator, OLD.token()) == ACCEPTED
        clock.now += PATIENT.retry


# An endpoint that fails.

FAILURES: dict[str, Answer] = {
    "status 500": broken(),
    "status 404": broken("404 Not Found"),
    "a redirect": redirecting("http://127.0.0.1:9/jwks.json"),
    "HTML": html,
    "nothing": text(b""),
    "dies in the middle": dies_in_the_middle(key_set(OLD)),
    "one byte too many": text(json.dumps(key_set(OLD)).encode().ljust(512 * 1024 + 1)),
    "never answers": silent,
    "an array": document([]),
    "no keys": document({}),
    "keys is null": document({"keys": None}),
    "keys is an object": document({"keys": {}}),
    "an array of keys": document([OLD.jwk()]),
    "a single key": document(OLD.jwk()),
}
each_failure = pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)


@each_failure
def test_where_there_is_no_good_set_yet_the_answer_is_503_and_not_401(
    server: KeyServer, clock: Clock, verdict: Verdict, failure: Answer
) -> None:
    server.answer = failure
    authenticator = api(server.jwks(clock=clock, limits=QUICK if failure is silent else PATIENT))
    for token in (OLD.token(), NEW.token(), OLD.token()[:-4] + "AAAA"):
        assert verdict(authenticator, token) == UNAVAILABLE
    server.answer = GOOD
    # A request that waits for the whole time limit may leave just before the fetch is over.
    assert eventually(lambda: after(clock, PATIENT.retry) and verdict(authenticator, OLD.token()) == ACCEPTED)


@each_failure
def test_the_last_good_set_serves_while_the_endpoint_fails_and_a_new_one_replaces_it_at_once(
    server: KeyServer, clock: Clock, failure: Answer
) -> None:
    server.answer = GOOD
    authenticator = api(server.jwks(clock=clock, limits=QUICK if failure is silent else PATIENT))
    assert outcome_in_thread(authenticator, OLD.token()) == ACCEPTED
    server.answer = failure
    clock.now += 300
    assert outcome_in_thread(authenticator, OLD.token()) == ACCEPTED
    assert outcome_in_thread(authenticator, NEW.token()) == REFUSED
    clock.now = NOW + 300 + 3600 - 1
    assert outcome_in_thread(authenticator, OLD.token()) == ACCEPTED
    clock.now += 1
    assert outcome_in_thread(authenticator, OLD.token()) == UNAVAILABLE
    server.answer = document(key_set(NEW))
    assert eventually(lambda: after(clock, PATIENT.retry) and outcome_in_thread(authenticator, NEW.token()) == ACCEPTED)
    assert outcome_in_thread(authenticator, OLD.token()) == REFUSED


def test_a_new_set_replaces_the_last_good_one_at_once(server: KeyServer, clock: Clock, verdict: Verdict) -> None:
    server.answer = GOOD
    authenticator = api(server.jwks(clock=clock))
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    server.down()
    clock.now += 300
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    server.answer = document(key_set(NEW))
    server.up()
    clock.now += PATIENT.retry
    # The old set serves whom it can while the next try is under way.
    assert verdict(authenticator, NEW.token()) == ACCEPTED
    assert verdict(authenticator, OLD.token()) == REFUSED


@pytest.mark.parametrize(
    "members",
    [(), (OLD.private_jwk(),), ({"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "old"},), (OLD.jwk(use="enc"),)],
    ids=["empty", "private", "symmetric", "for encryption"],
)
def test_a_well_formed_set_without_usable_keys_is_a_refusal(
    server: KeyServer, verdict: Verdict, members: tuple[object, ...]
) -> None:
    server.answer = document(key_set(*members))
    authenticator = api(server.jwks())
    assert verdict(authenticator, OLD.token()) == REFUSED
    assert verdict(authenticator, OLD.token()) == REFUSED
    assert server.fetches == 1


def test_while_the_endpoint_fails_those_whom_the_old_set_serves_do_not_wait(
    server: KeyServer, clock: Clock, ask: Ask
) -> None:
    server.answer = GOOD
    authenticator = api(server.jwks(clock=clock))
    ask(authenticator, OLD.token())
    server.answer = slow(0.8, broken())
    clock.now += 300
    ask(authenticator, OLD.token())  # the first one to notice waits
    assert server.fetches == 2
    clock.now += PATIENT.retry
    started = time.monotonic()
    for token in (OLD.token(), OLD.token({"kid": ABSENT})):
        ask(authenticator, token)
    assert time.monotonic() - started < 0.7
    assert eventually(lambda: server.fetches == 3)


def test_after_a_failure_a_new_key_is_waited_for_though_there_is_an_old_set(
    server: KeyServer, clock: Clock, verdict: Verdict
) -> None:
    """The endpoint is back, with a new key: whoever signs with it is not refused by the old set."""
    server.answer = GOOD
    authenticator = api(server.jwks(clock=clock))
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    server.answer = broken()
    clock.now += 300
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    server.answer = slow(0.2, document(key_set(OLD, NEW)))
    clock.now += PATIENT.retry
    assert verdict(authenticator, NEW.token()) == ACCEPTED


def test_an_endpoint_that_is_down_from_the_start_is_found_within_5_seconds_of_its_return(
    servers: Servers, verdict: Verdict
) -> None:
    server = servers()
    server.answer = GOOD
    authenticator = api(server.jwks(limits=Limits()))
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        assert verdict(authenticator, OLD.token()) == UNAVAILABLE
        time.sleep(0.05)
    server.up()
    returned = time.monotonic()
    assert eventually(lambda: verdict(authenticator, OLD.token()) == ACCEPTED, within=5)
    assert time.monotonic() - returned < 5
    assert server.fetches == 1


def test_nobody_waits_longer_than_the_time_limit_for_an_endpoint_that_never_answers(
    server: KeyServer, verdict: Verdict
) -> None:
    server.answer = silent
    authenticator = api(server.jwks(limits=Limits()))
    started = time.monotonic()
    assert verdict(authenticator, OLD.token()) == UNAVAILABLE
    assert 1.9 < time.monotonic() - started < 3
    again = time.monotonic()
    assert verdict(authenticator, OLD.token()) == UNAVAILABLE
    assert time.monotonic() - again < 0.5


def test_a_fetch_that_does_not_come_back_is_given_up(server: KeyServer, clock: Clock, verdict: Verdict) -> None:
    server.answer = silent
    authenticator = api(server.jwks(clock=clock, limits=Limits(timeout=1)))
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(verdict, authenticator, OLD.token())
        assert eventually(lambda: server.fetches == 1)
        server.answer = GOOD
        clock.now += 10 * 1 + 1
        assert outcome_in_thread(authenticator, OLD.token()) == ACCEPTED
        lost.result()
    assert server.fetches == 2
    # The lost one fails at last, which does no harm.
    assert verdict(authenticator, OLD.token()) == ACCEPTED


def test_a_host_that_cannot_be_looked_up_at_all_is_a_failure(verdict: Verdict) -> None:
    authenticator = api(JWKS(f"https://{'a' * 64}.example/jwks.json"))
    assert verdict(authenticator, OLD.token()) == UNAVAILABLE


# Who waits may leave.


def test_who_is_cancelled_leaves_and_the_others_are_served(server: KeyServer) -> None:
    server.answer = slow(0.2, GOOD)
    authenticator = api(server.jwks())

    async def crowd() -> list[object]:
        tasks = [asyncio.create_task(outcome(authenticator, OLD.token())) for _ in range(10)]
        await asyncio.sleep(0.05)
        for task in tasks[::2]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(crowd())
    assert answers[1::2] == [ACCEPTED] * 5
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    assert outcome_in_thread(authenticator, OLD.token()) == ACCEPTED
    assert server.fetches == 1


def test_a_fetch_that_nobody_waits_for_any_more_serves_the_next_one(server: KeyServer, verdict: Verdict) -> None:
    server.answer = slow(0.2, GOOD)
    keys = server.jwks()
    authenticator = api(keys)

    async def leave() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(authenticator.authenticate_async(OLD.token()), 0.05)

    asyncio.run(leave())  # and its loop is gone, too
    assert eventually(lambda: keys.current() is not None)
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    assert server.fetches == 1


def test_who_waits_gives_up_in_time_though_the_fetch_goes_on(server: KeyServer, verdict: Verdict) -> None:
    """Discovery takes two documents, each of which may take the time that a request waits."""
    provider(server, slow(0.6, GOOD), slow(0.6, discovery(server)))
    keys = server.discover(limits=Limits(timeout=1))
    authenticator = api(keys)
    assert verdict(authenticator, OLD.token()) == UNAVAILABLE
    assert eventually(lambda: keys.current() is not None)
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    assert server.fetches == 2


# Whose keys they are.


def test_the_same_key_id_at_two_providers_is_two_keys(servers: Servers, verdict: Verdict) -> None:
    signers = {"one": Signer("RS256", "k1"), "two": Signer("RS256", "k1", number=1)}
    tenants = []
    for name, signer in signers.items():
        server = servers()
        server.up()
        server.answer = document(key_set(signer))
        tenants.append(Tenant(name, keys=server.jwks(), applications=["shop"]))
    authenticator = Authenticator(settings(tenants))
    for _ in range(2):
        for issuer, other in (("one", "two"), ("two", "one")):
            assert verdict(authenticator, signers[issuer].token(iss=issuer)) == ACCEPTED
            assert verdict(authenticator, signers[other].token(iss=issuer)) == REFUSED


def test_two_tenants_of_one_provider_fetch_its_set_once(server: KeyServer, verdict: Verdict) -> None:
    server.answer = GOOD
    tenants = [Tenant(name, keys=server.jwks(), applications=["shop"]) for name in ("one", "two")]
    authenticator = Authenticator(settings(tenants))
    for issuer in ("one", "two"):
        assert verdict(authenticator, OLD.token(iss=issuer)) == ACCEPTED
    assert server.fetches == 1


def test_other_limits_are_another_feed(server: KeyServer, ask: Ask) -> None:
    server.answer = GOOD
    ask(api(server.jwks()), OLD.token())
    ask(api(server.jwks(limits=Limits(timeout=1))), OLD.token())
    assert server.fetches == 2


def test_a_tenant_that_is_built_anew_for_each_token_keeps_what_was_fetched(server: KeyServer, verdict: Verdict) -> None:
    """As a function does that reads a database; nothing else holds on to the tenant in between."""
    server.answer = GOOD

    def resolve(issuer: str) -> Tenant | None:
        return Tenant(issuer, keys=server.jwks(), applications=["shop"])

    authenticator = Authenticator(settings(resolve, max_verified_tokens=0))
    for token in (OLD.token(), *strangers(3), OLD.token()):
        verdict(authenticator, token)
        gc.collect()
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    assert server.fetches == 1


def test_feeds_that_no_tenant_has_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_recent", type(module._recent)(maxlen=2))
    before = len(module._feeds)
    for number in range(10):
        JWKS(f"https://idp-{number}.example/jwks.json")
    gc.collect()
    assert len(module._feeds) <= before + 2


@pytest.mark.parametrize("member", ["jku", "x5u", "kid", "iss", "url", "jwks_uri"])
def test_nothing_in_a_token_ever_causes_another_connection(
    servers: Servers, server: KeyServer, verdict: Verdict, member: str
) -> None:
    listener = servers()
    listener.up()
    forger = Signer("RS256", "old", number=1)
    listener.answer = document(key_set(forger))
    server.answer = GOOD
    authenticator = api(server.jwks(limits=Limits(cool_down=0)))
    for address in (listener.url, listener.issuer):
        header: dict[str, object] = {member: address, "jwk": forger.jwk()}
        assert verdict(authenticator, forger.token(header)) == REFUSED
        assert verdict(authenticator, forger.token(header, iss=address)) == REFUSED
        assert verdict(authenticator, forger.token(header, **{"sub": address, "aud": address})) == REFUSED
    assert verdict(authenticator, OLD.token({"jku": listener.url})) == ACCEPTED
    assert listener.connections == 0
    assert {*server.paths} == {"/jwks.json"}


def test_the_tokens_of_a_real_provider_are_accepted(server: KeyServer, ask: Ask) -> None:
    """`iss` a URL, `scp` for scopes, `client_id` for the application, 24 hours, `iat` five minutes back."""
    server.answer = document(key_set(OLD.jwk(alg=ABSENT, x5c=["MIIC"], x5t="abc", issuer="https://idp.example/v2.0")))
    issuer = "https://idp.example/0b6a1f0e/v2.0"
    authenticator = api(
        server.jwks(),
        issuers=[issuer],
        applications=["3f9e"],
        scope_claim="scp",
        audience_claim="client_id",
    )
    issued_at = NOW - 300
    shape: dict[str, Any] = {
        "iss": issuer,
        "aud": "https://graph.example",
        "client_id": "3f9e",
        "scope": ABSENT,
        "scp": "read write",
    }
    token = OLD.token({"typ": "at+jwt"}, **shape, iat=issued_at, nbf=issued_at, exp=issued_at + 86_400, ver="2.0")
    for _ in range(2):
        identity = ask(authenticator, token)
        assert (identity.tenant_id, identity.application_id, identity.issuer) == ("acme", "3f9e", issuer)
        assert identity.scopes == {"read", "write"}
        assert identity.claims["ver"] == "2.0"
    assert ask(authenticator, OLD.token(**{**shape, "scp": ["read"]})).scopes == {"read"}
    with pytest.raises(AuthenticationError) as caught:
        ask(authenticator, OLD.token(**shape, iat=issued_at, exp=issued_at + 86_400 + 61))
    assert caught.value.reason == "lifetime_too_long"


# What may be fetched.

WRONG_ADDRESSES = {
    "plain http": ("http://idp.example/jwks.json", "is not https"),
    "plain http, private": ("http://10.0.0.1/jwks.json", "is not https"),
    "plain http, loopback": ("http://127.0.0.1/jwks.json", "is not https"),
    "file": ("file:///etc/passwd", "has no host"),
    "file with a host": ("file://localhost/etc/passwd", "is not https"),
    "data": ("data:application/json,{}", "has no host"),
    "ftp": ("ftp://idp.example/jwks.json", "is not https"),
    "javascript": ("javascript:alert(1)", "has no host"),
    "no scheme": ("idp.example/jwks.json", "has no host"),
    "a path": ("/etc/passwd", "has no host"),
    "empty": ("", "has no host"),
    "no host": ("https:///jwks.json", "has no host"),
    "a password": ("https://me:hunter2@idp.example/jwks.json", "has credentials"),
    "a user": ("https://@idp.example/jwks.json", "has credentials"),
    "a fragment": ("https://idp.example/jwks.json#keys", "a fragment"),
    "a blank": ("https://idp.example/jwks json", "is not plain ASCII text"),
    "a line end": ("https://idp.example/jwks.json\r\nX: y", "is not plain ASCII text"),
    "letters of elsewhere": ("https://idp.example/schl\u00fcssel", "is not plain ASCII text"),
    "no port": ("https://idp.example:port/", "has a host or port that cannot be"),
    "a port too far": ("https://idp.example:65536/", "has a host or port that cannot be"),
    "half an address": ("https://[::1/", "has a host or port that cannot be"),
    "a number": (443, "is not plain ASCII text"),
    "nothing": (None, "is not plain ASCII text"),
}


@pytest.mark.parametrize("make", [JWKS, JWKS.discover], ids=["set", "discovery"])
@pytest.mark.parametrize(("address", "problem"), WRONG_ADDRESSES.values(), ids=WRONG_ADDRESSES)
def test_an_address_that_is_not_https_is_refused_at_the_start(
    make: Callable[..., JWKS], address: object, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        make(address)
    assert 'JWKS("https://' in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://idp.example/jwks.json",
        "http://127.0.0.1.idp.example/",
        "http://127.0.0.2/",
        "http://localhost.idp.example/",
        "http://127.0.0.1@idp.example/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
    ],
)
def test_the_switch_for_tests_opens_loopback_addresses_only(address: str) -> None:
    with pytest.raises(ConfigurationError):
        JWKS(address, allow_loopback_http=True)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000/x", "http://localhost/x", "http://[::1]:8000/x"])
def test_the_switch_for_tests_opens_each_loopback_address(address: str) -> None:
    assert repr(JWKS(address, allow_loopback_http=True)) == f"JWKS({address!r})"


@pytest.mark.parametrize(
    "address", ["https://idp.example/jwks.json", "HTTPS://IDP.example:8443/a?b=c&d", "https://[2001:db8::1]/jwks"]
)
def test_https_is_taken_and_nothing_is_fetched_yet(address: str) -> None:
    keys = JWKS(address)
    assert keys.url == address
    assert keys.current() is None


# Discovery.


def discovery(server: KeyServer, **changes: object) -> Answer:
    """The document of an OpenID provider, with members changed or ABSENT."""
    members = {"issuer": server.issuer, "jwks_uri": server.url, "authorization_endpoint": "x", **changes}
    return document({name: value for name, value in members.items() if value is not ABSENT})


def provider(server: KeyServer, keys: Answer, discovered: Answer, path: str = "") -> None:
    """Have the server be an OpenID provider."""
    answers = {f"{path}/.well-known/openid-configuration": discovered, "/jwks.json": keys}
    server.answer = lambda call: answers.get(call.path, broken("404 Not Found"))(call)


def test_a_provider_names_its_key_set(server: KeyServer, clock: Clock, verdict: Verdict) -> None:
    provider(server, cached_for(120, key_set(OLD)), discovery(server))
    keys = server.discover(clock=clock)
    authenticator = api(keys)
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    assert verdict(authenticator, OLD.token()) == ACCEPTED
    assert server.paths == ["/.well-known/openid-configuration", "/jwks.json"]
    assert repr(keys) == f"JWKS({server.issuer!r})"
    clock.now += 119
    assert keys.current() is not None
    clock.now += 1
    assert keys.current() is None


@pytest.mark.parametrize("path", ["/tenant/v2.0", "/tenant/", "/"])
def test_the_issuer_of_a_provider_may_have_a_path(server: KeyServer, verdict: Verdict, path: str) -> None:
    issuer = server.issuer + path
    provider(server, GOOD, discovery(server, issuer=issuer), path.rstrip("/"))
    keys = JWKS.discover(issuer, allow_loopback_http=True)
    assert verdict(api(keys), OLD.token()) == ACCEPTED


def test_the_set_and_the_provider_at_one_address_are_two_feeds(server: KeyServer, ask: Ask) -> None:
    provider(server, GOOD, discovery(server))
    ask(api(server.discover()), OLD.token())
    with pytest.raises(AuthenticationError):
        ask(api(JWKS(server.issuer, allow_loopback_http=True)), OLD.token())


OTHER_ISSUERS = {
    "another one": {"issuer": "https://idp.example"},
    "none": {"issuer": ABSENT},
    "null": {"issuer": None},
    "a list": {"issuer": ["http://127.0.0.1"]},
}
WRONG_SETS = {
    "no address": {"jwks_uri": ABSENT},
    "null": {"jwks_uri": None},
    "a number": {"jwks_uri": 7},
    "plain http": {"jwks_uri": "http://idp.example/jwks.json"},
    "a file": {"jwks_uri": "file:///etc/passwd"},
    "a path": {"jwks_uri": "/jwks.json"},
    "credentials": {"jwks_uri": "https://me:hunter2@idp.example/"},
    "no host at all": {"jwks_uri": "https://[/"},
}


@pytest.mark.parametrize("changes", OTHER_ISSUERS.values(), ids=OTHER_ISSUERS)
def test_the_document_must_be_of_just_this_issuer(
    server: KeyServer, verdict: Verdict, caplog: pytest.LogCaptureFixture, changes: dict[str, object]
) -> None:
    provider(server, GOOD, discovery(server, **changes))
    assert verdict(api(server.discover()), OLD.token()) == UNAVAILABLE
    assert server.fetches == 1
    assert "the discovery document is of another issuer" in caplog.text


def test_a_slash_at_the_end_makes_another_issuer(server: KeyServer, verdict: Verdict) -> None:
    provider(server, GOOD, discovery(server, issuer=f"{server.issuer}/"))
    assert verdict(api(server.discover()), OLD.token()) == UNAVAILABLE


@pytest.mark.parametrize("changes", WRONG_SETS.values(), ids=WRONG_SETS)
def test_the_set_that_a_provider_names_must_be_one_that_may_be_fetched(
    server: KeyServer, verdict: Verdict, caplog: pytest.LogCaptureFixture, changes: dict[str, object]
) -> None:
    provider(server, GOOD, discovery(server, **changes))
    assert verdict(api(server.discover()), OLD.token()) == UNAVAILABLE
    assert server.fetches == 1
    assert "the discovery document's jwks_uri" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (document([]), "of another issuer"),
        (document("x"), "of another issuer"),
        (html, "not JSON"),
        (broken(), "status 500"),
    ],
    ids=["list", "text", "HTML", "500"],
)
def test_what_is_no_discovery_document_is_a_failure(
    server: KeyServer, verdict: Verdict, caplog: pytest.LogCaptureFixture, found: Answer, reason: str
) -> None:
    provider(server, GOOD, found)
    assert verdict(api(server.discover()), OLD.token()) == UNAVAILABLE
    assert server.fetches == 1
    assert reason in caplog.text


# The log.


def test_the_log_tells_what_was_fetched_and_what_failed(
    server: KeyServer, clock: Clock, verdict: Verdict, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "jwt_middleware")
    server.answer = broken("500 hunter2\x1b[31m")
    authenticator = api(server.jwks(clock=clock))
    verdict(authenticator, OLD.token())
    server.answer = GOOD
    clock.now += PATIENT.retry
    verdict(authenticator, OLD.token())
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "jwt_middleware"]
    assert lines == [
        ("WARNING", f"key set {server.url} cannot be used: status 500"),
        ("INFO", f"key set {server.url}: 1 keys, kept for 300 s"),
    ]
