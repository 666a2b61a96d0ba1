"""Routes: each takes the session of its request."""
