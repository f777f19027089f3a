"""Signatures and the compact form: sig-*, jws-*."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import zlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as rsa
from jwt.utils import raw_to_der_signature

from .build import (
    ABSENT,
    ALPHABET,
    ED25519_ORDER,
    P256_ORDER,
    decode,
    encode,
    json_bytes,
    mac,
    raw,
    resigned,
    sealed,
    spliced,
)
from .catalogue import (
    ACCEPTED,
    EXPIRED,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    MISSING_CLAIM,
    Attempt,
    Builder,
    Cases,
    Steps,
    attempt,
    put_through,
)
from .doors import Request
from .json_vectors import INVALID, OPEN, VALID
from .world import World

cases = Cases()


@cases("sig-01")
def cut_short(world: World) -> Steps:
    token = world.good()
    for length in range(1, 43):
        yield attempt(token[:-length], INVALID_TOKEN, INVALID_SIGNATURE)
    yield attempt(token[:-43], INVALID_TOKEN, INVALID_SIGNATURE)
    yield attempt(token[:-44], INVALID_TOKEN)


@cases("sig-02")
def bit_flipped(world: World) -> Steps:
    token = world.good()
    signature = decode(token.rpartition(".")[2])
    for position in (0, 15, 31):
        flipped = bytearray(signature)
        flipped[position] ^= 1
        yield attempt(resigned(token, bytes(flipped)))
    yield attempt(resigned(token, signature + b"\0"))
    yield attempt(resigned(token, signature[:-1]))


@cases("sig-03")
def every_character_replaced(world: World) -> Steps:
    token = world.good()
    start = len(token) - 43
    for position in range(start, len(token)):
        last = position == len(token) - 1
        # Of the last character's 6 bits the low 2 are spare: stay canonical by moving in steps of 4.
        other = ALPHABET[(ALPHABET.index(token[position]) + 4) % 64]
        yield attempt(token[:position] + other + token[position + 1 :], INVALID_SIGNATURE)
        if last:
            for spare in (1, 2, 3):
                noisy = ALPHABET[ALPHABET.index(token[position]) + spare]
                yield attempt(token[:position] + noisy, INVALID_TOKEN)


@cases("sig-07")
def header_changed_after_signing(world: World) -> Steps:
    header, payload, signature = world.segments()
    more = encode(json_bytes({**json.loads(decode(header)), "x": 1}))
    yield attempt(f"{more}.{payload}.{signature}")
    richer = encode(json_bytes({**json.loads(decode(payload)), "scope": "read write"}))
    yield attempt(f"{header}.{richer}.{signature}")


@cases("sig-08")
def padding_after_signature(world: World) -> Steps:
    for padding in ("=", "==", "====", "%3D", "A=", "=A"):
        yield attempt(world.good() + padding)


@cases("sig-10")
def padding_inside(world: World) -> Steps:
    header, payload, _ = world.segments()
    yield attempt(sealed(padded(header), padded(payload), world.a.secret))
    yield attempt(sealed(padded(header), payload, world.a.secret))
    yield attempt(sealed(header, padded(payload), world.a.secret))


def padded(segment: str) -> str:
    """The segment with one to four `=`, the right number or, where none is due, too many."""
    return segment + "=" * (4 - len(segment) % 4)


@cases("sig-12")
def standard_alphabet(world: World) -> Steps:
    token = next(token for token in iter(world.good, "") if {"-", "_"} <= set(token.rpartition(".")[2]))
    signing_input, _, signature = token.rpartition(".")
    for spelling in (signature.replace("-", "+"), signature.replace("_", "/")):
        yield attempt(f"{signing_input}.{spelling}")
    yield attempt(f"{signing_input}.{base64.b64encode(decode(signature)).decode()}")
    # What a lenient decoder skips: four of them leave the rest whole, so that even the padding comes out right.
    header, payload, signature = world.segments()
    for junk in ("++++", "////", "====", "!!!!", "~~~~", "%%%%", "\n\n\n\n", "+", "=", "\n"):
        yield attempt(sealed(header[:8] + junk + header[8:], payload, world.a.secret))
        yield attempt(sealed(header, payload[:8] + junk + payload[8:], world.a.secret))
        yield attempt(f"{header}.{payload}.{signature[:8]}{junk}{signature[8:]}")


@cases("sig-15")
def full_width_letters(world: World) -> Steps:
    header, payload, signature = world.segments()
    wide = header.replace("e", "\uff45", 1)
    yield attempt(f"{wide}.{payload}.{signature}")
    yield attempt(sealed(wide, payload, world.a.secret))
    yield attempt(f"{header}.{payload}.{signature}\u0301")


def signed_texts_that_are_no_claims(world: World) -> Steps:
    """Our own set in the manner of a JWS test suite; no payload is a claim set, so even the valid are refused."""
    for payload in (b"foo", b"", b"\0", b"\xff" * 8, b"Test", b'"text"', b"[1]", b"{", b"e30", b"1" * 300):
        valid = world.paying(payload)
        yield attempt(valid)
        for wrong in (b"", secrets.token_bytes(32), secrets.token_bytes(64), mac(valid, world.a.secret, "sha512")):
            yield attempt(resigned(valid, wrong))
    yield attempt(world.paying({}), MISSING_CLAIM)


_ORDERS = {
    "ES256": P256_ORDER,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}


@cases("sig-17")
def degenerate_curve_signatures(world: World) -> Steps:
    for algorithm, order in _ORDERS.items():
        size, e = int(algorithm[2:]) // 8, world.keyed("E", algorithm, "e1")
        doors = world.doors(world.a, e)
        token = world.good(e)
        yield attempt(token, ACCEPTED, through=doors)
        r, s = (int.from_bytes(half, "big") for half in halves(decode(token.rpartition(".")[2])))
        values = (0, 1, r, s, order - 1, order, order + 1, 2 ** (8 * size) - 1)
        for first in values:
            for second in {*values} - ({s, order - s} if first == r else set()):
                signature = first.to_bytes(size, "big") + second.to_bytes(size, "big")
                yield attempt(resigned(token, signature), through=doors, persists=False)
        # The same numbers in other clothes: DER, swapped, without their leading zeros, with more of them.
        raw_signature = decode(token.rpartition(".")[2])
        for signature in (
            raw_to_der_signature(raw_signature, e.secret.private.curve),
            raw_signature[size:] + raw_signature[:size],
            raw_signature[1:],
            raw_signature[:-1],
            b"\0" + raw_signature,
            raw_signature + b"\0",
            b"\0" + raw_signature[:size] + b"\0" + raw_signature[size:],
            raw_signature * 2,
            b"",
        ):
            yield attempt(resigned(token, signature), through=doors)


def halves(signature: bytes) -> tuple[bytes, bytes]:
    return signature[: len(signature) // 2], signature[len(signature) // 2 :]


@cases("sig-20")
def other_spellings_of_an_edwards_signature(world: World) -> Steps:
    d = world.keyed("D", "EdDSA", "d1")
    doors = world.doors(world.a, d)
    token = world.good(d)
    yield attempt(token, ACCEPTED, through=doors)
    point, scalar = halves(decode(token.rpartition(".")[2]))
    s = int.from_bytes(scalar, "little")
    for times in range(1, 16):
        larger = s + times * ED25519_ORDER
        if larger < 2**256:
            yield attempt(resigned(token, point + larger.to_bytes(32, "little")), through=doors)
    for signature in (
        scalar + point,
        bytes(64),
        point + bytes(32),
        bytes(32) + scalar,
        b"\1" + bytes(63),
        (2**255 - 19).to_bytes(32, "little") + bytes(32),
        point[:-1] + bytes([point[-1] ^ 0x80]) + scalar,
        point + scalar + b"\0",
        point + scalar[:-1],
        b"",
    ):
        yield attempt(resigned(token, signature), through=doors)


def asymmetric_texts_that_are_no_claims(world: World) -> Steps:
    """The same for signatures of other kinds: what is well signed is no claim set, and what is not is not heard."""
    for algorithm in ("RS256", "PS256", "ES256", "EdDSA"):
        one = world.keyed("R", algorithm, "r1")
        doors = world.doors(world.a, one)
        for payload in (b"foo", b"", b"Test", b'"text"', b"[1]", b"1" * 300):
            valid = raw(one.header(), payload, one.secret)
            yield attempt(valid, through=doors)
            yield attempt(resigned(valid, secrets.token_bytes(64)), through=doors)
        yield attempt(raw(one.header(), {}, one.secret), MISSING_CLAIM, through=doors)
        yield attempt(resigned(world.good(one), secrets.token_bytes(64)), INVALID_SIGNATURE, through=doors)


_SHA1 = hashes.SHA1()  # noqa: S303 (that nobody may sign with it is what is tested)


def other_rsa_signatures(world: World) -> Steps:
    """Signatures of the right key in forms that the algorithm does not have."""
    one = world.keyed("R", "RS256", "r1")
    doors = world.doors(world.a, one)
    token = world.good(one)
    yield attempt(token, ACCEPTED, through=doors)
    content, key = token.rpartition(".")[0].encode(), one.secret.private
    numbers = key.public_key().public_numbers()
    good = int.from_bytes(one.secret.sign(content), "big")
    forms = [
        *(key.sign(content, rsa.PKCS1v15(), digest) for digest in (_SHA1, hashes.SHA384(), hashes.SHA512())),
        key.sign(content, rsa.PSS(rsa.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
        key.sign(hashlib.sha256(content).digest(), rsa.PKCS1v15(), hashes.SHA256()),
        *(number.to_bytes(256, "big") for number in (0, 1, numbers.n - 1, numbers.n - good)),
        (good + numbers.n).to_bytes(257, "big"),
        b"\0" + good.to_bytes(256, "big"),
        good.to_bytes(256, "big") + b"\0",
        good.to_bytes(256, "big")[:-1],
        pow(unpadded(content, 256), key.private_numbers().d, numbers.n).to_bytes(256, "big"),
    ]
    for signature in forms:
        yield attempt(resigned(token, signature), INVALID_SIGNATURE, through=doors)


def unpadded(content: bytes, size: int) -> int:
    """A digest at the end of zeros: what a check that does not look at the padding would take."""
    return int.from_bytes(hashlib.sha256(content).digest().rjust(size, b"\0"), "big")


def other_pss_signatures(world: World) -> Steps:
    """RFC 7518 section 3.5: the salt is as long as the hash, and MGF1 uses the same hash."""
    one = world.keyed("R", "PS256", "r1")
    doors = world.doors(world.a, one)
    token = world.good(one)
    yield attempt(token, ACCEPTED, through=doors)
    content, key = token.rpartition(".")[0].encode(), one.secret.private
    for generator, salt, digest in (
        (hashes.SHA256(), 0, hashes.SHA256()),
        (hashes.SHA256(), 20, hashes.SHA256()),
        (hashes.SHA256(), 33, hashes.SHA256()),
        (hashes.SHA256(), rsa.PSS.MAX_LENGTH, hashes.SHA256()),
        (_SHA1, 32, hashes.SHA256()),
        (hashes.SHA512(), 32, hashes.SHA256()),
        (hashes.SHA384(), 48, hashes.SHA384()),
    ):
        signature = key.sign(content, rsa.PSS(rsa.MGF1(generator), salt), digest)
        yield attempt(resigned(token, signature), INVALID_SIGNATURE, through=doors)
    yield attempt(resigned(token, key.sign(content, rsa.PKCS1v15(), hashes.SHA256())), INVALID_SIGNATURE, through=doors)


@cases("sig-22")
def other_hashes(world: World) -> Steps:
    yield from signed_texts_that_are_no_claims(world)
    yield from asymmetric_texts_that_are_no_claims(world)
    yield from other_rsa_signatures(world)
    yield from other_pss_signatures(world)
    for digest in ("sha1", "sha384", "sha512"):
        token = world.good()
        yield attempt(resigned(token, mac(token.rpartition(".")[0], world.a.secret, digest)), INVALID_SIGNATURE)
    for algorithm in ("HS384", "HS512"):
        # The key is for HS256 and nothing else.
        stronger = world.headed(alg=algorithm)
        signature = mac(stronger.rpartition(".")[0], world.a.secret, f"sha{algorithm[2:]}")
        yield attempt(resigned(stronger, signature), INVALID_SIGNATURE)


@cases("jws-02")
def one_segment(world: World) -> Steps:
    yield attempt("abc")
    yield attempt(world.segments()[1])


@cases("jws-04")
def four_segments(world: World) -> Steps:
    for tail in (".x", ".", "..", f".{world.segments()[2]}"):
        yield attempt(world.good() + tail)


@cases("jws-05")
def leading_dot(world: World) -> Steps:
    yield attempt("." + world.good())


@cases("jws-07")
def only_dots(world: World) -> Steps:
    for dots in ("..", "...", ".", "....", "." * 100):
        yield attempt(dots)


@cases("jws-09")
def encrypted(world: World) -> Steps:
    header = encode(json_bytes({"alg": "dir", "enc": "A256GCM", "kid": world.a.kid}))
    nonce, plaintext = secrets.token_bytes(12), json_bytes(world.a.claims(world.now))
    sealed_text = encrypt(world.a.secret, nonce, plaintext, header.encode())
    parts = (encode(nonce), encode(sealed_text[:-16]), encode(sealed_text[-16:]))
    yield attempt(".".join((header, "", *parts)))
    # A nested token, so that what is inside is good.
    nested = encrypt(world.a.secret, nonce, world.good().encode(), header.encode())
    yield attempt(".".join((header, "", parts[0], encode(nested[:-16]), encode(nested[-16:]))))


def encrypt(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """AES-256-GCM; noise of the same length where the library is not installed."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        return secrets.token_bytes(len(plaintext) + 16)
    return AESGCM(key).encrypt(nonce, plaintext, associated)


