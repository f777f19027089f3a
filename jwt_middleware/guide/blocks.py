"""What the guide is made of: blocks, and text in which nothing that comes from outside can act as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

_MARKUP: Final = re.compile(r"`([^`]+)`|\[([^\]]+)\]\((#[^)]+)\)|\{(\w+)\}")
_DROPPED: Final = re.compile(r"[^\w\- ]")


class Code(NamedTuple):
    """A name or a value, as it is written in programs."""

    text: str


class Link(NamedTuple):
    """`address`: a place in this guide, `#token_expired`, or a web address that was checked."""

    text: str
    address: str


Piece: TypeAlias = str | Code | Link
Said: TypeAlias = tuple[Piece, ...]
"""A sentence or more. What is a plain `str` in it is text, whatever characters it has."""


class Heading(NamedTuple):
    """`level` 1 is the title's."""

    text: str
    level: int

    @property
    def anchor(self) -> str:
        """What a link has after `#`: the same that GitHub, and most programs that render Markdown, make of it."""
        return _DROPPED.sub("", self.text.lower()).replace(" ", "-")


class Paragraph(NamedTuple):
    """`is_warning`: what costs somebody dearly who overlooks it."""

    pieces: Said
    is_warning: bool = False


class Items(NamedTuple):
    """A list; `is_numbered` where the order matters."""

    items: tuple[Said, ...]
    is_numbered: bool = False


class Table(NamedTuple):
    """`about` says what is in it, to those who cannot see that."""

    about: str
    head: tuple[str, ...]
    rows: tuple[tuple[Said, ...], ...]


class Program(NamedTuple):
    """Lines to copy. `language` as Markdown names it."""

    language: str
    text: str


Block: TypeAlias = Heading | Paragraph | Items | Table | Program


def said(text: str, **values: Piece | Said) -> Said:
    """A sentence of this package, with `code` in backticks, [links](#to-a-section), and each {name} replaced by its
    value, in which nothing has a meaning. Raises KeyError for a name without a value.
    """
    return (*_pieces(text, values),)


def heading(text: str, level: int = 2) -> Heading:
    """A section begins."""
    return Heading(text, level)


def paragraph(text: str, **values: Piece | Said) -> Paragraph:
    """See `said`."""
    return Paragraph(said(text, **values))


def warning(text: str, **values: Piece | Said) -> Paragraph:
    """See `said`."""
    return Paragraph(said(text, **values), is_warning=True)


def codes(names: Iterable[str], last: str = "and") -> Said:
    """Names, with commas between, and a word before the last one."""
    every = [Code(name) for name in names]
    return (*_joined(every, last),)


def _joined(names: list[Code], last: str) -> Iterator[Piece]:
    for number, name in enumerate(names):
        if number:
            yield f" {last} " if number == len(names) - 1 else ", "
        yield name


def _pieces(text: str, values: dict[str, Piece | Said]) -> Iterator[Piece]:
    end = 0
    for found in _MARKUP.finditer(text):
        if found.start() > end:
            yield text[end : found.start()]
        end = found.end()
        code, words, address, name = found.groups()
        if code is not None:
            yield Code(code)
        elif words is not None:
            yield Link(words, address)
        else:
            yield from _flat(values[name])
    if end < len(text):
        yield text[end:]


def _flat(value: Piece | Said) -> Said:
    is_one_piece = isinstance(value, str | Code | Link)
    return (value,) if is_one_piece else value  # type: ignore[return-value]  # of a tuple and a named one
