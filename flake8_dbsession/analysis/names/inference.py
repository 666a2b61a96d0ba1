"""What an expression stands for: names resolved, imports followed, calls understood."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from flake8_dbsession.analysis.library import roles
from flake8_dbsession.analysis.library.drivers import TAKINGS, BlockEnd, driver_of
from flake8_dbsession.analysis.library.frameworks import APPLICATIONS, INJECTORS
from flake8_dbsession.analysis.library.running import RELAYS
from flake8_dbsession.analysis.library.wrappers import (
    CASTS,
    MANAGER_MAKERS,
    PARTIAL,
    STACK_ENTRIES,
    TRANSPARENT_CALLS,
)
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.call_sites import assigned_to, calls_of, is_called
from flake8_dbsession.analysis.names.containers import GETTERS, stored_values
from flake8_dbsession.analysis.names.dotted import names_of, without_calls
from flake8_dbsession.analysis.names.functions import (
    arguments_of,
    decorator_names,
    parameter_for,
    receiving_parameter,
)
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.proven_engines import is_proven_engine
from flake8_dbsession.analysis.names.proxies import proxied
from flake8_dbsession.analysis.names.scopes import (
    FUNCTIONS,
    Annotated,
    Assigned,
    Binding,
    Defined,
    Entered,
    Imported,
    Iterated,
    Parameter,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.stand_ins import is_stand_in, kept_stand_in
from flake8_dbsession.analysis.names.used_sessions import used_session
from flake8_dbsession.analysis.names.values import (
    HELD,
    OPENING,
    ClassValue,
    External,
    FunctionValue,
    InstanceValue,
    ModuleValue,
    Resource,
    Result,
    Role,
    RoleValue,
    TupleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import constants_in, is_super, keyword_of
from flake8_dbsession.analysis.questions import Questions
from flake8_dbsession.analysis.source.mentions import hints
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_LONGEST_CHAIN = 40  # of imports

_RESULTS = {
    Role.SESSION_CLASS: Role.OPENED,
    Role.FACTORY_MAKER: Role.FACTORY,
    Role.FACTORY: Role.OPENED,
    Role.REGISTRY_MAKER: Role.REGISTRY,
    Role.REGISTRY: Role.LENT,
    Role.CONNECT: Role.OPENED,
    Role.ENGINE_MAKER: Role.ENGINE,
    Role.POOL_MAKER: Role.POOL,
    Role.EXTENSION_MAKER: Role.EXTENSION,
    Role.ACCESSOR: Role.OPENED,
    Role.LENDER: Role.LENT,
    Role.PROVIDER: Role.MANAGER,
    Role.DEPENDENCY: Role.GENERATOR,
}
_INSTANCES = {
    Role.SESSION_CLASS: Role.GIVEN,
    Role.FACTORY_MAKER: Role.FACTORY,
    Role.REGISTRY_MAKER: Role.REGISTRY,
    Role.POOL_MAKER: Role.POOL,
    Role.EXTENSION_MAKER: Role.EXTENSION,
    Role.CONNECT: Role.GIVEN,
    Role.ENGINE: Role.ENGINE,
    Role.GIVEN: Role.GIVEN,
}
_ATTRIBUTES = {
    (Role.ENGINE, "connect"): (Role.CONNECT, Resource.CONNECTION),
    (Role.ENGINE, "raw_connection"): (Role.CONNECT, Resource.CONNECTION),
    (Role.ENGINE, "begin"): (Role.PROVIDER, Resource.CONNECTION),
    (Role.FACTORY, "begin"): (Role.FACTORY, Resource.SESSION),
    (Role.REGISTRY, "session_factory"): (Role.FACTORY, Resource.SESSION),
    (Role.EXTENSION, "session"): (Role.REGISTRY, Resource.SESSION),
    (Role.EXTENSION, "engine"): (Role.ENGINE, Resource.CONNECTION),
    (Role.POOL, "connection"): (Role.PROVIDER, Resource.CONNECTION),
    **{(Role.POOL, taking): (Role.ACCESSOR, Resource.CONNECTION) for taking in TAKINGS},
}
_ANYTHING = frozenset(
    {"collections.abc.Callable", "typing.Any", "typing.Callable", "typing_extensions.Any"}
)
_TELLING_AUTOFLUSH = frozenset({"autoflush", "session_options", None})
_RENAMED = {name: regex(rf"{name}[\s\\]+as\b") for name in INJECTORS}
_CONNECTING = ("begin", "connect", "raw_connection")
_KEPT_BY_KEY = frozenset({Role.ENGINE, Role.FACTORY, Role.POOL, Role.REGISTRY})
_LENDING = frozenset({Role.LENDER, Role.REGISTRY})
_WRAPPING_ANNOTATIONS = frozenset(
    {"Annotated", "Optional", "Union", "ClassVar", "Final", "Required", "NotRequired"}
)


class Vocabulary(NamedTuple):
    """What a policy says of names.

    Attributes:
        factories: qualified names that are factories whatever they resolve to.
        bare: names that are factories where resolving them leads nowhere.
        named: patterns of dotted names, with what each is where resolving a name leads nowhere.
        accessors: patterns of dotted callees whose calls are facts by themselves.
        watched: qualified names whose imports and uses are facts by themselves.
    """

    factories: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    named: tuple[tuple[str, RoleValue], ...] = ()
    accessors: tuple[str, ...] = ()
    watched: frozenset[str] = frozenset()


class Inference:
    """Answers what expressions stand for, over the modules of one project.

    Args:
        project: where imports are followed.
        vocabulary: what the policy says of names.
        result_of: answers what calling a function of the project gives, by what its code does.
        commits_at_end: answers whether the end of a session's own block commits, or may.

    Attributes:
        questions: asks what is to be answered once, and may lead back to itself.
    """

    def __init__(
        self,
        project: Project,
        vocabulary: Vocabulary,
        result_of: Callable[[FunctionValue, Inference], Result],
        commits_at_end: Callable[[RoleValue, Inference], bool],
    ) -> None:
        self.project = project
        self.vocabulary = vocabulary
        self._result_of = result_of
        self._commits_at_end = commits_at_end
        self.questions = Questions()
        self._named: dict[str, list[tuple[str, RoleValue]]] = {}

    def value(self, expression: ast.expr, scope: Scope) -> Value | None:
        """Tell what an expression stands for.

        Args:
            expression: the expression.
            scope: the scope it is read in.

        Returns:
            Its value; None for what is not known, or of no interest.
        """
        return self._once(expression, scope, lambda: self._value(expression, scope))

    def known(self, expression: ast.expr, scope: Scope) -> RoleValue | None:
        """Tell the part that an expression plays, with functions seen as what they are for."""
        return self.role(self.value(expression, scope))

    def role(self, value: Value | None) -> RoleValue | None:
        """Give a value's part: itself where it has one, a function's by what it hands out."""
        if isinstance(value, RoleValue):
            return value
        if isinstance(value, FunctionValue):
            result = self.result(value)
            if result.role is not None:
                name = getattr(value.node, "name", "lambda")
                return (result.handed or RoleValue(result.role))._replace(
                    role=result.role,
                    name=name,
                    home=value.scope,
                    commits=result.commits,
                )
        return None

    def qualified_name(self, expression: ast.expr, scope: Scope) -> str | None:
        """Give the qualified name of what an expression names outside the project."""
        value = self.value(expression, scope)
        return value.name if isinstance(value, (External, RoleValue)) else None

    def result(self, function: FunctionValue) -> Result:
        """Tell what calling a function of the project gives."""
        scope = function.scope.child(function.node)
        return self.questions.ask(
            scope.memory, "result", lambda: self._result_of(function, self), Result()
        )

    def entered(self, context: ast.expr, scope: Scope, *, is_async: bool = False) -> Value | None:
        """Tell what ``with context as name`` binds.

        Args:
            context: the expression that is entered.
            scope: the scope it is read in.
            is_async: whether by ``async with``, which none but an asynchronous session has.
        """
        value = self.value(context, scope)
        if isinstance(value, RoleValue):
            if value.role in (Role.OPENED, Role.MANAGER, Role.LENT):
                commits = value.of_class is not None and self._commits_at_end(value, self)
                is_own = value.role is Role.OPENED and is_async
                return value._replace(
                    role=Role.LENT,
                    commits=commits or value.commits,
                    is_async=is_own or value.is_async,
                )
            return None
        if isinstance(value, InstanceValue):
            return self._entered_instance(value)
        return None

    def annotated(self, annotation: ast.expr, scope: Scope) -> Value | None:
        """Tell what a value with this annotation is."""
        question = ("annotation", annotation)
        return self._once(question, scope, lambda: self._annotated(annotation, scope))

    def attribute(self, value: Value | None, name: str) -> Value | None:
        """Tell what ``value.name`` stands for."""
        match value:
            case ModuleValue(scope=scope):
                return self.member(scope.module, name)
            case External(name=base):
                return roles.lookup(f"{base}.{name}")
            case InstanceValue(cls=cls):
                return self._instance_attribute(cls, name)
            case ClassValue():
                return self._class_attribute(value, name)
            case RoleValue():
                return _attribute_of_known(value, name) or roles.known(f"{value.name}.{name}")
        return None

    def constructor(self, cls: ClassValue) -> FunctionValue | None:
        """Give what makes objects of a class, as its own; None where the project has no such."""
        init = self.attribute(cls, "__init__")
        return (
            FunctionValue(init.node, init.scope, cls) if isinstance(init, FunctionValue) else None
        )

    def member(self, module: Module, name: str) -> Value | None:
        """Tell what a module's name stands for: bound there, a submodule, or star-imported."""
        for link, named in reversed(self._handed_through(module, name)):
            self._ask_member(link, named)
        return self._ask_member(module, name)

    def _ask_member(self, module: Module, name: str) -> Value | None:
        return self._once(("member", name), module.scope, lambda: self._member(module, name))

    def _handed_through(self, module: Module, name: str) -> list[tuple[Module, str]]:
        """Give the links of a chain of imports that are not known yet, that of the name first.

        Asked from the far end, none of them is a question inside the others, however long the
        chain is.
        """
        links: dict[tuple[Module, str], None] = {}
        while (module, name) not in links and ("member", name) not in module.scope.memory:
            links[module, name] = None
            match module.bindings(name):
                case [binding] if (source := self._source(binding)) is not None:
                    module, name = source
                case _:
                    break
        return list(links)

    def values(self, name: str, scope: Scope) -> list[Value]:
        """Give everything of interest that a name can stand for in a scope."""
        found = (self._bound(binding) for binding in scope.lookup(name))
        return [value for value in found if value is not None]

    def origins(self, name: str, scope: Scope) -> Iterable[Binding]:
        """Give a name's bindings with imports between project modules followed to their ends.

        Args:
            name: the name.
            scope: the scope it is read in.

        Yields:
            The bindings, each with the scope of the module that it stands in.
        """
        return self._ends(scope.lookup(name))

    def is_missing(self, expression: ast.expr, scope: Scope) -> bool:
        """Tell whether an expression reads a name that a module of the project does not have.

        Args:
            expression: a name, or an attribute of one.
            scope: the scope it is read in.

        Returns:
            True where all imports that may give the name would fail, or what they give would lack
            the attribute.
        """
        match expression:
            case ast.Name(id=name):
                return self._are_missing(scope.lookup(name))
            case ast.Attribute(value=ast.Name(id=name) as base, attr=attribute):
                if isinstance(self.value(base, scope), ModuleValue):
                    return self._are_missing(_read_of(scope.lookup(name), attribute))
                return self._are_missing(scope.lookup(name))
            case ast.Attribute(value=base):
                return self.is_missing(base, scope)
        return False

    def _are_missing(self, bindings: Iterable[Binding]) -> bool:
        """Tell whether all imports of a name lead to modules without it; ``None`` is no name."""
        ends = [each for each in self._ends(bindings) if not _binds_none(each)]
        return bool(ends) and all(
            isinstance(end.how, Imported)
            and bool(end.how.name)
            and self.project.lacks(end.scope.module.path, end.how)
            for end in ends
        )

    def _ends(self, bindings: Iterable[Binding]) -> Iterator[Binding]:
        pending = list(bindings)
        seen = set(pending)
        for _ in range(_LONGEST_CHAIN):
            if not pending:
                return
            binding = pending.pop(0)
            source = self._source(binding)
            followed = source[0].bindings(source[1]) if source is not None else []
            if not followed:
                yield binding
            pending += [each for each in followed if each not in seen]
            seen.update(followed)

    def submodule(self, package: Module, name: str) -> Module | None:
        """Find the module inside a package that a name of the package stands for.

        Args:
            package: the package.
            name: the name.

        Returns:
            The module of that name, where the package binds the name to nothing else: an import
            that leads back to the name itself, as ``from package import name`` does there, binds
            the module. None where there is no such module.
        """
        bindings = package.bindings(name)
        if bindings and not any(self._leads_back(each, package, name) for each in bindings):
            return None
        return self.project.submodule(package, name)

    def _leads_back(self, binding: Binding, package: Module, name: str) -> bool:
        """Tell whether an import leads, by imports alone, to a name of a package."""
        for _ in range(_LONGEST_CHAIN):
            source = self._source(binding)
            if source is None:
                return False
            if (source[0].path, source[1]) == (package.path, name):
                return True
            match source[0].bindings(source[1]):
                case [binding]:
                    continue
            return False
        return False

    def _source(self, binding: Binding) -> tuple[Module, str] | None:
        """Give the module of the project from which a binding imports a name, and that name."""
        how = binding.how
        if not isinstance(how, Imported) or not how.name:
            return None
        module = self.project.find(binding.scope.module.path, how.module, how.level)
        return (module, how.name) if module is not None else None

    def _once(self, key: object, scope: Scope, answer: Callable[[], Value | None]) -> Value | None:
        return self.questions.ask(scope.memory, key, answer, None)

    def _value(self, expression: ast.expr, scope: Scope) -> Value | None:
        match expression:
            case ast.Name(id=name):
                return self._or_named(self._name(name, scope), expression, scope)
            case ast.Attribute(value=base, attr=name) if is_super(base):
                return self._of_super(name, scope)
            case ast.Attribute(value=base, attr=name):
                owner = self.value(base, scope)
                value = self.attribute(owner, name)
                if isinstance(owner, InstanceValue) and _is_held(value):
                    value = kept_stand_in(base, name, owner.cls, scope, self) or value
                if isinstance(owner, External):
                    value = self._of_any_import(base, name, scope) or value
                if value is None or isinstance(value, External):
                    value = self._kept_on_application(expression, owner, scope) or value
                return _or_proven(self._or_named(value, expression, scope), expression, scope)
            case ast.Call():
                return self._call(expression, scope)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.value(inner, scope)
            case ast.BoolOp(values=options):
                return _choose(self.value(option, scope) for option in options)
            case ast.IfExp(body=body, orelse=orelse):
                return _choose((self.value(body, scope), self.value(orelse, scope)))
            case ast.Subscript(value=base, slice=index):
                found = self._item(self.value(base, scope), index)
                return found if found is not None else self._kept_in(base, scope)
            case ast.Tuple(elts=elements):
                return TupleValue(
                    tuple(self.value(element, scope) for element in elements),
                    tuple(constants_in([element]) for element in elements),
                )
            case ast.Lambda():
                return FunctionValue(expression, scope)
        return None

    def _of_super(self, name: str, scope: Scope) -> Value | None:
        """Tell what ``super().name`` is: what the bases of the class around a method have."""
        match scope.enclosing_class():
            case Scope(node=ast.ClassDef() as node, parent=Scope() as outside):
                cls = ClassValue(node, outside)
                return self._inherited(cls, lambda base: self._instance_attribute(base, name))
        return None

    def _of_any_import(self, base: ast.expr, name: str, scope: Scope) -> RoleValue | None:
        """Read an attribute of whichever module a name was imported from: the second may serve."""
        bindings = scope.lookup(base.id) if isinstance(base, ast.Name) else []
        if len(bindings) < 2 or not all(isinstance(b.how, Imported) for b in bindings):
            return None
        found = (self.attribute(self._bound(binding), name) for binding in bindings)
        return next((value for value in found if isinstance(value, RoleValue)), None)

    def _kept_on_application(
        self, place: ast.Attribute, owner: Value | None, scope: Scope
    ) -> Value | None:
        """Tell what the project keeps on its application: ``request.app.state.x``, flask's too."""
        match place.value:
            case ast.Attribute(attr="state", value=ast.Attribute(attr="app") | ast.Name(id="app")):
                written = f".state.{place.attr}"
            case _ if isinstance(owner, External) and owner.name in APPLICATIONS:
                written = f"app.{place.attr}"
            case _:
                return None
        return self._once(
            ("application", written),
            scope.module.scope,
            lambda: self._stored_as(written, scope.module),
        )

    def _stored_as(self, place: str, asker: Module) -> Value | None:
        modules = self.project.modules_with(f"{place} =", asker.path)
        if f"{place} =" in asker.text:
            modules = [asker, *modules]
        return _choose(
            self.value(value, scope)
            for module in modules
            for value, scope in assigned_to(module.scope, place)
        )

    def names(self, expression: ast.expr, scope: Scope) -> tuple[str, ...]:
        """Give the dotted names by which what an expression stands for goes, as written first."""
        return names_of(expression, scope, self.project.root)

    def accessor_names(self, callee: ast.expr, scope: Scope) -> tuple[str, ...]:
        """Give the dotted names of a callee, also where it hangs on what another call gives."""
        plain = without_calls(callee)
        match plain:
            case ast.Attribute(value=ast.Name(id=name)) if scope.function() is not None:
                made = [
                    self.names(ast.Attribute(without_calls(how.value.func), plain.attr), each.scope)
                    for each in scope.lookup(name)
                    if isinstance(how := each.how, Assigned) and isinstance(how.value, ast.Call)
                ]
            case _:
                made = []
        return tuple(
            dict.fromkeys([*self.names(plain, scope), *(n for each in made for n in each)])
        )

    def _or_named(self, value: Value | None, expression: ast.expr, scope: Scope) -> Value | None:
        """Let the policy's names, bare or dotted, decide where resolving one leads nowhere."""
        last = last_segment(expression)
        is_named = last in self.vocabulary.bare or bool(self._named_like(last))
        if value is None and is_named and self.is_missing(expression, scope):
            return None
        value = self._or_bare(value, last)
        if value is not None and not isinstance(value, External):
            return value
        for pattern, known in self._named_like(last):
            names = self.names(expression, scope)
            if any(fnmatchcase(name, pattern) for name in names):
                return known._replace(name=names[-1])
        return value

    def _named_like(self, last: str) -> list[tuple[str, RoleValue]]:
        """Give the policy's patterns of dotted names that may end so."""
        if last not in self._named:
            self._named[last] = [
                (pattern, known)
                for pattern, known in self.vocabulary.named
                if fnmatchcase(last, pattern.rpartition(".")[2])
            ]
        return self._named[last]

    def _or_bare(
        self,
        value: Value | None,
        name: str,
        home: Scope | None = None,
        bindings: Iterable[Binding] = (),
    ) -> Value | None:
        """Let the policy's bare names decide where resolving a name leads nowhere.

        Args:
            value: what resolving it gave.
            name: the name.
            home: the module that should define it; None where that was not found.
            bindings: what binds it; where that surely fails, no name decides.
        """
        origin = value.name if isinstance(value, External) else name
        leads_nowhere = value is None or isinstance(value, External)
        if name in self.vocabulary.bare and leads_nowhere and origin.rpartition(".")[2] == name:
            if value is None and self._are_missing(bindings):
                return None
            return _declared(origin, None, home if value is None else None)
        return value

    def _name(self, name: str, scope: Scope) -> Value | None:
        home = scope.defining(name)
        if home is None:
            return self._star_imported(scope.module, name)
        bindings = home.bindings(name)
        return self._once(("name", name), home, lambda: self._one_bound(bindings))

    def _one_bound(self, bindings: Iterable[Binding]) -> Value | None:
        """Choose of what a name is bound to: what code assigns before what an annotation says."""
        return _choose(map(self._bound, sorted(bindings, key=_only_says)))

    def _bound(self, binding: Binding) -> Value | None:
        how, scope = binding.how, binding.scope
        match how:
            case Assigned(value=value, path=path):
                return self._unpacked(self.value(value, scope), path)
            case Annotated(annotation=annotation, value=value):
                found = self.value(value, scope) if value is not None else None
                is_told = isinstance(found, RoleValue) or is_stand_in(found, self)
                return found if is_told else self.annotated(annotation, scope)
            case Entered(context=context, is_async=is_async):
                return self.entered(context, scope, is_async=is_async)
            case Iterated(iterable=iterable):
                found = self.value(iterable, scope)
                if isinstance(found, RoleValue) and found.role is Role.GENERATOR:
                    return found._replace(role=Role.LENT)
                return None
            case Imported():
                return self._imported(how, scope.module)
            case Defined(node=ast.ClassDef() as node):
                return self._class(node, scope)
            case Defined(node=ast.FunctionDef() | ast.AsyncFunctionDef() as node):
                return FunctionValue(node, scope, self._class_of(scope))
            case Parameter():
                return self._parameter(how, scope)
        return None

    def _unpacked(self, value: Value | None, path: tuple[int, ...]) -> Value | None:
        for index in path:
            if not isinstance(value, TupleValue) or index >= len(value.items):
                return None
            value = value.items[index]
        return value

    def _imported(self, how: Imported, importer: Module) -> Value | None:
        dotted = f"{how.module}.{how.name}" if how.name else how.module
        module = self.project.find(importer.path, how.module, how.level)
        if dotted in self.vocabulary.factories:
            found = self.member(module, how.name) if module and how.name else None
            return _declared(dotted, found, module.scope if module is not None else None)
        if module is None:
            return roles.lookup(dotted)
        if not how.name:
            return ModuleValue(module.scope)
        found = self.member(module, how.name)
        return self._or_bare(found, how.name, module.scope, [Binding(how, importer.scope)])

    def _member(self, module: Module, name: str) -> Value | None:
        for factory in self.vocabulary.factories:
            prefix, _, last = factory.rpartition(".")
            if last == name and module.answers_to(prefix):
                found = self._one_bound(module.bindings(name))
                return _declared(factory, found, module.scope)
        bindings = module.bindings(name)
        value = self._one_bound(bindings)
        submodule = self.submodule(module, name) if value is None else None
        if submodule is not None:
            return ModuleValue(submodule.scope)
        if bindings:
            return self._or_bare(value, name, module.scope, bindings)
        return self._star_imported(module, name)

    def _star_imported(self, module: Module, name: str) -> Value | None:
        for statement in module.star_imports():
            source = self.project.find(module.path, statement.module or "", statement.level)
            found = self.member(source, name) if source else None
            if source is None and statement.module and not statement.level:
                external = roles.lookup(f"{statement.module}.{name}")
                found = external if isinstance(external, RoleValue) else None
            if found is not None:
                return found
        return None

    def _class(self, node: ast.ClassDef, scope: Scope) -> Value:
        for base in node.bases:
            known = self.value(base, scope)
            if isinstance(known, RoleValue) and known.role in (
                Role.SESSION_CLASS,
                Role.EXTENSION_MAKER,
                Role.FACTORY_MAKER,
            ):
                return known._replace(name=node.name, home=scope, of_class=ClassValue(node, scope))
        return ClassValue(node, scope)

    def _class_of(self, scope: Scope) -> ClassValue | None:
        if isinstance(scope.node, ast.ClassDef) and scope.parent is not None:
            return ClassValue(scope.node, scope.parent)
        return None

    def _parameter(self, how: Parameter, scope: Scope) -> Value | None:
        cls = self._class_of(scope.parent) if how.is_receiver and scope.parent else None
        if cls is not None:
            is_class = "classmethod" in decorator_names(scope.node)
            return self._class(cls.node, cls.scope) if is_class else InstanceValue(cls)
        outside = scope.parent or scope
        if how.default is not None:
            given = self._given(how.default, outside)
            if given is not None:
                return given
        annotation = how.arg.annotation
        annotated = self.annotated(annotation, outside) if annotation is not None else None
        if annotated is None or (isinstance(annotated, RoleValue) and annotated.is_assumed):
            passed = self._passed_callable(how.arg.arg, scope) or annotated
            if passed is None:
                passed = self._passed_session(how.arg.arg, scope)
            if passed is None and annotation is None:
                passed = used_session(how.arg.arg, scope)
            return self._passed_engine(how.arg.arg, scope) if passed is None else passed
        return annotated

    def _passed_session(self, parameter: str, scope: Scope) -> RoleValue | None:
        """Give the session or connection that every call in a function's own module gives it."""
        if not isinstance(scope.node, FUNCTIONS) or not hints(parameter):
            return None
        passed = list(self._passed(parameter, scope))
        held = [value for value in passed if isinstance(value, RoleValue) and value.role in HELD]
        if not held or len(held) < len(passed) or len({value.resource for value in held}) > 1:
            return None
        return held[0]._replace(role=Role.GIVEN)

    def _passed_engine(self, parameter: str, scope: Scope) -> RoleValue | None:
        """Give the engine that every call in a function's own module gives it to connect."""
        is_connected = any(f"{parameter}.{name}(" in scope.module.text for name in _CONNECTING)
        if not isinstance(scope.node, FUNCTIONS) or not is_connected:
            return None
        passed = list(self._passed(parameter, scope))
        engines = [v for v in passed if isinstance(v, RoleValue) and v.role is Role.ENGINE]
        if not engines or len(engines) < len(passed) or len({e.is_async for e in engines}) > 1:
            return None
        return engines[0] if len(engines) == 1 else engines[0]._replace(database=None)

    def _passed(self, parameter: str, scope: Scope) -> Iterator[Value | None]:
        """Give what the calls in a function's own module give it for a parameter."""
        for call, where in calls_of(scope):
            callee = self._run_by(call, where)
            if callee is not None and callee.node is scope.node:
                for key, argument in arguments_of(call):
                    if receiving_parameter(callee, key) == parameter:
                        yield self.value(argument, where)

    def _passed_callable(self, parameter: str, scope: Scope) -> Value | None:
        """Tell what a function's own module gives it to call; a lender where any call gives one."""
        if not isinstance(scope.node, FUNCTIONS) or not is_called(parameter, scope):
            return None
        passed = [value for value in self._passed(parameter, scope) if value is not None]
        known = [(value, self.role(value)) for value in passed]
        opening = [value for value, part in known if part is not None and part.role in OPENING]
        if len(opening) == len(passed):
            return opening[0] if opening else None
        return next((v for v, part in known if part is not None and part.role in _LENDING), None)

    def _run_by(self, call: ast.Call, scope: Scope) -> FunctionValue | None:
        """Give the function of the project that a call runs; for a class, its constructor."""
        callee = self.value(call.func, scope)
        if isinstance(callee, ClassValue):
            return self.constructor(callee)
        return callee if isinstance(callee, FunctionValue) else None

    def _given(self, default: ast.expr, scope: Scope) -> Value | None:
        """Tell what a default says: ``db=Depends(get_db)``, ``factory=SessionLocal``."""
        if injected_callable(default, scope) is not None:
            return self._injected(default, scope)
        known = self.known(default, scope)
        if known is not None and known.role is Role.OPENED:
            return known._replace(role=Role.LENT)
        return known

    def _injected(self, expression: ast.expr, scope: Scope) -> RoleValue | None:
        """Tell what ``Depends(get_db)`` gives; None for anything else."""
        injected = injected_callable(expression, scope)
        if injected is None:
            return None
        known = self.role(self._called(self.value(injected, scope)))
        return known._replace(role=Role.GIVEN) if known else None

    def _call(self, call: ast.Call, scope: Scope) -> Value | None:
        if isinstance(call.func, ast.Attribute) and call.func.attr in GETTERS:
            kept = self._kept_in(call.func.value, scope)
            if kept is not None:
                return kept
        callee = self.value(call.func, scope)
        match callee:
            case RoleValue(role=Role.FACTORY_MAKER):
                made = _made_factory(callee, call, self, scope)
                database = self._database(bound_to(call), scope) or (call, scope)
                return made._replace(database=database)
            case RoleValue(role=Role.SESSION_CLASS, home=None):
                engine = bound_to(call)
                home = self._home_of_engine(engine, scope)
                opened = callee._replace(home=home, database=self._database(engine, scope))
                return self._called(opened._replace(autoflushes=_autoflushes(call, scope)))
            case RoleValue(role=Role.FACTORY | Role.EXTENSION_MAKER, autoflushes=True):
                return self._called(callee._replace(autoflushes=_autoflushes(call, scope)))
            case RoleValue(role=Role.REGISTRY_MAKER) if call.args:
                factory = self.known(call.args[0], scope)
                is_known = factory is None or factory.autoflushes
                return self._called(callee._replace(autoflushes=is_known))
            case External(name=name):
                return self._external_call(name, call, scope)
            case None if isinstance(call.func, ast.Attribute):
                if call.func.attr in ("enter_context", "enter_async_context") and call.args:
                    return self.entered(call.args[0], scope)
            case ClassValue():
                return self._proxied(callee, call, scope) or self._called(callee)
        return self._called(callee)

    def _proxied(self, cls: ClassValue, call: ast.Call, scope: Scope) -> RoleValue | None:
        """Give what is new and an object of a class stands for; None for no such object."""
        stands_for = proxied(cls.scope.child(cls.node))
        constructor = self.constructor(cls) if stands_for is not None else None
        if stands_for is None or constructor is None:
            return None
        for key, given in arguments_of(call):
            if parameter_for(constructor, key) == stands_for.parameter:
                known = self.known(given, scope)
                if known is None or known.role is not Role.OPENED:
                    return None
                if known.resource is Resource.SESSION:
                    return known
                # The block of a driver's connection does what no other end of a block stands for.
                is_pooled = known.is_pooled and not stands_for.is_given_back
                return None if stands_for.closes_at_end else known._replace(is_pooled=is_pooled)
        return None

    def _called(self, callee: Value | None) -> Value | None:
        """Tell what calling a value gives, whatever the arguments."""
        match callee:
            case ClassValue():
                return InstanceValue(callee)
            case InstanceValue(cls=cls):
                return self._called(self._instance_attribute(cls, "__call__"))
            case External(name=name):
                return roles.lookup(f"{name}()")
            case FunctionValue():
                known = self.role(callee)
                return self._called(known) if known else self.result(callee).returns
            case RoleValue(role=role) if role in _RESULTS:
                return callee._replace(role=_RESULTS[role], source=role)
        return None

    def _home_of_engine(self, engine: ast.expr | None, scope: Scope) -> Scope | None:
        """Give the module that defines the engine of ``Session(engine)``: the house's, it seems."""
        if not isinstance(engine, ast.Name):
            return None
        return next((origin.scope for origin in self.origins(engine.id, scope)), None)

    def _database(
        self, engine: ast.expr | None, scope: Scope
    ) -> tuple[ast.expr | ast.arg, Scope] | str | None:
        """Follow the engine of a session or factory to the code that makes it."""
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(engine, ast.Name):
                break
            origin = next(iter(self.origins(engine.id, scope)), None)
            match origin.how if origin is not None else None:
                case Assigned(value=value, path=()):
                    assert origin is not None
                    engine, scope = value, origin.scope
                    if not isinstance(value, ast.Name):
                        return value, scope
                case Parameter(arg=arg):
                    return arg, scope
                case Imported(module=module, name=name):
                    return f"{module}.{name}"
                case _:
                    return engine.id
        made = self._made_in_class(engine, scope) if isinstance(engine, ast.Attribute) else None
        if made is not None:
            return made
        if isinstance(engine, ast.Call):
            return engine, scope
        return ast.unparse(engine) if engine is not None else None

    def _made_in_class(
        self, attribute: ast.Attribute, scope: Scope
    ) -> tuple[ast.Call, Scope] | None:
        """Give the call whose result a class keeps as ``self.engine``, where there is one alone."""
        cls = scope.enclosing_class()
        if cls is None or not isinstance(self.value(attribute.value, scope), InstanceValue):
            return None
        hows = [(b.how, b.scope) for b in cls.attributes(attribute.attr)]
        match hows:
            case [(Assigned(value=ast.Call() as call, path=()), where)]:
                return call, where
        return None

    def _external_call(self, name: str, call: ast.Call, scope: Scope) -> Value | None:
        first = call.args[0] if call.args else None
        if first is None:
            return roles.lookup(f"{name}()")
        if name in TRANSPARENT_CALLS:
            return self.value(first, scope)
        if (run := relayed(name, call)) is not None:
            return self._called(self.value(run, scope))
        if name in CASTS and len(call.args) == 2:
            return self.value(call.args[1], scope) or self.annotated(first, scope)
        if name == PARTIAL:
            return self._partial(self.known(first, scope))
        if name in MANAGER_MAKERS:
            known = self.known(first, scope)
            if known is not None and known.role is Role.DEPENDENCY:
                return known._replace(role=Role.PROVIDER)
        if name.rpartition(".")[2] in STACK_ENTRIES:
            return self.entered(first, scope)
        return External(f"{name}()")

    def _partial(self, known: RoleValue | None) -> Value | None:
        if known is not None and known.role in (Role.SESSION_CLASS, Role.FACTORY):
            return known._replace(role=Role.FACTORY)
        return known

    def _kept_in(self, container: ast.expr, scope: Scope) -> RoleValue | None:
        """Tell what a container of a module, a class or an object keeps, where all of it is one."""
        found = self._container(container, scope)
        if found is None:
            return None
        name, bindings, owner = found
        kept = self._once(
            ("kept in", name), owner, lambda: self._one_of(stored_values(name, bindings, owner))
        )
        return kept if isinstance(kept, RoleValue) else None

    def _container(
        self, container: ast.expr, scope: Scope
    ) -> tuple[str, list[Binding], Scope] | None:
        """Find what may be a container: its name, all that binds it, and whose it is."""
        match container:
            case ast.Name(id=name):
                home = scope.defining(name)
                return self._container_in(home, name) if home is not None else None
            case ast.Attribute(value=base, attr=name):
                match self.value(base, scope):
                    case ModuleValue(scope=module):
                        return self._container_in(module, name)
                    case InstanceValue(cls=cls) | (ClassValue() as cls):
                        owner = cls.scope.child(cls.node)
                        return name, owner.attributes(name), owner
        return None

    def _container_in(self, home: Scope, name: str) -> tuple[str, list[Binding], Scope] | None:
        for _ in range(_LONGEST_CHAIN):
            bindings = home.bindings(name)
            match bindings:
                case [Binding(how=Imported(module=path, name=str() as origin, level=level))]:
                    module = self.project.find(home.module.path, path, level)
                    if module is None:
                        return None
                    home, name = module.scope, origin
                case _:
                    is_lasting = isinstance(home.node, (ast.Module, ast.ClassDef))
                    return (name, bindings, home) if is_lasting else None
        return None

    def _one_of(self, stored: list[tuple[ast.expr, Scope]] | None) -> RoleValue | None:
        """Give the one part that all values of a container play; each has a database of its own."""
        values = [
            self.value(value, scope)
            for value, scope in stored or ()
            if not (isinstance(value, ast.Constant) and value.value is None)
        ]
        first = next(iter(values), None)
        if not isinstance(first, RoleValue) or first.role not in _KEPT_BY_KEY:
            return None
        kinds = {
            (value.role, value.resource, value.is_async) if isinstance(value, RoleValue) else None
            for value in values
        }
        return first._replace(database=None) if len(kinds) == 1 else None

    def _item(self, value: Value | None, index: ast.expr) -> Value | None:
        if isinstance(value, TupleValue) and isinstance(index, ast.Constant):
            position = index.value
            if isinstance(position, int) and -len(value.items) <= position < len(value.items):
                return value.items[position]
        if isinstance(value, RoleValue) and value.role in (Role.FACTORY_MAKER, Role.REGISTRY_MAKER):
            return value
        return None

    def _class_attribute(self, cls: ClassValue, name: str) -> Value | None:
        scope = cls.scope.child(cls.node)
        bindings = scope.bindings(name)
        if bindings:
            return self._one_bound(bindings)
        return self._inherited(cls, lambda base: self._class_attribute(base, name))

    def _instance_attribute(self, cls: ClassValue, name: str) -> Value | None:
        scope = cls.scope.child(cls.node)

        def own() -> Value | None:
            bindings = scope.attributes(name)
            if not bindings:
                return self._inherited(cls, lambda base: self._instance_attribute(base, name))
            value = self._one_bound(bindings)
            return self._read(value) if isinstance(value, FunctionValue) else _kept(value)

        return self._once(("attribute", name), scope, own)

    def _inherited(
        self, cls: ClassValue, answer: Callable[[ClassValue], Value | None]
    ) -> Value | None:
        for base in cls.node.bases:
            value = self.value(base, cls.scope)
            if isinstance(value, ClassValue) and value.node is not cls.node:
                found = answer(value)
                if found is not None:
                    return found
        return None

    def _read(self, function: FunctionValue) -> Value | None:
        """Give what reading a method gives: itself, or a property's value, which may be new."""
        names = decorator_names(function.node)
        if "property" in names:
            return self._called(function)
        return _kept(self._called(function)) if "cached_property" in names else function

    def _entered_instance(self, instance: InstanceValue) -> Value | None:
        for method in ("__enter__", "__aenter__"):
            function = self._instance_attribute(instance.cls, method)
            if isinstance(function, FunctionValue):
                result = self._called(function)
                return result._replace(role=Role.LENT) if isinstance(result, RoleValue) else result
        return None

    def _annotated(self, annotation: ast.expr, scope: Scope) -> Value | None:
        match annotation:
            case ast.Constant(value=str() as text):
                tree = parse(text)
                if tree and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
                    return self.annotated(tree.body[0].value, scope)
                return None
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self.annotated(left, scope) or self.annotated(right, scope)
            case ast.Subscript(value=base, slice=inner):
                if last_segment(base) == "Callable":
                    return self._annotated_callable(inner, scope)
                if last_segment(base) in _WRAPPING_ANNOTATIONS:
                    options = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                    injected = (self._injected(option, scope) for option in options[1:])
                    if (given := next(filter(None, injected), None)) is not None:
                        return given
                    if last_segment(base) != "Union":
                        options = options[:1]
                    return _choose(self.annotated(option, scope) for option in options)
                return _instance(self.value(base, scope))
            case ast.Name(id=name):
                return self._annotated_by_name(name, scope)
            case ast.Attribute():
                return _instance(self.value(annotation, scope))
        return None

    def _annotated_callable(self, signature: ast.expr, scope: Scope) -> Value | None:
        """See ``Callable[[], Session]`` as what may open one: that needs a close to prove it."""
        match signature:
            case ast.Tuple(elts=[ast.List(elts=[]), returned]):
                value = self.annotated(returned, scope)
                if isinstance(value, RoleValue) and value.role is Role.GIVEN:
                    is_session = value.resource is Resource.SESSION
                    role = Role.FACTORY if is_session else Role.CONNECT
                    return value._replace(role=role, is_assumed=True)
        return None

    def _annotated_by_name(self, name: str, scope: Scope) -> Value | None:
        """Follow an alias such as ``SessionDep = Annotated[Session, Depends(get_db)]``."""
        for binding in self.origins(name, scope):
            if isinstance(binding.how, Assigned) and not binding.how.path:
                found = self.annotated(binding.how.value, binding.scope)
            else:
                found = _instance(self._bound(binding))
            if found is not None:
                return found
        return _instance(self._star_imported(scope.module, name))


