"""Scopes, and what an answer or a log gives away: perm-*, leak-*."""

from __future__ import annotations

import base64
import json
import pickle
import secrets
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import AuthenticationError, Authenticator, ConfigurationError, FileTenants, Key, Rule

from .build import ABSENT, Party, json_bytes, raw, resigned
from .catalogue import (
    ACCEPTED,
    FORBIDDEN,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    UNAVAILABLE,
    Attempt,
    Builder,
    Cases,
    Steps,
    attempt,
    put_through,
)
from .checks import spellings
from .doors import Doors, Request
from .world import World

cases = Cases()


def with_scope(*values: object, **more: Any) -> Builder:
    """On a path that needs `read`, tokens with each of these as their scope."""

    def build(world: World) -> Steps:
        doors = needing_read(world)
        for value in values:
            answers = yield attempt(world.good(scope=value, **more), path="/needs-read", through=doors)
            if answers.status == 403:
                assert answers.wsgi.document["required_scope"] == ["read"]
                assert (answers.wsgi.header("www-authenticate") or "").endswith(', scope="read"')

    return build


def needing_read(world: World) -> Doors:
    return world.doors(world.a, rules=[Rule("/needs-read", scopes=["read"])])


cases("perm-02")(with_scope("write read", "read write", " read ", ["write", "read"], ["read"], "read", "a  read"))
cases("perm-03")(with_scope("readwrite", "rea", "read:all", "read.", ["readwrite"], "xread", "read-only", "unread"))
cases("perm-05")(with_scope("READ", "Read", "rea\u0064\u0323", "\uff52ead", ["READ"]))
cases("perm-08")(with_scope(None, ABSENT, "", [], " "))
cases("perm-09")(with_scope(1, 0, 1.5, -1))
cases("perm-10")(with_scope(True, False, {"read": True}, {}, [True], ["read", None], [["read"]], [""], ["read", "a b"]))
cases("perm-15")(
    with_scope("write,read", "read,write", "read;", "read+write", "read\u00a0write", "read\u2003x", ["read,"])
)
cases("perm-16")(
    with_scope(
        ABSENT, roles=["admin"], realm_access={"roles": ["admin"]}, permissions=["read"], scp="read", scopes="read"
    )
)


@cases("leak-01")
def line_ends_in_claims(world: World) -> Steps:
    value = "x\r\nSet-Cookie: a=1"
    for ending in (value, value.replace("\r", ""), value.replace("\n", ""), value.replace("\r\n", "\x0b")):
        for name in ("iss", "scope", "aud", "sub", "jti"):
            yield attempt(world.good(**{name: ending}))
        for name in ("kid", "alg", "typ"):
            yield attempt(world.headed(**{name: ending}))
        yield attempt(world.good(scope=[ending]))


@cases("leak-02")
def quotes_and_backslashes(world: World) -> Steps:
    """By the contract such a `kid` is a well-formed, unknown one."""
    for value in ('a"b', "a\\b", '"', "\\", 'x", error="none', 'x\\", scope="admin'):
        yield attempt(world.headed(kid=value), INVALID_SIGNATURE)
        yield attempt(world.good(aud=value), INVALID_TOKEN)
        doors = needing_read(world)
        yield attempt(world.good(scope=value), FORBIDDEN, path="/needs-read", through=doors)
        with pytest.raises(ConfigurationError):
            Rule("/x", scopes=[value])


@cases("leak-04")
def bodies_are_constants(world: World) -> Steps:
    """The same mistake made with quite different values gets the same answer: nothing of them is told."""
    for make in MISTAKES:
        texts = set()
        for one in (world.a, world.b, Party("Else", {"other-key": secrets.token_bytes(32)}, "urn:else", "els\u00e9")):
            doors = world.standing if one is world.a else world.doors(one, world.a)
            answers = yield attempt(make(world, one), INVALID_TOKEN, INVALID_SIGNATURE, EXPIRED, MISSING, through=doors)
            texts.add(answers.text)
        assert len(texts) == 1


def mistaken(header: dict[str, Any] | None = None, *, key: bytes | None = None, **claims: Any) -> Any:
    """Makes the token of a party with this mistake in it."""

    def make(world: World, one: Party) -> str:
        chosen = one.claims(world.now, **{"sub": secrets.token_hex(8), **claims})
        return raw(one.header(**(header or {})), chosen, key or one.secret)

    return make


