"""One JSON document by https: bounded in time and size, no redirects. The only place that imports httpx2."""

from __future__ import annotations

import json
import re
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from jwt_middleware.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    import httpx2

_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])", re.IGNORECASE).search


class FetchError(Exception):
    """The document could not be had; the text says why, and holds nothing that the other side sent."""


class Document(NamedTuple):
    """A decoded document, and how long its Cache-Control lets it be kept (seconds; None: it says nothing)."""

    content: Any
    max_age: float | None


def check_installed() -> None:
    """Raises ConfigurationError, naming the extra, where httpx2 is missing."""
    if find_spec("httpx2") is None:
        problem = Problem("JWKS", "needs the package httpx2", "pip install 'tenant-jwt-middleware[jwks,crypto]'")
        raise ConfigurationError([problem], "key sets by URL cannot be used")


def fetch_json(url: str, timeout: float, max_bytes: int) -> Document:
    """Fetch and decode. `timeout` (seconds) is for the whole of it. Raises FetchError."""
    import httpx2  # an extra, and half as much to load as all the rest

    deadline = time.monotonic() + timeout
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        with (
            httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code != 200:
                raise FetchError(f"status {response.status_code}")
            body = _body(response, deadline, max_bytes)
            return Document(_decoded(body), max_age(response.headers.get("cache-control", "")))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise FetchError(type(error).__name__) from None


def max_age(cache_control: str) -> float | None:
    """`max-age` of a Cache-Control field (RFC 9111 section 5.2.2.1); no-store and no-cache count as 0."""
    if "no-store" in cache_control.lower() or "no-cache" in cache_control.lower():
        return 0.0
    found = _MAX_AGE(cache_control)
    return float(found[1]) if found else None


def _body(response: httpx2.Response, deadline: float, max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise FetchError(f"more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise FetchError("took too long")
    return bytes(body)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise FetchError("not JSON") from None
