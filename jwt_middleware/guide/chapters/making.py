"""Programs that make a token, with a secret and with a key pair."""

from __future__ import annotations

from collections.abc import Iterator

from jwt_middleware.guide.blocks import (
    Block,
    Code,
    Program,
    codes,
    heading,
    paragraph,
    warning,
)
from jwt_middleware.guide.facts import Facts, in_words
from jwt_middleware.guide.programs import example, java, javascript, python, shell


def with_secret(facts: Facts) -> Iterator[Block]:
    """Nothing, where no secret could sign what is accepted."""
    if not facts.secret_algorithms:
        return
    yield heading("Make a token")
    yield paragraph(
        "Each of these programs reads the secret from the environment variable {variable} and prints a token that is "
        "good for {lifetime}. Put in your own ids, and the id of the user in question.",
        variable=Code(example.SECRET),
        lifetime=in_words(facts.lifetime),
    )
    yield warning(
        "The secret is text, and the key is that text in UTF-8, character by character. It is not base64, even if it "
        "looks like it: do not decode it, and add no line end."
    )
    yield heading("JavaScript", 3)
    yield Program("js", javascript.with_secret(facts))
    yield heading("Python", 3)
    yield Program("python", python.with_secret(facts))
    yield heading("Java", 3)
    yield paragraph(
        "This one needs no library. Run it with {command}. Libraries (jjwt, Nimbus, java-jwt) do the same when they "
        "are given the secret's bytes, `getBytes(StandardCharsets.UTF_8)`, and not its text.",
        command=Code(f"java {java.CLASS}.java"),
    )
    yield Program("java", java.with_secret(facts))
    yield paragraph(
        "A key id goes into the header: `keyid` among the options in JavaScript, `headers` in Python, a member `kid` "
        "of the header in Java. Java reads variables as the system's locale says: for a secret beyond ASCII, that "
        "has to be UTF-8."
    )


def with_key_pair(facts: Facts) -> Iterator[Block]:
    """Nothing, where no private key could."""
    if not facts.key_algorithms:
        return
    instead = "Instead of a secret, you can use a key pair" if facts.secret_algorithms else "You sign with a key pair"
    yield heading("Make a token with a key pair")
    yield paragraph(
        f"{instead}: the private key stays with you, and the provider has the public one only. The algorithm has to be "
        "one of {algorithms}; here it is {first}.",
        algorithms=codes(facts.key_algorithms, "or"),
        first=Code(facts.key_algorithm),
    )
    yield heading("The key pair", 3)
    yield Program("sh", shell.key_pair(facts))
    yield paragraph(
        "Give {public} to the provider, and say which algorithm you use; or publish your public keys as a JSON Web Key "
        "Set (RFC 7517), and give the provider its https address. Keep {private} to yourself.",
        public=Code(example.PUBLIC_KEY),
        private=Code(example.PRIVATE_KEY),
    )
    yield heading("JavaScript and a private key", 3)
    yield Program("js", javascript.with_private_key(facts))
    yield heading("Python and a private key", 3)
    yield Program("python", python.with_private_key(facts))
    yield heading("Java and a private key", 3)
    yield Program("java", java.with_private_key(facts))
