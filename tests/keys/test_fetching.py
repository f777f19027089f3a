"""One JSON document: bounded in time and size, no redirects, nothing of the other side in the reason."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import util
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jwt_middleware import JWKS, ConfigurationError
from jwt_middleware.tenants import fetching
from jwt_middleware.tenants.fetching import FetchError, fetch_json, max_age

from .making import private_key
from .serving import (
    Answer,
    KeyServer,
    after,
    cached_for,
    dies_in_the_middle,
    document,
    dripping,
    html,
    redirecting,
    silent,
    slow,
    text,
    zipped,
)

LIMIT = 512 * 1024


def fetch(server: KeyServer, answer: Answer, timeout: float = 2.0) -> object:
    server.answer = answer
    return fetch_json(server.url, timeout, LIMIT).content


def refusal(server: KeyServer, answer: Answer, timeout: float = 2.0) -> str:
    with pytest.raises(FetchError) as caught:
        fetch(server, answer, timeout)
    return str(caught.value)


def of_size(size: int) -> bytes:
    """A JSON document of just so many bytes."""
    return b'"' + b"x" * (size - 2) + b'"'


def test_a_document_is_fetched_and_decoded(server: KeyServer) -> None:
    assert fetch(server, document({"keys": [1]})) == {"keys": [1]}
    head = server.heads[0].decode().lower()
    assert head.startswith("get /jwks.json http/1.1\r\n")
    assert "accept: application/json\r\n" in head
    assert "accept-encoding: identity\r\n" in head
    assert "cookie" not in head


def test_the_age_comes_with_it(server: KeyServer) -> None:
    server.answer = cached_for(120, {})
    assert fetch_json(server.url, 2, LIMIT).max_age == 120
    server.answer = document({})
    assert fetch_json(server.url, 2, LIMIT).max_age is None


@pytest.mark.parametrize(
    "status",
    ["201 Created", "204 No Content", "304 Not Modified", "400 Bad Request", "404 Not Found", "503 Unavailable"],
)
def test_another_status_than_200_is_a_failure(server: KeyServer, status: str) -> None:
    assert refusal(server, text(b'{"keys": []}', status=status)) == f"status {status[:3]}"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "/elsewhere", "file:///etc/passwd", "https://idp.example/"])
def test_a_redirect_is_not_followed(server: KeyServer, address: str) -> None:
    assert refusal(server, redirecting(address)) == "status 302"
    assert server.fetches == 1


@pytest.mark.parametrize(
    "answer",
    [
        html,
        text(b""),
        text(b"{"),
        text(b"\xff\xfe"),
        text(b'{"keys": []} trailing'),
        text(b"[" * 100_000),
        text(b"1" * 5000),
    ],
    ids=["HTML", "empty", "half", "no text", "more behind it", "deep", "a huge number"],
)
def test_what_is_not_json_is_a_failure(server: KeyServer, answer: Answer) -> None:
    assert refusal(server, answer) == "not JSON"


def test_a_document_of_just_the_size_limit_is_read_and_one_byte_more_is_not(server: KeyServer) -> None:
    assert fetch(server, text(of_size(LIMIT))) == "x" * (LIMIT - 2)
    assert refusal(server, text(of_size(LIMIT + 1))) == f"more than {LIMIT} bytes"


def test_the_size_limit_is_for_what_is_unpacked(server: KeyServer) -> None:
    """A gzip bomb: 100 MB in 100 KB, sent though nobody asked for compression."""
    assert refusal(server, zipped("x" * (LIMIT + 1))) == f"more than {LIMIT} bytes"
    assert fetch(server, zipped({"keys": []})) == {"keys": []}


def test_an_endless_document_is_left_when_the_limit_is_reached(server: KeyServer) -> None:
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * (20 * LIMIT)
    assert refusal(server, lambda call: call.connection.sendall(endless)) == f"more than {LIMIT} bytes"


def test_a_document_that_ends_in_the_middle_is_a_failure(server: KeyServer) -> None:
    assert refusal(server, dies_in_the_middle({"keys": [1, 2, 3]})) == "RemoteProtocolError"


def test_what_is_no_http_is_a_failure(server: KeyServer) -> None:
    reason = refusal(server, lambda call: call.connection.sendall(b"SSH-2.0-secret-banner\r\n\r\n"))
    assert reason == "RemoteProtocolError"


def test_who_hangs_up_at_once_is_a_failure(server: KeyServer) -> None:
    assert refusal(server, lambda call: None) in ("RemoteProtocolError", "ReadError")


def test_where_nobody_listens_there_is_a_failure(server: KeyServer) -> None:
    server.down()
    assert refusal(server, html) == "ConnectError"


ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"keys": []}'
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        slow(5, document({})),
        dripping(ANSWER),
        dripping(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: and so on\r\n" * 1000),
        after(BODY, dripping(b" " * 1000)),
        after(b'HTTP/1.1 200 OK\r\n\r\n{"keys": []}', silent),
    ],
    ids=["never answers", "answers late", "drips", "drips header fields", "drips its body", "never hangs up"],
)
def test_the_time_limit_is_for_all_of_it(server: KeyServer, answer: Answer) -> None:
    """Each byte comes soon after the last one, and yet this must not hold a thread for minutes."""
    started = time.monotonic()
    assert refusal(server, answer, timeout=0.3) == "took too long"
    assert 0.2 < time.monotonic() - started < 1.0


def test_who_is_slow_within_the_limit_is_heard(server: KeyServer) -> None:
    assert fetch(server, slow(0.2, document({"keys": []}))) == {"keys": []}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody has vouched for, with its key."""
    key = private_key("ES256")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(key, SHA256())
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(signed.public_bytes(Encoding.PEM) + private)
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[KeyServer]:
    """A key server behind TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = KeyServer(document({"keys": []}), context)
    server.up()
    yield server
    server.close()


def test_a_certificate_that_nobody_has_vouched_for_is_a_failure(tls_server: KeyServer) -> None:
    assert refusal(tls_server, document({"keys": []})) == "ConnectError"
    assert tls_server.fetches == 0


def test_through_tls_everything_holds_as_well(
    tls_server: KeyServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_trusted", lambda: ssl.create_default_context(cafile=str(certificate)))
    assert fetch(tls_server, document({"keys": []})) == {"keys": []}
    started = time.monotonic()
    for answer in (silent, dripping(ANSWER), slow(5, document({}))):
        assert refusal(tls_server, answer, timeout=0.3) == "took too long"
    assert time.monotonic() - started < 3
    assert refusal(tls_server, text(of_size(LIMIT + 1))) == f"more than {LIMIT} bytes"


@pytest.mark.parametrize("address", ["https://[", "https://127.0.0.1:99999/", "http://\x00/", "nonsense"])
def test_an_address_that_cannot_be_is_a_failure(address: str) -> None:
    with pytest.raises(FetchError):
        fetch_json(address, 0.5, LIMIT)


def test_a_proxy_in_the_environment_is_not_asked(server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a netrc file: what the process finds there is not for identity providers."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert fetch(server, document({"keys": []})) == {"keys": []}


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("", None),
        ("public", None),
        ("max-age=60", 60),
        ("public, max-age=21600, must-revalidate", 21600),
        ("public,max-age=5", 5),
        ("MAX-AGE=7", 7),
        ("max-age=0", 0),
        ("s-maxage=9", None),
        ("x-max-age=9", None),
        ("max-age=-5", None),
        ("max-age=1.5", None),
        ("max-age=abc", None),
        ("max-age=99999999999", None),
        ('max-age="60"', None),
        ("no-store", 0),
        ("No-Cache, max-age=60", 0),
        ("max-age=60, no-store", 0),
    ],
)
def test_the_age_is_read_from_cache_control(field: str, seconds: float | None) -> None:
    assert max_age(field) == seconds


def test_where_the_extra_is_missing_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = util.find_spec
    monkeypatch.setattr(
        "jwt_middleware.tenants.fetching.find_spec", lambda name: None if name == "httpx2" else found(name)
    )
    with pytest.raises(ConfigurationError, match=r"pip install 'tenant-jwt-middleware\[jwks,crypto\]'"):
        JWKS("https://idp.example/jwks.json")


def test_the_documents_are_json(server: KeyServer) -> None:
    """The texts above are what they claim to be."""
    assert json.loads(of_size(LIMIT)) == "x" * (LIMIT - 2)
    assert len(of_size(LIMIT)) == LIMIT
