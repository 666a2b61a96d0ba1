"""The application."""

from __future__ import annotations

from flask import Flask

from clinic import access_log
from clinic.infrastructure import database
from clinic.routes import auth_routes, health_routes, old_auth_routes


def create_app() -> Flask:
    """Put the blueprints together, and tie sessions to requests."""
    app = Flask(__name__)
    database.init_app(app)
    access_log.init_app(app)
    app.register_blueprint(auth_routes.blueprint)
    app.register_blueprint(health_routes.blueprint)
    app.register_blueprint(old_auth_routes.blueprint)
    return app
