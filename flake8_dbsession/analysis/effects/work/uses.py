"""What a function does by a session or connection, use by use, by whatever name it has there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import reduce
from operator import or_

from flake8_dbsession.analysis.effects.overrides import overrides
from flake8_dbsession.analysis.effects.work.acts import did_by
from flake8_dbsession.analysis.effects.work.callees import Callees
from flake8_dbsession.analysis.effects.work.classes import inherited_method, own_method
from flake8_dbsession.analysis.effects.work.following import (
    Told,
    can_be_followed,
    decided,
    nodes_untaken,
    stored_by,
    told_by,
)
from flake8_dbsession.analysis.effects.work.kept_cursors import connection_of_kept, kept_cursors
from flake8_dbsession.analysis.effects.work.model import (
    ANYTHING,
    NOTHING,
    UNFOLLOWED,
    UNTOUCHED,
    Did,
    PathWork,
    Work,
    unknown_work,
    work_of,
)
from flake8_dbsession.analysis.effects.work.walk import ways_through
from flake8_dbsession.analysis.library.drivers import GIVINGS, BlockEnd, Driver, driver_of
from flake8_dbsession.analysis.library.methods import BENEATH, CLOSES, READERS, Effect, effect_of
from flake8_dbsession.analysis.library.wrappers import CLOSING, EXITING
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import parameter_for, position_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import parents_in, readings_in, run_in
from flake8_dbsession.analysis.names.scopes import (
    FUNCTIONS,
    Annotated,
    Assigned,
    Parameter,
    Scope,
    body_of,
    last_segment,
)
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    External,
    FunctionValue,
    InstanceValue,
    Resource,
    Role,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import dotted_name, is_super, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

# Before PyMySQL 1 and mysqlclient 1.4 their block gave a cursor, and committed; a connection of
# theirs has no ``execute``.
_GIVE_CURSORS = frozenset({"MySQLdb", "pymysql"})


class Part(Enum):
    """What an expression stands for."""

    WHOLE = "the session or connection"
    WRAPPED = "closing(...) of it"
    CURSOR = "a cursor of it"


class Thing(NamedTuple):
    """What is followed.

    Attributes:
        resource: a session or a connection.
        driver: the driver of a connection.
        part: which part of it.
        cls: the project's own class of a session; ``UNFOUND`` for one that is not found, None for
            SQLAlchemy's.
    """

    resource: Resource
    driver: Driver
    part: Part = Part.WHOLE
    cls: ClassValue | External | None = None


A_SESSION = Thing(Resource.SESSION, driver_of(""))
"""A session of which nothing else is known."""


def thing_of(known: RoleValue) -> Thing:
    """Tell what is to be followed of a session or connection that is known."""
    return Thing(known.resource, driver_of(known.library), cls=known.of_class)


class Uses:
    """What one function does with one session or connection.

    Args:
        scope: the function, or the module.
        thing: what is followed.
        inference: answers what is called.
        kept: the attribute of its object in which the function may keep it; empty for none.
        told: the parameters of which the call says the value, True, False or None.

    Attributes:
        acts: what is done at which node.
        name: the first name that it goes by.
        thing: as given.
    """

    def __init__(
        self,
        scope: Scope,
        thing: Thing,
        inference: Inference,
        kept: str = "",
        told: Told = frozenset(),
    ) -> None:
        self.acts: dict[ast.AST, Work] = {}
        self.name = ""
        self._attached: list[ast.Call] = []
        self._flushes = False
        self._ends: dict[ast.AST, Did] = {}
        self._followed: set[tuple[str, Part, ast.AST]] = set()
        self._scope = scope
        self.thing = thing
        self._inference = inference
        self._callees = Callees(scope, inference)
        self._kept = kept
        self._told = told
        self._parents = parents_in(scope)

    # What is found

    @property
    def done(self) -> Did:
        """All that is done anywhere, in nested functions too, but for the ends of blocks."""
        return reduce(or_, (work.ever for work in self.acts.values()), NOTHING)

    @property
    def ever(self) -> Did:
        """All that is done anywhere."""
        return reduce(or_, self._ends.values(), self.done)

    @property
    def writes(self) -> list[ast.Call]:
        """The calls that surely change data, by themselves or in a helper that leaves it so."""
        found = [node for node, work in self.acts.items() if Did.WRITES in work.ever]
        calls = [node for node in found if isinstance(node, ast.Call)]
        return [*calls, *(self._attached if self._flushes or calls else [])]

    def work(self) -> Work:
        """Give the work of the whole function."""
        function = self._scope.node
        self._forget_untaken()
        ways = ways_through(body_of(function), self)
        if isinstance(function, FUNCTIONS) and is_generator(function):
            ways |= {PathWork()}  # it may never be gone through
        return Work(ways, self.ever | (Did.WRITES if self.writes else NOTHING))

    def _forget_untaken(self) -> None:
        """Forget what stands in a branch that a call with such values does not take."""
        for node in nodes_untaken(own_nodes(self._scope.node), self._told):
            self.acts.pop(node, None)
            self._ends.pop(node, None)
        self._attached = [call for call in self._attached if call in self.acts]

    # How the statements are walked

    def by(self, node: ast.AST) -> Iterable[Work]:
        """Give what is done at a node."""
        work = self.acts.get(node)
        return (work,) if work is not None else ()

    def at_end(self, context: ast.expr) -> Did:
        """Tell what the end of a block over an expression does."""
        return self._ends.get(context, NOTHING)

    def decides(self, test: ast.expr) -> bool | None:
        """Tell how the test of what the call said ends; None where that is not known."""
        return decided(test, self._told)

    def is_foreign(self, error: ast.expr | None) -> bool:
        """Tell whether a handler catches only what no session or connection raises."""
        return self._callees.is_foreign(error)

    # How it is followed

    def follow(self, node: ast.AST, part: Part) -> None:
        """Look at what the code around an expression does with its value."""
        parent = self._parents.get(node)
        match parent:
            case ast.Attribute():
                self._attribute(parent, part)
            case ast.Await():
                self.follow(parent, part)
            case ast.withitem(optional_vars=target):
                self._enter(parent, target, part)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                self._assign(parent, name, part)
            case ast.Assign(targets=[ast.Attribute() as place]) if self._is_kept(place):
                self.follow_name(dotted_name(place), part, self._scope.node)
            case ast.Assign(targets=[target]) if part is Part.CURSOR and self._is_beside(target):
                pass
            case ast.Call(func=function) if function is not node:
                self._given(parent, position_of(node, parent), part)
            case ast.keyword(arg=arg):
                self._given(self._parents[parent], arg, part)
            case ast.Expr() | ast.Compare() | ast.UnaryOp() | ast.Delete():
                pass
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if test is node:
                pass
            case ast.For() | ast.AsyncFor() if part is Part.CURSOR and parent.iter is node:
                pass
            case _:
                self._unknown(parent or node)

    def follow_name(self, name: str, part: Part, inside: ast.AST) -> None:
        """Look at all that is done with a name inside some code.

        Args:
            name: the name, or the attribute of the function's own object: ``self.db``.
            part: what it stands for.
            inside: the code.
        """
        question = (name, part, inside)
        if question in self._followed:
            return
        self._followed.add(question)
        if part is Part.WHOLE and self.thing.resource is Resource.CONNECTION:
            self._follow_cursors(kept_cursors(name, self._scope, self._inference))
        owner, _, attribute = name.rpartition(".")
        if "." in owner:
            for place in run_in(self._scope):
                if isinstance(place, ast.Attribute) and dotted_name(place) == owner:
                    self._of_object(place, attribute, part)
        for node in readings_in(self._scope).get(owner or name, ()):
            if _is_inside(node, inside):
                if node not in run_in(self._scope):
                    self._unknown(node)  # a nested function takes it along
                if owner:
                    self._of_object(node, attribute, part)
                else:
                    self.follow(node, part)

    def _follow_cursors(self, names: Sequence[str]) -> None:
        for node in run_in(self._scope) if names else ():
            match node:
                case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()):
                    if dotted_name(node) in names:
                        self.follow(node, Part.CURSOR)

    def _is_beside(self, place: ast.expr) -> bool:
        """Tell whether a place keeps cursors of a connection that is kept beside them."""
        return bool(connection_of_kept(dotted_name(place), self._scope, self._inference))

    def _assign(self, node: ast.AST, name: str, part: Part) -> None:
        if not _is_bound_once(self._scope, name):
            self._unknown(node)  # by turns it stands for something else
            return
        self.name = self.name or name
        self.follow_name(name, part, self._scope.node)

    def _enter(self, item: ast.withitem, target: ast.expr | None, part: Part) -> None:
        context = item.context_expr
        did = end_of_block(self.thing._replace(part=part), self._inference)
        if did:
            self._ends[context] = did
        if isinstance(target, ast.Name):
            part = Part.CURSOR if part is Part.CURSOR else Part.WHOLE
            self.name = self.name or target.id
            self.follow_name(target.id, part, self._parents[item])
        elif target is not None:
            self._unknown(context)

    def _attribute(self, node: ast.Attribute, part: Part) -> None:
        method = node.attr
        parent = self._parents.get(node)
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        if "autocommit" in method or "isolation" in method:
            self._unknown(node)
        elif call is None and method in BENEATH and self.thing.driver.name == "sqlalchemy":
            self.follow(node, part)
        elif method in ("cursor", "execution_options") and call is not None:
            if "autocommit" in ast.unparse(call).lower():
                self._unknown(call)
            self.follow(call, Part.CURSOR if method == "cursor" else part)
        elif part is Part.WHOLE and method == "execute" and self._gives_cursors():
            self._unknown(node)
        elif call is not None and part is not Part.WRAPPED:
            self._call(call, part)
        elif call is None and effect_of(self.thing.resource, method) is not None:
            self._unknown(node)  # handed on as a bound method

    def _gives_cursors(self) -> bool:
        return self.thing.driver.name in _GIVE_CURSORS

    def _call(self, call: ast.Call, part: Part) -> None:
        """Note what the call of a method does."""
        method = last_segment(call.func)
        did = did_by(call, self.thing.resource, self._scope, self._inference)
        own = self._own_method(call)
        if did is ANYTHING:
            self._do_own(call, own, part)
            return
        if part is Part.CURSOR:
            did &= ~Did.CLOSES
        if method == "begin_nested":
            did = NOTHING
        if Did.BEGINS in did:
            item = self._parents.get(call)
            is_block = isinstance(item, ast.withitem)
            did = NOTHING
            if is_block:
                self._ends[call] = Did.COMMITS
            else:
                self._unknown(call)  # the transaction's own object ends it
                return
        if self._may_attach(call):
            self._attached.append(call)
            did = Did.MAY_WRITE
        elif self._is_bulk_query(call):
            did |= Did.WRITES
        self._flushes |= effect_of(self.thing.resource, method) == Effect.SENDS
        self._do(call, did | ends_by(own, self.thing, self._inference))

    def _own_method(self, call: ast.Call) -> FunctionValue | External | None:
        """Give what a session's class has in the place of the method of SQLAlchemy's called."""
        receiver, method = call.func.value, call.func.attr  # type: ignore[attr-defined]
        match self._scope.enclosing_class():
            case Scope(node=ast.ClassDef() as node, parent=Scope() as outside) if is_super(
                receiver
            ):
                cls = ClassValue(node, outside)
                return inherited_method(cls, method, self._inference)
        return own_method(self.thing.cls, method, self._inference)

    def _do_own(self, call: ast.Call, own: FunctionValue | External | None, part: Part) -> None:
        """Follow a method that the session's class has and SQLAlchemy's has not."""
        if isinstance(own, FunctionValue):
            self._do_helper(call, own, own.receiver, part)
        else:
            self._unknown(call)

    def _do(self, call: ast.Call, did: Did) -> None:
        if did:
            self.acts[call] = work_of(did, call.lineno)

    def _unknown(self, node: ast.AST) -> None:
        # How it is written matters for calls alone, and what holds a thousand of them is long.
        written = f"{ast.unparse(node.func)}()" if isinstance(node, ast.Call) else "it"
        self.acts[node] = unknown_work(getattr(node, "lineno", 0), written)

    def _may_attach(self, call: ast.Call) -> bool:
        """Tell whether ``db.add(item)`` may be about an object that is read from afterwards."""
        match call:
            case ast.Call(func=ast.Attribute(attr="add"), args=[ast.Name(id=name)]):
                bindings = self._scope.bindings(name)
                is_given = any(isinstance(b.how, Parameter) for b in bindings)
                last = call.end_lineno or call.lineno
                readings = readings_in(self._scope).get(name, ())
                return is_given and any(reading.lineno > last for reading in readings)
        return False

    def _is_bulk_query(self, call: ast.Call) -> bool:
        """Tell whether a chain ends so: ``db.query(User).filter(...).delete()``."""
        if last_segment(call.func) != "query":
            return False
        node: ast.AST = call
        last = ""
        while isinstance(node, (ast.Attribute, ast.Call)):
            last = node.attr if isinstance(node, ast.Attribute) else last
            node = self._parents[node]
        return last in ("delete", "update")

    # Calls that are given it

    def _given(self, call: ast.AST, key: int | str | None, part: Part) -> None:
        """Look at what a call does with the session or connection that it is given."""
        if not isinstance(call, ast.Call):
            self._unknown(call)
            return
        name = last_segment(call.func)
        callee = self._inference.value(call.func, self._scope)
        match callee:
            case FunctionValue() if overrides(callee, call, self._scope, self._inference):
                self._unknown(call)  # one of several, each of which may do something else
            case FunctionValue():
                self._do_helper(call, callee, parameter_for(callee, key), part)
            case ClassValue():
                self._hold(call, callee, key, part)
            case External(name=external) if external in READERS:
                self._do(call, Did.READS)
            case _ if name in CLOSING:
                self.follow(call, Part.WRAPPED)
            case _ if name in GIVINGS:
                self._do(call, Did.CLOSES)
            case _ if not self._callees.is_builtin(call.func):
                self._unknown(call)

    def _do_helper(
        self,
        call: ast.Call,
        function: FunctionValue,
        name: str | None,
        part: Part,
        kept: str = "",
    ) -> None:
        is_coroutine = isinstance(function.node, ast.AsyncFunctionDef)
        if is_coroutine and not isinstance(self._parents.get(call), ast.Await):
            name = None
        thing = self.thing._replace(part=part)
        work = UNFOLLOWED
        if name is not None:
            told = told_by(function, call)
            work = work_in(function, name, thing, self._inference, kept, told)
        if work != UNTOUCHED:
            self.acts[call] = work.at(call.lineno, f"{ast.unparse(call.func)}()")

    def _hold(self, call: ast.Call, cls: ClassValue, key: int | str | None, part: Part) -> None:
        """Follow the object of the project's that a constructor puts it into."""
        constructor = self._inference.constructor(cls)
        name = parameter_for(constructor, key) if constructor is not None else None
        attribute = stored_by(constructor, name) if constructor and name else ""
        if constructor is None or not attribute:
            self._unknown(call)
            return
        self._do_helper(call, constructor, name, part, attribute)
        self._follow_object(call, attribute, part)

    def _follow_object(self, node: ast.AST, attribute: str, part: Part) -> None:
        parent = self._parents.get(node)
        match parent:
            case ast.Attribute():
                self._of_object(node, attribute, part)
            case ast.Expr():
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) if _is_bound_once(self._scope, name):
                self.follow_name(f"{name}.{attribute}", part, self._scope.node)
            case _:
                self._unknown(parent or node)

    def _of_object(self, node: ast.AST, attribute: str, part: Part) -> None:
        """Look at what is done with an object that holds it in an attribute."""
        member = self._parents.get(node)
        if not isinstance(member, ast.Attribute):
            self._unknown(node)
            return
        if member.attr == attribute:
            if isinstance(member.ctx, ast.Load):
                self.follow(member, part)
            elif not self._is_kept(member):
                self._unknown(member)
            return
        call = self._parents.get(member)
        if not isinstance(call, ast.Call) or call.func is not member:
            is_method = isinstance(self._inference.value(member, self._scope), FunctionValue)
            is_object = isinstance(call, ast.Attribute) and self._may_hold(member)
            if is_method or is_object:
                self._unknown(member)
            return
        method = self._inference.value(member, self._scope)
        if not isinstance(method, FunctionValue):
            self._unknown(call)
            return
        receiver = method.receiver
        self._do_helper(call, method, f"{receiver}.{attribute}" if receiver else None, part)

    def _may_hold(self, member: ast.Attribute) -> bool:
        """Tell whether another attribute may be an object that works with it as well."""
        if self._is_beside(member):
            return False
        value = self._inference.value(member, self._scope)
        return value is None or isinstance(value, (InstanceValue, RoleValue))

    def _is_kept(self, place: ast.Attribute) -> bool:
        receiver = self._scope.receiver()
        return receiver is not None and dotted_name(place) == f"{receiver}.{self._kept}"


