"""What not to write: the rules' pages, their examples restated in the house's own names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Any

from flake8_dbsession.analysis.library.drivers import BlockEnd, driver_of
from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Policy, Style
from flake8_dbsession.rules.base import Rule
from flake8_dbsession.rules.pages import example, section, summary
from flake8_dbsession.rules.registry import rules
from flake8_dbsession.standard.patterns import pattern
from flake8_dbsession.standard.settings import engine_example, pragmas_example
from flake8_dbsession.standard.ways import StandardWay, StandardWays

# The names that the pages' examples use, and the module that they import them from.
_MODULE = "core.database"
_PROVIDER, _DEPENDENCY, _FACTORY = "get_db_session", "get_db", "SessionLocal"

_IMPORT = regex(rf"^from {re.escape(_MODULE)} import (.+)\n", re.MULTILINE)
_BLOCK = regex(rf"^( *)with {_PROVIDER}\(\) as (\w+):\n((?:\1    .*\n|\n)+)", re.MULTILINE)
# A line of the examples that changes something, and their imports from elsewhere in the project.
_CHANGE = regex(r"^( *)(.*\.name = name)$", re.MULTILINE)
_CONNECT = regex(r"\bconnect\(|\bgetconn\(")
# What the examples about connections say, and how it is written with a house's own driver.
_SPELLINGS = {
    "psycopg": (
        ("import sqlite3", "import psycopg"),
        ("sqlite3.", "psycopg."),
        ('"sensors.db"', '"dbname=sensors"'),
        ("path", "conninfo"),
        ("?", "%s"),
        ("from psycopg2.pool import Threaded", "from psycopg_pool import "),
        ("ThreadedConnectionPool(2, 20)", "ConnectionPool(min_size=2, max_size=20)"),
        ("import psycopg2", "import psycopg"),
        ("psycopg2.", "psycopg."),
    )
}
_PLACEHOLDERS = regex(r"^from core\.(?:models|settings) import .+\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class AntiPattern:
    """A rule as the standard shows it.

    Attributes:
        code: the rule's code.
        title: what it reports, in a few words.
        why: why that is bad, in Markdown.
        wrong: code that it reports.
        right: what to write instead.
    """

    code: str
    title: str
    why: str
    wrong: str
    right: str


_BLOCKS = (None, Style.CONTEXT)  # where none is named, what is used tells


def enabled(policy: Policy) -> list[Rule[Any]]:
    """Give the rules that can report anything under a policy.

    Args:
        policy: the policy.

    Returns:
        All but the off rules that it does not enable, those that need something it does not name,
        and those that every layer but the tests' allows.
    """
    return [rule for rule in rules().values() if _is_enabled(rule, policy)]


def anti_patterns(policy: Policy, ways: StandardWays) -> Iterator[AntiPattern]:
    """Restate the rules' examples in the house's names.

    Args:
        policy: the policy.
        ways: its ways to a session.

    Yields:
        The enabled rules whose page speaks of what the house has; the others are left out, since
        their examples would name what is not there.
    """
    house = _House(policy, ways)
    for rule in enabled(policy):
        examples = house.examples(rule)
        if examples is not None:
            why = section(rule, "Why is this bad?")
            yield AntiPattern(rule.code, summary(rule), why, *examples)


def _is_enabled(rule: Rule[Any], policy: Policy) -> bool:
    if rule.judges_comments or (rule.off and rule.code not in policy.enable):
        return False
    needed = {
        "DBS102": any(layer.use and layer.style in _BLOCKS for layer in policy.layers),
        "DBS104": policy.legacy,
        "DBS106": policy.retired,
        "DBS107": policy.connections,
        "DBS108": any(layer.decorator for layer in policy.layers),
        "DBS110": policy.docstrings,
        "DBS401": any(layer.use and layer.style is not Style.CONTEXT for layer in policy.layers),
        "DBS503": policy.engine,
        "DBS606": policy.pragmas,
    }
    if not needed.get(rule.code, True):
        return False
    return not all(rule.code in layer.allow for layer in _working_layers(policy))


def _working_layers(policy: Policy) -> list[Layer]:
    return [layer for layer in policy.layers if layer.name != TESTS_LAYER]


class _House:
    """What the examples' names are called in a house.

    Args:
        policy: the house's policy.
        ways: its ways to a session.
    """

    def __init__(self, policy: Policy, ways: StandardWays) -> None:
        self._policy = policy
        connections = ways.to_connections()
        self._connections = next((way for way in connections if not way.call), None)
        self._library = next((way.library for way in connections), "")
        self._factory = ways.factory
        pairs = [(layer, ways.of_layer(layer)) for layer in _working_layers(policy)]
        found = [(layer, way) for layer, way in pairs if way is not None and not way.is_connection]
        self._has_sessions = bool(found)
        self._opener = next(
            (
                (layer, way)
                for style in (Style.CONTEXT, Style.REQUEST)
                for layer, way in found
                if way.style is style and not (way.is_async or way.is_of_object or way.call)
            ),
            None,
        )
        self._dependency = next((w for _, w in found if w.style is Style.DEPENDENCY), None)

    def examples(self, rule: Rule[Any]) -> tuple[str, str] | None:
        """Give a rule's wrong and right code; None where it speaks of what the house has not."""
        own = {
            "DBS104": self._legacy,
            "DBS106": lambda: None,  # the table of retired names says it all
            "DBS107": self._connect,
            "DBS108": self._undecorated,
            "DBS407": lambda: None,  # it is about a whole project, and no function of it
            "DBS501": lambda: self._engine_per_call(rule),
            "DBS503": self._engine,
            "DBS504": lambda: self._options_in_url(rule),
            "DBS606": self._pragmas,
        }.get(rule.code)
        if own is not None:
            return own()
        wrong, right = example(rule, "Example"), example(rule, "Use instead")
        others = re.compile(rf" *# (?!{rule.code})DBS\d{{3}}.*")
        if rule.code.startswith("DBS6"):
            return self._of_connections(rule.code, others.sub("", wrong), right)
        if not (self._has_sessions and self._has_all(wrong) and self._has_all(right)):
            return None
        return others.sub("", self._restated(wrong)), self._restated(self._committed(right))

    def _of_connections(self, code: str, wrong: str, right: str) -> tuple[str, str] | None:
        """Give a rule's code about connections, by the house's driver as far as that is known."""
        is_told = self._connections is not None or self._library
        if not is_told or "core.database" in wrong or _is_silent(code, self._library):
            return None
        if self._connections is not None and _CONNECT.search(right):
            return self._by_driver(wrong), pattern(Layer("", ()), self._connections)
        return self._by_driver(wrong), self._by_driver(right)

    def _by_driver(self, code: str) -> str:
        for usual, own in _SPELLINGS.get(driver_of(self._library).name, ()):
            code = code.replace(usual, own)
        return code

    def _legacy(self) -> tuple[str, str] | None:
        accessor = self._policy.legacy[0][0].lstrip("*.")
        if self._opener is None or not accessor.replace(".", "").isidentifier():
            return None
        wrong = f"""\
            def item_name(item_id):
                db = {accessor}()  # DBS104
                try:
                    return db.get(Item, item_id).name
                finally:
                    db.close()
            """
        return dedent(wrong), pattern(*self._opener)

    def _connect(self) -> tuple[str, str] | None:
        if self._connections is None:
            return None
        connects = driver_of(self._library).connects
        usual = "sqlite3.connect" if self._policy.pragmas else "psycopg2.connect"
        connect = next(iter(connects), usual)
        wrong = f"""\
            import {connect.rpartition(".")[0]}


            def count_items(database):
                conn = {connect}(database)  # DBS107
                try:
                    cursor = conn.cursor()
                    cursor.execute("SELECT count(*) FROM items")
                    return cursor.fetchone()[0]
                finally:
                    conn.close()
            """
        return dedent(wrong), pattern(Layer("", ()), self._connections)

    def _undecorated(self) -> tuple[str, str] | None:
        if self._opener is None:
            return None
        layer = next(layer for layer in self._policy.layers if layer.decorator)
        way = self._opener[1]
        return pattern(layer, way, decorated=False), pattern(layer, way)

    def _engine(self) -> tuple[str, str]:
        kind = self._policy.engine[0][0]
        options = self._policy.engine_options(kind)
        return engine_example(kind, (), mark="  # DBS503"), engine_example(kind, options)

    def _engine_per_call(self, rule: Rule[Any]) -> tuple[str, str] | None:
        if not self._has_sessions:
            return None
        wrong = self._restated(example(rule, "Example"))
        return wrong, engine_example("postgresql", self._policy.engine_options("postgresql"))

    def _options_in_url(self, rule: Rule[Any]) -> tuple[str, str] | None:
        if not self._has_sessions:
            return None
        required = dict(self._policy.engine_options("postgresql"))
        options = tuple(({"pool_size": 20, "max_overflow": 10} | required).items())
        return example(rule, "Example"), engine_example("postgresql", options)

    def _pragmas(self) -> tuple[str, str]:
        return pragmas_example((), mark="  # DBS606"), pragmas_example(self._policy.pragmas)

    def _committed(self, code: str) -> str:
        """Add the commit to what changes something, where the house's own way does not commit."""
        way = self._opener[1] if self._opener else None
        commits = way is None or (way.commits is not False and way.style is not Style.REQUEST)
        if commits or _PROVIDER not in code:
            return code
        return _CHANGE.sub(r"\1\2\n\1db.commit()", code)

    def _restated(self, code: str) -> str:
        """Put the house's names into an example."""
        code = _IMPORT.sub(self._import, code)
        names = {_FACTORY: self._factory.expression}
        if self._opener is not None:
            opener = self._opener[1]
            if opener.style is Style.REQUEST:
                code = _BLOCK.sub(_at_hand if opener.is_at_hand else _without_block, code)
            names[_PROVIDER] = opener.use.expression
        if self._dependency is not None:
            names[_DEPENDENCY] = self._dependency.use.expression
        words = re.compile(rf"\b({'|'.join(names)})\b")
        restated = words.sub(lambda found: names[found[1]], _PLACEHOLDERS.sub("", code))
        return re.sub(r"\n{4,}", "\n\n\n", restated).strip("\n") + "\n"

    def _has_all(self, code: str) -> bool:
        """Tell whether the house has what an example asks for."""
        defined = set(re.findall(r"^def (\w+)", code, re.MULTILINE))
        if _mentions(_DEPENDENCY, code) and not self._has(self._dependency, _DEPENDENCY in defined):
            return False
        opener = self._opener[1] if self._opener else None
        if _mentions(_PROVIDER, code) and not self._has(opener, _PROVIDER in defined):
            return False
        is_request = opener is not None and opener.style is Style.REQUEST
        if is_request and _mentions(_PROVIDER, _BLOCK.sub("", _IMPORT.sub("", code))):
            return False
        return "get_async_db_session" not in code

    def _has(self, way: StandardWay | None, is_defined: bool) -> bool:
        """Tell whether a way can stand for the one of an example."""
        if way is None or way.is_async:
            return False
        return not is_defined or way.use.expression.isidentifier()

    def _import(self, found: re.Match[str]) -> str:
        """Give the house's imports for an import of the examples' module."""
        ways = {_PROVIDER: self._opener[1].use if self._opener else None}
        ways[_DEPENDENCY] = self._dependency.use if self._dependency else None
        lines = []
        for name in found[1].split(", "):
            is_known = name in (*ways, _FACTORY)  # what a house calls its engine is not
            if not is_known or not _mentions(name, found.string[found.end() :]):
                continue
            use = ways.get(name) or self._factory
            root = use.expression.partition(".")[0]
            if use.module is not None:
                lines.append(f"from {use.module} import {root}\n")
        return "".join(sorted(set(lines)))


def _is_silent(code: str, library: str) -> bool:
    """Tell whether a rule never speaks of a driver's connections."""
    driver = driver_of(library)
    silent = {
        "DBS601": driver.block != BlockEnd.COMMITS,
        "DBS605": driver.taking is None,
        "DBS610": driver.is_shareable,
        "DBS611": not driver.aborts,
    }
    return bool(library) and silent.get(code, False)


def _mentions(name: str, code: str) -> bool:
    return re.search(rf"\b{name}\b", code) is not None


def _without_block(found: re.Match[str]) -> str:
    """Turn a ``with`` block into an assignment, with its body beside it."""
    margin, name, body = found.groups()
    work = indent(dedent(body), margin)
    return f"{margin}{name} = {_PROVIDER}()\n{work}"


def _at_hand(found: re.Match[str]) -> str:
    """Turn a ``with`` block into its body, which works with a session that is there already."""
    margin, name, body = found.groups()
    return indent(re.sub(rf"\b{name}\b", _PROVIDER, dedent(body)), margin)
