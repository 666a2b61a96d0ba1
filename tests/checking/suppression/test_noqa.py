"""Comments written beside violations, and what flake8 makes of them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.running.settings import flake8_options
from flake8_dbsession.checking.suppression.misleading import misleading
from flake8_dbsession.checking.suppression.noqa import add_noqa


def finding(line: int, code: str = "DBS101", path: str = "app.py") -> Finding:
    return Finding(path, line, 1, code, "", line, 2, "")


def hidden(content: bytes, *findings: Finding) -> tuple[bytes, list[Finding]]:
    """Give a file's content after comments were written, and the findings that are left."""
    Path("app.py").write_bytes(content)
    left = add_noqa("app.py", findings, flake8_options([]))
    return Path("app.py").read_bytes(), left


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestComments:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("x = 1\n", "x = 1  # noqa: DBS101\n"),
            ("x = 1", "x = 1  # noqa: DBS101"),
            ("x = 1\r\n", "x = 1  # noqa: DBS101\r\n"),
            ("x = 1\r", "x = 1  # noqa: DBS101\r"),
            ("x = 1  # why\n", "x = 1  # why  # noqa: DBS101\n"),
            ("x = 1  # type: ignore\n", "x = 1  # type: ignore  # noqa: DBS101\n"),
            ("x = 1  # noqa: E501\n", "x = 1  # noqa: E501,DBS101\n"),
            ("x = 1  # NOQA:E501, W2 why\n", "x = 1  # NOQA:E501, W2,DBS101 why\n"),
            ("x = 1  # noqa\n", "x = 1  # noqa\n"),
            ("x = 1  # noqa: DBS101\n", "x = 1  # noqa: DBS101\n"),
            ("x = 1  # noqa: DBS1\n", "x = 1  # noqa: DBS1\n"),
            ("x = '#'\n", "x = '#'  # noqa: DBS101\n"),
            ('x = """\n"""\n', 'x = """\n"""  # noqa: DBS101\n'),
            ("x = \\\n    1\n", "x = \\\n    1  # noqa: DBS101\n"),
            ("x = (\n    1,\n)\n", "x = (  # noqa: DBS101\n    1,\n)\n"),
        ],
    )
    def test_where_they_stand(self, before: str, after: str) -> None:
        assert hidden(before.encode(), finding(1)) == (after.encode(), [])

    def test_in_a_docstring_after_its_end(self) -> None:
        source = b'def f():\n    """\n    >>> x\n    """\n'
        after = b'def f():\n    """\n    >>> x\n    """  # noqa: DBS110\n'
        assert hidden(source, finding(3, "DBS110")) == (after, [])

    def test_a_line_that_grows_too_long_is_excused(self) -> None:
        """flake8 counts a comment's characters, and would report what was not there before."""
        short, long = "x" * 60 + " = 1", "x" * 100 + " = 1"
        (content, left) = hidden(f"{short}\n{long}\n".encode(), finding(1), finding(2))
        assert content.decode() == f"{short}  # noqa: DBS101,E501\n{long}  # noqa: DBS101\n"
        assert left == []

    def test_several_codes_share_one(self) -> None:
        found = [finding(1, "DBS303"), finding(1, "DBS101"), finding(1, "DBS101")]
        assert hidden(b"x = 1\n", *found) == (b"x = 1  # noqa: DBS101,DBS303\n", [])

    def test_the_lines_of_a_string_share_one(self) -> None:
        source = b'x = use("""\n""", make(), """\n""")\n'
        after = b'x = use("""\n""", make(), """\n""")  # noqa: DBS101,DBS103\n'
        assert hidden(source, finding(1), finding(2, "DBS103")) == (after, [])

    @pytest.mark.parametrize("code", ["DBS001", "DBS002", "E902", "E999"])
    def test_what_keeps_a_file_from_being_checked_gets_none(self, code: str) -> None:
        assert hidden(b"x = 1\n", finding(1, code)) == (b"x = 1\n", [finding(1, code)])

    def test_a_string_that_flake8_takes_for_a_comment_comes_first(self) -> None:
        source = b"x = '# noqa: E501'\ny = 1\n"
        after = b"x = '# noqa: E501'\ny = 1  # noqa: DBS101\n"
        assert hidden(source, finding(1), finding(2)) == (after, [finding(1)])


