"""Secrets: which are accepted, which are refused, and that none is ever shown."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Key
from jwt_middleware.tenants import keys
from jwt_middleware.tenants.keys import decoy_key

from ..making import NOW, OTHER_SECRET, SECRET

SIZES = {"HS256": 32, "HS384": 48, "HS512": 64}


def refusal(secret: Any = SECRET, **options: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        Key.secret(secret, **options)
    return caught.value


def test_a_secret_makes_the_hmac_of_its_algorithm() -> None:
    for algorithm, size in SIZES.items():
        signature = hmac.digest(SECRET, b"header.payload", f"sha{size * 8}")
        key = Key.secret(SECRET, algorithm=algorithm)
        assert key.sign(b"header.payload") == signature
        assert key.verifies(b"header.payload", signature)
        assert not key.verifies(b"header.payloae", signature)


@pytest.mark.parametrize("length", [1, 32, 63, 64, 65, 127, 128, 129, 1000])
@pytest.mark.parametrize("algorithm", SIZES)
def test_a_secret_of_any_length_verifies_what_the_standard_library_signs(algorithm: str, length: int) -> None:
    secret = bytes(range(1, 250)) * 5
    key = Key.secret(secret[:length], algorithm=algorithm, allow_weak=True)
    signature = hmac.digest(secret[:length], b"text", f"sha{algorithm[2:]}")
    assert key.verifies(b"text", signature)
    assert not Key.secret(secret[1 : length + 1], algorithm=algorithm, allow_weak=True).verifies(b"text", signature)


def test_the_known_answer_of_rfc_7515_appendix_a_1_holds() -> None:
    secret = base64.urlsafe_b64decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
    )
    text = (
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        b"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signature = base64.urlsafe_b64decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk=")
    assert Key.secret(secret).verifies(text, signature)


@pytest.mark.parametrize("signature", [b"", b"\0", bytes(31), bytes(32), bytes(33), "ü".encode() * 16])
def test_a_signature_of_any_form_is_simply_wrong(signature: bytes) -> None:
    assert not Key.secret(SECRET).verifies(b"text", signature)


@pytest.mark.parametrize(
    "text",
    [
        "ein sehr langes Geheimnis mit Umlaut: ü",
        " blanks around a secret are a part of it ",
        base64.b64encode(bytes(range(40))).decode(),
        "a line end is a part of the secret, too\r\n",
        '{"json": "that is no key, and long enough"}',
        "[1, 2, 3, 'and no JSON at all, in the end']",
    ],
)
def test_text_is_its_utf_8_bytes_and_nothing_is_stripped_or_decoded(text: str) -> None:
    assert Key.secret(text).sign(b"x") == hmac.digest(text.encode(), b"x", "sha256")


@pytest.mark.parametrize(("algorithm", "size"), SIZES.items())
def test_a_secret_shorter_than_the_hash_is_refused_with_how_to_make_one(algorithm: str, size: int) -> None:
    assert Key.secret(SECRET[:size], algorithm=algorithm).algorithm == algorithm
    message = str(refusal(SECRET[: size - 1], algorithm=algorithm))
    assert f"{size - 1} bytes long; {algorithm} needs at least {size}" in message
    assert f"jwt-middleware secret --algorithm {algorithm}" in message


def test_length_is_counted_in_bytes() -> None:
    assert Key.secret("ü" * 16).key_id is None
    assert "30 bytes long" in str(refusal("ü" * 15))


def test_a_weak_secret_is_used_only_where_that_was_asked_for() -> None:
    assert Key.secret("secret", allow_weak=True).sign(b"x") == hmac.digest(b"secret", b"x", "sha256")


@pytest.mark.parametrize("secret", ["", b"", "   ", b"\n\t" * 30, " " * 64])
def test_nothing_makes_an_empty_secret_acceptable(secret: str | bytes) -> None:
    assert "secret: empty" in str(refusal(secret, allow_weak=True))


@pytest.mark.parametrize("secret", [None, 7, ["x"], bytearray(SECRET), "\ud800" * 32], ids=ascii)
def test_a_secret_is_bytes_or_text(secret: object) -> None:
    assert "neither bytes nor text" in str(refusal(secret, allow_weak=True))


def der(tag: int, content: bytes) -> bytes:
    """A DER element: of what key bodies are made."""
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x80 | 2]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def body(content: bytes) -> str:
    return base64.b64encode(content).decode()


ALGORITHM_ID = der(0x30, der(0x06, b"\x2b\x65\x70"))
ED25519 = body(der(0x30, ALGORITHM_ID + der(0x03, b"\0" + bytes(range(32)))))
RSA_PKCS1 = body(der(0x30, der(0x02, bytes(range(256))) + der(0x02, b"\1\0\1")))
PUBLIC_KEYS = {
    "PEM": f"-----BEGIN PUBLIC KEY-----\n{ED25519}\n-----END PUBLIC KEY-----\n",
    "PEM certificate": f"-----BEGIN CERTIFICATE-----\n{RSA_PKCS1}\n-----END CERTIFICATE-----",
    "PEM with CRLF": f"-----BEGIN PUBLIC KEY-----\r\n{ED25519}\r\n-----END PUBLIC KEY-----\r\n",
    "PEM with text before it": f"my key:\n-----BEGIN PUBLIC KEY-----\n{ED25519}\n-----END PUBLIC KEY-----",
    "PEM with byte order mark": f"\ufeff-----BEGIN PUBLIC KEY-----\n{ED25519}\n-----END PUBLIC KEY-----",
    "PEM in one line": f"-----BEGIN PUBLIC KEY-----{ED25519}-----END PUBLIC KEY-----",
    "SSH RSA": f"ssh-rsa {RSA_PKCS1} me@example",
    "SSH Ed25519": f"ssh-ed25519 {ED25519}",
    "SSH ECDSA": f"  ecdsa-sha2-nistp256 {ED25519}",
    "SSH security key": f"sk-ssh-ed25519@openssh.com {ED25519}",
    "SSH ECDSA security key": f"sk-ecdsa-sha2-nistp256@openssh.com {ED25519}",
    "JWK": json.dumps({"kty": "RSA", "n": RSA_PKCS1, "e": "AQAB"}),
    "JWK with blanks": "\n\t " + json.dumps({"kty": "oct", "k": ED25519}, indent=2),
    "JWK set": json.dumps({"keys": [{"kty": "OKP", "x": ED25519}]}),
    "list of JWKs": json.dumps([{"kty": "OKP", "x": ED25519}]),
    "JWK with byte order mark": "\ufeff" + json.dumps({"kty": "oct", "k": ED25519}),
    "SSH with byte order mark": f"\ufeffssh-ed25519 {ED25519}",
    "body with byte order mark": f"\ufeff{ED25519}",
    "body of an SPKI key": ED25519,
    "body of a PKCS 1 key": RSA_PKCS1,
    "body in lines": "\n".join(RSA_PKCS1[start : start + 64] for start in range(0, len(RSA_PKCS1), 64)),
    "body in CRLF lines": "\r\n".join(RSA_PKCS1[start : start + 64] for start in range(0, len(RSA_PKCS1), 64)),
}


@pytest.mark.parametrize("form", [str, str.encode], ids=["text", "bytes"])
@pytest.mark.parametrize("public_key", PUBLIC_KEYS.values(), ids=PUBLIC_KEYS)
def test_the_text_of_a_public_key_is_no_secret(public_key: str, form: Any) -> None:
    message = str(refusal(form(public_key), allow_weak=True))
    assert "which is no secret" in message
    assert ED25519[:10] not in message
    assert RSA_PKCS1[:10] not in message


ALMOST_KEYS = {
    "base64 of random bytes": body(hashlib.sha512(b"random").digest()),
    "base64 of a short sequence": body(der(0x30, ALGORITHM_ID) + b"#" * 30),
    "a sequence that is too long": body(der(0x30, ALGORITHM_ID + bytes(40)) + b"#"),
    "a sequence that is too short": body(der(0x30, ALGORITHM_ID + bytes(40))[:-1]),
    "a sequence of something else": body(der(0x30, der(0x04, bytes(60)))),
    "a long sequence of something else": body(der(0x30, der(0x04, bytes(300)))),
    "a sequence of indefinite length": body(b"\x30\x80" + bytes(60)),
    "a sequence with an absurd length": body(b"\x30\xff" + bytes(60)),
    "another element": body(der(0x31, ALGORITHM_ID + bytes(40))),
    "not base64": "not-base64-but-long-enough-to-be-a-good-secret!",
    "JSON without kty": json.dumps({"type": "RSA", "n": "not a key, but long enough for a secret"}),
    "a JSON list without keys": json.dumps(["not a key", "but long enough for a secret"]),
    "broken JSON": '{"kty": "RSA", this is not JSON at all, so it is no JWK either',
    "deeply nested JSON": "[" * 100_000,
    "dashes": "-----BEGI-----and-something-more-----",
    "M and no base64": "M-is-no-base64-but-this-is-long-enough-to-be-a-secret!",
    "ssh inside": "my ssh-rsa secret that is long enough for HS256",
}


@pytest.mark.parametrize("secret", ALMOST_KEYS.values(), ids=ALMOST_KEYS)
def test_what_only_resembles_a_public_key_is_a_secret(secret: str) -> None:
    assert Key.secret(secret).sign(b"x") == hmac.digest(secret.encode(), b"x", "sha256")


@pytest.mark.parametrize("algorithm", ["none", "hs256", "RS256", "EdDSA", "", None, 256, ["HS256"]])
def test_an_algorithm_that_takes_no_secret_is_refused(algorithm: Any) -> None:
    message = str(refusal(algorithm=algorithm))
    assert "does not take a secret" in message
    assert "use one of HS256, HS384, HS512" in message


@pytest.mark.parametrize("key_id", ["", "x" * 257, "k\n1", 7, b"k1", "\ud800"], ids=ascii)
def test_a_key_id_that_no_token_can_carry_is_refused(key_id: Any) -> None:
    assert "kid: not text of 1 to 256 plain characters" in str(refusal(kid=key_id))


@pytest.mark.parametrize("end", ["2027-01-01", True, -1, 10**11, float("nan"), float("inf"), datetime(2027, 1, 1)])
def test_an_end_that_could_be_misread_is_refused(end: Any) -> None:
    assert [problem.where for problem in refusal(not_after=end).problems] == ["not_after"]


@pytest.mark.parametrize("end", [NOW, float(NOW), datetime.fromtimestamp(NOW, UTC)])
def test_a_key_is_usable_until_its_end(end: float | datetime) -> None:
    key = Key.secret(SECRET, not_after=end)
    assert key.not_after == NOW
    assert key.is_usable(NOW - 0.001)
    assert not key.is_usable(NOW)


def test_a_key_without_end_is_always_usable() -> None:
    assert Key.secret(SECRET).is_usable(1e11)


def test_every_problem_is_told_at_once_and_the_secret_is_not_among_them() -> None:
    error = refusal("hunter2", kid="", algorithm="none", not_after="never")
    assert [problem.where for problem in error.problems] == ["kid", "algorithm", "secret", "not_after"]
    assert "hunter2" not in str(error)
    assert "hunter2" not in repr(error.problems)


def test_nothing_that_shows_a_key_shows_its_secret() -> None:
    key = Key.secret(SECRET, kid="k1", not_after=NOW)
    key.verifies(b"x", b"y")
    shown = [repr(key), str(key), f"{key}", repr([key]), repr({"key": key})]
    assert shown[0] == f"Key(algorithm='HS256', kid='k1', not_after={NOW})"
    assert not any(text in line for line in shown for text in ("acme's own", SECRET.hex(), str(list(SECRET))))
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_key_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="holds a secret") as caught:
        pickle.dumps({"key": Key.secret(SECRET)}, protocol)
    assert "acme's own" not in str(caught.value)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_key_is_the_key_itself(duplicate: Any) -> None:
    key = Key.secret(SECRET)
    assert duplicate(key) is key
    assert duplicate([key])[0] is key


def test_keys_are_equal_by_all_that_they_are_made_of() -> None:
    key = Key.secret(SECRET, kid="k1", not_after=NOW)
    same = Key.secret(SECRET.decode(), kid="k1", not_after=datetime.fromtimestamp(NOW, UTC))
    assert key == same
    assert hash(key) == hash(same)


@pytest.mark.parametrize(
    "other",
    [
        Key.secret(OTHER_SECRET, kid="k1"),
        Key.secret(SECRET, kid="k2"),
        Key.secret(SECRET),
        Key.secret(SECRET, kid="k1", not_after=NOW),
        Key.secret(SECRET, kid="k1", algorithm="HS512"),
        SECRET,
    ],
    ids=["secret", "kid", "no kid", "end", "algorithm", "no key"],
)
def test_keys_that_differ_are_not_equal(other: object) -> None:
    assert Key.secret(SECRET, kid="k1") != other


def test_equal_secrets_are_found_whatever_their_names() -> None:
    key, same = Key.secret(SECRET, kid="k1"), Key.secret(SECRET, kid="k2", algorithm="HS512")
    assert key.has_secret_of(same)
    assert not key.has_secret_of(Key.secret(OTHER_SECRET, kid="k1"))


def test_not_all_keys_are_kept_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_PREPARED_KEYS", 2)
    monkeypatch.setattr(keys, "_prepared", type(keys._prepared)())
    used = [Key.secret(SECRET) for _ in range(3)]
    signature = used[0].sign(b"x")
    assert all(key.verifies(b"x", signature) for key in used)
    assert [key.prepared is not None for key in used] == [False, True, True]
    assert used[0].verifies(b"x", signature)


@pytest.mark.parametrize("algorithm", SIZES)
def test_a_decoy_is_of_the_algorithm_and_nobody_knows_it(algorithm: str) -> None:
    decoy = decoy_key(algorithm)
    assert decoy.algorithm == algorithm
    assert not decoy.has_secret_of(decoy_key(algorithm))
    assert not decoy.verifies(b"x", decoy_key(algorithm).sign(b"x"))
