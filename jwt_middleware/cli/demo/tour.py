"""The demo's requests, sent over the network, and how the answers compare with the documented ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx2

from jwt_middleware.cli.demo.scenes import Scene, scenes
from jwt_middleware.cli.demo.world import World
from jwt_middleware.log import logger

_ABSENT = "absent"


class Row(NamedTuple):
    """One answer. `differences` from the documented one: none where all is well."""

    scene: Scene
    status: int
    code: str | None
    challenge: str | None
    reason: str | None
    """What the operator's log said."""
    differences: tuple[str, ...]


def tour(url: str, world: World) -> list[Row]:
    """Send every request to the API at this address."""
    with httpx2.Client(base_url=url, trust_env=False, timeout=10) as client, _watched_log() as log:
        return [_row(scene, client, world, log) for scene in scenes(world)]


class _Reasons(logging.Handler):
    """Keeps the reason of the last refusal that was logged."""

    last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.last = getattr(record, "reason", None)


@contextmanager
def _watched_log() -> Iterator[_Reasons]:
    reasons = _Reasons()
    logger.addHandler(reasons)
    try:
        yield reasons
    finally:
        logger.removeHandler(reasons)


def _row(scene: Scene, client: httpx2.Client, world: World, log: _Reasons) -> Row:
    log.last = None
    world.store.is_down = scene.store_is_down
    headers = {} if scene.authorization is None else {"Authorization": scene.authorization}
    try:
        response = client.request(scene.method, scene.path, headers=headers, json=scene.body)
    finally:
        world.store.is_down = False
    members = _members(response)
    challenge = response.headers.get("www-authenticate")
    differences = (*_differences(scene, response, members),)
    return Row(scene, response.status_code, members.get("error"), challenge, log.last, differences)


def _members(response: httpx2.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _differences(scene: Scene, response: httpx2.Response, members: dict[str, Any]) -> Iterator[str]:
    expected = scene.expected
    if response.status_code != expected.status:
        yield f"status {response.status_code} instead of {expected.status}"
    for name, field in expected.headers.items():
        found = response.headers.get(name)
        if found != field:
            yield f"{name}: {found or _ABSENT} instead of {field or _ABSENT}"
    for name, member in expected.members.items():
        if members.get(name) != member:
            yield f"{name}: {members.get(name, _ABSENT)} instead of {member}"
