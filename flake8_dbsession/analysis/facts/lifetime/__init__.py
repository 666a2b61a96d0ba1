"""What becomes of a session or connection on its ways, and of what is written with it."""
