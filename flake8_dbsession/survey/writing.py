"""A proposal as TOML, with the reasons as comments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Style
from flake8_dbsession.survey.proposal import Proposal

_WAYS = {
    Style.CONTEXT: "{}() in a `with` block",
    Style.DEPENDENCY: "Depends({})",
    Style.REQUEST: "{}(), closed when the request ends",
}


def written(proposal: Proposal) -> str:
    """Write a proposal down.

    Args:
        proposal: the proposal.

    Returns:
        The text of a ``dbsession.toml``.
    """
    return "\n\n".join(_parts(proposal)) + "\n"


def _parts(proposal: Proposal) -> Iterator[str]:
    yield (
        "# The database-session standard of this repository, proposed by `dbsession init`.\n"
        "# Read it, change what is not meant, and delete what goes without saying."
    )
    yield "\n\n".join(_settings(proposal))
    if proposal.retired:
        reason = "Not imported any more, for it calls itself deprecated (DBS106)."
        yield _table("retired", reason, proposal.retired)
    if proposal.legacy:
        reason = "Not called any more, for rollback and close are left to the caller (DBS104)."
        yield _table("legacy", reason, proposal.legacy)
    if proposal.doubtful:
        reason = "These leave rollback and close to the caller; take in what is not meant (DBS104)."
        yield "\n# ".join(_table("legacy", reason, proposal.doubtful).split("\n"))
    yield "# Of the layers that a file lies in, the first counts."
    yield from map(_layer, proposal.layers)


def _settings(proposal: Proposal) -> Iterator[str]:
    frameworks = f"; found: {', '.join(proposal.frameworks)}" if proposal.frameworks else ""
    if proposal.is_named:
        yield f"# The nearest preset{frameworks}.\npreset = {_string(proposal.preset)}"
    else:
        yield (
            f"# The nearest preset{frameworks}. Not named, since it names what this "
            f"repository has not.\n# preset = {_string(proposal.preset)}"
        )
    if proposal.owners:
        reason = "# Who may open sessions by hand: what defines the ways to them."
        yield f"{reason}\nowners = {_list(proposal.owners)}"
    else:
        yield "# Who may open sessions by hand is found: what defines the ways to them."
    if proposal.others:
        yield f"# Handed out there as well, and named by no layer: {', '.join(proposal.others)}."
    if proposal.factories:
        reason = "# The session factories, which only owners call."
        yield f"{reason}\nfactories = {_list(proposal.factories)}"
    if proposal.connections:
        reason = "# The one way to a connection (DBS107)."
        yield f"{reason}\nconnections = {_string(proposal.connections)}"


def _table(name: str, reason: str, pairs: Iterable[tuple[str, str]]) -> str:
    lines = [f"{_string(old)} = {_string(new)}" for old, new in pairs]
    return "\n".join([f"# {reason}", f"[{name}]", *lines])


def _layer(layer: Layer) -> str:
    lines = [f"# {_reason(layer)}", "[[layers]]", f"name = {_string(layer.name)}"]
    if layer.paths:
        lines.append(f"paths = {_list(layer.paths)}")
    if layer.use is not None:
        use = layer.use
        way = f"{use.module}:{use.expression}" if use.module else use.expression
        lines += [f"use = {_string(way)}", f"style = {_string(layer.style.value)}"]
    if layer.fallback:
        lines.append(f"fallback = {_string(layer.fallback)}")
    if layer.allow:
        lines.append(f"allow = {_list(sorted(layer.allow))}")
    return "\n".join(lines)


def _reason(layer: Layer) -> str:
    if layer.name == TESTS_LAYER:
        return "Tests may open sessions as they like."
    way = _WAYS[layer.style].format(layer.use.expression) if layer.use else "no one way"
    return f"{way}{'' if layer.paths else ' (in the paths of the preset)'}"


def _list(texts: Iterable[str]) -> str:
    items = [_string(text) for text in texts]
    line = f"[{', '.join(items)}]"
    if len(line) <= 80:
        return line
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _string(text: str) -> str:
    """Write a TOML string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
