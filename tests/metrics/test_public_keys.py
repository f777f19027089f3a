"""Public keys: whether a signature was verified or remembered is told and counted."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from jwt_middleware import JWTSettings
from jwt_middleware.metrics import Metrics

from ..keys.making import Signer
from ..unit.calling import ASGIDoor, Door, WSGIDoor
from ..unit.making import NOW, Clock, settings, tenant, token
from ..unit.test_observers import MakeDoor, Recorder
from .scraping import scraped, value

SIGNER = Signer("ES256", "k1")
COUNT = "jwt_middleware_verification_seconds_count"


@pytest.fixture(params=[WSGIDoor, ASGIDoor])
def door(request: pytest.FixtureRequest) -> MakeDoor:
    """Makes a door of either kind."""
    make: MakeDoor = request.param
    return make


def told_of(made: Door, recorder: Recorder, text: str) -> tuple[bool | None, float | None]:
    """Whether the signature was remembered, and how long its key is still good."""
    recorder.told.clear()
    made.get(token=text)
    return recorder.only.signature_was_remembered, recorder.only.retiring_key_ends_in


def both_kinds(*observers: object, ends_at: float | None = NOW + 300, **options: object) -> JWTSettings:
    """A tenant with a secret, and one with a public key whose end is set."""
    globex = tenant("globex", keys=[SIGNER.key(not_after=ends_at)])
    return settings([tenant(), globex], observers=observers, **options)


def globex_token(**claims: Any) -> str:
    return SIGNER.token(iss="globex", **claims)


def test_a_token_that_was_here_before_is_remembered_and_secrets_never_are(door: MakeDoor) -> None:
    recorder, registry = Recorder(), CollectorRegistry()
    made = door(both_kinds(recorder, Metrics(registry)))
    assert told_of(made, recorder, token()) == (False, None)
    assert told_of(made, recorder, globex_token()) == (False, 300)
    assert told_of(made, recorder, globex_token(sub="another")) == (False, 300)
    text = globex_token(sub="a third")
    assert [told_of(made, recorder, text) for _ in range(3)] == [(False, 300), (True, 300), (True, 300)]
    assert told_of(made, recorder, token()) == (False, None)
    counts = [value(scraped(registry), COUNT, signature=label) for label in ("verified", "remembered")]
    assert counts == [5, 2]
    assert value(scraped(registry), "jwt_middleware_retiring_key_uses_total", key_ends="within_a_day") == 5


def test_a_remembered_token_that_has_expired_is_verified_again_and_refused(door: MakeDoor) -> None:
    recorder, clock = Recorder(), Clock()
    made = door(both_kinds(recorder, clock=clock))
    text = globex_token(exp=NOW + 60)
    assert [told_of(made, recorder, text)[0] for _ in range(2)] == [False, True]
    clock.now = NOW + 61
    assert told_of(made, recorder, text) == (False, None)
    assert recorder.only.reason == "token_expired"


def test_nothing_is_remembered_where_that_is_switched_off(door: MakeDoor) -> None:
    recorder = Recorder()
    made = door(both_kinds(recorder, max_verified_tokens=0))
    text = globex_token()
    assert [told_of(made, recorder, text)[0] for _ in range(2)] == [False, False]


def test_a_key_without_an_end_is_not_being_retired(door: MakeDoor) -> None:
    recorder = Recorder()
    made = door(both_kinds(recorder, ends_at=None))
    text = globex_token()
    assert [told_of(made, recorder, text) for _ in range(2)] == [(False, None), (True, None)]
