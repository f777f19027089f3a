"""What the settings do not say: the addresses in the guide, and its title."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.grammar import is_name

API_URL: Final = "https://api.example.com"
"""Where no other address is given: it stands for the provider's own."""

_WEB: Final = re.compile(r"https?://[\x21-\x7e]+").fullmatch
_MAIL: Final = re.compile(r"mailto:[\x21-\x7e]+@[\x21-\x7e]+").fullmatch


class Places(NamedTuple):
    """Checked; without a slash at the end."""

    api: str
    title: str
    documentation: str | None
    support: str | None
    console: str | None


def checked(
    base_url: str, title: str, documentation_url: str | None, support_url: str | None, console_url: str | None
) -> Places:
    """Raises ConfigurationError with every problem."""
    problems = [
        *_problems_of("base_url", base_url, is_extended=True),
        *_problems_of("documentation_url", documentation_url),
        *_problems_of("support_url", support_url, may_be_mail=True),
        *_problems_of("console_url", console_url, is_extended=True),
    ]
    if not is_name(title):
        problems.append(Problem("title", "not one line of text", 'write title="Authentication"'))
    if problems:
        raise ConfigurationError(problems, "the guide cannot be made")
    return Places(base_url.rstrip("/"), title, documentation_url, support_url, console_url and console_url.rstrip("/"))


def _problems_of(
    where: str, url: str | None, *, may_be_mail: bool = False, is_extended: bool = False
) -> Iterator[Problem]:
    """`is_extended`: a path is appended to it."""
    if url is None or (may_be_mail and _MAIL(url)):
        return
    if not _WEB(url) or not _has_host(url):
        mail = ' or "mailto:api@example.com"' if may_be_mail else ""
        yield Problem(where, "no web address", f'write {where}="https://..."{mail}')
    elif is_extended and ("?" in url or "#" in url):
        yield Problem(where, "there is more in it than host, port and path", f'write {where}="https://..."')


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False
