"""The web application, half of it moved to the unified manager."""

from __future__ import annotations

from flask import Flask

from console.admin.routes import dashboard, user_management
from console.managers import db_manager, unified_session_manager
from console.models import User
from console.session_helpers import count_users  # DBS106

app = Flask(__name__)
app.db_manager = db_manager
app.unified_session_manager = unified_session_manager
app.register_blueprint(dashboard.blueprint)
app.register_blueprint(user_management.blueprint)


@app.get("/users")
def list_users() -> list[str]:
    """List the users, within the standard."""
    with unified_session_manager.get_db_session() as session:
        return [user.name for user in session.query(User).order_by(User.name)]


@app.post("/users/<name>")
def add_user(name: str) -> tuple[dict[str, str], int]:
    """Add a user; the manager commits."""
    with unified_session_manager.get_db_session() as session:
        session.add(User(name=name))
    return {"name": name}, 201


@app.get("/old/users")
def list_users_by_hand() -> list[str]:
    """List the users as all routes once did."""
    session = db_manager.get_session()  # DBS104
    try:
        return [user.name for user in session.query(User).order_by(User.name)]
    finally:
        session.close()  # DBS301


@app.post("/old/users/<name>")
def add_user_by_hand(name: str) -> tuple[dict[str, str], int]:
    """Add a user; an error before the last line leaves the session open."""
    session = db_manager.get_session()  # DBS104 DBS303
    session.add(User(name=name))
    session.commit()
    session.close()  # DBS301
    return {"name": name}, 201


@app.get("/old/users/count")
def count_in_passing() -> dict[str, int]:
    """Count users in a session that nothing can close, and with a retired helper."""
    first = db_manager.get_session().query(User).count()  # DBS104 DBS304
    return {"first": first, "second": count_users()}
