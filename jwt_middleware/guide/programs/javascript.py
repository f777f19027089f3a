"""Programs for Node, with the library jsonwebtoken where it has the algorithm."""

from __future__ import annotations

import re
from typing import Final

from jwt_middleware.guide.facts import Facts
from jwt_middleware.guide.programs.example import (
    PRIVATE_KEY,
    SECRET,
    WRITTEN_BY_LIBRARIES,
    Made,
    Value,
    as_json,
    claims_of,
    header_of,
    remark_on,
)

_IDENTIFIER: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*").fullmatch
_FILES: Final = 'const fs = require("node:fs");\n'
_NOW: Final = "const now = Math.floor(Date.now() / 1000); // seconds, not milliseconds"


def with_secret(facts: Facts) -> str:
    """It reads the secret from its environment."""
    return _by_library(facts, facts.secret_algorithm, f"process.env.{SECRET}", "")


def with_private_key(facts: Facts) -> str:
    """It reads the key from a file."""
    algorithm, key = facts.key_algorithm, f'fs.readFileSync("{PRIVATE_KEY}")'
    return _by_hand(facts, algorithm, key) if algorithm == "EdDSA" else _by_library(facts, algorithm, key, _FILES)


def _by_library(facts: Facts, algorithm: str, key: str, imports: str) -> str:
    return f"""\
{imports}const jwt = require("jsonwebtoken"); // npm install jsonwebtoken

{_NOW}
const token = jwt.sign(
  {{
{_claims(facts, "    ")}
  }},
  {key},
  {{ algorithm: "{algorithm}"{_type(facts)} }}
);
console.log(token);"""


def _by_hand(facts: Facts, algorithm: str, key: str) -> str:
    return f"""\
const crypto = require("node:crypto");
{_FILES}
{_NOW}
const header = {as_json(header_of(facts, algorithm))};
const claims = {{
{_claims(facts, "  ")}
}};
const segment = (part) => Buffer.from(part).toString("base64url");
const content = segment(JSON.stringify(header)) + "." + segment(JSON.stringify(claims));
const signature = crypto.sign(null, Buffer.from(content), {key});
console.log(content + "." + segment(signature));"""


def _claims(facts: Facts, indent: str) -> str:
    return "\n".join(_line(name, value, facts, indent) for name, value in claims_of(facts).items())


def _line(name: str, value: Value, facts: Facts, indent: str) -> str:
    remark = remark_on(name, facts)
    left = name if _IDENTIFIER(name) else as_json(name)
    return f"{indent}{left}: {_literal(value, facts)},{f' // {remark}' if remark else ''}"


def _literal(value: Value, facts: Facts) -> str:
    if isinstance(value, Made):
        made = {Made.NOW: "now", Made.END: f"now + {facts.lifetime}", Made.ID: 'require("node:crypto").randomUUID()'}
        return made[value]
    return as_json(value)


def _type(facts: Facts) -> str:
    """The library writes JWT where nothing else is said."""
    if facts.token_type in WRITTEN_BY_LIBRARIES:
        return ""
    return f", header: {{ typ: {'undefined' if facts.token_type is None else as_json(facts.token_type)} }}"
