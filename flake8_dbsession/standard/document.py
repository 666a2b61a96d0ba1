"""The written standard: everything that a newcomer has to know, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from string import Template

from flake8_dbsession import __version__
from flake8_dbsession.policy.model import TESTS_LAYER, Layer, Policy, Style
from flake8_dbsession.rules.context import quoted
from flake8_dbsession.rules.pages import FAMILIES, summary
from flake8_dbsession.standard.antipatterns import AntiPattern, anti_patterns, enabled
from flake8_dbsession.standard.page import no_way
from flake8_dbsession.standard.patterns import block, pattern
from flake8_dbsession.standard.settings import engine_example, pragmas_example
from flake8_dbsession.standard.ways import StandardWay, StandardWays

_USES = {
    Style.CONTEXT: "a `with` block",
    Style.DEPENDENCY: "the framework's injection",
    Style.REQUEST: "the request's own session",
}
_BENEFITS = {
    Style.CONTEXT: "The block's end closes it, whatever happens inside.",
    Style.DEPENDENCY: (
        "The framework opens it for the request and closes it after the response. Tests replace it "
        "by overriding the dependency. Name the dependency, and do not call it."
    ),
    Style.REQUEST: (
        "It belongs to the request, is the same wherever the request asks for it, and is closed "
        "when the request ends: never close it yourself."
    ),
}


def document(policy: Policy, own: Sequence[StandardWay] = ()) -> str:
    """Write the standard down.

    Args:
        policy: the house's policy. Its project is looked at for what its names stand for.
        own: what is used where it names nothing.

    Returns:
        Markdown, the same for the same policy, project and version.
    """
    return "\n\n".join(_Writer(policy, own).parts()) + "\n"


class _Writer:
    """Writes one policy's document."""

    def __init__(self, policy: Policy, own: Sequence[StandardWay]) -> None:
        self._policy = policy
        self._ways = StandardWays(policy, own)
        self._working = [
            (layer, self._ways.all_of_layer(layer))
            for layer in policy.layers
            if layer.name != TESTS_LAYER
        ]

    def parts(self) -> Iterator[str]:
        """Give the document's parts in their order."""
        yield self._opening()
        yield from self._layers()
        yield from self._patterns()
        yield from self._anti_patterns()
        yield from self._replaced()
        yield from self._engines()
        yield from self._tests()
        yield _text("closing", version=__version__)
        yield from self._codes()

    @property
    def _is_one_way(self) -> bool:
        """Whether each layer has a way of its own, and not just the block of what is opened."""
        return all(ways and ways != self._ways.unnamed for _, ways in self._working)

    def _opening(self) -> str:
        way = (
            "So there is one way to a session in each part of this code base, and it does all of "
            "that by itself."
            if self._is_one_way
            else "So each is opened in a block whose end closes it, whatever happens inside."
        )
        source = f"`{self._policy.source.name}`" if self._policy.source else "its preset"
        return _text("opening", way=way, source=source)

    def _layers(self) -> Iterator[str]:
        yield "## The layers"
        yield (
            "A file belongs to the first layer whose paths match it; the paths are gitignore "
            "patterns, relative to the policy's folder."
        )
        yield _table(
            ("layer", "paths", "a session comes from"), map(self._layer_row, self._working)
        )
        owners = self._policy.owners
        if owners is not None:
            named = ", ".join(f"`{owner}`" for owner in owners)
            yield f"Only {named} may open sessions by hand: there the ways themselves are defined."
        elif self._is_one_way:
            yield (
                "Only the modules that define these ways may open sessions by hand; they are found."
            )

    def _layer_row(self, pair: tuple[Layer, list[StandardWay]]) -> tuple[str, str, str]:
        layer, ways = pair
        paths = " ".join(f"`{path}`" for path in layer.paths)
        written = " or ".join(f"`{block(way)}`" for way in ways)
        return layer.name, paths, written or no_way(layer, self._policy)

    def _patterns(self) -> Iterator[str]:
        if not any(ways for _, ways in self._working):
            return
        yield "## What to write"
        for layer, ways in self._working:
            is_split = {way.commits for way in ways} >= {True, False}
            for way in ways:
                reads = is_split and not way.commits
                purpose = (", to read" if reads else ", to write") if is_split else ""
                yield f"### {layer.name[0].upper()}{layer.name[1:]}: {_USES[way.style]}{purpose}"
                yield _code(pattern(layer, replace(way, commits=None) if reads else way))
                yield "\n".join(f"- {note}" for note in _notes(layer, way, reads=reads))
        connections = self._ways.beside_layers()
        if connections:
            yield "### Plain connections"
        for way in connections:
            yield _code(pattern(Layer("", ()), way))
            yield "\n".join(f"- {note}" for note in _notes(Layer("", ()), way))

    def _anti_patterns(self) -> Iterator[str]:
        found = list(anti_patterns(self._policy, self._ways))
        if not found:
            return
        yield "## What not to write"
        yield "Each of these is reported under its code, on the line that is marked."
        shown: dict[str, str] = {}
        for prefix, title in FAMILIES.items():
            family = [each for each in found if each.code.startswith(prefix)]
            if family:
                yield f"### {prefix}xx: {title}"
            for each in family:
                yield from _anti_pattern(each, shown)

    def _replaced(self) -> Iterator[str]:
        if self._policy.retired:
            yield "## Retired names"
            yield "What these stand for is not imported any more (DBS106)."
            yield _table(("not any more", "instead"), map(_replacement, self._policy.retired))
        if self._policy.legacy:
            yield "## Legacy calls"
            yield (
                "These are not called any more (DBS104); each layer's own way comes before what "
                "stands here. A `*` stands for anything."
            )
            yield _table(("not any more", "instead"), map(_replacement, self._policy.legacy))

    def _engines(self) -> Iterator[str]:
        if self._policy.engine:
            yield "## Engines"
            yield "Every engine is made with these options (DBS503), once for the whole process."
        for kind, _ in self._policy.engine:
            options = self._policy.engine_options(kind)
            if options:
                yield f"### {_KINDS[kind]}"
                yield _code(engine_example(kind, options))
        if self._policy.pragmas:
            yield "## SQLite connections"
            yield (
                "SQLite forgets most pragmas with the connection, so each is set on every "
                "connection before it is used (DBS606)."
            )
            yield _code(pragmas_example(self._policy.pragmas))

    def _tests(self) -> Iterator[str]:
        layer = next((each for each in self._policy.layers if each.name == TESTS_LAYER), None)
        if layer is None:
            return
        paths = " ".join(f"`{path}`" for path in layer.paths)
        allowed = ", ".join(sorted(layer.allow))
        yield "## Tests"
        yield (
            f"Tests ({paths}) may open sessions as they like"
            + (f": {allowed} are silent there." if allowed else ".")
        )
        ways = (way for _, ways in self._working for way in ways)
        way = next(filter(_rolls_back, ways), None)
        if way is not None:
            yield "What is worth a test of its own is that an error leaves nothing behind:"
            yield _code(_rollback_test(way))

    def _codes(self) -> Iterator[str]:
        yield "## Every code"
        rows = ((r.code, r.name, summary(r)) for r in enabled(self._policy))
        yield _table(("code", "name", "reports"), rows)


