"""The written standard on one page: what to write, and where, and what not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Policy
from flake8_dbsession.rules.context import quoted
from flake8_dbsession.standard.patterns import block
from flake8_dbsession.standard.ways import StandardWay, StandardWays

TITLE = "# Database sessions, in short"
"""The first line of the page."""

_TO_WRITE = "a provider, which is still to be written (`dbsession explain providers`)"
_PASSED_IN = "one that is passed in"


def short(policy: Policy, own: Sequence[StandardWay] = ()) -> str:
    """Write the standard down on one page.

    Args:
        policy: the house's policy.
        own: what is used where it names nothing.

    Returns:
        Markdown, the same for the same policy, project and version.
    """
    return "\n\n".join(_parts(policy, own)) + "\n"


def _parts(policy: Policy, own: Sequence[StandardWay]) -> Iterator[str]:
    source = f"`{policy.source.name}`" if policy.source else "the code"
    yield TITLE
    yield (
        f"<!-- Written by `dbsession standard --short` from {source}. -->\n<!-- flake8: noqa -->"
    )
    yield "\n".join(["| where | write |", "|---|---|", *_rows(policy, own)])
    yield (
        "- One session for one piece of work; hand it on as a parameter.\n"
        "- Never keep one in a module, a class, a default or a cache, and never share one between "
        "threads or tasks.\n"
        "- Open late, close early, and do no slow work while you hold one.\n"
        "- Leave the close to the block, the framework or the request."
    )
    if policy.retired or policy.legacy:
        replaced = (*policy.retired, *policy.legacy)
        yield "\n".join(f"- not `{old}`, but {quoted(new)}" for old, new in replaced)
    yield (
        "`dbsession check` reports what breaks it, `dbsession explain CODE` says why, and "
        "`dbsession fix` moves over what it can."
    )


def _rows(policy: Policy, own: Sequence[StandardWay]) -> Iterator[str]:
    ways = StandardWays(policy, own)
    for layer in policy.layers:
        if layer.name == TESTS_LAYER:
            continue
        code = " or ".join(map(_written, ways.all_of_layer(layer))) or no_way(layer, policy)
        extra = f", under `@{layer.decorator.rpartition('.')[2]}`" if layer.decorator else ""
        name = layer.name.replace("|", r"\|")
        yield f"| {name} | {code}{extra} |"
    for way in ways.beside_layers():
        yield f"| plain connections | {_written(way)} |"


def no_way(layer: Layer, policy: Policy) -> str:
    """Say where a session comes from in a layer for which nothing is named.

    Args:
        layer: the layer.
        policy: its policy, whose other layers may have ways.
    """
    has_others = any(other.declared and other.uses for other in policy.layers)
    return _PASSED_IN if layer.declared and has_others else _TO_WRITE


def _written(way: StandardWay) -> str:
    imports = ", ".join(f"`{line}`" for line in way.imports.split("\n") if line)
    return f"`{block(way)}` ({imports})" if imports else f"`{block(way)}`"
