"""What the provider plugs in: every form, called from threads and from an event loop, in time or not at all."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest

from jwt_middleware import Authenticator, Identity, Tenant, plugins
from jwt_middleware.errors import AuthenticationError, InvalidSignature, Revoked, TemporarilyUnavailable

from .calling import eventually, eventually_async, run_program
from .making import NOW, SECRET, settings, tenant, token

Authenticate: TypeAlias = Callable[[Authenticator, str], Identity]

ACME = tenant()
GLOBEX = tenant("globex")


def in_thread(authenticator: Authenticator, text: str) -> Identity:
    return authenticator.authenticate(text)


def on_loop(authenticator: Authenticator, text: str) -> Identity:
    return asyncio.run(authenticator.authenticate_async(text))


@pytest.fixture(params=[in_thread, on_loop])
def authenticate(request: pytest.FixtureRequest) -> Authenticate:
    """Both drivers."""
    drive: Authenticate = request.param
    return drive


def refusal(authenticate: Authenticate, authenticator: Authenticator, text: str | None = None) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as caught:
        authenticate(authenticator, text or token())
    authenticator.close()
    return caught.value


def plain(issuer: str) -> Tenant | None:
    return ACME if issuer == "acme" else None


async def waiting(issuer: str) -> Tenant | None:
    await asyncio.sleep(0)
    return plain(issuer)


class Plain:
    def resolve(self, issuer: str) -> Tenant | None:
        return plain(issuer)


class InMemory(Plain):
    in_memory = True


class Waiting:
    async def resolve(self, issuer: str) -> Tenant | None:
        return await waiting(issuer)


class MistakenlyInMemory(Waiting):
    in_memory = True


class Called:
    def __call__(self, issuer: str) -> Tenant | None:
        return plain(issuer)


class CalledAndWaiting:
    async def __call__(self, issuer: str) -> Tenant | None:
        return await waiting(issuer)


RESOLVERS = {
    "function": plain,
    "async function": waiting,
    "lambda": lambda issuer: plain(issuer),
    "partial": functools.partial(plain),
    "async partial": functools.partial(waiting),
    "object": Plain(),
    "object in memory": InMemory(),
    "async object": Waiting(),
    "async object that says it is in memory": MistakenlyInMemory(),
    "callable object": Called(),
    "async callable object": CalledAndWaiting(),
    "bound method": Plain().resolve,
    "async bound method": Waiting().resolve,
}


@pytest.mark.parametrize("resolver", RESOLVERS.values(), ids=RESOLVERS)
def test_every_form_of_resolver_is_asked_from_threads_and_from_an_event_loop(
    resolver: Any, authenticate: Authenticate
) -> None:
    authenticator = Authenticator(settings(resolver))
    assert authenticate(authenticator, token()).tenant_id == "acme"
    assert authenticate(authenticator, token()).subject == "user_123"
    assert refusal(authenticate, authenticator, token(iss="globex")).reason == "unknown_issuer"


class Plugin:
    """A plain resolver and revocation store, both of which do what they are told."""

    def __init__(self, resolve: Callable[[], Any] = lambda: ACME, is_revoked: Callable[[], Any] = lambda: False):
        self._resolve = resolve
        self._is_revoked = is_revoked
        self.questions: list[tuple[Any, ...]] = []

    def resolve(self, issuer: str) -> Any:
        return self._resolve()

    def is_revoked(self, *question: Any) -> Any:
        self.questions.append(question)
        return self._is_revoked()

    def authenticator(self, **options: Any) -> Authenticator:
        return Authenticator(settings(self, revocations=self, **options))


class AsyncPlugin(Plugin):
    """The same, `async`."""

    async def resolve(self, issuer: str) -> Any:
        return super().resolve(issuer)

    async def is_revoked(self, *question: Any) -> Any:
        return super().is_revoked(*question)


class PluginInMemory(Plugin):
    """The same, called on the event loop."""

    in_memory = True


@pytest.fixture(params=[Plugin, AsyncPlugin, PluginInMemory])
def plugin(request: pytest.FixtureRequest) -> Callable[..., Plugin]:
    """Makes a plug-in of each kind."""
    kind: Callable[..., Plugin] = request.param
    return kind


def failing() -> Any:
    raise LookupError("could not connect to postgres://acme:hunter2@db")


def test_a_resolver_that_raises_is_unavailable_and_its_text_is_not_told(
    plugin: Callable[..., Plugin], authenticate: Authenticate
) -> None:
    refused = refusal(authenticate, plugin(resolve=failing).authenticator())
    assert isinstance(refused, TemporarilyUnavailable)
    assert refused.status == 503
    assert refused.reason.startswith("tenant_store_failed_with_LookupError_at_test_plugins.py:")
    assert "hunter2" not in str(refused)


def test_a_revocation_store_that_raises_lets_nobody_pass(
    plugin: Callable[..., Plugin], authenticate: Authenticate
) -> None:
    refused = refusal(authenticate, plugin(is_revoked=failing).authenticator())
    assert isinstance(refused, TemporarilyUnavailable)
    assert refused.reason.startswith("revocation_store_failed_with_LookupError_at_test_plugins.py:")


def test_a_plug_in_may_say_itself_that_it_is_unavailable(
    plugin: Callable[..., Plugin], authenticate: Authenticate
) -> None:
    def unavailable() -> Any:
        raise TemporarilyUnavailable("replica_lags_behind")

    assert refusal(authenticate, plugin(resolve=unavailable).authenticator()).reason == "replica_lags_behind"


def test_an_error_that_hides_where_it_came_from_is_told_all_the_same(authenticate: Authenticate) -> None:
    class Hidden(Exception):
        __traceback__ = None

    def hiding() -> Any:
        raise Hidden

    reason = refusal(authenticate, PluginInMemory(resolve=hiding).authenticator()).reason
    assert reason == "tenant_store_failed_with_Hidden_at_unknown"


@pytest.mark.parametrize("answer", ["acme", {"id": "acme"}, True, 0, [ACME], Tenant], ids=repr)
def test_a_resolver_that_answers_with_another_type_is_unavailable(
    answer: object, plugin: Callable[..., Plugin], authenticate: Authenticate
) -> None:
    refused = refusal(authenticate, plugin(resolve=lambda: answer).authenticator())
    assert isinstance(refused, TemporarilyUnavailable)
    assert refused.reason == f"tenant_store_answered_with_{type(answer).__name__}"


@pytest.mark.parametrize("answer", [None, 0, 1, "", "no", []], ids=repr)
def test_only_true_and_false_are_answers_of_a_revocation_store(
    answer: object, plugin: Callable[..., Plugin], authenticate: Authenticate
) -> None:
    refused = refusal(authenticate, plugin(is_revoked=lambda: answer).authenticator())
    assert isinstance(refused, TemporarilyUnavailable)
    assert refused.reason == f"revocation_store_answered_with_{type(answer).__name__}"


def test_a_plain_function_that_answers_with_a_coroutine_is_unavailable(authenticate: Authenticate) -> None:
    refused = refusal(authenticate, Authenticator(settings(lambda issuer: waiting(issuer))))
    assert refused.reason == "tenant_store_answered_with_coroutine"


def test_the_wrong_tenant_is_as_good_as_none(plugin: Callable[..., Plugin], authenticate: Authenticate) -> None:
    refused = refusal(authenticate, plugin(resolve=lambda: GLOBEX).authenticator())
    assert isinstance(refused, InvalidSignature)
    assert refused.reason == "resolver_answered_with_another_issuer"


def test_a_revocation_store_is_asked_once_about_a_token_that_is_otherwise_good(
    plugin: Callable[..., Plugin], authenticate: Authenticate
) -> None:
    store = plugin()
    authenticator = store.authenticator()
    authenticate(authenticator, token(jti="t1"))
    assert store.questions == [("acme", "t1", "user_123", NOW - 10)]
    refusal(authenticate, authenticator, token(exp=NOW - 1))
    assert len(store.questions) == 1


def test_a_revoked_token_is_refused(plugin: Callable[..., Plugin], authenticate: Authenticate) -> None:
    assert isinstance(refusal(authenticate, plugin(is_revoked=lambda: True).authenticator()), Revoked)


def test_a_revocation_takes_effect_with_the_next_request(
    plugin: Callable[..., Plugin], authenticate: Authenticate
) -> None:
    revoked: list[bool] = []
    authenticator = plugin(is_revoked=lambda: bool(revoked)).authenticator()
    assert authenticate(authenticator, token()).subject == "user_123"
    revoked.append(True)
    assert isinstance(refusal(authenticate, authenticator), Revoked)


# Time


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """What hanging threads wait for; set at the end, so that none of them outlives the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("place", ["resolve", "is_revoked"])
def test_an_async_plug_in_that_hangs_is_unavailable_after_the_timeout(place: str, authenticate: Authenticate) -> None:
    class Hanging(AsyncPlugin):
        pass

    async def hang(*question: Any) -> Any:
        await asyncio.sleep(60)

    setattr(Hanging, place, hang)
    start = time.monotonic()
    refused = refusal(authenticate, Hanging().authenticator(store_timeout=0.05))
    assert isinstance(refused, TemporarilyUnavailable)
    assert refused.reason == ("tenant_store_timed_out" if place == "resolve" else "revocation_store_timed_out")
    assert 0.04 < time.monotonic() - start < 5


