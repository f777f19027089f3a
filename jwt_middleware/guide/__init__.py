"""The guide that a provider gives to its tenants, made from the provider's settings, so that it is always true.

::

    Path("authentication.md").write_text(render_markdown(settings, base_url="https://api.example.com"))

Both forms say the same, section by section, and each error code has one anchor: `#token_expired`. Nothing else has to
be installed. What stands in it of the settings: names of claims, scopes and the paths that rules demand them for,
limits, algorithms, the realm, the verify endpoint and `error_uri`. Nothing of tenants, keys, stores or public paths.
"""

from __future__ import annotations

from typing import Final

from jwt_middleware.guide.chapters import document
from jwt_middleware.guide.html import content, page
from jwt_middleware.guide.markdown import rendered
from jwt_middleware.guide.places import API_URL, checked
from jwt_middleware.settings import JWTSettings

__all__ = ["TITLE", "render_html", "render_markdown"]

TITLE: Final = "Authentication"
"""The heading of the guide, where no other is given."""


def render_markdown(
    settings: JWTSettings,
    *,
    base_url: str = API_URL,
    title: str = TITLE,
    documentation_url: str | None = None,
    support_url: str | None = None,
    console_url: str | None = None,
) -> str:
    """The guide in Markdown (CommonMark with GitHub's tables).

    `base_url` is where tenants reach the API: what `verify_path` is appended to. The others are linked where they are
    given: the API's reference, where to ask (https or mailto), and the console's address.
    Raises ConfigurationError, with every address that is none, and for a title that is not one line of text.
    """
    places = checked(base_url, title, documentation_url, support_url, console_url)
    return rendered(document(settings, places))


def render_html(
    settings: JWTSettings,
    *,
    base_url: str = API_URL,
    title: str = TITLE,
    documentation_url: str | None = None,
    support_url: str | None = None,
    console_url: str | None = None,
    fragment: bool = False,
) -> str:
    """The guide as a page of its own, which loads nothing and needs no script; otherwise as `render_markdown`.

    `fragment`: only what stands in the page's `main` element, for a page that brings its own head and styles.
    """
    places = checked(base_url, title, documentation_url, support_url, console_url)
    blocks = document(settings, places)
    return content(blocks) if fragment else page(places.title, blocks)
