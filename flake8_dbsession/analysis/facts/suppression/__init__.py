"""Comments that hide violations."""
