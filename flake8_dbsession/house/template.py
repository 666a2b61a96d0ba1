"""A provider, written for a factory that has none."""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterable, Iterator
from itertools import chain, count, dropwhile

from flake8_dbsession.named_tuples import NamedTuple

_LONGEST = 88  # characters of a line, in most houses
_NAMES = {
    False: ("get_db_session", "session_scope", "db_session"),
    True: ("get_async_db_session", "async_session_scope", "async_db_session"),
}
_CLASSES = {False: "Session", True: "AsyncSession"}
_SYNC = '''\
@contextmanager
def {name}() -> Iterator[{of}]:
    """Open a session: commit at the end, roll back on an error, and close."""
    with {factory}() as session:
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
'''
_ASYNC = '''\
@asynccontextmanager
async def {name}() -> AsyncIterator[{of}]:
    """Open a session: commit at the end, roll back on an error, and close."""
    async with {factory}() as session:
        try:
            yield session
            await session.commit()
        except BaseException:
            await session.rollback()
            raise
'''
_PAGE = """\
# Providers

A provider is a context manager that yields a session: it commits when its block ends well, rolls
back on an error, and closes either way. Write it once, in the module that makes the factory; that
is where it is found, and code that imports the factory can use it.

`dbsession init --write --with-provider` writes it there. What another package defines is said in
the policy's `ways`.

"""
_IMPORTS = {
    False: (
        "from collections.abc import Iterator",
        "from contextlib import contextmanager",
        "from sqlalchemy.orm import Session",
    ),
    True: (
        "from collections.abc import AsyncIterator",
        "from contextlib import asynccontextmanager",
        "from sqlalchemy.ext.asyncio import AsyncSession",
    ),
}


def provider_name(is_async: bool, taken: Container[str] = ()) -> str:
    """Give the usual name of a provider, or the next one that is free.

    Args:
        is_async: whether its sessions are asynchronous.
        taken: the names that stand for something else already.
    """
    names = chain(_NAMES[is_async], (f"{_NAMES[is_async][0]}_{n}" for n in count(2)))
    return next(name for name in names if name not in taken)


def provider_code(factory: str, *, is_async: bool, name: str = "", of: str = "") -> str:
    """Write a provider.

    Args:
        factory: the factory, as its module writes it.
        is_async: whether its sessions are asynchronous.
        name: its name; empty for the usual one.
        of: the name of the session class in the module; empty for its own.

    Returns:
        A function, without its imports.
    """
    return (_ASYNC if is_async else _SYNC).format(
        name=name or provider_name(is_async), factory=factory, of=of or _CLASSES[is_async]
    )


def provider_imports(is_async: bool) -> tuple[str, ...]:
    """Give the imports that a written provider needs."""
    return _IMPORTS[is_async]


def providers_page() -> str:
    """Give the page that says how to write a provider, in Markdown."""
    parts = []
    for is_async, title in ((False, "Plain sessions"), (True, "Asynchronous sessions")):
        imports = "\n".join(provider_imports(is_async))
        factory = "AsyncSessionLocal" if is_async else "SessionLocal"
        code = provider_code(factory, is_async=is_async)
        parts.append(f"## {title}\n\n```python\n{imports}\n\n\n{code}```\n")
    return _PAGE + "\n".join(parts)


class Written(NamedTuple):
    """A module into which a provider was put.

    Attributes:
        text: its source.
        name: the provider's name.
    """

    text: str
    name: str


