"""One run over many files: the core that every door stands before."""

from __future__ import annotations

import argparse
import ast
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flake8_dbsession.analysis.source.code_words import code_holds_words
from flake8_dbsession.analysis.source.mentions import GATES, is_gated
from flake8_dbsession.failures import BROKEN_POLICY, FAILURES, RULE_FAILED
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.finding import find
from flake8_dbsession.reading import DISK, Sources

if TYPE_CHECKING:
    from flake8_dbsession.analysis.facts.suppression.unused_noqa import UnusedNoqa
    from flake8_dbsession.analysis.file import SourceFile
    from flake8_dbsession.analysis.names.inference import Vocabulary
    from flake8_dbsession.analysis.names.project import Project
    from flake8_dbsession.analysis.source.trace import Trace
    from flake8_dbsession.policy.model import Level, Policy, Selection
    from flake8_dbsession.rules.base import Rule, Violation
    from flake8_dbsession.rules.context import Context

_CODE = regex(r"DBS\d")
_BYTE_GATES = tuple(word.encode() for word in GATES)
_NOTEBOOK = ".ipynb"
_NAMED_IN_NOQA = regex(r"#\s*(?i:noqa)\s*:.*DBS")


class Comments(Protocol):
    """Reads what the ``# noqa`` comments of a file hide."""

    def unused(
        self, file: SourceFile, found: Sequence[Violation], codes: frozenset[str]
    ) -> Iterator[UnusedNoqa]:
        """Find the comments with a code that hides nothing.

        Args:
            file: the file.
            found: the violations in it.
            codes: the codes of the rules that looked for them.
        """


class Settings(NamedTuple):
    """What the user asked for on the command line or in flake8's configuration.

    Attributes:
        policy: the policy file named; None to find one from each file upward.
        preset: the preset named; None for the policy's own.
        factories: further factories.
        owners: the owners named; empty for the policy's own.
        selected: the codes selected; an off rule runs only where its whole code is among them.
        names_codes: whether these options name codes of this tool, so that a policy's own
            selection does not count.
        chosen: the codes that `dbsession` was told to select, in the place of a policy's.
        extended: those that it was told to select besides.
    """

    policy: str | None = None
    preset: str | None = None
    factories: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    selected: frozenset[str] = frozenset()
    names_codes: bool = False
    chosen: tuple[str, ...] | None = None
    extended: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: argparse.Namespace) -> Settings:
        """Take what is ours from flake8's options."""
        told: Told = getattr(options, TOLD, Told(names_codes(options)))
        return cls(
            policy=options.dbsession_policy,
            preset=options.dbsession_preset,
            factories=tuple(options.dbsession_factories),
            owners=tuple(options.dbsession_owners),
            selected=frozenset([*(options.select or ()), *(options.extend_select or ())]),
            names_codes=told.names_codes,
            chosen=told.chosen,
            extended=told.extended,
        )

    def over(self, selection: Selection) -> Selection | None:
        """Give what a policy selects beside the user; None where it does not count."""
        if self.names_codes:
            return None
        if self.chosen is None:
            extended = (*selection.extend_select, *self.extended)
            return selection._replace(extend_select=extended)
        # As under ruff: codes on the command line replace the policy's, but its exceptions for some
        # files still hold.
        return selection._replace(select=self.chosen, ignore=(), extend_select=self.extended)


class Told(NamedTuple):
    """What of flake8's options its configuration says, and what the command line of `dbsession`.

    Attributes:
        names_codes: whether the configuration names codes of this tool.
        chosen: the codes that the command line selects; None where it selects none.
        extended: those that it selects besides.
    """

    names_codes: bool
    chosen: tuple[str, ...] | None = None
    extended: tuple[str, ...] = ()


TOLD = "dbsession_told"
"""The option of flake8 under which `dbsession` hands it on."""


def names_codes(options: argparse.Namespace) -> bool:
    """Tell whether flake8's options name codes of this tool, besides those that always count."""
    lists = (options.select, options.extend_select, options.ignore, options.extend_ignore)
    codes = {code for each in lists for code in each or ()} - FAILURES
    return any(map(_CODE.match, codes)) or bool(_CODE.search(options.per_file_ignores or ""))


