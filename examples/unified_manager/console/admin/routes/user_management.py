"""User management, not moved yet."""

from __future__ import annotations

from flask import Blueprint, current_app
from sqlalchemy.orm import Session

from console.models import User

blueprint = Blueprint("user_management", __name__, url_prefix="/admin/users")


@blueprint.get("/")
def active_users() -> dict[str, int]:
    """Count the active users by hand."""
    db_manager = current_app.db_manager
    session = db_manager.get_session()  # DBS104
    try:
        return {"active": session.query(User).filter_by(active=True).count()}
    finally:
        session.close()  # DBS301


@blueprint.delete("/<name>")
def remove_user(name: str) -> dict[str, int]:
    """Remove a user, with the accessor taken from the application."""
    with current_app.db_manager.get_session() as session:  # DBS104
        removed = session.query(User).filter_by(name=name).delete()
        session.commit()
    return {"removed": removed}


@blueprint.get("/inactive")
def inactive_users() -> dict[str, int]:
    """Count the inactive users past both managers."""
    with Session(current_app.db_manager.engine) as session:  # DBS103
        return {"inactive": session.query(User).filter_by(active=False).count()}
