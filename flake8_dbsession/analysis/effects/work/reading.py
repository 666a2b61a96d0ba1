"""Which SQL only reads, as far as its text tells."""

from __future__ import annotations

import ast
import re

from flake8_dbsession.analysis.effects.work.sql import sql_statements
from flake8_dbsession.analysis.names.scopes import Scope, original_name
from flake8_dbsession.analysis.names.texts import HOLE
from flake8_dbsession.patterns import regex

_BEGINS = regex(r"[\s(]*(?:SELECT|WITH|VALUES|SHOW|EXPLAIN|TABLE)\b", re.IGNORECASE)
_TEXTS = regex(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]")
_LOCKS = regex(r"\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b", re.IGNORECASE)
_WRITES = regex(
    r"\b(?:INSERT|UPDATE|DELETE|MERGE|INTO|CREATE|DROP|ALTER|TRUNCATE|CALL|COPY|LOCK|SET|GRANT)\b"
    r"(?!\s*\()",
    re.IGNORECASE,
)
_CALLED = regex(r"\b([A-Za-z_]\w*)\s*\(")
# A part that is not literal: in quotes, or where a table or a value stands.
_QUOTED = regex(rf"(?P<quote>['\"`])(?:(?!(?P=quote)).)*{HOLE}.*?(?P=quote)", re.DOTALL)
_PLACES = regex(
    rf"(?P<before>\b(?:FROM|JOIN|LIMIT|OFFSET)\s+(?:\w+\.)?|(?<![<>=!])(?:[<>=]|<>|!=|<=|>=)\s*)"
    rf"{HOLE}(?!\s*\()",
    re.IGNORECASE,
)
_PRAGMA = regex(r"PRAGMA\s+(?:\w+\.)?(\w+)\s*(\(.*\))?", re.IGNORECASE | re.DOTALL)
# The pragmas that take an argument and only tell (sqlite.org/pragma.html).
_TELLING = frozenset(
    {"foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo"}
    | {"integrity_check", "quick_check", "table_info", "table_list", "table_xinfo"}
)
# Pragmas that do something without a value.
_DOING = frozenset({"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"})
# PostgreSQL's manual, chapter 9; MySQL's, chapter 14; sqlite.org/lang_corefunc.html and the like.
_PURE = frozenset(
    {"abs", "age", "array_agg", "array_length", "bm25", "cardinality", "corr", "date_format"}
    | {"datediff", "json_extract_path_text", "phraseto_tsquery", "plainto_tsquery"}
    | {"websearch_to_tsquery"}
    | {"encode", "every", "exp", "grouping", "initcap", "isnull", "jsonb_extract_path_text", "len"}
    | {"ln", "log", "md5", "mode", "nvl", "percentile_cont", "percentile_disc", "sign"}
    | {"similarity", "split_part", "stddev", "stddev_pop", "stddev_samp", "strpos"}
    | {"to_tsquery", "to_tsvector", "trunc", "ts_rank", "var_pop", "var_samp", "variance"}
    | {"width_bucket", "within_group", "word_similarity"}
    | {"avg", "bool_and", "bool_or", "cast", "ceil", "char_length", "coalesce"}
    | {"concat", "concat_ws", "count", "cume_dist", "current_database", "current_date"}
    | {"current_schema", "current_time", "current_timestamp", "current_user", "date", "date_part"}
    | {"date_trunc", "datetime", "dense_rank", "extract", "first_value", "floor", "format"}
    | {"greatest", "group_concat", "ifnull", "iif", "instr", "json_agg", "json_array_length"}
    | {"json_build_object", "json_each", "json_extract", "json_group_array", "json_object"}
    | {"jsonb_agg", "jsonb_array_elements", "jsonb_array_length", "jsonb_build_object", "julianday"}
    | {"lag", "last_value", "lead", "least", "left", "length", "localtimestamp", "lower", "ltrim"}
    | {"max", "min", "mod", "now", "ntile", "nullif", "octet_length", "percent_rank", "position"}
    | {"power", "random", "rank", "regexp_replace", "replace", "right", "round", "row_number"}
    | {"rtrim", "sqlite_version", "sqrt", "strftime", "string_agg", "substr", "substring", "sum"}
    | {"time", "to_char", "to_date", "to_timestamp", "total", "trim", "typeof", "unixepoch"}
    | {"unnest", "upper", "version"}
)
# Words before a bracket that are no function.
_WORDS = frozenset(
    {"all", "and", "any", "as", "between", "by", "case", "char", "decimal", "distinct", "else"}
    | {"except", "exists", "filter", "from", "in", "intersect", "interval", "is", "join", "lateral"}
    | {"like", "limit", "materialized", "not", "numeric", "offset", "on", "or", "over", "select"}
    | {"some", "then", "union", "using", "values", "varchar", "when", "where", "with", "within"}
)


def only_reads(text: str) -> bool:
    """Tell whether SQL changes nothing, neither by a verb nor by a function that it calls.

    Args:
        text: one statement or several.
    """
    statements = sql_statements(text)
    return bool(statements) and all(map(_reads, statements))


def filled(text: str) -> str:
    """Fill the parts of SQL that are not literal, where each can be nothing but a table or a value.

    Args:
        text: the text, with ``HOLE`` for each such part.

    Returns:
        The text without those that stand in quotes, or after ``FROM``, ``JOIN``, ``LIMIT``,
        ``OFFSET`` or a comparison; the others stay.
    """
    if HOLE not in text:
        return text
    return _PLACES.sub(r"\g<before>x", _QUOTED.sub("'x'", text))


def is_pure(name: str) -> bool:
    """Tell whether a function of SQL, as ``func.count``, is known to change nothing."""
    return name.lower() in _PURE


def changes_by_function(node: ast.AST, scope: Scope) -> bool:
    """Tell whether a call names a function of SQL that may change something.

    Args:
        node: any node, such as ``func.nextval("ids")`` or ``text("nextval('ids')")``.
        scope: the scope it is read in.
    """
    match node:
        case ast.Call(func=ast.Attribute(value=ast.expr() as owner, attr=name)):
            return not is_pure(name) and original_name(owner, scope) == "func"
        case ast.Call(func=function, args=[ast.Constant(value=str(text)), *_]):
            is_text = original_name(function, scope) == "text"
            return is_text and not (only_reads(text) or _is_harmless(_bare(text)))
    return False


def _reads(statement: str) -> bool:
    pragma = _PRAGMA.fullmatch(statement)
    if pragma is not None:
        name, argument = pragma[1].lower(), pragma[2]
        return name in _TELLING if argument else name not in _DOING
    bare = _bare(statement)
    return _BEGINS.match(bare) is not None and not _WRITES.search(bare) and _is_harmless(bare)


def _bare(statement: str) -> str:
    return _LOCKS.sub("", _TEXTS.sub("''", statement))


def _is_harmless(bare: str) -> bool:
    called = {name.lower() for name in _CALLED.findall(bare)}
    return called <= _PURE | _WORDS