def relayed(name: str, call: ast.Call) -> ast.expr | None:
    """Give the function that a call relays to: ``create`` of ``to_thread(create)``.

    Args:
        name: the qualified name of what is called.
        call: the call.

    Returns:
        What names the function; None for any other call.
    """
    position = RELAYS.get(name)
    return call.args[position] if position is not None and len(call.args) > position else None


def _or_proven(value: Value | None, method: ast.Attribute, scope: Scope) -> Value | None:
    """See a method of what cannot be followed for what it is, where its use leaves no doubt.

    Only pools have ``getconn``, only engines ``raw_connection``, and SQLAlchemy alone takes what
    ``connect`` of an engine gives.
    """
    if value is not None and not isinstance(value, External):
        return value
    name, connection = f".{method.attr}", Resource.CONNECTION
    if method.attr == "getconn":
        pooled = RoleValue(Role.ACCESSOR, connection, name=name, library="psycopg2")
        return pooled._replace(is_pooled=True)
    function = scope.function()
    is_async = function is not None and isinstance(function.node, ast.AsyncFunctionDef)
    is_raw = method.attr == "raw_connection" and not is_async
    if is_raw or (method.attr == "connect" and is_proven_engine(method.value, scope)):
        return RoleValue(Role.CONNECT, connection, name=name, library="sqlalchemy")
    return value


