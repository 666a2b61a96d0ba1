"""The names in a policy that lie in the project and lead nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    FunctionValue,
    InstanceValue,
    ModuleValue,
    Role,
    Value,
)
from flake8_dbsession.analysis.source.locations import repository_root
from flake8_dbsession.analysis.source.outline import refusal
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.errors import PolicyError, PolicyPlace
from flake8_dbsession.policy.files import texts_of
from flake8_dbsession.policy.loading import Source
from flake8_dbsession.policy.model import Policy, Sanctioned, Style

_DOTTED = regex(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


class _Named(NamedTuple):
    """A name of the policy that is to lead somewhere: its place, its key, and how it is written."""

    place: PolicyPlace
    key: str
    text: str


class LookedUp(NamedTuple):
    """What came of a policy's names.

    Attributes:
        errors: one for each name that leads nowhere.
        files: the files that were read for it.
    """

    errors: list[PolicyError]
    files: frozenset[Path]


def look_up_names(policy: Policy, sources: tuple[Source, ...]) -> LookedUp:
    """Look up the names in a user's policy.

    Args:
        policy: the policy.
        sources: the tables that it is put together from.

    Returns:
        An error for each ``use`` of the wrong style; for each ``module:name``, and for each dotted
        name of a factory, a connection provider, a decorator or what replaces a retired name, whose
        top package lies in the repository and that leads nowhere. Names of other packages are taken
        on trust.
    """
    look_up = _LookUp(policy)
    errors = [*_no_managers(sources, look_up)]
    errors += [
        each.place.error(
            f"{each.place.key(each.key)} has `{each.text}`, which leads nowhere: {reason}",
            each.key,
            each.text,
        )
        for source in sources
        if source.is_own
        for each in _names(source)
        if (reason := look_up.fault(each.text)) is not None
    ]
    return LookedUp(errors, look_up.files())


def unknown_names(policy: Policy, sources: Iterable[Source]) -> Iterator[str]:
    """Find what a user's policy calls without a module, and no file of the project does.

    Args:
        policy: the policy.
        sources: the tables that it is put together from.

    Yields:
        A sentence for each ``use`` of a layer, connection provider and factory of which a name
        stands in no Python file.
    """
    asker = policy.root / "policy.py"
    project = Project(repository_root(policy.root))
    for each in (each for source in sources if source.is_own for each in _bare_names(source)):
        for name in each.text.split("."):
            if not project.files_mentioning(name, asker):
                heading = f"{each.place.heading} " if each.place.heading else ""
                key = each.place.key(each.key)
                yield f"{heading}{key} has `{each.text}`, and no file names `{name}`"
                break


def _bare_names(source: Source) -> Iterator[_Named]:
    data, place = source.data, source.place
    for key in ("connections", "factories"):
        for text in texts_of(data.get(key, [])):
            if ":" not in text:
                yield _Named(place, key, text)
    for number, layer in enumerate(data.get("layers", ()), start=1):
        for text in texts_of(layer.get("use", [])):
            if ":" not in text:
                yield _Named(place.entry("layers", number, layer["name"]), "use", text)


def _no_managers(sources: tuple[Source, ...], look_up: _LookUp) -> Iterator[PolicyError]:
    """Find the layers whose style is a block, and whose ``use`` is a framework's generator."""
    for source in (source for source in sources if source.is_own):
        for number, layer in enumerate(source.data.get("layers", ()), start=1):
            if layer.get("style") != Style.CONTEXT.value:
                continue
            place = source.place.entry("layers", number, layer["name"])
            for text in texts_of(layer.get("use", [])):
                if look_up.is_dependency(text):
                    problem = "which is a dependency and no context manager; leave `style` out"
                    yield place.error(f"{place.key('use')} has `{text}`, {problem}", "use", text)


def _names(source: Source) -> Iterator[_Named]:
    data, place = source.data, source.place
    for key in ("connections", "factories"):
        for text in texts_of(data.get(key, [])):
            if key == "factories" or Sanctioned.parse(text).is_path:
                yield _Named(place, key, text)
    for old, new in data.get("retired", {}).items():
        if _DOTTED.fullmatch(new):
            yield _Named(place.table("retired"), old, new)
    for old, new in data.get("legacy", {}).items():
        if ":" in new:
            yield _Named(place.table("legacy"), old, new)
    for number, layer in enumerate(data.get("layers", ()), start=1):
        yield from _names_of_entry(place.entry("layers", number, layer["name"]), layer)
    for number, way in enumerate(data.get("ways", ()), start=1):
        if ":" in way["name"]:
            yield _Named(place.entry("ways", number, way["name"]), "name", way["name"])