class TestFiles:
    @pytest.mark.parametrize(
        "content",
        [
            b"\xef\xbb\xbfx = 1\n",
            b"# coding: latin-1\nx = '\xe9'\n",
            b"x = 1  # \xff is no UTF-8\n",
            b"x = '\x0c\xe2\x80\xa8'\n\x0cy = 2   \n",
            b"a = 1\r\nb = 2\nc = 3\rd = 4",
        ],
        ids=["a byte order mark", "a coding cookie", "no UTF-8", "odd spaces", "mixed line ends"],
    )
    def test_every_other_byte_stays(self, content: bytes) -> None:
        last = len(content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip().split(b"\n"))
        after, left = hidden(content, finding(last))
        assert left == []
        assert after.count(b"  # noqa: DBS101") == 1
        assert after.replace(b"  # noqa: DBS101", b"") == content

    @pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")
    def test_the_mode_stays(self) -> None:
        Path("real.py").write_text("x = 1\n")
        os.chmod("real.py", 0o751)
        assert add_noqa("real.py", [finding(1, path="real.py")], flake8_options([])) == []
        assert Path("real.py").read_text() == "x = 1  # noqa: DBS101\n"
        assert stat.S_IMODE(Path("real.py").stat().st_mode) == 0o751
        assert os.listdir() == ["real.py"], "something was left behind"

    def test_nothing_is_written_through_a_link(self) -> None:
        Path("real.py").write_text("x = 1\n")
        Path("link.py").symlink_to("real.py")
        with pytest.raises(RunError, match=r"link\.py: cannot be written: is a link"):
            add_noqa("link.py", [finding(1, path="link.py")], flake8_options([]))
        assert Path("real.py").read_text() == "x = 1\n"

    def test_markdown_is_left_alone(self) -> None:
        Path("notes.md").write_text("```python\nx = 1\n```\n")
        found = [finding(2, path="notes.md")]
        assert add_noqa("notes.md", found, flake8_options([])) == found
        assert Path("notes.md").read_text() == "```python\nx = 1\n```\n"

    def test_a_file_that_cannot_be_read(self) -> None:
        with pytest.raises(RunError, match=r"gone\.py: cannot be read: No such file"):
            add_noqa("gone.py", [finding(1)], flake8_options([]))

    def test_what_keeps_a_file_from_being_checked_is_left(self) -> None:
        found = [finding(0, code="E902", path="gone.py")]
        assert add_noqa("gone.py", found, flake8_options([])) == found


_PIECES = st.sampled_from(
    ["x = 1", "  # noqa: E501", "  # why", "\n", "\r\n", "x = , ", "\\\n", "(\n", ")"]
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(_PIECES, max_size=12).map("".join), st.sets(st.integers(1, 6), max_size=4))
def test_whatever_the_text_is(text: str, lines: set[int]) -> None:
    """Only comments are added, those that are not left are hidden, and a second run adds none."""
    found = [finding(line) for line in sorted(lines)]
    once, left = hidden(text.encode(), *found)
    assert once.replace(b"  # noqa: DBS101", b"").replace(b",DBS101", b"") == text.encode()
    assert hidden(once, *found) == (once, left)


def test_a_rules_name_in_a_comment_is_told(tmp_path: Path) -> None:
    text = "a = 1  # noqa: raw-session-factory\nb = 2  # noqa: DBS101\nc = 3  # noqa: other-name\n"
    file = tmp_path / "app.py"
    file.write_text(text, encoding="utf-8")
    found = misleading([str(file), str(tmp_path / "none.py")])
    assert [(place, comment) for place, comment, _ in found] == [
        (f"{file}:1", "# noqa: raw-session-factory")
    ]
