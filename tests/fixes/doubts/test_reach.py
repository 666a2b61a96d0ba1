"""By which names a place may be run: one that cannot be told is run by anything."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from flake8_dbsession.fixes.doubts.reach import Functions, lasting, runners

MODULE = """
    from app.base import Base
    from web import route

    def opened():
        return SessionLocal()  # here

    def caller():
        opened()

    def stranger():
        other()

    class Service(Base):
        def __init__(self):
            opened()

        def serve(self):
            self.go()

    {}
"""


def _runners(added: str, *others: str) -> frozenset[str] | None:
    text = dedent(MODULE).format(dedent(added))
    line = next(i for i, each in enumerate(text.split("\n"), 1) if "# here" in each)
    modules = [Functions(ast.parse(dedent(other))) for other in others]
    return runners(line, Functions(ast.parse(text)), modules).all


def test_who_calls_the_callers_counts_too() -> None:
    assert _runners("def last(): caller()") == {"opened", "caller", "Service", "last"}


def test_a_name_that_is_bound_outside_of_functions_runs_it() -> None:
    found = _runners("HANDLERS = {'a': caller}\ndef dispatch(key): HANDLERS[key]()")
    assert found is not None
    assert {"HANDLERS", "dispatch"} <= found
    assert "stranger" not in found


@pytest.mark.parametrize(
    "added",
    [
        "@route('/')\ndef page(): caller()",
        "caller()",
        "register(caller)",
        "def given(does=caller): does()",
        "@route('/')\ndef any_of(self, name): getattr(self, f'{name}er')()",
    ],
)
def test_what_is_called_by_others_may_be_run_by_anything(added: str) -> None:
    assert _runners(added) is None


def test_what_runs_only_as_a_script_runs_for_nobody() -> None:
    assert _runners("if __name__ == '__main__':\n    caller()") is not None


def test_a_text_that_is_put_together_may_be_any_name_of_the_module() -> None:
    found = _runners("def dynamic(self, name): getattr(self, 'o' + name)()")
    assert found is not None
    assert "dynamic" in found
    plain = _runners("def plain(self): getattr(self, 'name', None)")
    assert plain is not None
    assert "plain" not in plain


def test_what_is_known_of_such_a_text_has_to_fit() -> None:
    read = "def dynamic(self, kind):\n    name = f'{}{{kind}}'\n    getattr(self, name)()"
    for begun, is_named in [("ca", True), ("opened", True), ("get_", False), ("", True)]:
        found = _runners(read.format(begun))
        assert found is not None
        assert ("dynamic" in found) is is_named
    for bound in ("if kind: name", "name = self.name; name", "name = (name)"):
        found = _runners(
            f"def dynamic(self, kind, name):\n    {bound} = f'get_{{kind}}'; getattr(self, name)()"
        )
        assert found is not None
        assert "dynamic" in found


@pytest.mark.parametrize(
    "added",
    [
        "class Below(Service): pass",
        "class Below:\n    @classmethod\n    def Below(cls): return cls()",
        "def Below(self): return type(self)()",
        "def Below(self): return self.__class__()",
    ],
)
def test_a_class_may_be_used_without_its_name(added: str) -> None:
    found = _runners(added)
    assert found is not None
    assert "Below" in found


@pytest.mark.parametrize(
    ("added", "is_made"),
    [
        ("def stranger(): pass", True),
        ("    def __post_init__(self): opened()", True),
        ("    def __call__(self): opened()", False),
        ("    def __new__(cls): opened()", False),
        ("    def __enter__(self): Service()", False),
        ("Service = opened", False),
    ],
)
def test_a_class_runs_it_where_an_object_is_made(added: str, is_made: bool) -> None:
    text = dedent(MODULE).format(added)
    line = next(i for i, each in enumerate(text.split("\n"), 1) if "# here" in each)
    found = runners(line, Functions(ast.parse(text)), ())
    assert found.names is not None
    assert "Service" in found.names
    assert found.made == ({"Service"} if is_made else set())
    assert "caller" in found.plain


@pytest.mark.parametrize(
    ("added", "is_left"),
    [
        ("def last(): caller()", False),
        ("def last(): return [caller() for _ in range(2)]", False),
        ("async def last(): caller()", True),
        ("def last(): yield caller()", True),
        ("def last(): return (caller() for _ in range(2))", True),
        ("def last(): return lambda: caller()", True),
        ("def last(): Thread(target=caller).start()", True),
        ("async def far(): caller()\ndef last(): create_task(far())", True),
        ("class last:\n    def __call__(self): caller()", True),
        ("last = caller", True),
    ],
)
def test_what_is_called_may_go_on_when_the_call_has_ended(added: str, is_left: bool) -> None:
    text = dedent(MODULE).format(added)
    functions = Functions(ast.parse(text))
    line = next(i for i, each in enumerate(text.split("\n"), 1) if "# here" in each)
    names = runners(line, functions, ()).all
    assert names is not None
    found = lasting(line, names, functions, ())
    assert ("last" in found) is is_left
    assert "Service" not in found


def test_further_modules_may_call_it() -> None:
    found = _runners("", "def far(): caller()\ndef away(): pass")
    assert found is not None
    assert "far" in found
    assert "away" not in found
    assert _runners("", "@app.get('/')\ndef page(): caller()") is None


def test_a_name_of_a_function_is_its_own() -> None:
    text = "def one():\n    from base import make\n    make()\n\ndef two():\n    make()\n"
    functions = Functions(ast.parse(text))
    assert functions.is_late("make", 3)
    assert not functions.is_late("make", 6)