@cases("jws-11")
def polyglot(world: World) -> Steps:
    good, evil = world.good(), world.a.claims(world.now, sub="evil")
    header, _, signature = good.split(".")
    flattened = {"protected": header, "payload": encode(json_bytes(evil)), "signature": signature}
    yield attempt(json.dumps({good: "", **flattened}))
    yield attempt(json.dumps({good: "", **flattened}, separators=(",", ":")))
    yield attempt(json.dumps(flattened, separators=(",", ":")))


@cases("jws-14")
def payload_string(world: World) -> Steps:
    yield attempt(world.paying("x"))
    yield attempt(world.paying(json.dumps(world.a.claims(world.now))))


@cases("jws-15")
def payload_null(world: World) -> Steps:
    for payload in (None, True, 0, 1.5, [], [world.a.claims(world.now)]):
        yield attempt(world.paying(payload))


@cases("jws-17")
def payload_empty(world: World) -> Steps:
    yield attempt(world.paying(b""))
    yield attempt(world.paying(b" "))


@cases("jws-18")
def payload_with_more_text(world: World) -> Steps:
    claims = json_bytes(world.a.claims(world.now))
    for payload in (b"foo", claims + b"x", claims + claims, claims + b",", claims + b"\0", b"x" + claims, claims[:-1]):
        yield attempt(world.paying(payload))


