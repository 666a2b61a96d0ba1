"""What a fixed file has to show."""

from __future__ import annotations

import pytest

from flake8_dbsession.rewriting.proof import UnprovedError, prove_names_bound

OLD = """
from a import factory

def work():
    with factory() as db:
        return db, unknown
"""
UNBOUND = {
    "new": (OLD, OLD.replace("with factory()", "with closing(factory())"), "`closing`"),
    "gone": (OLD, OLD.replace("from a import factory", ""), "`factory`"),
    "of another function": (
        OLD,
        OLD.replace("from a import factory", "def other():\n    from a import factory"),
        "`factory`",
    ),
    "both": (OLD, OLD.replace("factory()", "closing(provider())"), "`closing` and `provider`"),
    "of a class": ("class A:\n    b = 1\n", "class A:\n    b = 1\n    def c(): return b\n", "`b`"),
}
BOUND = {
    "at the top": OLD.replace("with", "with closing(b), ") + "from a import b, closing",
    "a parameter": OLD.replace("work()", "work(closing)").replace("factory()", "closing()"),
    "by `global`": "def bind():\n    global closing\n    closing = 1\n" + OLD + "    closing()\n",
    "a builtin": OLD.replace("factory()", "open(factory)"),
    "perhaps by a star": OLD.replace("factory()", "closing()") + "from b import *",
}


@pytest.mark.parametrize(("old", "new", "names"), UNBOUND.values(), ids=UNBOUND)
def test_names_that_nothing_binds_are_found_out(old: str, new: str, names: str) -> None:
    with pytest.raises(UnprovedError, match=f"would read {names}, which nothing binds"):
        prove_names_bound(old, new, "a.py")


@pytest.mark.parametrize("new", BOUND.values(), ids=BOUND)
def test_names_that_are_bound_or_were_not_before_are_none_of_them(new: str) -> None:
    prove_names_bound(OLD, new, "a.py")
