"""Path policy: which requests need credentials, and which scopes (contract section 7).

All matching rules apply and the strictest wins. A rule that opens a path is exact; one that demands something also
covers what a lenient router may take for the same path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple, TypeAlias, get_args
from urllib.parse import unquote

from jwt_middleware.errors import ConfigurationError, Problem
from jwt_middleware.grammar import Immutable, is_clean, is_scope_token

Access: TypeAlias = Literal["public", "optional", "required"]
"""`public`: a token is not looked at. `optional`: none is fine, a bad one is not. `required`: none is refused."""

_STRICTNESS: Final[dict[str, int]] = {name: rank for rank, name in enumerate(get_args(Access))}
_METHOD = re.compile(r"[A-Z][A-Z-]*").fullmatch
_NAME = r"\{[A-Za-z_][A-Za-z0-9_]*\}"
_PATTERN = re.compile(rf"(/({_NAME}|[^/{{}}*?#%\\]+))*(/\*|/)?").fullmatch
_UNCLEAN = re.compile(r"//|/\.{1,2}(/|$)|[\\%\ufffd]").search


class Rule(Immutable):
    """What a path needs. Immutable.

    `path` is absolute, case-sensitive and the whole path; `{name}` is one segment, a final `/*` everything below.
    `methods` None: every method; `GET` covers HEAD. `scopes` are all needed, and need `access="required"`.
    Raises ConfigurationError with every problem.
    """

    __slots__ = ("access", "methods", "path", "scopes")

    path: str
    methods: frozenset[str] | None
    access: Access
    scopes: tuple[str, ...]

    def __init__(
        self,
        path: str,
        *,
        methods: Iterable[str] | None = None,
        access: Access = "required",
        scopes: Iterable[str] = (),
    ) -> None:
        named = None if methods is None else _listed(methods)
        demanded = _listed(scopes)
        problems = [*_rule_problems(path, named, access, demanded)]
        if problems:
            raise ConfigurationError(problems, f"rule {path!r} cannot be used")
        put = object.__setattr__
        put(self, "path", path)
        put(self, "methods", None if named is None else frozenset(map(str, named)))
        put(self, "access", access)
        put(self, "scopes", tuple(map(str, demanded)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[object, ...]:
        return self.path, self.methods, self.access, self.scopes

    def __repr__(self) -> str:
        methods = None if self.methods is None else sorted(self.methods)
        return f"Rule({self.path!r}, methods={methods!r}, access={self.access!r}, scopes={list(self.scopes)!r})"


class Demand(NamedTuple):
    """What a request needs."""

    access: Access
    scopes: tuple[str, ...] = ()


CREDENTIALS: Final = Demand("required")
"""Where no rule matches."""


class PathPolicy:
    """The rules, compiled. `decide` is a plain function of path and method and keeps nothing between requests."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._literal: dict[str, list[Rule]] = {}
        self._patterns: list[tuple[re.Pattern[str], Rule]] = []
        self._rules = tuple(rules)
        for rule in self._rules:
            for path in _spellings(rule):
                self._add(path, rule)

    def decide(self, path: str, method: str) -> Demand:
        """What this request needs; `path` is relative to the application, as its router sees it."""
        if not self._literal and not self._patterns:
            return CREDENTIALS
        if path[:1] not in ("/", ""):
            # No path at all, such as a whole URL: whoever takes one for a path may see any path in it.
            return _strictest(rule for rule in self._rules if rule.access == "required" and _covers(rule, method))
        clean = is_plain(path)
        matching = [*self._matching(path, method)]
        if not clean:
            matching = [rule for rule in matching if rule.access == "required"]
            # A router may see through the disguise; what the plain path demands is then demanded here too.
            plain = _plain(path)
            for spelling in (plain, plain + "/"):
                matching += [rule for rule in self._matching(spelling, method) if rule.access == "required"]
        return _strictest(matching)

    def _add(self, path: str, rule: Rule) -> None:
        if "{" in path or path.endswith("*"):
            self._patterns.append((_compiled(path), rule))
        else:
            self._literal.setdefault(path, []).append(rule)

    def _matching(self, path: str, method: str) -> Iterator[Rule]:
        for rule in self._literal.get(path, ()):
            if _covers(rule, method):
                yield rule
        for pattern, rule in self._patterns:
            if _covers(rule, method) and pattern.fullmatch(path):
                yield rule


def is_plain(path: str) -> bool:
    """Whether the path may be public or optional: absolute, and read in one way only by every router."""
    return path.startswith("/") and is_clean(path) and not _UNCLEAN(path)


def can_be_opened(path: str) -> bool:
    """Whether a rule could name just this path."""
    return is_plain(path) and "{" not in path and not path.endswith("/*") and _PATTERN(path) is not None


def _strictest(rules: Iterable[Rule]) -> Demand:
    matching = [*rules]
    if not matching:
        return CREDENTIALS
    access = max((rule.access for rule in matching), key=_STRICTNESS.__getitem__)
    scopes = dict.fromkeys(scope for rule in matching for scope in rule.scopes)
    return Demand(access, tuple(scopes))


def _covers(rule: Rule, method: str) -> bool:
    """Whether the rule speaks of this method. A router may fold case; a rule that opens a path does not."""
    methods = rule.methods
    if methods is None:
        return True
    if rule.access == "required":
        method = method.upper()
    return method in methods or (method == "HEAD" and "GET" in methods)


def _spellings(rule: Rule) -> tuple[str, ...]:
    """The paths a rule covers: one that demands something also with, or without, a slash at the end."""
    if rule.access != "required" or rule.path == "/" or rule.path.endswith("/*"):
        return (rule.path,)
    bare = rule.path.removesuffix("/")
    return (bare, bare + "/")


def _compiled(path: str) -> re.Pattern[str]:
    below = path.endswith("/*")
    parts = re.split(f"({_NAME})", path.removesuffix("*") if below else path)
    return re.compile(
        "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts) + below * "(?s:.*)"
    )


def _plain(path: str) -> str:
    """What the most lenient router could make of a path: percent-decoded once more, dots and doubled slashes gone."""
    segments: list[str] = []
    for segment in unquote(path).replace("\\", "/").split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments)


def _listed(values: object) -> list[object]:
    """The values of a list; text and what is no list count as one wrong value."""
    return [*values] if isinstance(values, Iterable) and not isinstance(values, str | bytes) else [[values]]


def _rule_problems(
    path: object, methods: list[object] | None, access: object, scopes: list[object]
) -> Iterator[Problem]:
    if not isinstance(path, str) or not _PATTERN(path) or not path or not is_plain(path):
        yield Problem(
            "path",
            "not an absolute path pattern",
            'write "/docs", "/users/{id}" or "/static/*": no query, no %, no dots, no doubled slashes',
        )
    for method in methods or ():
        if not isinstance(method, str) or not _METHOD(method):
            yield Problem("methods", f"{method!r} is not a method", 'write methods=["GET", "POST"]')
    if access not in _STRICTNESS:
        yield Problem("access", f"{access!r} is none of {', '.join(_STRICTNESS)}")
    for scope in scopes:
        if not is_scope_token(scope):
            yield Problem(
                "scopes",
                f"{scope!r} is not a scope name",
                'write scopes=["read"]: no blanks, quotes, backslashes',
            )
    if scopes and access != "required":
        yield Problem("scopes", "cannot be demanded where no token is needed", 'write access="required"')
