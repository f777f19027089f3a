"""Keys that are being retired: nobody is locked out before their end, nobody gets in after it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias

import pytest

from jwt_middleware import Authenticator, JWTSettings, Key, StaticTenants, Tenant
from jwt_middleware import rotation as module
from jwt_middleware.jws import TokenReader
from jwt_middleware.rotation import REPORT_INTERVAL, RetiringKey, RetiringKeys

from ..security.doors import Doors, Request, bearer
from ..unit.making import ABSENT, NOW, OTHER_SECRET, SECRET, Clock, as_json, claims, sealed, settings
from .conftest import Ask
from .making import Signer

Verdict: TypeAlias = Callable[[Authenticator, str], str]

ACCEPTED = "user_123"
REFUSED = "401 invalid_signature"


class SecretSigner:
    """A tenant that signs with a shared secret: the same methods as a Signer has."""

    def __init__(self, kid: str, secret: bytes) -> None:
        self.kid = kid
        self.secret = secret

    def key(self, **options: Any) -> Key:
        return Key.secret(self.secret, **{"kid": self.kid, **options})

    def token(self, header: dict[str, object] | None = None, **changes: object) -> str:
        members = {"alg": "HS256", "typ": "JWT", "kid": self.kid, **(header or {})}
        present = {name: value for name, value in members.items() if value is not ABSENT}
        return sealed(as_json(present), as_json(claims(**changes)), self.secret)


PAIRS: dict[str, tuple[Any, Any]] = {
    "secrets": (SecretSigner("old", SECRET), SecretSigner("new", OTHER_SECRET)),
    "RSA": (Signer("RS256", "old"), Signer("RS256", "new", number=1)),
    "EC": (Signer("ES256", "old"), Signer("ES256", "new", number=1)),
    "from RSA to EdDSA": (Signer("RS256", "old"), Signer("EdDSA", "new")),
}
OLD, NEW = PAIRS["EC"]
each_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)


def rotating(pair: tuple[Any, Any], end: float) -> Tenant:
    old, new = pair
    return Tenant("acme", keys=[new.key(), old.key(not_after=end)], applications=["shop"])


@each_pair
@pytest.mark.parametrize("named", [True, False], ids=["with kid", "without kid"])
def test_an_old_key_stops_at_its_time_without_anyone_reloading_anything(
    verdict: Verdict, clock: Clock, pair: tuple[Any, Any], named: bool
) -> None:
    authenticator = Authenticator(settings([rotating(pair, NOW + 100)], clock=clock))
    old, new = (signer.token({} if named else {"kid": ABSENT}) for signer in pair)
    for now, of_the_old in (
        (NOW, ACCEPTED),
        (NOW + 99.999, ACCEPTED),
        (NOW + 100, REFUSED),
        (NOW + 500, REFUSED),
    ):
        clock.now = now
        assert verdict(authenticator, old) == of_the_old
        assert verdict(authenticator, new) == ACCEPTED


@each_pair
def test_a_token_that_was_not_seen_before_is_refused_after_the_end_too(
    verdict: Verdict, clock: Clock, pair: tuple[Any, Any]
) -> None:
    authenticator = Authenticator(settings([rotating(pair, NOW)], clock=clock))
    assert verdict(authenticator, pair[0].token()) == REFUSED
    assert verdict(authenticator, pair[0].token({"kid": ABSENT})) == REFUSED
    assert verdict(authenticator, pair[0].token({"kid": "new"})) == REFUSED


def test_the_identity_tells_until_when_its_key_is_good(ask: Ask) -> None:
    authenticator = Authenticator(settings([rotating((OLD, NEW), NOW + 100)]))
    for _ in range(2):
        assert ask(authenticator, OLD.token()).key_expires_at == NOW + 100
        assert ask(authenticator, NEW.token()).key_expires_at is None


# The verify endpoint, and the refusal, at both doors.


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@each_pair
def test_the_verify_endpoint_tells_a_tenant_that_its_key_is_being_retired(
    loop: asyncio.Runner, clock: Clock, pair: tuple[Any, Any]
) -> None:
    doors = Doors(settings([rotating(pair, NOW + 100)], clock=clock), loop)
    for _ in range(2):
        for signer, end in ((pair[0], NOW + 100), (pair[1], None)):
            answers = doors.ask(bearer(signer.token(), path="/v1/auth/verify"))
            assert answers.wsgi.status == answers.asgi.status == 200
            assert answers.wsgi.body == answers.asgi.body
            assert answers.wsgi.document.get("key_expires_at") == end
            assert ("key_expires_at" in answers.wsgi.document) == (end is not None)
    clock.now += 100
    answers = doors.ask(bearer(pair[0].token(), path="/v1/auth/verify"))
    assert answers.wsgi.status == answers.asgi.status == 401
    assert answers.wsgi.document["error"] == "invalid_signature"
    assert "key_expires_at" not in answers.wsgi.document


def test_a_retired_key_and_one_that_never_was_are_refused_alike(loop: asyncio.Runner) -> None:
    doors = Doors(settings([rotating((OLD, NEW), NOW)]), loop)
    texts = [OLD.token(), OLD.token({"kid": "never"}), Signer("ES256", "new", number=2).token(), OLD.token(iss="none")]
    answers = [doors.ask(bearer(text)) for text in texts]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


# Who still uses it.


def test_who_still_uses_a_key_that_is_being_retired_is_known(ask: Ask, clock: Clock) -> None:
    one = rotating((OLD, NEW), NOW + 200)
    other = SecretSigner("hs", SECRET)
    two = Tenant("two", keys=[other.key(kid=None, not_after=NOW + 100)], applications=["shop"])
    authenticator = Authenticator(settings([one, two], clock=clock))
    assert authenticator.retiring_keys() == ()
    ask(authenticator, NEW.token())
    assert authenticator.retiring_keys() == ()
    ask(authenticator, OLD.token())
    clock.now += 10
    ask(authenticator, other.token(iss="two"))
    first, second = RetiringKey("two", None, NOW + 100, NOW + 10), RetiringKey("acme", "old", NOW + 200, NOW)
    assert authenticator.retiring_keys() == (first, second)
    clock.now += 10
    ask(authenticator, OLD.token())
    assert authenticator.retiring_keys() == (first, second._replace(last_used=NOW + 20))


def test_a_key_without_an_end_is_not_watched() -> None:
    reader, watched = TokenReader(["ES256"], ["JWT"], 8192, 0), RetiringKeys()
    for tenant, expected in (
        (NEW.tenant(), 0),
        (Tenant("acme", keys=[NEW.key(not_after=NOW + 1)], applications=[]), 1),
    ):
        watched.note(reader.verify(reader.read(NEW.token()), tenant, NOW), NOW)
        assert len(watched.used()) == expected


def test_who_is_refused_has_used_nothing(verdict: Verdict, clock: Clock) -> None:
    """A forger must not be able to keep an old key in use."""
    authenticator = Authenticator(settings([rotating((OLD, NEW), NOW + 100)], clock=clock))
    forged = [
        Signer("ES256", "old", number=5).token(),
        OLD.token(exp=NOW),
        OLD.token(aud="other"),
        OLD.token()[:-4] + "AAAA",
    ]
    for text in forged:
        assert verdict(authenticator, text).startswith("401 ")
    assert authenticator.retiring_keys() == ()
    clock.now += 100
    assert verdict(authenticator, OLD.token()) == REFUSED
    assert authenticator.retiring_keys() == ()


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "still signs with" in record.getMessage()]


def test_the_log_tells_once_an_hour_who_still_uses_it(ask: Ask, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "jwt_middleware")
    end = NOW + 10 * REPORT_INTERVAL
    authenticator = Authenticator(settings([rotating((OLD, NEW), end)], clock=clock))
    for expected in (1, 1, 2):
        for _ in range(3):
            ask(authenticator, OLD.token(exp=NOW + 50_000))
            ask(authenticator, NEW.token(exp=NOW + 50_000))
        assert len(told(caplog)) == expected
        clock.now += REPORT_INTERVAL / 2
    record = told(caplog)[0]
    assert record.levelno == logging.INFO
    assert record.name == "jwt_middleware"
    assert record.getMessage() == "tenant acme still signs with the key old, which ends at 2027-01-15T18:00:00+00:00"
    assert (record.__dict__["tenant"], record.__dict__["kid"], record.__dict__["not_after"]) == ("acme", "old", end)


def test_names_in_that_line_cannot_break_it(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "jwt_middleware")
    signer = SecretSigner("k\u2028\u202e", SECRET)
    tenant = Tenant("a\u2028b", keys=[signer.key(not_after=NOW + 1)], applications=["shop"])
    ask(Authenticator(settings([tenant])), signer.token(iss="a\u2028b"))
    assert told(caplog)[0].getMessage().isprintable()


def test_keys_that_are_watched_are_limited_in_number(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    monkeypatch.setattr(module, "MAX_WATCHED_KEYS", 2)
    caplog.set_level(logging.INFO, "jwt_middleware")
    signers = [Signer("ES256", f"k{number}", number=number) for number in range(4)]
    tenant = Tenant("acme", keys=[signer.key(not_after=NOW + 100) for signer in signers], applications=["shop"])
    authenticator = Authenticator(settings([tenant], clock=clock))
    for signer in signers:
        ask(authenticator, signer.token())
    clock.now += 5
    ask(authenticator, signers[0].token())
    ask(authenticator, signers[3].token())
    assert [(key.key_id, key.last_used) for key in authenticator.retiring_keys()] == [("k0", NOW + 5), ("k1", NOW)]
    assert len(told(caplog)) == 2


def test_uses_from_many_threads_are_counted_as_one_key(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "jwt_middleware")
    authenticator = Authenticator(settings([rotating((OLD, NEW), NOW + 100)], clock=clock))
    texts = [OLD.token(jti=f"{number}") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        assert len([*pool.map(authenticator.authenticate, texts * 5)]) == 100
    assert len(authenticator.retiring_keys()) == 1
    assert len(told(caplog)) == 1


# Under load.

PERIOD = 0.05
GRACE = 0.5
"""Seconds that an old key is good for after the next one came: far more than a thread may be kept waiting here."""
REQUESTS = 20_000
ROTATIONS = 40
"""At least."""


class Era(NamedTuple):
    """The time of one key: a token that it signed, and its end once that is known."""

    token: str
    end: float


class Rotation:
    """A tenant whose writer makes a new key every 50 ms, and gives the one before an end."""

    in_memory = True

    def __init__(self, signers: list[Any]) -> None:
        self._signers = signers
        self._previous: Any = None
        self._token = ""
        self._retiring: list[Key] = []
        self._ending: list[Era] = []
        self._ended: list[Era] = []
        self._stop = threading.Event()
        self.rotations = 0
        self.slowest = 0.0
        """Seconds between deciding when a key ends and handing out its successor's token, at most."""
        self._install(signers[0])

    def resolve(self, issuer: str) -> Tenant | None:
        return self._tenants.resolve(issuer)

    def current(self) -> str:
        """The token of a client that has heard of the newest key."""
        return self._token

    def ended(self) -> Era | None:
        """A token whose key has ended, and when."""
        return self._ended[-1] if self._ended else None

    def run(self) -> None:
        for signer in itertools.cycle(self._signers[1:] + self._signers[:1]):
            if self._stop.wait(PERIOD):
                return
            self._install(signer)

    def stop(self) -> None:
        self._stop.set()

    def _install(self, signer: Any) -> None:
        now = time.time()
        kid = f"k{self.rotations}"
        if self.rotations > 0:
            self._retiring.append(self._previous.key(kid=f"k{self.rotations - 1}", not_after=now + GRACE))
            self._ending.append(Era(self._token, now + GRACE))
        self._ended += [era for era in self._ending if era.end <= now]
        self._ending = [era for era in self._ending if era.end > now]
        self._retiring = [key for key in self._retiring if key.is_usable(now - 2 * GRACE)]
        keys = [signer.key(kid=kid), *self._retiring]
        token = signer.token({"kid": kid}, iat=now - 1, exp=now + 3600)
        # Tenants first: a client hears of a key when the server knows it.
        self._tenants = StaticTenants([Tenant("acme", keys=keys, applications=["shop"])])
        self._token, self._previous = token, signer
        self.rotations += 1
        self.slowest = max(self.slowest, time.time() - now)


