"""SQLAlchemy's statements, queries and results, and what their methods give.

Source: SQLAlchemy 2's reference of ``Select``, ``Query`` and ``Result``.
"""

from __future__ import annotations

SELECTS = frozenset(
    {
        "sqlalchemy.select",
        "sqlalchemy.future.select",
        "sqlalchemy.sql.select",
        "sqlalchemy.sql.expression.select",
        "sqlmodel.select",
        "sqlmodel.sql.expression.select",
    }
)
"""What makes a statement that loads entities."""

CHANGES = frozenset({"delete", "insert", "update"})
"""What makes a statement that writes."""

STATEMENT_MAKERS = CHANGES | {"select", "text"}
"""What only builds a statement."""

TEXT_MAKERS = frozenset({"SQL", "text"})
"""What makes a statement of a text: SQLAlchemy's ``text``, psycopg's ``SQL``."""

QUERY_BUILDING = frozenset(
    {"add_columns", "correlate", "distinct", "execution_options", "filter", "filter_by"}
    | {"group_by", "having", "join", "limit", "offset", "options", "order_by", "outerjoin"}
    | {"query", "select_from", "where", "with_entities", "with_for_update"}
)
"""What only builds a statement, by the reference of ``Query``: no connection is taken."""

STILL_LAZY = (QUERY_BUILDING - {"query"}) | {
    "add_entity",
    "columns",
    "enable_eagerloads",
    "except_",
    "from_statement",
    "intersect",
    "mappings",
    "params",
    "populate_existing",
    "scalars",
    "slice",
    "tuples",
    "union",
    "union_all",
    "unique",
    "with_hint",
    "yield_per",
}
"""What gives a query, statement or result of which nothing is fetched yet."""

FETCHES_ONE = frozenset(
    {"first", "one", "one_or_none", "scalar", "scalar_one", "scalar_one_or_none"}
)
"""The methods of a query or result that give one object or value."""

LISTS = frozenset({"all", "fetchall", "fetchmany"})
"""The methods of a query or result that give a list."""

FETCHING = FETCHES_ONE | LISTS | {"fetchone", "mappings", "partitions", "scalars"}
"""The methods of a query or result by which rows are fetched, or will be."""

WITHOUT_ROWS = frozenset(
    {"close", "closed", "inserted_primary_key", "inserted_primary_key_rows", "is_insert", "keys"}
    | {"lastrowid", "returns_rows", "rowcount"}
)
"""What a result has to tell without its rows."""

METHODS = (
    STILL_LAZY
    | FETCHES_ONE
    | LISTS
    | {"_asdict", "_mapping", "count", "exists", "fetchone", "select_entity", "subquery"}
)
"""The methods of queries, statements and results that change no object."""

COLUMN_MAKERS = frozenset({"Column", "Field", "column_property", "deferred", "mapped_column"})
"""What declares the attribute of a model that is a column."""
