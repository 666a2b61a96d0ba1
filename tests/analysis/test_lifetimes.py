"""What is reported of the life of a session; whether it leaks is for the oracle to test."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.flow import Flowing, build
from flake8_dbsession.analysis.lifetimes import (
    Closing,
    Handing,
    Leaving,
    Lifetime,
    Opened,
    Traits,
    lifetimes,
)
from flake8_dbsession.analysis.lifetimes.fates import CLOSED, GIVEN_BACK, USED
from flake8_dbsession.analysis.lifetimes.model import fate_by_name

_OPENERS = {"SessionLocal": (False, True), "connect": (True, False)}


def _function(source: str) -> Flowing:
    module = ast.parse(dedent(source))
    first = module.body[0]
    return first if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef)) else module


def _lifetimes(source: str, traits: Traits | None = None) -> tuple[Lifetime | None, ...]:
    function = _function(source)
    graph = build(function)
    assert graph is not None
    opened = [
        Opened(node, *_OPENERS[node.func.id])
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _OPENERS
    ]
    return lifetimes(graph, opened, traits)


def _lifetime(source: str, traits: Traits | None = None) -> Lifetime:
    (found,) = _lifetimes(source, traits)
    assert found is not None
    return found


def _leaks(lifetime: Lifetime) -> set[tuple[int, Leaving]]:
    return {(getattr(leak.node, "lineno", 0), leak.how) for leak in lifetime.leaks}


def test_each_way_that_leaves_is_named() -> None:
    lifetime = _lifetime(
        """\
        def f(x):
            db = SessionLocal()
            if x:
                db.execute(x)
                return
            db.flush()
            raise ValueError
        """
    )

    assert _leaks(lifetime) == {
        (4, Leaving.RAISES),
        (5, Leaving.RETURNS),
        (6, Leaving.RAISES),
    }
    assert lifetime.is_never_closed
    assert not lifetime.is_discarded


def test_way_out_is_what_leaves_and_not_the_cleanup_that_it_runs_through() -> None:
    lifetime = _lifetime(
        """\
        def f(path):
            conn = connect(path)
            try:
                try:
                    return conn.execute(path)
                finally:
                    path = None
            finally:
                with lock:
                    path = None
        """
    )

    assert _leaks(lifetime) == {(5, Leaving.RETURNS), (5, Leaving.RAISES)}


def test_what_the_session_gives_may_be_empty_where_the_session_may_not() -> None:
    lifetime = _lifetime(
        """\
        def f(conn=None):
            conn = conn or connect()
            with suppress(Exception):
                rows = conn.execute(x)
                if rows is None:
                    conn.close()
                    return
                if not rows:
                    return
            conn.close()
        """
    )

    assert _leaks(lifetime) == {(9, Leaving.RETURNS)}


def test_a_list_may_be_filled_and_emptied_before_it_is_asked() -> None:
    lifetime = _lifetime(
        """\
        def f(root, values=(), names=()):
            conn = connect()
            found, left = [], [root]
            while left:
                name = left.pop()
                found.append(name)
            if found:
                return
            if names:
                return
            conn.close()
        """
    )

    leaks = _leaks(lifetime)
    assert {leaving for _, leaving in leaks} == {Leaving.RETURNS, Leaving.RAISES}
    assert (8, Leaving.RETURNS) in leaks


def test_loop_that_opens_one_a_turn_loses_the_one_before() -> None:
    lifetime = _lifetime(
        """\
        def f(paths):
            for path in paths:
                conn = connect(path)
            conn.close()
        """
    )

    assert (3, Leaving.LOSES) in _leaks(lifetime)
    assert lifetime.is_closed_on_some_paths_only


def test_end_of_the_function_is_its_last_statement() -> None:
    assert _leaks(_lifetime("def f():\n    conn = connect()\n    x = 1\n")) == {
        (3, Leaving.FALLS_OFF)
    }


@pytest.mark.parametrize("call", ["SessionLocal().query(x)", "run(connect())", "connect()"])
def test_discarded(call: str) -> None:
    lifetime = _lifetime(f"def f():\n    y = len([{call}])\n")

    assert lifetime.is_discarded
    assert lifetime.is_never_closed


def test_closed_and_some_path_left_open() -> None:
    lifetime = _lifetime(
        """\
        def f():
            db = SessionLocal()
            db.execute(x)
            db.close()
        """
    )

    assert lifetime.is_closed_on_some_paths_only
    assert [(close.how, getattr(close.node, "lineno", 0)) for close in lifetime.closes] == [
        (Closing.BY_HAND, 4)
    ]


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("db.close()", Closing.BY_HAND),
        ("await db.close()", Closing.BY_HAND),
        ("db and db.close()", Closing.BY_HAND),
        ("with db: pass", Closing.BLOCK),
        ("async with db: pass", Closing.BLOCK),
        ("with contextlib.closing(db): pass", Closing.BLOCK),
        ("close_session(db)", Closing.CALLEE),
        ("close_session(session=db)", Closing.CALLEE),
        ("Service(db).close()", Closing.CALLEE),
    ],
)
def test_ways_to_close(body: str, how: Closing) -> None:
    traits = Traits(
        fate=lambda call, key, is_held: (
            CLOSED
            if ast.unparse(call.func) == "close_session"
            else fate_by_name(call, key, is_held)
        )
    )

    lifetime = _lifetime(f"async def f():\n    db = SessionLocal()\n    {body}\n", traits)

    assert [close.how for close in lifetime.closes] == [how]
    assert not lifetime.leaks


def test_callee_closes_only_the_argument_that_it_says() -> None:
    traits = Traits(fate=lambda call, key, is_held: CLOSED if key == "session" else USED)

    assert _lifetime("def f():\n    use(connect(), session=1)\n", traits).leaks


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("return db", Handing.RETURNED),
        ("return db, engine", Handing.RETURNED),
        ("return Service(db)", Handing.RETURNED),
        ("return Service(x=[db])", Handing.RETURNED),
        ("service = Service(db); return service", Handing.RETURNED),
        ("return lambda: db.execute(x)", Handing.RETURNED),
        ("self.db = db", Handing.STORED),
        ("self.db = self.other = db", Handing.STORED),
        ("pool[key] = db", Handing.STORED),
        ("pool.append(db)", Handing.STORED),
        ("current.set(db)", Handing.STORED),
        ("box = {}; box['db'] = db; self.box = box", Handing.STORED),
        ("stack.enter_context(db)", Handing.REGISTERED),
        ("stack.push(db)", Handing.REGISTERED),
        ("stack.callback(db.close)", Handing.REGISTERED),
        ("await stack.enter_async_context(db)", Handing.REGISTERED),
        ("self.addCleanup(db.close)", Handing.REGISTERED),
        ("request.addfinalizer(lambda: db.close())", Handing.REGISTERED),
        ("atexit.register(db.close)", Handing.REGISTERED),
        ("weakref.finalize(self, db.close)", Handing.REGISTERED),
        ("response.call_on_close(db.close)", Handing.REGISTERED),
        ("Thread(target=work, args=(db,)).start()", Handing.REGISTERED),
        ("first, second = pair = [db, db]; use(pair[0])", Handing.HOLDER),
    ],
)
def test_ways_to_hand_on(body: str, how: Handing) -> None:
    lifetime = _lifetime(f"async def f(self, pool):\n    db = SessionLocal()\n    {body}\n")

    assert how in {hand_on.how for hand_on in lifetime.hand_ons}
    assert not lifetime.leaks


def test_global_name_outlives_the_function() -> None:
    lifetime = _lifetime("def f():\n    global db\n    db = connect()\n    db.execute(x)\n")

    assert [hand_on.how for hand_on in lifetime.hand_ons] == [Handing.STORED]
    assert not lifetime.leaks


def test_yield_hands_on_only_where_the_receiver_closes() -> None:
    source = "def f():\n    db = SessionLocal()\n    yield db\n"

    assert _lifetime(source).leaks
    handed = _lifetime(source, Traits(yield_hands_on=True))
    assert [hand_on.how for hand_on in handed.hand_ons] == [Handing.YIELDED]
    assert not handed.leaks


@pytest.mark.parametrize(
    "body",
    ["run(db)", "repository.load(db)", "Service(db).run()", "box = [db]; run(box)", "del db"],
)
def test_what_is_no_hand_on(body: str) -> None:
    assert _lifetime(f"def f():\n    db = SessionLocal()\n    db.execute(x)\n    {body}\n").leaks


@pytest.mark.parametrize(
    ("use", "lines"),
    [
        ("db.execute(x)", [4]),
        ("run(db)", [4]),
        ("Service(db).run()", [4]),
        ("db.close()", []),
        ("db.rollback()", []),
        ("log(db.info)", []),
    ],
)
def test_uses_after_close(use: str, lines: list[int]) -> None:
    lifetime = _lifetime(f"def f():\n    db = SessionLocal()\n    db.close()\n    {use}\n")

    assert [node.lineno for node in lifetime.uses_after_close] == lines


def test_use_on_another_path_is_no_use_after_close() -> None:
    lifetime = _lifetime(
        """\
        def f(x):
            db = SessionLocal()
            if x:
                db.close()
                return
            db.execute(x)
            db = SessionLocal
            db.execute(x)
        """
    )

    assert not lifetime.uses_after_close


@pytest.mark.parametrize("call", ["db.commit()", "db.rollback()", "print(db)", "db.expunge_all()"])
def test_idle_session_is_not_live(call: str) -> None:
    assert not _lifetime(f"def f():\n    db = SessionLocal()\n    {call}\n    work()\n").leaks


@pytest.mark.parametrize(
    "test",
    ["not conn.closed", "conn.is_connected()", "conn.open", "hasattr(conn, 'close')",
     "'conn' in locals()", "conn", "conn is not None", "conn != None", "not (conn is None)"],
)  # fmt: skip
def test_condition_that_an_open_connection_meets(test: str) -> None:
    lifetime = _lifetime(
        f"""\
        def f():
            conn = connect()
            if {test}:
                conn.close()
        """
    )

    assert not lifetime.leaks


def test_constructors_can_be_told_apart() -> None:
    source = "def f():\n    conn = connect()\n    return make_service(conn)\n"

    assert _lifetime(source).leaks
    traits = Traits(
        fate=lambda call, key, is_held: (
            GIVEN_BACK if ast.unparse(call.func) == "make_service" else USED
        )
    )
    assert not _lifetime(source, traits).leaks


def test_many_tests_of_other_names_do_not_hide_the_object() -> None:
    flags = "abcdefghij"
    tests = "".join(f"    if {flag}:\n        work()\n" for flag in flags)
    closed = f"""\
