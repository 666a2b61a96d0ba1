"""What binds a name, and in which scope."""

from __future__ import annotations

import ast
from pathlib import Path

from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Assigned

TEXT = """
if (first := open_one()) and [second := each for each in first]:
    if third := first.more():
        pass

def function(default=(fourth := 4)):
    while fifth := default.next():
        pass
    match fifth:
        case 6 if (sixth := fifth):
            pass

class Kept:
    if seventh := function():
        pass

later = lambda: (eighth := 8)
"""


def times_bound(module: Module) -> dict[str, int]:
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
    found = {name: len(module.bindings(name)) for name in names}
    return {name: times for name, times in found.items() if times}


def test_a_walrus_binds_once_and_in_its_own_scope() -> None:
    linted = Module(Path("app.py"), TEXT, ast.parse(TEXT))
    followed = Module(Path("app.py"), TEXT)
    outer = {"first": 1, "second": 1, "third": 1}
    assert times_bound(linted) == outer | {"fourth": 1}
    assert times_bound(followed) == outer
    function = next(n for n in ast.walk(ast.parse(TEXT)) if isinstance(n, ast.FunctionDef))
    inner = linted.scope.child(function)
    assert [len(inner.bindings(name)) for name in ("fifth", "sixth", "fourth")] == [1, 1, 0]


def test_a_module_whose_tree_is_let_go_is_followed_by_its_text() -> None:
    module = Module(Path("app.py"), TEXT, ast.parse(TEXT))
    module.bindings("first")
    module.scope.child(next(n for n in ast.walk(module.scope.node) if isinstance(n, ast.ClassDef)))
    module.forget_tree()
    assert [type(b.how) for b in module.bindings("first")] == [Assigned]
    assert module.tree is None


def test_which_parameter_is_the_object() -> None:
    text = """
def plain(self): ...

class Kept:
    def method(self, /, other):
        def inner(each): ...
    @classmethod
    def of_class(cls): ...
    @staticmethod
    def static(first): ...
    @builtins.staticmethod
    def as_well(first): ...
    def nothing(): ...
    by_lambda = lambda self: 1
"""
    tree = ast.parse(text)
    module = Module(Path("app.py"), text, tree)
    cls = module.scope.child(next(n for n in tree.body if isinstance(n, ast.ClassDef)))
    plain = module.scope.child(next(n for n in tree.body if isinstance(n, ast.FunctionDef)))
    methods = [cls.child(n) for n in cls.node.body if isinstance(n, ast.FunctionDef)]
    inner = methods[0].child(next(n for n in ast.walk(tree) if getattr(n, "name", "") == "inner"))
    by_lambda = cls.child(next(n for n in ast.walk(tree) if isinstance(n, ast.Lambda)))
    assert [method.receiver() for method in methods] == ["self", "cls", None, None, None]
    assert [each.receiver() for each in (plain, inner, by_lambda)] == [None, None, "self"]
