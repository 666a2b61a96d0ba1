"""The tables, and the triggers that keep the message counts right."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY,
    message_count INTEGER NOT NULL DEFAULT 0,
    last_activity TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE IF NOT EXISTS messages (
    message_id INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
    content TEXT NOT NULL
);

CREATE TRIGGER IF NOT EXISTS count_after_insert AFTER INSERT ON messages
BEGIN
    UPDATE sessions
    SET message_count = message_count + 1, last_activity = CURRENT_TIMESTAMP
    WHERE session_id = NEW.session_id;
END;

CREATE TRIGGER IF NOT EXISTS count_after_delete AFTER DELETE ON messages
BEGIN
    UPDATE sessions SET message_count = message_count - 1 WHERE session_id = OLD.session_id;
END;
"""
