"""DBS403: ``Depends(SessionLocal)`` becomes ``Depends(get_db)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.injections import Injection
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.blocks.provision import Need, reach_way
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.house.model import OpeningPlace, Way
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Fix, Kind, Refusal


@register
class InjectTheDependency(Fixer[Injection]):
    """Names the house's dependency in the place of the factory."""

    code = "DBS403"
    kinds = frozenset({Kind.COMMIT, Kind.PATCHED})

    def fix(self, fact: Injection, document: Document) -> Fix:
        """Inject what closes its session."""
        assert fact.known is not None
        document.refuse_comments(fact.handed)
        factory = fact.handed.func if isinstance(fact.handed, ast.Call) else fact.handed
        scope = next(
            s for call, s in document.context.file.tree.find(ast.Call) if call is fact.node
        )
        place = OpeningPlace(fact.known, scope, factory=factory)
        way = document.context.house.dependency(place)
        if way is None:
            raise Refusal(document.context.house.why_no_dependency(place))
        need = Need(fact.node, fact.known, scope, "", factory, place)
        reach = reach_way(way, need, document)
        edits = (document.replace(fact.handed, reach.expression), *reach.edits)
        doubts = tuple(_doubts(way))
        return Fix(edits, doubts, document.root_name(factory))


def _doubts(way: Way) -> Iterator[Doubt]:
    """Say what a dependency may do that the factory does not."""
    if not way.is_found:
        reason = f"`{way.expression}` is not found, and may do more than open and close a session"
        yield Doubt(Kind.OTHER, reason)
    elif not way.is_same:
        yield Doubt(Kind.OTHER, f"`{way.expression}` may open sessions of another factory")
    if way.leaving.commits:
        reason = f"`{way.expression}` may commit what the handler leaves uncommitted"
        yield Doubt(Kind.COMMIT, reason)