def with_provider(text: str, factory: str, *, is_async: bool, taken: Iterable[str] = ()) -> Written:
    """Put a provider beside its factory, into the module that makes it.

    Args:
        text: the module's source.
        factory: the factory's name there.
        is_async: whether its sessions are asynchronous.
        taken: names that the provider must not have, besides those of the module.

    Raises:
        SyntaxError: the source does not parse.
    """
    tree, lines = ast.parse(text), text.splitlines()
    bound = {name for node in tree.body for name in _bound(node)}
    name = provider_name(is_async, {*bound, *taken})
    *imports, of_class = provider_imports(is_async)
    of = _CLASSES[is_async]
    at_hand = {line for node in tree.body for line in _single_imports(node)}
    if of in bound and of_class not in at_hand:
        of = f"SQLAlchemy{of}"
        of_class = f"{of_class} as {of}"
    missing = [each for each in (*imports, of_class) if each not in at_hand]
    code = provider_code(factory, is_async=is_async, name=name, of=of).splitlines()
    at = _line_after(tree, factory)
    rest = [*dropwhile(lambda line: not line.strip(), lines[at:])]
    lines = [*lines[:at], "", "", *code, *(["", "", *rest] if rest else [])]
    for each in missing:
        lines = _with_import(lines, each)
    newline = "\r\n" if "\r\n" in text else "\n"
    return Written(newline.join([*lines, ""]), name)


def _with_import(lines: list[str], line: str) -> list[str]:
    """Put an import where tools that sort imports want it."""
    tree = ast.parse("\n".join(lines))
    wanted = ast.parse(line).body[0]
    assert isinstance(wanted, ast.ImportFrom)
    imports = [node for node in tree.body if _is_import(node) and not _is_future(node)]
    for node in imports:
        extended = _extended(node, wanted, lines)
        if extended:
            return [*lines[: node.lineno - 1], extended, *lines[node.lineno :]]
    section = [node for node in imports if _is_standard(node) == _is_standard(wanted)]
    before = [node for node in section if _order(node) <= _order(wanted)]
    if section:
        at = _end(before[-1]) if before else section[0].lineno - 1
        return [*lines[:at], line, *lines[at:]]
    if imports and _is_standard(wanted):
        at = imports[0].lineno - 1
        return [*lines[:at], line, "", *lines[at:]]
    at = _line_after_imports(tree)
    return [*lines[:at], *([""] if at else []), line, *([] if at else [""]), *lines[at:]]


def _extended(node: ast.stmt, wanted: ast.ImportFrom, lines: list[str]) -> str:
    """Add names to an import of the same module; empty where it is another, or not so plain."""
    if not isinstance(node, ast.ImportFrom) or node.level or node.module != wanted.module:
        return ""
    line = lines[node.lineno - 1]
    if line != ast.unparse(node) or node.names[0].name == "*":
        return ""
    names = sorted((*node.names, *wanted.names), key=_order_of_name)
    extended = ast.unparse(ast.ImportFrom(node.module, names, 0))
    return extended if len(extended) <= _LONGEST else ""


def _order(node: ast.stmt) -> tuple[bool, str]:
    """Give what imports of one section are sorted by: plain ones first, then by module."""
    return isinstance(node, ast.ImportFrom), _module(node)


def _order_of_name(alias: ast.alias) -> tuple[int, str]:
    """Give what the names of an import are sorted by: constants, then classes, then the rest."""
    kind = 0 if alias.name.isupper() else 1 if alias.name[:1].isupper() else 2
    return kind, alias.name


def _module(node: ast.stmt) -> str:
    if isinstance(node, ast.ImportFrom):
        return "." * node.level + (node.module or "")
    return node.names[0].name if isinstance(node, ast.Import) else ""


def _is_standard(node: ast.stmt) -> bool:
    return _module(node).partition(".")[0] in sys.stdlib_module_names


def _is_future(node: ast.stmt) -> bool:
    return _module(node) == "__future__"


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _bound(node: ast.stmt) -> Iterator[str]:
    """Give the names that a statement of a module binds."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    else:
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                yield each.id


def _single_imports(node: ast.stmt) -> Iterator[str]:
    """Give an import's names, each as an import of its own is written."""
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            yield ast.unparse(ast.ImportFrom(node.module, [alias], 0))


def _line_after(tree: ast.Module, factory: str) -> int:
    """Give the number of the line after which a provider stands: the factory's last one."""
    own = [node for node in tree.body if factory in _bound(node)]
    return max(node.end_lineno or 0 for node in own or tree.body)


def _line_after_imports(tree: ast.Module) -> int:
    at = max((node.end_lineno or 0 for node in tree.body if _is_import(node)), default=0)
    if not at and tree.body and ast.get_docstring(tree) is not None:
        at = tree.body[0].end_lineno or 0
    return at


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))