class Tally:
    """What the readers saw."""

    def __init__(self) -> None:
        self.accepted = 0
        self.late = 0
        self.wrong: list[str] = []
        self.refused: list[float] = []
        """Seconds that requests with the current token took which were refused."""
        self._lock = threading.Lock()

    def add(self, status: int, started: float, finished: float, is_over: bool) -> None:
        with self._lock:
            if is_over:
                self.late += 1
                if status == 200:
                    self.wrong.append("accepted after the end")
            elif status == 200:
                self.accepted += 1
            else:
                self.refused.append(finished - started)

    def refused_within(self, late: float) -> list[float]:
        """Seconds that some took which were refused within the grace, less what a client may have been late."""
        return [seconds for seconds in self.refused if seconds < GRACE - late]


@pytest.mark.parametrize("kind", ["secrets", "EC"])
def test_under_load_nobody_is_refused_within_the_grace_and_nobody_is_accepted_after_it(kind: str) -> None:
    """Half of the requests come through the WSGI door, in threads, and half through the ASGI door."""
    signers: dict[str, list[Any]] = {
        "secrets": [SecretSigner("k", bytes([number]) * 32) for number in range(50, 100)],
        "EC": [Signer("ES256", "k", number=number) for number in range(50)],
    }
    rotation, tally = Rotation(signers[kind]), Tally()
    with asyncio.Runner() as loop, ThreadPoolExecutor(5) as pool:
        doors = Doors(JWTSettings(rotation, max_logged_refusals=0), loop)
        writer = pool.submit(rotation.run)
        readers = [pool.submit(read_in_thread, doors, rotation, tally, REQUESTS // 4) for _ in range(2)]
        try:
            loop.run(read_on_loop(doors, rotation, tally, REQUESTS // 2))
            for reader in readers:
                reader.result()
        finally:
            rotation.stop()
        writer.result()
    assert tally.wrong == []
    # A client may have taken a token whose end was decided a moment ago.
    assert tally.refused_within(rotation.slowest) == []
    assert tally.accepted + tally.late + len(tally.refused) >= REQUESTS
    assert tally.accepted > tally.late
    assert tally.late > 100


def attempt(rotation: Rotation, number: int) -> tuple[Request, bool]:
    """Mostly the key that is current; now and then one whose end has passed."""
    ended = rotation.ended() if number % 20 == 0 else None
    return bearer(ended.token if ended else rotation.current(), lint=False), ended is not None


def read_in_thread(doors: Doors, rotation: Rotation, tally: Tally, count: int) -> None:
    for number in itertools.count():
        if number >= count and rotation.rotations >= ROTATIONS:
            return
        started = time.time()
        request, is_over = attempt(rotation, number)
        status = doors.ask_wsgi(request).status
        tally.add(status, started, time.time(), is_over)


async def read_on_loop(doors: Doors, rotation: Rotation, tally: Tally, count: int) -> None:
    for number in itertools.count():
        if number >= count and rotation.rotations >= ROTATIONS:
            return
        started = time.time()
        request, is_over = attempt(rotation, number)
        status = (await doors.ask_asgi(request)).status
        tally.add(status, started, time.time(), is_over)
        if number % 100 == 0:
            await asyncio.sleep(0)


def test_the_tally_notices() -> None:
    """The test above can fail."""
    tally = Tally()
    tally.add(401, 0, 0.1, False)
    tally.add(200, 0, 0.5, True)
    tally.add(401, 0, 0.5, True)
    tally.add(401, 0, GRACE + 1, False)
    tally.add(200, 0, 0.5, False)
    assert tally.wrong == ["accepted after the end"]
    assert tally.refused_within(0) == [0.1]
    assert tally.refused_within(GRACE) == []
    assert (tally.accepted, tally.late, len(tally.refused)) == (1, 2, 2)
