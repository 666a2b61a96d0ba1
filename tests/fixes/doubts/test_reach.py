"""By which names a place may be run: one that cannot be told is run by anything."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from flake8_dbsession.fixes.doubts.reach import Functions, runners

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
    return runners(line, Functions(ast.parse(text)), modules)


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