def bound_to(call: ast.Call) -> ast.expr | None:
    """Give what a session is bound to: the first argument of ``Session(...)``, or ``bind``."""
    if call.args:
        return call.args[0]
    return keyword_of(call, "bind")


def _read_of(bindings: Iterable[Binding], attribute: str) -> Iterator[Binding]:
    """Give the imports of an attribute that those of its module stand for."""
    for binding in bindings:
        how = binding.how
        if isinstance(how, Imported):
            module = ".".join(filter(None, (how.module, how.name)))
            yield binding._replace(how=Imported(module, attribute, how.level))
        else:
            yield binding


def _binds_none(binding: Binding) -> bool:
    """Tell whether a name is bound to ``None`` for want of anything else."""
    match binding.how:
        case Assigned(value=ast.Constant(value=None)):
            return True
    return False


def injected_callable(expression: ast.expr, scope: Scope) -> ast.expr | None:
    """Give what ``Depends(...)`` or ``Security(...)`` names, by any spelling of its module.

    Args:
        expression: a parameter's default, or an argument of ``Annotated``.
        scope: the scope it is read in, for ``from fastapi import Depends as Inject``.

    Returns:
        The callable's expression; None for anything else.
    """
    if isinstance(expression, ast.Call) and _names_injector(expression.func, scope):
        if expression.args:
            return expression.args[0]
        return keyword_of(expression, "dependency")
    return None


