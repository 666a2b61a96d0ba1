"""What the analysis says of a program of the oracle."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.flow import CallTraits, build, raises_by_name
from flake8_dbsession.analysis.lifetimes import Fate, Lifetime, Opened, Traits, lifetimes
from flake8_dbsession.analysis.lifetimes.fates import UNKNOWN, USED
from flake8_dbsession.analysis.names.inference import Inference, Vocabulary
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.analysis.nodes import own_nodes
from tests.oracle.helpers import MODULES
from tests.oracle.runtime import HELPERS, openings, opens_by_helper, parts

_NOWHERE = Path("/nowhere")
_CONNECT = RoleValue(Role.CONNECT, Resource.CONNECTION, name="connect", library="sqlite3")
_VOCABULARY = Vocabulary(
    bare=frozenset({"AsyncSessionLocal", "SessionLocal"}), named=(("connect", _CONNECT),)
)
# What the runs ask their questions by, what makes an object, and what closes.
_SAFE = frozenset(
    {
        "AsyncExitStack", "ExitStack", "Holder", "choose", "close_block", "close_default",
        "close_given", "close_if_any", "close_it", "close_later", "close_now", "close_slowly",
        "close_through", "close_through_slowly", "close_unless", "close_unless_slowly", "end",
        "keep_it", "partial", "same_as", "spare", "spare_slowly", "tired", "turns", "wrap_it",
    }
)  # fmt: skip
_SAFE_KINDS = ("Base_", "Manager_", "Store_", "guard_", "safe_", "scope_")


class Verdict(NamedTuple):
    """What the analysis says of a program.

    Attributes:
        lifetimes: the lifetimes of what it opens, by the numbers of the openings; those left out
            of which it does not say that they give something new each time.
        is_by_callees: whether it says so only because it looked into the functions that are called.
    """

    lifetimes: dict[int, Lifetime]
    is_by_callees: bool


def judge(source: str) -> Verdict | None:
    """Analyse the functions of a program.

    Args:
        source: the program.

    Returns:
        The verdict; None where the analysis gives up.
    """
    found = _judged(source, None)
    if found is None:
        return None
    calls = openings(ast.parse(source))
    if any(opens_by_helper(call) for site, call in enumerate(calls) if site in found):
        return Verdict(found, is_by_callees=True)
    others = (_judged(source, _never), _judged(source, _always))
    leaks = _leaking(found)
    return Verdict(found, any(other is None or _leaking(other) != leaks for other in others))


def _never(_call: ast.Call, _key: int | str, _is_held: bool) -> Fate:
    """Take what a call does for unknown, as where nothing is looked into."""
    return UNKNOWN


def _always(_call: ast.Call, _key: int | str, _is_held: bool) -> Fate:
    """Take each call for one that only works with what it is given."""
    return USED


def _leaking(found: dict[int, Lifetime]) -> set[int]:
    return {site for site, lifetime in found.items() if lifetime.leaks}


def _judged(
    source: str, fate: Callable[[ast.Call, int | str, bool], Fate] | None
) -> dict[int, Lifetime] | None:
    tree = ast.parse(source)
    around = Module(_NOWHERE / "around.py", HELPERS, ast.parse(HELPERS)).scope
    project = _Memory(source, tree, around)
    inference = inference_over(project, _VOCABULARY)
    sites = {call: site for site, call in enumerate(openings(tree))}
    found: dict[int, Lifetime] = {}
    for name, part in zip(MODULES[-len(parts(tree)) :], parts(tree), strict=True):
        module = Module(_NOWHERE / name, source, ast.Module(part, []), around)
        for scope in _functions(module.scope):
            own = [n for n in own_nodes(scope.node) if n in sites and _is_new(n, scope, inference)]
            lived = _lifetimes(scope, own, inference, fate)  # type: ignore[arg-type]
            if lived is None:
                return None
            found.update(zip(map(sites.__getitem__, own), lived, strict=True))  # type: ignore[arg-type]
    return found


class _Memory(Project):
    """A project of which the helper module is kept in memory, parsed as one that is imported."""

    def __init__(self, source: str, tree: ast.Module, around: Scope) -> None:
        super().__init__(_NOWHERE)
        last = parts(tree)[0][-1:]
        text = "\n".join(source.split("\n")[: last[0].end_lineno]) if last else ""
        self._helpers = Module(_NOWHERE / MODULES[0], text, None, around)

    def find(self, importer: Path, dotted: str, level: int = 0) -> Module | None:
        """Find the helper module."""
        return self._helpers if dotted == "helpers" else None


def _functions(scope: Scope) -> Iterator[Scope]:
    for node in own_nodes(scope.node):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            inner = scope.child(node)
            if isinstance(node, FUNCTIONS):
                yield inner
            yield from _functions(inner)


def _is_new(call: ast.AST, scope: Scope, inference: Inference) -> bool:
    assert isinstance(call, ast.Call)
    known = inference.known(call, scope)
    return not opens_by_helper(call) or (known is not None and known.role is Role.OPENED)


def _lifetimes(
    scope: Scope,
    calls: list[ast.Call],
    inference: Inference,
    fate: Callable[[ast.Call, int | str, bool], Fate] | None,
) -> list[Lifetime] | None:
    if not calls:
        return []
    effects = Effects(inference)
    flow = CallTraits(may_raise=_may_raise, ending=lambda call: effects.ending(call, scope))
    assert isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    graph = build(scope.node, flow)
    if graph is None:
        return None
    traits: Traits = effects.traits(scope, block_closes=True)
    if fate is not None:
        traits = traits._replace(fate=fate, fate_in_holder=lambda _: fate(_, 0, True))
    opened = [_opened(call, scope, inference) for call in calls]
    found = lifetimes(graph, opened, traits)
    return None if None in found else list(found)  # type: ignore[arg-type]


def _opened(call: ast.Call, scope: Scope, inference: Inference) -> Opened:
    known = inference.known(call, scope)
    is_connection = known is not None and known.resource is Resource.CONNECTION
    if is_connection or ast.unparse(call.func) == "connect":
        return Opened(call, live_at_once=True, block_closes=False)
    return Opened(call)


def _may_raise(call: ast.Call) -> bool:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    is_safe = name in _SAFE or name.startswith(_SAFE_KINDS)
    return not is_safe and raises_by_name(call)
