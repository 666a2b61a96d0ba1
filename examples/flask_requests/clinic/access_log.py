"""The access log, which keeps a session of its own on `g` and forgets about it.

DBS407 says so only in a project without any teardown, and this one has one, for another session.
"""

from __future__ import annotations

from flask import Flask, g, request

from clinic.infrastructure.database import SessionLocal
from clinic.models import Visit


def log_request() -> None:
    """Write down a request."""
    g.access_log_session = SessionLocal()  # DBS101
    g.access_log_session.add(Visit(path=request.path))
    g.access_log_session.commit()


def init_app(app: Flask) -> None:
    """Have each request written down."""
    app.before_request(log_request)
