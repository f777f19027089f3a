"""The attack recipes of `recipes/attacks.json`, each case id a test id, through both doors."""

from __future__ import annotations

import pytest

for _module in ("catalogue", "checks", "doors", "outside"):
    pytest.register_assert_rewrite(f"{__name__}.{_module}")