EXPIRED = INVALID_TOKEN._replace(code="token_expired")
MISSING = INVALID_TOKEN._replace(code="missing_required_claim")
MISTAKES = (
    mistaken({"alg": "none"}),
    mistaken({"kid": "unknown"}),
    mistaken({"typ": "JWE"}),
    mistaken({"crit": ["x"]}),
    mistaken(key=b"k" * 32),
    mistaken(sub=None),
    mistaken(sub=1),
    mistaken(exp=1),
    mistaken(exp=10**15),
    mistaken(nbf=9e10),
    mistaken(iat=1),
    mistaken(aud="nobody"),
    mistaken(aud=["x", 1]),
    mistaken(scope=1),
    mistaken(jti=1),
    mistaken(cnf={"jkt": "x"}),
    mistaken(iss="nobody"),
)


@cases("leak-05")
def markup(world: World) -> Steps:
    """By the contract such a `kid` is a well-formed, unknown one."""
    for value in ("<script>alert(1)</script>", "<svg/onload=alert(2)>", "</title>"):
        for token, outcome in ((world.headed(kid=value), INVALID_SIGNATURE), (world.good(aud=value), INVALID_TOKEN)):
            answers = yield attempt(token, outcome)
            assert answers.wsgi.header("content-type") == "application/json"
            assert value not in answers.wsgi.body.decode()
            assert b"<" not in answers.wsgi.body


@cases("leak-06")
def stored_by_nobody(world: World) -> Steps:
    doors = needing_read(world)
    for token, outcome in (("x.y.z", INVALID_TOKEN), (world.good(scope=None), FORBIDDEN)):
        answers = yield attempt(token, outcome, path="/needs-read", through=doors)
        assert answers.wsgi.header("cache-control") == "no-store"
    answers = yield attempt(world.good(), ACCEPTED, path="/v1/auth/verify/")  # the app's answer is the app's affair
    assert answers.wsgi.header("cache-control") is None
    verified = doors.ask(Request(path="/v1/auth/verify", authorization=(f"Bearer {world.good()}".encode(),)))
    assert verified.wsgi.header("cache-control") == verified.asgi.header("cache-control") == "no-store"


@cases("leak-10")
def exceptions_and_objects(world: World) -> Steps:
    """Whatever can be printed of keys, tenants, settings and refusals is free of secrets and tokens."""
    secret = world.a.secret
    told = [
        repr(world.a.tenant()),
        repr(world.a.tenant().keys),
        repr(world.standing.settings),
        repr(world.standing.wsgi),
    ]
    with pytest.raises(ConfigurationError) as refused:
        Key.secret(json.dumps({"kty": "oct", "k": base64.b64encode(secret).decode()}))
    told += chain(refused.value)
    with pytest.raises(ConfigurationError) as refused:
        Key.secret(secret[:9])
    told += [*chain(refused.value), *pickled(refused.value)]
    authenticator = Authenticator(world.settings([world.a.tenant()]))
    for token in (
        world.good(exp=1),
        resigned(world.good(), b"x" * 32),
        world.headed(kid="\ud800"),
        world.paying(b"\xff"),
    ):
        with pytest.raises(AuthenticationError) as failed:
            authenticator.authenticate(token)
        told += [*chain(failed.value), *pickled(failed.value)]
        assert not [text for text in told if any(segment in text for segment in token.split(".") if len(segment) > 7)]
    identity = authenticator.authenticate(world.good())
    told += [*pickled(identity), *pickled(world.a.tenant()), repr(identity)]
    for text in told:
        assert not [spelling for spelling in (*spellings([secret]), secret[:9].hex()) if spelling in text]
    yield attempt(resigned(world.good(), b"x" * 32), INVALID_SIGNATURE)


