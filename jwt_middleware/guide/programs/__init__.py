"""Programs that make a token, and lines for a terminal: tests run each of them as it stands in the guide.

Names from settings stand in them as literals of the language, in plain ASCII.
"""
