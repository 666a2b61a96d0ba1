"""How a test with a decorator that patches something patches a second name."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from flake8_dbsession.fixes.doubts.beside import Repatch
from flake8_dbsession.fixes.doubts.changes import Change

OLD, NEW = "app.work.SessionLocal", "app.work.get_db_session"


def changed(test: str, changes: list[Change]) -> str:
    """Make changes in a text of ASCII."""
    lines = test.splitlines(keepends=True)
    starts = [sum(map(len, lines[:row])) for row in range(len(lines))]
    for start, end, text in sorted(changes, reverse=True):
        first, last = (starts[row - 1] + column for row, column in (start, end))
        test = test[:first] + text + test[last:]
    return test


def patched(test: str, *, stays: bool = True, closing: str = "") -> str | None:
    """Let a test patch the provider, too, or in a ``closing``; None where that cannot be."""
    test = dedent(test)
    line = next(row for row, text in enumerate(test.split("\n"), 1) if OLD in text)
    patch = Repatch(ast.parse(test), test, line, OLD, NEW, closing)
    changes = patch.beside() if stays else patch.instead()
    return None if changes is None else changed(test, changes)


def test_parameters_that_do_not_fit_get_lines_of_their_own() -> None:
    first, other = "a_mock_with_quite_a_long_name", "another_mock_with_quite_a_long_name"
    test = f"""
        @patch("app.work.SessionLocal")
        @patch("app.work.User")
        def test_it({first}, {other}):
            work()
    """
    assert f"""
def test_it(
    {first},
    {other},
    mock_get_db_session,
):
    mock_get_db_session.side_effect = {other}
    work()
""" in (patched(test) or "")


def test_a_decorator_that_does_not_fit_gets_a_line_for_its_name() -> None:
    package = "a_package_with_quite_a_long_name.a_module_with_quite_a_long_name"
    test = f"""
        class TestIt:
            @mock.patch("{package}.SessionLocal")
            def test_it(self, factory):
                work()
    """
    test = dedent(test)
    patch = Repatch(
        ast.parse(test), test, 3, f"{package}.SessionLocal", f"{package}.get_db_session"
    )
    assert f"""
    @mock.patch(
        "{package}.get_db_session"
    )
    @mock.patch("{package}.SessionLocal")
    def test_it(self, factory, mock_get_db_session):
        mock_get_db_session.side_effect = factory
""" in changed(test, patch.beside() or [])


REFUSED = {
    "a class": """
        @patch("app.work.SessionLocal")
        class TestIt:
            def test_it(self, factory):
                work()
    """,
    "what hands it on unknown": """
        @given(integers())
        @patch("app.work.SessionLocal")
        def test_it(factory, number):
            work()
    """,
    "a double that nothing takes": """
        @patch("app.work.SessionLocal")
        def test_it(*doubles):
            work()
    """,
    "a double that has a default": """
        @patch("app.work.SessionLocal")
        def test_it(factory=None):
            work()
    """,
    "a name that is taken": """
        @patch("app.work.SessionLocal")
        def test_it(factory, mock_get_db_session):
            work()
    """,
    "two factories": """
        @patch("app.other.SessionLocal")
        @patch("app.work.SessionLocal")
        def test_it(factory, other):
            work()
    """,
    "no line to stand on": """
        @patch("app.work.SessionLocal")
        def test_it(factory): work()
    """,
    "nothing but a docstring": """
        @patch("app.work.SessionLocal")
        def test_it(factory):
            \"\"\"Does nothing.\"\"\"
    """,
}


@pytest.mark.parametrize("test", REFUSED.values(), ids=REFUSED)
def test_what_is_not_plain_is_left(test: str) -> None:
    assert patched(test) is None


@pytest.mark.parametrize(
    "test",
    [
        """
        @patch("app.work.SessionLocal", autospec=True)
        def test_it(factory):
            work()
        """,
        """
        @patch("app.work.SessionLocal")
        def test_it(factory):
            factory.side_effect = [MagicMock()]
            work()
        """,
    ],
)
def test_a_double_that_gives_otherwise_is_not_closed(test: str) -> None:
    assert patched(test, stays=False, closing="closing") is None


def test_a_comment_stays_beside_what_it_is_about() -> None:
    test = """
        @patch("app.work.SessionLocal")
        async def test_it(factory):
            # Works.
            work()
    """
    after = patched(test, stays=False, closing="closing") or ""
    assert "side_effect = lambda: closing(factory.return_value)\n    # Works.\n    work()" in after


def test_a_second_patch_gets_a_line_where_the_others_have_one() -> None:
    test = """
        def test_it():
            with patch("app.work.User") as user, \\
                    patch("app.work.SessionLocal") as factory, \\
                    patch("app.work.Mail"):
                work()
    """
    assert """
    with patch("app.work.User") as user, \\
            patch("app.work.SessionLocal") as factory, \\
            patch("app.work.get_db_session", factory), \\
            patch("app.work.Mail"):
""" in (patched(test) or "")


def test_a_broken_patch_is_followed_by_the_last_one_without_a_backslash() -> None:
    test = """
        def test_it():
            with patch("app.work.SessionLocal", return_value=a_session_with_a_long_name), \\
                    patch("app.work.Mail"):
                work()
    """
    assert """
    with patch(
        "app.work.SessionLocal", return_value=closing(a_session_with_a_long_name)
    ), patch("app.work.Mail"):
        work()
""" in (patched(test, stays=False, closing="closing") or "")


def test_a_patch_between_others_goes_on_below_its_name() -> None:
    test = """
        def test_it():
            with patch("app.work.Mail"), \\
                 patch("app.work.SessionLocal", return_value=a_session_with_a_long_name), \\
                 patch("app.work.User"):
                work()
    """
    assert """
    with patch("app.work.Mail"), \\
         patch("app.work.SessionLocal",
               return_value=closing(a_session_with_a_long_name)), \\
         patch("app.work.User"):
""" in (patched(test, stays=False, closing="closing") or "")


def test_what_gets_a_name_of_its_own_moves_with_all_its_lines() -> None:
    test = """
        def test_it(monkeypatch):
            monkeypatch.setattr("app.work.SessionLocal",
                                made(User("a"), (
                                    "b",
                                ), Mail(to=["a",
                                            "b"],
                                        text='''
                                            all''')))
            work()
    """
    assert """
    factory = made(User("a"), (
        "b",
    ), Mail(to=["a",
                "b"],
            text='''
                                    all'''))
    monkeypatch.setattr("app.work.SessionLocal",
                        factory)
""" in (patched(test) or "")
