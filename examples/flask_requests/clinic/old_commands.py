"""Commands as they were written before, with engines of their own."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from clinic.infrastructure.database import SessionLocal
from clinic.models import Patient

scratch_engine = create_engine(
    "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
)
reports_engine = create_engine("sqlite:///clinic_reports.db")  # DBS503


def memory_engine() -> Engine:
    """Each thread sees an empty database of its own."""
    return create_engine("sqlite://", connect_args={"check_same_thread": False})  # DBS502


def verify_everyone() -> None:
    """The factory's block leaves commit and rollback to the caller."""
    with SessionLocal() as session:  # DBS102
        session.query(Patient).update({"verified": True})
        session.commit()


def count_everyone() -> int:
    """Count by hand."""
    session = SessionLocal()  # DBS101
    try:
        return session.query(Patient).count()
    finally:
        session.close()  # DBS301
