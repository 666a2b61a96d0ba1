"""The methods of a session, by what they do.

Source: the reference documentation of SQLAlchemy 2 (``Session``, ``AsyncSession``) and SQLModel.
"""

from __future__ import annotations

DATABASE_WORK = frozenset(
    {
        "bulk_insert_mappings",
        "bulk_save_objects",
        "bulk_update_mappings",
        "commit",
        "exec",
        "execute",
        "flush",
        "get",
        "get_one",
        "merge",
        "query",
        "refresh",
        "scalar",
        "scalars",
    }
)
"""What talks to the database at once, or begins a query that does, and can fail there."""

ASYNC_WORK = frozenset({"run_sync", "stream", "stream_scalars"})
"""What an asynchronous session has besides."""
