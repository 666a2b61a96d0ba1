"""Which database to use, from the environment."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import URL, make_url


def build_database_uri(environment: Mapping[str, str]) -> URL:
    """Build the database's URL from its parts, or take it whole from CLINIC_DATABASE_URI."""
    if environment.get("DB_ENGINE") != "postgresql":
        return make_url(environment.get("CLINIC_DATABASE_URI", "sqlite:///clinic.db"))
    return URL.create(
        "postgresql+psycopg2",
        username=environment["DB_USER"],
        password=environment["DB_PASSWORD"],
        host=environment.get("DB_HOST", "localhost"),
        port=int(environment.get("DB_PORT", "5432")),
        database=environment["DB_NAME"],
    )
