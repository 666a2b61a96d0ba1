"""DBS003: comments of which some code hides nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import HOUSE, write_project
from tests.flake8_runs import flake8_here

IMPORT = "from core.database import SessionLocal\n\n"
OPENS = "from core.database import SessionLocal\n\n\ndef load(user):\n    "
BY_HAND = OPENS + "with SessionLocal() as db:{comment}\n        db.get(user)\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, HOUSE)
    return tmp_path


def found(text: str, *arguments: str, name: str = "app.py") -> list[str]:
    """Give ``line:column codes`` of each comment that hides nothing."""
    Path(name).write_text(text)
    forget_policies()
    options = arguments or ("--extend-select", "DBS003")
    lines = CliRunner().invoke(main, ["check", "--no-cache", *options, name]).stdout.splitlines()
    parts = [line.split(" ", 2) for line in lines if " DBS003 " in line]
    return [
        f"{place.removeprefix(f'{name}:').rstrip(':')} {message.split('`')[3::2]}"
        for place, _, message in parts
    ]


def test_only_when_asked_for() -> None:
    assert found("x = 1  # noqa: DBS101\n", "--select", "DBS") == []
    assert found("x = 1  # noqa: DBS101\n") == ["1:16 ['DBS101']"]
    Path("dbsession.toml").write_text("enable = ['unused-suppression']\n")
    assert found("x = 1  # noqa: DBS101\n", "--select", "DBS") == ["1:16 ['DBS101']"]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("  # noqa: DBS102", []),
        ("  # noqa: DBS1", []),
        ("  # noqa", []),
        ("  # noqa: E501", []),
        ("  # noqa: DBS102,DBS301", ["5:48 ['DBS301']"]),
        ("  # NOQA:DBS301, DBS102 DBS309", ["5:40 ['DBS301', 'DBS309']"]),
        ("  # type: ignore # noqa: E501,DBS301", ["5:61 ['DBS301']"]),
        ("  # noqa: DBS999", ["5:41 ['DBS999']"]),  # nothing has this code
        ("  # noqa: DBS307", []),  # off
        ("  # noqa: DBS2", []),  # some rules of this beginning are off
        ("  # noqa: DBS5", []),
        ("  # noqa: DBS001,DBS002,DBS003", []),
        ("  # noqa: dbs301", []),  # flake8 takes it for another code
        ("  # noqa: DBS301,DBS003", []),  # hides what is said of itself
    ],
)
def test_comments(comment: str, expected: list[str]) -> None:
    codes = found(BY_HAND.format(comment=comment))
    assert codes == expected


def test_what_is_not_looked_for_is_not_spoken_of() -> None:
    text = "x = 1  # noqa: DBS101,DBS302\n"
    assert found(text, "--select", "DBS1", "--extend-select", "DBS003") == ["1:16 ['DBS101']"]
    assert found(text, "--extend-select", "DBS003", "--ignore", "DBS1") == ["1:23 ['DBS302']"]
    Path("setup.cfg").write_text("[flake8]\nper-file-ignores = app.py: DBS302\n")
    assert found(text) == ["1:16 ['DBS101']"]
    Path("setup.cfg").write_text("[flake8]\ndisable-noqa = true\n")
    assert found(text) == []


def test_alone_it_asks_about_all_the_others() -> None:
    assert found("x = 1  # noqa: DBS101\n", "--select", "DBS003") == ["1:16 ['DBS101']"]


def test_a_layer_that_allows_a_code_has_the_comment_for_nothing_else() -> None:
    assert found("x = 1  # noqa: DBS101,DBS404\n", name="test_app.py") == ["1:23 ['DBS404']"]


def test_a_comment_holds_for_all_lines_of_a_string() -> None:
    text = (
        'from core.database import SessionLocal\n\ndb = (SessionLocal(), """\n{}""")  # noqa: {}\n'
    )
    assert found(text.format("", "DBS101,DBS201")) == []
    assert found(text.format("", "DBS101,DBS201,DBS301")) == ["4:29 ['DBS301']"]
    assert found(text.format("# noqa: DBS1\n", "DBS301")) == []  # flake8 reads the string's


def test_on_another_line_of_a_statement_it_hides_nothing() -> None:
    text = (
        "from core.database import SessionLocal\n\ndb = SessionLocal(\n)  # noqa: DBS101,DBS201\n"
    )
    assert found(text) == ["4:12 ['DBS101', 'DBS201']"]


def test_in_a_block_of_markdown() -> None:
    block = f"```python\n{BY_HAND.format(comment='  # noqa: DBS102,DBS301')}```\n"
    indented = "".join(f"  {line}\n" for line in block.splitlines())
    assert found(f"- item:\n\n{indented}", name="a.md") == ["8:50 ['DBS301']"]
    assert found("```python\nx = 1  # noqa: DBS101\n```\n", name="a.md") == ["2:16 ['DBS101']"]


def test_not_in_a_file_that_is_not_checked() -> None:
    assert found("x = (  # noqa: DBS101\n") == []
    assert found("# flake8: noqa\nx = 1  # noqa: DBS101\n") == []
    Path("dbsession.toml").write_text("exclude = ['app.py']\n")
    assert found("x = 1  # noqa: DBS101\n") == []


def test_what_a_baseline_holds_is_there_to_be_hidden() -> None:
    Path("app.py").write_text(BY_HAND.format(comment=""))
    CliRunner().invoke(main, ["baseline", "app.py"])
    hidden = BY_HAND.format(comment="  # noqa: DBS102")
    known = ("--baseline", ".dbsession-baseline.json", "--extend-select", "DBS003")
    assert found(hidden, *known) == []


def test_it_is_explained_as_any_rule() -> None:
    page = CliRunner().invoke(main, ["explain", "unused-suppression"]).stdout
    assert page.startswith("# DBS003 unused-suppression\n")
    Path("app.py").write_text("x = 1  # noqa: DBS101\n")
    arguments = ["check", "--select", "DBS003", "--output-format", "sarif", "app.py"]
    run = json.loads(CliRunner().invoke(main, arguments).stdout)["runs"][0]
    (rule,), (result,) = run["tool"]["driver"]["rules"], run["results"]
    assert (rule["id"], rule["helpUri"].rpartition("/")[2]) == ("DBS003", "DBS003.md")
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (region["startColumn"], region["endColumn"]) == (16, 22)


def test_flake8_itself_says_nothing(project: Path) -> None:
    Path("app.py").write_text("x = 1  # noqa: DBS101\n")
    assert flake8_here("--select=DBS,DBS003", "app.py", output=project / "out") == []


def test_no_comment_is_written_beside_a_comment() -> None:
    text = "x = 1  # noqa: DBS101\n"
    assert found(text, "--extend-select", "DBS003", "--add-noqa") == ["1:16 ['DBS101']"]
    assert Path("app.py").read_text() == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # noqa: DBS101\n", "x = 1\n"),
        ("x = 1  # noqa: DBS101, DBS302\n", "x = 1\n"),
        ("x = 1  # noqa: DBS101,E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: E501, DBS101, F401\n", "x = 1  # noqa: E501, F401\n"),
        ("x = 1  # noqa: DBS101 E501 why\n", "x = 1  # noqa: E501 why\n"),
        ("x = 1  # noqa: DBS101 why\n", "x = 1  # why\n"),
        ("x = 1  # noqa: DBS101  # pragma: no cover\n", "x = 1  # pragma: no cover\n"),
        ("x = 1  # type: int # noqa: DBS101\n", "x = 1  # type: int\n"),
        ("x = 1  # type: int # noqa: DBS101 why\n", "x = 1  # type: int # why\n"),
        (
            "if x:\n    # noqa: DBS101\n    y = 'é'  # é # noqa: DBS302\n",
            "if x:\n    y = 'é'  # é\n",
        ),
        ("x = '''\na'''  # noqa: DBS101\n", "x = '''\na'''\n"),
        ("x = 1  # noqa: DBS101", "x = 1"),
        ("x = 1\r\ny = 2\t# noqa: DBS101\r\n", "x = 1\r\ny = 2\r\n"),
        ("x = 1  # noqa: DBS307\n", "x = 1  # noqa: DBS307\n"),
    ],
)
def test_the_fix(before: str, after: str) -> None:
    file = Path("app.py")
    file.write_bytes(before.encode())
    result = CliRunner().invoke(main, ["fix", "--select", "DBS003", "app.py"])
    assert (result.exit_code, file.read_bytes().decode()) == (0, after)
    again = CliRunner().invoke(main, ["fix", "--select", "DBS003", "app.py"])
    assert again.stdout.startswith("0 fixed")


def test_a_comment_that_a_fix_makes_superfluous_goes_with_it() -> None:
    text = BY_HAND.format(comment="  # noqa: DBS102").replace("with Session", "with  Session")
    file = Path("app.py")
    file.write_text(text + "    with SessionLocal() as db:\n        db.get(user)  # noqa: DBS102\n")
    result = CliRunner().invoke(main, ["fix", "--select", "DBS,DBS003", "app.py"])
    assert "app.py:8: DBS003 fixed" in result.stdout
    assert file.read_text().count("noqa") == 1


_PARTS = (
    "db = SessionLocal()  # noqa: {}\n",
    "x = 1  # noqa: {}\n",
    "def load(user):\n    with SessionLocal() as db:  # why # noqa: {} # x\n        db.get(user)\n",
    "db = SessionLocal(\n    bind=1,  # noqa: {}\n)\n",
    'db = (SessionLocal(), """\na\n""")  # noqa: {}\n',
    "# noqa: {}\n",
)
_CODES = st.lists(
    st.sampled_from(["DBS101", "DBS102", "DBS201", "DBS1", "DBS302", "DBS999", "E501", "DBS307"]),
    min_size=1,
    max_size=4,
    unique=True,
)
_SEPARATORS = st.sampled_from([",", ", ", " "])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_PARTS), _CODES, _SEPARATORS), max_size=5))
def test_what_goes_hid_nothing(parts: list[tuple[str, list[str], str]]) -> None:
    """Without it flake8 reports what it reported, and one more code gone would show something."""
    file = Path("app.py")
    file.write_text(IMPORT + "".join(part.format(sep.join(codes)) for part, codes, sep in parts))

    def reported() -> list[tuple[str, ...]]:
        lines = CliRunner().invoke(main, ["check", "--no-cache", "app.py"]).stdout.splitlines()
        return [tuple(line.split(" ")[1:]) for line in lines]

    before = reported()
    fixed = CliRunner().invoke(main, ["fix", "--select", "DBS003", "app.py"])
    assert fixed.exit_code == 0, fixed.output
    assert reported() == before
    assert found(file.read_text()) == []
    for code in ("DBS101", "DBS102", "DBS201", "DBS302"):
        text = file.read_text()
        for place in re.finditer(rf"\b{code}\b", text):
            file.write_text(text[: place.start()] + "X100" + text[place.end() :])
            line = text.splitlines()[text.count("\n", 0, place.start())]
            assert re.search(r"\bDBS1\b", line) or len(reported()) > len(before)
        file.write_text(text)
