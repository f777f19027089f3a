"""Step 1: which Authorization fields hold one bearer token."""

from __future__ import annotations

import pytest

from jwt_middleware.bearer import from_field
from jwt_middleware.errors import MalformedCredentials


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert from_field(f"{scheme} a.b.c") == "a.b.c"


def test_the_token_keeps_its_case() -> None:
    assert from_field("BEARER aB.Cd.eF") == "aB.Cd.eF"


@pytest.mark.parametrize("field", ["Bearer  a.b.c", "  Bearer a.b.c", "Bearer a.b.c \t ", "\tBearer    a.b.c"])
def test_blanks_around_the_value_and_before_the_token_are_no_part_of_it(field: str) -> None:
    assert from_field(field) == "a.b.c"


@pytest.mark.parametrize(
    "field",
    ["", " ", "\t", "Basic dXNlcjpwYXNz", "Digest x", "a.b.c", "Bearer,Bearer a.b.c", "Bearera.b.c", "Token a.b.c"],
)
def test_an_empty_field_and_another_scheme_are_no_credentials(field: str) -> None:
    assert from_field(field) is None


@pytest.mark.parametrize("blank", ["\t", "\u00a0", "\u2003", "\x0b", "\n"], ids=ascii)
def test_only_a_space_ends_the_scheme(blank: str) -> None:
    assert from_field(f"Bearer{blank}a.b.c") is None


@pytest.mark.parametrize("blank", ["\t", "\u00a0", "\x0b"], ids=ascii)
def test_only_spaces_stand_between_scheme_and_token(blank: str) -> None:
    """Whatever else stands there is part of the token, and no token has it."""
    assert from_field(f"Bearer {blank}a.b.c") == f"{blank}a.b.c"


@pytest.mark.parametrize("blank", ["\u00a0", "\x0b", "\x85", "\x0c"], ids=ascii)
def test_no_other_blank_than_space_and_tab_is_cut_from_the_ends(blank: str) -> None:
    assert from_field(f"Bearer a.b.c{blank}") == f"a.b.c{blank}"


@pytest.mark.parametrize("field", ["Bearer", "bearer ", "Bearer \t", "  Bearer  "])
def test_bearer_without_a_token_is_malformed(field: str) -> None:
    with pytest.raises(MalformedCredentials):
        from_field(field)


@pytest.mark.parametrize(
    "field",
    [
        "Bearer a.b.c,Bearer a.b.c",
        "Bearer a.b.c, Basic x",
        "Bearer a.b.c,",
        "Bearer ,a.b.c",
        "Bearer a.b.c x",
        "Bearer Bearer a.b.c",
    ],
)
def test_anything_beside_one_token_is_malformed(field: str) -> None:
    with pytest.raises(MalformedCredentials):
        from_field(field)
