"""Lines that a tenant can paste, filled with its own names. The secret stands in one of them only.

A test runs each of them as it stands on the page. Names are literals of the language, in plain ASCII.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from jwt_middleware.guide.facts import Facts, facts_of
from jwt_middleware.settings import JWTSettings
from jwt_middleware.tenants.model import Application, Tenant
from jwt_middleware.tenants.refresh_links import Refreshed

VARIABLE: Final = "API_SECRET"
"""The environment variable that the programs read."""

_IDENTIFIER: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*").fullmatch


class Snippet(NamedTuple):
    """`about` says where it goes."""

    id: str
    title: str
    about: str
    text: str


class _Now(NamedTuple):
    """The time at which the program runs, and so many seconds later."""

    later: int


class _Unique(Enum):
    UNIQUE = "unique"


_Value: TypeAlias = str | tuple[str, ...] | _Now | _Unique


class _Token(NamedTuple):
    """What the programs make."""

    algorithm: str
    token_type: str
    key_id: str | None
    claims: dict[str, _Value]

    @property
    def header(self) -> dict[str, str]:
        """Its members."""
        named = {} if self.key_id is None else {"kid": self.key_id}
        return {"alg": self.algorithm, "typ": self.token_type, **named}


def snippets(refreshed: Refreshed, settings: JWTSettings, api_url: str) -> list[Snippet]:
    """A line for `.env`, programs that make a token which the API accepts, and a request that tries it."""
    token = _token(refreshed, facts_of(settings))
    address = f"{api_url}{settings.verify_path or '/'}"
    return [
        Snippet("env", ".env", "Where your program reads its secrets.", f"{VARIABLE}={refreshed.secret}"),
        Snippet("node", "Node", "With jsonwebtoken: npm install jsonwebtoken", _node(token)),
        Snippet("python", "Python", "With PyJWT: pip install pyjwt", _python(token)),
        Snippet("java", "Java", "As Token.java, with nothing but Java: java Token.java", _java(token)),
        Snippet("curl", "curl", "With such a token in $TOKEN.", _curl(address)),
    ]


def _token(refreshed: Refreshed, facts: Facts) -> _Token:
    tenant, key = refreshed.tenant, refreshed.key
    types = sorted(tenant.token_types or ())
    token_type = types[0] if types and "jwt" not in types else (facts.token_type or "JWT")
    return _Token(key.algorithm, token_type, key.key_id, dict(_claims(tenant, facts)))


def _claims(tenant: Tenant, facts: Facts) -> Iterator[tuple[str, _Value]]:
    application = next((one for one in tenant.applications if one.active), Application("your-application-id"))
    scopes = facts.scopes if application.scopes is None else tuple(sorted(application.scopes))
    lifetime = min(facts.lifetime, int(tenant.max_lifetime or facts.lifetime))
    known: dict[str, _Value] = {"nbf": _Now(0), "jti": _Unique.UNIQUE}
    yield from (("sub", "user_123"), ("iss", tenant.issuers[0]), (tenant.audience_claim, application.id))
    yield from (("iat", _Now(0)), ("exp", _Now(lifetime)))
    yield from ((name, known.get(name, f"your {name}")) for name in facts.further_claims)
    yield tenant.scope_claim, scopes


def _node(token: _Token) -> str:
    options = [f'algorithm: "{token.algorithm}"']
    if token.key_id is not None:
        options.append(f"keyid: {_json(token.key_id)}")
    if token.token_type != "JWT":  # noqa: S105 (a type)
        options.append(f"header: {{ typ: {_json(token.token_type)} }}")
    members = _lines(token, "    {}: {},", lambda name: name if _IDENTIFIER(name) else _json(name), _node_value)
    return f"""\
const jwt = require("jsonwebtoken");

const now = Math.floor(Date.now() / 1000); // seconds
const token = jwt.sign(
  {{
{members}
  }},
  process.env.{VARIABLE},
  {{ {", ".join(options)} }}
);
console.log(token);"""


def _node_value(value: _Value) -> str:
    return _moment(value) or ('require("node:crypto").randomUUID()' if value is _Unique.UNIQUE else _json(value))


def _python(token: _Token) -> str:
    extra = {name: text for name, text in token.header.items() if (name, text) != ("typ", "JWT") and name != "alg"}
    members = ", ".join(f'"{name}": {_literal(text)}' for name, text in extra.items())
    headers = f", headers={{{members}}}" if members else ""
    uuid = ", uuid" if _Unique.UNIQUE in token.claims.values() else ""
    return f"""\
import os, time{uuid}
import jwt

now = int(time.time())  # seconds
claims = {{
{_lines(token, "    {}: {},", _literal, _python_value)}
}}
token = jwt.encode(claims, os.environ["{VARIABLE}"], algorithm="{token.algorithm}"{headers})
print(token)"""


def _python_value(value: _Value) -> str:
    if isinstance(value, tuple) and not isinstance(value, _Now):
        return f"[{', '.join(map(_literal, value))}]"
    return _moment(value) or (_literal(value) if isinstance(value, str) else "str(uuid.uuid4())")


def _java(token: _Token) -> str:
    mac = f'"Hmac{token.algorithm.replace("HS", "SHA")}"'
    claims = "\n".join(_java_claims(token.claims))
    return f"""\
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

class Token {{
    public static void main(String[] arguments) throws Exception {{
        // The text of the secret, as it is. It is not base64, whatever it looks like.
        byte[] secret = System.getenv("{VARIABLE}").getBytes(StandardCharsets.UTF_8);
        long now = System.currentTimeMillis() / 1000; // seconds
        String header = {_json(_json(token.header))};
        String claims = "{{"
{claims}
            + "}}";
        String content = segment(header.getBytes(StandardCharsets.UTF_8))
            + "." + segment(claims.getBytes(StandardCharsets.UTF_8));
        Mac mac = Mac.getInstance({mac});
        mac.init(new SecretKeySpec(secret, {mac}));
        System.out.println(content + "." + segment(mac.doFinal(content.getBytes(StandardCharsets.US_ASCII))));
    }}

    static String segment(byte[] bytes) {{
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }}
}}"""


def _java_claims(claims: dict[str, _Value]) -> Iterator[str]:
    """A line of the program for each member of a JSON object."""
    comma = ""
    for name, value in claims.items():
        start = f"            + {_json(f'{comma}{_json(name)}: ')[:-1]}"
        if isinstance(value, _Now):
            yield f'{start}" + ({_moment(value)})'
        elif value is _Unique.UNIQUE:
            yield f'{start}\\"" + java.util.UUID.randomUUID() + "\\""'
        else:
            yield f"{start}{_json(_json(value))[1:]}"
        comma = ", "


def _curl(address: str) -> str:
    return f'curl -i -H "Authorization: Bearer $TOKEN" {shlex.quote(address)}'


def _lines(token: _Token, form: str, name_of: Callable[[str], str], value_of: Callable[[_Value], str]) -> str:
    return "\n".join(form.format(name_of(name), value_of(value)) for name, value in token.claims.items())


def _moment(value: _Value) -> str:
    if not isinstance(value, _Now):
        return ""
    return f"now + {value.later}" if value.later else "now"


def _json(value: object) -> str:
    """As JavaScript and Java read it, in ASCII: no character looks like another one, or turns the line round."""
    return json.dumps(value)


def _literal(text: str) -> str:
    """As Python reads it, in ASCII."""
    return json.dumps(text, ensure_ascii=False).encode("ascii", "backslashreplace").decode()
