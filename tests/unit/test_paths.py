"""Path policy: which requests need credentials, and which scopes."""

from __future__ import annotations

from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Rule
from jwt_middleware.paths import CREDENTIALS, Demand, PathPolicy, is_plain

PUBLIC, OPTIONAL = Demand("public"), Demand("optional")


def decide(rules: list[Rule], path: str, method: str = "GET") -> Demand:
    return PathPolicy(rules).decide(path, method)


def public(path: str, **more: Any) -> Rule:
    return Rule(path, access="public", **more)


def required(path: str, *scopes: str, **more: Any) -> Rule:
    return Rule(path, scopes=scopes, **more)


def test_where_no_rule_matches_credentials_are_required() -> None:
    assert decide([], "/") == CREDENTIALS == Demand("required", ())
    assert decide([public("/docs")], "/other") == CREDENTIALS


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/docs", "/docs"),
        ("/", "/"),
        ("/docs/", "/docs/"),
        ("/users/{id}", "/users/7"),
        ("/users/{id}/posts/{post_id}", "/users/7/posts/x.y"),
        ("/users/{id}", "/users/jörg"),
        ("/static/*", "/static/a"),
        ("/static/*", "/static/"),
        ("/static/*", "/static/a/b/c.css"),
        ("/{lang}/static/*", "/de/static/x"),
        ("/*", "/"),
        ("/*", "/a/b"),
        ("/a.b", "/a.b"),
        ("/a+b(c)", "/a+b(c)"),
        ("/a.b/{id}", "/a.b/7"),
        ("/a+b(c)/*", "/a+b(c)/d"),
    ],
)
def test_a_pattern_matches_the_whole_path(pattern: str, path: str) -> None:
    assert decide([public(pattern)], path) == PUBLIC


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/docs", "/docs/"),
        ("/docs/", "/docs"),
        ("/docs", "/docsx"),
        ("/docs", "/docs/x"),
        ("/docs", "/Docs"),
        ("/docs", "docs"),
        ("/docs", "/x/docs"),
        ("/users/{id}", "/users/"),
        ("/users/{id}", "/users/7/"),
        ("/users/{id}", "/users/7/posts"),
        ("/static/*", "/static"),
        ("/static/*", "/staticx"),
        ("/a.b", "/axb"),
        ("/a.b/{id}", "/axb/7"),
        ("/a+b/*", "/aab/c"),
        ("/docs", ""),
    ],
)
def test_a_rule_that_opens_a_path_is_exact(pattern: str, path: str) -> None:
    assert decide([public(pattern)], path) == CREDENTIALS


@pytest.mark.parametrize(
    "path",
    [
        "/static/../admin",
        "/static/./x",
        "/static/..",
        "/static/.",
        "/static//x",
        "//static/x",
        "/static/a\\b",
        "/static/%2e%2e/x",
        "/static/a%2fb",
        "/static/100%",
        "/static/a\nb",
        "/static/a\x00",
        "/static/a\x85",
        "/static/\ud800",
        f"/static/{chr(0xFFFD)}",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("access", ["public", "optional"])
def test_a_path_that_can_be_read_in_two_ways_is_never_open(path: str, access: Any) -> None:
    assert not is_plain(path)
    assert decide([Rule("/static/*", access=access), Rule("/*", access=access)], path) == CREDENTIALS


@pytest.mark.parametrize("path", ["/static/...", "/static/.a", "/static/a.", "/static/..a", "/static/a b", "/~x"])
def test_dots_within_names_are_harmless(path: str) -> None:
    assert decide([public("/*")], path) == PUBLIC


@pytest.mark.parametrize(
    "path",
    [
        "/admin",
        "/admin/",
        "//admin",
        "/x/../admin",
        "/./admin",
        "/admin/.",
        "/%61dmin",
        "/x\\..\\admin",
        "/../admin",
        "/x/%2e%2e/admin",
    ],
)
def test_what_a_rule_demands_holds_for_every_spelling_of_its_path(path: str) -> None:
    assert decide([required("/admin", "admin")], path) == Demand("required", ("admin",))


@pytest.mark.parametrize("path", ["/admin/a", "/admin//a", "/admin/./a", "/x/../admin/a"])
def test_what_a_rule_demands_below_a_path_holds_for_every_spelling(path: str) -> None:
    assert decide([required("/admin/*", "admin")], path) == Demand("required", ("admin",))


def test_a_disguised_path_gets_the_demands_of_both_readings() -> None:
    rules = [required("/a/*", "a"), required("/b", "b"), public("/a/*"), Rule("/b", access="optional")]
    assert decide(rules, "/a/../b") == Demand("required", ("a", "b"))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("/admin", "/admin/"), ("/admin/", "/admin"), ("/users/{id}", "/users/7/"), ("/users/{id}/", "/users/7")],
)
def test_a_rule_that_demands_something_covers_its_path_with_and_without_a_final_slash(pattern: str, path: str) -> None:
    assert decide([required(pattern, "admin")], path).scopes == ("admin",)


RULES = [required("/admin/*", "admin"), required("/v1", "read", methods=["POST"]), public("/*")]


@pytest.mark.parametrize("path", ["http://api.example/x", "http:/\t/h/x", "*", "x", "admin/x", "?"])
def test_what_is_no_path_gets_whatever_any_rule_demands_of_its_method(path: str) -> None:
    assert decide(RULES, path) == Demand("required", ("admin",))
    assert decide(RULES, path, "post") == Demand("required", ("admin", "read"))
    assert decide([public("/*"), Rule("/x", access="optional")], path) == CREDENTIALS