_KINDS = {
    "any": "Any engine",
    "server": "Database servers",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL and MariaDB",
    "sqlite-file": "SQLite in a file",
    "sqlite-memory": "SQLite in memory",
}


def _notes(layer: Layer, way: StandardWay, *, reads: bool = False) -> Iterator[str]:
    """Say what has to be known of a layer's way, which another one may leave the reading to."""
    yield _BENEFITS[way.style]
    if way.commits and way.style is Style.CONTEXT:
        yield "It commits when the block ends well, and rolls back on an error."
    elif reads:
        yield "It does not commit: what it is for is reading."
    elif way.commits is False:
        yield "It does not commit: call `commit()` when the work is done."
    if layer.bind:
        yield f"The line `{layer.bind}` comes first."
    if layer.fallback:
        yield (
            f"Where `{way.owner}` may be missing, and only there, the `else` may fall back on "
            f"`{layer.fallback.removesuffix('()')}()`, closed in a `finally`."
        )
    if layer.decorator:
        yield f"A function that opens a session carries `@{layer.decorator.rpartition('.')[2]}`."


def _anti_pattern(each: AntiPattern, shown: dict[str, str]) -> Iterator[str]:
    """Write down an anti-pattern; what was shown already under another code is only referred to."""
    yield f"#### {each.code}: {each.title}"
    yield _code(each.wrong)
    yield f"**Why:** {' '.join(each.why.split())}"
    if each.right in shown:
        yield f"**Instead:** as under {shown[each.right]}."
        return
    shown[each.right] = each.code
    yield "**Instead:**"
    yield _code(each.right)


def _rolls_back(way: StandardWay) -> bool:
    return (
        bool(way.commits)
        and way.style is Style.CONTEXT
        and not (way.is_async or way.is_connection or way.is_of_object)
    )


def _rollback_test(way: StandardWay) -> str:
    imports = f"import pytest\n{chr(10) + way.imports + chr(10) if way.imports else ''}"
    return (
        f"{imports}\n\n"
        "def test_an_error_rolls_back():\n"
        "    with pytest.raises(RuntimeError):\n"
        f"        {block(way)}\n"
        '            db.add(Item(name="draft"))\n'
        "            raise RuntimeError\n"
        f"    {block(way)}\n"
        "        assert db.query(Item).count() == 0\n"
    )


def _replacement(pair: tuple[str, str]) -> tuple[str, str]:
    name, instead = pair
    return f"`{name}`", quoted(instead)


def _text(name: str, **values: str) -> str:
    """Give a part that is much the same for every house."""
    text = Path(__file__).with_name(f"{name}.md").read_text(encoding="utf-8")
    return Template(text).substitute(values).rstrip("\n")


def _code(text: str) -> str:
    return f"```python\n{text}```"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
