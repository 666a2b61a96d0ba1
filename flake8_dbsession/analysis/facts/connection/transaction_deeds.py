"""What a function does to the transaction of one connection, event by event."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum
from typing import Protocol, TypeAlias

from flake8_dbsession.analysis.effects.work.model import ENDS, NOTHING, UNTOUCHED, Did, Work
from flake8_dbsession.analysis.effects.work.sql import sql_statements
from flake8_dbsession.analysis.effects.work.uses import (
    Part,
    end_of_opened,
    thing_of,
    uses_of_name,
    work_in,
)
from flake8_dbsession.analysis.facts.connection.called_functions import (
    functions_called,
    swallows,
)
from flake8_dbsession.analysis.facts.connection.postgresql_handles import (
    Handle,
    connection_of,
    is_of_module,
)
from flake8_dbsession.analysis.flow import Exit, Graph, build, carry_forward
from flake8_dbsession.analysis.flow.graph import Bind, Block, Evaluate, Event, Leave
from flake8_dbsession.analysis.library.methods import (
    SCHEMA_METHODS,
    TRANSACTIONS,
    WORKING_BY_CURSOR,
)
from flake8_dbsession.analysis.library.queries import TEXT_MAKERS
from flake8_dbsession.analysis.library.wrappers import CLOSING
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Assigned, Scope, last_segment
from flake8_dbsession.analysis.names.texts import text_of
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import (
    arguments,
    dotted_name,
    names,
    own_nodes,
    unawaited,
)
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

BLOCKS = TRANSACTIONS | {"transaction"}
"""The methods of a connection whose block is a transaction or a savepoint."""

_ROLLBACK = regex(r"(?is)\s*(?:ROLLBACK|ABORT)\b")
_COMMIT = regex(r"(?is)\s*(?:COMMIT|END)\b")
# What asks the catalogue, or the server about itself, finds what it asks for in any database.
_READ_FROM = regex(r"(?i)\b(?:FROM|JOIN)\s+([\w\0\".]+)")
_CATALOGUE = regex(r"(?i)information_schema\.|pg_")
_OF_SERVER = regex(
    r"(?is)\s*(?:SELECT\s+(?:\d+\s*(?:AS\s+\w+\s*)?$|(?:current_\w+|now|to_regclass|version"
    r"|pg_(?:try_)?advisory_\w+)\b)|(?:SET\s+(?:LOCAL\s+)?\w*timeout|SHOW)\b)"
)
_CHANGES = Did.WRITES | Did.DEFINES
# What a rollback undoes though it saves nothing: settings, and locks of the transaction.
_SETTING = regex(
    r"(?is)\s*SET\s+(?!TRANSACTION\b)|.*\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b|.*_advisory_xact_lock"
)


_DEEPEST = 4  # functions that call one another

_Changes: TypeAlias = "frozenset[Change]"


class Deed(Enum):
    """What an event does to a transaction."""

    WORKS = "a statement runs in it"
    COMMITS = "it is committed"
    ROLLS_BACK = "it is rolled back, to a savepoint or as a whole"
    MAY_ROLL_BACK = "what cannot be read is given it"
    GONE = "its connection is closed, or stands for another"


_ROLLED_BACK = (Deed.ROLLS_BACK, Deed.MAY_ROLL_BACK)


class Change(NamedTuple):
    """What a statement has done that a rollback undoes.

    Attributes:
        call: the call that runs it.
        is_kept: whether the next commit is sure to be what keeps it: not a setting, a lock, or what
            a call that cannot be followed may have committed.
    """

    call: ast.Call
    is_kept: bool

    @property
    def line(self) -> int:
        """Its line."""
        return self.call.lineno


class _Question(Protocol):
    """What is asked of a function, and remembered."""

    def __call__(
        self, scope: Scope, handle: Handle, deep: int, /, *, inference: Inference
    ) -> bool: ...


class Deeds:
    """Answers what the events of a function do to the transaction of a connection.

    Args:
        handle: the connection, or the cursor that the function is given.
        scope: the function's scope.
        inference: follows what is called.
        deep: how many functions that call one another are asked whether they let errors pass.
    """

    def __init__(
        self, handle: Handle, scope: Scope, inference: Inference, deep: int = _DEEPEST
    ) -> None:
        self.handle = handle
        self._scope = scope
        self._deep = deep
        self._inference = inference
        self._thing = thing_of(handle.known)._replace(part=handle.part)
        # One that another module keeps has no name here: only that module's functions have it.
        self._name = handle.name if handle.is_named_in(scope) else ""
        self._uses = uses_of_name(self._name, scope, self._thing, inference)
        for name in _cursors_by_turns(self._name, scope) if self._name else ():
            self._uses.follow_name(name, Part.CURSOR, scope.node)

    def of(self, event: Event, *, is_raising: bool = False) -> Deed | None:
        """Tell what an event does.

        Args:
            event: the event.
            is_raising: whether an error is on its way, with which blocks are left.
        """
        match event:
            case Evaluate(node=ast.Call() as call):
                return self._of_call(call)
            case Leave(node=item):
                return self._of_end(item, is_raising=is_raising)
            case Bind(target=target):
                name = target if isinstance(target, str) else dotted_name(target)
                is_its = name and f"{self._name}.".startswith(f"{name}.")
                return Deed.GONE if is_its else None
        return None

    def leaves_changes(self) -> bool:
        """Tell whether the function may change something that it does not commit itself."""
        ever = self._uses.ever
        return bool(ever & _CHANGES) and Did.COMMITS not in ever

    def fails(self, event: Event) -> ast.Call | None:
        """Give the call by which a statement of the transaction can fail, and its error goes on."""
        match event:
            case Evaluate(node=ast.Call() as call) if self._of_call(call) is Deed.WORKS:
                if _is_safe(self._text(call) or ""):
                    return None
                called = functions_called(call, self._scope, self._inference)
                if not called or any(self._lets_pass(call, each) for each in called):
                    return call if self._leaves_aborted(call, called) else None
        return None

    def is_read(self, call: ast.Call) -> bool:
        """Tell whether the text of a statement is there to read, or a function's that runs it."""
        is_own = isinstance(call.func, ast.Attribute) and call.func.attr.startswith("execute")
        return not is_own or self._text(call) is not None

    def changes_before(self, graph: Graph) -> dict[ast.AST, frozenset[Change]]:
        """Give, for each call that works, the changes that no commit has saved yet."""
        found: dict[ast.AST, frozenset[Change]] = {}

        def step(event: Event, before: _Changes) -> tuple[_Changes, _Changes]:
            deed = self.of(event)
            if deed in (Deed.COMMITS, Deed.ROLLS_BACK, Deed.GONE):
                return frozenset(), frozenset()
            if isinstance(event, Evaluate) and isinstance(event.node, ast.Call) and deed:
                found[event.node] = found.get(event.node, frozenset()) | before
                left = self._left_by(event.node, before)
                return left | set(self._changes_by(event.node)), before
            return before, before

        nothing: _Changes = frozenset()
        carry_forward(graph, nothing, step, frozenset.union)
        return found

    def _of_call(self, call: ast.Call) -> Deed | None:
        text = self._text(call)
        owner, _, method = dotted_name(call.func).rpartition(".")
        if method == "rollback" and owner.endswith(".connection"):  # of a cursor
            return Deed.ROLLS_BACK
        if text is not None and _ROLLBACK.match(text):
            return Deed.ROLLS_BACK
        if text is not None and _COMMIT.match(text):
            return Deed.COMMITS
        work = self._work_of(call)
        if work is None:
            return None
        if text is not None or self._works_by_cursor(call) or _makes_tables(call):
            return Deed.WORKS
        if Did.ROLLS_BACK in work.ever:
            return Deed.WORKS if self._begins_with_work(call) else Deed.ROLLS_BACK
        if Did.MAY_END in work.ever:
            return Deed.WORKS if self._is_given_a_cursor(call) else Deed.MAY_ROLL_BACK
        if Did.CLOSES in work.ever:
            return Deed.GONE
        if Did.COMMITS in work.ever and Did.ASKS not in work.ever:
            return Deed.COMMITS
        return Deed.WORKS if Did.ASKS in work.ever else None

    def _begins_with_work(self, call: ast.Call) -> bool:
        """Tell whether what a call is of runs a statement before it rolls back."""
        called = functions_called(call, self._scope, self._inference)
        return bool(called) and all(self._ask(begins_with_work, call, each) for each in called)

    def _leaves_aborted(self, call: ast.Call, called: list[FunctionValue]) -> bool:
        """Tell whether an error may come out of a call that nobody has rolled back for."""
        work = self._work_of(call)
        if work is None or Did.ROLLS_BACK not in work.ever:
            return True
        return any(self._ask(_leaves_aborted, call, each) for each in called)

    def _ask(self, question: _Question, call: ast.Call, function: FunctionValue) -> bool:
        """Ask of a function what it does by the connection that a call gives it."""
        handle = self._given_to(call, function) if self._deep else None
        inside = function.scope.child(function.node)
        return handle is not None and question(
            inside, handle, self._deep - 1, inference=self._inference
        )

    def _work_of(self, call: ast.Call) -> Work | None:
        """Tell what a call does that is given the connection, or whose function has it as well."""
        work = self._uses.acts.get(call)
        function = self._sharing(call) if work is None else None
        if function is None:
            return work
        work = work_in(function, self.handle.name, self._thing, self._inference)
        return work if work != UNTOUCHED else None

    def _sharing(self, call: ast.Call) -> FunctionValue | None:
        """Give the function that a call is of where both have the connection from their module."""
        home = self.handle.home
        callee = self._inference.value(call.func, self._scope) if home is not None else None
        if home is None or not isinstance(callee, FunctionValue):
            return None
        if isinstance(callee.node, ast.Lambda):
            return None
        inside = callee.scope.child(callee.node)
        return callee if is_of_module(self.handle.name, home, inside) else None

    def _of_end(self, item: ast.withitem, *, is_raising: bool) -> Deed | None:
        """Tell what the end of a block does, which rolls back where an error leaves it."""
        context = item.context_expr
        did = self._uses.at_end(context)
        if self._name and dotted_name(item.optional_vars) == self._name:
            is_committing = not is_raising and self._commits_what_it_opened(context)
            return Deed.COMMITS if is_committing else Deed.GONE
        if is_raising and self._begins(context):
            return Deed.ROLLS_BACK
        if did & ENDS:
            return Deed.ROLLS_BACK if is_raising else Deed.COMMITS if Did.COMMITS in did else None
        is_given = isinstance(context, ast.Call) and any(
            dotted_name(given) == self._name for given in arguments(context) if self._name
        )
        return Deed.MAY_ROLL_BACK if is_raising and is_given else None

    def _commits_what_it_opened(self, context: ast.expr) -> bool:
        if isinstance(context, ast.Call) and last_segment(context) in CLOSING:
            return False
        known = self._inference.known(unawaited(context), self._scope)
        did = end_of_opened(known, self._inference)
        return Did.COMMITS in did or self.handle.known.commits

    def _begins(self, context: ast.expr) -> bool:
        """Tell whether a block is over a transaction, or a savepoint, of the connection."""
        owner, _, method = dotted_name(getattr(context, "func", None)).rpartition(".")
        return bool(owner) and owner == self._name and method in BLOCKS

    def _is_given_a_cursor(self, call: ast.Call) -> bool:
        """Tell whether one function of several is given a cursor, with which it can only work."""
        is_one_of_several = isinstance(call.func, ast.Name) and any(
            isinstance(node, (ast.For, ast.AsyncFor)) and names(node.target, call.func.id)
            for node in own_nodes(self._scope.node)
        )
        given = {dotted_name(argument) for argument in arguments(call)}
        is_whole = self.handle.part is Part.WHOLE and self._name in given
        return is_one_of_several and not is_whole

    def _lets_pass(self, call: ast.Call, function: FunctionValue) -> bool:
        """Tell whether an error of a statement comes out of a function that a call is of."""
        if swallows(function):
            return False
        handle = self._given_to(call, function) if self._deep else None
        if handle is None:
            return True
        inside = function.scope.child(function.node)
        return _lets_out(inside, handle, self._deep - 1, inference=self._inference)

    def _given_to(self, call: ast.Call, function: FunctionValue) -> Handle | None:
        """Give what a function calls the connection, or the cursor of it, that a call gives it."""
        owner, _, attribute = self._name.partition(".")
        if attribute and function.receiver and dotted_name(call.func).startswith(f"{owner}."):
            return self.handle._replace(name=f"{function.receiver}.{attribute}", home=None)
        if self._sharing(call) is not None:
            return self.handle
        for key, value in arguments_of(call):
            parameter = receiving_parameter(function, key)
            of = dotted_name(connection_of(value, self._scope, self._inference))
            if parameter and of and of == self._name:
                part = self.handle.part if dotted_name(value) == of else Part.CURSOR
                return Handle(parameter, part, self.handle.known, is_shared=True)
        return None

    def _works_by_cursor(self, call: ast.Call) -> bool:
        """Tell whether a function of the driver's works by the cursor that it is given."""
        match self._inference.value(call.func, self._scope):
            case External(name=name):
                return name in WORKING_BY_CURSOR
        return False

    def _left_by(self, call: ast.Call, before: _Changes) -> _Changes:
        """Give the changes that still wait for a commit after a call, or may."""
        work = self._work_of(call)
        ever = work.ever if work is not None else NOTHING
        if Did.COMMITS in ever:
            return frozenset()
        is_seen = self._text(call) is not None or _makes_tables(call)
        if Did.MAY_END in ever and not is_seen:
            return frozenset(change._replace(is_kept=False) for change in before)
        return before

    def _changes_by(self, call: ast.Call) -> Iterator[Change]:
        work, text = self._work_of(call), self._text(call)
        is_known = self._works_by_cursor(call) or _makes_tables(call)
        if is_known or (work is not None and work.since & _CHANGES):
            yield Change(call, is_kept=True)
        elif text is not None and _SETTING.match(text):
            yield Change(call, is_kept=False)

    def _text(self, call: ast.Call) -> str | None:
        """Give the text of the statement that a call of the connection or its cursor runs."""
        if call not in self._uses.acts or not call.args:
            return None
        if not isinstance(call.func, ast.Attribute) or not call.func.attr.startswith("exec"):
            return None
        statement = call.args[0]
        if isinstance(statement, ast.Call) and last_segment(statement) in TEXT_MAKERS:
            statement = statement.args[0] if statement.args else statement
        text = text_of(statement, self._scope, self._inference)
        return next(iter(sql_statements(text)), "") if text else None


