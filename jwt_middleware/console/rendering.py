"""From values to pages: templates, and what every page has."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from importlib import resources
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from jwt_middleware.explaining.wording import moment, visible

ASSETS: Final = {
    "console.css": "text/css; charset=utf-8",
    "copy.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""Files beside the pages, with their media types."""
RETRY_AFTER: Final = "1"
"""Seconds after which a store that could not answer may be asked again."""

_FAILURES: Final = {
    400: ("This form cannot be read", "Open the page again and send the form from there."),
    403: (
        "This form was not sent from its page",
        "Nothing was changed. Open the page again and send the form from there. If that does not help: "
        "allow cookies for this site, and use one tab only.",
    ),
    404: ("There is no such page", "Check the address, or start from the first page."),
    405: ("That cannot be done with this page", "Open the page again and use its form."),
    408: ("The form took too long to arrive", "Nothing was changed. Send it again."),
    413: ("That is too much for this form", "Nothing was changed. Paste one token and nothing else."),
    415: ("This form cannot be read", "Open the page again and send the form from there."),
    500: ("This page failed", "Try it again. If it fails again, tell the API provider when it did."),
    503: (
        "The page cannot be made at this moment",
        "Your secrets are as safe as before. Wait a moment and open the page again.",
    ),
}


class Pages:
    """Makes pages. Everything that is put into one is escaped."""

    def __init__(self, base_url: str) -> None:
        address = urlsplit(base_url)
        self.is_https: Final = address.scheme == "https"
        self.origin: Final = f"{address.scheme}://{address.netloc}"
        self._environment = Environment(
            loader=PackageLoader("jwt_middleware.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"visible": visible, "moment": moment, "iso": _iso}
        self._environment.globals["root"] = address.path

    def page(self, name: str, status: int = 200, **values: Any) -> Response:
        """The page of this template. Raises jinja2's UndefinedError where a value is missing."""
        return HTMLResponse(self._environment.get_template(f"{name}.html").render(values), status)

    def failure(self, status: int) -> Response:
        """The page for this status: what to do, and nothing of what happened inside."""
        title, advice = _FAILURES.get(status, (HTTPStatus(status).phrase, "Open the page again."))
        answer = self.page("failure", status, title=title, advice=advice)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            answer.headers["Retry-After"] = RETRY_AFTER
        return answer


def assets() -> dict[str, bytes]:
    """What the files beside the pages hold, by name."""
    folder = resources.files("jwt_middleware.console") / "static"
    return {name: (folder / name).read_bytes() for name in ASSETS}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
