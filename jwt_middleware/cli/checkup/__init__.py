"""What `jwt-middleware doctor` looks at, one module each. Nothing is changed by it, and no secret is told."""
