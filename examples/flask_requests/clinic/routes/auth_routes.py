"""Registration and login, the way routes are written here."""

from __future__ import annotations

from flask import Blueprint, abort, request

from clinic.infrastructure.database import get_request_db_session
from clinic.repositories.patient_repository import PatientRepository
from clinic.services.registration_service import register

blueprint = Blueprint("auth", __name__, url_prefix="/api/auth")


@blueprint.post("/register")
def register_patient() -> tuple[dict[str, int], int]:
    """Register a patient."""
    return {"id": register(request.json["email"])}, 201


@blueprint.get("/patients/<email>")
def show_patient(email: str) -> dict[str, object]:
    """Show a patient."""
    session = get_request_db_session()
    patient = PatientRepository(session).find_by_email(email)
    if patient is None:
        abort(404)
    return {"email": patient.email, "verified": patient.verified}
