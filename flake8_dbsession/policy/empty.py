"""Layers and patterns of a user's policy in which no file lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.finding import of_run
from flake8_dbsession.policy.loading import Source, load, sources_of
from flake8_dbsession.policy.matching import PathGroups
from flake8_dbsession.policy.model import Layer, Policy


def empty_layers_of(named: str | None, files: Sequence[str]) -> list[str]:
    """Say which layers of a run's policy have no file.

    Args:
        named: the policy's file; None for the one found from the working directory upward.
        files: all files in the working directory.

    Returns:
        As ``empty_layers``; nothing for a policy of a folder above, of which only a part is seen,
        and for one that cannot be used, which is said where it is.
    """
    try:
        file = of_run(named, b"layers")
        if file is None or file.parent.resolve() != Path.cwd().resolve():
            return []
        return list(empty_layers(load(file), sources_of(file), files))
    except PolicyError:
        return []


def empty_layers(policy: Policy, sources: Iterable[Source], files: Sequence[str]) -> Iterator[str]:
    """Say which layers have no file, of those whose paths the user's policy names.

    Args:
        policy: the policy.
        sources: the tables that it is put together from.
        files: all files that it is for.

    Yields:
        A sentence for each such layer, with what may be meant; nothing where there are no files.
    """
    named = {
        layer["name"]
        for source in sources
        if source.is_own
        for layer in source.data.get("layers", ())
        if "paths" in layer
    }
    waiting = {layer.name for layer in policy.layers if layer.name in named}
    for file in files if waiting else ():
        found = policy.layer_of(file)
        if found is not None:
            waiting.discard(found.name)
        if not waiting:
            break
    for layer in policy.layers:
        if files and layer.name in waiting:
            yield f"the layer `{layer.name}` has no files: {_reason(layer, policy, files)}"


def idle_patterns(policy: Policy, sources: Iterable[Source], files: Sequence[str]) -> Iterator[str]:
    """Say which of the other patterns that the user's policy names match no file.

    Args:
        policy: the policy.
        sources: the tables that it is put together from.
        files: all files that it is for.

    Yields:
        A sentence for each such pattern; nothing where there are no files.
    """
    patterns = [
        (key, pattern)
        for source in sources
        if source.is_own and files
        for key in ("owners", "exclude", "per-file-ignores")
        for pattern in source.data.get(key) or ()
    ]
    for key, pattern in dict.fromkeys(patterns):
        plain = pattern.removeprefix("!")
        if not _match((plain,), policy, files):
            yield f"`{key}` has `{pattern}`, which matches no file"


def _reason(layer: Layer, policy: Policy, files: Sequence[str]) -> str:
    if _match(layer.paths, policy, files):
        return "those that its paths match lie in layers before it"
    for path in layer.paths:
        anywhere = f"**/{path.lstrip('/')}"
        if "/" in path.rstrip("/") and _match((anywhere,), policy, files):
            return f"`{path}` begins at the policy's folder; `{anywhere}` is any"
    return f"no path matches {' or '.join(f'`{path}`' for path in layer.paths)}"


def _match(paths: tuple[str, ...], policy: Policy, files: Sequence[str]) -> bool:
    """Tell whether patterns match any of some files."""
    group = PathGroups(policy.root, (paths,))
    return any(group.first_match(file) is not None for file in files)
