"""Which values of a block may be, or may hold, objects that its session loaded."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set
from functools import cached_property

from flake8_dbsession.analysis.effects.work.block import Block, block_of
from flake8_dbsession.analysis.effects.work.classes import is_unmapped
from flake8_dbsession.analysis.effects.work.columns import Columns
from flake8_dbsession.analysis.effects.work.following import Following, followed
from flake8_dbsession.analysis.effects.work.forms import (
    bound_names,
    is_sql_function,
    names_put_into,
    root_call,
    root_name,
)
from flake8_dbsession.analysis.effects.work.holders import (
    NOTHING_HELD,
    UNFOLLOWED,
    Held,
    methods_that_bind,
)
from flake8_dbsession.analysis.library.methods import LOADERS, ROWS
from flake8_dbsession.analysis.library.python import MAKING, MUTATORS, VALUES
from flake8_dbsession.analysis.library.queries import FETCHES_ONE
from flake8_dbsession.analysis.names.functions import arguments_of, parameter_for
from flake8_dbsession.analysis.names.scopes import (
    Parameter,
    last_segment,
    original_name,
)
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, InstanceValue
from flake8_dbsession.analysis.nodes import (
    arguments,
    dotted_name,
    is_name,
    is_super,
    own_nodes,
)

_BY_TURNS = (ast.BoolOp, ast.IfExp)
_PARTS = (ast.Attribute, ast.Name, ast.Subscript)
_NUMBERS = frozenset({"count", "delete", "rowcount", "update"})
_SCHEMA = frozenset({"__mapper__", "__table__"})
_COLUMNS = frozenset({"c", "column_attrs", "columns"})
_ENTITIES = FETCHES_ONE | LOADERS
_NAMED_ROWS = frozenset({"query", "select"})


class Objects:
    """What may hold objects of a session, judged without regard to the order of the statements.

    Args:
        session: the session's name.
        block: the statements that work with it.
        given: names that hold objects from the beginning.
        classes: the classes of which the objects may be that the statements are given.
        held: further names by which the session is reached from the beginning.
        autoflushes: whether its queries write first what was added; None to look at what opens it.

    Attributes:
        session: the session's name.
        held: the names by which the session is reached.
        block: the statements.
        callees: what the calls among them lead to.
        columns: what is known of the objects' classes.
        names: the names that may hold objects.
        parts: the names that may hold a part of an object, such as a list that it keeps.
    """

    def __init__(
        self,
        session: str,
        block: Block,
        given: frozenset[str] = frozenset(),
        classes: frozenset[ClassValue] = frozenset(),
        held: Held = NOTHING_HELD,
        *,
        autoflushes: bool | None = None,
    ) -> None:
        self.session = session
        self._autoflushes = autoflushes
        self.held = Held(frozenset({session})) | held
        self.block = block
        self.callees = block.callees
        self.columns = Columns(block.classes, self.callees.inference, classes)
        self._is_column = self.columns.is_column
        self.names: set[str] = set(given)
        self._given = given
        while self._learn_held():
            pass
        while self._learn():
            pass
        self.parts: set[str] = set()
        while self._learn_parts():
            pass

    @cached_property
    def autoflushes(self) -> bool:
        """Whether a query by the session writes first what was added, as far as that is known."""
        if self._autoflushes is not None:
            return self._autoflushes
        name = ast.Name(self.session, ast.Load())
        known = self.callees.inference.known(name, self.callees.scope)
        return known is None or known.autoflushes

    def carries(self, expression: ast.expr | None) -> bool:
        """Tell whether an expression's value may be, or may hold, a loaded object."""
        expression = self.as_read(expression)
        match expression:
            case None | ast.Constant() | ast.Compare() | ast.JoinedStr() | ast.UnaryOp():
                return False
            case ast.Name(id=name):
                return name in self.names or self._leads_to_session(expression)
            case ast.Attribute(value=base) if self.is_holder(base):
                return self._is_reached(expression)
            case ast.Attribute() if self._leads_to_session(expression):
                return True
            case ast.Attribute(value=base, attr=name):
                return not self._is_plain_value(base, name) and self.carries(base)
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
        is_display = isinstance(expression, (ast.Dict, ast.List, ast.Set, ast.Tuple))
        return any(
            self.carries(part) or (is_display and self.is_session(part))
            for part in ast.iter_child_nodes(expression)
            if isinstance(part, ast.expr)
        )

    def _is_plain_value(self, base: ast.expr, name: str) -> bool:
        """Tell whether an attribute is a plain value, such as a loaded object's column."""
        if not self._is_column(name):
            return name in _NUMBERS | _SCHEMA
        inference = self.callees.inference
        match inference.value(base, self.callees.scope):
            case InstanceValue(cls=cls):
                return not is_unmapped(cls, inference)
        return True

    def mentions(self, node: ast.AST) -> bool:
        """Tell whether the session or anything that holds its objects is named in a node."""
        return self._mentions(node, frozenset())

    def _mentions(self, node: ast.AST, own: frozenset[str]) -> bool:
        """Tell so of a node in a function that has parameters, whose names are its own."""
        match node:
            case ast.Name(id=name):
                is_held = name in self.names or self.reached_by(node) != NOTHING_HELD
                return is_held and name not in own
            case ast.Call(func=ast.Attribute(value=owner)) if self.is_holder(owner):
                return root_name(owner) not in own
            case ast.Attribute(value=owner):
                if root_name(owner) in own:
                    return self._mentions(owner, own)
                if self.is_holder(owner):
                    return self._is_reached(node)
                return self.reached_by(node) != NOTHING_HELD or self._mentions(owner, own)
            case (
                ast.FunctionDef(args=args) | ast.AsyncFunctionDef(args=args) | ast.Lambda(args=args)
            ):
                if self._mentions(args, own):
                    return True
                own |= {arg.arg for arg in ast.walk(args) if isinstance(arg, ast.arg)}
        return any(self._mentions(child, own) for child in ast.iter_child_nodes(node))

    def is_session(self, node: ast.AST) -> bool:
        """Tell whether a node is the session."""
        if isinstance(node, ast.Name):
            return node.id in self.held.sessions
        return isinstance(node, ast.Attribute) and dotted_name(node) in self.held.sessions

    def is_method(self, call: ast.Call) -> bool:
        """Tell whether a call is that of a method of the session."""
        return isinstance(call.func, ast.Attribute) and self.is_session(call.func.value)

    def is_holder(self, expression: ast.AST) -> bool:
        """Tell whether an expression is an object of which some attributes lead to the session."""
        if not isinstance(expression, ast.expr):
            return False
        reached = self.reached_by(expression)
        return reached != NOTHING_HELD and "" not in reached.sessions | reached.loose

    def _leads_to_session(self, expression: ast.expr) -> bool:
        reached = self.reached_by(expression)
        return reached != NOTHING_HELD and "" not in reached.sessions

    def _is_reached(self, attribute: ast.Attribute) -> bool:
        """Tell whether an attribute of an object that reaches the session leads there too."""
        if self.reached_by(attribute) != NOTHING_HELD:
            return True
        inference = self.callees.inference
        match inference.value(attribute.value, self.callees.scope):
            case InstanceValue(cls=cls):  # a method, or a property
                return isinstance(inference.attribute(cls, attribute.attr), FunctionValue)
        return True

    def reached_by(self, expression: ast.expr) -> Held:
        """Tell how the session is reached by way of an expression."""
        match expression:
            case ast.Name() | ast.Attribute():
                name = dotted_name(expression)
                return self.held.below(name) if name else NOTHING_HELD
            case ast.Call():
                return self._held_by_made(expression)
            case ast.BoolOp(values=[first, *_]):
                return self.reached_by(first)
            case ast.IfExp(body=body, orelse=orelse):
                return self.reached_by(body) | self.reached_by(orelse)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.reached_by(inner)
        return NOTHING_HELD

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

    def is_entity(self, expression: ast.expr) -> bool:
        """Tell whether an expression may be a loaded object itself, and no collection."""
        match expression:
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.is_entity(inner)
            case ast.Name(id=name):
                values = self.block.assigned(name)
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

    def holds_new_containers(self, name: str) -> bool:
        """Tell whether a name is of a container of containers, each of which is made for it."""
        hows = [binding.how for binding in self.callees.scope.lookup(name)]
        if not hows or not all(map(self.callees.makes_empty, hows)):
            return False
        used = [node for node in self.block.nodes if _is_put_into(node, name)]
        return all(map(self._puts_new_container, used)) and not self._is_handed_on(name)

    def _puts_new_container(self, node: ast.AST) -> bool:
        match node:
            case ast.Assign(value=value):
                return self.callees.makes_container(value)
            case ast.Call(func=ast.Attribute(attr="setdefault"), args=[_, value]):
                return self.callees.makes_container(value)
        return False

    def _is_handed_on(self, name: str) -> bool:
        """Tell whether a call is given a container, and may put something into it."""
        return any(
            isinstance(node, ast.Call)
            and not self.callees.is_builtin(node.func)
            and any(is_name(part, name) for part in arguments(node))
            for node in self.block.nodes
        )

    def is_inherited(self, name: str) -> bool:
        """Tell whether the classes of the loaded objects have a method from a library only."""
        return self.columns.is_undeclared(name)

    def as_read(self, expression: ast.expr | None) -> ast.expr | None:
        """Give ``getattr(user, "name", None)`` as ``user.name``, and what is run to its end.

        Args:
            expression: any expression.

        Returns:
            What its value is read from; the expression itself for any other.
        """
        match expression:
            case ast.Call(func=function, args=[owner, ast.Constant(value=str(name)), *default]):
                is_read = self.callees.is_builtin(function, "getattr")
                if is_read and all(isinstance(each, ast.Constant) for each in default):
                    return ast.Attribute(owner, name, ast.Load())
        return self.block.finished.get(expression, expression) if expression is not None else None

    def _learn_held(self) -> bool:
        """Find further names by which the session is reached; tell whether there were any."""
        before, known = self.held, self._known()
        for node, target, value in self.block.bound:
            name = dotted_name(target)
            is_with = isinstance(node, ast.withitem)
            if name and not is_with and self.block.names_any(value, known):
                reached = self._bound_to(target, self.reached_by(value))
                by_turns = isinstance(target, ast.Name) and isinstance(value, _BY_TURNS)
                if by_turns and reached != NOTHING_HELD:
                    reached = UNFOLLOWED  # where none was given it is a session of its own
                self.held |= reached.under(name)
        for call in self.block.calls:
            if self.block.names_any(call, known):
                self.held |= self._kept_by_receiver(call)
        return self.held != before

    def _known(self) -> Set[str]:
        """Give the names without one of which nothing in the block can hold an object."""
        held = (each.partition(".")[0] for each in self.held.sessions | self.held.loose)
        return {*self.names, *held, "super"}

    def _bound_to(self, target: ast.expr, reached: Held) -> Held:
        """Give how a name reaches the session; one that is bound anew may be something else."""
        is_one = not isinstance(target, ast.Name) or len(self.block.assigned(target.id)) < 2
        return reached if is_one or reached.sessions <= {""} else UNFOLLOWED

    def _kept_by_receiver(self, call: ast.Call) -> Held:
        """Give where an object puts what a method of its own, or of its base, is given."""
        receiver = self.callees.scope.receiver()
        given = [part for part in arguments(call) if self.reached_by(part) != NOTHING_HELD]
        if receiver is None or not given:
            return NOTHING_HELD
        match call.func:
            case _ if root_name(call.func) != receiver and not _is_of_super(call):
                is_given = any(is_name(part, receiver) for part in arguments(call))
                return UNFOLLOWED.under(receiver) if is_given else NOTHING_HELD
            case ast.Attribute(value=owner) if is_super(owner) or is_name(owner, receiver):
                following = self.followed(call)
                method = following.function if following is not None else None
                cls = method.owner if method is not None else None
                if following is None or method is None or cls is None:
                    return UNFOLLOWED.under(receiver)
                own = method.receiver or ""
                held = following.held | self.held.below(receiver).under(own)
                return _held_by(cls, method, held, self).under(receiver)
        is_known = self.is_of_holder(call) and self.followed(call) is not None
        return NOTHING_HELD if is_known else UNFOLLOWED.under(receiver)

    def _learn_parts(self) -> bool:
        """Find further names of parts; tell whether there were any."""
        found = {
            name
            for _, target, value in self.block.bound
            if self._is_part(value)
            for name in self._holders(target)
        }
        found -= self.parts
        self.parts |= found
        return bool(found)

    def _is_part(self, expression: ast.expr) -> bool:
        """Tell whether an expression is what an attribute of a loaded object holds."""
        match self.as_read(expression):
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
        elif self.callees.is_builtin(call.func, *VALUES) or self._reads_column(call):
            return False
        if asked is not None:
            return self._loads(asked)
        parts = arguments(call)
        if isinstance(call.func, ast.Attribute):
            parts.append(call.func.value)
        is_given = any(self.carries(part) or self.is_session(part) for part in parts)
        if not is_given and not self.is_of_holder(call):
            return False
        following = self.followed(call)
        if following is None or _returns_objects(following, self):
            return True
        return self._keeps_objects(call, following) or self._held_by_made(call) != NOTHING_HELD

    def _keeps_objects(self, call: ast.Call, following: Following) -> bool:
        """Tell whether a call makes an object of the project's that keeps loaded ones."""
        is_made = self.callees.constructor(call.func) is not None
        return is_made and following.function.receiver in _filled(following, self)

    def _reads_column(self, call: ast.Call) -> bool:
        """Tell whether a call is ``getattr(user, c.name)`` for a ``c`` of a table's columns."""
        match call.args:
            case [_, ast.Attribute(value=ast.Name(id=column), attr="key" | "name"), *_]:
                sources = [v for _, t, v in self.block.bound if is_name(t, column)]
                is_read = self.callees.is_builtin(call.func, "getattr")
                return is_read and bool(sources) and all(map(_are_columns, sources))
        return False

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
        owner = getattr(call.func, "value", None)
        receiver = NOTHING_HELD
        if owner is not None and not is_super(owner):
            receiver = self.reached_by(owner)
        elif owner is not None:
            receiver = self.held.below(self.callees.scope.receiver() or "")
        if "" in receiver.loose | receiver.sessions:
            return None
        if receiver == NOTHING_HELD and owner is not None and self.carries(owner):
            return None
        if isinstance(function.node, ast.AsyncFunctionDef) and call not in self.block.awaited:
            return None
        parts = arguments(call)
        reaching = {part: self.reached_by(part) for part in parts}
        given = {part: held for part, held in reaching.items() if held != NOTHING_HELD}
        loaded = {part for part in parts if part not in given and self.carries(part)}
        return followed(call, function, given, loaded, receiver)

    def owns(self, names: Iterable[str]) -> bool:
        """Tell whether some names are all the session's and the block's own.

        A name that the block gives a part of something else is none.
        """
        return all(name == self.session or name in self._own for name in names)

    @cached_property
    def _own(self) -> frozenset[str]:
        parts = [
            (target.id, root_name(value))
            for _, target, value in self.block.bound
            if isinstance(target, ast.Name) and isinstance(value, _PARTS)
        ]
        own, before = frozenset(self.block.local), None
        while own != before:
            before = own
            own -= {name for name, root in parts if root not in own | self.names}
        return own

    @cached_property
    def filled(self) -> frozenset[str]:
        """The block's own names of what other functions put loaded objects into."""
        filled = (name for call in self.block.calls for name in self.filled_inside(call))
        return frozenset(filled) & self._own

    def gives(self, result: ast.expr | None) -> bool:
        """Tell whether a result may be, or may hold, a loaded object, put there by anybody."""
        if result is None:
            return False
        named = {root_name(result), *names_put_into(result)}
        return self.carries(result) or not named.isdisjoint(self.filled)

    def filled_inside(self, call: ast.Call) -> Iterator[str]:
        """Give the names of what a project's function puts loaded objects into.

        Args:
            call: any call.

        Yields:
            The names that begin the arguments into which it does, the object's whose method it is,
            and what else it knows.
        """
        is_given = any(self.is_session(part) or self.carries(part) for part in arguments(call))
        following = self.followed(call) if is_given or self.is_of_holder(call) else None
        if following is None:
            return
        function = following.function
        given = {parameter_for(function, key): root_name(part) for key, part in arguments_of(call)}
        given[function.receiver] = self._object_of(call)
        for name in _filled(following, self):
            if given.get(name) != "":
                yield given.get(name, name)

    def _object_of(self, call: ast.Call) -> str:
        """Give the name of the object whose method a call is of; empty for one that it makes."""
        if self.callees.constructor(call.func) is not None:
            return ""
        return (_is_of_super(call) and self.callees.scope.receiver()) or root_name(call.func)

    def is_of_holder(self, call: ast.Call) -> bool:
        """Tell whether a call is of a method of an object by which the session is reached."""
        if not isinstance(call.func, ast.Attribute):
            return False
        receiver = self.callees.scope.receiver()
        if receiver is not None and _is_of_super(call):
            return self.held.below(receiver) != NOTHING_HELD
        return self.is_holder(call.func.value)

    def _is_made_with_session(self, call: ast.Call) -> bool:
        """Tell whether a call makes an object of the project's with the session."""
        is_given = any(self.reached_by(part) != NOTHING_HELD for part in arguments(call))
        return is_given and self.callees.constructor(call.func) is not None

    def _held_by_made(self, made: ast.Call) -> Held:
        """Tell how the session is reached by way of an object that is made."""
        if not self._is_made_with_session(made):
            return NOTHING_HELD
        cls = self.callees.inference.value(made.func, self.callees.scope)
        following = self.followed(made)
        if following is None or not isinstance(cls, ClassValue):
            return UNFOLLOWED
        return _held_by(cls, following.function, following.held, self)

    def _loads(self, call: ast.Call) -> bool:
        """Tell whether a call of the session's method gives objects, and not plain values."""
        method = last_segment(call.func)
        if method in ROWS:
            return any(map(self._selects_objects, _selected(call)))
        return method in LOADERS

    def _selects_objects(self, selected: ast.expr) -> bool:
        match selected:
            case ast.Constant():
                return False
            case ast.Attribute(value=ast.Name(), attr=name):
                return not self._is_column(name)
            case ast.Name(id=name) if values := self.block.assigned(name):
                return any(map(self._selects_objects, values))
            case ast.Call(func=ast.Attribute(attr="exists")):
                return False
        root = root_call(selected)
        if root is None:
            return True
        begins = original_name(root.func, self.callees.scope)
        if isinstance(root.func, ast.Name) and begins in _NAMED_ROWS:
            return any(self._selects_objects(argument) for argument in root.args)
        return not (is_sql_function(root) or begins == "text")

    def _learn(self) -> bool:
        """Find further names; tell whether there were any."""
        known = self._known()
        bound = (b for b in self.block.bound if self.block.names_any(b[2], known))
        calls = (call for call in self.block.calls if self.block.names_any(call, known))
        found = {name for _, target, value in bound for name in self._learned_from(target, value)}
        found.update(name for call in calls for name in self._learned_from_call(call))
        found -= self.names
        loose = frozenset(name for name in found if "." in name) - self.held.loose
        self.held |= Held(loose=loose)
        found = {name for name in found if "." not in name} | loose
        pending = [*found - loose]
        while pending:
            name = pending.pop()
            if name not in self.names:
                self.names.add(name)
                values = self.block.values_of.get(name, ())
                pending += [part for value in values for part in self._made_in(value)]
        return bool(found)

    def _learned_from(self, target: ast.expr, value: ast.expr) -> Iterator[str]:
        is_followed = dotted_name(target) is not None and self.is_holder(value)
        if self.carries(value) and not is_followed:
            yield from self._holders(target)
            if isinstance(target, ast.Attribute):
                yield dotted_name(target) or ""

    def _holders(self, target: ast.expr) -> Iterator[str]:
        """Give the block's own names that hold what is assigned to a target."""
        return (name for name in bound_names(target) if name in self.block.local)

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
        if self.is_of_holder(call) or any(map(self.is_session, given)):
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
        return (name for name in names_put_into(expression) if name in self.block.made)

    def _is_given(self, name: str) -> bool:
        return any(isinstance(b.how, Parameter) for b in self.callees.scope.lookup(name))