@cases("jws-19")
def header_no_object(world: World) -> Steps:
    claims = world.a.claims(world.now)
    good = json_bytes(world.a.header())
    for header in ([world.a.header()], ["HS256"], "HS256", None, 1, b"", b"x", good + good, good + b"x", good[:-1]):
        yield attempt(raw(header, claims, world.a.secret))
    for twice in (
        b'{"alg":"HS256","alg":"HS256"}',
        b'{"alg":"none","alg":"HS256"}',
        b'{"alg":"HS256","\\u0061lg":"HS256"}',
    ):
        yield attempt(raw(twice, claims, world.a.secret))
    yield attempt(raw(b'{"alg":"HS256","kid":"k2","kid":"k1"}', claims, world.a.secret))
    yield attempt(raw(b'{"alg":"HS256","x":1,"x":2}', claims, world.a.secret))


@cases("jws-20")
def invalid_utf8(world: World) -> Steps:
    yield attempt(world.paying(b'{"x":"\xff"}'))
    claims, header = world.a.claims(world.now), world.a.header()
    for octets in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"):
        yield attempt(world.paying(spliced(claims, b'"' + octets + b'"')))
        yield attempt(world.paying(spliced(claims, b"1", name="x").replace(b'"x"', b'"' + octets + b'"', 1)))
        yield attempt(world.paying(json_bytes(claims).replace(b'"u1"', b'"u1' + octets + b'"')))
        yield attempt(raw(spliced(header, b'"' + octets + b'"'), claims, world.a.secret))


