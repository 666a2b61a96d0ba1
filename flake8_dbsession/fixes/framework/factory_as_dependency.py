"""DBS403: ``Depends(SessionLocal)`` becomes ``Depends(get_db)``."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.injections import Injection
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue, Known, Role, Value
from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.fixes.registry import register
from flake8_dbsession.policy.model import Sanctioned, Style
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Fix, Kind, Refusal
from flake8_dbsession.rewriting.imports import Reach, reach_beside, reach_module


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
        declared = _declared(document)
        if declared is not None:
            reach, value = _of_policy(declared, scope, document)
        else:
            reach, value = _of_house(factory, fact.known, scope, document)
        edits = (document.replace(fact.handed, reach.expression), *reach.edits)
        doubts = _doubts(reach.expression, value, fact.known, document)
        return Fix(edits, doubts, document.root_name(factory))


def _declared(document: Document) -> Sanctioned | None:
    """Give the dependency that the user's policy names, that of the file's own layer first."""
    context = document.context
    layers = [
        layer
        for layer in context.policy.layers
        if layer.use and layer.style is Style.DEPENDENCY and layer.declared
    ]
    layers.sort(key=lambda layer: layer is not context.layer)
    return layers[0].use if layers else None


def _of_policy(use: Sanctioned, scope: Scope, document: Document) -> tuple[Reach, Value | None]:
    inference = document.context.file.inference
    if use.module is None:
        if not scope.lookup(use.expression.partition(".")[0]):
            raise Refusal(f"`{use.expression}` is not known here; the policy can name its module")
        value = inference.value(ast.parse(use.expression, mode="eval").body, scope)
        return Reach(use.expression), value
    module = inference.project.find(document.context.file.path, use.module)
    value = inference.member(module, use.expression) if module else None
    return reach_module(use.module, use.expression, scope, document), value


def _of_house(
    factory: ast.expr, known: Known, scope: Scope, document: Document
) -> tuple[Reach, Value | None]:
    house = document.context.file.house(known)
    if house is None or known.home is None:
        raise Refusal("the project's session dependency is not known; a layer can name it")
    if house.dependency is None:
        raise Refusal("the project has no session dependency")
    value = document.context.file.inference.member(known.home.module, house.dependency)
    names = document.context.file.names(factory, scope)
    if not _calls_any(value, {name.rpartition(".")[2] for name in names}):
        raise Refusal(f"`{house.dependency}` may open sessions of another factory")
    return reach_beside(factory, house.dependency, scope, document), value


def _calls_any(value: Value | None, names: set[str]) -> bool:
    if not isinstance(value, FunctionValue):
        return False
    calls = (node for node in ast.walk(value.node) if isinstance(node, ast.Call))
    return any(last_segment(call.func) in names for call in calls)


def _doubts(name: str, value: Value | None, opened: Known, document: Document) -> tuple[Doubt, ...]:
    known = document.context.file.inference.role(value)
    if known is None:
        reason = f"`{name}` is not found, and may do more than open and close a session"
        return (Doubt(Kind.OTHER, reason),)
    if known.role is not Role.DEPENDENCY:
        raise Refusal(f"`{name}` is no dependency")
    if known.is_async != opened.is_async:
        raise Refusal(f"`{name}` is {'' if known.is_async else 'not '}asynchronous")
    if known.commits:
        reason = f"`{name}` may commit what the handler leaves uncommitted"
        return (Doubt(Kind.COMMIT, reason),)
    return ()