@pytest.mark.parametrize("place", ["resolve", "is_revoked"])
def test_a_plain_plug_in_that_hangs_is_left_behind_by_the_event_loop(place: str, hang: threading.Event) -> None:
    plugin = Plugin(**{place: lambda: hang.wait(60)})
    start = time.monotonic()
    refused = refusal(on_loop, plugin.authenticator(store_timeout=0.05))
    assert isinstance(refused, TemporarilyUnavailable)
    assert refused.reason.endswith("_store_timed_out")
    assert 0.04 < time.monotonic() - start < 5


def test_a_plain_plug_in_that_is_slow_is_waited_for_in_a_thread() -> None:
    def slow() -> Tenant:
        time.sleep(0.05)
        return ACME

    assert in_thread(Plugin(resolve=slow).authenticator(store_timeout=0.01), token()).tenant_id == "acme"


def test_the_event_loop_runs_on_while_a_plain_plug_in_waits(hang: threading.Event) -> None:
    """The answer waits for something that only the event loop can do."""

    async def both() -> Identity:
        authenticator = Plugin(resolve=lambda: hang.wait(60) and ACME).authenticator(store_timeout=5)
        authenticating = asyncio.create_task(authenticator.authenticate_async(token()))
        await asyncio.sleep(0.01)
        hang.set()
        identity = await authenticating
        authenticator.close()
        return identity

    assert asyncio.run(both()).tenant_id == "acme"


