"""Real servers, one process each, and raw bytes sent to them: what arrives at the doors, and what is answered."""
