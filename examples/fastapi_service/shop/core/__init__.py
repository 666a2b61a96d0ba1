"""The database, and what routes share."""
