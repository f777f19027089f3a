"""Programs for Python, with the library PyJWT."""

from __future__ import annotations

from jwt_middleware.guide.facts import Facts
from jwt_middleware.guide.programs.example import (
    PRIVATE_KEY,
    SECRET,
    WRITTEN_BY_LIBRARIES,
    Made,
    Value,
    claims_of,
    remark_on,
)


def with_secret(facts: Facts) -> str:
    """It reads the secret from its environment."""
    return _program(facts, facts.secret_algorithm, f'os.environ["{SECRET}"]', "os", "pyjwt")


def with_private_key(facts: Facts) -> str:
    """It reads the key from a file."""
    return _program(
        facts, facts.key_algorithm, f'pathlib.Path("{PRIVATE_KEY}").read_text()', "pathlib", "'pyjwt[crypto]'"
    )


def _program(facts: Facts, algorithm: str, key: str, module: str, package: str) -> str:
    claims = claims_of(facts)
    modules = [module, "time", *(["uuid"] if Made.ID in claims.values() else [])]
    imports = "\n".join(f"import {name}" for name in modules)
    lines = "\n".join(_line(name, value, facts) for name, value in claims.items())
    return f"""\
{imports}

import jwt  # pip install {package}

now = int(time.time())  # seconds
token = jwt.encode(
    {{
{lines}
    }},
    {key},
    algorithm="{algorithm}",{_type(facts)}
)
print(token)"""


def _line(name: str, value: Value, facts: Facts) -> str:
    remark = remark_on(name, facts)
    return f"        {_text(name)}: {_literal(value, facts)},{f'  # {remark}' if remark else ''}"


def _literal(value: Value, facts: Facts) -> str:
    if isinstance(value, Made):
        return {Made.NOW: "now", Made.END: f"now + {facts.lifetime}", Made.ID: "str(uuid.uuid4())"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return _text(value)


def _text(text: str) -> str:
    escaped = text.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'"{escaped}"'


def _type(facts: Facts) -> str:
    """The library writes JWT where nothing else is said, and nothing for None."""
    if facts.token_type in WRITTEN_BY_LIBRARIES:
        return ""
    return f'\n    headers={{"typ": {None if facts.token_type is None else _text(facts.token_type)}}},'
