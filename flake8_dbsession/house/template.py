"""A provider, written for a factory that has none."""

from __future__ import annotations

import ast

_SYNC = '''\
@contextmanager
def {name}() -> Iterator[Session]:
    """Open a session for a block: commits at its end, rolls back on an error, and closes."""
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
async def {name}() -> AsyncIterator[AsyncSession]:
    """Open a session for a block: commits at its end, rolls back on an error, and closes."""
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


def provider_name(is_async: bool) -> str:
    """Give the usual name of a provider."""
    return "get_async_db_session" if is_async else "get_db_session"


def provider_code(factory: str, *, is_async: bool) -> str:
    """Write a provider.

    Args:
        factory: the factory, as its module writes it.
        is_async: whether its sessions are asynchronous.

    Returns:
        A function, without its imports.
    """
    text = _ASYNC if is_async else _SYNC
    return text.format(name=provider_name(is_async), factory=factory)


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


def with_provider(text: str, factory: str, *, is_async: bool) -> str:
    """Put a provider at the end of the module that makes its factory.

    Args:
        text: the module's source.
        factory: the factory's name there.
        is_async: whether its sessions are asynchronous.

    Returns:
        The source with the provider, and the imports that it lacked.
    """
    tree = ast.parse(text)
    lines = text.rstrip("\n").split("\n")
    bound = {alias.asname or alias.name for node in tree.body for alias in _aliases(node)}
    missing = [each for each in provider_imports(is_async) if each.rpartition(" ")[2] not in bound]
    at = max((node.end_lineno or 0 for node in tree.body if _is_import(node)), default=0)
    if not at and tree.body and ast.get_docstring(tree) is not None:
        at = tree.body[0].end_lineno or 0
    lines[at:at] = missing
    code = provider_code(factory, is_async=is_async)
    return "\n".join([*lines, "", "", code])


def _aliases(node: ast.stmt) -> list[ast.alias]:
    return node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))
