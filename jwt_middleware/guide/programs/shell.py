"""Lines for a terminal."""

from __future__ import annotations

import shlex
from typing import Final
from urllib.parse import quote

from jwt_middleware.guide.facts import Facts
from jwt_middleware.guide.programs.example import PRIVATE_KEY, PUBLIC_KEY

_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_AS_THEY_ARE: Final = "/:@!$&'()*+,;=~"
"""Characters that may stand in a path of an address (RFC 3986 section 3.3)."""


def key_pair(facts: Facts) -> str:
    """Make a private and a public key."""
    algorithm = facts.key_algorithm
    kind = "RSA -pkeyopt rsa_keygen_bits:3072"
    if algorithm == "EdDSA":
        kind = "ED25519"
    elif algorithm in _CURVES:
        kind = f"EC -pkeyopt ec_paramgen_curve:{_CURVES[algorithm]}"
    make = f"openssl genpkey -algorithm {kind} -out {PRIVATE_KEY}"
    return f"{make}\nopenssl pkey -in {PRIVATE_KEY} -pubout -out {PUBLIC_KEY}"


def request(api: str, path: str) -> str:
    """Call the API with a token."""
    address = api + quote(path, safe=_AS_THEY_ARE)
    return f'curl -i -H "Authorization: Bearer $TOKEN" {shlex.quote(address)}'
