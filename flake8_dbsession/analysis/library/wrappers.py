"""What gives, wraps or holds what it is given: ``closing``, ``partial``, decorators, exit stacks.

Sources: Python's reference of contextlib, functools, itertools, typing, collections and unittest,
and the documentation of the packages named beside their entries.
"""

from __future__ import annotations

CLOSING = frozenset({"aclosing", "closing"})
"""What makes a block that closes what it is given."""

TRANSPARENT = CLOSING | {"cast"}
"""What stands for what it is given."""

SAME_OBJECT = TRANSPARENT | {"nullcontext"}
"""Those, and what makes a block that does nothing."""

TRANSPARENT_CALLS = frozenset({f"contextlib.{name}" for name in SAME_OBJECT - {"cast"}}) | {
    "contextlib.closing()"
}
CASTS = frozenset({"typing.cast", "typing_extensions.cast"})

STACKS = frozenset({"AsyncExitStack", "ExitStack"})
STACK_ENTRIES = frozenset({"enter_async_context", "enter_context"})
"""The methods of an exit stack that enter what they are given, and give what that gives."""

REGISTERING = STACK_ENTRIES | {
    "addAsyncCleanup",
    "addClassCleanup",
    "addCleanup",
    "addfinalizer",
    "callback",
    "push",
    "push_async_callback",
    "push_async_exit",
}
"""The methods that put something away to be called or left at an end: of stacks and of tests."""

REGISTERING_FUNCTIONS = frozenset({"finalize", "register", "setattr"})
"""The functions that do so: of weakref and atexit."""

ENTERING = ("__enter__", "__aenter__")
EXITING = ("__exit__", "__aexit__")
"""The methods of a context manager."""

CONTEXT_MANAGERS = frozenset({"asynccontextmanager", "contextmanager"})
MANAGER_MAKERS = frozenset(f"contextlib.{name}" for name in CONTEXT_MANAGERS)
"""The decorators that make a generator a context manager."""

PLAIN_DECORATORS = frozenset({"abstractmethod", "classmethod", "override", "staticmethod"})
"""The decorators that leave a function as it is."""

CACHES = frozenset({"cache", "lru_cache", "cached", "cache_resource", "singleton"})
"""Decorators whose function runs once for the same arguments: functools, cachetools, Streamlit."""

# https://docs.streamlit.io/develop/api-reference/caching-and-state/st.cache_resource
PROCESS_CACHES = frozenset({"functools.cache", "functools.lru_cache", "streamlit.cache_resource"})
"""Those of them that are certainly one for the process."""

PARTIAL = "functools.partial"
HOLDERS = frozenset({PARTIAL, "itertools.repeat"})
"""What gives an object that holds what it is given."""

PARTIAL_NAME = PARTIAL.rpartition(".")[2]
HOLDER_NAMES = frozenset({*(name.rpartition(".")[2] for name in HOLDERS), "zip"})
"""Their spelled names, for where no import tells."""

RECORDS = frozenset({"collections.namedtuple()", "types.SimpleNamespace", "typing.NamedTuple()"})
"""What makes an object of nothing but its arguments."""

FIELD_CLASSES = frozenset({"attrs", "dataclass", "define", "frozen", "mutable", "s"})
FIELDS = frozenset({"attrib", "field", "ib"})
FIELD_FACTORIES = frozenset({"default_factory", "factory"})
"""The decorators of dataclasses, attrs and pydantic, their fields, and what makes a default."""

GENERATOR_TYPES = frozenset(
    {"AsyncGenerator", "AsyncIterable", "AsyncIterator", "Generator", "Iterable", "Iterator"}
)
"""The annotations of what a generator gives."""
