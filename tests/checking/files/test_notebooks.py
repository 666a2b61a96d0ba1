"""Notebooks are checked as one program, and what is found is named by its cell."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from flake8_dbsession.command.group import main
from tests.cases import HOUSE, write_project
from tests.command.test_check import check

OPENS = "with SessionLocal() as db:\n    db.get(user)\n"
IMPORT = "from core.database import SessionLocal\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, HOUSE)
    return tmp_path


def notebook(*sources: str | list[str] | None, **metadata: object) -> str:
    """Give the text of a notebook with some code cells; None for a cell of Markdown."""
    cells = [
        {"cell_type": "code" if source is not None else "markdown", "source": source or "# Title"}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def found(*sources: str | list[str] | None, **metadata: object) -> list[str]:
    """Give place and code of what is found in a notebook."""
    Path("a.ipynb").write_text(notebook(*sources, **metadata))
    lines = check("a.ipynb").stdout.splitlines()
    return [" ".join(line.removeprefix("a.ipynb:").split(" ", 3)[:3]) for line in lines]


def test_cells_are_one_program_and_each_counts_its_lines() -> None:
    assert found(IMPORT, None, "x = 1", f"# é\n{OPENS}") == ["cell 4:2:6: DBS102"]
    assert found(IMPORT, [*OPENS.splitlines(keepends=True)]) == ["cell 2:1:6: DBS102"]


def test_found_in_folders(project: Path) -> None:
    write_project(project, {"lib/a.ipynb": notebook(IMPORT + OPENS)})
    write_project(project, {"lib/.ipynb_checkpoints/a.ipynb": notebook(IMPORT + OPENS)})
    assert [line.split(" ")[:3] for line in check().stdout.splitlines()] == [
        ["./lib/a.ipynb:cell", "1:2:6:", "DBS102"]
    ]
    CliRunner().invoke(main, ["init"], catch_exceptions=False)  # looks at Python files alone


@pytest.mark.parametrize(
    "magic",
    [
        "%load_ext sql",
        "!pip install \\\n  sqlalchemy",
        '!echo "it\'s ("',
        "user?",
        "??user",
        "files = !ls",
        "a.b, c = %sql select 1",
        "if user:\n    !ls\nelse:\n    %time load()",
        "await load()",
        "query = '''\n%s\n!x'''\ny = (query\n  % user)",
    ],
)
def test_what_is_ipython_s_does_not_break_it(magic: str) -> None:
    lines = magic.count("\n") + 2
    assert found(IMPORT, f"{magic}\n{OPENS}") == [f"cell 2:{lines}:6: DBS102"]


@pytest.mark.parametrize(
    ("magic", "is_python"),
    [("%%time", True), ("\n%%capture out", True), ("%%sql", False), ("%%bash", False)],
)
def test_magics_of_a_cell(magic: str, is_python: bool) -> None:
    line = magic.count("\n") + 2
    expected = [f"cell 2:{line}:6: DBS102"] if is_python else []
    assert found(IMPORT, f"{magic}\n{OPENS}") == expected


def test_what_another_language_runs_is_left_alone() -> None:
    assert found(IMPORT + OPENS, language_info={"name": "python"}) == ["cell 1:2:6: DBS102"]
    assert found(IMPORT + OPENS, kernelspec={"language": "python"}) == ["cell 1:2:6: DBS102"]
    assert found(IMPORT + OPENS, language_info={"name": "R"}) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "E902 NotebookError: is no JSON: "),
        ("[" * 100_000, "E902 NotebookError: is no JSON: "),
        ("\xff", "E902 NotebookError: is no JSON: "),
        ("[]", "E902 NotebookError: is no notebook, or older than format 4"),
        ('{"worksheets": []}', "E902 NotebookError: is no notebook, or older than format 4"),
        ('{"cells": [{"cell_type": "code"}]}', "E902 NotebookError: cell 1 has no text"),
        (notebook("x = 1", "if:"), "E999 SyntaxError: invalid syntax"),
        (notebook("x = '\0'"), "E999 "),
    ],
)
def test_a_broken_one_is_one_line(text: str, said: str) -> None:
    Path("a.ipynb").write_bytes(text.encode("latin-1"))
    Path("b.py").write_text("if:\n")
    result = check("a.ipynb", "b.py")
    first, second = result.stdout.splitlines()
    assert said in first
    assert "b.py:1:" in second
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "text", ['{"cells": [1, null, {}]}', '{"cells": []}', notebook("x = '\ud800'"), notebook("")]
)
def test_odd_ones_are_nothing_to_speak_of(text: str) -> None:
    Path("a.ipynb").write_text(text)
    assert check("a.ipynb").output == ""


def test_comments_in_cells() -> None:
    hidden = OPENS.replace(":\n", ":  # noqa: DBS102,DBS301\n", 1)
    assert found(IMPORT, hidden) == []
    Path("a.ipynb").write_text(notebook(IMPORT, hidden))
    line = check("--extend-select", "DBS003", "a.ipynb").stdout
    assert line.startswith("a.ipynb:cell 2:1:44: DBS003 ")


def test_a_session_for_the_whole_notebook_is_its_own_affair() -> None:
    cells = ("from sqlalchemy.orm import Session\n", "db = Session(engine)\n", "db.close()")
    assert "DBS201" not in " ".join(found(*cells))
    Path("a.py").write_text("".join((*cells, "\nMODE = 1\n")))
    assert "DBS201" in check("a.py").stdout


def test_formats() -> None:
    Path("a.ipynb").write_text(notebook(IMPORT, OPENS))
    (finding,) = json.loads(check("--output-format", "json", "a.ipynb").stdout)
    assert (finding["cell"], finding["start"]) == (2, {"line": 1, "column": 6})
    sarif = json.loads(check("--output-format", "sarif", "a.ipynb").stdout)
    (result,) = sarif["runs"][0]["results"]
    assert result["message"]["text"].startswith("cell 2, line 1: ")
    assert "region" not in result["locations"][0]["physicalLocation"]
    (issue,) = json.loads(check("--output-format", "gitlab", "a.ipynb").stdout)
    assert issue["location"] == {"path": "a.ipynb", "lines": {"begin": 1, "end": 1}}
    assert "file=a.ipynb::DBS102 cell 2, line 1: " in check("--output-format", "github").stdout
    assert 'name="DBS102 cell 2:1:6"' in check("--output-format", "junit", "a.ipynb").stdout


def test_standard_input_and_the_cache() -> None:
    text = notebook(IMPORT, OPENS)
    place = "a.ipynb:cell 2:1:6: DBS102"
    assert check("--stdin-filename", "a.ipynb", "-", stdin=text).stdout.startswith(place)
    Path("a.ipynb").write_text(text)
    assert check("a.ipynb").stdout == check("a.ipynb").stdout != ""


def test_a_baseline_and_since(project: Path) -> None:
    (project / ".git").rmdir()
    identity = ("-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgSign=false")
    Path("a.ipynb").write_text(notebook(IMPORT, OPENS))
    for arguments in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], check=True)
    assert check("--since", "HEAD").stdout == ""
    Path("a.ipynb").write_text(notebook("x = 1", IMPORT, OPENS))
    assert "cell 3:1:6: DBS102" in check("--since", "HEAD").stdout
    CliRunner().invoke(main, ["baseline"])
    Path("a.ipynb").write_text(notebook(IMPORT, OPENS))
    assert check().stdout == ""


def test_they_are_not_written() -> None:
    text = notebook(IMPORT, OPENS)
    Path("a.ipynb").write_text(text)
    result = CliRunner().invoke(main, ["fix", "a.ipynb"])
    assert result.exit_code == 2
    assert "a.ipynb: notebooks are checked, not fixed" in result.stderr
    assert CliRunner().invoke(main, ["fix"]).exit_code == 0
    assert check("--add-noqa", "a.ipynb").exit_code == 1
    assert Path("a.ipynb").read_text() == text
