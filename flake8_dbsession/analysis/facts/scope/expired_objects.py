"""Mapped objects that a commit expires and that are read where their session is gone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum

from flake8_dbsession.analysis.facts.acquisition.acquisitions import is_self
from flake8_dbsession.analysis.facts.lifetime.blocks import SessionBlock, session_blocks
from flake8_dbsession.analysis.facts.scope.background import background_tasks
from flake8_dbsession.analysis.facts.scope.entities import (
    Entities,
    named_in,
    returned_from,
)
from flake8_dbsession.analysis.facts.scope.escapes import handed_over
from flake8_dbsession.analysis.facts.scope.sequel import after_block, binds, reads
from flake8_dbsession.analysis.library.methods import LOADERS, RESULTS
from flake8_dbsession.analysis.library.queries import FETCHES_ONE, STILL_LAZY
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import (
    Assigned,
    Iterated,
    Parameter,
    Scope,
    declared,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.analysis.nodes import arguments, is_name, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_GETTERS = LOADERS - {"merge"}
_CHAINED = STILL_LAZY - {"add_columns", "columns", "mappings", "with_entities"}
# The methods of Query and Result that fetch objects, by SQLAlchemy's reference of both.
_FETCHING = FETCHES_ONE | {"all", "get"}
# What gives the objects that it goes through, or one of them.
_COLLECTING = frozenset({"frozenset", "list", "max", "min", "next", "set", "sorted", "tuple"})
_ADDERS = frozenset({"add", "append", "appendleft", "insert", "setdefault"})
# An object that has left its session, or was loaded again by hand, is its author's affair.
_DETACHING = frozenset({"expunge", "expunge_all", "make_transient"})


class ExpiredUse(Enum):
    """How an expired object gets to where it is read."""

    RETURNED = "it is returned"
    READ = "it is read after the block"
    KEPT = "it is kept in what outlives the block"
    GIVEN = "a background task is given it"


class ExpiredObject(NamedTuple):
    """A mapped object that is expired, and may be read where its session is gone.

    Attributes:
        node: where it gets away: the ``return``, the reading, the store, the task.
        written: the object as it is written.
        way: how it gets away.
        commit: the line of the commit that expires it; None for the one at the end of the block.
        block: the line of the block; None for the session of a request.
    """

    node: ast.AST
    written: str
    way: ExpiredUse
    commit: int | None
    block: int | None


def expired_objects(tree: Tree, inference: Inference) -> Iterator[ExpiredObject]:
    """Find the mapped objects that a commit expires before they are read elsewhere.

    Args:
        tree: the visited part of a file.
        inference: answers what the blocks enter, and how their factory was made.

    Yields:
        One for each way out of a block, where the factory is found and known to expire objects on
        commit, and for each background task that is given one.
    """
    tasks = list(background_tasks(tree, inference))
    for block in session_blocks(tree, inference):
        if block.known.keeps_loaded is not False or _detaches(block.node):
            continue
        if not binds(block.node.body, block.name, walrus=tree.scope.module.holds_walrus):
            work = _Work(block.name, block.scope, block.node, block.known.commits, inference)
            leaving = _Leaving(work, block, tree)
            yield from leaving.found()
            for task, scope in tasks:
                yield from leaving.given_to(task, scope)
    for task, scope in tasks:
        yield from _given_to(task, scope, inference)


def returns_objects(session: str, function: Scope, inference: Inference) -> bool:
    """Tell whether a function returns mapped objects of a session, still in that.

    Args:
        session: the session's name.
        function: the function's scope.
        inference: tells mapped classes from columns.
    """
    objects = _Objects(session, function, function.node, Entities(function, inference))
    return not _detaches(function.node) and any(
        isinstance(node, ast.Return) and node.value is not None and objects.has(node.value)
        for node in own_nodes(function.node)
    )


def gives_objects(result: ast.expr, session: str, scope: Scope, inference: Inference) -> bool:
    """Tell whether what a query or result gives are mapped objects of a session.

    Args:
        result: the query or result.
        session: the session's name.
        scope: the scope that it is read in.
        inference: tells mapped classes from columns.
    """
    return _Objects(session, scope, scope.node, Entities(scope, inference)).are_fetched(result)


def _detaches(node: ast.AST) -> bool:
    calls = (part for part in own_nodes(node) if isinstance(part, ast.Call))
    return any(last_segment(call.func) in _DETACHING for call in calls)


class _Work:
    """The work of one session in a block or function, and what its commits expire.

    Args:
        session: the session's name.
        scope: the scope of the work.
        node: the block or function.
        commits: whether its end commits.
        inference: answers what names stand for.
    """

    def __init__(
        self, session: str, scope: Scope, node: ast.AST, commits: bool, inference: Inference
    ) -> None:
        self._nodes = own_nodes(node)
        self._session = session
        self._scope = scope
        self._commits_at_end = commits
        self._commits = sorted(self._commit_lines())
        self._objects = _Objects(session, scope, node, Entities(scope, inference))

    def is_object(self, expression: ast.expr) -> bool:
        """Tell whether an expression gives a mapped object, or a list of them."""
        return self._objects.has(expression)

    def expiring(self, expression: ast.expr, line: int, *, ends: bool) -> list[int | None]:
        """Find the commit that expires an object, and after which nothing loads it again.

        Args:
            expression: the object.
            line: the line before which it has to be.
            ends: whether the end of the block comes in between.

        Returns:
            The line of the commit, None for the end of the block; nothing for an object that is
            not expired.
        """
        if ends and self._commits_at_end:
            return [None]
        if not isinstance(expression, ast.Name):
            return []
        commits = [commit for commit in self._commits if commit < line]
        if not commits or self._is_loaded(expression.id, commits[-1], line):
            return []
        return [commits[-1]]

    def _commit_lines(self) -> Iterator[int]:
        for node in self._nodes:
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="commit")):
                    if name == self._session:
                        yield node.lineno
                case ast.With(items=items) | ast.AsyncWith(items=items):
                    if any(self._begins(item.context_expr) for item in items):
                        yield node.end_lineno or node.lineno

    def _begins(self, context: ast.expr) -> bool:
        match context:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="begin")):
                return name == self._session
        return False

    def _is_loaded(self, name: str, after: int, before: int) -> bool:
        """Tell whether an object is fetched, refreshed or read between two lines."""
        hows = [binding.how for binding in self._scope.lookup(name)]
        assigned = [how.value.lineno for how in hows if isinstance(how, Assigned)]
        return any(after < line <= before for line in assigned) or any(
            after < line < before for line in self._loading_lines(name)
        )

    def _loading_lines(self, name: str) -> Iterator[int]:
        for node in self._nodes:
            match node:
                case ast.Call(func=ast.Attribute(attr="refresh"), args=[ast.Name(id=loaded), *_]):
                    if loaded == name:
                        yield node.lineno
                case ast.Attribute(value=ast.Name(id=read), ctx=ast.Load()) if read == name:
                    yield node.lineno


class _Leaving:
    """The ways on which objects get out of a block."""

    def __init__(self, work: _Work, block: SessionBlock, tree: Tree) -> None:
        self._work = work
        self._block = block
        self._tree = tree
        self._last = block.node.end_lineno or block.node.lineno

    def found(self) -> Iterator[ExpiredObject]:
        """Give the objects that get out expired."""
        for returned in returned_from(self._block, self._tree):
            for value in handed_over(returned.value):
                yield from self._expired(returned, value, ExpiredUse.RETURNED, returned.lineno)
        for statement in statements(self._block.node.body):
            for value in _kept(statement, self._block.scope):
                yield from self._expired(statement, value, ExpiredUse.KEPT, self._last + 1)
        for name in sorted(named_in(self._block)):
            found = (*self._reads(name), *self._reads_of_each(name))
            if found:
                read, value = min(found, key=lambda pair: pair[0].lineno)
                yield from self._expired(read, value, ExpiredUse.READ, self._last + 1)

    def given_to(self, task: ast.Call, scope: Scope) -> Iterator[ExpiredObject]:
        """Give the objects that a background task is given in the block or after it."""
        function = self._block.scope.function()
        if scope.function() is function and task.lineno > self._block.node.lineno:
            for argument in arguments(task):
                if isinstance(argument, ast.Name):
                    yield from self._expired(task, argument, ExpiredUse.GIVEN, self._last + 1)

    def _expired(
        self, node: ast.AST, value: ast.expr, way: ExpiredUse, line: int
    ) -> Iterator[ExpiredObject]:
        if self._work.is_object(value):
            for commit in self._work.expiring(value, line, ends=True):
                written = ast.unparse(value)
                yield ExpiredObject(node, written, way, commit, self._block.node.lineno)

    def _reads(self, name: str) -> Iterator[tuple[ast.Attribute, ast.expr]]:
        """Give the attributes of an object that are read after the block, each with the object."""
        for after in after_block(self._block.node, name, self._tree):
            for _, around in reads(after, name):
                if isinstance(around, ast.Attribute) and isinstance(around.ctx, ast.Load):
                    yield around, around.value

    def _reads_of_each(self, name: str) -> Iterator[tuple[ast.Attribute, ast.expr]]:
        """Give the attributes of what is gone through after the block, each with all of it."""
        function = self._block.scope.function() or self._block.scope.module.scope
        for after in after_block(self._block.node, name, self._tree):
            around = next(ancestors_in(after, function)) if is_name(after, name) else after
            for node in nodes_in(around):
                match node:
                    case (
                        ast.comprehension(target=ast.Name(id=each), iter=value)
                        | ast.For(target=ast.Name(id=each), iter=value)
                    ) if is_name(value, name):
                        yield from ((read, value) for read in _attributes(each, around))


def _attributes(name: str, around: ast.AST) -> Iterator[ast.Attribute]:
    for node in nodes_in(around):
        if isinstance(node, ast.Attribute) and is_name(node.value, name):
            yield node


def _kept(statement: ast.stmt, scope: Scope) -> Iterator[ast.expr]:
    """Give what a statement puts into a name or container that outlives the function."""
    function = scope.function()
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if function is not None:
            if name in declared(function, ast.Global):
                yield value
        case ast.Assign(targets=[ast.Subscript(value=container)], value=value):
            if _outlives(container, scope):
                yield value
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=container, attr=method), args=args)):
            if method in _ADDERS and _outlives(container, scope):
                yield from args


def _outlives(container: ast.expr, scope: Scope) -> bool:
    match container:
        case ast.Name(id=name):
            found = scope.lookup(name)
            return bool(found) and all(isinstance(b.scope.node, ast.Module) for b in found)
        case ast.Attribute(value=ast.Name(id=name)):
            return is_self(name, scope)
    return False


def _given_to(task: ast.Call, scope: Scope, inference: Inference) -> Iterator[ExpiredObject]:
    """Find the expired objects that a background task is given."""
    function = scope.function()
    if function is None or _detaches(function.node):
        return
    for session in _given_sessions(function, inference):
        work = _Work(session, function, function.node, False, inference)
        for argument in arguments(task):
            if isinstance(argument, ast.Name) and work.is_object(argument):
                for commit in work.expiring(argument, task.lineno, ends=False):
                    yield ExpiredObject(task, argument.id, ExpiredUse.GIVEN, commit, None)


def _given_sessions(function: Scope, inference: Inference) -> Iterator[str]:
    """Give the parameters whose session expires objects on commit."""
    arguments_: ast.arguments = function.node.args  # type: ignore[union-attr]
    for arg in (*arguments_.posonlyargs, *arguments_.args, *arguments_.kwonlyargs):
        bound = function.bindings(arg.arg)
        is_given = all(isinstance(binding.how, Parameter) for binding in bound)
        if is_given and any(map(_expires, inference.values(arg.arg, function))):
            yield arg.arg


def _expires(value: object) -> bool:
    match value:
        case RoleValue(role=Role.GIVEN, resource=Resource.SESSION, keeps_loaded=False):
            return True
    return False


class _Objects:
    """Tells which expressions give mapped objects of a session."""

    def __init__(self, session: str, scope: Scope, node: ast.AST, entities: Entities) -> None:
        self._session = session
        self._scope = scope
        self._node = node
        self._entities = entities

    def has(self, expression: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
        """Tell whether an expression gives a mapped object, or a list of them.

        Args:
            expression: the expression.
            seen: the names whose values are being asked for.
        """
        match expression:
            case ast.Await(value=inner):
                return self.has(inner, seen)
            case ast.Name(id=name):
                return name not in seen and self._is_named(name, seen | {name})
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                name == self._session
            ):
                return self._is_given(method, expression)
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in _FETCHING:
                return self._is_fetched(base, frozenset())
            case ast.Call(func=ast.Name(id=name), args=[iterable, *_]) if name in _COLLECTING:
                return not self._scope.lookup(name) and self._goes_through(iterable, seen)
            case ast.Starred(value=iterable) | ast.List(elts=[ast.Starred(value=iterable)]):
                return self._goes_through(iterable, seen)
            case (
                ast.ListComp(elt=ast.Name(id=name), generators=[generator])
                | ast.SetComp(elt=ast.Name(id=name), generators=[generator])
                | ast.DictComp(value=ast.Name(id=name), generators=[generator])
            ):
                return is_name(generator.target, name) and self._goes_through(generator.iter, seen)
        return False

    def _goes_through(self, iterable: ast.expr, seen: frozenset[str]) -> bool:
        """Tell whether what goes through an iterable gets mapped objects."""
        return self.has(iterable, seen) or self._is_fetched(iterable, seen)

    def are_fetched(self, source: ast.expr) -> bool:
        """Tell whether what is fetched from a query or result are mapped objects."""
        return self._is_fetched(source, frozenset())

    def _is_named(self, name: str, seen: frozenset[str]) -> bool:
        """Tell whether a name only ever stands for a mapped object or None."""
        found = [binding.how for binding in self._scope.lookup(name)]
        match found:
            case [Iterated(iterable=iterable)]:
                return self._goes_through(iterable, seen)
        values = [how.value for how in found if isinstance(how, Assigned) and not how.path]
        values = [value for value in values if not isinstance(value, ast.Constant)]
        if not values or not all(isinstance(how, Assigned) for how in found):
            return False
        return all(self._is_object(value, name, seen) for value in values)

    def _is_object(self, value: ast.expr, name: str, seen: frozenset[str]) -> bool:
        makes = isinstance(value, ast.Call) and self._entities.is_entity(value.func)
        return (makes and self._is_added(name)) or self.has(value, seen)

    def _is_added(self, name: str) -> bool:
        """Tell whether an object is added to the session by its name."""
        for node in own_nodes(self._node):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=session), attr="add"),
                    args=[ast.Name(id=added)],
                ) if session == self._session and added == name:
                    return True
        return False

    def _is_given(self, method: str, call: ast.Call) -> bool:
        """Tell whether a method of the session itself gives an object."""
        match call.args:
            case [entity, *_] if method in _GETTERS:
                return self._entities.is_entity(entity)
            case [statement, *_] if method == "scalar":
                return self._entities.are_selected_by(statement)
        return method == "merge"

    def _is_fetched(self, source: ast.expr, seen: frozenset[str]) -> bool:
        """Tell whether what objects are fetched from is a query or a result of whole entities."""
        match source:
            case ast.Await(value=inner):
                return self._is_fetched(inner, seen)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                name == self._session
            ):
                return self._is_of_entities(method, source)
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _CHAINED:
                return self._is_fetched(inner, seen)
            case ast.Name(id=name):
                return name in seen or self._all_fetch(name, seen | {name})
        return False

    def _all_fetch(self, name: str, seen: frozenset[str]) -> bool:
        bindings = self._scope.lookup(name)
        return bool(bindings) and all(
            isinstance(binding.how, Assigned) and self._is_fetched(binding.how.value, seen)
            for binding in bindings
        )

    def _is_of_entities(self, method: str, call: ast.Call) -> bool:
        match call.args:
            case [entity] if method == "query":
                return self._entities.is_entity(entity)
            case [statement, *_] if method in RESULTS:
                return self._entities.are_selected_by(statement)
        return False
