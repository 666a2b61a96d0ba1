"""What in a project may close a request's session when the request ends."""

from __future__ import annotations

import re

# What closes or removes a session at a request's end: Flask's hooks and signals, a registry's own
# ``remove``, a close of what ``g`` keeps, and extensions, which bring their hooks in ``init_app``.
TEARDOWN = re.compile(
    rb"teardown_(?:appcontext|request|websocket)"
    rb"|tearing_down"
    rb"|after_(?:this_)?request"
    rb"|flask_sqlalchemy"
    rb"|init_app"
    rb"|\.remove(?:\(\)|\s*\))"
    rb"|\bg\.pop\("
    rb"|\bg\.\w+\.close\b"
)