def test_a_client_that_goes_away_cancels_the_look_up(hang: threading.Event) -> None:
    async def cancelled(authenticator: Authenticator) -> None:
        authenticating = asyncio.create_task(authenticator.authenticate_async(token()))
        await asyncio.sleep(0.01)
        authenticating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await authenticating

    async def hanging(issuer: str) -> Any:
        await asyncio.sleep(60)

    asyncio.run(cancelled(Authenticator(settings(hanging, store_timeout=30))))
    plain_one = Plugin(resolve=lambda: hang.wait(60)).authenticator(store_timeout=30)
    asyncio.run(cancelled(plain_one))
    plain_one.close()


# Threads


def test_what_is_in_memory_is_called_on_the_event_loop_and_anything_else_in_a_thread() -> None:
    threads: list[int] = []

    def noting() -> Tenant:
        threads.append(threading.get_ident())
        return ACME

    for kind in (PluginInMemory, AsyncPlugin, Plugin):
        authenticator = kind(resolve=noting).authenticator()
        on_loop(authenticator, token())
        authenticator.close()
    assert [thread == threading.get_ident() for thread in threads] == [True, True, False]


def test_context_variables_reach_a_plug_in_in_a_thread() -> None:
    request_id = contextvars.ContextVar("request_id", default="none")
    seen: list[str] = []

    def noting() -> Tenant:
        seen.append(request_id.get())
        return ACME

    async def request() -> None:
        request_id.set("r1")
        await authenticator.authenticate_async(token())

    authenticator = Plugin(resolve=noting).authenticator()
    asyncio.run(request())
    authenticator.close()
    assert seen == ["r1"]


