"""Repositories: each is given a session."""