def _names_injector(expression: ast.expr, scope: Scope) -> bool:
    """Tell whether a name is that of an injector, or was before an import renamed it."""
    if last_segment(expression) in INJECTORS:
        return True
    if not isinstance(expression, ast.Name) or not _renames_injectors(scope.module.scope):
        return False
    bindings = scope.lookup(expression.id)
    return any(isinstance(b.how, Imported) and b.how.name in INJECTORS for b in bindings)


@remembered
def _renames_injectors(module: Scope) -> bool:
    text = module.module.text
    return any(name in text and renamed.search(text) for name, renamed in _RENAMED.items())


def _choose(options: Iterable[Value | None]) -> Value | None:
    """Choose what matters of several values: a new session, then a known part, then any."""
    values = [value for value in options if value is not None]
    known = [value for value in values if isinstance(value, RoleValue)]
    opened = [value for value in known if value.role is Role.OPENED]
    return next(iter(opened + known + values), None)


def _only_says(binding: Binding) -> bool:
    """Tell whether a binding is an annotation, and gives no value or none but None."""
    match binding.how:
        case Annotated(value=None | ast.Constant(value=None)):
            return True
    return False


def _declared(name: str, found: Value | None, home: Scope | None) -> RoleValue:
    """Give a factory by the policy's word, with what the code says of it besides."""
    if not isinstance(found, RoleValue):
        is_async = name.rpartition(".")[2].lower().startswith("async")
        return RoleValue(Role.FACTORY, is_async=is_async, name=name, home=home)
    if found.role is Role.FACTORY:
        return found._replace(name=name, home=home)
    return RoleValue(
        Role.FACTORY, is_async=found.is_async, name=name, home=home, database=found.database
    )


