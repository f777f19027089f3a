"""Steps 4 to 7: tenant, keys, signature and standing. One answer for whatever is wrong before the signature holds."""

from __future__ import annotations

from typing import Any

from ..answers import EXPIRED, SIGNATURE, SUSPENDED_TENANT, TOKEN_TYPE, because, missing
from ..row import Row, Section, bearing, reached
from ..tenants import (
    GLOBEX,
    GLOBEX_512,
    HOOLI,
    Answering,
    acme,
    globex,
    of_globex,
    of_umbrella,
    resolve_async,
    resolve_plainly,
)
from ..tokens import ABSENT, GOOD, NOW, SECRET, decode, encode, headed, sealed, token

_PATIENT = {"store_timeout": 10}
_INPUT, _, _SIGNATURE = GOOD.rpartition(".")


def _with_sha_512(kid: str) -> str:
    header = encode(b'{"alg":"HS512","kid":"' + kid.encode() + b'"}')
    return sealed(f"{header}.{of_globex(GLOBEX['a']).split('.')[1]}", GLOBEX_512, "sha512")


def _enters(name: str, text: str, **settings: Any) -> Row:
    seen = {"tenant": "globex", "user": "globex/user_123"}
    return Row(name, bearing(text), reached(text, **seen), settings)


def _refused(name: str, text: str, reason: str = "bad_signature", **settings: Any) -> Row:
    return Row(name, bearing(text), because(SIGNATURE, reason), settings)


SECTION = Section(
    "signature",
    (
        _refused("unknown-issuer", token(iss="nobody"), "unknown_issuer"),
        _refused("issuer-in-other-case", token(iss="Acme"), "unknown_issuer"),
        _refused("issuer-with-blank", token(iss="acme "), "unknown_issuer"),
        _refused("issuer-with-slash", token(iss="acme/"), "unknown_issuer"),
        _refused("issuer-of-another-tenant", token(iss="globex")),
        _refused(
            "url-issuer-without-its-slash", of_globex(GLOBEX["a"], iss="https://id.globex.example"), "unknown_issuer"
        ),
        _refused("wrong-secret", token(b"x" * 32)),
        _refused("secret-decoded-as-base64", token(decode(encode(SECRET))[:32])),
        _refused("secret-of-another-tenant", token(GLOBEX["a"])),
        _refused("no-signature", f"{_INPUT}."),
        _refused("signature-cut-off", f"{_INPUT}.{encode(decode(_SIGNATURE)[:-1])}"),
        _refused("signature-continued", f"{_INPUT}.{encode(decode(_SIGNATURE) + b'x')}"),
        _refused("signature-of-zeros", f"{_INPUT}.{encode(bytes(32))}"),
        _refused("signature-of-another-token", f"{_INPUT}.{token(sub='other').rpartition('.')[2]}"),
        _refused("signature-by-another-hash", sealed(_INPUT, SECRET, "sha512")),
        _refused("alg-exchanged", headed(alg="HS512"), "no_key_for_algorithm"),
        _refused("unknown-kid", of_globex(GLOBEX["a"], "c"), "unknown_key_id"),
        _refused("kid-of-another-key", of_globex(GLOBEX["a"], "b")),
        _refused("kid-in-other-case", of_globex(GLOBEX["a"], "A"), "unknown_key_id"),
        _refused("kid-of-a-key-for-another-alg", of_globex(GLOBEX["a"], "long"), "unknown_key_id"),
        _refused("retired-key", of_globex(GLOBEX["old"], "old"), "retired_key"),
        Row("token-type-before-issuer", bearing(headed(typ="x+jwt", secret=b"x" * 32)), TOKEN_TYPE),
        _refused("expired-and-badly-signed", token(b"x" * 32, exp=NOW - 1)),
        _refused("without-sub-and-badly-signed", token(b"x" * 32, sub=ABSENT)),
        _refused("wrong-types-and-badly-signed", token(b"x" * 32, sub=1, aud=2, exp="3")),
        _refused("suspended-and-badly-signed", token(b"x" * 32, iss="hooli")),
        _refused(
            "resolver-answers-with-another-tenant",
            GOOD,
            "resolver_answered_with_another_issuer",
            tenants=Answering(globex),
        ),
        _refused("resolver-knows-nobody", GOOD, "unknown_issuer", tenants=Answering(None)),
        _enters("kid", of_globex(GLOBEX["a"], "a")),
        _enters("kid-of-a-key-that-is-being-rotated-out", of_globex(GLOBEX["b"], "b")),
        _enters("first-of-several-keys-without-kid", of_globex(GLOBEX["a"])),
        _enters("second-of-several-keys-without-kid", of_globex(GLOBEX["b"])),
        _enters("key-of-another-alg", _with_sha_512("long")),
        _enters("second-issuer", of_globex(GLOBEX["a"], iss="https://id.globex.example/")),
        Row("kid-where-the-key-has-none", bearing(headed(kid="x")), reached(headed(kid="x"))),
        Row("resolver-is-a-function", bearing(GOOD), reached(GOOD), {"tenants": resolve_plainly, **_PATIENT}),
        Row("resolver-is-a-coroutine-function", bearing(GOOD), reached(GOOD), {"tenants": resolve_async, **_PATIENT}),
        Row("resolver-in-memory", bearing(GOOD), reached(GOOD), {"tenants": Answering(acme)}),
        Row("suspended-tenant", bearing(token(HOOLI, iss="hooli", aud="search")), SUSPENDED_TENANT),
        Row(
            "suspended-tenant-and-nothing-else-right",
            bearing(token(HOOLI, iss="hooli", sub=None, exp=1)),
            SUSPENDED_TENANT,
        ),
        Row(
            "tenant-that-names-claims-otherwise",
            bearing(of_umbrella()),
            reached(
                of_umbrella(),
                tenant="umbrella",
                application="hive",
                scopes=["fly", "sting"],
                user="umbrella/user_123",
            ),
        ),
        Row("tenant-with-its-own-token-type", bearing(of_umbrella(typ="JWT")), TOKEN_TYPE),
        Row(
            "tenant-with-its-own-audience-claim",
            bearing(of_umbrella(client_id=ABSENT, aud="hive")),
            missing("client_id"),
        ),
        Row("tenant-with-its-own-audience-claim-expired", bearing(of_umbrella(exp=NOW)), EXPIRED),
    ),
)
