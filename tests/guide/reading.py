"""The guide in both its forms, and what a reader finds in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from xml.etree import ElementTree

from jwt_middleware import JWTSettings
from jwt_middleware.guide import render_html, render_markdown

_FENCED: Final = re.compile(r"^(`{3,})([a-z]+)\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
_HEADING: Final = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"(?<!\\)\[((?:[^\]\\]|\\.)+)\]\(([^)]+)\)")


class Guide(NamedTuple):
    """One guide, written twice."""

    markdown: str
    html: str

    @property
    def page(self) -> ElementTree.Element:
        """The page, read as XML, which knows no mercy."""
        return ElementTree.fromstring(self.html)  # noqa: S314 (made here)

    @property
    def text(self) -> str:
        """What the page says, without its markup."""
        body = self.page.find("body")
        assert body is not None
        return "".join(body.itertext())

    @property
    def programs(self) -> list[tuple[str, str]]:
        """Language and text of everything that can be copied, which is the same in both forms."""
        fenced = [(language, text) for _, language, text in _FENCED.findall(self.markdown)]
        assert fenced == [*self._programs_of_the_page()]
        return fenced

    def program(self, language: str, number: int = 0) -> str:
        """The first, or a later one, in this language."""
        return [text for name, text in self.programs if name == language][number]

    @property
    def prose(self) -> str:
        """The Markdown without the programs."""
        return _FENCED.sub("", self.markdown)

    @property
    def headings(self) -> list[tuple[int, str]]:
        """Level and text of each heading of the Markdown."""
        return [(len(marks), text) for marks, text in _HEADING.findall(self.prose)]

    @property
    def links(self) -> list[tuple[str, str]]:
        """Text and address of each link of the Markdown."""
        return _LINK.findall(self.prose)

    def _programs_of_the_page(self) -> Iterator[tuple[str, str]]:
        for code in self.page.iterfind(".//pre/code"):
            yield code.attrib["class"].removeprefix("language-"), code.text or ""


def guide(settings: JWTSettings | None = None, **places: Any) -> Guide:
    """The guide to these settings; without any, to the defaults."""
    known = JWTSettings([]) if settings is None else settings
    return Guide(render_markdown(known, **places), render_html(known, **places))


def slug(heading: str) -> str:
    """The anchor that GitHub makes for a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