def test_one_authenticator_serves_several_event_loops_and_threads() -> None:
    authenticator = Plugin().authenticator()
    assert {on_loop(authenticator, token()).subject for _ in range(3)} == {"user_123"}
    assert in_thread(authenticator, token()).subject == "user_123"
    authenticator.close()


def test_no_error_is_logged_when_a_thread_has_answered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "concurrent.futures")
    authenticator = Plugin().authenticator()
    for _ in range(3):
        on_loop(authenticator, token())
    authenticator.close()
    on_loop(authenticator, token())
    authenticator.close()
    assert [record for record in caplog.records if record.name == "concurrent.futures"] == []


def test_calls_that_wait_for_a_thread_are_bounded_and_places_come_free_again(
    hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "MAX_WAITING", 3)
    monkeypatch.setattr(plugins, "MAX_THREADS", 1)
    started: list[int] = []

    def hanging() -> Tenant:
        started.append(1)
        hang.wait(60)
        return ACME

    async def crowd() -> None:
        authenticator = Authenticator(settings(Plugin(resolve=hanging), store_timeout=5))
        waiting = [asyncio.create_task(authenticator.authenticate_async(token())) for _ in range(3)]
        assert await eventually_async(lambda: started)
        for _ in range(2):
            with pytest.raises(TemporarilyUnavailable) as caught:
                await authenticator.authenticate_async(token())
            assert caught.value.reason == "tenant_store_has_too_many_waiting"
        hang.set()
        assert [identity.tenant_id for identity in await asyncio.gather(*waiting)] == ["acme"] * 3
        for _ in range(5):
            assert (await authenticator.authenticate_async(token())).tenant_id == "acme"
        again = await asyncio.gather(*(authenticator.authenticate_async(token()) for _ in range(3)))
        assert len(again) == 3
        authenticator.close()

    asyncio.run(crowd())


def test_a_place_is_taken_until_the_thread_is_free_though_nobody_waits_any_more(
    hang: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "MAX_WAITING", 1)

    async def crowd() -> list[str]:
        authenticator = Authenticator(settings(Plugin(resolve=lambda: hang.wait(60) and ACME), store_timeout=0.05))
        reasons = []
        for _ in range(2):
            with pytest.raises(TemporarilyUnavailable) as caught:
                await authenticator.authenticate_async(token())
            reasons.append(caught.value.reason)
        authenticator.close()
        return reasons

    assert asyncio.run(crowd()) == ["tenant_store_timed_out", "tenant_store_has_too_many_waiting"]


def test_threads_start_with_the_first_call_and_end_with_close() -> None:
    def running() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("jwt_middleware-tenant")]

    authenticator = Plugin().authenticator()
    assert eventually(lambda: running() == [])
    on_loop(authenticator, token())
    assert running() != []
    authenticator.close()
    assert eventually(lambda: running() == [])
    assert on_loop(authenticator, token()).subject == "user_123"
    authenticator.close()


def test_first_calls_at_the_same_time_start_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one would be closed by nobody, and let twice as many calls wait."""
    pools: list[Any] = []

    class Slow(ThreadPoolExecutor):
        def __init__(self, *args: Any, **options: Any) -> None:
            pools.append(self)
            time.sleep(0.05)
            super().__init__(*args, **options)

    monkeypatch.setattr(plugins, "ThreadPoolExecutor", Slow)
    authenticator = Plugin().authenticator(store_timeout=30)
    loops = [threading.Thread(target=on_loop, args=(authenticator, token())) for _ in range(4)]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()
    authenticator.close()
    assert len(pools) == 2


FORK = """
import asyncio, os, sys
from jwt_middleware import Authenticator, JWTSettings, Key, Tenant
from jwt_middleware import plugins

plugins.MAX_WAITING = 1
acme = Tenant("acme", keys=[Key.secret(sys.argv[1])], applications=["shop"])
authenticator = Authenticator(JWTSettings(lambda issuer: acme, clock=lambda: 1_800_000_000))