def _held_by(cls: ClassValue, method: FunctionValue, given: Held, caller: Objects) -> Held:
    """Tell how an object reaches what a method of its class, such as the constructor, is given.

    Args:
        cls: the object's class.
        method: the method.
        given: how its parameters reach the session.
        caller: what holds objects where it is called.
    """
    return caller.callees.inference.questions.ask(
        cls.scope.child(cls.node).memory,
        ("holds", method.node, given),
        lambda: _kept_by(cls, method, given, caller),
        NOTHING_HELD,
        fixed_point=True,
        given_up=UNFOLLOWED,
    )


def _kept_by(cls: ClassValue, method: FunctionValue, given: Held, caller: Objects) -> Held:
    inference = caller.callees.inference
    others = methods_that_bind(cls, inference)
    binding = [method, *(each for each in others if each.node is not method.node)]
    kept, before = NOTHING_HELD, None
    while kept != before:
        before = kept
        for each in binding:
            receiver = each.receiver
            if receiver is not None:
                own = kept.under(receiver) | (given if each is method else NOTHING_HELD)
                if own != NOTHING_HELD:
                    objects = inside(Following(each, own, frozenset()), caller)
                    kept |= objects.held.below(receiver)
                    kept |= UNFOLLOWED if receiver in objects.names else NOTHING_HELD
    return kept


