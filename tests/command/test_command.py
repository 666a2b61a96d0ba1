"""The command as a whole: its subcommands, its help, its exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import pytest
from click.testing import CliRunner

from flake8_dbsession import __version__
from flake8_dbsession.command.group import main
from tests.cases import write_project

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def test_version() -> None:
    expected = f"dbsession {__version__}, Python {python_version()}, flake8 {version('flake8')}\n"
    assert CliRunner().invoke(main, ["--version"]).output == expected


def test_every_command_has_an_example_in_its_help() -> None:
    context = main.make_context("dbsession", [], resilient_parsing=True)
    for name in main.list_commands(context):
        words = [name, "clean"] if name == "cache" else [name]
        result = CliRunner().invoke(main, [*words, "--help"])
        assert result.exit_code == 0
        assert "Example:" in result.output, name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["chekc"], "No such command 'chekc'; did you mean 'check'?"),
        (["explian"], "No such command 'explian'; did you mean 'explain'?"),
        (["wxyz"], "No such command 'wxyz'."),
        (["check", "--slect", "DBS1"], "--select"),
    ],
)
def test_what_is_mistyped_is_wrong_use(wrong: list[str], said: str) -> None:
    result = CliRunner().invoke(main, wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_the_exit_codes_are_in_the_help_and_on_the_page() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert [code for code, _ in rows] == ["0", "1", "2", "130", "141"]
    shown = CliRunner().invoke(main, ["--help"]).output
    for code, meaning in rows:
        assert re.search(rf"^ *{code} +{re.escape(meaning)}$", shown, re.MULTILINE), code


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["check", "good.py"]),
        (0, ["check", "--exit-zero", "bad.py"]),
        (1, ["check", "bad.py"]),
        (1, ["fix", "bad.py"]),
        (2, ["check", "nowhere.py"]),
        (2, ["check", "--no-such"]),
        (2, ["check", "broken"]),
        (2, ["check", "good.py", "--output-file", "no/such"]),
    ],
)
def test_exit_codes(
    code: int, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    opens = "from core.database import SessionLocal\n\ndb = SessionLocal()\n"
    broken = {"broken/a.py": opens, "broken/dbsession.toml": "preset = 1\n"}
    write_project(tmp_path, {"good.py": "x = 1\n", "bad.py": opens, **broken})
    assert CliRunner().invoke(main, arguments).exit_code == code


def test_nobody_reads(tmp_path: Path) -> None:
    write_project(tmp_path, {f"{n}.py": "if:\n" for n in range(3000)})
    check = f"{sys.executable} -m flake8_dbsession check --no-cache; echo $? >code"
    subprocess.run(["bash", "-c", f"({check}) | head -1"], cwd=tmp_path, capture_output=True)
    assert (tmp_path / "code").read_text() == "141\n"


def complete(*words: str) -> list[str]:
    """Give what bash is offered for the last of some words."""
    environment = {
        "COMP_WORDS": " ".join(["dbsession", *words]),
        "COMP_CWORD": str(len(words)),
        "_DBSESSION_COMPLETE": "bash_complete",
    }
    result = CliRunner().invoke(main, [], prog_name="dbsession", env=environment)
    return [line.partition(",")[2] for line in result.output.splitlines()]


def test_completion() -> None:
    assert complete("che") == ["check"]
    assert complete("check", "--output-f") == ["--output-format", "--output-file"]
    assert complete("check", "--output-format", "s") == ["sarif"]


def test_completion_in_bash() -> None:
    """The page's line makes bash complete the command's name."""
    line = re.search(r"^(eval .*bash_source.*)$", PAGE.read_text(), re.MULTILINE)
    assert line
    folder = Path(sys.executable).parent
    script = (
        f"export PATH='{folder}':$PATH\n{line[1]}\n"
        "COMP_WORDS=(dbsession expl); COMP_CWORD=1\n"
        "_dbsession_completion dbsession expl dbsession\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("explain\n", "")
