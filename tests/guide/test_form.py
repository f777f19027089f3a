"""Both forms: one anchor for each error, links that lead somewhere, and nothing from outside that acts as markup."""

from __future__ import annotations

import ast
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import jwt_middleware
from jwt_middleware import ConfigurationError, JWTSettings, Rule, errors
from jwt_middleware.errors import AuthenticationError
from jwt_middleware.guide import render_html, render_markdown
from jwt_middleware.guide.blocks import Block, Items, Paragraph, said
from jwt_middleware.guide.html import content
from jwt_middleware.guide.markdown import rendered

from .reading import Guide, guide, slug

CODES = {
    *("invalid_token", "invalid_signature", "missing_required_claim", "token_expired"),
    *("insufficient_permissions", "temporarily_unavailable"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "a|b`c``d`",
    "](javascript:alert(1))",
    "**bold** _it_ # h",
    "&lt; {realm} %s",
    "\u202eright to left",
    "x" * 256,
]
EVERYTHING = JWTSettings(
    [],
    required_claims=["jti", "nbf", "email"],
    rules=[Rule("/v1/events", scopes=["write"]), Rule("/v1/board/{id}", methods=["GET"], scopes=["read"])],
    require_https=True,
    error_uri="https://docs.example/guide#",
    revocations="memory:",
    websocket_subprotocol=True,
)
PLACES: dict[str, Any] = {
    "documentation_url": "https://docs.example/api?a=1&b=(2)",
    "support_url": "mailto:api@example.com",
    "console_url": "https://console.example/",
}
ALL = pytest.mark.parametrize("made", [guide(), guide(EVERYTHING, **PLACES)], ids=["defaults", "everything"])


def documented(kind: type[AuthenticationError] = AuthenticationError) -> set[str]:
    inner = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    return {code for each in inner for code in documented(each)} | ({kind.code} if hasattr(kind, "code") else set())


def test_these_are_all_codes() -> None:
    assert documented() == CODES


@ALL
def test_every_code_has_exactly_one_anchor_in_either_form(made: Guide) -> None:
    ids = [element.attrib["id"] for element in made.page.iter() if "id" in element.attrib]
    slugs = [slug(text) for _, text in made.headings]
    assert {code: ids.count(code) for code in CODES} == dict.fromkeys(CODES, 1)
    assert {code: slugs.count(code) for code in CODES} == dict.fromkeys(CODES, 1)


@ALL
def test_no_anchor_is_there_twice(made: Guide) -> None:
    ids = [element.attrib["id"] for element in made.page.iter() if "id" in element.attrib]
    slugs = [slug(text) for _, text in made.headings]
    assert len(set(ids)) == len(ids)
    assert len(set(slugs)) == len(slugs)


@ALL
def test_every_link_leads_somewhere(made: Guide) -> None:
    ids = {f"#{element.attrib['id']}" for element in made.page.iter() if "id" in element.attrib}
    slugs = {f"#{slug(text)}" for _, text in made.headings}
    on_page = [link.attrib["href"] for link in made.page.iter("a")]
    assert {address for address in on_page if address[0] == "#"} <= ids
    assert {address for _, address in made.links if address[0] == "#"} <= slugs
    assert all(re.match("#|https://|mailto:", address) for address in on_page)


@ALL
def test_every_section_is_in_the_contents(made: Guide) -> None:
    nav = made.page.find(".//nav")
    assert nav is not None
    listed = [link.text for link in nav.iter("a")]
    assert listed == [text for level, text in made.headings if level == 2 and text != "Contents"]


def test_every_cause_of_an_error_is_there_with_what_to_do() -> None:
    text = guide(EVERYTHING).text
    for kind in vars(errors).values():
        is_refusal = isinstance(kind, type) and issubclass(kind, AuthenticationError)
        if is_refusal and kind not in (AuthenticationError, errors.InvalidToken):
            assert kind.description in text
            assert f"{kind.solution}." in text


def test_a_class_of_the_providers_own_is_not_one_of_the_documented() -> None:
    before = guide()

    class Unpaid(errors.InvalidToken):
        description = "There is a bill to be paid"

    assert guide() == before


@ALL
def test_the_page_says_its_language_and_has_headings_in_order(made: Guide) -> None:
    assert made.page.attrib == {"lang": "en"}
    levels = [int(element.tag[1]) for element in made.page.iter() if re.fullmatch("h[1-6]", element.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert [level for level, _ in made.headings] == levels


@ALL
def test_by_keyboard_one_skips_to_the_content_and_reaches_what_is_too_wide(made: Guide) -> None:
    body = made.page.find("body")
    assert body is not None
    first = next(element for element in body.iter() if element.tag == "a")
    target = first.attrib["href"].removeprefix("#")
    assert body[0] is first
    assert [element.tag for element in body.iter() if element.attrib.get("id") == target] == ["main"]
    scrolled = [*body.iter("pre"), *(element for element in body.iter("div"))]
    assert scrolled
    assert {element.attrib.get("tabindex") for element in scrolled} == {"0"}
    assert all(element.attrib["aria-label"] for element in body.iter("div"))
    assert {parent.tag for parent in body.iter() for child in parent if child.tag == "table"} == {"div"}


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = guide(EVERYTHING).page
    tags = {element.tag for element in page.iter()}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "form"})
    attributes = {name for element in page.iter() for name in element.attrib}
    assert not [name for name in attributes if name in ("style", "src") or name.startswith("on")]
    style = page.find("head/style")
    assert style is not None
    assert "url(" not in (style.text or "")
    assert "prefers-color-scheme: dark" in (style.text or "")
    assert 'name="viewport"' in guide().html


def test_a_fragment_is_what_stands_in_the_page() -> None:
    fragment = render_html(EVERYTHING, fragment=True)
    whole = render_html(EVERYTHING)
    assert f'<main id="main" tabindex="-1">\n{fragment}\n</main>' in whole
    assert [element.tag for element in Guide("", whole).page.iter("h1")] == ["h1"]
    assert fragment.startswith("<h1>")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_names_of_claims_are_text_and_nothing_else(hostile: str) -> None:
    made = guide(JWTSettings([], required_claims=[hostile], token_types=["JWT", hostile]))
    _is_as_harmless_as_the_default(made)
    cells = [code.text for code in made.page.iterfind(".//td/code")]
    assert cells.count(hostile) == 2


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "a|b`c", "]( )", "*a* _b_ <b>", "x" * 256])
def test_the_realm_is_text_and_nothing_else(hostile: str) -> None:
    made = guide(JWTSettings([], realm=hostile))
    _is_as_harmless_as_the_default(made)
    assert f'Bearer realm="{hostile}", error=' in made.text