@cases("jws-21")
def other_encodings(world: World) -> Steps:
    text = json.dumps(world.a.claims(world.now))
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-7"):
        if text.encode(encoding) != text.encode():
            yield attempt(world.paying(text.encode(encoding)))
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32"):
        header = json.dumps(world.a.header()).encode(encoding)
        yield attempt(raw(header, world.a.claims(world.now), world.a.secret))


@cases("jws-25")
def duplicate_claims(world: World) -> Steps:
    """The last wins, for the look-up, the checks and the identity alike."""
    evil: dict[str, object] = {"sub": "evil", "iss": world.b.issuer, "scope": "admin", "exp": world.now - 1}
    refused = {"iss": INVALID_SIGNATURE, "exp": EXPIRED}
    for name, value in evil.items():
        claims = world.a.claims(world.now)
        first = spliced(claims, json_bytes(value), name=name)
        answers = yield attempt(world.paying(first), ACCEPTED)
        assert answers.identity.claims[name] == claims[name]
        assert (answers.identity.subject, *answers.identity.scopes) == ("u1", "read")
        last = json_bytes(claims)[:-1] + b"," + json_bytes({name: value})[1:]
        answers = yield attempt(world.paying(last), refused.get(name, ACCEPTED))
        if name not in refused:
            assert answers.identity.claims[name] == value
            assert value in (answers.identity.subject, *answers.identity.scopes)
            assert answers.identity.tenant_id == "a"


