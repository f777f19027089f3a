"""Recipes, or parts of recipes, that need what is not there yet. A case leaves when what it waits for has come."""

from __future__ import annotations

from typing import Final

_ASYMMETRIC: Final = "needs a tenant with a public key (Key.public)"
_KEY_SET: Final = "needs a tenant whose keys are fetched as a JWK set"

WAITING: Final = {
    "alg-18": f"{_ASYMMETRIC}; that key text cannot be made a secret is tested in test_alg_key.py",
    "alg-19": f"{_ASYMMETRIC}; that key text cannot be made a secret is tested in test_alg_key.py",
    "key-01": f"{_ASYMMETRIC}; an embedded symmetric key is tested in test_alg_key.py",
    "sig-17": _ASYMMETRIC,
    "sig-20": _ASYMMETRIC,
    "tenant-03": _KEY_SET,
    "tenant-04": _KEY_SET,
    "jwks-01": _KEY_SET,
    "jwks-03": _KEY_SET,
    "jwks-04": _KEY_SET,
    "jwks-05": _KEY_SET,
    "jwks-08": _KEY_SET,
    "jwks-09": _KEY_SET,
    "jwks-10": _KEY_SET,
    "jwks-12": _KEY_SET,
    "jwks-13": _KEY_SET,
    "jwks-14": _KEY_SET,
    "jwks-15": _KEY_SET,
    "jwks-17": _KEY_SET,
    "jwks-19": _KEY_SET,
    "cache-03": _ASYMMETRIC,
}
"""Case id to the reason why nothing builds it."""

PARTLY: Final = {
    "key-03": f"own RSA signature behind a jku: {_ASYMMETRIC}",
    "sig-22": f"signatures of other kinds than HMAC: {_ASYMMETRIC}",
    "asgi-08": f"the pending answer is a resolver's; a pending fetch of keys: {_KEY_SET}",
    "cache-09": "HMAC tokens are verified anew each time; again with asymmetric keys and the cache of verified tokens",
    "cache-10": "as cache-09",
    "cache-11": "as cache-09",
    "cache-12": "as cache-09",
    "cache-15": "as cache-09",
    "cache-16": "as cache-09",
    "cache-17": "as cache-09",
    "cache-18": "as cache-09",
    "cache-21": "as cache-09",
    "dos-07": f"the cost for a tenant that has such a key: {_ASYMMETRIC}",
    "dos-13": "labels of metrics: there are no metrics yet",
}
"""Case id to what of a built case is still to come."""
