"""What stops a run before it has a result."""


class RunError(Exception):
    """A run cannot begin: a path or setting is wrong. The text says which, and what to do."""
