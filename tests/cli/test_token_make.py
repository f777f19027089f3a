"""`jwt-middleware token make`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from jwt_middleware import (
    Authenticator,
    ConfigurationError,
    JWTSettings,
    Key,
    SQLTenants,
    TemporarilyUnavailable,
    Tenant,
)
from jwt_middleware.cli.provider import key_named
from jwt_middleware.tokens import guide_claims, signed
from tests.cli.calling import LONG_SECRET, OTHER_SECRET, SECRET, called

ACME = ("--tenant", "acme", "--application", "quest", "--subject", "user_123")


def make(file: str, *arguments: str) -> str:
    result = called("token", "make", "--file", file, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.removesuffix("\n")


def refused(file: str, *arguments: str, status: int = 2) -> str:
    """What is said on stderr."""
    result = called("token", "make", "--file", file, *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    return " ".join(result.stderr.split())


def in_file(tmp_path: Path, text: str) -> str:
    file = tmp_path / "special.toml"
    file.write_text(text)
    return str(file)


def test_the_token_stands_alone_on_stdout_and_is_accepted(tenants: str) -> None:
    before = int(time.time())
    token = make(tenants, *ACME, "--scope", "read", "--scope", "write")
    read = jwt.decode_complete(token, SECRET, ["HS256"], audience="quest", issuer="acme")
    issued_at = read["payload"]["iat"]
    assert before <= issued_at <= time.time()
    assert read["header"] == {"alg": "HS256", "typ": "JWT", "kid": "new"}
    assert read["payload"] == {
        "sub": "user_123",
        "iss": "acme",
        "aud": "quest",
        "iat": issued_at,
        "exp": issued_at + 3600,
        "scope": ["read", "write"],
    }
    authenticator = Authenticator(JWTSettings.from_toml(tenants))
    assert authenticator.authenticate(token).scopes == {"read", "write"}
    authenticator.close()


def test_the_file_may_be_named_in_the_environment(tenants: str) -> None:
    result = called("token", "make", *ACME, JWT_MIDDLEWARE_TENANTS=tenants)
    assert result.exit_code == 0


def test_a_settings_file_may_name_the_tenants_file(tenants: str) -> None:
    settings = in_file(Path(tenants).parent, 'tenants = "tenants.toml"\nmax_lifetime = 60\n')
    assert make(settings, *ACME, "--lifetime", "60")
    said = refused(settings, *ACME, "--lifetime", "600", status=1)
    assert "exceeds the limit of 1 minute" in said


def test_the_only_tenant_application_and_key_need_not_be_named(tmp_path: Path) -> None:
    file = in_file(
        tmp_path, f'[[tenants]]\nid = "acme"\napplications = ["quest"]\nkeys = [{{ secret = "{SECRET}" }}]\n'
    )
    token = make(file, "--subject", "user_123", "--lifetime", "60")
    claims = jwt.decode(token, SECRET, ["HS256"], audience="quest", issuer="acme")
    assert claims["exp"] - claims["iat"] == 60
    assert "kid" not in jwt.get_unverified_header(token)


def test_a_tenant_may_be_named_by_one_of_its_issuers(tenants: str) -> None:
    second = "https://idp.example/b"
    for name, issuer in (("idp", "https://idp.example/a"), (second, second)):
        token = make(tenants, "--tenant", name, "--subject", "user_123", "--scope", "read")
        claims = jwt.decode(token, OTHER_SECRET, ["HS256"])
        assert jwt.get_unverified_header(token)["typ"] == "access"
        assert (claims["iss"], claims["client_id"], claims["scp"]) == (issuer, "portal", ["read"])


def test_the_keys_algorithm_is_used(tenants: str) -> None:
    token = make(tenants, "--tenant", "globex", "--subject", "user_123")
    assert jwt.decode(token, LONG_SECRET, ["HS512"], audience="only")["sub"] == "user_123"


@pytest.mark.parametrize("value", [1, 1.5, None, True, "gold", ["a"], {"b": {"c": [0]}}, 2**80])
def test_a_further_claim_is_json(tenants: str, value: Any) -> None:
    token = make(tenants, *ACME, "--claim", f"plan={json.dumps(value)}", "--claim", 'x="1=2"')
    claims = jwt.decode(token, SECRET, ["HS256"], audience="quest")
    assert (claims["plan"], claims["x"]) == (value, "1=2")


def test_scopes_are_named_once_each(tenants: str) -> None:
    token = make(tenants, *ACME, "--scope", "read", "--scope", "read")
    assert jwt.decode(token, SECRET, ["HS256"], audience="quest")["scope"] == ["read"]


def test_json_has_the_token_and_what_is_in_it(tenants: str) -> None:
    answer = json.loads(make(tenants, *ACME, "--json"))
    assert answer["claims"] == jwt.decode(answer["token"], SECRET, ["HS256"], audience="quest")
    assert answer["header"] == jwt.get_unverified_header(answer["token"])
    assert answer["withheld_scopes"] == []
    assert len(answer["fingerprint"]) == 64


def test_scopes_above_the_ceiling_are_named_beside_the_token(tenants: str) -> None:
    wanted = ("--tenant", "acme", "--application", "kiosk", "--subject", "user_123", "--scope", "read")
    result = called("token", "make", "--file", tenants, *wanted, "--scope", "write")
    assert result.exit_code == 0
    assert result.stdout.count(".") == 2
    assert result.stderr == 'The application is not granted "write": the token is good, without that.\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--subject", "u"), 'missing, and there is not exactly one -> name one of: "acme", "asleep", "globex", "idp"'),
        (("--subject", "u", "--tenant", "x"), 'there is no tenant "x" -> there are: "acme", "asleep", "globex", "idp"'),
        (("--subject", "u", "--tenant", "acme"), '-> name one of: "closed", "kiosk", "quest"'),
        ((*ACME, "--application", "x"), '--application: there is no application "x" -> there are: "closed", "kiosk"'),
        ((*ACME, "--kid", "x"), 'tenant "acme" has no secret "x" -> its key ids: "new", "old"'),
        ((*ACME, "--kid", "old"), "has retired it, or all -> use a key whose not_after has not passed"),
        ((*ACME, "--subject", ""), "--subject: empty, or has control characters"),
        ((*ACME, "--subject", "a\x1bb"), "--subject: empty, or has control characters"),
        ((*ACME, "--scope", "read write"), "--scope: 'read write' is not one scope -> give --scope once for each"),
        ((*ACME, "--claim", "plan"), "--claim plan: the value is not JSON"),
        ((*ACME, "--claim", "plan=gold"), """the value is not JSON -> for text write: --claim 'plan="gold"'"""),
        ((*ACME, "--claim", "plan=NaN"), "--claim plan: the value is not JSON"),
        ((*ACME, "--claim", "plan=" + 100_000 * "["), "--claim plan: the value is not JSON"),
        ((*ACME, "--claim", "plan=\x1b"), """for text write: --claim 'plan="..."'"""),
        ((*ACME, "--claim", "=1"), "--claim: does not begin with the name of a claim"),
        ((*ACME, "--claim", "sub=1"), "--claim sub: has an option of its own -> use --subject"),
        ((*ACME, "--claim", "iss=1"), "use --tenant"),
        ((*ACME, "--claim", "aud=1"), "use --application"),
        ((*ACME, "--claim", "exp=1"), "use --lifetime"),
        ((*ACME, "--claim", "scope=1"), "use --scope"),
    ],
)
def test_what_cannot_be_made_is_said_with_its_fix(tenants: str, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(tenants, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lifetime", "86461"), "-> give a shorter --lifetime (seconds). exp - iat is 86461 seconds, 24 hours."),
        (("--lifetime", "0"), "401 token_expired. The access token expired. -> give a longer --lifetime"),
        (
            ("--application", "closed"),
            "resume the application (in a file: active = true), or choose another --application",
        ),
        (("--claim", "nbf=99999999999"), "401 invalid_token. The access token is not yet valid. -> Check the clock"),
        (("--claim", "jti=1"), "401 invalid_token. A claim of the access token has the wrong type or form."),
        (("--claim", 'note="' + 9000 * "x" + '"'), "leave out some --claim or --scope, or raise max_token_bytes"),
    ],
)
def test_what_the_middleware_would_refuse_is_not_made(tenants: str, arguments: tuple[str, ...], said: str) -> None:
    stderr = refused(tenants, *ACME, *arguments, status=1)
    assert "Not made: the middleware would answer 401" in stderr
    assert said in stderr


def test_a_suspended_tenant_gets_no_token(tenants: str) -> None:
    assert "resume the tenant (in a file: active = true), or" in refused(
        tenants, "--tenant", "asleep", "--subject", "user_123", status=1
    )


def test_a_claim_that_the_settings_require_is_asked_for(tenants: str) -> None:
    settings = in_file(Path(tenants).parent, 'tenants = "tenants.toml"\nrequired_claims = ["plan"]\n')
    assert "add --claim NAME=VALUE. There is no plan." in refused(settings, *ACME, status=1)
    assert make(settings, *ACME, "--claim", "plan=1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("[[tenants", "is not TOML"),
        ("", "tenants"),
        ('[[tenants]]\nid = "acme"\napplications = []\nkeys = [{ secret = "ten bytes." }]\n', "10 bytes long"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_with_its_fix(tmp_path: Path, text: str | None, said: str) -> None:
    file = str(tmp_path / "missing.toml") if text is None else in_file(tmp_path, text)
    stderr = refused(file, *ACME)
    assert said in stderr
    assert "ten bytes." not in stderr
    assert "Traceback" not in stderr


def test_only_a_secret_can_sign() -> None:
    public = Tenant("idp", keys=[Key("RS256", b"", None, None)], applications=["portal"])
    with pytest.raises(ConfigurationError, match="tokens are made where its private key is"):
        key_named(public, None, time.time())


# By a tenant of a store


def test_a_stores_tenant_gets_a_token_and_it_is_written_down_without_it(store: SQLTenants) -> None:
    result = called("token", "make", "--tenant", "acme", "--subject", "user_123", "--scope", "read", "--lifetime", "60")
    assert (result.exit_code, result.stderr) == (0, "")
    token = result.stdout.strip()
    authenticator = Authenticator(JWTSettings(store))
    identity = authenticator.authenticate(token)
    entry = store.audit(limit=1)[0]
    assert (entry.action, entry.tenant_id) == ("token.make", "acme")
    assert "jwt-middleware" in entry.actor
    assert entry.details == {
        "token_id": identity.token_id,
        "subject": "user_123",
        "application": "shop",
        "scopes": ["read"],
        "lifetime": 60,
    }
    assert not any(part in repr(entry) for part in token.split("."))


def test_a_token_that_is_not_made_is_not_written_down(store: SQLTenants) -> None:
    before = len(store.audit())
    assert called("token", "make", "--subject", "user_123", "--lifetime", "999999").exit_code == 1
    assert called("token", "make", "--subject", "user_123", "--tenant", "nobody").exit_code == 2
    assert len(store.audit()) == before


def test_no_token_is_shown_where_it_cannot_be_written_down(store: SQLTenants, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise TemporarilyUnavailable("tenant_store_timed_out")

    monkeypatch.setattr(SQLTenants, "note", down)
    result = called("token", "make", "--tenant", "acme", "--subject", "user_123")
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_stores_tenant_is_named_by_id_or_issuer_or_not_at_all(store: SQLTenants) -> None:
    only = called("token", "make", "--subject", "user_123")
    assert only.exit_code == 0
    keys = [Key.secret(OTHER_SECRET)]
    store.add_tenant(Tenant("idp", keys=keys, applications=["portal"], issuers=["https://a.example", "b"]))
    for name, issuer in (("idp", "https://a.example"), ("b", "b")):
        token = called("token", "make", "--tenant", name, "--subject", "user_123").stdout.strip()
        assert jwt.decode(token, OTHER_SECRET, ["HS256"], audience="portal")["iss"] == issuer
    result = called("token", "make", "--subject", "user_123")
    assert (result.exit_code, 'name one of: "acme", "idp"' in result.stderr) == (2, True)


def test_the_environment_has_the_settings_of_a_store(store: SQLTenants) -> None:
    result = called("token", "make", "--subject", "user_123", JWT_MIDDLEWARE_MAX_LIFETIME="600")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "exceeds the limit of 10 minutes" in result.stderr
    result = called("token", "make", "--subject", "user_123", JWT_MIDDLEWARE_MAX_LIFETIME="long")
    assert (result.exit_code, "JWT_MIDDLEWARE_MAX_LIFETIME" in result.stderr) == (2, True)


def test_a_settings_file_may_name_a_store(store: SQLTenants, folder: Path) -> None:
    (folder / "settings.toml").write_text('tenants = "sqlite:///tenants.db"\nmax_lifetime = 600\n')
    command = ("token", "make", "--subject", "user_123", "--file", "settings.toml")
    assert called(*command).exit_code == 1
    assert called(*command, "--lifetime", "600").exit_code == 0
    assert store.audit(limit=1)[0].action == "token.make"


def test_a_tenants_file_goes_before_the_store(store: SQLTenants, tenants: str) -> None:
    assert make(tenants, *ACME)
    assert store.audit(limit=1)[0].action == "tenant.add"


def test_a_token_of_a_stores_tenant_is_explained(store: SQLTenants) -> None:
    token = called("token", "make", "--subject", "user_123").stdout
    result = called("token", "explain", "--json", input=token)
    assert (result.exit_code, json.loads(result.stdout)["tenant"]) == (0, "acme")
    for changes, words in (({"iss": "acem"}, 'Did you mean \\"acme\\"?'), ({"iss": "x" * 300}, "iss is")):
        claims = guide_claims(Tenant("acme", keys=[], applications=[]), "shop", "user_123", now=time.time()) | changes
        result = called("token", "explain", "--json", input=signed(claims, Key.secret(SECRET)))
        assert (result.exit_code, words in result.stdout) == (1, True), result.stdout


def test_it_says_where_tenants_could_be_where_nothing_does(empty_folder: Path) -> None:
    result = called("token", "make", "--subject", "user_123")
    assert result.exit_code == 2
    assert "nothing says where the tenants are" in result.stderr
    assert "jwt-middleware init" in result.stderr