class Linter:
    """Checks files, each against the policy that it falls under.

    Args:
        settings: what the user asked for.
        policy: the policy of every file; None for those that the settings name or that are found.
        comments: reads what comments hide; None where nobody knows, as under flake8.
        sources: where the files are read that others import.

    Raises:
        PolicyError: the policy or preset that the settings name cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        policy: Policy | None = None,
        *,
        comments: Comments | None = None,
        sources: Sources = DISK,
    ) -> None:
        self._settings = settings
        self._comments = comments
        self._sources = sources
        self._fixed = None if policy is None else Standard(policy, settings, frozenset())
        self._standards: dict[Path | None, Standard | PolicyError] = {}
        self._projects: dict[tuple[Path, Vocabulary], Project] = {}
        self._projects_of: dict[tuple[Path, Standard], Project] = {}
        self._latest: tuple[str, Path, Standard | PolicyError] | None = None
        self._is_named = any(
            (settings.policy, settings.preset, settings.factories, settings.owners)
        )
        if self._is_named:
            named = self._standard(Path(settings.policy) if settings.policy else None)
            if isinstance(named, PolicyError):
                raise named

    def check(self, filename: str, text: str, tree: ast.Module) -> list[Violation]:
        """Check one file.

        Args:
            filename: its path, absolute or relative to the working directory.
            text: its source, with ``\\n`` line ends.
            tree: its syntax tree.

        Returns:
            The violations by position, their columns in characters.
        """
        prepared = self.prepare(filename, text, tree)
        if prepared is None:
            return []
        if isinstance(prepared, PolicyError):
            return [_of_file(BROKEN_POLICY, str(prepared))]
        found: Iterator[Violation] = (violation for violation, _ in prepared.violations())
        if not text.isascii():
            lines = text.split("\n")
            found = (_in_characters(violation, lines) for violation in found)
        in_order = sorted(found, key=lambda v: (v.line, v.column, v.code))
        prepared.context.file.forget()
        return in_order

    def demand(self, paths: Sequence[str]) -> None:
        """Make sure of the policies that hold for some paths.

        Args:
            paths: files and folders, absolute or relative to the working directory.

        Raises:
            PolicyError: one of them cannot be used.
        """
        for path in paths:
            inside = os.path.join(path, "code.py") if os.path.isdir(path) else path
            absolute = Path(os.path.abspath(inside))
            if self._is_plain(absolute):
                continue  # without loading the preset, which may never be asked
            found = self._standard_for(absolute)
            if isinstance(found, PolicyError):
                raise found

    def prepare(
        self, filename: str, text: str, tree: ast.Module
    ) -> PreparedFile | PolicyError | None:
        """Make a file ready for its rules.

        Args:
            filename: its path, absolute or relative to the working directory.
            text: its source, with ``\\n`` line ends.
            tree: its syntax tree.

        Returns:
            The file with the rules that it is held to; the error of a policy that cannot be used;
            None for a file that names nothing of interest.
        """
        may_judge = self._comments is not None and _names_codes_in_noqa(text)
        may_tell = is_gated(text) and code_holds_words(tree)
        is_gone_by = not may_tell and not may_judge
        if is_gone_by and self._is_plain(Path(os.path.abspath(filename))):
            return None  # without loading the preset
        path, standard = self._place(filename)
        if isinstance(standard, PolicyError):
            return standard
        if not may_tell and any(word in text for word in standard.gates):
            may_tell = code_holds_words(tree, standard.gates)
        is_of_interest = may_tell or (may_judge and standard.comment_rules)
        if standard.policy.excludes(path) or not is_of_interest:
            return None
        return self._prepare(path, text, tree, standard)

    def context_of(self, filename: str, text: str, tree: ast.Module) -> Context | PolicyError:
        """Make a file ready to be changed, whatever it names.

        Args:
            filename: its path, absolute or relative to the working directory.
            text: its source, with ``\\n`` line ends.
            tree: its syntax tree.

        Returns:
            The file; the error of a policy that cannot be used.
        """
        path, standard = self._place(filename)
        if isinstance(standard, PolicyError):
            return standard
        return self._prepare(path, text, tree, standard).context

    def dismisses(self, filename: str, content: bytes) -> bool:
        """Tell whether one search over a file's bytes shows that nothing is to be found in it.

        Args:
            filename: its path, absolute or relative to the working directory.
            content: its bytes, in ASCII or an encoding that has ASCII's letters.
        """
        if any(word in content for word in _BYTE_GATES):
            return False
        if self._comments is not None and b"DBS" in content:
            _, standard = self._place(filename)
            if isinstance(standard, Standard) and standard.comment_rules:
                return False
        if self._is_plain(Path(os.path.abspath(filename))):
            return True
        _, standard = self._place(filename)
        return isinstance(standard, Standard) and not any(
            word in content for word in standard.byte_gates
        )

    def take_traces(self) -> list[Trace]:
        """Give what was asked of the projects since this was last called."""
        return [project.take_trace() for project in self._projects.values()]

    def broken_policy(self, filename: str) -> PolicyError | None:
        """Give what is wrong with the policy that a file falls under; None where nothing is."""
        if self._is_plain(Path(os.path.abspath(filename))):
            return None  # without loading the preset
        _, standard = self._place(filename)
        return standard if isinstance(standard, PolicyError) else None

    def excludes(self, filename: str) -> bool:
        """Tell whether the policy leaves a file out, which no preset does."""
        if self._is_plain(Path(os.path.abspath(filename))):
            return False
        path, standard = self._place(filename)
        return isinstance(standard, Standard) and standard.policy.excludes(path)

    def policy_grounds(self) -> set[Path]:
        """Give the files on which it rests whether the policies can be used."""
        return {
            file
            for standard in self._standards.values()
            if isinstance(standard, Standard)
            for file in (*standard.policy.files, *standard.named)
        }

    def policy_for(self, filename: str) -> Policy | PolicyError:
        """Give the policy that a file falls under, or the error of one that cannot be used."""
        _, standard = self._place(filename)
        return standard if isinstance(standard, PolicyError) else standard.policy

    def level_of(self, filename: str, code: str) -> Level:
        """Give how much a violation of a code weighs in a file.

        What speaks of the tool itself is an error, whatever a policy says.
        """
        from flake8_dbsession.policy.model import Level
        from flake8_dbsession.rules.registry import rules

        rule = rules().get(code)
        policy = self.policy_for(filename)
        if rule is None or isinstance(policy, PolicyError):
            return Level.ERROR
        return policy.level_of(code) or rule.level

    def _is_plain(self, path: Path) -> bool:
        """Tell whether a file falls under the default preset alone, which adds no words."""
        try:
            return not self._is_named and self._fixed is None and find(path) is None
        except PolicyError:
            return False

    def _place(self, filename: str) -> tuple[Path, Standard | PolicyError]:
        """Give a file's absolute path and what it is held to, asked several times for one file."""
        if self._latest is None or self._latest[0] != filename:
            path = Path(os.path.abspath(filename))
            self._latest = filename, path, self._standard_for(path)
        return self._latest[1:]

    def _standard_for(self, path: Path) -> Standard | PolicyError:
        if self._fixed is not None:
            return self._fixed
        named = self._settings.policy
        try:
            return self._standard(Path(named) if named else find(path))
        except PolicyError as error:
            return error

    def _standard(self, source: Path | None) -> Standard | PolicyError:
        if source not in self._standards:
            try:
                self._standards[source] = self._load(source)
            except PolicyError as error:
                self._standards[source] = error
        return self._standards[source]

    def _load(self, source: Path | None) -> Standard:
        from flake8_dbsession.policy.loading import load, sources_of

        preset, factories, owners = (
            self._settings.preset,
            self._settings.factories,
            self._settings.owners,
        )
        policy = load(source, preset=preset, factories=factories, owners=owners)
        if source and not _codes(policy) <= _codes(load(None, preset=policy.preset)):
            # Imported only here: to know every code, all rules are imported.
            from flake8_dbsession.rules.pages import known_codes

            policy = load(
                source, preset=preset, factories=factories, owners=owners, known=known_codes()
            )
        named: frozenset[Path] = frozenset()
        if policy.names_modules:
            from flake8_dbsession.house.nowhere import look_up_names

            tables = sources_of(source, preset=preset, factories=factories, owners=owners)
            looked_up = look_up_names(policy, tables)
            for error in looked_up.errors:
                raise error
            named = looked_up.files
        return Standard(policy, self._settings, named)

    def _prepare(self, path: Path, text: str, tree: ast.Module, standard: Standard) -> PreparedFile:
        from flake8_dbsession.analysis.file import SourceFile
        from flake8_dbsession.rules.context import Context

        file = SourceFile(
            path,
            text,
            tree,
            self._project(path.parent, standard),
            standard.vocabulary,
            standard.words,
        )
        context = Context(file, standard.policy)
        allowed = context.layer.allow if context.layer else frozenset()
        ignored = standard.ignored_in(path)
        rules, judges = standard.held(allowed, ignored, is_notebook=path.suffix == _NOTEBOOK)
        judging = judges if self._comments is not None else ()
        return PreparedFile(context, rules, judging, self._comments)

    def _project(self, folder: Path, standard: Standard) -> Project:
        """Give the project that a folder lies in, one for all files under the same names."""
        from flake8_dbsession.analysis.names.project import Project
        from flake8_dbsession.analysis.source.locations import repository_root

        asked = folder, standard
        if asked not in self._projects_of:
            key = repository_root(folder), standard.vocabulary
            if key not in self._projects:
                self._projects[key] = Project(key[0], self._sources)
            self._projects_of[asked] = self._projects[key]
        return self._projects_of[asked]


