"""For tests of what is plugged in: one suite for each protocol. Needs pytest."""
