"""Routes: the framework injects their session."""
