"""Blocks as Markdown: CommonMark, with GitHub's tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from jwt_middleware.guide.blocks import Block, Code, Heading, Items, Link, Paragraph, Piece, Program, Said

_ACTIVE: Final = re.compile(r"[\\`*\[\]<>|~&#]|(?<!\w)_|_(?!\w)")
_BACKTICKS: Final = re.compile("`+")


def rendered(blocks: Iterable[Block]) -> str:
    """The whole text, with a line end at its end."""
    return "\n\n".join(map(_block, blocks)) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_escaped(block.text)}"
        case Paragraph():
            return f"> **Important:** {_said(block.pieces)}" if block.is_warning else _said(block.pieces)
        case Items():
            return "\n".join(_items(block))
        case Program():
            fence = _fence(block.text, 3)
            return f"{fence}{block.language}\n{block.text}\n{fence}"
        case _:
            rows = (map(_cell, row) for row in block.rows)
            return "\n".join(map(_row, [block.head, ["---"] * len(block.head), *rows]))


def _items(block: Items) -> Iterator[str]:
    for number, item in enumerate(block.items, 1):
        yield f"{f'{number}.' if block.is_numbered else '-'} {_said(item)}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(pieces: Said) -> str:
    # A table is cut at every bar before anything else is read, code included (GFM section 4.10).
    return "".join(_piece(piece).replace("|", "\\|") if isinstance(piece, Code) else _piece(piece) for piece in pieces)


def _said(pieces: Said) -> str:
    return "".join(map(_piece, pieces))


def _piece(piece: Piece) -> str:
    match piece:
        case Code(text):
            return _code(text)
        case Link(text, address):
            return f"[{_escaped(text)}]({_address(address)})"
        case _:
            return _escaped(piece)


def _code(text: str) -> str:
    """A code span (CommonMark section 6.1): blanks around it are dropped, one on each side."""
    fence = _fence(text, 1)
    blank = " " if text[:1] in ("`", " ") or text[-1:] in ("`", " ") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def _fence(text: str, least: int) -> str:
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    return "`" * max(least, longest + 1)


def _escaped(text: str) -> str:
    return _ACTIVE.sub(r"\\\g<0>", text)


def _address(address: str) -> str:
    """In it, brackets would end the link."""
    return "".join(f"%{ord(c):02X}" if c in "()<>\\|`*" else c for c in address)
