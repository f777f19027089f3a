"""Programs for Java alone, without a library: one file, which `java MakeToken.java` runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from jwt_middleware.guide.facts import Facts
from jwt_middleware.guide.programs.example import (
    PRIVATE_KEY,
    SECRET,
    Made,
    Value,
    as_json,
    claims_of,
    header_of,
)

CLASS: Final = "MakeToken"
"""The program's class; its file is named after it."""

_MADE: Final = {Made.NOW: ("%d", "now"), Made.END: ("%d", "now + {lifetime}"), Made.ID: ('"%s"', "UUID.randomUUID()")}
_USUAL: Final = ("java.nio.charset.StandardCharsets", "java.time.Instant", "java.util.Base64")


class _Signing(NamedTuple):
    """What differs from one kind of key to another."""

    algorithm: str
    key: str
    sign: str
    imports: tuple[str, ...]


def with_secret(facts: Facts) -> str:
    """It reads the secret from its environment."""
    algorithm = facts.secret_algorithm
    mac = f'"Hmac{algorithm.replace("HS", "SHA")}"'
    key = f"""\
        // The text of the secret in UTF-8. It is not base64, whatever it looks like.
        byte[] secret = System.getenv("{SECRET}").getBytes(StandardCharsets.UTF_8);"""
    sign = f"""\
        Mac mac = Mac.getInstance({mac});
        mac.init(new SecretKeySpec(secret, {mac}));
        byte[] signature = mac.doFinal(content.getBytes(StandardCharsets.US_ASCII));"""
    imports = ("javax.crypto.Mac", "javax.crypto.spec.SecretKeySpec")
    return _program(facts, _Signing(algorithm, key, sign, imports))


def with_private_key(facts: Facts) -> str:
    """It reads the key from a file."""
    algorithm = facts.key_algorithm
    family, name, parameters = _names_of(algorithm)
    key = f"""\
        String pem = Files.readString(Path.of("{PRIVATE_KEY}"));
        byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]+-----", ""));
        PrivateKey key = KeyFactory.getInstance("{family}").generatePrivate(new PKCS8EncodedKeySpec(der));"""
    sign = f"""\
        Signature signer = Signature.getInstance("{name}");{parameters}
        signer.initSign(key);
        signer.update(content.getBytes(StandardCharsets.US_ASCII));
        byte[] signature = signer.sign();"""
    imports = ["java.nio.file.Files", "java.nio.file.Path", "java.security.KeyFactory", "java.security.PrivateKey"]
    imports += ["java.security.Signature", "java.security.spec.PKCS8EncodedKeySpec"]
    if parameters:
        imports += ["java.security.spec.MGF1ParameterSpec", "java.security.spec.PSSParameterSpec"]
    return _program(facts, _Signing(algorithm, key, sign, (*imports,)))


def _program(facts: Facts, signing: _Signing) -> str:
    claims = claims_of(facts)
    uuid = ("java.util.UUID",) if Made.ID in claims.values() else ()
    header = _in_text_block(as_json(header_of(facts, signing.algorithm)))
    values = [_MADE[value][1].format(lifetime=facts.lifetime) for value in claims.values() if isinstance(value, Made)]
    return f"""\
{_imports((*_USUAL, *uuid, *signing.imports))}

public class {CLASS} {{
    public static void main(String[] arguments) throws Exception {{
{signing.key}

        long now = Instant.now().getEpochSecond(); // seconds, not milliseconds
        String header = \"\"\"
            {header}\"\"\";
        // Values of your own belong into JSON by way of a JSON library.
        String claims = \"\"\"
            {{
{_claims(claims)}
            }}\"\"\".formatted({", ".join(values)});

        String content = segment(header.getBytes(StandardCharsets.UTF_8))
            + "." + segment(claims.getBytes(StandardCharsets.UTF_8));
{signing.sign}
        System.out.println(content + "." + segment(signature));
    }}

    static String segment(byte[] part) {{
        return Base64.getUrlEncoder().withoutPadding().encodeToString(part);
    }}
}}"""


def _claims(claims: dict[str, Value]) -> str:
    return ",\n".join(f"              {_in_format(name)}: {_literal(value)}" for name, value in claims.items())


def _literal(value: Value) -> str:
    return _MADE[value][0] if isinstance(value, Made) else _in_format(value)


def _in_format(value: str | list[str]) -> str:
    """JSON in a text block that is a format string."""
    return _in_text_block(as_json(value)).replace("%", "%%")


def _in_text_block(text: str) -> str:
    return text.replace("\\", "\\\\")


def _imports(names: Iterable[str]) -> str:
    return "\n".join(f"import {name};" for name in sorted(names))


def _names_of(algorithm: str) -> tuple[str, str, str]:
    """The kind of key, the signature, and the line that sets its parameters."""
    bits = algorithm[2:]
    if algorithm == "EdDSA":
        return "Ed25519", "Ed25519", ""
    if algorithm.startswith("ES"):
        return "EC", f"SHA{bits}withECDSAinP1363Format", ""
    if algorithm.startswith("RS"):
        return "RSA", f"SHA{bits}withRSA", ""
    hashed = f'"SHA-{bits}", "MGF1", new MGF1ParameterSpec("SHA-{bits}"), {int(bits) // 8}, 1'
    return "RSA", "RSASSA-PSS", f"\n        signer.setParameter(new PSSParameterSpec({hashed}));"
