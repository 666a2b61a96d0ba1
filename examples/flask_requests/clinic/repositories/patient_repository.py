"""Patients, with the session that the caller gives."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic.models import Patient


class PatientRepository:
    """Finds and adds patients."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find_by_email(self, email: str) -> Patient | None:
        """Find a patient."""
        return self.session.scalar(select(Patient).filter_by(email=email))

    def add(self, email: str) -> Patient:
        """Add a patient; the caller commits."""
        patient = Patient(email=email)
        self.session.add(patient)
        self.session.flush()
        return patient
