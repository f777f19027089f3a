"""The table: one module for each part of the contract."""

from __future__ import annotations

from typing import Final

from ..row import Row
from . import (
    answers_by_settings,
    claims,
    credentials,
    header,
    identity,
    paths,
    payload,
    signature,
    stores,
    verification,
)

SECTIONS: Final = (
    credentials.SECTION,
    header.SECTION,
    payload.SECTION,
    signature.SECTION,
    claims.SECTION,
    stores.SECTION,
    answers_by_settings.SECTION,
    identity.SECTION,
    verification.SECTION,
    paths.SECTION,
)
ROWS: Final[tuple[Row, ...]] = tuple(
    row._replace(id=f"{section.name}-{row.id}") for section in SECTIONS for row in section.rows
)
