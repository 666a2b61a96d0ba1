"""How the way out is worded where a ``with`` block cannot simply take the place of an opening."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder, holder_of
from flake8_dbsession.analysis.facts.acquisition.given_or_own import GivenOrOwn, given_or_own
from flake8_dbsession.analysis.facts.lifetime.conditions import missing_at
from flake8_dbsession.analysis.facts.scope.sharing import becomes_global
from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.scopes import Assigned, Imported, Parameter, Scope, declared
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.analysis.nodes import is_name, nodes_in, own_nodes, root_of
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.house.house import WRITE_ONE
from flake8_dbsession.patterns import regex

_BLOCK = regex(r"(`(?:async )?with )(.+)( as \w+:`)")
_KEEPING = frozenset({Holder.ATTRIBUTE, Holder.INSTANCE})

CLOSE_REPLACED = "close it before the next one is opened, and in a `finally` around the loop"
"""The way out for what a loop opens again."""


def fitted(pattern: str, acquisition: Acquisition, tree: Tree, *, is_kept: bool = False) -> str:
    """Word a way out so that it fits the place of an acquisition.

    Args:
        pattern: the sanctioned code between backticks, or words.
        acquisition: what it is to take the place of.
        tree: the visited part of the file.
        is_kept: whether others have what is opened, or an object made with it, when the function
            has ended.

    Returns:
        The pattern, with what has to change around it: an object that is kept is given a session
        from outside, what becomes a global, or goes into one, has no block around its life, what is
        returned is opened by the callers, what is opened where none was given needs a block that
        closes only its own, and what is opened on another condition one under that condition.
    """
    if _is_kept(acquisition, tree):
        return passed_in(pattern, acquisition.scope)
    if becomes_global(acquisition) or _is_in_global(acquisition, tree):
        return f"one for each piece of work{opened_by(pattern, acquisition.scope)}"
    if not pattern.startswith(("`with ", "`async with ")):
        return pattern
    if _is_returned(acquisition):
        is_theirs = not is_local(pattern, acquisition.scope)
        return f"{pattern} in its callers" if is_theirs else WRITE_ONE
    choice = _choice_at(acquisition, tree) if not is_kept else None
    if choice is not None:
        return in_coroutine(_choosing(pattern, choice), acquisition.scope)
    if is_conditional(acquisition, tree):
        is_given = is_parameter(acquisition.name, acquisition.scope) or any(
            _may_be_passed_in(missing, acquisition.scope)
            for missing in missing_at(acquisition.node, tree)
        )
        return f"{pattern} {'where none was passed in' if is_given else 'around the work'}"
    if is_kept:
        return passed_in(pattern, acquisition.scope)
    return in_coroutine(pattern, acquisition.scope)


def _choosing(pattern: str, choice: GivenOrOwn) -> str:
    """Have a block choose as the code does, so that it closes only what it opens itself."""
    return _BLOCK.sub(lambda m: f"{m[1]}{choice.entered(m[2])}{m[3]}", pattern)


def _choice_at(acquisition: Acquisition, tree: Tree) -> GivenOrOwn | None:
    """Give how code chooses between a session that it was given and its own, to work with it.

    Args:
        acquisition: what is opened.
        tree: the visited part of the file.

    Returns:
        None as well where it may be the function's own from an earlier turn, and where it is kept.
    """
    function, name = acquisition.scope.function(), acquisition.name
    if function is None or acquisition.known.resource is not Resource.SESSION:
        return None
    choice = given_or_own(acquisition.node, name, tree)
    if choice is None or _begins_as_none(choice.given, function) or _is_stored(name, function):
        return None
    return choice


def _is_stored(name: str, function: Scope) -> bool:
    return any(
        isinstance(node, ast.Assign)
        and is_name(node.value, name)
        and not all(isinstance(target, ast.Name) for target in node.targets)
        for node in own_nodes(function.node)
    )


def _begins_as_none(given: ast.expr, function: Scope) -> bool:
    hows = [binding.how for binding in function.bindings(ast.unparse(root_of(given)))]
    return any(
        isinstance(how, Assigned)
        and isinstance(how.value, ast.Constant)
        and how.value.value is None
        for how in hows
    )


def _may_be_passed_in(place: ast.expr, scope: Scope) -> bool:
    """Tell whether a name is a parameter or stands for one, or an attribute is that of one."""
    root = root_of(place)
    return isinstance(root, ast.Name) and (
        is_parameter(root.id, scope)
        or any(
            isinstance(binding.how, Assigned)
            and isinstance(binding.how.value, ast.Name)
            and is_parameter(binding.how.value.id, scope)
            for binding in scope.lookup(root.id)
        )
    )


def passed_in(pattern: str, scope: Scope | None = None) -> str:
    """Say that an object is given its session by whoever makes it.

    Args:
        pattern: the sanctioned code between backticks, or words.
        scope: where the object gets it now; None where the pattern is no code of that place.
    """
    opened = f", opened by {pattern}" if scope is None else opened_by(pattern, scope)
    return f"one that is passed in{opened}"


def opened_by(pattern: str, scope: Scope) -> str:
    """Say by what others open a session: empty for what only the function in a scope can name."""
    return "" if is_local(pattern, scope) else f", opened by {pattern}"


def is_local(pattern: str, scope: Scope) -> bool:
    """Tell whether the code of a pattern names what only the function around it has.

    Args:
        pattern: the code between backticks, or words.
        scope: where it is to be written in the end, or is not.

    Returns:
        True for a parameter, ``self`` among them, and for what is bound there; False for what the
        function imports, which others can import as well.
    """
    found = _BLOCK.match(pattern)
    tree = parse(found[2]) if found is not None else None
    return tree is not None and any(
        _is_of_function(node.id, scope) for node in ast.walk(tree) if isinstance(node, ast.Name)
    )


def _is_of_function(name: str, scope: Scope) -> bool:
    home = scope.defining(name)
    if home is None or home is scope.module.scope:
        return False
    return not all(isinstance(binding.how, Imported) for binding in home.bindings(name))


def in_coroutine(pattern: str, scope: Scope) -> str:
    """Say that an ``async with`` needs an ``async def``, where there is a plain one."""
    function = scope.function()
    is_plain = function is not None and not isinstance(function.node, ast.AsyncFunctionDef)
    needs = pattern.startswith("`async with ") and is_plain
    return f"{pattern} in an `async def`" if needs else pattern


def is_parameter(name: str, scope: Scope) -> bool:
    """Tell whether a name may be what the function around was given."""
    return any(isinstance(binding.how, Parameter) for binding in scope.lookup(name))


def _is_kept(acquisition: Acquisition, tree: Tree) -> bool:
    """Tell whether an object holds an acquisition, or one that it is an argument of leaves."""
    if acquisition.holder is Holder.ARGUMENT and isinstance(acquisition.target, ast.Call):
        holder, _, _ = holder_of(acquisition.target, acquisition.scope, tree)
        leaves = holder is Holder.RETURN and constructs_by_name(acquisition.target)
        return leaves or holder in _KEEPING
    if acquisition.holder is Holder.LOCAL:
        return leaves_in_an_object(acquisition.name, acquisition.scope)
    return acquisition.holder in _KEEPING


def _is_in_global(acquisition: Acquisition, tree: Tree) -> bool:
    """Tell whether a function keeps what is made with an acquisition under a global name."""
    if acquisition.holder is Holder.ARGUMENT and isinstance(acquisition.target, ast.Call):
        holder, name, _ = holder_of(acquisition.target, acquisition.scope, tree)
        if not constructs_by_name(acquisition.target):
            return False
        if holder is not Holder.LOCAL:
            return holder is Holder.GLOBAL
    else:
        name = acquisition.name if acquisition.holder is Holder.LOCAL else ""
    function = acquisition.scope.function()
    return function is not None and name in _names_in_globals(function)


@remembered
def _names_in_globals(function: Scope) -> frozenset[str]:
    """Give the local names that a function keeps in globals, by themselves or in an object."""
    kept = set(declared(function, ast.Global))
    if not kept:
        return frozenset()
    assigned = [node for node in own_nodes(function.node) if isinstance(node, ast.Assign)]
    found: set[str] = set()
    while pending := [node for node in assigned if _named_in_targets(node) & kept]:
        assigned = [node for node in assigned if node not in pending]
        kept = {name for node in pending for name in _names_handed(node.value)}
        found |= kept
    return frozenset(found)


def _named_in_targets(assignment: ast.Assign) -> set[str]:
    return {target.id for target in assignment.targets if isinstance(target, ast.Name)}


def _names_handed(value: ast.expr) -> Iterator[str]:
    """Give the names that an object is made with, or the one that is handed on."""
    match value:
        case ast.Name(id=name):
            yield name
        case ast.Call() if constructs_by_name(value):
            yield from (part.id for part in nodes_in(value) if isinstance(part, ast.Name))


def _is_returned(acquisition: Acquisition) -> bool:
    """Tell whether a function gives what it opens to its callers, so that no block can close it."""
    if acquisition.holder is Holder.RETURN:
        return True
    function = acquisition.scope.function()
    return (
        acquisition.holder is Holder.LOCAL
        and function is not None
        and acquisition.name in _names_returned(function)
    )


@remembered
def _names_returned(function: Scope) -> frozenset[str]:
    return frozenset(
        node.value.id
        for node in own_nodes(function.node)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name)
    )


def leaves_in_an_object(name: str, scope: Scope) -> bool:
    """Tell whether an object that is made with a function's local session is returned, or kept.

    Args:
        name: the session's name.
        scope: a scope in the function.
    """
    function = scope.function()
    return function is not None and name in _names_in_leaving_objects(function)


@remembered
def _names_in_leaving_objects(function: Scope) -> frozenset[str]:
    return frozenset(
        inner.id
        for node in own_nodes(function.node)
        if isinstance(node, ast.Return) or _keeps(node)
        if isinstance(node.value, ast.Call)  # type: ignore[attr-defined]
        and constructs_by_name(node.value)  # type: ignore[attr-defined]
        for inner in nodes_in(node.value)  # type: ignore[attr-defined]
        if isinstance(inner, ast.Name)
    )


def _keeps(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Attribute) for t in node.targets)


def is_conditional(acquisition: Acquisition, tree: Tree) -> bool:
    """Tell whether it is opened on some ways only to what works with it: ``db or connect()``.

    Args:
        acquisition: what is opened.
        tree: the visited part of the file.

    Returns:
        True as well for a branch that tests the name, or that ends before the name is read again:
        no block can stand around the opening and that work.
    """
    names = _names_given(acquisition, tree)
    for node in tree.ancestors(acquisition.node):
        match node:
            case ast.BoolOp() | ast.IfExp():
                return True
            case ast.If(test=test) if not names.isdisjoint(_named_in(test)):
                return True
            case ast.If() | ast.Try() if _is_read_next(names, node, acquisition.scope):
                return not _is_in_body(acquisition.node, node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                break
    return False


def is_reopened(acquisition: Acquisition, tree: Tree) -> bool:
    """Tell whether it is opened in a branch for the next turns of a loop: ``conn = connect()``.

    Args:
        acquisition: what is opened.
        tree: the visited part of the file.

    Returns:
        True where the loop reads the name outside of the branch, for a block in the branch would
        end before the next turn begins.
    """
    names = _names_given(acquisition, tree)
    branch: ast.AST | None = None
    for node in tree.ancestors(acquisition.node):
        match node:
            case ast.If(test=test) if not names.isdisjoint(_named_in(test)):
                break
            case ast.If() | ast.ExceptHandler():
                branch = node
            case ast.For() | ast.AsyncFor() | ast.While():
                return branch is not None and _reads_elsewhere(node, branch, names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                break
    return False


def _reads_elsewhere(loop: ast.stmt, branch: ast.AST, names: frozenset[str]) -> bool:
    inside = set(nodes_in(branch))
    named = [
        node
        for node in nodes_in(loop)
        if isinstance(node, ast.Name) and node.id in names and node not in inside
    ]
    return bool(named) and all(isinstance(node.ctx, ast.Load) for node in named)


def _names_given(acquisition: Acquisition, tree: Tree) -> frozenset[str]:
    """Give the names of what is opened, or of what was asked of it on the spot, as a cursor is."""
    match tree.statement(acquisition.node):
        case ast.Assign(targets=targets):
            return frozenset(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset({acquisition.name})


def _named_in(node: ast.AST) -> set[str]:
    return {part.id for part in nodes_in(node) if isinstance(part, ast.Name)}


def _is_read_next(names: frozenset[str], statement: ast.stmt, scope: Scope) -> bool:
    """Tell whether one of some names is read after a statement, before it is bound again."""
    function = scope.function() or scope.module.scope
    later = (
        node
        for node in own_nodes(function.node)
        if isinstance(node, ast.Name)
        and node.id in names
        and node.lineno > (statement.end_lineno or statement.lineno)
    )
    following = next(later, None)
    return following is not None and isinstance(following.ctx, ast.Load)


def _is_in_body(node: ast.expr, statement: ast.stmt) -> bool:
    """Tell whether a node stands in the body of a ``try``, which is no branch."""
    if not isinstance(statement, ast.Try):
        return False
    last = statement.body[-1]
    return node.lineno <= (last.end_lineno or last.lineno)