class PreparedFile(NamedTuple):
    """A file with the rules that it is held to.

    Attributes:
        context: the file, its policy and its layer.
        rules: the rules, in the order of their codes.
        judges: those that look at what comments hide of the others' violations.
        comments: reads it.
    """

    context: Context
    rules: list[Rule[Any]]
    judges: Sequence[Rule[Any]] = ()
    comments: Comments | None = None

    def violations(self) -> Iterator[tuple[Violation, Any]]:
        """Run the rules.

        Yields:
            Each violation, its columns in UTF-8 bytes, with the fact that it speaks of; None in its
            place where a rule broke. What several facts say in the same words is said once.
        """
        found: dict[Violation, None] = {}
        for rule in self.rules:
            for violation, fact in _violations_of(rule, self.context):
                if violation not in found:
                    found[violation] = None
                    yield violation, fact
        if self.judges and self.comments and not any(v.code == RULE_FAILED for v in found):
            codes = frozenset(rule.code for rule in self.rules)
            unused = [*self.comments.unused(self.context.file, [*found], codes)]
            for rule in self.judges:
                for fact in unused:
                    yield from ((violation, fact) for violation in rule.check(fact, self.context))


class Standard:
    """A policy made ready for checking.

    Args:
        policy: the policy.
        settings: what the user asked for.
        named: the files of the modules that the policy names.
    """

    def __init__(self, policy: Policy, settings: Settings, named: frozenset[Path]) -> None:
        self.policy = policy
        self.named = named
        self._selected = settings.selected
        self._selection = settings.over(policy.selection)
        self.words = frozenset(_policy_words(policy))
        self.gates = tuple(word for word in sorted(self.words) if not is_gated(word))
        self._held: dict[
            tuple[frozenset[str], tuple[str, ...], bool], tuple[list[Rule[Any]], list[Rule[Any]]]
        ] = {}

    @cached_property
    def byte_gates(self) -> tuple[bytes, ...]:
        """The policy's own words that make a file interesting, as they stand in its bytes."""
        return tuple(word.encode() for word in self.gates)

    @cached_property
    def rules(self) -> list[Rule[Any]]:
        """The rules that run: all but the off ones that nobody asked for."""
        return [rule for rule in self._wanted if not rule.judges_comments]

    @cached_property
    def comment_rules(self) -> list[Rule[Any]]:
        """Those of them that look at what comments hide of the others' violations."""
        return [rule for rule in self._wanted if rule.judges_comments]

    def held(
        self, allowed: frozenset[str], ignored: tuple[str, ...], *, is_notebook: bool
    ) -> tuple[list[Rule[Any]], list[Rule[Any]]]:
        """Give the rules, and the judges of comments, that a file is held to.

        Args:
            allowed: the codes that its layer allows.
            ignored: the codes, or beginnings of codes, that are left out in it.
            is_notebook: whether it is a notebook, which nobody imports.
        """
        key = allowed, ignored, is_notebook
        if key not in self._held:
            rules, judges = (
                [
                    rule
                    for rule in each
                    if rule.code not in allowed
                    and not rule.code.startswith(ignored)
                    and not (is_notebook and rule.is_of_imports)
                ]
                for each in (self.rules, self.comment_rules)
            )
            self._held[key] = rules, judges
        return self._held[key]

    @cached_property
    def _wanted(self) -> list[Rule[Any]]:
        from flake8_dbsession.rules.registry import rules

        selection = self._selection
        asked = self._selected | self.policy.enable
        if selection is not None:
            asked |= {*(selection.select or ()), *selection.extend_select}
        return [
            rule
            for rule in rules().values()
            if (not rule.off or rule.code in asked)
            and (selection is None or selection.reports(rule.code))
        ]

    def ignored_in(self, path: Path) -> tuple[str, ...]:
        """Give the codes, or beginnings of codes, that the policy leaves out in a file."""
        return self.policy.ignored_in(path) if self._selection is not None else ()

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the policy says of names."""
        from flake8_dbsession.policy.vocabulary import vocabulary_of

        return vocabulary_of(self.policy)


def _names_codes_in_noqa(text: str) -> bool:
    """Tell whether a file may have comments that hide codes of this tool."""
    return "DBS" in text and _NAMED_IN_NOQA.search(text) is not None


def _codes(policy: Policy) -> frozenset[str]:
    """Give the codes that a policy names, or the rules' names for them."""
    selection = policy.selection
    return policy.enable.union(
        *(layer.allow for layer in policy.layers),
        selection.select or (),
        selection.ignore,
        selection.extend_select,
        *(codes for _, codes in selection.per_file),
        dict(policy.levels),
    )


