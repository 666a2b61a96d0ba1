"""Routes as they were before sessions belonged to requests."""

from __future__ import annotations

from flask import Blueprint, request

from clinic.infrastructure.database import SessionLocal, get_request_db_session
from clinic.models import Patient
from clinic.repositories.old_patient_repository import (
    OldPatientRepository,
    count_in_passing,
    verify,
)

blueprint = Blueprint("old_auth", __name__, url_prefix="/old/auth")


@blueprint.post("/register")
def register_by_hand() -> tuple[dict[str, int], int]:
    """The session is closed by a line that is easily forgotten."""
    session = SessionLocal()  # DBS101 DBS401
    try:
        patient = Patient(email=request.json["email"])
        session.add(patient)
        session.commit()
        return {"id": patient.id}, 201
    except Exception:
        session.rollback()
        raise
    finally:
        session.close()  # DBS301


@blueprint.get("/count")
def count_in_a_block() -> dict[str, int]:
    """A second session beside the one that the request may have."""
    with SessionLocal() as session:  # DBS102 DBS401
        return {"count": session.query(Patient).count()}


@blueprint.get("/count-without-close")
def count_without_close() -> dict[str, int]:
    """Here the line was forgotten."""
    session = SessionLocal()  # DBS101 DBS302 DBS401
    return {"count": session.query(Patient).count()}


@blueprint.get("/count-in-passing")
def count_patients() -> dict[str, int]:
    """The request's session is closed before the request is over."""
    session = get_request_db_session()
    count = session.query(Patient).count()
    session.close()  # DBS306
    return {"count": count}


@blueprint.get("/count-in-repository")
def count_in_repository() -> dict[str, int]:
    """The repository opens a session of its own."""
    return {"count": OldPatientRepository().count()}


@blueprint.post("/verify/<email>")
def verify_patient(email: str) -> dict[str, int]:
    """The helper closes what it was lent."""
    session = get_request_db_session()
    verify(session, email)
    return {"count": count_in_passing(session)}