def end_of_opened(known: RoleValue | None, inference: Inference) -> Did:
    """Tell what the end of a block does, where no error leaves it, over what opens or lends.

    Args:
        known: what the block is over; None for what is not known.
        inference: follows what a session's own class does.
    """
    if known is None:
        return NOTHING
    did = Did.COMMITS if known.commits else NOTHING
    return did | end_of_block(thing_of(known), inference) if known.role is Role.OPENED else did


def may_commit_at_end(known: RoleValue, inference: Inference) -> bool:
    """Tell whether the end of a block over what opens or lends commits, or may."""
    return bool(end_of_opened(known, inference) & (Did.COMMITS | Did.MAY_END))


def end_of_block(thing: Thing, inference: Inference) -> Did:
    """Tell what the end of a block over a session or connection does, where no error leaves it.

    Args:
        thing: what the block is over.
        inference: follows what the session's own class does.
    """
    if thing.part is Part.CURSOR:
        return NOTHING
    if thing.resource is Resource.CONNECTION and thing.part is Part.WHOLE:
        if BlockEnd.COMMITS in thing.driver.block:
            return Did.COMMITS
        return Did.CLOSES if BlockEnd.CLOSES in thing.driver.block else NOTHING
    methods = {*CLOSES, *(EXITING if thing.part is Part.WHOLE else ())}  # which ``__exit__`` calls
    own = (own_method(thing.cls, method, inference) for method in methods)
    return reduce(or_, (ends_by(method, thing, inference) for method in own), Did.CLOSES)


