"""Observers: told of each request once, whatever the door; never in its way; and never of what nobody may know."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from asgiref.testing import ApplicationCommunicator

from jwt_middleware import CachedTenants, InvalidToken, JWTSettings, Key, Rule, Tenant
from jwt_middleware.admission import ADMISSION, Gate, ObservedGate, admission_of
from jwt_middleware.asgi import JWTMiddleware as ASGIMiddleware
from jwt_middleware.authenticator import Authenticator
from jwt_middleware.errors import AuthenticationError, InsufficientPermissions, TemporarilyUnavailable
from jwt_middleware.exchange import Exchange
from jwt_middleware.observation import REASONS, Observation, code_of, reason_of

from .calling import (
    ASGIDoor,
    Carrier,
    Door,
    Reply,
    WSGIDoor,
    call_asgi,
    environ_of,
    open_socket,
    scope_of,
    socket_scope,
)
from .making import NOW, OTHER_SECRET, SECRET, Clock, fingerprint, settings, tenant, token

MakeDoor = Callable[..., Door]
PREFLIGHT = [("Origin", "https://app.example"), ("Access-Control-Request-Method", "POST")]
LISTEN = Rule("/live", scopes=["listen"])


class Recorder:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Observation] = []

    def observe(self, observation: Observation) -> None:
        self.told.append(observation)

    @property
    def only(self) -> Observation:
        """The one thing that it was told."""
        [observation] = self.told
        return observation


class FingerprintRecorder(Recorder):
    wants_fingerprint = True


class Failing:
    """An observer that does not work."""

    def observe(self, observation: Observation) -> None:
        raise LookupError(observation.path)


@pytest.fixture(params=[WSGIDoor, ASGIDoor])
def door(request: pytest.FixtureRequest) -> MakeDoor:
    """Makes a door of either kind."""
    make: MakeDoor = request.param
    return make


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def policy(**more: Any) -> dict[str, Any]:
    """Settings that have each kind of path."""
    rules = [Rule("/v1/admin", scopes=["admin"]), Rule("/v1/write", scopes=["write"])]
    return {"public": ["/healthz"], "optional": ["/maybe"], "rules": rules, **more}


# Each request once

REQUESTS: list[tuple[str, dict[str, Any], tuple[str, int | None, str | None, str | None]]] = [
    ("/v1/events", {"token": token()}, ("accepted", None, None, None)),
    ("/v1/write", {"token": token()}, ("accepted", None, None, None)),
    ("/maybe", {"token": token()}, ("accepted", None, None, None)),
    ("/healthz", {}, ("anonymous", None, None, None)),
    ("/healthz", {"token": "junk"}, ("anonymous", None, None, None)),
    ("/maybe", {}, ("anonymous", None, None, None)),
    ("/v1/events", {"method": "OPTIONS", "headers": PREFLIGHT}, ("anonymous", None, None, None)),
    ("/v1/events", {}, ("refused", 401, "invalid_token", "no_credentials")),
    ("/v1/events", {"method": "HEAD"}, ("refused", 401, "invalid_token", "no_credentials")),
    ("/v1/events", {"token": "a,b"}, ("refused", 401, "invalid_token", "malformed_credentials")),
    ("/v1/events", {"token": "junk"}, ("refused", 401, "invalid_token", "no_json_object")),
    ("/maybe", {"token": token(OTHER_SECRET)}, ("refused", 401, "invalid_signature", "bad_signature")),
    ("/v1/events", {"token": token(iss="globex")}, ("refused", 401, "invalid_signature", "unknown_issuer")),
    ("/v1/events", {"token": token(exp=NOW)}, ("refused", 401, "token_expired", "token_expired")),
    ("/v1/events", {"token": token(sub=None)}, ("refused", 401, "missing_required_claim", "missing_required_claim")),
    ("/v1/admin", {"token": token()}, ("refused", 403, "insufficient_permissions", "scope_not_in_token")),
    ("/v1/auth/verify", {"token": token()}, ("accepted", 200, None, None)),
    ("/v1/auth/verify", {"token": token(), "method": "HEAD"}, ("accepted", 200, None, None)),
    ("/v1/auth/verify", {}, ("refused", 401, "invalid_token", "no_credentials")),
    (
        "/v1/auth/verify",
        {"token": token(), "query": "scope=admin"},
        ("refused", 403, "insufficient_permissions", "scope_not_in_token"),
    ),
    ("/v1/auth/verify", {"token": token(), "method": "POST"}, ("refused", 405, None, "method_not_allowed")),
]


def names(path: str, request: dict[str, Any], expected: tuple[Any, ...]) -> str:
    return f"{request.get('method', 'GET')} {path} {expected[3] or expected[0]}"


@pytest.mark.parametrize(("path", "request_", "expected"), REQUESTS, ids=[names(*row) for row in REQUESTS])
def test_a_request_is_told_of_once(
    path: str, request_: dict[str, Any], expected: tuple[Any, ...], door: MakeDoor, recorder: Recorder
) -> None:
    reply = door(settings(observers=[recorder], **policy())).get(path, **request_)
    told = recorder.only
    assert (told.outcome, told.status, told.code, told.reason) == expected
    assert told.precise_reason == told.reason
    assert (told.method, told.path) == (request_.get("method", "GET"), path)
    assert told.status in (None, reply.status)


@pytest.mark.parametrize(("path", "request_", "expected"), REQUESTS, ids=[names(*row) for row in REQUESTS])
def test_observers_change_no_answer(
    path: str, request_: dict[str, Any], expected: object, door: MakeDoor, recorder: Recorder
) -> None:
    def answer(*observers: object) -> Reply:
        return door(settings(observers=observers, **policy())).get(path, **request_)

    assert answer(recorder) == answer(Failing(), recorder) == answer()


def test_every_observer_is_told(door: MakeDoor) -> None:
    observers = [Recorder(), Recorder()]
    door(settings(observers=observers)).get(token=token())
    assert observers[0].only is observers[1].only


def test_requests_are_told_of_in_turn(door: MakeDoor, recorder: Recorder) -> None:
    made = door(settings(observers=[recorder]))
    for text in (token(), None, token()):
        made.get(token=text)
    assert [told.outcome for told in recorder.told] == ["accepted", "refused", "accepted"]


# What a view makes of it


def demand(carrier: Carrier) -> None:
    admission_of(carrier).require(["admin"])


def swallow(carrier: Carrier) -> None:
    with pytest.raises(InsufficientPermissions):
        demand(carrier)


@pytest.mark.parametrize("view", [demand, swallow], ids=["raised", "swallowed"])
def test_a_refusal_by_a_view_is_told_of_as_one(view: Any, door: MakeDoor, recorder: Recorder) -> None:
    assert door(settings(observers=[recorder]), view).get(token=token()).status == 403
    told = recorder.only
    assert (told.outcome, told.status, told.reason) == ("refused", 403, "scope_not_in_token")
    assert (told.tenant_id, told.application_id) == ("acme", "shop")


def test_an_anonymous_request_that_a_view_refuses_is_told_of_as_refused(door: MakeDoor, recorder: Recorder) -> None:
    door(settings(observers=[recorder], **policy()), demand).get("/maybe")
    assert (recorder.only.outcome, recorder.only.reason) == ("refused", "no_credentials")


def crash(carrier: Carrier) -> None:
    raise LookupError("the view failed")


def leave(carrier: Carrier) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("view", "error"), [(crash, LookupError), (leave, KeyboardInterrupt)])
def test_a_request_whose_view_crashed_was_accepted(
    view: Any, error: type[BaseException], door: MakeDoor, recorder: Recorder
) -> None:
    with pytest.raises(error):
        door(settings(observers=[recorder]), view).get(token=token())
    assert recorder.only.outcome == "accepted"


def streaming(events: list[Any], view: Callable[[Carrier], object] = lambda environ: None) -> Any:
    """A WSGI app that is a generator: nothing of it runs before the server asks for the first chunk."""

    def app(environ: Carrier, start_response: Any) -> Iterator[bytes]:
        view(environ)
        start_response("200 OK", [])
        events.append("started")
        yield b"o"
        events.append("going on")
        yield b"k"

    return app


def test_a_streaming_response_is_told_of_when_it_begins(recorder: Recorder) -> None:
    events: list[Any] = recorder.told
    made = WSGIDoor(settings(observers=[recorder]), app=streaming(events))
    assert made.get(token=token()).body == b"ok"
    assert [getattr(event, "outcome", event) for event in events] == ["accepted", "started", "going on"]


def test_a_streaming_view_that_refuses_is_told_of_as_refused(recorder: Recorder) -> None:
    made = WSGIDoor(settings(observers=[recorder]), app=streaming([], demand))
    assert made.get(token=token()).status == 403
    assert recorder.only.outcome == "refused"


def test_a_streaming_view_that_crashed_was_accepted(recorder: Recorder) -> None:
    with pytest.raises(LookupError):
        WSGIDoor(settings(observers=[recorder]), app=streaming([], crash)).get(token=token())
    assert recorder.only.outcome == "accepted"


def test_a_body_that_is_closed_unread_was_accepted(recorder: Recorder) -> None:
    made = WSGIDoor(settings(observers=[recorder]), app=streaming([]))
    body: Any = made.layer(environ_of(token=token()), lambda *_: lambda _: None)
    body.close()
    assert recorder.only.outcome == "accepted"


def test_a_refusal_that_comes_too_late_is_not_told_of_again(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def app(environ: Carrier, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        swallow(environ)
        return [b"ok"]

    assert WSGIDoor(settings(observers=[recorder]), app=app).get(token=token()).status == 200
    assert recorder.only.outcome == "accepted"
    assert "after its response had started" in caplog.text


def test_an_app_that_replaces_its_response_is_told_of_once(recorder: Recorder) -> None:
    def app(environ: Carrier, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise LookupError
        except LookupError as error:
            start_response("500 Oops", [], (type(error), error, error.__traceback__))
        return [b"no"]

    assert WSGIDoor(settings(observers=[recorder]), app=app).get(token=token()).status == 500
    assert recorder.only.outcome == "accepted"


def test_an_asgi_app_is_told_of_when_it_begins_to_answer(recorder: Recorder) -> None:
    heard: list[int] = []

    async def app(scope: Carrier, receive: Any, send: Any) -> None:
        heard.append(len(recorder.told))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        heard.append(len(recorder.told))
        await send({"type": "http.response.body", "body": b"ok"})
        heard.append(len(recorder.told))

    ASGIDoor(settings(observers=[recorder]), app=app).get(token=token())
    assert heard == [0, 1, 1]


# WebSockets


async def accepting(scope: Carrier, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})


async def talking(scope: Carrier, receive: Any, send: Any) -> None:
    await accepting(scope, receive, send)
    await send({"type": "websocket.send", "text": "hello"})


async def denying(scope: Carrier, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4000})


async def silent(scope: Carrier, receive: Any, send: Any) -> None:
    await receive()


async def demanding(scope: Carrier, receive: Any, send: Any) -> None:
    await receive()
    demand(scope)


def open_with(app: Any, text: str | None, recorder: Recorder, **options: Any) -> None:
    layer = ASGIMiddleware(app, settings(observers=[recorder], **options))
    asyncio.run(open_socket(layer, socket_scope("/live", text)))


@pytest.mark.parametrize("app", [accepting, talking, denying, silent])
def test_a_handshake_that_reached_the_app_was_accepted(app: Any, recorder: Recorder) -> None:
    open_with(app, token(), recorder)
    told = recorder.only
    assert (told.outcome, told.status, told.method, told.tenant_id) == ("accepted", None, "GET", "acme")


def test_an_anonymous_handshake_is_told_of_as_one(recorder: Recorder) -> None:
    open_with(accepting, None, recorder, optional=["/live"])
    assert recorder.only.outcome == "anonymous"


@pytest.mark.parametrize(("app", "options"), [(accepting, {"rules": [LISTEN]}), (demanding, {})])
def test_a_refused_handshake_is_told_of_once(app: Any, options: Any, recorder: Recorder) -> None:
    open_with(app, token(), recorder, **options)
    assert (recorder.only.outcome, recorder.only.status) == ("refused", 403)


def test_an_open_socket_that_ends_with_its_token_is_told_of_as_closed(recorder: Recorder) -> None:
    async def scenario() -> None:
        clock = Clock()
        given = settings(observers=[recorder], clock=clock, recheck_interval=0.01)

        async def app(scope: Carrier, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass

        connection = ApplicationCommunicator(ASGIMiddleware(app, given), socket_scope("/live", token()))
        await connection.send_input({"type": "websocket.connect"})
        assert (await connection.receive_output())["type"] == "websocket.accept"
        await asyncio.sleep(0.05)
        assert recorder.only.outcome == "accepted"
        clock.now = NOW + 601
        assert (await connection.receive_output())["type"] == "websocket.close"
        await connection.wait()

    asyncio.run(scenario())
    _, told = recorder.told
    assert (told.outcome, told.status, told.code, told.reason) == ("closed", 401, "token_expired", "token_expired")
    assert (told.tenant_id, told.application_id, told.path) == ("acme", "shop", "/live")


# Who it was, how long it took and what was remembered


def test_tenant_and_application_are_told_once_verified(door: MakeDoor, recorder: Recorder) -> None:
    made = door(settings(observers=[recorder]))
    for text in (token(), token(exp=NOW), token(OTHER_SECRET), token(aud="elsewhere")):
        made.get(token=text)
    assert [(told.tenant_id, told.application_id) for told in recorder.told] == [
        ("acme", "shop"),
        ("acme", None),
        (None, None),
        ("acme", None),
    ]


@pytest.mark.parametrize("text", [token(), token(OTHER_SECRET), token(exp=NOW), "junk"])
def test_time_is_told_where_there_was_a_token(text: str, door: MakeDoor, recorder: Recorder) -> None:
    door(settings(observers=[recorder])).get(token=text)
    assert 0 < (recorder.only.seconds or 0) < 60


@pytest.mark.parametrize("path", ["/healthz", "/maybe", "/v1/events"])
def test_no_time_is_told_where_there_was_no_token(path: str, door: MakeDoor, recorder: Recorder) -> None:
    door(settings(observers=[recorder], **policy())).get(path)
    assert recorder.only.seconds is None


def test_time_counts_what_a_store_takes_and_not_what_the_view_does(door: MakeDoor, recorder: Recorder) -> None:
    pause = 0.05

    class Slow:
        async def resolve(self, issuer: str) -> Tenant:
            await asyncio.sleep(pause)
            return tenant()

    door(settings(Slow(), observers=[recorder], store_timeout=10)).get(token=token())
    took = recorder.only.seconds
    assert took is not None
    assert pause <= took
    recorder.told.clear()
    door(settings(observers=[recorder]), lambda carrier: time.sleep(pause)).get(token=token())
    assert (recorder.only.seconds or 0) < pause


class Directory:
    """A resolver that has to be asked."""

    def resolve(self, issuer: str) -> Tenant | None:
        return tenant() if issuer == "acme" else None


def test_a_tenant_in_memory_was_remembered(door: MakeDoor, recorder: Recorder) -> None:
    door(settings(observers=[recorder])).get(token=token())
    assert (recorder.only.tenant_was_remembered, recorder.only.signature_was_remembered) == (True, False)


def test_a_tenant_that_a_store_was_asked_for_was_not_remembered(door: MakeDoor, recorder: Recorder) -> None:
    made = door(settings(Directory(), observers=[recorder]))
    made.get(token=token())
    made.get(token=token())
    assert [told.tenant_was_remembered for told in recorder.told] == [False, False]


def test_a_cached_tenant_is_remembered_from_the_second_time(door: MakeDoor, recorder: Recorder) -> None:
    made = door(settings(CachedTenants(Directory()), observers=[recorder]))
    for text in (token(), token(), token(OTHER_SECRET), token(exp=NOW), token(iss="globex"), token(iss="globex")):
        made.get(token=text)
    assert [told.tenant_was_remembered for told in recorder.told] == [False, True, True, True, False, True]
    assert [told.signature_was_remembered for told in recorder.told] == [False, False, None, False, None, None]


def test_nothing_was_remembered_where_no_tenant_was_looked_up(door: MakeDoor, recorder: Recorder) -> None:
    made = door(settings(observers=[recorder]))
    for text in (None, "junk", token(header={"alg": "none"})):
        made.get(token=text)
    assert {(told.tenant_was_remembered, told.signature_was_remembered) for told in recorder.told} == {(None, None)}


def test_a_store_that_fails_was_asked(door: MakeDoor, recorder: Recorder) -> None:
    def fail(issuer: str) -> None:
        raise LookupError

    door(settings(fail, observers=[recorder])).get(token=token())
    told = recorder.only
    assert (told.status, told.code, told.reason) == (503, "temporarily_unavailable", "tenant_store_failed")
    assert str(told.precise_reason).startswith("tenant_store_failed_with_LookupError_at_test_observers.py:")
    assert told.tenant_was_remembered is False


def test_a_key_that_is_being_retired_is_told_with_the_time_that_is_left(door: MakeDoor, recorder: Recorder) -> None:
    ending = Key.secret(SECRET, kid="k1", not_after=NOW + 90)
    made = door(settings([tenant(keys=[ending, Key.secret(OTHER_SECRET, kid="k2")])], observers=[recorder]))
    for text in (token(header={"kid": "k1"}), token(OTHER_SECRET, header={"kid": "k2"}), token(OTHER_SECRET)):
        made.get(token=text)
    keys = [(told.retiring_key_id, told.retiring_key_ends_in) for told in recorder.told]
    assert keys == [("k1", 90), (None, None), (None, None)]


def test_a_key_id_in_a_token_that_nobody_signed_is_not_told(door: MakeDoor, recorder: Recorder) -> None:
    ending = Key.secret(SECRET, kid="k1", not_after=NOW + 90)
    made = door(settings([tenant(keys=[ending])], observers=[recorder]))
    made.get(token=token(OTHER_SECRET, header={"kid": "k1"}))
    made.get(token=token(header={"kid": "invented"}))
    assert [told.retiring_key_id for told in recorder.told] == [None, None]


def test_requests_at_the_same_time_are_told_apart() -> None:
    """Each waits for its own tenant; what was noted about one must not be told of the other."""
    recorder = Recorder()

    class Slow(Directory):
        async def resolve_async(self, issuer: str) -> Tenant | None:
            await asyncio.sleep(0.02)
            return self.resolve(issuer)

    made = ASGIDoor(settings(CachedTenants(Slow()), observers=[recorder]))

    async def scenario() -> None:
        await call_asgi(made.layer, scope_of("/warm", token()))
        texts = {"/waits": token(iss="globex"), "/recalls": token(), "/none": None}
        await asyncio.gather(*(call_asgi(made.layer, scope_of(path, text)) for path, text in texts.items()))

    asyncio.run(scenario())
    told = {observation.path: observation.tenant_was_remembered for observation in recorder.told}
    assert told == {"/warm": False, "/recalls": True, "/none": None, "/waits": False}


# What is never told


def test_no_token_and_no_claim_is_told(door: MakeDoor) -> None:
    recorder = FingerprintRecorder()
    claims: dict[str, Any] = {"sub": "subject-who-must-not-be-told", "private": "claim-that-must-not-be-told"}
    made = door(settings(observers=[recorder]))
    texts = [token(**claims), token(OTHER_SECRET, **claims), token(exp=NOW, **claims)]
    for text in texts:
        made.get(token=text)
    for observation in recorder.told:
        assert not gc.is_tracked(observation)
        for spelt in (repr(observation), repr(msgspec.structs.asdict(observation)), str(pickle.dumps(observation))):
            assert "must-not-be-told" not in spelt
            assert SECRET.decode() not in spelt
            assert not [part for text in texts for part in text.split(".") if part in spelt]


def test_an_observation_holds_nothing_but_plain_values(door: MakeDoor) -> None:
    recorder = FingerprintRecorder()
    door(settings(observers=[recorder])).get(token=token())
    values = msgspec.structs.asdict(recorder.only).values()
    assert {type(value) for value in values} <= {str, int, float, bool, type(None)}


def test_an_observation_is_immutable(door: MakeDoor, recorder: Recorder) -> None:
    door(settings(observers=[recorder])).get(token=token())
    with pytest.raises(AttributeError):
        recorder.only.outcome = "refused"  # type: ignore[misc]


def test_the_fingerprint_is_told_where_an_observer_wants_it(door: MakeDoor, caplog: pytest.LogCaptureFixture) -> None:
    recorder = FingerprintRecorder()
    made = door(settings(observers=[Recorder(), recorder], **policy()))
    for path, text in (("/a", token()), ("/a", token(OTHER_SECRET)), ("/maybe", None)):
        made.get(path, text)
    assert [told.fingerprint for told in recorder.told] == [
        fingerprint(token()),
        fingerprint(token(OTHER_SECRET)),
        None,
    ]
    assert [vars(record)["fingerprint"] for record in caplog.records] == [fingerprint(token(OTHER_SECRET))]


def test_no_fingerprint_is_made_where_nobody_wants_it(door: MakeDoor, recorder: Recorder) -> None:
    made = door(settings(observers=[recorder]))
    for text in (token(), token(OTHER_SECRET)):
        made.get(token=text)
    assert [told.fingerprint for told in recorder.told] == [None, None]


# Reasons and codes from closed sets


class Banned(InvalidToken):
    code = "banned"
    reason = "banned since Monday"


class Foreign(AuthenticationError):
    status = 401
    code = "foreign"


@pytest.mark.parametrize(
    ("refusal", "reason", "code"),
    [
        (InvalidToken("banned since Monday"), "refused_by_validator", "invalid_token"),
        (InvalidToken(), "refused_by_validator", "invalid_token"),
        (InvalidToken("validator_failed_with_ValueError"), "validator_failed", "invalid_token"),
        (InvalidToken("validator_answered_with_bool"), "validator_answered", "invalid_token"),
        (InvalidToken("nobody_documented_with_this"), "refused_by_validator", "invalid_token"),
        (Banned(), "refused_by_validator", "invalid_token"),
        (Banned("on Monday"), "refused_by_validator", "invalid_token"),
        (Foreign("whatever"), "refused", "invalid_token"),
        (TemporarilyUnavailable("db-7 is down"), "store_unavailable", "temporarily_unavailable"),
        (
            TemporarilyUnavailable("tenant_store_failed_with_OSError_at_store.py:7"),
            "tenant_store_failed",
            "temporarily_unavailable",
        ),
        (
            TemporarilyUnavailable("resolver_answered_with_another_issuer"),
            "resolver_answered_with_another_issuer",
            "temporarily_unavailable",
        ),
        (InsufficientPermissions(["a"]), "scope_not_in_token", "insufficient_permissions"),
    ],
)
def test_a_reason_is_told_as_the_documented_one(refusal: AuthenticationError, reason: str, code: str) -> None:
    assert (reason_of(refusal), code_of(refusal)) == (reason, code)
    assert reason_of(refusal) in REASONS


def test_the_words_of_a_validator_are_told_as_the_precise_reason_alone(door: MakeDoor, recorder: Recorder) -> None:
    def refuse(identity: object) -> None:
        raise InvalidToken("banned since Monday")

    door(settings(observers=[recorder], validators=[refuse])).get(token=token())
    told = recorder.only
    assert (told.reason, told.precise_reason) == ("refused_by_validator", "banned since Monday")


# An observer that fails


def test_an_observer_that_raises_is_logged_once_and_harms_nobody(
    door: MakeDoor, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    made = door(settings(observers=[Failing(), recorder]))
    for _ in range(3):
        assert made.get("/line%0Abreak", token()).status == 200
    assert [told.outcome for told in recorder.told] == ["accepted"] * 3
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("observer Failing.observe failed with LookupError at test_observers.py:")
    assert "break" not in record.getMessage()
    assert record.exc_info is None


def test_each_observer_that_raises_is_logged(door: MakeDoor, caplog: pytest.LogCaptureFixture) -> None:
    made = door(settings(observers=[Failing(), Failing()]))
    made.get(token=token())
    made.get(token=token())
    assert len(caplog.records) == 2


# Free when off


def test_without_observers_nothing_observes(door: MakeDoor) -> None:
    made = door(settings())
    made.get(token=token())
    [carrier] = made.seen
    gate, admission = made.layer.gate, carrier[ADMISSION]
    assert type(gate) is Gate
    assert type(gate.authenticator) is Authenticator
    assert not hasattr(admission, "started_at")
    assert getattr(made.layer, "_exchange", Exchange) is Exchange


def test_with_observers_the_gate_is_another_one(door: MakeDoor, recorder: Recorder) -> None:
    assert type(door(settings(observers=[recorder])).layer.gate) is ObservedGate


def test_a_plain_gate_has_nobody_to_tell() -> None:
    gate = Gate(JWTSettings([tenant()]), "a test")
    gate.passed(gate.begin("GET", "/a", False))
