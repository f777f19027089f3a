"""Revocation: was this token withdrawn? The protocol here, the stores beside it."""
