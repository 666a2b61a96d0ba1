"""The dashboard, the way admin routes are written here."""

from __future__ import annotations

from flask import Blueprint, current_app

from console.models import User

blueprint = Blueprint("dashboard", __name__, url_prefix="/admin/dashboard")


@blueprint.get("/")
def dashboard() -> dict[str, int]:
    """Show the number of users."""
    unified_session_manager = current_app.unified_session_manager
    with unified_session_manager.get_db_session() as session:
        return {"users": session.query(User).count()}
