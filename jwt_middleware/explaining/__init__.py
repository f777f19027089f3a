"""What becomes of a token, step by step and in words, for the command and for the console."""