def _added(following: Following, caller: Objects) -> frozenset[str]:
    """Give the parameters of a function that it may add to the session."""
    unloaded = following._replace(objects=frozenset())
    return caller.callees.inference.questions.ask(
        following.scope.memory,
        ("adds", following.held),
        lambda: frozenset(inside(unloaded, caller).names),
        frozenset(),
        fixed_point=True,
    )


def _filled(following: Following, caller: Objects) -> frozenset[str]:
    """Give the names of what a function does not make itself and puts loaded objects into."""
    return caller.callees.inference.questions.ask(
        following.scope.memory,
        ("fills", following.held, following.objects, given_classes(following, caller)),
        lambda: _filled_in(following, caller),
        frozenset(),
        fixed_point=True,
    )


def _filled_in(following: Following, caller: Objects) -> frozenset[str]:
    objects = inside(following, caller)
    nodes = own_nodes(following.function.node)
    filled = {
        name
        for node in nodes
        if not _keeps_what_reaches(node, objects)
        for name in filled_by(node, objects)
    }
    return frozenset(name for name in filled if not objects.owns([name]))


def _keeps_what_reaches(node: ast.AST, objects: Objects) -> bool:
    """Tell whether an attribute gets what leads to the session, which is followed as held."""
    match node:
        case ast.Assign(targets=[ast.Attribute() as target], value=value):
            return bool(dotted_name(target)) and objects.reached_by(value) != NOTHING_HELD
    return False


