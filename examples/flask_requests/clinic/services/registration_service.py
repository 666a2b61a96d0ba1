"""Registration, with the session of the request."""

from __future__ import annotations

from clinic.infrastructure.database import get_request_db_session
from clinic.repositories.patient_repository import PatientRepository


def register(email: str) -> int:
    """Register a patient, and give the new number."""
    session = get_request_db_session()
    patient = PatientRepository(session).add(email)
    session.commit()
    return patient.id
