"""The principal names one subject of one tenant, in plain ASCII."""

from __future__ import annotations

from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from jwt_middleware import Identity

_CONFUSABLE = st.text("ab/%2fF\\é.~ +", min_size=1, max_size=6)
_SUBJECTS = _CONFUSABLE | st.text(min_size=1, max_size=20)
_TENANT_IDS = _SUBJECTS.map(lambda name: name.replace("/", "-"))


def _principal(tenant_id: str, subject: str) -> str:
    return Identity(subject, tenant_id, "shop", frozenset(), 0, 1, "acme").principal


@given(_TENANT_IDS, _SUBJECTS)
@example("é", "\U0010ffff")
@example("a%2fb", "c")
def test_the_principal_is_plain_and_can_be_taken_apart(tenant_id: str, subject: str) -> None:
    principal = _principal(tenant_id, subject)
    assert principal.isascii()
    assert principal.isprintable()
    assert " " not in principal
    assert [unquote(part) for part in principal.split("/")] == [tenant_id, subject]


@given(st.tuples(_TENANT_IDS, _SUBJECTS), st.tuples(_TENANT_IDS, _SUBJECTS))
@example(("a", "b/c"), ("a/b".replace("/", "-"), "c"))
@example(("a", "%2F"), ("a", "/"))
def test_two_users_never_share_a_principal(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (_principal(*one) == _principal(*other)) == (one == other)
