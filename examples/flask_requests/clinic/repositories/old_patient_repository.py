"""The repository that falls back on a session which it never closes."""

from __future__ import annotations

from sqlalchemy.orm import Session

from clinic.infrastructure.database import SessionLocal
from clinic.models import Patient, Visit


class OldPatientRepository:
    """Counts patients, with the caller's session or one of its own."""

    def __init__(self, session: Session | None = None) -> None:
        self.session = session or SessionLocal()  # DBS101 DBS204

    def count(self) -> int:
        """Count the patients."""
        return self.session.query(Patient).count()


def verify(session: Session, email: str) -> None:
    """Verify a patient, and log it in a transaction that does not know of the first."""
    session.query(Patient).filter_by(email=email).one().verified = True
    with SessionLocal() as log:  # DBS102 DBS406
        log.add(Visit(path=f"/verified/{email}"))
        log.commit()
    session.commit()


def count_in_passing(session: Session) -> int:
    """Count the patients, and close a session that the request still needs."""
    count = session.query(Patient).count()
    session.close()  # DBS306
    return count