@cases("jws-27")
def capital_names(world: World) -> Steps:
    yield attempt(world.headed(alg=ABSENT, ALG="HS256"), INVALID_TOKEN)
    yield attempt(world.good(iss=ABSENT, Iss=world.a.issuer), MISSING_CLAIM)
    yield attempt(world.good(exp=ABSENT, EXP=world.now + 600), MISSING_CLAIM)


@cases("jws-29")
def json_texts(world: World) -> Steps:
    """Valid texts are carried, invalid ones refused, and on the open ones both doors agree."""
    header, claims = world.a.header(), world.a.claims(world.now)
    outcomes = ((VALID, (ACCEPTED,)), (INVALID, (INVALID_TOKEN,)), (OPEN, (ACCEPTED, INVALID_TOKEN)))
    for vectors, spliced_outcome in outcomes:
        for text in vectors.values():
            is_object = vectors is not INVALID and text.strip(b" \t\r\n").startswith(b"{")
            yield attempt(world.paying(text), *((MISSING_CLAIM, INVALID_TOKEN) if is_object else (INVALID_TOKEN,)))
            yield attempt(world.paying(spliced(claims, text)), *spliced_outcome)
            yield attempt(raw(text, claims, world.a.secret), INVALID_TOKEN)
            yield attempt(raw(spliced(header, text), claims, world.a.secret), *spliced_outcome)


@cases("jws-32")
def compressed(world: World) -> Steps:
    claims = json_bytes(world.a.claims(world.now))
    for deflated in (zlib.compress(claims), zlib.compress(claims)[2:-4]):
        yield attempt(raw(world.a.header(zip="DEF"), deflated, world.a.secret))
    bomb = zlib.compress(b"[" * 1_000_000)
    yield attempt(raw(world.a.header(zip="DEF"), bomb, world.a.secret))


@pytest.mark.parametrize(("case_id", "builder"), cases.parameters())
def test_attack(case_id: str, builder: Builder, world: World) -> None:
    put_through(case_id, builder, world)


def test_the_json_texts_are_what_they_claim() -> None:
    """Python's own decoder, made strict, agrees with the sorting of the vectors; there are enough of them."""
    assert len(VALID) + len(INVALID) + len(OPEN) >= 120
    for name, text in VALID.items():
        assert strictly_json(text), name
    for name, text in INVALID.items():
        assert not strictly_json(text), name


def strictly_json(text: bytes) -> bool:
    """Whether it is one JSON text of RFC 8259 in UTF-8."""
    try:
        json.loads(text.decode("utf-8"), parse_constant=lambda name: 1 // 0)
    except (ValueError, ZeroDivisionError):
        return False
    return True


def test_raw_bytes_in_the_field(world: World) -> None:
    """Every byte that a server may hand over, right behind a good token."""

    def appended(world: World) -> Steps:
        for octet in {*range(256)} - {*ALPHABET.encode()} - {0x20, 0x09}:
            yield Attempt(
                Request(authorization=(b"Bearer " + world.good().encode() + bytes([octet]),)), (INVALID_TOKEN,)
            )

    put_through("http-24", appended, world)
