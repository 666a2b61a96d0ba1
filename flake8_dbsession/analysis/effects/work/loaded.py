"""Which values of a block may be, or may hold, objects that its session loaded."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from flake8_dbsession.analysis.effects.work.callees import Callees, closures
from flake8_dbsession.analysis.effects.work.columns import Columns
from flake8_dbsession.analysis.effects.work.following import (
    Following,
    followed,
    of_holder,
    stored_by,
)
from flake8_dbsession.analysis.effects.work.forms import (
    bindings_of,
    bound_names,
    is_sql_function,
    is_stored,
    makes_object,
    names_put_into,
    root_call,
    root_name,
)
from flake8_dbsession.analysis.library.methods import LOADERS, ROWS
from flake8_dbsession.analysis.library.python import MAKING, MUTATORS, VALUES
from flake8_dbsession.analysis.library.queries import FETCHES_ONE
from flake8_dbsession.analysis.names.functions import arguments_of, parameter_for
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Parameter,
    Scope,
    last_segment,
    original_name,
)
from flake8_dbsession.analysis.names.values import ClassValue, InstanceValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, is_name, own_nodes

_NUMBERS = frozenset({"count", "delete", "rowcount", "update"})
_ENTITIES = FETCHES_ONE | LOADERS
_NAMED_ROWS = frozenset({"query", "select"})


class Objects:
    """What may hold objects of a session, judged without regard to the order of the statements.

    Args:
        session: the session's name.
        body: the statements that work with it.
        scope: the scope that they stand in.
        inference: finds the classes and functions that they name.
        given: names that hold objects from the beginning.
        columns: what is known of the objects' classes where the statements are called from.

    Attributes:
        session: the session's name.
        callees: what the calls among the statements lead to.
        local: the names that the statements bind.
        names: the names that may hold objects.
        parts: the names that may hold a part of an object, such as a list that it keeps.
        closures: the functions that the statements define, by their names.
    """

    def __init__(
        self,
        session: str,
        body: Sequence[ast.stmt],
        scope: Scope,
        inference: Inference,
        given: frozenset[str] = frozenset(),
        columns: Columns | None = None,
    ) -> None:
        self.session = session
        self.callees = Callees(scope, inference)
        self.columns = Columns(body, scope, inference, columns)
        self._is_column = self.columns.is_column
        self._nodes = [node for statement in body for node in (statement, *own_nodes(statement))]
        self.local = {n.id for n in self._nodes if isinstance(n, ast.Name) and is_stored(n)}
        self.names: set[str] = set(given)
        self._given = given
        self._aliases = {session}
        while self._learn_aliases():
            pass
        self._awaited = {n.value for n in self._nodes if isinstance(n, ast.Await)}
        self.closures = closures(self._nodes)
        self._holding = dict(self._find_holding())
        self._aliases |= {f"{name}.{attribute}" for name, attribute in self._holding.items()}
        while self._learn():
            pass
        self.parts: set[str] = set()
        while self._learn_parts():
            pass

    def carries(self, expression: ast.expr | None) -> bool:
        """Tell whether an expression's value may be, or may hold, a loaded object."""
        match expression:
            case None | ast.Constant() | ast.Compare() | ast.JoinedStr() | ast.UnaryOp():
                return False
            case ast.Name(id=name):
                return name in self.names
            case ast.Attribute(value=base, attr=name):
                return name not in _NUMBERS and self.carries(base) and not self._is_column(name)
            case ast.Call():
                return self._result_carries(expression)
            case ast.IfExp(body=body, orelse=orelse):
                return self.carries(body) or self.carries(orelse)
            case ast.DictComp(key=key, value=value):
                return self.carries(key) or self.carries(value)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self.carries(expression.elt)
            case ast.Lambda():
                return self.mentions(expression)
            case ast.Subscript(value=base):
                return self.carries(base)
        parts = ast.iter_child_nodes(expression)
        return any(self.carries(part) for part in parts if isinstance(part, ast.expr))

    def mentions(self, node: ast.AST) -> bool:
        """Tell whether the session or anything that holds its objects is named in a node."""
        return any(
            self.is_session(part) or (isinstance(part, ast.Name) and part.id in self.names)
            for part in ast.walk(node)
        )

    def is_session(self, node: ast.AST) -> bool:
        """Tell whether a node is the session."""
        if isinstance(node, ast.Name):
            return node.id in self._aliases
        return isinstance(node, ast.Attribute) and dotted_name(node) in self._aliases

    def session_call(self, expression: ast.expr) -> ast.Call | None:
        """Give the call of the session's method that a chain of calls begins with."""
        node: ast.AST = expression
        while True:
            match node:
                case ast.Call(func=ast.Attribute(value=owner)) if self.is_session(owner):
                    return node
                case ast.Call(func=inner) | ast.Attribute(value=inner) | ast.Await(value=inner):
                    node = inner
                case ast.Subscript(value=inner):
                    node = inner
                case _:
                    return None

    def assigned(self, name: str) -> list[ast.expr]:
        """Give what is assigned to a name in the block, but for ``name = name.where(...)``."""
        return self._assigned.get(name, [])

    @cached_property
    def _assigned(self) -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for node in self._nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if not any(is_name(part, name) for part in ast.walk(value)):
                        found.setdefault(name, []).append(value)
        return found

    def is_entity(self, expression: ast.expr) -> bool:
        """Tell whether an expression may be a loaded object itself, and no collection."""
        match expression:
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.is_entity(inner)
            case ast.Name(id=name):
                values = self.assigned(name)
                return name in self.names and (not values or any(map(self.is_entity, values)))
            case ast.Attribute() | ast.Subscript() | ast.IfExp() | ast.BoolOp():
                return self.carries(expression)
            case ast.Call(func=function):
                if self.session_call(expression) is not None:
                    return last_segment(function) in _ENTITIES and self.carries(expression)
                is_collection = self.callees.is_builtin(function, *MAKING)
                return not is_collection and self.carries(expression)
        return False

    def is_of_plain_object(self, expression: ast.AST) -> bool:
        """Tell whether an attribute is that of an object which no session can hold.

        Its class is one of the project's without any base, and so no mapped one.
        """
        return self._plain_class(expression) is not None

    def is_plain_container(self, expression: ast.AST) -> bool:
        """Tell whether an attribute of such an object is a container of its own."""
        cls = self._plain_class(expression)
        return cls is not None and self.callees.makes_containers(cls, last_segment(expression))

    def _plain_class(self, expression: ast.AST) -> ClassValue | None:
        match expression:
            case ast.Attribute(value=ast.Name(id=name)) if name not in self._given:
                values = self.callees.inference.values(name, self.callees.scope)
                match values:
                    case [InstanceValue(cls=cls)] if _is_plain(cls.node):
                        return cls
        return None

    def is_inherited(self, name: str) -> bool:
        """Tell whether the classes of the loaded objects have a method from a library only."""
        return self.columns.is_undeclared(name)

    def _learn_aliases(self) -> bool:
        """Find further names of the session; tell whether there were any."""
        found = {
            dotted_name(target)
            for node in self._nodes
            for target, value in bindings_of(node)
            if self.is_session(value) and isinstance(target, (ast.Attribute, ast.Name))
        } - {"", *self._aliases}
        self._aliases |= found
        return bool(found)

    def _learn_parts(self) -> bool:
        """Find further names of parts; tell whether there were any."""
        found = {
            name
            for node in self._nodes
            for target, value in bindings_of(node)
            if self._is_part(value)
            for name in self._holders(target)
        }
        found -= self.parts
        self.parts |= found
        return bool(found)

    def _is_part(self, expression: ast.expr) -> bool:
        """Tell whether an expression is what an attribute of a loaded object holds."""
        match expression:
            case ast.Name(id=name):
                return name in self.parts
            case ast.Attribute(value=base, attr=name) if self.columns.is_plain(name):
                return False
            case ast.Attribute(value=base) | ast.Subscript(value=base):
                return self.carries(base) or self._is_part(base)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self._is_part(inner)
            case ast.BoolOp(values=values):
                return any(map(self._is_part, values))
            case ast.IfExp(body=body, orelse=orelse):
                return self._is_part(body) or self._is_part(orelse)
        return False

    def _result_carries(self, call: ast.Call) -> bool:
        asked = self.session_call(call)
        name = last_segment(call.func)
        if isinstance(call.func, ast.Attribute):
            if name in _NUMBERS:
                return False
        elif self.callees.is_builtin(call.func, *VALUES):
            return False
        if asked is not None:
            return self._loads(asked)
        parts = arguments(call)
        if isinstance(call.func, ast.Attribute):
            parts.append(call.func.value)
        is_given = any(self.carries(part) or self.is_session(part) for part in parts)
        if not is_given and not self.held_by(call):
            return False
        following = self.followed(call)
        if following is None or _returns_objects(following, self):
            return True
        return self._is_made_with_session(call) and not self._stored_by(call)

    def followed(self, call: ast.Call) -> Following | None:
        """Give the project's function that a call leads to, with what it is given.

        Args:
            call: a call with the session or its objects among the arguments.

        Returns:
            The function; None where the code of what is called does not tell what the call does.
        """
        function = self.callees.function(call.func) or self.callees.constructor(call.func)
        if function is None:
            return None
        attribute = self.held_by(call)
        owner = getattr(call.func, "value", None)
        if not attribute and owner is not None and self.carries(owner):
            return None
        if isinstance(function.node, ast.AsyncFunctionDef) and call not in self._awaited:
            return None
        parts = arguments(call)
        sessions = {part for part in parts if self.is_session(part)}
        held = {part for part in parts if part not in sessions and self.carries(part)}
        if attribute:
            following = of_holder(function, attribute)
            given = followed(call, function, set(), held) if not sessions else None
            if following is None or given is None:
                return None
            return following._replace(objects=given.objects)
        return followed(call, function, sessions, held)

    def held_by(self, call: ast.Call) -> str:
        """Give the attribute in which the object whose method is called holds the session."""
        match call.func:
            case ast.Attribute(value=ast.Name(id=name)):
                owner, _, attribute = self.session.rpartition(".")
                return attribute if owner and name == owner else self._holding.get(name, "")
            case ast.Attribute(value=ast.Call() as made):
                return self._stored_by(made)
        return ""

    def is_holder(self, expression: ast.expr | None) -> bool:
        """Tell whether an expression is an object that keeps the session."""
        match expression:
            case ast.Name(id=name):
                return name in self._holding
            case ast.Call():
                return self._is_made_with_session(expression)
        return False

    def _find_holding(self) -> Iterator[tuple[str, str]]:
        """Find the objects that are made with the session, and where they keep it."""
        for node in self._nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made):
                    attribute = self._stored_by(made)
                    if attribute and len(self.assigned(name)) == 1:
                        yield name, attribute

    def _is_made_with_session(self, call: ast.Call) -> bool:
        """Tell whether a call makes an object of the project's with the session."""
        is_given = any(map(self.is_session, arguments(call)))
        return is_given and self.callees.constructor(call.func) is not None

    def _stored_by(self, made: ast.Call) -> str:
        """Give the attribute in which an object that is made keeps the session; empty for none."""
        if not self._is_made_with_session(made):
            return ""
        constructor = self.callees.constructor(made.func)
        sessions = {part for part in arguments(made) if self.is_session(part)}
        given = followed(made, constructor, sessions, set())
        return stored_by(given.function, given.session) if given and given.session else ""

    def _loads(self, call: ast.Call) -> bool:
        """Tell whether a call of the session's method gives objects, and not plain values."""
        method = last_segment(call.func)
        if method in ROWS:
            return any(self._selects_objects(argument) for argument in call.args)
        return method in LOADERS

    def _selects_objects(self, selected: ast.expr) -> bool:
        match selected:
            case ast.Constant():
                return False
            case ast.Attribute(value=ast.Name(), attr=name):
                return not self._is_column(name)
            case ast.Name(id=name) if values := self.assigned(name):
                return any(map(self._selects_objects, values))
        root = root_call(selected)
        if root is None:
            return True
        begins = original_name(root.func, self.callees.scope)
        if isinstance(root.func, ast.Name) and begins in _NAMED_ROWS:
            return any(self._selects_objects(argument) for argument in root.args)
        return not (is_sql_function(root) or begins == "text")

    def _learn(self) -> bool:
        """Find further names; tell whether there were any."""
        found = {name for node in self._nodes for name in self._learned_from(node)} - self.names
        pending = [*found]
        while pending:
            name = pending.pop()
            if name not in self.names:
                self.names.add(name)
                values = self._values_of.get(name, ())
                pending += [part for value in values for part in self._made_in(value)]
        return bool(found)

    def _learned_from(self, node: ast.AST) -> Iterator[str]:
        for target, value in bindings_of(node):
            if self.carries(value):
                yield from self._holders(target)
        if isinstance(node, ast.Call):
            yield from self._learned_from_call(node)

    def _holders(self, target: ast.expr) -> Iterator[str]:
        """Give the block's own names that hold what is assigned to a target."""
        return (name for name in bound_names(target) if name in self.local)

    def _learned_from_call(self, call: ast.Call) -> Iterator[str]:
        given = arguments(call)
        match call.func:
            case ast.Attribute(value=owner) if self.is_session(owner):
                for argument in given:
                    if last_segment(call.func) not in ROWS | LOADERS:
                        yield from bound_names(argument)
                        yield from self._made_in(argument)
                return
            case ast.Attribute(value=receiver, attr=method) if method in MUTATORS:
                if any(self.carries(argument) for argument in given):
                    yield root_name(receiver)
        if self.held_by(call) or any(map(self.is_session, given)):
            yield from self._added_by(call)
            return
        made = [name for argument in given for name in self._made_in(argument)]
        if made and self.is_entity(getattr(call.func, "value", call.func)):
            yield from made

    def _added_by(self, call: ast.Call) -> Iterator[str]:
        """Give the names of what a function, or an object's method, may add to the session."""
        following = self.followed(call)
        added = _added(following, self) if following is not None else None
        for key, argument in arguments_of(call):
            name = parameter_for(following.function, key) if following is not None else None
            if added is None or name in added:
                yield from self._made_in(argument)
                if isinstance(argument, ast.Name) and self._is_given(argument.id):
                    yield argument.id

    def _made_in(self, expression: ast.expr) -> Iterator[str]:
        """Give the names in an expression of objects that the function makes, or of their lists."""
        return (name for name in names_put_into(expression) if name in self._made)

    @cached_property
    def _made(self) -> frozenset[str]:
        """The names that stand for objects which the function makes, or for lists of them."""
        given = self._values_of.items()
        return frozenset(name for name, values in given if any(map(makes_object, values)))

    def _is_given(self, name: str) -> bool:
        return any(isinstance(b.how, Parameter) for b in self.callees.scope.lookup(name))

    @cached_property
    def _values_of(self) -> dict[str, list[ast.expr]]:
        """What the function gives each name, and puts into the object or list of that name."""
        scope = self.callees.scope
        found: dict[str, list[ast.expr]] = {}
        for node in own_nodes((scope.function() or scope.module.scope).node):
            for target, value in bindings_of(node):
                for name in bound_names(target):
                    found.setdefault(name, []).append(value)
            match node:
                case ast.Call(func=ast.Attribute(value=receiver, attr=method)):
                    if method in MUTATORS:
                        found.setdefault(root_name(receiver), []).extend(arguments(node))
        return found