def _returns_objects(following: Following, caller: Objects) -> bool:
    """Tell whether a function's result may be, or may hold, objects of a session."""
    return caller.callees.inference.questions.ask(
        following.scope.memory,
        ("returns objects", following.held, following.objects, given_classes(following, caller)),
        lambda: _gives_objects(following, caller),
        False,
        fixed_point=True,
        given_up=True,
    )


def _gives_objects(following: Following, caller: Objects) -> bool:
    objects = inside(following, caller)
    nodes = own_nodes(following.function.node)
    kinds = (ast.Return, ast.Yield, ast.YieldFrom)
    results = [node.value for node in nodes if isinstance(node, kinds)]
    return any(
        objects.gives(result) or objects.is_session(result) or _is_lazy(result, objects)
        for result in filter(None, results)
    )


def inside(following: Following, caller: Objects) -> Objects:
    """Give what holds objects in a function that is followed.

    Args:
        following: the function.
        caller: what holds them where it is called.
    """
    return Objects(
        session=min(following.held.sessions, default=""),
        block=block_of(following.scope, inference=caller.callees.inference),
        given=following.objects,
        classes=given_classes(following, caller),
        held=following.held,
        autoflushes=caller.autoflushes,
    )


def given_classes(following: Following, caller: Objects) -> frozenset[ClassValue]:
    """Give the classes of which a function may be given objects.

    Args:
        following: the function.
        caller: what holds the objects where it is called.

    Returns:
        Those that its parameters are annotated with; all that the caller knows where one has none.
    """
    inference = caller.callees.inference
    found: set[ClassValue] = set()
    for name in following.objects:
        values = inference.values(name, following.scope)
        declared = {value.cls for value in values if isinstance(value, InstanceValue)}
        if not declared:
            return caller.columns.classes
        found |= declared
    return frozenset(found)


