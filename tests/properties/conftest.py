"""How much is tried: the same few examples each time, or, with HYPOTHESIS_PROFILE=thorough, many new ones."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("quick", derandomize=True, max_examples=400, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("thorough", max_examples=20_000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
