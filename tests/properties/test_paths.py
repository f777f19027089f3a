"""The path policy: what opens a path is exact, what closes one is not to be talked out of it."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from jwt_middleware import Rule
from jwt_middleware.paths import PathPolicy

from .existence import one_of

_STRICTNESS: Final = ("public", "optional", "required")
_NAMES: Final = st.sampled_from(("a", "b", "admin", "Admin", "users", "é", "x.y", "~", "a b", "..."))
_PARTS: Final = _NAMES | st.sampled_from(("{id}", "{name}"))
_TAILS: Final = st.sampled_from(("", "", "/", "/*"))
_PATTERNS: Final = st.builds(
    lambda parts, tail: "".join(f"/{part}" for part in parts) + tail or "/", st.lists(_PARTS, max_size=3), _TAILS
)
_METHODS: Final = st.sampled_from(("GET", "HEAD", "POST", "OPTIONS", "DELETE"))
_METHOD_LISTS: Final = st.none() | st.lists(_METHODS, min_size=1, max_size=2)
_SCOPES: Final = st.lists(st.sampled_from(("read", "write", "admin")), max_size=2)
_OPENING: Final = st.builds(Rule, _PATTERNS, methods=_METHOD_LISTS, access=st.sampled_from(("public", "optional")))
_CLOSING: Final = st.builds(Rule, _PATTERNS, methods=_METHOD_LISTS, scopes=_SCOPES)
_RULES: Final = st.lists(_OPENING | _CLOSING, max_size=5)
_CLEAN: Final = st.builds(
    lambda names, tail: "".join(f"/{name}" for name in names) + tail or "/",
    st.lists(_NAMES, max_size=4),
    st.sampled_from(("", "/")),
)
_UNCLEAN_SEGMENTS: Final = _NAMES | st.sampled_from(
    ("", ".", "..", "%2f", "%2e", "a%", "a\\b", "a\0", "\x85", "\n", "\ufffd")
)
_ANY: Final = st.lists(_UNCLEAN_SEGMENTS, max_size=5).map(lambda names: "/" + "/".join(names)) | st.text(max_size=8)


def _is_unclean(path: str) -> bool:
    """By the words of the contract."""
    segments = path.split("/")
    return (
        not path.startswith("/")
        or "" in segments[1:-1]
        or not {".", ".."}.isdisjoint(segments)
        or any(character in "\\%" or category(character) == "Cc" for character in path)
    )


@given(st.lists(_OPENING, min_size=1, max_size=6), _ANY, _METHODS)
@example([Rule("/*", access="public")], "//", "GET")
@example([Rule("/*", access="public")], "/a/..", "GET")
@example([Rule("/*", access="optional")], "/a\n", "GET")
def test_what_opens_a_path_never_opens_an_unclean_one(rules: list[Rule], path: str, method: str) -> None:
    assume(_is_unclean(path))
    assert PathPolicy(rules).decide(path, method).access == "required"


@given(_RULES, _CLOSING, _CLEAN | _ANY, _METHODS)
def test_one_more_rule_that_closes_never_opens(rules: list[Rule], more: Rule, path: str, method: str) -> None:
    before = PathPolicy(rules).decide(path, method)
    after = PathPolicy([*rules, more]).decide(path, method)
    assert _STRICTNESS.index(after.access) >= _STRICTNESS.index(before.access)
    assert {*after.scopes} >= {*before.scopes}


@given(_RULES, _CLEAN | _ANY, _METHODS)
def test_the_order_of_rules_does_not_matter(rules: list[Rule], path: str, method: str) -> None:
    demand, other = PathPolicy(rules).decide(path, method), PathPolicy(rules[::-1]).decide(path, method)
    assert (demand.access, {*demand.scopes}) == (other.access, {*other.scopes})


@given(_RULES, _CLEAN, _METHODS)
def test_rules_match_as_the_contract_says(rules: list[Rule], path: str, method: str) -> None:
    matching = [rule for rule in rules if _covers(rule, path, method)]
    demand = PathPolicy(rules).decide(path, method)
    strictest = max((rule.access for rule in matching), key=_STRICTNESS.index, default="required")
    assert (demand.access, {*demand.scopes}) == (strictest, {scope for rule in matching for scope in rule.scopes})


def _covers(rule: Rule, path: str, method: str) -> bool:
    """Segment by segment, and without a thought for speed."""
    methods = rule.methods or {method}
    if method not in methods and not (method == "HEAD" and "GET" in methods):
        return False
    patterns = {rule.path}
    if rule.access == "required" and rule.path != "/" and not rule.path.endswith("/*"):
        patterns = {rule.path.rstrip("/"), rule.path.rstrip("/") + "/"}
    return any(_matches(pattern.split("/"), path.split("/")) for pattern in patterns)


def _matches(pattern: list[str], segments: list[str]) -> bool:
    if pattern[-1] == "*":
        fixed = len(pattern) - 1
        return len(segments) > fixed and _matches(pattern[:fixed], segments[:fixed])
    return len(pattern) == len(segments) and all(
        segment != "" if part.startswith("{") else part == segment
        for part, segment in zip(pattern, segments, strict=True)
    )


_DISGUISES: Final = st.sampled_from(
    (
        lambda path, place: path[:place] + "/" + path[place:],
        lambda path, place: path[:place] + "/." + path[place:],
        lambda path, place: path[:place] + "/x/.." + path[place:],
        lambda path, place: path[:place] + "//x/./.." + path[place:],
        lambda path, place: path[:place] + "\\" + path[place + 1 :],
        lambda path, place: path[:place] + "%2f" + path[place + 1 :],
        lambda path, place: path[:place] + "%2F." + path[place:],
        lambda path, place: path[: place + 1] + f"%{ord(path[place + 1]):02x}" + path[place + 2 :],
    )
)
"""Spellings of the same path, for a router that tidies up. `place` is that of a slash before a name."""


@given(
    st.lists(st.sampled_from(("a", "b", "admin", "users", "42")), min_size=1, max_size=3),
    st.data(),
    st.sampled_from(("", "/", "//", "/.", "\\", "%2f")),
    st.sampled_from(("GET", "HEAD", "get", "Get")),
)
def test_a_demand_follows_its_path_into_every_disguise(
    names: list[str], data: st.DataObject, tail: str, method: str
) -> None:
    path = "".join(f"/{name}" for name in names)
    policy = PathPolicy(
        [Rule(data.draw(_pattern_for(names, tail)), methods=["GET"], scopes=["s"]), Rule("/*", access="public")]
    )
    disguised = path
    for disguise in data.draw(st.lists(_DISGUISES, min_size=1, max_size=3)):
        places = [match.start() for match in re.finditer(r"/(?=[a-z0-9])", disguised)]
        assume(places)
        disguised = disguise(disguised, data.draw(st.sampled_from(places)))
    demand = policy.decide(disguised + tail, method)
    assert demand.access == "required"
    assert demand.scopes == ("s",)


@st.composite
def _pattern_for(draw: st.DrawFn, names: list[str], tail: str) -> str:
    """A pattern for this path: literal, with placeholders, or everything below a part of it."""
    parts = [draw(st.sampled_from((name, "{name}"))) for name in names]
    endings = ["", "/"] if tail == "" else ["", "/", "/*"]
    whole = "/" + "/".join(parts) + draw(st.sampled_from(endings))
    return draw(st.sampled_from((whole, "/" + "/".join([*parts[:-1], "*"]))))


@pytest.mark.parametrize("access", _STRICTNESS)
def test_paths_of_every_access_are_among_the_generated(access: str) -> None:
    def is_wanted(case: tuple[list[Rule], str, str]) -> bool:
        rules, path, method = case
        return PathPolicy(rules).decide(path, method).access == access

    cases = st.tuples(st.lists(_OPENING | _CLOSING, min_size=1), _CLEAN, _METHODS)
    assert is_wanted(one_of(cases, is_wanted))
