"""The distributions that bring a driver for SQLAlchemy, by the database that it is for.

Source: SQLAlchemy's reference of dialects, and its list of external ones.
"""

from __future__ import annotations

_BY_DIALECT = {
    "postgresql": ("asyncpg", "pg8000", "psycopg", "psycopg2", "psycopg2-binary", "psycopg2cffi"),
    "mysql": (
        "aiomysql",
        "asyncmy",
        "mariadb",
        "mysql-connector-python",
        "mysqlclient",
        "pymysql",
    ),
    "sqlite": ("aiosqlite", "pysqlcipher3", "pysqlite3", "sqlalchemy-libsql", "sqlcipher3"),
    "mssql": ("aioodbc", "pymssql", "pyodbc"),
    "oracle": ("cx-oracle", "cx_oracle", "oracledb"),
    "duckdb": ("duckdb-engine",),
}
DIALECTS = {name: dialect for dialect, names in _BY_DIALECT.items() for name in names}
"""The dialect of each distribution."""
