"""`jwt-middleware demo`: a small gamification API, really served, and every documented answer, really provoked."""
