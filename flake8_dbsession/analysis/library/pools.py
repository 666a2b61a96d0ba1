"""What the pools of SQLAlchemy's engines take.

Sources: SQLAlchemy's page about pools, and `create_engine` itself, which raises `TypeError` for an
option that the pool's class does not know.
"""

from __future__ import annotations

KEEPS_NONE = "NullPool"
"""The pool that keeps no connections: each is closed as soon as it is given back."""

SIZES = frozenset({"max_overflow", "pool_size", "pool_timeout", "pool_use_lifo"})
"""The options that only a pool of several connections takes: neither ``NullPool`` nor
``StaticPool`` does."""
