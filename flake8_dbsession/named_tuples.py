"""Named tuples that cost little to define.

``typing.NamedTuple`` compiles the type of each field when the class is defined, which takes as long
as all the rest of it; a check of one file defines a hundred and fifty of them. To type checkers
this one is that of ``typing``.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Definition(type):
        """Makes a named tuple of the body of a class."""

        def __new__(cls, name, bases, body):
            fields = body.get("__annotations__", {})
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for attribute, value in body.items():
                if attribute not in fields:
                    setattr(made, attribute, value)
            return made

    NamedTuple = type.__new__(_Definition, "NamedTuple", (), {})
