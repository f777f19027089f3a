"""docs/metrics.md lists what the code counts, and what it shows can be used."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import webtest
from prometheus_client import REGISTRY, CollectorRegistry

from jwt_middleware import Key
from jwt_middleware.metrics import _SIGNATURE, _STORES, _TENANT_FROM, OTHER, Metrics
from jwt_middleware.observation import CODES, REASONS, Observation
from jwt_middleware.tokens import guide_claims, signed

from ..stores.redis_server import free_port
from ..unit.calling import ASGIDoor, WSGIDoor
from ..unit.making import OTHER_SECRET, settings, token

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = (DOCS / "metrics.md").read_text(encoding="utf-8")
ERRORS: Final = (DOCS / "errors.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def rows(text: str, head: str) -> dict[str, str]:
    """First and second cell of each row of the table that begins so; code without its quotes."""
    lines = text.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {name.strip("`"): second for name, second, *_ in cells}


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([\w-]+)`", text))


@pytest.fixture
def _registry_of_the_process() -> Iterator[None]:
    """What the shown programs put into it is taken out again."""
    before = set(REGISTRY._collector_to_names)
    yield
    for collector in set(REGISTRY._collector_to_names) - before:
        REGISTRY.unregister(collector)


def counted(**options: Any) -> dict[str, set[str]]:
    """Every metric of the code with its labels."""
    kinds = Metrics(CollectorRegistry(), **options)._metrics()
    suffixes = {"counter": "_total", "histogram": ""}
    return {f"{kind._name}{suffixes[kind._type or '']}": set(kind._labelnames) for kind in kinds}


def test_every_metric_is_listed_with_its_labels() -> None:
    assert {name: quoted(labels) for name, labels in rows(PAGE, "metric").items()} == counted()


def test_the_metrics_that_have_a_tenant_are_said_to() -> None:
    with_tenant = {name for name, labels in counted(tenants=True).items() if "tenant" in labels}
    assert set(counted()) - with_tenant == {
        *("jwt_middleware_store_errors_total", "jwt_middleware_verification_seconds"),
    }
    assert "on all but the store errors and the histogram" in rows(PAGE, "label")["tenant"]


def test_every_label_is_listed_with_its_values() -> None:
    values = rows(PAGE, "label")
    assert set(values) == set().union(*counted(tenants=True).values())
    assert quoted(values["code"]) == CODES
    assert quoted(values["outcome"]) == {"accepted", "anonymous", "refused"}
    assert quoted(values["tenant_from"]) == set(_TENANT_FROM.values())
    assert quoted(values["signature"]) == set(_SIGNATURE.values())
    assert quoted(values["store"]) == {*_STORES.values(), OTHER}
    assert quoted(values["key_ends"]) == {"within_a_day", "within_a_week", "later"}


def test_every_reason_is_listed_here_or_among_the_errors() -> None:
    listed = rows(ERRORS, "reason")
    in_the_log = {name if name in REASONS else name.partition("_with_")[0] for name in listed}
    assert in_the_log | set(rows(PAGE, "further reason")) == REASONS
    assert all("…" in name for name in listed if name not in REASONS)


def test_every_member_of_an_observation_is_listed() -> None:
    listed = [name for names in rows(PAGE, "of an observation") for name in re.findall(r"\w+", names)]
    assert sorted(listed) == sorted(Observation.__struct_fields__)


def test_questions_and_alerts_ask_for_what_there_is() -> None:
    names = {*counted(), *(f"jwt_middleware_verification_seconds_{part}" for part in ("bucket", "count", "sum"))}
    labels = counted(tenants=True)
    asked = re.findall(r"(jwt_middleware_\w+)(?:\{(.*?)\})?", "".join([*blocks("promql"), *blocks("yaml")]))
    assert len(asked) > 15
    for name, condition in asked:
        assert name in names
        metric = re.sub("_(bucket|count|sum)$", "", name)
        for label, wanted in re.findall(r'(\w+)!?=~?"([^"]*)"', condition):
            assert label in labels[metric]
            assert all(part in _values_of(label) for part in wanted.split("|"))


def _values_of(label: str) -> set[str]:
    return {"", *(REASONS if label == "reason" else quoted(rows(PAGE, "label")[label]))}


def run(program: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(program, "docs/metrics.md", "exec"), names)  # noqa: S102
    return names


@pytest.mark.usefixtures("_registry_of_the_process")
def test_the_first_program_serves_its_metrics_at_an_address_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_SECRET", secrets.token_urlsafe(32))
    port, servers = free_port(), []
    program = (
        blocks("python")[0].replace("9100", str(port)).replace("start_http_server(", "served = start_http_server(")
    )
    try:
        servers.append(run(program)["served"])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert b"jwt_middleware_store_errors_total" in answer.read()
    finally:
        for server, thread in servers:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.mark.usefixtures("_registry_of_the_process")
def test_the_second_program_serves_them_outside_the_middleware(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secrets.token_urlsafe(32)
    monkeypatch.setenv("ACME_SECRET", secret)
    names = run(blocks("python")[1])
    app = webtest.TestApp(names["app"].wsgi_app)
    claims = guide_claims(names["acme"], "shop", "user_123", now=time.time(), scopes=[], lifetime=60)
    app.get("/anything", headers={"Authorization": f"Bearer {signed(claims, Key.secret(secret))}"}, status=404)
    app.get("/anything", status=401)
    text = app.get("/metrics").text
    assert 'jwt_middleware_requests_total{code="",outcome="accepted",reason="",tenant="acme"} 1.0' in text
    assert 'reason="no_credentials",tenant=""} 1.0' in text


def test_the_program_for_several_processes_serves_what_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert webtest.TestApp(run(blocks("python")[2])["app"]).get("/metrics").status_int == 200


@pytest.mark.parametrize("door", [WSGIDoor, ASGIDoor])
def test_the_audit_log_names_who_called_what_in_one_line(door: Any, caplog: pytest.LogCaptureFixture) -> None:
    audit = run(blocks("python")[3])["AuditLog"]()
    made = door(settings(observers=[audit]))
    with caplog.at_level(logging.INFO, "audit"):
        made.get("/a%0Ab", token())
        made.get("/a", token(OTHER_SECRET))
    first, second = (record.getMessage() for record in caplog.records if record.name == "audit")
    assert "\n" not in first
    entry = json.loads(first)
    assert (entry["outcome"], entry["tenant_id"], entry["path"]) == ("accepted", "acme", "/a\nb")
    assert json.loads(second)["reason"] == "bad_signature"
    assert len(json.loads(second)["fingerprint"]) == 64


def test_no_program_of_the_page_is_left_out() -> None:
    assert len(blocks("python")) == 4
