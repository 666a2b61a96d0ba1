"""Which of several ways a project uses: what its routes inject, and what its code enters."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property

from flake8_dbsession.analysis.effects.needs import Key, key_of
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Imported, Scope
from flake8_dbsession.analysis.names.values import FunctionValue, Role
from flake8_dbsession.house.model import Way
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.model import Style

_INJECTING = "Depends("


class Injected(NamedTuple):
    """A dependency of sessions or connections, as a module injects it.

    Attributes:
        function: the dependency.
        dotted: the module that its name is imported from there; empty where that is not told.
        name: its name in that module.
        number: how many parameters it is injected by, those by an alias among them.
    """

    function: FunctionValue
    dotted: str
    name: str
    number: int


class Habits:
    """What the modules of a project use.

    Args:
        module: the file for which that is asked.
        inference: follows names; its project is searched.
    """

    def __init__(self, module: Module, inference: Inference) -> None:
        self._module = module
        self._inference = inference

    @property
    def injected(self) -> Iterable[Injected]:
        """The dependencies that are injected anywhere, the most used first."""
        return self._by_function.values()

    @cached_property
    def _by_function(self) -> dict[Key, Injected]:
        counts: Counter[Key] = Counter()
        found: dict[Key, Injected] = {}
        for module in self._modules_with(_INJECTING):
            for each in self._injected_in(module):
                key = _key_of(each.function)
                counts[key] += each.number
                if key not in found or not found[key].dotted:
                    found[key] = each
        most_used_first = sorted(found, key=lambda key: -counts[key])
        return {key: found[key]._replace(number=counts[key]) for key in most_used_first}

    def uses(self, way: Way) -> int:
        """Count the places where the project uses a way; 0 for one that cannot be followed."""
        if way.function is None:
            return 0
        key = _key_of(way.function)
        if way.style is not Style.DEPENDENCY:
            return self._entered(key[-1])
        injected = self._by_function.get(key)
        return injected.number if injected is not None else 0

    def is_private(self, way: Way) -> bool:
        """Tell whether only the module that defines a provider enters it."""
        if way.function is None:
            return False
        *_, name = _key_of(way.function)
        home = way.function.scope.module
        if not re.search(rf"\bwith\b[^\n#]*(?<![\w.]){re.escape(name)}\s*\(", home.text):
            return False
        defines = re.compile(rf"^(?:async )?def {re.escape(name)}\b", re.MULTILINE)
        others = (m for m in self._modules_with(name) if m is not home)
        return not any(_has_word(name, m.text) and not defines.search(m.text) for m in others)

    def _entered(self, name: str) -> int:
        modules = self._modules_with(f"{name}(")
        return sum(_entries_in(module.scope, name) for module in modules)

    def _modules_with(self, text: str) -> Iterator[Module]:
        if text in self._module.text:
            yield self._module
        yield from self._inference.project.modules_with(text, self._module.path)

    def _injected_in(self, module: Module) -> Iterator[Injected]:
        for alias, each in _injections_in(module.scope, inference=self._inference):
            number = self._annotations(alias) if alias else 1
            yield each._replace(number=number)

    def _annotations(self, alias: str) -> int:
        """Count the parameters whose type is an alias; at least one."""
        annotated = re.compile(rf":\s*(?:\w+\.)*{re.escape(alias)}\b(?!\s*[\[(])")
        texts = (module.text for module in self._modules_with(alias))
        return max(1, sum(len(annotated.findall(text)) for text in texts))


def _has_word(name: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def _key_of(function: FunctionValue) -> Key:
    return key_of(function.scope.child(function.node))


@remembered
def _entries_in(module: Scope, name: str) -> int:
    """Count the calls of a name that stand at the head of a block in a module."""
    entered = re.compile(rf"\bwith\b[^\n#]*\b{re.escape(name)}\s*\(")
    return len(entered.findall(module.module.text))


@remembered
def _injections_in(module: Scope, *, inference: Inference) -> list[tuple[str, Injected]]:
    """Give the dependencies that a module injects, each with the alias that says so, if any."""
    found = []
    for statement in module.module.statements_with(_INJECTING):
        alias = _alias_in(statement)
        for node, scope in scoped([statement], module):
            given = injected_callable(node, scope) if isinstance(node, ast.Call) else None
            function = inference.value(given, scope) if given is not None else None
            if given is None or not isinstance(function, FunctionValue):
                continue
            known = inference.role(function)
            if known is not None and known.role is Role.DEPENDENCY:
                found.append((alias, Injected(function, *_origin(given, scope), number=1)))
    return found


def _alias_in(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    if type(statement).__name__ == "TypeAlias":
        return statement.name.id  # type: ignore[attr-defined,no-any-return]
    return ""


def _origin(given: ast.expr, scope: Scope) -> tuple[str, str]:
    """Give the module from which a name is imported, absolutely, and its name there."""
    if isinstance(given, ast.Name):
        for binding in scope.lookup(given.id):
            if isinstance(binding.how, Imported) and binding.how.name and not binding.how.level:
                return binding.how.module, binding.how.name
        return "", given.id
    return "", ""
