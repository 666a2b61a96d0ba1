"""Work: what functions do by a session or connection, and what they leave to be committed."""
