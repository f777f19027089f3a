"""Every row of the table, at every door: the same status, headers and body, byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import pytest

from jwt_middleware import JWTSettings

from . import asgi_doors, bare_framework_doors, framework_doors, mounted_doors, wsgi_doors
from .row import Colour, Reply, Request, Row, expected
from .table import ROWS
from .table.verification import PATH as VERIFY_PATH
from .tenants import TENANTS
from .tokens import NOW


class Door(NamedTuple):
    """One way into the app of the table."""

    name: str
    colour: Colour
    ask: Callable[[JWTSettings, Request], Reply]
    """Builds the app, closes it with these settings, and asks it once."""
    extra: str = "asgiref"
    """The library without which it is not there."""
    takes: Callable[[Row], bool] = lambda row: True


def _validator_takes(row: Row) -> bool:
    """It wants a Content-Type on an answer without content, too."""
    return row.answer.members is not None


def _handshake_takes(row: Row) -> bool:
    """A handshake is a GET, and the verify endpoint is none."""
    return row.request.method == "GET" and row.request.path not in (VERIFY_PATH, row.settings.get("verify_path"))


def _django_takes(row: Row) -> bool:
    """Where there is no path at all, Django serves `/` under WSGI and finds nothing under ASGI."""
    return row.request.path_bytes != b""


DOORS = (
    Door("wsgi-webtest", "wsgi", wsgi_doors.linted),
    Door("wsgi-validate", "wsgi", wsgi_doors.validated, takes=_validator_takes),
    Door("wsgi-bare", "wsgi", wsgi_doors.bare),
    Door("asgi-testclient", "asgi", asgi_doors.by_test_client, "starlette"),
    Door("asgi-communicator", "asgi", asgi_doors.by_communicator),
    Door("websocket", "asgi", asgi_doors.by_handshake, takes=_handshake_takes),
    Door("flask", "wsgi", framework_doors.flask, "flask"),
    Door("starlette", "asgi", framework_doors.starlette, "starlette"),
    Door("fastapi", "asgi", framework_doors.fastapi, "fastapi"),
    Door("django-wsgi", "wsgi", framework_doors.django_wsgi, "django", _django_takes),
    Door("django-asgi", "asgi", framework_doors.django_asgi, "django", _django_takes),
    Door("pyramid", "wsgi", bare_framework_doors.pyramid, "pyramid"),
    Door("falcon-wsgi", "wsgi", bare_framework_doors.falcon_wsgi, "falcon"),
    Door("falcon-asgi", "asgi", bare_framework_doors.falcon_asgi, "falcon"),
    Door("litestar", "asgi", bare_framework_doors.litestar, "litestar"),
    Door("inside-a-werkzeug-mount", "wsgi", mounted_doors.werkzeug_inside, "pyramid"),
    Door("outside-werkzeug-mounts", "wsgi", mounted_doors.werkzeug_outside, "pyramid"),
    Door("inside-a-starlette-mount", "asgi", mounted_doors.starlette_inside, "starlette", mounted_doors.mount_takes),
    Door("outside-starlette-mounts", "asgi", mounted_doors.starlette_outside, "starlette"),
    Door("inside-a-fastapi-mount", "asgi", mounted_doors.fastapi_inside, "fastapi", mounted_doors.mount_takes),
    Door("outside-fastapi-mounts", "asgi", mounted_doors.fastapi_outside, "fastapi"),
    Door("outside-litestar-mounts", "asgi", mounted_doors.litestar_outside, "litestar"),
)


def _pairs() -> Iterator[Any]:
    for door in DOORS:
        is_absent = find_spec(door.extra) is None
        marks = [pytest.mark.skipif(is_absent, reason=f"{door.extra} is not installed")]
        for row in ROWS:
            if row.colour in (None, door.colour) and door.takes(row):
                yield pytest.param(door, row, id=f"{door.name}-{row.id}", marks=marks)


def _settings(row: Row) -> JWTSettings:
    return JWTSettings(**{"tenants": TENANTS, "clock": lambda: NOW, **row.settings})


# The linters know the methods of HTTP/1.1 and PATCH; nobody keeps a client from sending others.
@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@pytest.mark.table("rows of the conformance table, by door", by="door")
@pytest.mark.parametrize(("door", "row"), [*_pairs()])
def test_a_door_answers_as_documented(door: Door, row: Row, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "jwt_middleware"):
        reply = door.ask(_settings(row), row.request)
    assert reply == expected(row)
    _check_log(row, caplog)


def _check_log(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    """One line about a refusal, with its precise reason; none about anything else."""
    ours = [record for record in caplog.records if record.name == "jwt_middleware"]
    reasons = [getattr(record, "reason", None) for record in ours if record.levelname == "WARNING"]
    is_refusal = row.answer.status in (401, 403, 503)
    assert len(reasons) == is_refusal
    if row.answer.reason is not None:
        assert reasons == [row.answer.reason]
    assert "hunter2" not in caplog.text


def test_every_row_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(row.id for row in ROWS).items() if count > 1] == []


def test_the_table_has_every_documented_code() -> None:
    codes = {(row.answer.status, (row.answer.members or {}).get("error")) for row in ROWS}
    assert codes == {
        (200, None),
        (401, "invalid_token"),
        (401, "invalid_signature"),
        (401, "missing_required_claim"),
        (401, "token_expired"),
        (403, "insufficient_permissions"),
        (405, None),
        (503, "temporarily_unavailable"),
    }