def _names_of_entry(place: PolicyPlace, layer: Mapping[str, Any]) -> Iterator[_Named]:
    for text in texts_of(layer.get("use", [])):
        if ":" in text:
            yield _Named(place, "use", text)
    if "decorator" in layer:
        yield _Named(place, "decorator", layer["decorator"])


class _LookUp:
    """Follows names in the project of a policy."""

    def __init__(self, policy: Policy) -> None:
        self._from = policy.root / "policy.py"
        self._project = Project(repository_root(policy.root))
        self._inference = inference_over(self._project, Vocabulary())

    def files(self) -> frozenset[Path]:
        """Give the files that were read so far."""
        links = self._project.take_trace().links.values()
        return frozenset(file for each in links for file in each.files)

    def is_dependency(self, text: str) -> bool:
        """Tell whether a ``module:name`` is a generator that a framework drives."""
        use = Sanctioned.parse(text)
        module = self._project.find(self._from, use.module) if use.module else None
        value: Value | None = ModuleValue(module.scope) if module else None
        for name in use.expression.split("."):
            value = self._inference.attribute(value, name)
        known = self._inference.role(value)
        return known is not None and known.role is Role.DEPENDENCY

    def fault(self, text: str) -> str | None:
        """Say why a name leads nowhere; None where it leads somewhere, or out of the project."""
        use = Sanctioned.parse(text)
        if use.module is None:
            return self._fault_of_dotted(use.expression.split("."))
        if not self._lies_here(use.module):
            return None
        module = self._project.find(self._from, use.module)
        if module is None:
            return f"there is no module `{use.module}`"
        return self._fault_in(module, use.module, use.expression.split("."))

    def _fault_of_dotted(self, parts: list[str]) -> str | None:
        if len(parts) == 1 or not self._lies_here(parts[0]):
            return None
        for end in range(len(parts), 0, -1):
            module = self._project.find(self._from, ".".join(parts[:end]))
            if module is not None:
                rest = parts[end:]
                return self._fault_in(module, ".".join(parts[:end]), rest) if rest else None
        return None

    def _lies_here(self, module: str) -> bool:
        return self._project.find(self._from, module.partition(".")[0]) is not None

    def _fault_in(self, module: Module, dotted: str, names: list[str]) -> str | None:
        """Say which of some names, each an attribute of the one before, is not there."""
        first, *rest = names
        if not self._project.may_have(module, first):
            refused = refusal(module.text)
            return f"`{dotted}` {refused or f'has no `{first}`'}"
        value: Value | None = self._inference.attribute(ModuleValue(module.scope), first)
        for name in rest:
            if not isinstance(value, (InstanceValue, ClassValue)):
                return None
            is_class = isinstance(value, ClassValue)
            cls = value.cls if isinstance(value, InstanceValue) else value
            if not self._has_attribute(cls, name):
                return f"`{cls.node.name}` has no `{name}`"
            value = self._inference.attribute(value, name)
            if is_class and _needs_object(value):
                return f"`{name}` is a method, and needs an object of `{cls.node.name}`"
        return None

    def _has_attribute(self, cls: ClassValue, name: str) -> bool:
        """Tell whether a class has an attribute; True where one of its bases is not known."""
        scope = cls.scope.child(cls.node)
        if scope.attributes(name) or scope.bindings(name) or "__getattr__" in scope.module.text:
            return True
        bases = [self._inference.value(base, cls.scope) for base in cls.node.bases]
        return any(not isinstance(b, ClassValue) or self._has_attribute(b, name) for b in bases)


def _needs_object(value: Value | None) -> bool:
    """Tell whether a method is one of an object, and so cannot be called on its class."""
    if not isinstance(value, FunctionValue) or value.receiver is None:
        return False
    return "classmethod" not in decorator_names(value.node)