def f({", ".join(flags)}):
    own = a is b is None
    conn = connect() if own else None
    try:
{indent(tests)}{indent(tests)}
    finally:
        if own:
            conn.close()
"""

    assert not _lifetime(closed).leaks
    assert _lifetime(closed.replace("finally:", "except ValueError:")).leaks


def indent(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_too_many_objects_are_left_alone() -> None:
    opening = "".join(f"    c{n} = connect()\n    c{n}.close()\n    work()\n" for n in range(2000))

    assert None in _lifetimes(f"def f():\n{opening}")


def test_a_coroutine_works_when_it_is_awaited_and_its_value_is_what_it_gives() -> None:
    traits = Traits(
        fate=lambda call, key, is_held: CLOSED if ast.unparse(call.func) == "end" else USED,
        runs_when_awaited=lambda call: ast.unparse(call.func) in ("end", "find"),
    )
    lifetime = _lifetime(
        """\
        async def f():
            db = SessionLocal()
            found = await find(db)
            await end(db)
            print(found.name)
            found.close()
        """,
        traits,
    )

    assert [close.node.lineno for close in lifetime.closes] == [4]  # type: ignore[attr-defined]
    assert not lifetime.uses_after_close
    assert _leaks(lifetime) == {(3, Leaving.RAISES)}


@pytest.mark.parametrize(
    "part",
    [
        "(r[{0}] or 0)",
        "(1 if r[{0}] else 0)",
        "(r[{0}] and name{0})",
        "((r[{0}] or 0) if t{0} else f(r))",
        "(t or (u and r[{0}] and 1))",
        "(not r[{0}])",
        "(r[{0}] is None)",
        "f(r[{0}] or None)",
    ],
)
def test_conditional_expressions_side_by_side_hide_nothing(part: str) -> None:
    parts = ", ".join(part.format(number) for number in range(40))
    lifetime = _lifetime(
        f"""\
        def f(rows, path):
            conn = connect(path)
            for r in conn.execute("SELECT 1"):
                rows.append([{parts}])
            conn.close()
        """
    )
    assert (4, Leaving.RAISES) in _leaks(lifetime)


@pytest.mark.parametrize(
    "opening",
    [
        "conn = connect(path) if path else None",
        "conn = x = connect(path) if path else None",
        "conn, other = (connect(path) if path else None), 1",
        "conn = cast(Any, connect(path) if path else None)",
        "conn = (db := (connect(path) if path else None))",
        "conn = (connect(path) if path else None) if x else (None if y else None)",
        "conn = path and connect(path)",
    ],
)
def test_what_a_conditional_expression_gives_is_known_where_it_is_asked(opening: str) -> None:
    lifetime = _lifetime(
        f"""\
        def f(path, x, y, Any):
            {opening}
            if conn:
                conn.close()
        """
    )
    assert not {how for _, how in _leaks(lifetime)} & {Leaving.FALLS_OFF}


@pytest.mark.parametrize("given", ["1 if path else 0", "path and 1", "path is not None"])
@pytest.mark.parametrize(
    "target", ["is_open = {}", "is_open, x = {}, 1", "if (is_open := ({})): f()"]
)
def test_a_condition_with_a_name_is_remembered(target: str, given: str) -> None:
    lifetime = _lifetime(
        f"""\
        def f(path):
            {target.format(given)}
            if is_open:
                conn = connect(path)
            work()
            if is_open:
                conn.close()
        """
    )
    assert {how for _, how in _leaks(lifetime)} <= {Leaving.RAISES}
