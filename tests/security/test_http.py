"""The Authorization field and what else may carry a token: http-*."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .catalogue import ACCEPTED, INVALID_TOKEN, Attempt, Builder, Cases, Steps, attempt, put_through
from .doors import Request
from .world import World

cases = Cases()
NO_CREDENTIALS = 'Bearer realm="api"'


def field(value: bytes | str, **request: Any) -> Attempt:
    """An attempt with this as the value of the one Authorization field."""
    octets = value.encode() if isinstance(value, str) else value
    return Attempt(Request(authorization=(octets,), **request))


@cases("http-01")
def no_credentials(world: World) -> Steps:
    answers = yield Attempt(Request())
    assert answers.wsgi.header("www-authenticate") == NO_CREDENTIALS
    for value in (b"", b" ", b"\t", b"Basic dTpw", b"Digest x", b"DPoP " + world.good().encode(), b"Bearerx y"):
        other = yield field(value)
        assert other.text == answers.text


@cases("http-05")
def several_blanks(world: World) -> Steps:
    for blanks in ("  ", "     ", " " * 50):
        yield field(f"Bearer{blanks}{world.good()}")
    for scheme in ("bearer", "BEARER", "bEaReR"):
        yield field(f"{scheme} {world.good()}")


@cases("http-09")
def blanks_around(world: World) -> Steps:
    for before, after in ((" ", ""), ("\t ", ""), ("", " "), ("", "\t"), ("  ", " \t ")):
        yield field(f"{before}Bearer {world.good()}{after}")


@cases("http-11")
def second_credential(world: World) -> Steps:
    good = world.good()
    for value in (f"Bearer {good}, Basic dTpw", f"Bearer {good},Basic dTpw", f"Bearer {good},", f"Bearer {good} x"):
        yield field(value)
    yield field(f"Basic dTpw, Bearer {good}")
    yield field(f"Bearer {good} Bearer {good}")
    yield field(f"Bearer ,{good}")


@cases("http-12")
def quoted(world: World) -> Steps:
    good = world.good()
    for value in (
        f'Bearer "{good}"',
        f"Bearer '{good}'",
        f"Bearer <{good}>",
        f"Bearer token={good}",
        f'Bearer t="{good}"',
    ):
        yield field(value)


@cases("http-14")
def no_scheme(world: World) -> Steps:
    good = world.good()
    for value in (good, f"Bearer{good}", f"Bearer:{good}", f"Bearer: {good}", f"Bearer\t{good}", f"Bearer\u00a0{good}"):
        yield field(value)
    for value in ("Bearer", "Bearer ", "Bearer    "):
        yield field(value)
    for blank in ("\u00a0", "\u2003", "\t", "\u3000"):
        yield field(f"Bearer {blank}{good}")
        yield field(f"Bearer {blank} {good}")


@cases("http-17")
def two_fields(world: World) -> Steps:
    good, bad = world.good().encode(), world.good(world.party("B")).encode()
    for one, other in ((good, bad), (bad, good)):
        yield Attempt(Request(authorization=(b"Bearer " + one, b"Bearer " + other)))
        yield field(b"Bearer " + one + b", Bearer " + other)
        yield field(b"Bearer " + one + b";Bearer " + other)
    yield Attempt(Request(authorization=(b"Bearer " + good, b"Basic dTpw")))
    yield Attempt(Request(authorization=(b"Basic dTpw", b"Bearer " + good)))
    yield Attempt(Request(authorization=(b"Bearer " + good, b"")))
    yield Attempt(Request(authorization=(b"", b"Bearer " + good)))


@cases("http-19")
def same_token_twice(world: World) -> Steps:
    value = b"Bearer " + world.good().encode()
    yield Attempt(Request(authorization=(value, value)))
    yield Attempt(Request(authorization=(value, value, value)))


@cases("http-21")
def capital_header_name(world: World) -> Steps:
    """Only ASGI knows the spelling, whose servers should send lower case; one that does not hides no second field."""
    good, bad = b"Bearer " + world.good().encode(), b"Bearer x.y.z"
    capital = world.loop.run(world.standing.ask_asgi(Request(scope={"headers": [(b"Authorization", good)]})))
    assert capital.status == 200
    for first, second in ((good, bad), (bad, good), (good, good)):
        headers = [(b"authorization", first), (b"AUTHORIZATION", second)]
        both = world.loop.run(world.standing.ask_asgi(Request(scope={"headers": headers})))
        assert both.status == 401
        assert both.document["error"] == "invalid_token"
    yield attempt(world.good())


@cases("http-22")
def folded(world: World) -> Steps:
    good = world.good().encode()
    for fold in (b"\r\n ", b"\r\n\t", b"\n ", b"\r"):
        yield field(b"Bearer" + fold + good)
        yield field(b"Bearer " + good + fold)
        yield field(b"Bearer " + good[:50] + fold + good[50:])
        yield field(fold + b"Bearer " + good)
    yield field(b"Bearer " + good + b"\r\nX-Forged: yes")


@cases("http-23")
def nul(world: World) -> Steps:
    good = world.good().encode()
    for value in (b"Bearer " + good + b"\0", b"Bearer \0" + good, b"Bearer\0 " + good, b"\0Bearer " + good, b"\0"):
        yield field(value)


@cases("http-24")
def octets_above_ascii(world: World) -> Steps:
    good = world.good().encode()
    for octets in (b"\xff\xfe", b"\x80", "\u00e9\u20ac".encode(), b"\xed\xa0\x80", bytes(range(128, 256))):
        yield field(b"Bearer " + octets)
        yield field(b"Bearer " + good + octets)
        yield field(octets + b"Bearer " + good)
        yield field(octets)
    for value in (b"B\xe9arer " + good, "\uff22earer ".encode() + good, "Bea\u0280er ".encode() + good):
        yield field(value)


@cases("http-26")
def other_places(world: World) -> Steps:
    good = world.good()
    form = f"access_token={good}"
    lines = 0
    for request in (
        Request(query=form),
        Request(query=f"token={good}&jwt={good}&authorization=Bearer%20{good}"),
        Request(method="POST", body=form.encode(), headers=(("X-Type", b"application/x-www-form-urlencoded"),)),
        Request(headers=(("Cookie", f"token={good}; access_token={good}; Authorization=Bearer {good}".encode()),)),
        Request(headers=(("X-Authorization", f"Bearer {good}".encode()),)),
        Request(headers=(("Proxy-Authorization", f"Bearer {good}".encode()),)),
        Request(headers=(("X-Access-Token", good.encode()), ("X-Api-Key", good.encode()))),
    ):
        world.standing.ask(request)
        lines += len(world.log.kept)
        assert not [record for record in world.log.kept if good in record.getMessage() or good in str(vars(record))]
        answers = yield Attempt(request)
        assert answers.wsgi.header("www-authenticate") == NO_CREDENTIALS
    assert lines


@cases("http-30")
def redirected(world: World) -> Steps:
    value = f"Bearer {world.good()}"
    for name in ("REDIRECT_HTTP_AUTHORIZATION", "X-HTTP_AUTHORIZATION", "AUTHORIZATION", "REMOTE_USER"):
        yield Attempt(Request(environ={name: value}))
    yield Attempt(Request(headers=(("Redirect-Http-Authorization", value.encode()),)))


@cases("http-32")
def million_dots(world: World) -> Steps:
    for filling in (b".", b"a", b"a.", b"\xff", b",", b" "):
        request = Request(authorization=(b"Bearer " + filling * (1_000_000 // len(filling)),))
        yield Attempt(request)
        assert fastest(world, request) < 0.05


def fastest(world: World, request: Request) -> float:
    """Seconds that the quicker door needs at best, of five tries."""

    def once() -> float:
        started = time.perf_counter()
        world.standing.ask_wsgi(request)
        return time.perf_counter() - started

    return min(once() for _ in range(5))


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)


def test_length_limit_counts_the_whole_token(world: World) -> None:
    """A good token of exactly the limit passes, one more byte does not."""
    token = world.good()
    for limit, outcome in ((len(token), ACCEPTED), (len(token) - 1, INVALID_TOKEN)):
        doors = world.doors(world.a, max_token_bytes=limit)

        def limited(world: World, doors: Any = doors, outcome: Any = outcome) -> Steps:
            yield attempt(token, outcome, through=doors, persists=False)

        put_through("http-32", limited, world)
