"""The control-flow graph, as the set of ways through small functions.

A way is the calls that are made, in order, and how the function is left. Calls whose name begins
with ``may`` can raise; where one does, it is marked with an exclamation mark. No edge is taken
twice.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from textwrap import dedent, indent

import pytest

from flake8_dbsession.analysis.flow import CallTraits, Exit, Graph, build, raises_by_name
from flake8_dbsession.analysis.flow.graph import Edge, Evaluate, Event
from flake8_dbsession.analysis.nodes import dotted_name


def _build(body: str, header: str = "def f():") -> Graph:
    function = ast.parse(f"{header}\n{indent(dedent(body).strip(), '    ')}\n").body[0]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    graph = build(function, CallTraits(may_raise=lambda call: _name(call).startswith("may")))
    assert graph is not None
    return graph


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return dotted_name(node.func)
    return type(node).__name__


def _ways(body: str, header: str = "def f():") -> set[str]:
    graph = _build(body, header)
    return {" ".join(way) for way in _walk(graph, graph.entry, (), frozenset())}


def _walk(
    graph: Graph, number: int, before: tuple[str, ...], taken: frozenset[tuple[int, Edge]]
) -> Iterator[tuple[str, ...]]:
    if number in set(Exit):
        yield (*before, Exit(number).name)
        return
    block = graph.blocks[number]
    for edge in block.edges:
        if (number, edge) in taken:
            continue
        following = taken | {(number, edge)}
        if not edge.raised:
            way = (*before, *_names(block.events))
            yield from _walk(graph, edge.target, way, following)
            continue
        for index in block.raising:
            way = (*before, *_names(block.events[: index + 1]))
            if isinstance(block.events[index], Evaluate):
                way = (*way[:-1], f"{way[-1]}!")
            yield from _walk(graph, edge.target, way, following)


def _names(events: tuple[Event, ...]) -> list[str]:
    return [_name(event.node) for event in events if isinstance(event, Evaluate)]


def test_straight_line_falls_off() -> None:
    assert _ways("a()\nb()") == {"a b FALLS_OFF"}


def test_arguments_are_evaluated_before_the_call_and_each_may_raise() -> None:
    assert _ways("may_f(may_g(), h())") == {
        "may_g h may_f FALLS_OFF",
        "may_g! RAISES",
        "may_g h may_f! RAISES",
    }


def test_value_is_evaluated_before_the_target() -> None:
    assert _ways("a().x = b()") == {"b a FALLS_OFF"}


def test_names_and_constants_raise_nothing() -> None:
    assert _ways("x = y\nz = 1") == {"FALLS_OFF"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a() and b()", {"a FALLS_OFF", "a b FALLS_OFF"}),
        ("a() or b()", {"a FALLS_OFF", "a b FALLS_OFF"}),
        ("a() if b() else c()", {"b a FALLS_OFF", "b c FALLS_OFF"}),
        ("[a() for x in b()]", {"b FALLS_OFF", "b a FALLS_OFF"}),
        ("[a() for x in b() if c()]", {"b FALLS_OFF", "b c FALLS_OFF", "b c a FALLS_OFF"}),
        ("lambda: a()", {"FALLS_OFF"}),
    ],
)
def test_expressions_that_branch(expression: str, expected: set[str]) -> None:
    assert _ways(expression) == expected


def test_if_chain() -> None:
    assert _ways("if x:\n    a()\nelif y:\n    b()\nelse:\n    c()\nd()") == {
        "a d FALLS_OFF",
        "b d FALLS_OFF",
        "c d FALLS_OFF",
    }


def test_conditions_are_taken_apart_into_atomic_tests() -> None:
    graph = _build("if x and not y:\n    a()")
    tests = {
        (ast.unparse(edge.test), edge.truth)
        for block in graph.blocks
        for edge in block.edges
        if edge.test is not None
    }
    assert tests == {("x", True), ("x", False), ("y", True), ("y", False)}


def test_while_with_else() -> None:
    assert _ways("while x:\n    a()\n    if y:\n        break\nelse:\n    b()\nc()") == {
        "b c FALLS_OFF",
        "a c FALLS_OFF",
        "a b c FALLS_OFF",
    }


def test_endless_loop_is_left_by_break_alone() -> None:
    assert _ways("while True:\n    a()\n    if x:\n        break\nb()") == {"a b FALLS_OFF"}


def test_continue_goes_to_the_head_of_the_loop() -> None:
    assert _ways("for x in y:\n    if z:\n        continue\n    a()\nb()") == {
        "b FALLS_OFF",
        "a b FALLS_OFF",
    }


def test_finally_runs_on_each_way_out() -> None:
    body = """
        for x in y:
            try:
                if a: return
                if b: break
                if c: continue
                may_work()
            finally:
                clean()
            after()
    """
    assert {way for way in _ways(body) if way.count("clean") == 1} == {
        "clean RETURNS",
        "clean FALLS_OFF",
        "may_work! clean RAISES",
        "may_work clean after FALLS_OFF",
    }


def test_return_in_a_finally_swallows_the_exception() -> None:
    assert _ways("try:\n    may_a()\nfinally:\n    return") == {"may_a RETURNS", "may_a! RETURNS"}


def test_nested_finally_runs_inside_out() -> None:
    body = """
        try:
            try:
                may_a()
            finally:
                b()
        finally:
            c()
    """
    assert _ways(body) == {"may_a b c FALLS_OFF", "may_a! b c RAISES"}


def test_else_is_not_protected_by_the_handlers() -> None:
    body = """
        try:
            a()
        except Exception:
            b()
        else:
            may_c()
    """
    assert _ways(body) == {"a may_c FALLS_OFF", "a may_c! RAISES"}


@pytest.mark.parametrize(
    ("handler", "is_caught", "may_pass"),
    [
        ("except:", True, False),
        ("except BaseException:", True, False),
        ("except Exception:", True, False),
        ("except (ValueError, Exception):", True, False),
        ("except ValueError:", True, True),
        ("except errors.Timeout:", True, True),
        ("except KeyboardInterrupt:", False, True),
    ],
)
def test_handlers_of_an_unknown_exception(handler: str, is_caught: bool, may_pass: bool) -> None:
    ways = _ways(f"try:\n    may_a()\n{handler}\n    b()")

    assert ("may_a! b FALLS_OFF" in ways) is is_caught
    assert ("may_a! RAISES" in ways) is may_pass


@pytest.mark.parametrize(
    ("raised", "handler", "expected"),
    [
        ("ValueError", "except ValueError:", {"b FALLS_OFF"}),
        ("ValueError('x')", "except Exception:", {"b FALLS_OFF"}),
        ("ValueError", "except KeyError:", {"RAISES"}),
        ("UnicodeError", "except ValueError:", {"b FALLS_OFF"}),
        ("Timeout", "except Timeout:", {"b FALLS_OFF"}),
        ("Timeout", "except OSError:", {"b FALLS_OFF", "RAISES"}),
        ("SystemExit", "except Exception:", {"STOPS"}),
        ("ValueError(a())", "except KeyError:", {"a RAISES"}),
        ("make_error()", "except KeyError:", {"make_error b FALLS_OFF", "make_error RAISES"}),
    ],
)
def test_handlers_of_a_known_exception(raised: str, handler: str, expected: set[str]) -> None:
    assert _ways(f"try:\n    raise {raised}\n{handler}\n    b()") == expected


def test_exception_raised_again_keeps_its_class() -> None:
    body = """
        try:
            try:
                may_a()
            except ValueError as error:
                {again}
            except Exception:
                pass
        except KeyError:
            b()
        except ValueError:
            c()
    """
    for again in ("raise", "raise error"):
        ways = _ways(body.format(again=again))
        assert ways == {"may_a FALLS_OFF", "may_a! FALLS_OFF", "may_a! c FALLS_OFF"}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="except* is new in Python 3.11")
def test_exception_groups_leave_only_where_one_is_raised_again() -> None:
    body = """
        try:
            try:
                may_a()
            except* KeyError:
                raise
            except* ValueError:
                raise ValueError
        except (KeyError, ValueError):
            c()
    """
    assert _ways(body) == {
        "may_a FALLS_OFF",
        "may_a! RAISES",
        "may_a! c FALLS_OFF",
    }


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ("lock", {"may_a! RAISES"}),
        ("suppress(Exception)", {"may_a! b FALLS_OFF"}),
        ("contextlib.suppress(ValueError)", {"may_a! b FALLS_OFF", "may_a! RAISES"}),
        ("lock, suppress(ValueError, KeyError)", {"may_a! b FALLS_OFF", "may_a! RAISES"}),
        ("pytest.raises(Exception)", {"may_a! b FALLS_OFF"}),
    ],
)
def test_with_suppresses_only_where_it_says_so(manager: str, expected: set[str]) -> None:
    ways = _ways(f"with {manager}:\n    may_a()\nb()")

    assert {
        way.replace("contextlib.", "").replace("suppress ", "").replace("pytest.raises ", "")
        for way in ways
        if "!" in way
    } == expected


def test_match_takes_one_case_at_most() -> None:
    body = "match x:\n    case 1:\n        a()\n    case 2 if y:\n        b()\nc()"
    assert _ways(body) == {"a c FALLS_OFF", "b c FALLS_OFF", "c FALLS_OFF"}


def test_match_with_a_case_for_all() -> None:
    assert _ways("match x:\n    case 1:\n        a()\n    case _:\n        b()") == {
        "a FALLS_OFF",
        "b FALLS_OFF",
    }


def test_assert_raises_where_it_fails() -> None:
    assert _ways("assert x\na()") == {"a FALLS_OFF", "RAISES"}


def test_yield_and_await_may_raise_more_than_exceptions() -> None:
    for body, header, mark in (
        ("try:\n    yield\nexcept Exception:\n    a()", "def f():", "Yield"),
        ("try:\n    await x\nexcept Exception:\n    a()", "async def f():", "Await"),
    ):
        assert _ways(body, header) == {
            f"{mark} FALLS_OFF",
            f"{mark}! a FALLS_OFF",
            f"{mark}! RAISES",
        }


def test_yield_of_a_fixture_does_not_raise() -> None:
    function = ast.parse("def f():\n    yield 1\n").body[0]
    assert isinstance(function, ast.FunctionDef)

    graph = build(function, yield_raises=False)

    assert graph is not None
    assert not any(edge.raised for block in graph.blocks for edge in block.edges)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("sys.exit(1)", {"a STOPS"}),
        ("os._exit(1)", {"STOPS"}),
        ("pytest.fail('no')", {"a RAISES"}),
    ],
)
def test_calls_that_never_return(call: str, expected: set[str]) -> None:
    assert _ways(f"try:\n    {call}\nfinally:\n    a()\nb()") == expected


def test_what_follows_a_jump_is_never_reached() -> None:
    assert _ways("return\na()") == {"RETURNS"}


def test_nested_function_runs_only_its_header() -> None:
    body = "@a()\ndef g(x=b(), *, y=c()) -> d():\n    e()"
    assert _ways(body) == {"a b c FALLS_OFF"}


def test_class_evaluates_its_bases() -> None:
    assert _ways("class A(a(), metaclass=b()):\n    c()") == {"a b FALLS_OFF"}


def test_lambda_returns_its_body() -> None:
    expression = ast.parse("lambda: a()", mode="eval").body
    assert isinstance(expression, ast.Lambda)

    graph = build(expression)

    assert graph is not None
    assert {" ".join(way) for way in _walk(graph, graph.entry, (), frozenset())} == {
        "a RETURNS",
        "a! RAISES",
    }


@pytest.mark.parametrize(
    "call",
    ["print(x)", "len(x)", "logger.info(x)", "conn.cursor()", "time.time()", "datetime.now()",
     "datetime.datetime.now()", "db.close()", "stack.enter_context(db)",
     "conn.is_connected()", "engine.connect().execution_options(x=1)"],
)  # fmt: skip
def test_calls_that_do_not_raise_in_practice(call: str) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert not raises_by_name(node)


@pytest.mark.parametrize("call", ["f(x)", "db.info(x)", "clock.now()", "db.execute(x)", "f()()"])
def test_calls_that_may_raise(call: str) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert raises_by_name(node)


def _deep_expression() -> ast.Module:
    expression: ast.expr = ast.Name("x")
    for _ in range(10_000):
        expression = ast.UnaryOp(ast.Not(), expression)
    return ast.Module([ast.Expr(expression)], [])


def _deep_elif() -> ast.Module:
    statement: ast.stmt = ast.Pass()
    for _ in range(10_000):
        statement = ast.If(ast.Name("x"), [ast.Pass()], [statement])
    return ast.Module([statement], [])


@pytest.mark.parametrize(
    "module",
    [_deep_expression(), _deep_elif(), ast.parse("f(x)\n" * 20_000)],
    ids=["deep expression", "deep elif", "many lines"],
)
def test_gives_up_on_what_is_too_large_or_too_deep(module: ast.Module) -> None:
    assert build(module) is None