def _instance(value: Value | None) -> Value | None:
    """Give what an object of an annotated class is."""
    if isinstance(value, ClassValue):
        return InstanceValue(value)
    if isinstance(value, RoleValue) and value.role in _INSTANCES:
        return value._replace(role=_INSTANCES[value.role])
    if isinstance(value, External) and value.name not in _ANYTHING:
        return External(f"{value.name}()")
    return None


def _is_held(value: Value | None) -> bool:
    return isinstance(value, RoleValue) and value.role in HELD


def _kept(value: Value | None) -> Value | None:
    """See a session through an attribute: it is the object's, and no longer new."""
    if isinstance(value, RoleValue) and value.role is Role.OPENED:
        return value._replace(role=Role.LENT)
    return value


def _attribute_of_known(known: RoleValue, name: str) -> RoleValue | None:
    found = _ATTRIBUTES.get((known.role, name))
    if found is None:
        return None
    role, resource = found
    commits = known.role in (Role.ENGINE, Role.FACTORY) and name == "begin"
    if known.role is Role.POOL and role is Role.PROVIDER:  # as the connection's own block does
        commits = BlockEnd.COMMITS in driver_of(known.library).block
    return known._replace(
        role=role,
        resource=resource,
        commits=commits,
        name=f"{known.name}.{name}",
        is_pooled=known.role is Role.POOL and role is Role.ACCESSOR,
    )


