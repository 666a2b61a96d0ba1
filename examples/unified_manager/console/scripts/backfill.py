"""Gives every user a name in lower case."""

from __future__ import annotations

from sqlalchemy.orm import sessionmaker

from console.managers import db_manager, unified_session_manager
from console.models import User

make_session = sessionmaker(db_manager.engine)


def backfill() -> int:
    """Rename within the standard, and tell how many users there are."""
    with unified_session_manager.get_db_session() as session:
        users = session.query(User).all()
        for user in users:
            user.name = user.name.lower()
        return len(users)


def backfill_with_a_factory_of_its_own() -> int:
    """Rename in a session of the script's own factory."""
    session = make_session()  # DBS101
    try:
        users = session.query(User).all()
        for user in users:
            user.name = user.name.lower()
        session.commit()
        return len(users)
    finally:
        session.close()  # DBS301


def count_with_the_managers_factory() -> int:
    """Count in the block of a factory that belongs to the manager."""
    with db_manager.session_factory() as session:  # DBS102
        return session.query(User).count()
