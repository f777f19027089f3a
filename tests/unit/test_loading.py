"""Settings from the environment, a TOML file and a mapping."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import Authenticator, ConfigurationError, FileTenants, JWTSettings, Rule
from jwt_middleware.errors import Problem
from jwt_middleware.loading import ENVIRONMENT_NAMES, SETTING_NAMES

from .making import SECRET, tenant

TENANTS = f'[[tenants]]\nid = "acme"\napplications = ["shop"]\nkeys = [{{ secret = "{SECRET.decode()}" }}]\n'


def named(name: str) -> str:
    return f"JWT_MIDDLEWARE_{name.upper()}"


def test_the_list_of_names_is_that_of_the_settings() -> None:
    parameters = inspect.signature(JWTSettings).parameters.values()
    assert set(SETTING_NAMES) == {one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD}


def test_what_can_be_written_as_text_has_a_variable_of_its_name() -> None:
    assert ENVIRONMENT_NAMES["JWT_MIDDLEWARE_MAX_LIFETIME"] == "max_lifetime"
    assert set(SETTING_NAMES) - set(ENVIRONMENT_NAMES.values()) >= {
        *("rules", "render_error", "validators", "observers", "clock"),
    }


# The environment


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("tenants", "conf/tenants.toml", "conf/tenants.toml"),
        ("algorithms", "HS256, HS512", ("HS256", "HS512")),
        ("algorithms", "HS256,", ("HS256",)),
        ("required_claims", "jti", ("jti",)),
        ("required_claims", "", ()),
        ("expiry_leeway", "30", 30),
        ("start_leeway", " 1.5", 1.5),
        ("max_lifetime", "3600", 3600),
        ("max_lifetime", "none", None),
        ("max_lifetime", "None", None),
        ("max_lifetime", "off", None),
        ("max_token_bytes", "4096", 4096),
        ("token_types", "JWT,at+jwt", ("JWT", "at+jwt")),
        ("realm", "my, api", "my, api"),
        ("public", "/docs, /openapi.json", ("/docs", "/openapi.json")),
        ("optional", "/", ("/",)),
        ("verify_path", "/whoami", "/whoami"),
        ("verify_path", "off", None),
        ("pass_preflight", "no", False),
        ("pass_preflight", "FALSE", False),
        ("pass_preflight", "0", False),
        ("require_https", "true", True),
        ("require_https", "Yes", True),
        ("require_https", "1", True),
        ("error_uri", "https://docs.example/", "https://docs.example/"),
        ("error_uri", "none", None),
        ("store_timeout", "0.5", 0.5),
        ("websocket_subprotocol", "1", True),
        ("max_logged_refusals", "5", 5),
    ],
)
def test_a_variable_is_read_as_its_setting_is(
    name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(named("tenants"), "tenants.toml")
    monkeypatch.setenv(named(name), text)
    assert getattr(JWTSettings.from_env(), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tenants", "tenants.yaml"),
        ("expiry_leeway", "a minute"),
        ("expiry_leeway", "-5"),
        ("max_lifetime", "a day"),
        ("max_lifetime", "nan"),
        ("max_token_bytes", ""),
        ("pass_preflight", "maybe"),
        ("require_https", ""),
        ("public", "docs"),
        ("algorithms", ""),
        ("error_uri", "docs"),
    ],
)
def test_a_variable_that_makes_no_sense_is_refused_by_its_own_name(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(named("tenants"), "tenants.toml")
    monkeypatch.setenv(named(name), text)
    with pytest.raises(ConfigurationError) as caught:
        JWTSettings.from_env()
    assert [problem.where for problem in caught.value.problems] == [named(name)]


def test_a_variable_that_names_no_setting_is_refused_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(named("tenants"), "tenants.toml")
    monkeypatch.setenv(named("max_lifetim"), "5")
    with pytest.raises(ConfigurationError, match="did you mean max_lifetime"):
        JWTSettings.from_env()


@pytest.mark.parametrize("name", ["rules", "clock", "validators", "observers", "revocations", "render_error"])
def test_what_cannot_be_written_as_text_is_refused_in_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(named("tenants"), "tenants.toml")
    monkeypatch.setenv(named(name), "something")
    with pytest.raises(ConfigurationError) as caught:
        JWTSettings.from_env()
    assert [problem.where for problem in caught.value.problems] == [named(name)]


def test_an_empty_environment_lacks_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(named("tenants"), raising=False)
    with pytest.raises(ConfigurationError) as caught:
        JWTSettings.from_env()
    assert [(problem.where, problem.what) for problem in caught.value.problems] == [(named("tenants"), "missing")]


def test_what_is_passed_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(named("tenants"), "tenants.toml")
    monkeypatch.setenv(named("realm"), "from the environment")
    monkeypatch.setenv(named("max_lifetime"), "7200")
    settings = JWTSettings.from_env(realm="passed", rules=[Rule("/a")])
    assert (settings.realm, settings.max_lifetime, settings.rules) == ("passed", 7200, (Rule("/a"),))


def test_other_variables_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_JWT_MIDDLEWARE_REALM", "x")
    monkeypatch.setenv("JWT_REALM", "x")
    assert JWTSettings.from_env(tenants=[tenant()]).realm == "api"


# TOML


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_toml_file_may_say_everything_that_is_text(tmp_path: Path) -> None:
    text = """
    tenants = "tenants.toml"
    realm = "acme"
    max_lifetime = 3600
    public = ["/docs"]
    [[rules]]
    path = "/v1/events"
    methods = ["POST"]
    scopes = ["write"]
    """
    settings = JWTSettings.from_toml(written(tmp_path / "settings.toml", text))
    assert (settings.realm, settings.max_lifetime, settings.public) == ("acme", 3600, ("/docs",))
    assert settings.rules == (Rule("/v1/events", methods=["POST"], scopes=["write"]),)


def test_a_file_of_tenants_is_looked_for_beside_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "tenants.toml", TENANTS)
    settings = JWTSettings.from_toml(written(tmp_path / "settings.toml", 'tenants = "tenants.toml"'))
    monkeypatch.chdir("/")
    authenticator = Authenticator(settings)
    assert isinstance(authenticator.tenants, FileTenants)
    assert authenticator.tenants.path == tmp_path / "tenants.toml"


def test_tenants_may_stand_in_the_file_of_settings(tmp_path: Path) -> None:
    path = written(tmp_path / "all.toml", 'realm = "acme"\n' + TENANTS)
    settings = JWTSettings.from_toml(str(path))
    assert (settings.realm, settings.tenants) == ("acme", str(path))
    assert len(Authenticator(settings).tenants) == 1  # type: ignore[arg-type]


def test_what_is_passed_wins_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "settings.toml", 'realm = "from the file"')
    settings = JWTSettings.from_toml(path, realm="passed", tenants=[tenant()])
    assert settings.realm == "passed"


def test_a_file_without_tenants_lacks_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="tenants: missing"):
        JWTSettings.from_toml(written(tmp_path / "settings.toml", ""))


def test_tenants_elsewhere_than_in_a_file_are_left_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'mysql://\.\.\.' names no kind of store"):
        JWTSettings.from_toml(written(tmp_path / "settings.toml", 'tenants = "mysql://db"'))


@pytest.mark.parametrize("content", [None, "realm =", "realm = 'x"])
def test_a_settings_file_that_cannot_be_read_is_refused(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"settings\.toml"):
        JWTSettings.from_toml(path)


# Mappings


@pytest.mark.parametrize("name", ["max_lifetime", "MAX_LIFETIME", "Max_Lifetime"])
def test_a_mapping_has_names_in_either_case(name: str) -> None:
    assert JWTSettings.from_mapping({"TENANTS": [tenant()], name: 60}).max_lifetime == 60


def test_what_is_passed_wins_over_the_mapping() -> None:
    mapping = {"tenants": [tenant()], "realm": "mapped"}
    assert JWTSettings.from_mapping(mapping, realm="passed").realm == "passed"
    assert JWTSettings.from_mapping(mapping).realm == "mapped"


def test_rules_in_a_mapping_may_be_tables_or_rules() -> None:
    rules: list[Any] = [{"path": "/a", "scopes": ["x"]}, Rule("/b")]
    mapping = {"tenants": [tenant()], "rules": rules}
    assert JWTSettings.from_mapping(mapping).rules == (Rule("/a", scopes=["x"]), Rule("/b"))
    assert rules == [{"path": "/a", "scopes": ["x"]}, Rule("/b")]


def mapping_problems(**values: Any) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        JWTSettings.from_mapping({"tenants": [tenant()], **values})
    return list(caught.value.problems)


def test_what_is_wrong_in_a_table_is_told_with_its_place_and_the_rest() -> None:
    found = mapping_problems(realm="", rules=[{"path": "/a"}, {"path": "b", "access": "open"}])
    assert [problem.where for problem in found] == ["realm", "rules, number 2: path", "rules, number 2: access"]


@pytest.mark.parametrize("rule", [{"path": "/a", "scope": ["x"]}, {"scopes": ["x"]}])
def test_a_table_with_another_name_in_it_is_told_by_that_name(rule: Any) -> None:
    [problem] = mapping_problems(rules=[rule])
    assert problem.where == "rules, number 1"
    assert "'scope'" in problem.what or "'path'" in problem.what


def test_a_rule_that_is_neither_is_refused() -> None:
    [problem] = mapping_problems(rules=["/a"])
    assert problem.what == "str instead of Rule"


def test_rules_that_are_no_list_are_refused() -> None:
    assert mapping_problems(rules=7)[0].where == "rules"


def test_a_name_that_is_no_text_is_refused_as_unknown() -> None:
    assert mapping_problems(**{"7": 1})[0].where == "7"