def ends_by(method: FunctionValue | External | None, thing: Thing, inference: Inference) -> Did:
    """Tell whether a method of a session's own class commits, or may.

    Args:
        method: the method; None for SQLAlchemy's, which does what its table says.
        thing: the session.
        inference: follows the method.
    """
    if method is None:
        return NOTHING
    receiver = method.receiver if isinstance(method, FunctionValue) else None
    if isinstance(method, External) or receiver is None:
        return Did.MAY_END
    work = work_in(method, receiver, thing._replace(part=Part.WHOLE), inference)
    if Did.COMMITS not in work.ever:
        return work.ever & Did.MAY_END
    is_certain = all(way.did & (Did.COMMITS | Did.ROLLS_BACK) for way in work.ways)
    return Did.COMMITS if is_certain else Did.MAY_END


@remembered
def done_by_opened(function: Scope, opened: ast.Call, thing: Thing, *, inference: Inference) -> Did:
    """Tell what a function, or a module, does anywhere by what it opens.

    Args:
        function: its scope.
        opened: what opens it; the end of its own block is left out.
        thing: what it is.
        inference: answers what is called.
    """
    uses = Uses(function, thing, inference)
    uses.follow(opened, Part.WHOLE)
    return uses.done


def uses_of_name(name: str, scope: Scope, thing: Thing, inference: Inference) -> Uses:
    """Follow what a function does by the session or connection that a name stands for.

    Args:
        name: the name, or how an attribute that holds it is written: ``self.db``.
        scope: the function's scope.
        thing: what it is.
        inference: answers what is called.
    """
    uses = Uses(scope, thing, inference)
    uses.follow_name(name, thing.part, scope.node)
    return uses


