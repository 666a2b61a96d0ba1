"""A linted file and its facts, each found once and only when a rule asks for it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.facts.acquisition.accessor_calls import AccessorCall, accessor_calls
from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, acquisitions
from flake8_dbsession.analysis.facts.acquisition.definitions import Definition, definitions
from flake8_dbsession.analysis.facts.acquisition.docstrings import (
    DocstringExample,
    docstring_examples,
    telling_names,
)
from flake8_dbsession.analysis.facts.acquisition.driven import DrivenDependency, driven_dependencies
from flake8_dbsession.analysis.facts.acquisition.openings import Opening, openings
from flake8_dbsession.analysis.facts.acquisition.ownership import closes_what_it_hands_out, owns
from flake8_dbsession.analysis.facts.acquisition.provisions import Provision, provisions
from flake8_dbsession.analysis.facts.acquisition.references import Reference, references
from flake8_dbsession.analysis.facts.connection.kept_connections import (
    InstanceConnection,
    ModuleConnection,
    instance_connections,
    module_connections,
)
from flake8_dbsession.analysis.facts.connection.split_transactions import (
    SplittingCommit,
    splitting_commits,
)
from flake8_dbsession.analysis.facts.connection.swallowed_connection_errors import (
    SwallowedConnectionError,
    swallowed_connection_errors,
)
from flake8_dbsession.analysis.facts.dispatch.early_dispatches import (
    EarlyDispatch,
    early_dispatches,
)
from flake8_dbsession.analysis.facts.engine.engines import Engine, engines
from flake8_dbsession.analysis.facts.engine.forks import Fork, forks
from flake8_dbsession.analysis.facts.engine.loops import NewLoop, new_loops
from flake8_dbsession.analysis.facts.engine.new_pools import NewPool, new_pools
from flake8_dbsession.analysis.facts.framework.blocking_calls import BlockingCall, blocking_calls
from flake8_dbsession.analysis.facts.framework.handlers import enclosing_handler, is_handler
from flake8_dbsession.analysis.facts.framework.held_work import HeldWork, held_work
from flake8_dbsession.analysis.facts.framework.injections import Injection, injections
from flake8_dbsession.analysis.facts.framework.request_sessions import (
    RequestSession,
    request_sessions,
)
from flake8_dbsession.analysis.facts.framework.returned_sessions import (
    ReturnedSession,
    returned_sessions,
)
from flake8_dbsession.analysis.facts.framework.streams import Stream, streams
from flake8_dbsession.analysis.facts.lifetime.commits_despite_errors import (
    CommitDespiteError,
    commits_despite_errors,
)
from flake8_dbsession.analysis.facts.lifetime.endings import Ending, endings
from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose, hand_closes
from flake8_dbsession.analysis.facts.lifetime.late_closes import LateClose, late_closes
from flake8_dbsession.analysis.facts.lifetime.redundant_calls import RedundantCall, redundant_calls
from flake8_dbsession.analysis.facts.lifetime.swallowed_errors import (
    SwallowedError,
    swallowed_errors,
)
from flake8_dbsession.analysis.facts.lifetime.uncommitted_writes import (
    UncommittedWrite,
    uncommitted_writes,
)
from flake8_dbsession.analysis.facts.scope.background import BackgroundSession, background_sessions
from flake8_dbsession.analysis.facts.scope.escapes import Escape, escapes
from flake8_dbsession.analysis.facts.scope.expired_objects import ExpiredObject, expired_objects
from flake8_dbsession.analysis.facts.scope.handovers import Handover, handovers
from flake8_dbsession.analysis.facts.scope.lazy_results import LazyResult, lazy_results
from flake8_dbsession.analysis.facts.scope.stores import ClassStore, class_stores
from flake8_dbsession.analysis.names.inference import Inference, Vocabulary
from flake8_dbsession.analysis.names.learning import binding_words, learned_words, workers
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import RoleValue
from flake8_dbsession.analysis.source.mentions import NEEDLES, Mentions, is_hidden

Fact = TypeVar("Fact")

_FINDERS: dict[type, Callable[[Tree, Inference], Iterable[Any]]] = {
    AccessorCall: accessor_calls,
    Acquisition: acquisitions,
    Definition: definitions,
    DocstringExample: docstring_examples,
    DrivenDependency: driven_dependencies,
    Provision: provisions,
    Reference: references,
    RequestSession: request_sessions,
    Fork: forks,
    NewLoop: new_loops,
    NewPool: new_pools,
    Opening: openings,
    LateClose: late_closes,
    Injection: injections,
    ReturnedSession: returned_sessions,
    HeldWork: held_work,
    BlockingCall: blocking_calls,
    BackgroundSession: background_sessions,
    ClassStore: class_stores,
    CommitDespiteError: commits_despite_errors,
    EarlyDispatch: early_dispatches,
    Ending: endings,
    Engine: engines,
    HandClose: hand_closes,
    Escape: escapes,
    Handover: handovers,
    InstanceConnection: instance_connections,
    LazyResult: lazy_results,
    ModuleConnection: module_connections,
    RedundantCall: redundant_calls,
    ExpiredObject: expired_objects,
    SplittingCommit: splitting_commits,
    Stream: streams,
    SwallowedConnectionError: swallowed_connection_errors,
    SwallowedError: swallowed_errors,
    UncommittedWrite: uncommitted_writes,
}
_ROUNDS = 6  # a name learned from a learned name, and so on; real code has one or two


class SourceFile:
    """A file under the linter.

    Args:
        path: its absolute path, for following its imports.
        text: its source, with ``\\n`` line ends.
        tree: its whole syntax tree.
        project: where imports are followed.
        vocabulary: what the policy says of names.
        words: further words whose lines are looked at, such as the names that a policy retires.
        around: the scope in which its names are looked up after its own.
    """

    def __init__(
        self,
        path: Path,
        text: str,
        tree: ast.Module,
        project: Project,
        vocabulary: Vocabulary,
        words: frozenset[str] = frozenset(),
        around: Scope | None = None,
    ) -> None:
        self.module = Module(path, text, tree, around)
        self.inference = inference_over(project, vocabulary)
        self._facts: dict[type, list[Any]] = {}
        self._words = words | vocabulary.bare | {f.rpartition(".")[2] for f in vocabulary.factories}

    @property
    def path(self) -> Path:
        """The file's absolute path."""
        return self.module.path

    @cached_property
    def tree(self) -> Tree:
        """The part of the syntax tree that mentions a word of interest."""
        names = workers(self.module.text)
        words = self._words
        for _ in range(_ROUNDS):
            mentions = Mentions(
                self.module.text, {*NEEDLES, *filter(is_hidden, words), *binding_words(names)}
            )
            tree = Tree(self.module.scope, mentions, words)
            learned = learned_words(tree, self.inference, names) - words
            if not learned:
                break
            words |= learned
        return tree

    def forget(self) -> None:
        """Let the tree and the facts go: the file has been looked at."""
        self.__dict__.pop("tree", None)
        self._facts.clear()
        self.module.forget_tree()

    def facts(self, kind: type[Fact]) -> list[Fact]:
        """Give the facts of one kind.

        Args:
            kind: the facts' class, such as ``Acquisition``.

        Returns:
            The facts, in the order of the text.
        """
        if kind not in self._facts:
            self._facts[kind] = list(_FINDERS[kind](self.tree, self.inference))
        return self._facts[kind]

    def names(self, expression: ast.expr, scope: Scope) -> tuple[str, ...]:
        """Give the dotted names by which what an expression stands for goes, as written first."""
        return self.inference.names(expression, scope)

    def shown(self, example: DocstringExample) -> SourceFile:
        """Give a docstring's example as a file of its own, which sees this file's names too."""
        words = frozenset(filter(self.tree.is_of_interest, telling_names(example.text)))
        return SourceFile(
            self.path,
            example.text,
            example.tree,
            self.inference.project,
            self.inference.vocabulary,
            words,
            around=self.module.scope,
        )

    def is_handler(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> bool:
        """Tell whether a function that stands in a scope is a request handler."""
        return is_handler(node, scope, self.inference)

    def is_handler_body(self, scope: Scope) -> bool:
        """Tell whether a scope is the own body of a request handler."""
        return enclosing_handler(scope, self.inference) is not None

    def is_handing_out(self, scope: Scope) -> bool:
        """Tell whether a scope lies in a provider or a dependency."""
        return closes_what_it_hands_out(scope, self.inference)

    def owns(self, scope: Scope, known: RoleValue | None) -> bool:
        """Tell whether the code of a scope owns what it opens there."""
        return owns(scope, known, self.inference)