def test_the_root_has_no_other_spelling() -> None:
    rules = [required("/", "root")]
    assert decide(rules, "/").scopes == ("root",)
    assert decide(rules, "/x").scopes == ()


def test_the_strictest_of_all_matching_rules_wins() -> None:
    optional = Rule("/a/*", access="optional")
    assert decide([public("/*"), optional], "/a/b") == OPTIONAL
    assert decide([optional, public("/*")], "/a/b") == OPTIONAL
    assert decide([public("/a/b"), Rule("/a/*"), optional], "/a/b") == CREDENTIALS


def test_scopes_of_all_matching_rules_add_up_each_once() -> None:
    rules = [required("/a/*", "read", "a"), required("/a/{name}", "write", "read"), required("/a/b", "b")]
    assert decide(rules, "/a/b").access == "required"
    assert sorted(decide(rules, "/a/b").scopes) == ["a", "b", "read", "write"]


def test_a_rule_covers_only_the_methods_it_names() -> None:
    rules = [public("/docs", methods=["GET", "QUERY"]), required("/docs", "write", methods=["POST"])]
    assert decide(rules, "/docs", "GET") == PUBLIC
    assert decide(rules, "/docs", "QUERY") == PUBLIC
    assert decide(rules, "/docs", "POST") == Demand("required", ("write",))
    assert decide(rules, "/docs", "DELETE") == CREDENTIALS


def test_head_follows_get() -> None:
    assert decide([public("/docs", methods=["GET"])], "/docs", "HEAD") == PUBLIC
    assert decide([required("/docs", "read", methods=["GET"])], "/docs", "HEAD").scopes == ("read",)
    assert decide([public("/docs", methods=["HEAD"])], "/docs", "GET") == CREDENTIALS


def test_a_method_in_another_case_gets_what_is_demanded_and_nothing_that_is_open() -> None:
    assert decide([public("/docs", methods=["GET"])], "/docs", "get") == CREDENTIALS
    assert decide([required("/docs", "write", methods=["POST"])], "/docs", "post").scopes == ("write",)
    assert decide([required("/docs", "read", methods=["GET"])], "/docs", "head").scopes == ("read",)


def test_a_policy_keeps_nothing_between_requests() -> None:
    policy = PathPolicy([public("/docs"), required("/a", "a")])
    assert [policy.decide(path, "GET") for path in ("/docs", "/a", "/docs", "/a")] == [
        PUBLIC,
        Demand("required", ("a",)),
    ] * 2


@pytest.mark.parametrize(
    "path",
    [
        "",
        "docs",
        "docs/*",
        "/docs*",
        "/*/docs",
        "/a**",
        "//docs",
        "/docs//x",
        "/docs/../x",
        "/./x",
        "/docs?x",
        "/docs#x",
        "/a%20b",
        "/a\\b",
        "/{}",
        "/{a-b}",
        "/x{id}",
        "/{id",
        "/a\nb",
        None,
        7,
    ],
    ids=ascii,
)
def test_a_pattern_that_could_mean_something_else_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path: not an absolute path pattern"):
        Rule(path)


@pytest.mark.parametrize("methods", [["get"], ["GET", ""], ["GET POST"], [7], "GET", b"GET", 7, ["G\n"]], ids=ascii)
def test_a_method_that_no_request_has_is_refused(methods: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"methods: .* is not a method"):
        Rule("/docs", methods=methods)


@pytest.mark.parametrize("scopes", ["read", ["read write"], [""], [7], ['"'], ["a\\b"], ["ö"], 7], ids=ascii)
def test_a_scope_that_may_not_stand_in_a_challenge_is_refused(scopes: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"scopes: .* is not a scope name"):
        Rule("/docs", scopes=scopes)


@pytest.mark.parametrize("access", ["Public", "", None, "open"])
def test_an_access_that_does_not_exist_is_refused(access: Any) -> None:
    with pytest.raises(ConfigurationError, match="none of public, optional, required"):
        Rule("/docs", access=access)


@pytest.mark.parametrize("access", ["public", "optional"])
def test_scopes_cannot_be_demanded_where_no_token_is_needed(access: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot be demanded where no token is needed"):
        Rule("/docs", access=access, scopes=["read"])


def test_every_problem_of_a_rule_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Rule("docs", methods=["get"], access="public", scopes=["a b"])
    assert [problem.where for problem in caught.value.problems] == ["path", "methods", "scopes", "scopes"]
    assert "rule 'docs' cannot be used" in str(caught.value)


def test_rules_are_equal_by_what_they_say() -> None:
    one = Rule("/a", methods=["GET", "POST"], scopes=["x"])
    assert one == Rule("/a", methods=("POST", "GET"), scopes=("x",))
    assert hash(one) == hash(Rule("/a", methods=("POST", "GET"), scopes=("x",)))


@pytest.mark.parametrize(
    "other", [Rule("/b"), Rule("/a", methods=["GET"]), public("/a"), Rule("/a", scopes=["x"]), "/a"]
)
def test_rules_that_differ_are_not_equal(other: object) -> None:
    assert Rule("/a") != other


def test_repr_shows_what_was_written() -> None:
    assert repr(Rule("/a", methods=["POST", "GET"], scopes=["x"])) == (
        "Rule('/a', methods=['GET', 'POST'], access='required', scopes=['x'])"
    )
    assert repr(public("/a")) == "Rule('/a', methods=None, access='public', scopes=[])"