def _made_factory(
    maker: RoleValue, call: ast.Call, inference: Inference, scope: Scope
) -> RoleValue:
    """Read ``sessionmaker(...)``: the class it makes, whether a commit expires objects."""
    is_async = maker.is_async
    keeps_loaded: bool | None = False
    of_class = maker.of_class
    for keyword in call.keywords:
        if keyword.arg == "class_":
            cls = inference.known(keyword.value, scope)
            is_async = is_async or (cls is not None and cls.is_async)
            of_class = cls.of_class if cls is not None else External("")
        if keyword.arg == "expire_on_commit":
            value = keyword.value
            keeps_loaded = value.value is False if isinstance(value, ast.Constant) else None
        if keyword.arg is None:
            keeps_loaded = None
    return RoleValue(
        Role.FACTORY,
        is_async=is_async,
        name=maker.name,
        home=scope,
        source=Role.FACTORY_MAKER,
        keeps_loaded=keeps_loaded,
        of_class=of_class,
        autoflushes=_autoflushes(call, scope),
    )


def _autoflushes(call: ast.Call, scope: Scope) -> bool:
    """Tell whether ``sessionmaker(...)``, ``Session(...)`` or ``SQLAlchemy(...)`` leaves it on.

    Not where ``configure`` of its module may turn it off later.
    """
    text = scope.module.text
    if ".configure(" in text and "autoflush" in text:
        return False
    told = [keyword.value for keyword in call.keywords if keyword.arg in _TELLING_AUTOFLUSH]
    return all(isinstance(value, ast.Constant) and bool(value.value) for value in told)
