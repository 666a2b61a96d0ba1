"""A router of questions to models: sqlite3 with a manager of its own."""
