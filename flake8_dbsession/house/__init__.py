"""The ways to a session that a project has, and the advice for a place."""