def _added(following: Following, caller: Objects) -> frozenset[str]:
    """Give the parameters of a function that it may add to the session."""
    return caller.callees.inference.questions.ask(
        following.scope.memory,
        ("adds", following.session, following.objects, caller.columns.classes),
        lambda: frozenset(inside(following, caller, following.session, frozenset()).names),
        frozenset(),
        fixed_point=True,
    )


def _returns_objects(following: Following, caller: Objects) -> bool:
    """Tell whether a function's result may be, or may hold, objects of a session."""
    return caller.callees.inference.questions.ask(
        following.scope.memory,
        ("returns objects", following.session, following.objects, caller.columns.classes),
        lambda: _gives_objects(following, caller),
        False,
        fixed_point=True,
        given_up=True,
    )


def _gives_objects(following: Following, caller: Objects) -> bool:
    objects = inside(following, caller, following.session, following.objects)
    nodes = own_nodes(following.function.node)
    kinds = (ast.Return, ast.Yield, ast.YieldFrom)
    results = [node.value for node in nodes if isinstance(node, kinds)]
    return any(
        objects.carries(result) or _is_lazy(result, objects) or objects.is_holder(result)
        for result in results
    )


def inside(following: Following, caller: Objects, session: str, given: frozenset[str]) -> Objects:
    """Give what holds objects in a function that is followed.

    Args:
        following: the function.
        caller: what holds them where it is called.
        session: how it names the session.
        given: the names that hold objects from the beginning.
    """
    inference = caller.callees.inference
    return Objects(session, following.body, following.scope, inference, given, caller.columns)


