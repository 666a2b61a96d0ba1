"""A policy and its house at one glance: every value with its source, and what was found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.analysis.source.locations import repository_root
from flake8_dbsession.house.nowhere import look_up_names, unknown_names
from flake8_dbsession.house.sanctions import styled
from flake8_dbsession.linter import Settings
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.empty import empty_layers, idle_patterns
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.finding import find
from flake8_dbsession.policy.loading import Source, load, preset_purpose, sources_of
from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Policy
from flake8_dbsession.policy.overruled import SELECTING, overruled
from flake8_dbsession.policy.vocabulary import vocabulary_of
from flake8_dbsession.rules.pages import known_codes
from flake8_dbsession.survey.looking import Looked, survey_of
from flake8_dbsession.survey.model import Survey
from flake8_dbsession.wording import counted

VERSION = 1
"""Changes when a key of the data changes its meaning or goes; new keys may come without."""


class Value(NamedTuple):
    """A value of the policy, and where it comes from."""

    key: str
    value: Any
    source: str


class LayerShown(NamedTuple):
    """A layer with its style, where it comes from, and how many files lie in it."""

    layer: Layer
    source: str
    files: int


class Supplier(NamedTuple):
    """Something that hands out sessions or connections: its part, its file and its name."""

    part: str
    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What ``dbsession policy`` shows.

    Attributes:
        policy: the policy in force.
        values: its values, but for the layers.
        layers: its layers.
        found: what hands out sessions and connections in the code.
        owners: where they may be opened by hand: the files that are named, or the functions that
            are found.
        frameworks: the web frameworks found.
        engines: where engines are made, each with the call.
        places: the files asked for, each with its layer.
        nowhere: the errors of names that lead nowhere.
        warnings: what is no error, such as a layer without files.
    """

    policy: Policy
    values: tuple[Value, ...]
    layers: tuple[LayerShown, ...]
    found: tuple[Supplier, ...]
    owners: tuple[str, ...]
    frameworks: tuple[str, ...]
    engines: tuple[tuple[str, str], ...]
    places: tuple[tuple[str, Layer | None], ...]
    nowhere: tuple[PolicyError, ...]
    warnings: tuple[str, ...]

    def parts(self) -> Iterator[tuple[str, list[str]]]:
        """Give the parts of the text: a title, and its lines."""
        source = self.policy.source
        preset = self.policy.preset
        name = str(source) if source else f"none; the preset {preset} holds"
        if source is None or self.policy.chosen:
            name += f"\n  preset {preset}: {preset_purpose(preset)}"
        yield "Policy", [name, *(f"{v.key} = {_toml(v.value)}   ({v.source})" for v in self.values)]
        yield "Layers, of which the first that matches counts", [*map(_layer_line, self.layers)]
        yield "Found in the code", [f"{f.part}: {f.name} ({f.path})" for f in self.found] or ["-"]
        yield "May open by hand", list(self.owners) or ["-"]
        yield "Frameworks", list(self.frameworks) or ["-"]
        yield "Engines", [f"{place}: {call}" for place, call in self.engines] or ["-"]
        if self.places:
            yield "Files", [f"{path}: {_sanctioned_in(layer)}" for path, layer in self.places]

    def as_data(self) -> dict[str, Any]:
        """Give all as data for JSON."""
        return {
            "version": VERSION,
            "file": str(self.policy.source) if self.policy.source else None,
            "preset": self.policy.preset,
            "values": [each._asdict() for each in self.values],
            "layers": [
                {**_layer_data(shown.layer), "source": shown.source, "files": shown.files}
                for shown in self.layers
            ],
            "house": {
                "found": [each._asdict() for each in self.found],
                "owners": list(self.owners),
                "frameworks": list(self.frameworks),
                "engines": [{"place": place, "call": call} for place, call in self.engines],
            },
            "files": [
                {"path": path, "layer": layer.name if layer else None, "use": _uses(layer)}
                for path, layer in self.places
            ],
            "nowhere": [
                {"file": error.shown, "line": error.line, "message": error.problem}
                for error in self.nowhere
            ],
            "warnings": list(self.warnings),
        }


def overview_of(
    settings: Settings,
    files: Sequence[str],
    paths: Sequence[str] = (),
    *,
    jobs: int = 1,
    track: Callable[[Iterator[Looked], int], Iterable[Looked]] = lambda results, total: results,
) -> Overview:
    """Look at a policy and its house.

    Args:
        settings: what the user asked for.
        files: the Python files below the working directory.
        paths: the files to show the layer of; the first, a folder too, says where the policy lies.
        jobs: how many processes may look.
        track: sees each result pass, given how many there will be.

    Raises:
        PolicyError: the policy cannot be used for another reason than a name that leads nowhere.
    """
    first = Path(paths[0] if paths else ".")
    source = Path(settings.policy) if settings.policy else find(_file_at(first))
    given = {
        "preset": settings.preset,
        "factories": settings.factories,
        "owners": settings.owners,
    }
    policy = load(source, known=known_codes(), **given)  # type: ignore[arg-type]
    sources = sources_of(source, **given)  # type: ignore[arg-type]
    survey = survey_of(Path.cwd(), files, jobs=jobs, track=track)
    layers = tuple(_layers(policy, sources, files))
    return Overview(
        policy=policy,
        values=tuple(_values(sources, overruled=settings.names_codes)),
        layers=layers,
        found=tuple(_found(survey)),
        owners=tuple(_owners(policy, survey, files)),
        frameworks=tuple(sorted({name for file in survey.files for name in file.frameworks})),
        engines=tuple(
            (f"{file.path}:{line}", call) for file in survey.files for line, call in file.engines
        ),
        places=tuple(
            (path, _shown_layer(policy.layer_of(path), layers))
            for path in paths
            if not os.path.isdir(path)
        ),
        nowhere=tuple(look_up_names(policy, sources).errors),
        warnings=tuple(_warnings(policy, sources, files, settings)),
    )