def work_in(
    function: FunctionValue,
    name: str,
    thing: Thing,
    inference: Inference,
    kept: str = "",
    told: Told = frozenset(),
) -> Work:
    """Tell what a function of the project does by a session or connection.

    Args:
        function: the function.
        name: the parameter that gets it, the attribute of its object that holds it: ``self.db``, or
            the name that its module has for it.
        thing: what it is.
        inference: answers what is called.
        kept: the attribute in which a constructor keeps it; empty for none.
        told: the parameters of which the call says the value.
    """
    if not can_be_followed(function):
        return UNFOLLOWED
    scope = function.scope.child(function.node)
    return inference.questions.ask(
        scope.memory,
        ("work", name, thing, kept, told),
        lambda: _work_in(scope, name, Uses(scope, thing, inference, kept, told)),
        Work(),
        fixed_point=True,
        given_up=UNFOLLOWED,
    )


def _work_in(scope: Scope, name: str, uses: Uses) -> Work:
    is_bound = "." in name or len(scope.bindings(name) or scope.lookup(name)) == 1
    if not is_bound or any(_stores(node, name) for node in run_in(scope)):
        return UNFOLLOWED
    thing = uses.thing
    uses.follow_name(name, thing.part, scope.node)
    if thing.cls is not None and name == scope.receiver():
        for node in run_in(scope):
            if is_super(node):
                uses.follow(node, thing.part)
    return uses.work()


def _stores(node: ast.AST, name: str) -> bool:
    """Tell whether an attribute that holds it is bound anew."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, (ast.Store, ast.Del))
        and dotted_name(node) == name
    )


def _is_inside(node: ast.Name, statement: ast.AST) -> bool:
    first, last = getattr(statement, "lineno", 1), getattr(statement, "end_lineno", None)
    return first <= node.lineno and (last is None or node.lineno <= last)


@remembered
def _is_bound_once(scope: Scope, name: str) -> bool:
    """Tell whether a name is given one value in a scope, None left out."""
    return sum(not _is_none(binding.how) for binding in scope.bindings(name)) == 1


def _is_none(how: object) -> bool:
    match how:
        case (
            Assigned(value=ast.Constant(value=None))
            | Annotated(value=None | ast.Constant(value=None))
        ):
            return True
    return False
