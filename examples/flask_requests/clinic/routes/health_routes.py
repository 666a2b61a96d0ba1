"""The health check."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy import text

from clinic.infrastructure.database import get_request_db_session

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> dict[str, bool]:
    """Tell whether the database answers."""
    return {"database": get_request_db_session().scalar(text("SELECT 1")) == 1}
