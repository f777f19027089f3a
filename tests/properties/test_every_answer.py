"""No bytes in any header make anything but 200, 401 or 403, and the two doors never disagree."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..conformance.row import Request
from .doors import ask_asgi, ask_wsgi
from .existence import one_of
from .strategies import fields, paths, requests

_PATHS = st.sampled_from(("/private", "/feed", "/healthz", "/admin/x", "/users/zoe", "/v1/auth/verify"))
_CODES = {"invalid_token", "invalid_signature", "missing_required_claim", "token_expired", "insufficient_permissions"}


@given(_PATHS, fields)
def test_no_header_makes_anything_but_200_401_or_403(path: str, fields: tuple[tuple[str, bytes], ...]) -> None:
    for ask in (ask_wsgi, ask_asgi):
        reply = ask(Request(path=path, fields=fields))
        assert reply.status in (200, 401, 403)
        if reply.status != 200:
            assert json.loads(reply.body)["error"] in _CODES
            assert reply.headers["www-authenticate"].startswith('Bearer realm="api"')


@given(requests() | requests(_PATHS.map(str.encode)))
def test_both_doors_give_the_same_answer(request_: Request) -> None:
    assert ask_wsgi(request_) == ask_asgi(request_)


@given(requests())
def test_no_request_crashes_and_every_header_is_plain(request_: Request) -> None:
    reply = ask_wsgi(request_)
    assert reply.status in (200, 401, 403, 405)
    for name, value in reply.headers.items():
        assert (name + value).isascii()
        assert (name + value).isprintable()


@pytest.mark.parametrize("status", [200, 401, 403])
def test_every_answer_is_among_the_generated(status: int) -> None:
    built = st.builds(Request, path=_PATHS, fields=fields)
    found = one_of(built, lambda request: ask_wsgi(request).status == status)
    assert ask_asgi(found).status == status


def test_an_identity_on_a_wild_path_is_among_the_generated() -> None:
    found = one_of(requests(paths), lambda request: b'"is_authenticated":true' in ask_asgi(request).body)
    assert ask_wsgi(found).status == 200
