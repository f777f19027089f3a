"""Blocks as HTML, well-formed as XML, too; and the page around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from jwt_middleware.guide.blocks import Block, Code, Heading, Items, Link, Paragraph, Piece, Program, Said, Table
from jwt_middleware.guide.chapters import CONTENTS


def page(title: str, blocks: Sequence[Block]) -> str:
    """A page that loads nothing, has no script, and can be read on a phone, in the dark and by keyboard alone."""
    style = (resources.files("jwt_middleware.guide") / "page.css").read_text(encoding="utf-8")
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<main id="main" tabindex="-1">
{content(blocks)}
</main>
</body>
</html>
"""


def content(blocks: Iterable[Block]) -> str:
    """The blocks alone. Everything in them that is not of this package is escaped."""
    return "\n".join(_in_contents(map(_block, blocks)))


def _in_contents(lines: Iterable[str]) -> Iterable[str]:
    """The list of sections is where one navigates by."""
    is_next = False
    for line in lines:
        yield f'<nav aria-label="{CONTENTS}">\n{line}\n</nav>' if is_next else line
        is_next = line.endswith(f">{CONTENTS}</h2>")


def _block(block: Block) -> str:
    match block:
        case Heading():
            # The title could be the same as a section's, and nothing leads to it.
            anchor = f' id="{escape(block.anchor)}"' if block.level > 1 else ""
            return f"<h{block.level}{anchor}>{escape(block.text)}</h{block.level}>"
        case Paragraph():
            opening = '<p class="warning"><strong>Important:</strong> ' if block.is_warning else "<p>"
            return f"{opening}{_said(block.pieces)}</p>"
        case Items():
            tag = "ol" if block.is_numbered else "ul"
            items = "\n".join(f"<li>{_said(item)}</li>" for item in block.items)
            return f"<{tag}>\n{items}\n</{tag}>"
        case Program():
            # It can be wider than the screen: whoever has no mouse has to get there to scroll it.
            return f'<pre tabindex="0"><code class="language-{block.language}">{escape(block.text)}</code></pre>'
        case _:
            return _table(block)


def _table(block: Table) -> str:
    about = escape(block.about)
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in block.head)
    rows = "\n".join(f"<tr>{_cells(row)}</tr>" for row in block.rows)
    return f"""\
<div class="wide" role="region" aria-label="{about}" tabindex="0">
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>"""


def _cells(row: Iterable[Said]) -> str:
    return "".join(f"<td>{_said(cell)}</td>" for cell in row)


def _said(pieces: Said) -> str:
    return "".join(map(_piece, pieces))


def _piece(piece: Piece) -> str:
    match piece:
        case Code(text):
            return f"<code>{escape(text)}</code>"
        case Link(text, address):
            return f'<a href="{escape(address)}">{escape(text)}</a>'
        case _:
            return escape(piece)