def chain(error: BaseException | None) -> Iterator[str]:
    """Every text in an exception and in those it came from."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        error = error.__cause__ or error.__context__


def pickled(value: object) -> Iterator[str]:
    """A pickle as text, both readable and hexadecimal; refusing to be pickled tells nothing."""
    try:
        octets = pickle.dumps(value)
    except (TypeError, pickle.PicklingError):
        return
    yield from (octets.decode("latin-1"), repr(octets), octets.hex())


@cases("leak-12")
def order_of_the_checks(world: World) -> Steps:
    texts = set()
    for changes in ({"exp": 1}, {"aud": "other"}, {"scope": ABSENT}, {"sub": ABSENT}, {"iat": "x"}, {"nbf": 9e10}, {}):
        token = resigned(world.good(**changes), secrets.token_bytes(32))
        answers = yield attempt(token)
        texts.add(answers.text)
    assert len(texts) == 1


@cases("leak-13")
def compared_with_other_letters(world: World) -> Steps:
    header, payload, signature = world.segments()
    for token in (
        "\u00e9",
        f"{header}.{payload}.\u00e9",
        f"{header}.{payload}.{signature[:-1]}\u00e9",
        f"\u00e9.{payload}.x",
    ):
        yield attempt(token)
        yield Attempt(Request(authorization=(b"Bearer " + token.encode("latin-1"),)))


@cases("leak-14")
def text_is_utf8_and_nothing_else(world: World) -> Steps:
    text = "\u00e9" * 16
    encoded = base64.b64encode(secrets.token_bytes(32)).decode()
    cases_of_secrets: tuple[tuple[str | bytes, bytes, tuple[bytes, ...]], ...] = (
        (text, text.encode(), (text.encode("latin-1"), text.encode("utf-16"))),
        (text.encode(), text.encode(), (text.encode("latin-1"),)),
        (encoded, encoded.encode(), (base64.b64decode(encoded), encoded.rstrip("=").encode())),
        (f"{encoded}\n", f"{encoded}\n".encode(), (encoded.encode(),)),
        (f" {encoded} ", f" {encoded} ".encode(), (encoded.encode(),)),
    )
    for configured, right, wrong in cases_of_secrets:
        doors = world.doors(world.a.tenant(keys=[Key.secret(configured, kid="k1")]))
        claims = world.a.claims(world.now)
        yield attempt(raw(world.a.header(), claims, right), ACCEPTED, through=doors, persists=False)
        for secret in wrong:
            yield attempt(raw(world.a.header(), claims, secret), INVALID_SIGNATURE, through=doors, persists=False)


def test_secret_file_is_not_stripped(world: World, tmp_path: Path) -> None:
    """The rest of leak-14: a line end in a secret's file is part of the secret."""
    secret = secrets.token_urlsafe(32)
    (tmp_path / "secret").write_text(secret + "\n")
    toml = '[[tenants]]\nid="a"\nissuers=["https://a.example"]\n'
    toml += '[[tenants.keys]]\nsecret_file="secret"\n[[tenants.applications]]\nid="api-a"\n'
    (tmp_path / "tenants.toml").write_text(toml)
    doors = world.doors(resolver=FileTenants(tmp_path / "tenants.toml"))
    world.log.kept.clear()

    def stripped(world: World) -> Steps:
        claims, header = world.a.claims(world.now), world.a.header(kid=ABSENT)
        yield attempt(raw(header, claims, secret.encode()), INVALID_SIGNATURE, through=doors, persists=False)
        yield attempt(raw(header, claims, f"{secret}\n".encode()), ACCEPTED, through=doors, persists=False)

    put_through("leak-14", stripped, world)


class EmptyHanded:
    """A resolver that answers with an empty text for what it does not know."""

    in_memory = True

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def resolve(self, issuer: str) -> Any:
        return self.answer


@cases("leak-16")
def empty_key(world: World) -> Steps:
    for empty in ("", b""):
        for allow_weak in (False, True):
            with pytest.raises(ConfigurationError):
                Key.secret(empty, allow_weak=allow_weak)
    claims = world.a.claims(world.now)
    for secret in (b"", b"\0", b"\0" * 32):
        yield attempt(raw(world.a.header(), claims, secret), INVALID_SIGNATURE)
        answers_of_a_resolver: tuple[object, ...] = ("", b"", (), {}, 0, False)
        for answer in answers_of_a_resolver:
            doors = world.doors(resolver=EmptyHanded(answer))
            token = raw(world.a.header(), claims, secret)
            yield attempt(token, INVALID_SIGNATURE, UNAVAILABLE, through=doors, persists=False)


@cases("leak-17")
def no_warning_per_request(world: World) -> Steps:
    short = world.a.having(secrets={"k1": b"short"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tenant = short.tenant(keys=[Key.secret(b"short", kid="k1", allow_weak=True)])
        doors = world.doors(tenant)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            yield attempt(world.good(short), through=doors)
        yield attempt(resigned(world.good(short), b"x" * 32), INVALID_SIGNATURE, through=doors, persists=False)


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)


def test_constants_hold_no_token() -> None:
    """The leak check itself works: it finds a value that an answer repeats."""
    from .checks import check_secrecy
    from .doors import Answer, bearer

    token = raw({"alg": "HS256"}, {"iss": "https://told.example"}, b"s" * 32)
    answer = Answer(401, (), json_bytes({"error_description": "no tenant https://told.example"}), ())
    with pytest.raises(AssertionError, match=r"told\.example"):
        check_secrecy(answer, bearer(token), [])