@remembered
def begins_with_work(
    scope: Scope, handle: Handle, deep: int = _DEEPEST, *, inference: Inference
) -> bool:
    """Tell whether a function begins with work in a transaction, and ends none before that.

    Args:
        scope: the function's scope.
        handle: the connection, as the function has it.
        deep: how many functions that call one another are followed.
        inference: follows what it calls.
    """
    graph = build(scope.node) if isinstance(scope.node, FUNCTIONS) else None
    if graph is None:
        return False
    first = _first_deeds(graph, Deeds(handle, scope, inference, deep))
    return Deed.WORKS in first and first.isdisjoint(_ROLLED_BACK)


@remembered
def _leaves_aborted(scope: Scope, handle: Handle, deep: int, *, inference: Inference) -> bool:
    """Tell whether a statement's error can leave a function in which no rollback meets it."""
    graph = build(scope.node) if isinstance(scope.node, FUNCTIONS) else None
    if graph is None:
        return True
    deeds = Deeds(handle, scope, inference, deep)
    failed = (
        edge.target
        for number in graph.reached()
        for block in [graph.blocks[number]]
        if any(deeds.fails(block.events[index]) is not None for index in block.raising)
        for edge in block.edges
        if edge.raised
    )

    def is_rolled_back(block: Block) -> bool:
        return any(deeds.of(event, is_raising=True) in _ROLLED_BACK for event in block.events)

    return Exit.RAISES in graph.blocks_from(failed, is_rolled_back)