def subjects():
    return [asyncio.run(authenticator.authenticate_async(sys.argv[2])).subject for _ in range(3)]

parent = subjects()
child = os.fork()
if child == 0:
    os._exit(0 if subjects() == parent else 1)
print(parent, os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_threads_of_its_own() -> None:
    done = run_program(FORK, SECRET.decode(), token())
    assert done.stdout == "['user_123', 'user_123', 'user_123'] 0\n", done.stderr
    assert "Traceback" not in done.stderr


# Lifecycle


class Closing(Plugin):
    def __init__(self) -> None:
        super().__init__()
        self.closed: list[str] = []

    def close(self) -> None:
        self.closed.append("close")


class ClosingAsync(Closing):
    async def aclose(self) -> None:
        self.closed.append("aclose")


class OnlyAsync(Plugin):
    def __init__(self) -> None:
        super().__init__()
        self.closed: list[str] = []

    async def aclose(self) -> None:
        self.closed.append("aclose")


@pytest.mark.parametrize(
    ("kind", "closed"), [(Closing, "close"), (ClosingAsync, "close"), (OnlyAsync, "aclose")], ids=lambda v: str(v)
)
def test_close_closes_each_store_once_whatever_its_colour(kind: Any, closed: str) -> None:
    tenants, revocations = kind(), kind()
    Authenticator(settings(tenants, revocations=revocations)).close()
    assert (tenants.closed, revocations.closed) == ([closed], [closed])


@pytest.mark.parametrize(
    ("kind", "closed"), [(Closing, "close"), (ClosingAsync, "aclose"), (OnlyAsync, "aclose")], ids=lambda v: str(v)
)
def test_aclose_closes_each_store_once_whatever_its_colour(kind: Any, closed: str) -> None:
    tenants, revocations = kind(), kind()
    asyncio.run(Authenticator(settings(tenants, revocations=revocations)).aclose())
    assert (tenants.closed, revocations.closed) == ([closed], [closed])


def test_one_object_that_is_both_stores_is_closed() -> None:
    both = Closing()
    Authenticator(settings(both, revocations=both)).close()
    assert set(both.closed) == {"close"}


def test_stores_without_close_are_left_alone() -> None:
    Plugin().authenticator().close()
    asyncio.run(Plugin().authenticator().aclose())


class Broken(Plugin):
    def close(self) -> None:
        raise OSError("already gone")


def test_a_store_that_cannot_be_closed_does_not_keep_the_others_open() -> None:
    revocations = Closing()
    with pytest.raises(OSError, match="already gone"):
        Authenticator(settings(Broken(), revocations=revocations)).close()
    assert revocations.closed == ["close"]


def test_the_same_holds_on_an_event_loop() -> None:
    revocations = Closing()
    with pytest.raises(OSError, match="already gone"):
        asyncio.run(Authenticator(settings(Broken(), revocations=revocations)).aclose())
    assert revocations.closed == ["close"]


# What a plug-in remembers


class Recalling:
    """Remembers one answer, and is asked for everything else."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def recall(self, issuer: str) -> Any:
        return self._answer() if issuer == "acme" else plugins.UNKNOWN

    def resolve(self, issuer: str) -> Tenant | None:
        return GLOBEX if issuer == "globex" else None


def test_what_a_plug_in_remembers_is_taken_and_the_rest_is_asked(authenticate: Authenticate) -> None:
    authenticator = Authenticator(settings(Recalling(lambda: ACME)))
    assert authenticate(authenticator, token()).tenant_id == "acme"
    assert authenticate(authenticator, token(iss="globex")).tenant_id == "globex"
    authenticator.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(lambda: "acme", "tenant_store_answered_with_str"), (lambda: 1 / 0, "tenant_store_failed_with_ZeroDivisionError")],
)
def test_what_a_plug_in_remembers_wrongly_is_503(answer: Any, reason: str, authenticate: Authenticate) -> None:
    authenticator = Authenticator(settings(Recalling(answer)))
    with pytest.raises(TemporarilyUnavailable) as caught:
        authenticate(authenticator, token())
    assert caught.value.reason.startswith(reason)
