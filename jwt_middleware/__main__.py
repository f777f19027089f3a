"""`python -m jwt_middleware` is the command `jwt-middleware`."""

from __future__ import annotations

from jwt_middleware.cli import main

if __name__ == "__main__":
    main()