def _is_lazy(result: ast.expr | None, objects: Objects) -> bool:
    """Tell whether a result loads when it is gone through."""
    return isinstance(result, ast.GeneratorExp) and objects.mentions(result)


def outliving(
    objects: Objects, body: Sequence[ast.stmt], used_later: Callable[[str], bool]
) -> ast.AST | None:
    """Find where a loaded object leaves its block.

    Args:
        objects: what holds objects.
        body: the block's statements.
        used_later: tells whether a name is read outside of the block.

    Returns:
        The first node that hands one out; None where none is.
    """
    nodes = [node for statement in body for node in (statement, *own_nodes(statement))]
    for node in nodes:
        if _hands_out(node, objects) or _names_for_later(node, objects, used_later):
            return node
    return None


def outliving_an_error(
    objects: Objects, body: Sequence[ast.stmt], used_later: Callable[[str], bool]
) -> ast.AST | None:
    """Find where a loaded object leaves its block before an error may.

    Args:
        objects: what holds objects.
        body: the block's statements; nothing fails after the last, where that is a plain one.
        used_later: tells whether a name is read when the error has left the block.

    Returns:
        The first node that hands one out; None where none is.
    """
    *before, last = body
    can_fail = [*before, last] if hasattr(last, "body") else before
    nodes = [node for statement in can_fail for node in (statement, *own_nodes(statement))]
    returned = {id(part) for n in nodes if isinstance(n, ast.Return) for part in ast.walk(n)}
    going_on = [node for node in nodes if id(node) not in returned]
    for node in going_on:
        if _hands_out(node, objects) or _names_for_later(node, objects, used_later):
            return node
    return None


