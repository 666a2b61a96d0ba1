"""The values at each stop of docs/how-it-works.md: one violation, from the file's bytes to its fix.

`docs/generate.py` puts them into the page, between the marks that name the stops.
"""

from __future__ import annotations

import ast
import difflib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.flow import Graph, build
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.analysis.source.mentions import is_gated
from flake8_dbsession.fixes.repair import Wishes, repair
from flake8_dbsession.linter import Linter, PreparedFile, Settings
from flake8_dbsession.rewriting.text import decode

FILES = {
    "core/database.py": """\
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine("postgresql://localhost/app")
SessionLocal = sessionmaker(bind=engine)


@contextmanager
def get_db_session():
    db = SessionLocal()
    try:
        yield db
        db.commit()
    except Exception:
        db.rollback()
        raise
    finally:
        db.close()
""",
    "services/agents.py": """\
from sqlalchemy import text

from core.database import SessionLocal


def size_of(db):
    return db.execute(text("select count(*) from agents")).scalar()


def report():
    db = SessionLocal()
    print(size_of(db))
    db.close()
""",
}
"""The house of the tour: its provider, and a service that goes by it."""

CODE = "DBS303"
_BLOCK = re.compile(r"(<!-- stop: (\w+) -->\n```\w*\n).*?(```\n)", re.DOTALL)


class Tour:
    """Follows the violation of the service.

    Args:
        root: the folder in which the house stands.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / "services" / "agents.py"
        self._text = FILES["services/agents.py"]
        linter = Linter(Settings())
        prepared = linter.prepare(str(self._path), self._text, ast.parse(self._text))
        assert isinstance(prepared, PreparedFile)
        self._prepared = prepared
        self._file = prepared.context.file
        self._ending = self._file.facts(Ending)[0]

    def stops(self) -> dict[str, Callable[[], str]]:
        """Give the stops, each with what there is to see."""
        return {
            "house": lambda: FILES["core/database.py"],
            "file": lambda: self._text,
            "gate": self._gate,
            "tree": self._tree,
            "names": self._names,
            "flow": self._flow,
            "effects": self._effects,
            "lifetime": self._lifetime,
            "fact": self._fact,
            "advice": self._advice,
            "violation": self._violation,
            "fix": self._fix,
        }

    def _gate(self) -> str:
        return f"is_gated(text) == {is_gated(self._text)}\n"

    def _tree(self) -> str:
        calls = [call for call, _ in self._file.tree.find(ast.Call)]
        return "".join(f"line {call.lineno}  {ast.unparse(call)}\n" for call in calls)

    def _names(self) -> str:
        opened = self._ending.acquisition
        known = opened.known
        names = self._file.names(opened.node.func, opened.scope)
        return (
            f"names     {', '.join(names)}\n"
            f"made by   {known.name}\n"
            f"role      {known.role.name}, by a {known.source.name if known.source else '?'}\n"
            f"resource  {known.resource.name}\n"
            f"is_async  {known.is_async}\n"
        )

    def _flow(self) -> str:
        return "".join(_shown(self._graph()))

    def _effects(self) -> str:
        scope, effects = self._ending.scope, Effects(self._file.inference)
        call = next(
            node
            for node in own_nodes(scope.node)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "size_of"
        )
        callee = self._file.inference.value(call.func, scope)
        assert isinstance(callee, FunctionValue)
        fate = effects.fate(call, 0, scope)
        return (
            f"{ast.unparse(call)} calls line {callee.node.lineno}\n"
            f"may raise      {effects.may_raise(call, scope)}\n"
            f"where returns  {', '.join(sorted(each.value for each in fate.on_return))}\n"
            f"where raises   {', '.join(sorted(each.value for each in fate.on_raise))}\n"
        )

    def _lifetime(self) -> str:
        lifetime = self._ending.lifetime
        leaks = [f"line {leak.node.lineno}, by {leak.how.value}" for leak in lifetime.leaks]  # type: ignore[attr-defined]
        closes = [f"line {close.node.lineno}, by {close.how.value}" for close in lifetime.closes]  # type: ignore[attr-defined]
        return f"leaks   {'; '.join(leaks)}\ncloses  {'; '.join(closes)}\n"

    def _fact(self) -> str:
        opened = self._ending.acquisition
        return (
            f"Ending of `{opened.text}`, line {opened.node.lineno}, held by `{opened.name}` "
            f"({opened.holder.name})\n"
        )

    def _advice(self) -> str:
        advice = self._prepared.context.advice(self._ending.acquisition)
        assert advice.way is not None
        way = advice.way
        return f"code     {advice.code}\nreach    {way.reach}\nleaving  {way.leaving}\n"

    def _violation(self) -> str:
        found = next(v for v, _ in self._prepared.violations() if v.code == CODE)
        return f"services/agents.py:{found.line}:{found.column + 1}: {found.code} {found.message}\n"

    def _fix(self) -> str:
        wishes = Wishes(codes=(CODE,))
        done = repair(str(self._path), decode(self._text.encode()), Linter(Settings()), wishes)
        changed = difflib.unified_diff(
            self._text.splitlines(True), done.text.content.splitlines(True), n=1
        )
        return "".join([*changed][2:])  # without the files' names

    def _graph(self) -> Graph:
        scope = self._ending.scope
        assert isinstance(scope.node, ast.FunctionDef)
        graph = build(scope.node, Effects(self._file.inference).calls(scope))
        assert graph is not None
        return graph


def _shown(graph: Graph) -> Iterator[str]:
    for number, block in enumerate(graph.blocks):
        if not block.events:
            continue
        yield f"block {number}\n"
        for index, event in enumerate(block.events):
            raises = "   can raise" if index in block.raising else ""
            yield f"    {type(event).__name__:9} {_written(event[0])}{raises}\n"
        ways = [f"{edge.target}{' where it raises' if edge.raised else ''}" for edge in block.edges]
        yield f"    -> {', '.join(ways)}\n"


def _written(node: object) -> str:
    return ast.unparse(node) if isinstance(node, ast.AST) else str(node)


@contextmanager
def tour() -> Iterator[Tour]:
    """Build the house, and give the tour through it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, source in {**FILES, "pyproject.toml": ""}.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(source, encoding="utf-8")
        yield Tour(root)


def filled(page: str) -> str:
    """Put what there is to see at each stop into the page."""
    with tour() as guide:
        stops = guide.stops()
        return _BLOCK.sub(lambda found: f"{found[1]}{stops[found[2]]()}{found[3]}", page)


if __name__ == "__main__":
    with tour() as guide:
        for name, shown in guide.stops().items():
            print(f"== {name}\n{shown()}")
