"""One JSON document by https: bounded in time and size, no redirects. The only place that imports httpx2."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from functools import cache
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
            _Cut(timeout) as cut,
            httpx2.Client(verify=_trusted(), timeout=timeout, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers=headers, extensions={"trace": cut.watch}) as response,
        ):
            if response.status_code != 200:
                raise FetchError(f"status {response.status_code}")
            body = _body(response, deadline, max_bytes)
            return Document(_decoded(body), max_age(response.headers.get("cache-control", "")))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise FetchError(type(error).__name__ if time.monotonic() < deadline else "took too long") from None


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that certificates may come from: read once, because that takes longer than a fetch."""
    import httpx2

    return httpx2.create_ssl_context(trust_env=False)


def max_age(cache_control: str) -> float | None:
    """`max-age` of a Cache-Control field (RFC 9111 section 5.2.2.1); no-store and no-cache count as 0."""
    if "no-store" in cache_control.lower() or "no-cache" in cache_control.lower():
        return 0.0
    found = _MAX_AGE(cache_control)
    return float(found[1]) if found else None


class _Cut:
    """Ends the connection after `timeout` seconds. The client's own limit starts anew with each byte that comes."""

    def __init__(self, timeout: float) -> None:
        self._timer = threading.Timer(timeout, self._cut)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Take the connection's socket: the plain one, and the one with TLS that takes its place."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.append(info["return_value"].get_extra_info("socket"))

    def _cut(self) -> None:
        for connection in self._sockets:
            with suppress(OSError):
                # Not the TLS socket's own method, which a thread that is reading would not survive.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def __enter__(self) -> _Cut:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _body(response: httpx2.Response, deadline: float, max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise FetchError(f"more than {max_bytes} bytes")
    # Where no length was announced, a connection that was cut looks like the end.
    if time.monotonic() >= deadline:
        raise FetchError("took too long")
    return bytes(body)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise FetchError("not JSON") from None
