"""examples/gateway/nginx.conf, byte for byte, in a real nginx: who passes, as whom, and what everybody else is told."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
import uvicorn  # noqa: F401 (run by the examples: without it, these tests are not for this environment)

from jwt_middleware.errors import InsecureTransport, TemporarilyUnavailable
from jwt_middleware.responses import refusal_answer
from tests.frameworks import world
from tests.frameworks.world import EXPIRED, NO_TOKEN, SECRET, Reply, lacking
from tests.gateway.serving import EXAMPLES, Gateway, Recorder, command, gateway, message, reply
from tests.stores.certificate import certificate_for
from tests.unit import making

IDENTITY = ("X-Auth-Subject", "X-Auth-Tenant", "X-Auth-Application", "X-Auth-Scope")
OK = (200, b"ok")
VERIFY = "/v1/auth/verify"
HEALTH = "/healthz"
PREFLIGHT = ("Origin: https://app.example", "Access-Control-Request-Method: POST")
HANDSHAKE = ("Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13")


def token(*scopes: str, **claims: Any) -> str:
    return world.token(*scopes, **{"aud": "quest", **claims})


def answered(got: Reply) -> tuple[int, bytes]:
    return got.status, got.body


def unavailable() -> dict[str, object]:
    """The documented answer when a token cannot be checked."""
    answer = refusal_answer(TemporarilyUnavailable("test"), world.settings())
    return {"status": answer.status, "body": answer.body, **dict(answer.headers)}


@pytest.fixture(scope="module")
def front() -> Iterator[Gateway]:
    """nginx with the verify service behind it."""
    with gateway() as running, running.example("verify"):
        yield running


@pytest.fixture
def backend(front: Gateway) -> Iterator[Recorder]:
    with front.recorder("backend") as recorder:
        yield recorder


# Who passes, and as whom


def test_the_backend_learns_whom_the_token_authenticates(front: Gateway, backend: Recorder) -> None:
    assert answered(front.send("/v1/events", token("write", "read"))) == OK
    (request,) = backend.requests
    assert [request.values(name) for name in IDENTITY] == [["user_123"], ["acme"], ["quest"], ["read write"]]


def test_what_a_field_cannot_hold_arrives_percent_encoded(front: Gateway, backend: Recorder) -> None:
    subject = "Zoë 100%\u2028"
    assert answered(front.send("/", token("a:b", "q%s", sub=subject))) == OK
    (request,) = backend.requests
    assert request.values("X-Auth-Subject") == [quote(subject)]
    assert [unquote(scope) for scope in request.values("X-Auth-Scope")[0].split(" ")] == ["a:b", "q%s"]


def test_the_token_is_not_passed_on(front: Gateway, backend: Recorder) -> None:
    assert answered(front.send("/", token())) == OK
    assert backend.requests[0].values("Authorization") == []


def test_the_token_is_passed_on_where_that_line_is_left_out() -> None:
    def without_line(text: str) -> str:
        (line,) = [line for line in text.splitlines() if 'proxy_set_header Authorization "";' in line]
        return text.replace(line, "")

    with gateway(without_line) as front, front.example("verify"), front.recorder("backend") as backend:
        good = token()
        assert answered(front.send("/", good)) == OK
        assert backend.requests[0].values("Authorization") == [f"Bearer {good}"]


def test_the_example_backend_says_who_is_calling(front: Gateway) -> None:
    with front.example("backend"):
        me = front.send("/points?top=3", token("read", sub="Zoë"))
        anyone = front.send(HEALTH)
    assert me.members == {
        "path": "/points",
        "user": "Zoë",
        "tenant": "acme",
        "application": "quest",
        "scopes": ["read"],
    }
    assert (anyone.status, anyone.members["user"]) == (200, "")


def test_a_public_path_needs_no_token_and_none_is_looked_at(front: Gateway, backend: Recorder) -> None:
    assert answered(front.send(HEALTH)) == OK
    assert answered(front.send(HEALTH, "nonsense")) == OK
    assert [request.values(name) for request in backend.requests for name in IDENTITY] == [[]] * 8


def test_what_one_request_may_the_next_one_of_the_same_connection_may_not(front: Gateway, backend: Recorder) -> None:
    with front.connection() as connection:
        connection.sendall(message("GET", "/", f"Authorization: Bearer {token('read')}"))
        assert answered(reply(connection)) == OK
        connection.sendall(message("GET", HEALTH))
        assert answered(reply(connection)) == OK
        connection.sendall(message("GET", "/"))
        assert reply(connection).documented() == NO_TOKEN
    assert [request.values("X-Auth-Subject") for request in backend.requests] == [["user_123"], []]


# What everybody else is told


def bad_tokens() -> dict[str, str | None]:
    now = int(time.time())
    good = token()
    return {
        "none": None,
        "no token at all": "",
        "not a token": "nonsense",
        "two": f"{good} {good}",
        "expired": token(iat=now - 7200, exp=now - 3600),
        "not yet valid": token(nbf=now + 3600),
        "lives too long": token(exp=now + 7 * 86_400),
        "signed with another secret": token(secret="another secret that is long enough"),
        "of an unknown issuer": token(iss="nobody"),
        "for another application": token(aud="shop"),
        "without a subject": token(sub=None),
        "too long": token(pad="x" * 8192),
    }


@pytest.mark.parametrize("kind", bad_tokens())
def test_a_refusal_arrives_byte_for_byte_as_the_verify_endpoint_gave_it(
    front: Gateway, backend: Recorder, kind: str
) -> None:
    bad = bad_tokens()[kind]
    directly = front.send(VERIFY, bad, to="verify")
    assert directly.status == 401
    assert "www-authenticate" in directly.documented()
    for target in ("/v1/events", "/reports/may", VERIFY):
        assert front.send(target, bad).documented() == directly.documented()
    assert backend.requests == []


def test_the_documented_answers_are_these(front: Gateway) -> None:
    assert front.send("/").documented() == NO_TOKEN
    assert front.send("/", token(iat=1_000, exp=2_000)).documented() == EXPIRED


@pytest.mark.parametrize(
    ("target", "scopes", "lacked"),
    [
        ("/reports/may", [], ["read"]),
        ("/reports/may", ["write"], ["read"]),
        ("/reports/audit/may", ["audit"], ["read", "audit"]),
        ("/reports/audit/may", ["read"], ["read", "audit"]),
    ],
)
def test_a_token_without_the_scopes_of_a_location_is_told_which(
    front: Gateway, backend: Recorder, target: str, scopes: list[str], lacked: list[str]
) -> None:
    got = front.send(target, token(*scopes))
    if lacked == ["read"]:
        assert got.documented() == lacking("read")
    assert got.documented()["www-authenticate"] == (
        f'Bearer realm="api", error="insufficient_scope", scope="{" ".join(lacked)}"'
    )
    assert (got.status, got.members["required_scope"]) == (403, lacked)
    assert backend.requests == []


def test_a_scope_above_the_ceiling_of_the_application_is_not_granted(front: Gateway, backend: Recorder) -> None:
    kiosk = token("read", "audit", aud="kiosk")
    assert answered(front.send("/reports/may", kiosk)) == OK
    assert backend.requests[0].values("X-Auth-Scope") == ["read"]
    assert front.send("/reports/audit/may", kiosk).status == 403


@pytest.mark.parametrize("target", ["/reports/may", "/reports/audit/may"])
def test_a_token_with_the_scopes_of_a_location_passes(front: Gateway, backend: Recorder, target: str) -> None:
    assert answered(front.send(target, token("read", "audit"))) == OK
    assert backend.requests[0].path == target


def test_head_gets_the_headers_of_get_and_no_body(front: Gateway, backend: Recorder) -> None:
    for target, given in (("/", None), ("/reports/may", token()), (VERIFY, token())):
        got, headed = front.send(target, given), front.send(target, given, method="HEAD")
        assert headed.body == b""
        assert {**headed.documented(), "body": got.body} == got.documented()
    assert front.send("/", token(), method="HEAD").status == 200
    assert [request.line for request in backend.requests] == ["HEAD / HTTP/1.1"]


def test_a_second_authorization_field_gets_nobody_in(front: Gateway, backend: Recorder) -> None:
    good = token()
    for second in ("", "Bearer nonsense", f"Bearer {good}"):
        assert front.send("/", good, f"Authorization: {second}").status in (400, 401)
    assert backend.requests == []


@pytest.mark.parametrize("answer", [b"401 Unauthorized", b"403 Forbidden", b"500 Oops", b"503 Down"])
def test_what_the_backend_refuses_by_itself_arrives_as_it_says(
    front: Gateway, backend: Recorder, answer: bytes
) -> None:
    backend.answer = b"HTTP/1.1 " + answer + b"\r\nContent-Length: 6\r\nWWW-Authenticate: Basic\r\n\r\nmy own"
    got = front.send("/", token("read"))
    assert (got.status, got.body, got.headers["www-authenticate"]) == (int(answer[:3]), b"my own", "Basic")


def test_what_the_gateway_needs_for_itself_reaches_no_client(front: Gateway, backend: Recorder) -> None:
    for target, given in (("/", None), ("/reports/may", token()), ("/", token()), (VERIFY, None), (VERIFY, token())):
        assert "x-auth-refusal" not in front.send(target, given).headers


# When a token cannot be checked


def test_a_store_that_cannot_answer_is_503_with_the_documented_body() -> None:
    nowhere = {
        "JWT_MIDDLEWARE_REVOCATIONS": "unix:///nonexistent/redis.sock",
        "JWT_MIDDLEWARE_ERROR_URI": "https://x.example",
    }
    with gateway() as front, front.example("verify", **nowhere), front.recorder("backend") as backend:
        directly = front.send(VERIFY, token(), to="verify")
        assert (directly.status, directly.headers["retry-after"]) == (503, "1")
        assert directly.members["error_uri"] == "https://x.example"
        for target in ("/", "/reports/may", VERIFY):
            assert front.send(target, token("read")).documented() == directly.documented()
        assert answered(front.send(HEALTH)) == OK
        assert len(backend.requests) == 1


def test_where_nobody_answers_nobody_passes() -> None:
    with gateway() as front, front.recorder("backend") as backend:
        for target in ("/", "/reports/may", VERIFY):
            assert front.send(target, token("read")).documented() == unavailable()
        assert answered(front.send(HEALTH)) == OK
        assert len(backend.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        *(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status for status in (302, 404, 429, 500, 502)),
    ],
    ids=repr,
)
def test_a_verify_service_that_answers_something_else_lets_nobody_pass(answer: bytes) -> None:
    with gateway() as front, front.recorder("verify", answer), front.recorder("backend") as backend:
        assert front.send("/", token()).documented() == unavailable()
        assert backend.requests == []


def test_a_verify_service_that_hangs_lets_nobody_pass() -> None:
    def impatient(text: str) -> str:
        return text.replace("proxy_read_timeout 5s;", "proxy_read_timeout 200ms;")

    with gateway(impatient) as front, front.recorder("backend") as backend:
        with front.listening("verify"):
            assert front.send("/", token()).documented() == unavailable()
        assert backend.requests == []


# What the verify service is asked


def test_the_verify_service_gets_the_token_and_nothing_else_of_the_client() -> None:
    with gateway() as front, front.recorder("verify") as verify, front.recorder("backend") as backend:
        front.send(
            "/reports/audit/x?scope=none", "T", "X-More: x", "X-Forwarded-Proto: https", method="POST", body=b"b" * 99
        )
        front.send(HEALTH, "T")
        (asked,) = verify.requests
        assert asked.line == f"GET {VERIFY}?scope=read%20audit HTTP/1.1"
        assert dict(asked.fields) == {
            "Host": "api.example.com",
            "X-Forwarded-Proto": "http",
            "Authorization": "Bearer T",
        }
        assert asked.body == b""
        assert [request.body for request in backend.requests] == [b"b" * 99, b""]


def test_the_bodies_of_requests_arrive_whole(front: Gateway, backend: Recorder) -> None:
    large = b"0123456789abcdef" * 40_000
    assert answered(front.send("/", token(), method="POST", body=large)) == OK
    chunked = b"6\r\nabcdef\r\n0\r\n\r\n"
    with front.connection() as connection:
        connection.sendall(
            message("PUT", "/", f"Authorization: Bearer {token()}", "Transfer-Encoding: chunked") + chunked
        )
        assert answered(reply(connection)) == OK
    assert [(request.line[:4], request.body) for request in backend.requests] == [("POST", large), ("PUT ", b"abcdef")]


def test_the_body_of_a_refused_request_reaches_nobody(front: Gateway, backend: Recorder) -> None:
    assert front.send("/", method="POST", body=b"b" * 200_000).documented() == NO_TOKEN
    assert backend.requests == []


def padded(length: int) -> str:
    """A token of this many bytes."""
    short = token(pad="")
    pads = range(3 * (length - len(short)) // 4 - 3, 3 * (length - len(short)) // 4 + 3)
    return next(made for pad in pads if len(made := token(pad="x" * pad)) == length)


def test_a_token_of_the_greatest_length_passes_and_a_longer_one_is_told_so(front: Gateway, backend: Recorder) -> None:
    assert answered(front.send("/", padded(8192))) == OK
    too_long = front.send("/", padded(8192) + "x")
    assert (too_long.status, too_long.members["error_description"]) == (401, "The access token is too long")
    assert front.send("/", "x" * 20_000).status == 400


def test_the_longest_subject_reaches_the_backend(front: Gateway, backend: Recorder) -> None:
    subject = "\u1234" * 1850
    now = int(time.time())
    claims = {"sub": subject, "iss": "acme", "aud": "quest", "iat": now, "exp": now + 600}
    payload = json.dumps(claims, ensure_ascii=False).encode()
    long = making.sealed(b'{"alg":"HS256"}', payload, SECRET.encode())
    assert answered(front.send("/", long)) == OK
    (field,) = backend.requests[0].values("X-Auth-Subject")
    assert (len(field), unquote(field)) == (9 * 1850, subject)


# Preflights and WebSockets


def test_a_preflight_reaches_the_backend_as_anonymous(front: Gateway, backend: Recorder) -> None:
    assert answered(front.send("/reports/may", None, *PREFLIGHT, method="OPTIONS")) == OK
    assert answered(front.send("/reports/may", token("read"), *PREFLIGHT, method="OPTIONS")) == OK
    for request in backend.requests:
        assert request.values("Origin") == ["https://app.example"]
        assert [request.values(name) for name in IDENTITY] == [[]] * 4


@pytest.mark.parametrize(
    ("method", "lines"),
    [("OPTIONS", ()), ("OPTIONS", PREFLIGHT[:1]), ("OPTIONS", PREFLIGHT[1:]), ("GET", PREFLIGHT), ("POST", PREFLIGHT)],
)
def test_what_is_no_preflight_needs_a_token(
    front: Gateway, backend: Recorder, method: str, lines: tuple[str, ...]
) -> None:
    assert front.send("/", None, *lines, method=method).documented() == NO_TOKEN
    assert backend.requests == []


def test_a_websocket_is_opened_with_its_identity(front: Gateway, backend: Recorder) -> None:
    with front.connection() as connection:
        connection.sendall(message("GET", "/live", f"Authorization: Bearer {token('read')}", *HANDSHAKE))
        answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101 ")
        connection.sendall(b"hello\n")
        assert connection.recv(4096) == b"hello\n"
    (request,) = backend.requests
    assert request.values("Upgrade") == ["websocket"]
    assert request.values("X-Auth-Subject") == ["user_123"]


def test_a_websocket_without_a_token_is_refused_before_the_backend_hears_of_it(
    front: Gateway, backend: Recorder
) -> None:
    assert front.send("/live", None, *HANDSHAKE).documented() == NO_TOKEN
    assert backend.requests == []


# A client cannot say who it is


FORGED = [
    *("{}: mallory", "{}:mallory", "{}: mallory\r\n{}: mallory", "Connection: close, {}\r\n{}: mallory"),
    *(
        "{} : mallory",
        " {}: mallory",
        "\t{}: mallory",
        "X-Other: x\r\n {}: mallory",
        "{}\x0b: mallory",
        "{}\x00: mallory",
    ),
]
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "lower": str.lower,
    "upper": str.upper,
    "underscores": lambda name: name.replace("-", "_"),
    "one underscore": lambda name: name.replace("-", "_", 1),
    "dots": lambda name: name.replace("-", "."),
    "blanks": lambda name: name.replace("-", " "),
    "doubled": lambda name: name.replace("-", "--"),
    "accent": lambda name: name.replace("u", "\xfc"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("forged", FORGED, ids=repr)
def test_a_client_cannot_forge_an_identity(front: Gateway, backend: Recorder, forged: str, spelling: str) -> None:
    for name in IDENTITY:
        lines = [forged.replace("{}", SPELLINGS[spelling](name))]
        for target, given, method, more in (
            ("/", token(), "GET", ()),
            (HEALTH, None, "GET", ()),
            ("/", None, "OPTIONS", PREFLIGHT),
        ):
            got = front.send(target, given, *lines, *more, method=method)
            assert got.status in (200, 400)
    for request in backend.requests:
        assert [value for name in IDENTITY for value in request.values(name) if "mallory" in value] == []
        expected = [] if request.path == HEALTH or request.line.startswith("OPTIONS") else ["user_123"]
        assert request.values("X-Auth-Subject") == expected


def test_what_the_token_does_not_grant_cannot_be_added(front: Gateway, backend: Recorder) -> None:
    assert answered(front.send("/", token(), "X-Auth-Scope: read write")) == OK
    assert backend.requests[0].values("X-Auth-Scope") == []


# Every spelling of a path


SPELLED = [
    *(
        "/reports/may",
        "//reports/may",
        "/./reports/may",
        "/x/../reports/may",
        "/x/%2e%2e/reports/may",
        "/reports%2fmay",
    ),
    *(
        "/%72eports/may",
        "/reports/./may",
        "/healthz/../reports/may",
        "/healthz/..%2freports/may",
        "/reports/..%2freports/may",
    ),
    *("/reports/../reports/may", "/reports/%2e%2e/reports/may", "/reports/%2e%2e%2freports/may", "/reports//may"),
    *("/reports/may?x=/healthz", "/reports/may#/healthz", "/reports/may%3f/healthz", "/reports/may%23/../healthz"),
    *("/x/..%2f..%2freports/may", "/reports%2f..%2fhealthz", "/reports/may/..%2f..%2fhealthz", "/reports/../healthz"),
    *(
        "/healthz%2f..%2freports/may",
        "/healthz/",
        "/healthz%2f",
        "//healthz",
        "/healthz%00",
        "/HEALTHZ",
        "/x/../healthz",
    ),
    *(
        "http://api.example.com/reports/may",
        "http://api.example.com/healthz/..%2freports/may",
        "/reports\\may",
        "/x;/../reports/may",
    ),
    *("/reports/..%2fx", "/reports/%2e%2e/x", "/reports/audit/..%2fmay", "/reports/audit/../may"),
    *("/reports;x/may", "/reports%3bx/may", "/x\\..\\reports/may", "/%5creports%5cmay"),
    *("/reports/audit%2fmay", "/reports/%61udit/may", "/reports/x/..%2faudit/may", "/reports//audit//may"),
]


def readings(target: str) -> set[str]:
    """The path as backends may read it: decoded or not, without parameters or with them, dots resolved or not."""
    path = target.partition("?")[0]
    found = {path, unquote(path), unquote(unquote(path))}
    found |= {re.sub(";[^/]*", "", each.replace("\\", "/")) for each in found}
    return found | {_resolved(each) for each in found}


def _resolved(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept)


@pytest.mark.parametrize("target", SPELLED)
def test_no_spelling_of_a_path_gets_round_what_it_needs(front: Gateway, backend: Recorder, target: str) -> None:
    front.send(target)
    assert {path for request in backend.requests for path in readings(request.path)} <= {HEALTH}
    backend.requests.clear()
    front.send(target, token("audit"))
    assert not [path for request in backend.requests for path in readings(request.path) if path.startswith("/reports")]
    backend.requests.clear()
    front.send(target, token("read"))
    assert not [path for request in backend.requests for path in readings(request.path) if "/audit" in path]


# https ends at the gateway


@pytest.mark.parametrize(("believed", "status"), [("*", 200), ("127.0.0.1", 401)])
def test_where_https_is_required_the_verify_service_has_to_believe_the_gateway(
    tmp_path: Path, believed: str, status: int
) -> None:
    certificate, key = certificate_for("api.example.com", tmp_path)
    listen = (
        f"listen unix:gateway.sock; listen unix:tls.sock ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"
    )
    client = ssl.create_default_context(cafile=certificate)
    environment = {"JWT_MIDDLEWARE_REQUIRE_HTTPS": "true", "FORWARDED_ALLOW_IPS": believed}
    with gateway(listen=listen) as front, front.example("verify", **environment), front.recorder("backend"):
        with (
            front.connection("tls") as plain,
            client.wrap_socket(plain, server_hostname="api.example.com") as encrypted,
        ):
            encrypted.sendall(message("GET", "/", f"Authorization: Bearer {token()}", "X-Forwarded-Proto: http"))
            assert reply(encrypted).status == status
        refused = front.send("/", token(), "X-Forwarded-Proto: https")
        assert (refused.status, refused.members["error_description"]) == (401, InsecureTransport.description)


# What can be reached from outside


@pytest.mark.parametrize("target", ["/_verify/", "/_verify/read", "/_refused", "/_unavailable", "/_verify/%2e/"])
def test_what_is_internal_is_not_found_from_outside(front: Gateway, backend: Recorder, target: str) -> None:
    assert front.send(target, token("read")).status == 404
    assert front.send(target).status == 404
    assert backend.requests == []


def test_the_test_endpoint_answers_tenants(front: Gateway) -> None:
    got = front.send(f"{VERIFY}?scope=read", token("read"))
    assert (got.status, got.members["sub"], got.members["scope"]) == (200, "user_123", ["read"])
    assert front.send(f"{VERIFY}?scope=audit", token("read")).documented() == lacking("audit")
    assert front.send(VERIFY, token(), method="DELETE").documented() == {
        "status": 405,
        "body": b"",
        "content-length": "0",
        "allow": "GET, HEAD",
    }


def test_without_its_location_the_verify_service_cannot_be_reached_from_outside() -> None:
    def without_test_endpoint(text: str) -> str:
        before, _, rest = text.partition(f"    location = {VERIFY} {{\n")
        return before + rest.partition("    }\n")[2]

    with gateway(without_test_endpoint) as front, front.example("verify"), front.recorder("backend") as backend:
        assert front.send(VERIFY).documented() == NO_TOKEN
        assert answered(front.send(VERIFY, token())) == OK
        assert [request.path for request in backend.requests] == [VERIFY]


def test_no_other_path_of_the_verify_service_can_be_reached(front: Gateway, backend: Recorder) -> None:
    for target in (f"{VERIFY}/", f"/x/..{VERIFY}/x"):
        assert answered(front.send(target, token())) == OK
    assert len(backend.requests) == 2


# What the page shows


PAGE = (EXAMPLES.parent / "docs" / "gateway.md").read_text()
CONFIGURATION = (EXAMPLES / "gateway" / "nginx.conf").read_text()


def test_the_page_shows_what_is_in_the_configuration() -> None:
    (shown,) = re.findall("^```nginx\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert shown in CONFIGURATION


def test_the_page_starts_what_the_examples_and_the_configuration_say() -> None:
    (commands,) = re.findall("^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for name in ("verify", "backend"):
        assert f"{command(name)} &\n" in commands
    nginx = commands.splitlines()[-1]
    assert nginx in CONFIGURATION


def test_the_page_names_every_identity_header_where_traefik_removes_and_copies_it() -> None:
    traefik = PAGE.partition("```yaml")[2]
    assert f"authResponseHeaders: [{', '.join(IDENTITY)}]" in traefik
    assert [line.strip() for line in traefik.splitlines() if line.endswith(': ""')] == [
        f'{name}: ""' for name in IDENTITY
    ]
