"""Verification, with sessions of its own inside the request's."""

from __future__ import annotations

from sqlalchemy import ScalarResult, select
from sqlalchemy.orm import Session

from clinic.infrastructure.database import SessionLocal, engine, session_scope
from clinic.models import Patient

_session: Session | None = None


def unverified() -> int:
    """Count in a session that an error leaves open."""
    session = SessionLocal()  # DBS101 DBS303
    count = session.query(Patient).filter_by(verified=False).count()
    session.close()  # DBS301
    return count


def patients() -> ScalarResult[Patient]:
    """Give rows that are read from a closed session."""
    with SessionLocal() as session:  # DBS102
        return session.scalars(select(Patient))  # DBS209


def session_of_the_scope() -> Session:
    """Give a session that is closed already."""
    with session_scope() as session:
        return session  # DBS207


def count_past_the_factory() -> int:
    """Count in a session without the factory's settings."""
    with Session(engine) as session:  # DBS103
        return session.query(Patient).count()


def shared_session() -> Session:
    """Give the first request's session to all others."""
    global _session
    if _session is None:
        _session = SessionLocal()  # DBS101 DBS205
    return _session
