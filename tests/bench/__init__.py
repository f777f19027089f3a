"""The bench: what authentication costs, as ratios that one run on one machine can show."""
