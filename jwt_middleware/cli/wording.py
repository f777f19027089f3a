"""Values in words, as the commands print them."""

from __future__ import annotations

from jwt_middleware.explaining.wording import MAX_LISTED as MAX_LISTED
from jwt_middleware.explaining.wording import duration as duration
from jwt_middleware.explaining.wording import listed as listed
from jwt_middleware.explaining.wording import moment as moment
from jwt_middleware.explaining.wording import shown as shown
from jwt_middleware.explaining.wording import visible as visible