def test_scopes_and_paths_are_text_and_nothing_else() -> None:
    rules = [Rule("/<b>|`x`/{id}", scopes=["<script>", "a|b", "`"])]
    made = guide(JWTSettings([], rules=rules, verify_path="/<i>|`&"), title="<script># | `_x_`")
    text = made.text
    assert "any method /<b>|`x`/{id}<script>, a|b and `" in text
    assert "GET /<i>|`&" in text
    assert "script" not in {element.tag for element in made.page.iter()}
    assert made.headings[0] == (1, "\\<script\\>\\# \\| \\`\\_x\\_\\`")
    assert "<script>" not in _without_code(made.prose)


@pytest.mark.parametrize("hostile", [*HOSTILE, "{x} `a` [b](#c) \\ <&>", "* a", "a_b_c _d_"])
def test_text_that_is_put_into_a_sentence_is_text_and_nothing_else(hostile: str) -> None:
    blocks: list[Block] = [Paragraph(said("It is {x}, `so` it is.", x=hostile)), Items((said("{x}", x=hostile),))]
    page = Guide("", f"<html><body>{content(blocks)}</body></html>").page
    assert [element.tag for element in page.iter()] == ["html", "body", "p", "code", "ul", "li"]
    assert "".join(page.itertext()).split("\n") == [f"It is {hostile}, so it is.", "", hostile, ""]
    written = rendered(blocks)
    assert re.sub(r"\\([\\`*\[\]<>|~&#_])", r"\1", written) == f"It is {hostile}, `so` it is.\n\n- {hostile}\n"
    assert not re.search(r"(?<!\\)(\\\\)*[<*\[~&#]", written.replace("{x}", ""))