def _hands_out(node: ast.AST, objects: Objects) -> bool:
    match node:
        case ast.Return(value=ast.GeneratorExp()) | ast.Assign(value=ast.GeneratorExp()):
            return objects.mentions(node)  # it loads when it is gone through
        case ast.Return(value=value) | ast.Yield(value=value) | ast.YieldFrom(value=value):
            return objects.carries(value)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return objects.mentions(node)
        case ast.Assign(targets=targets, value=value) if objects.carries(value):
            return any(_is_elsewhere(target, objects) for target in targets)
        case ast.Call(func=ast.Attribute(value=receiver, attr=method)) if method in MUTATORS:
            is_own = root_name(receiver) in {objects.session, *objects.local}
            return not is_own and any(map(objects.carries, arguments(node)))
    return False


def _names_for_later(node: ast.AST, objects: Objects, used_later: Callable[[str], bool]) -> bool:
    return isinstance(node, ast.Name) and node.id in objects.names and used_later(node.id)


def _is_elsewhere(target: ast.expr, objects: Objects) -> bool:
    """Tell whether what is assigned to belongs to something from outside the block."""
    is_part = isinstance(target, (ast.Attribute, ast.Subscript))
    return is_part and not any(name in objects.local for name in bound_names(target))


def _is_plain(cls: ast.ClassDef) -> bool:
    decorators = {last_segment(decorator) for decorator in cls.decorator_list}
    return not cls.bases and not cls.keywords and decorators <= {"dataclass"}