def _first_deeds(graph: Graph, deeds: Deeds) -> set[Deed]:
    """Give what is done first to a transaction on the ways through a function."""

    def first(block: Block) -> Deed | None:
        return next(filter(None, map(deeds.of, block.events)), None)

    ways = graph.blocks_from([graph.entry], lambda block: first(block) is not None)
    return {deed for number in ways if (deed := first(graph.blocks[number])) is not None}


@remembered
def _lets_out(scope: Scope, handle: Handle, deep: int, *, inference: Inference) -> bool:
    """Tell whether a function lets an error of a connection's statements out, or may."""
    deeds = Deeds(handle, scope, inference, deep)
    works = [
        event
        for node in own_nodes(scope.node)
        if isinstance(node, ast.Call) and deeds.of(event := Evaluate(node)) is Deed.WORKS
    ]
    return not works or any(deeds.fails(event) is not None for event in works)


def _cursors_by_turns(connection: str, scope: Scope) -> Iterator[str]:
    """Give the names that stand for one cursor of a connection after another."""
    nodes = [node for node in own_nodes(scope.node) if isinstance(node, ast.Assign)]
    found = {node.targets[0].id for node in nodes if isinstance(node.targets[0], ast.Name)}
    for name in found:
        hows = [binding.how for binding in scope.bindings(name)]
        values = [unawaited(how.value) for how in hows if isinstance(how, Assigned)]
        made = [dotted_name(value.func) for value in values if isinstance(value, ast.Call)]
        if len(hows) > 1 and len(made) == len(hows) and set(made) == {f"{connection}.cursor"}:
            yield name


def _makes_tables(call: ast.Call) -> bool:
    """Tell whether an asynchronous connection makes, drops or reads tables of SQLAlchemy's."""
    given = call.args[:1] if last_segment(call.func) == "run_sync" else []
    return any(last_segment(argument) in SCHEMA_METHODS for argument in given)


def _is_safe(statement: str) -> bool:
    """Tell whether a statement fails only where the connection does."""
    tables = _READ_FROM.findall(statement)
    if tables:
        return all(_CATALOGUE.match(table) for table in tables)
    return _OF_SERVER.match(statement) is not None