def test_in_markdown_a_bar_does_not_cut_a_cell_and_a_backtick_does_not_end_code() -> None:
    made = guide(JWTSettings([], required_claims=["a|b`c"]))
    row = next(line for line in made.prose.splitlines() if "a\\|b" in line)
    assert row.startswith("| ``a\\|b`c`` | yes | ")
    assert len(re.findall(r"(?<!\\)\|", row)) == 4


def test_in_markdown_no_program_can_end_its_block() -> None:
    made = guide(JWTSettings([], required_claims=["```"]))
    assert "\n````js\n" in made.markdown
    assert made.programs


@pytest.mark.parametrize("name", ["base_url", "documentation_url", "support_url", "console_url"])
@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "api.example.com", "https://", "https://[", "https://a b", ""]
)
def test_what_is_no_address_is_refused(name: str, address: str) -> None:
    for render in (render_markdown, render_html):
        with pytest.raises(ConfigurationError, match=name) as refused:
            render(JWTSettings([]), **{name: address})
        assert [problem.where for problem in refused.value.problems] == [name]


@pytest.mark.parametrize("address", ["https://api.example.com/?v=1", "https://api.example.com/#x"])
def test_an_address_to_which_paths_are_appended_ends_with_one(address: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        guide(base_url=address)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        guide(base_url="x", support_url="y", title="two\nlines")
    assert [problem.where for problem in refused.value.problems] == ["base_url", "support_url", "title"]


def test_the_addresses_are_linked_where_they_are_given() -> None:
    made, without = guide(**PLACES), guide()
    on_page = [link.attrib["href"] for link in made.page.iter("a")]
    for address in (PLACES["documentation_url"], PLACES["support_url"], "https://console.example/check"):
        assert address in on_page
    assert "https://docs.example/api?a=1&b=%282%29" in [address for _, address in made.links]
    assert "Further help" not in [text for _, text in without.headings]
    assert "paste it here" not in without.prose


def test_the_address_of_the_api_is_where_requests_go() -> None:
    made = guide(JWTSettings([], verify_path="/prüfen x"), base_url="https://api.acme.example/v2/")
    assert made.program("sh", 1).endswith(" https://api.acme.example/v2/pr%C3%BCfen%20x")


def test_the_guide_needs_no_extra() -> None:
    folder = Path(jwt_middleware.__file__).parent / "guide"
    modules = [ast.parse(file.read_bytes()) for file in folder.rglob("*.py")]
    statements = [statement for module in modules for statement in ast.walk(module)]
    names = {each.module or "" for each in statements if isinstance(each, ast.ImportFrom)}
    names |= {alias.name for each in statements if isinstance(each, ast.Import) for alias in each.names}
    foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    assert foreign == {"jwt_middleware", "msgspec"}


def _without_code(markdown: str) -> str:
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", markdown)


def _is_as_harmless_as_the_default(made: Guide) -> None:
    """The same elements and links, but for those that hold what was added."""
    for tag in ("script", "a", "b", "i", "em", "strong", "h1", "h2", "h3", "pre"):
        assert len([*made.page.iter(tag)]) == len([*guide().page.iter(tag)])
    assert made.links == guide().links
    assert made.headings == guide().headings
    assert "<" not in _without_code(made.prose)