def _policy_words(policy: Policy) -> Iterator[str]:
    """Give the words by which code that the policy speaks of is found in a text."""
    for name in (*policy.factories, *dict(policy.retired)):
        yield name.rpartition(".")[2]
    for layer in policy.layers:
        for use in layer.uses:
            yield use.expression.rpartition(".")[2]
    for pattern in dict(policy.legacy):
        yield pattern.rpartition(".")[2].strip("*?")


def _violations_of(rule: Rule[Any], context: Context) -> Iterator[tuple[Violation, Any]]:
    """Run one rule; where it breaks, say so instead of taking the run down."""
    if rule.spares_tests and context.is_test:
        return  # before a fact is looked for that nobody else may ask for
    fact: Any
    try:
        for fact in context.file.facts(rule.fact):
            for violation in rule.check(fact, context):
                yield violation, fact
    except Exception as error:
        message = (
            f"{rule.code} failed on this file with {type(error).__name__}: {_one_line(error)}; "
            "please report it with the file's code"
        )
        yield _of_file(RULE_FAILED, message), None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _in_characters(violation: Violation, lines: list[str]) -> Violation:
    """Count a violation's columns in characters, which the syntax tree counts in UTF-8 bytes."""
    return violation._replace(
        column=_characters(lines[violation.line - 1], violation.column),
        end_column=_characters(lines[violation.end_line - 1], violation.end_column),
    )


def _characters(line: str, count: int) -> int:
    """Give the number of characters that the first ``count`` bytes of a line make."""
    return len(line.encode()[:count].decode(errors="ignore"))


def _of_file(code: str, message: str) -> Violation:
    from flake8_dbsession.rules.base import Violation

    return Violation(code, message, 1, 0, 1, 0)