def _is_put_into(node: ast.AST, name: str) -> bool:
    """Tell whether a node may put something into the container of a name."""
    match node:
        case ast.Assign(targets=targets):
            return any(
                isinstance(target, ast.Subscript) and is_name(target.value, name)
                for target in targets
            )
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return isinstance(target, ast.Subscript) and is_name(target.value, name)
        case ast.Call(func=ast.Attribute(value=owner, attr=method)):
            return is_name(owner, name) and method in MUTATORS
    return False


def _are_columns(expression: ast.expr) -> bool:
    """Tell whether an expression is the columns of a class: ``User.__table__.columns``."""
    match expression:
        case ast.Attribute(value=ast.Attribute(attr=schema), attr=columns):
            return schema in _SCHEMA and columns in _COLUMNS
    return False


def _selected(call: ast.Call) -> list[ast.expr]:
    """Give what a query is of, or the statement that is executed: its parameters are values."""
    if last_segment(call.func) in _NAMED_ROWS:
        return call.args
    return call.args[:1] or [each.value for each in call.keywords if each.arg == "statement"]


def _is_of_super(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and is_super(call.func.value)


def _is_lazy(result: ast.expr, objects: Objects) -> bool:
    """Tell whether a result loads when it is gone through."""
    return isinstance(result, ast.GeneratorExp) and objects.mentions(result)


def filled_by(node: ast.AST, objects: Objects) -> Iterator[str]:
    """Give the names of what a node puts loaded objects into.

    Args:
        node: any node of the block.
        objects: what holds objects there.
    """
    match node:
        case ast.Assign(targets=targets, value=value) if objects.carries(value):
            for target in targets:
                if isinstance(target, (ast.Attribute, ast.Subscript)):
                    yield from bound_names(target)
        case ast.Call(func=ast.Attribute(value=receiver, attr=method)) if method in MUTATORS:
            if any(map(objects.carries, arguments(node))):
                yield root_name(receiver)
    if isinstance(node, ast.Call):
        yield from objects.filled_inside(node)


def _is_plain(cls: ast.ClassDef) -> bool:
    decorators = {last_segment(decorator) for decorator in cls.decorator_list}
    return not cls.bases and not cls.keywords and decorators <= {"dataclass"}