def _warnings(
    policy: Policy, sources: Sequence[Source], files: Sequence[str], settings: Settings
) -> Iterator[str]:
    unheard = overruled(sources) if settings.names_codes else ""
    if unheard:
        yield unheard
    yield from empty_layers(policy, sources, files)
    yield from idle_patterns(policy, sources, files)
    yield from unknown_names(policy, sources) if files else ()


def _file_at(path: Path) -> Path:
    """Give a file for which holds what holds at a path: in a folder, any name."""
    return path / "code.py" if path.is_dir() else path


def _values(sources: Sequence[Source], *, overruled: bool) -> Iterator[Value]:
    """Give each value that is in force, the last source of each; lists that add up one by one.

    Where flake8's configuration overrules what the policy selects, the source says so.
    """
    seen: set[str] = set()
    for source in reversed(sources):
        for key, value in source.data.items():
            if key in ("layers", "ways", "extend"):
                continue
            entries = value.items() if isinstance(value, dict) else [("", value)]
            for name, entry in entries:
                full = f"{key}.{name}" if name else key
                adds = key in ("factories", "enable")
                if full not in seen or adds:
                    seen.add(full)
                    is_unheard = overruled and key in SELECTING
                    note = "; flake8's configuration counts instead" if is_unheard else ""
                    yield Value(full, entry, f"{source.label}{note}")


def _layers(
    policy: Policy, sources: Sequence[Source], files: Sequence[str]
) -> Iterator[LayerShown]:
    inference = inference_over(Project(repository_root(policy.root)), vocabulary_of(policy))
    counts: dict[str, int] = {}
    for file in files:
        layer = policy.layer_of(file)
        if layer is not None:
            counts[layer.name] = counts.get(layer.name, 0) + 1
    own = {each["name"] for s in sources if s.is_own for each in s.data.get("layers", ())}
    is_taken = False
    for layer in policy.layers:
        if is_taken and layer.name not in {*own, TESTS_LAYER}:
            continue  # no file gets as far as this one of the preset's
        is_taken = is_taken or layer.takes_all
        labels = [
            source.label
            for source in sources
            if any(each["name"] == layer.name for each in source.data.get("layers", ()))
        ]
        shown = styled(layer, policy, inference)
        yield LayerShown(shown, " + ".join(labels), counts.get(layer.name, 0))


def _shown_layer(layer: Layer | None, layers: Sequence[LayerShown]) -> Layer | None:
    """Give a layer with the style that it is shown with."""
    named = (
        shown.layer for shown in layers if layer is not None and shown.layer.name == layer.name
    )
    return next(named, layer)


def _found(survey: Survey) -> Iterator[Supplier]:
    for file in survey.files:
        for giver in file.givers:
            asynchronous = "async " if giver.is_async else ""
            of_object = " (a method)" if giver.is_method else ""
            part = f"{asynchronous}{giver.role.value} of {giver.resource.value}s{of_object}"
            if not file.is_test:
                yield Supplier(part, giver.path, giver.name)
        for name in () if file.is_test else file.registries:
            yield Supplier("registry of sessions", file.path, name)


def _owners(policy: Policy, survey: Survey, files: Sequence[str]) -> Iterator[str]:
    if policy.owners is not None:
        yield from (os.path.relpath(file) for file in files if policy.is_owner(file))
        return
    for file in survey.files:
        if file.is_test:
            continue
        givers = [giver for giver in file.givers if giver.role is not Role.LENDER]
        names = [giver.name for giver in givers if giver.role is not Role.FACTORY]
        makes = any(giver.role is Role.FACTORY and not giver.is_method for giver in givers)
        inside = [*dict.fromkeys(names), *(["the top level"] if makes else [])]
        if inside:
            yield f"{file.path}: {', '.join(inside)} (found)"


def _layer_line(shown: LayerShown) -> str:
    paths = " ".join(shown.layer.paths)
    files = counted(shown.files, "file")
    return f"{_sanctioned_in(shown.layer)}   [{paths}]   {files}   ({shown.source})"


def _sanctioned_in(layer: Layer | None) -> str:
    if layer is None:
        return "no layer"
    uses = ", ".join(_uses(layer)) or "nothing named"
    style = f" ({layer.style.value})" if layer.style and layer.uses else ""
    if layer.uses and not layer.declared:
        style += ", where the project has it"
    return f"{layer.name}: {uses}{style}"


def _uses(layer: Layer | None) -> list[str]:
    return [use.written for use in layer.uses] if layer is not None else []


def _layer_data(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "paths": list(layer.paths),
        "use": _uses(layer),
        "style": layer.style.value if layer.style else None,
        "declared": layer.declared,
        "fallback": layer.fallback,
        "bind": layer.bind,
        "decorator": layer.decorator,
        "allow": sorted(layer.allow),
    }


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
