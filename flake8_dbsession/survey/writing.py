"""A proposal as TOML, with the reasons as comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from flake8_dbsession.house.template import provider_code, provider_imports, provider_name
from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.loading import preset_purpose
from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Sanctioned, Style
from flake8_dbsession.survey.proposal import Proposal

_WAYS = {
    Style.CONTEXT: "{}() in a `with` block",
    Style.DEPENDENCY: "Depends({})",
    Style.REQUEST: "{}(), closed when the request ends",
}


FOUND = "found without it"
"""Why most of a proposal need not be written down."""


def written(
    proposal: Proposal,
    offered: Proposal | None = None,
    dropped: Sequence[tuple[str, str]] = (),
    note: str = "",
) -> str:
    """Write a proposal down.

    Args:
        proposal: the proposal.
        offered: what it was before it was tried; None where it was not.
        dropped: what it leaves out of that, each with the reason.
        note: a line about what it changes.

    Returns:
        The text of a ``dbsession.toml``.
    """
    return "\n\n".join(filter(None, _parts(proposal, offered, dropped, note))) + "\n"


def within_project(policy: str) -> str:
    """Write a ``dbsession.toml`` as the part of a ``pyproject.toml`` that says the same."""
    tables = _TABLE.sub(rf"\g<0>{_PART}.", policy)
    return f"[{_PART}]\n{tables}"


_PART = "tool.dbsession"
_TABLE = regex(r"^(?:# ?)?\[\[?(?=\w+\]\]?$)", re.MULTILINE)


def _parts(
    proposal: Proposal,
    offered: Proposal | None,
    dropped: Sequence[tuple[str, str]],
    note: str,
) -> Iterator[str]:
    yield (
        "# The database-session standard of this repository, proposed by `dbsession init`.\n"
        "# Read it, change what is not meant, and delete what goes without saying."
    )
    yield _commented(note)
    yield _commented(_found(proposal))
    yield "\n\n".join(_settings(proposal, offered is not None))
    if proposal.retired:
        reason = "Not imported any more, for it calls itself deprecated (DBS106)."
        yield _table("retired", reason, proposal.retired)
    if proposal.legacy:
        reason = "Not called any more, for rollback and close are left to the caller (DBS104)."
        yield _table("legacy", reason, proposal.legacy)
    if proposal.doubtful:
        reason = (
            "Left out: accessors whose callers have to close; in force, each call is reported "
            "(DBS104)."
        )
        yield "\n# ".join(_table("legacy", reason, proposal.doubtful).split("\n"))
    yield _commented(_left_out(offered, dropped))
    yield _commented(_provider(proposal))
    if proposal.layers:
        yield "# Of the layers that a file lies in, the first counts."
    yield from map(_layer, proposal.layers)


def _commented(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.split("\n")) if text else ""


def _found(proposal: Proposal) -> str:
    if not proposal.found:
        return ""
    lines = [f"  {name}  ({part})" for name, part in proposal.found]
    return "\n".join(["Found in the code, and known without a line of policy:", *lines])


def _left_out(offered: Proposal | None, dropped: Sequence[tuple[str, str]]) -> str:
    """Show what was left out: what is known anyway by name, the rest as it could be taken in."""
    if offered is None or not dropped:
        return ""
    known = ", ".join(name for name, reason in dropped if reason == FOUND)
    parts = [f"Left out, since it is known without: {known}."] if known else []
    for name, reason in dropped:
        if reason != FOUND:
            parts += [f"Left out: {reason}.", _part(name, offered)]
    return "\n".join(parts)


def _part(name: str, offered: Proposal) -> str:
    """Write out one part of a proposal, which goes by the name of its key or layer."""
    kind, _, rest = name.partition(" ")
    match kind:
        case "connections":
            return f"connections = {_uses(offered.connections)}"
        case "preset":
            return f"preset = {_string(offered.preset)}  # {preset_purpose(offered.preset)}"
        case "owners":
            return f"owners = {_list(offered.owners)}"
        case "factories":
            return f"factories = {_list(offered.factories)}"
        case "retired":
            return _table("retired", "(DBS106)", offered.retired)
        case "legacy":
            return _table("legacy", "(DBS104)", offered.legacy)
    return "\n".join(_layer(layer) for layer in offered.layers if layer.name == rest)


def _provider(proposal: Proposal) -> str:
    if not proposal.unserved:
        return ""
    factory = proposal.unserved[0]
    name = provider_name(factory.is_async, factory.taken)
    code = provider_code(factory.name, is_async=factory.is_async, name=name)
    imports = "\n".join(provider_imports(factory.is_async))
    return (
        f"`{factory.module}:{factory.name}` has no provider. This one would do; "
        "`dbsession init --write --with-provider`\nputs it beside the factory, into "
        f"{factory.path}.\n\n{imports}\n\n\n{code}"
    ).rstrip("\n")


def _settings(proposal: Proposal, is_tried: bool) -> Iterator[str]:
    frameworks = f"; found: {', '.join(proposal.frameworks)}" if proposal.frameworks else ""
    if proposal.is_named:
        purpose = preset_purpose(proposal.preset)
        yield f"# The nearest preset{frameworks}. {purpose}.\npreset = {_string(proposal.preset)}"
    elif not is_tried:
        yield (
            f"# The nearest preset{frameworks}. Not named, since it names what this "
            f"repository has not.\n# preset = {_string(proposal.preset)}"
        )
    if proposal.owners:
        reason = "# Who may open sessions by hand: what defines the ways to them."
        yield f"{reason}\nowners = {_list(proposal.owners)}"
    if proposal.others and not is_tried:
        yield f"# Handed out there as well, and named by no layer: {', '.join(proposal.others)}."
    if proposal.factories:
        reason = "# The session factories, which only owners call."
        yield f"{reason}\nfactories = {_list(proposal.factories)}"
    if proposal.connections:
        reason = "# The ways to a connection (DBS107)."
        yield f"{reason}\nconnections = {_uses(proposal.connections)}"


def _table(name: str, reason: str, pairs: Iterable[tuple[str, str]]) -> str:
    lines = [f"{_string(old)} = {_string(new)}" for old, new in pairs]
    return "\n".join([f"# {reason}", f"[{name}]", *lines])


def _layer(layer: Layer) -> str:
    lines = [f"# {_reason(layer)}", "[[layers]]", f"name = {_string(layer.name)}"]
    if layer.paths:
        lines.append(f"paths = {_list(layer.paths)}")
    if layer.uses:
        lines += [
            f"use = {_uses(layer.uses)}",
            f"style = {_string((layer.style or Style.CONTEXT).value)}",
        ]
    if layer.fallback:
        lines.append(f"fallback = {_string(layer.fallback)}")
    if layer.allow:
        lines.append(f"allow = {_list(sorted(layer.allow))}")
    return "\n".join(lines)


def _reason(layer: Layer) -> str:
    if layer.name == TESTS_LAYER:
        return "Tests may open sessions as they like."
    style = layer.style or Style.CONTEXT
    joint = ") or Depends(" if style is Style.DEPENDENCY else "() or "
    way = (
        _WAYS[style].format(joint.join(use.expression for use in layer.uses))
        if layer.uses
        else "no one way"
    )
    return f"{way}{'' if layer.paths else ' (in the paths of the preset)'}"


def _uses(uses: Sequence[Sanctioned]) -> str:
    """Write one way as a string, and several as a list."""
    return _string(uses[0].written) if len(uses) == 1 else _list(use.written for use in uses)


def _list(texts: Iterable[str]) -> str:
    items = [_string(text) for text in texts]
    line = f"[{', '.join(items)}]"
    if len(line) <= 80:
        return line
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _string(text: str) -> str:
    """Write a TOML string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
