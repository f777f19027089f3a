"""Public keys and key sets in a tenants file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jwt_middleware import Authenticator, ConfigurationError, FileTenants, JWTSettings
from jwt_middleware.tenants.jwks import JWKS

from ..unit.making import NOW, SECRET, Clock
from .conftest import Ask
from .making import Signer

RS, ES = Signer("RS256", "r1"), Signer("ES256", "e1")


def inline(jwk: dict[str, str]) -> str:
    """A JWK as an inline table."""
    return "{" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in jwk.items()) + "}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Has the public key of RS and the private key of nobody."""
    (tmp_path / "acme.pem").write_bytes(RS.pem.replace(b"\n", b"\r\n"))
    (tmp_path / "not.pem").write_text("hunter2")
    return tmp_path


def written(folder: Path, body: str) -> Path:
    path = folder / "tenants.toml"
    path.write_text(f'[[tenants]]\nid = "acme"\napplications = ["shop"]\n{body}\n')
    return path


def test_public_keys_stand_in_the_file_or_beside_it(folder: Path, ask: Ask) -> None:
    body = (
        f'keys = [{{pem_file = "acme.pem", algorithm = "RS256", kid = "r1", not_after = {NOW + 100}}}, '
        f'{{jwk = {inline(ES.jwk())}, algorithm = "ES256"}}]'
    )
    tenants = FileTenants(written(folder, body))
    authenticator = Authenticator(JWTSettings(tenants, clock=Clock()))
    assert ask(authenticator, RS.token()).key_expires_at == NOW + 100
    assert ask(authenticator, ES.token()).subject == "user_123"
    assert [key.key_id for key in tenants.resolve("acme").keys] == ["r1", "e1"]  # type: ignore[union-attr]
    tenants.close()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('jwks = "https://idp.example/jwks.json"', "https://idp.example/jwks.json"),
        ('discover = "https://idp.example"', "https://idp.example"),
    ],
)
def test_a_key_set_is_named_by_its_address(folder: Path, body: str, kind: str) -> None:
    tenant = FileTenants(written(folder, body))._tenants.resolve("acme")
    assert tenant is not None
    assert isinstance(tenant.key_source, JWKS)
    assert tenant.key_source.url == kind
    assert tenant.keys == ()


def test_a_file_that_is_read_again_keeps_what_was_fetched(folder: Path) -> None:
    tenants = FileTenants(written(folder, 'jwks = "https://idp.example/kept.json"'))
    before = tenants._tenants.resolve("acme")
    tenants.reload()
    after = tenants._tenants.resolve("acme")
    assert before is not None
    assert after is not None
    assert isinstance(before.key_source, JWKS)
    assert isinstance(after.key_source, JWKS)
    assert before.key_source is not after.key_source
    assert before.key_source._feed is after.key_source._feed


WRONG = {
    "no keys at all": ("", "not exactly one source"),
    "keys and a set": ('keys = []\njwks = "https://idp.example/"', "not exactly one source"),
    "a set and discovery": ('jwks = "https://idp.example/"\ndiscover = "https://idp.example"', "exactly one source"),
    "a set by http": ('jwks = "http://idp.example/"', "is not https"),
    "discovery by http": ('discover = "http://127.0.0.1/"', "is not https"),
    "a file and a JWK": (
        'keys = [{pem_file = "acme.pem", jwk = {kty = "RSA"}, algorithm = "RS256"}]',
        "key 1: key: not exactly one source",
    ),
    "a file and a secret": (
        f'keys = [{{pem_file = "acme.pem", secret = "{"x" * 32}", algorithm = "RS256"}}]',
        "key 1: key: not exactly one source",
    ),
    "no algorithm": ('keys = [{pem_file = "acme.pem"}]', "'HS256' does not take a public key"),
    "another algorithm": ('keys = [{pem_file = "acme.pem", algorithm = "ES256"}]', "of another kind than ES256"),
    "a missing file": ('keys = [{pem_file = "other.pem", algorithm = "RS256"}]', "other.pem cannot be read"),
    "a file that is no key": ('keys = [{pem_file = "not.pem", algorithm = "RS256"}]', "neither PEM nor a JWK"),
    "an empty JWK": ('keys = [{jwk = {}, algorithm = "RS256"}]', "key 1"),
    "a private JWK": (f'keys = [{{jwk = {inline(ES.private_jwk())}, algorithm = "ES256"}}]', "private or symmetric"),
    "a secret and a public key": (
        f'keys = [{{secret = "{"x" * 32}", kid = "a"}}, {{pem_file = "acme.pem", algorithm = "RS256"}}]',
        "secrets and public keys are mixed",
    ),
}


@pytest.mark.parametrize(("body", "what"), WRONG.values(), ids=WRONG)
def test_a_wrong_key_is_refused_by_the_name_of_its_tenant(folder: Path, body: str, what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        FileTenants(written(folder, body))
    assert what in str(caught.value)
    assert "tenant 'acme'" in str(caught.value)
    for secret in ("hunter2", "x" * 32, ES.private_jwk()["d"], SECRET.decode()):
        assert secret not in str(caught.value)
