"""``dbsession check`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flake8.utils import stdin_get_value

from flake8_dbsession.checking.running.file_check import FileCheck
from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import CHOSEN, HOUSE, write_project
from tests.flake8_runs import flake8_here

BY_HAND = "from core.database import SessionLocal\n\ndb = SessionLocal()\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str, stdin: str | bytes | None = None) -> Result:
    stdin_get_value.cache_clear()
    return CliRunner().invoke(main, ["check", *arguments], input=stdin)


def codes(result: Result) -> list[str]:
    return [line.split()[1] for line in result.stdout.splitlines()]


def test_nothing_found(project: Path) -> None:
    write_project(project, {"app.py": "x = 1\n"})
    result = check()
    assert (result.exit_code, result.output) == (0, "")


def test_nothing_to_check_is_said(project: Path) -> None:
    write_project(project, {"notes.txt": "", "build/app.py": BY_HAND})
    result = check()
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Warning: no Python or Markdown file or notebook was found to check\n"


def test_found_in_the_working_directory(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "lib/broken.py": "if:\n"})
    result = check()
    assert result.exit_code == 1
    assert [line.split(" ")[0] for line in result.stdout.splitlines()] == [
        "./app.py:3:6:",
        "./app.py:3:6:",
        "./lib/broken.py:1:4:",
    ]


@pytest.mark.parametrize("content", ["x = '\0'\n", "(" * 5000, "# coding: utf-16\nif:\n"])
def test_what_flake8_comes_to_an_end_on_is_one_line(project: Path, content: str) -> None:
    write_project(project, {"app.py": content, "other.py": "if:\n"})
    result = check()
    assert result.exit_code == 1
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["E999", "E999"]


def test_selection(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "broken.py": "if:\n"})
    assert codes(check("--select", "DBS1")) == ["DBS101", "E999"]
    assert codes(check("--ignore", "DBS201,E999")) == ["DBS101"]
    assert codes(check("--select", "DBS1", "--ignore", "E999")) == ["DBS101"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("codes", ["DBS999", "DBS1,dbs2", "DBS101 F"])
@pytest.mark.parametrize(
    "arguments", [["check", "--select"], ["check", "--extend-select"], ["fix", "--select"]]
)
def test_a_code_that_selects_nothing_is_wrong_use(arguments: list[str], codes: str) -> None:
    result = CliRunner().invoke(main, [*arguments, codes])
    assert (result.exit_code, result.stdout) == (2, "")
    wrong = codes.replace(",", " ").split()[-1]
    assert f"'{arguments[1]}': no code begins with `{wrong}`" in result.stderr


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("codes", ["", ",", " , "])
@pytest.mark.parametrize("command", ["check", "fix"])
def test_no_codes_at_all_are_wrong_use(command: str, codes: str) -> None:
    result = CliRunner().invoke(main, [command, "--select", codes])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'--select': no code is named" in result.stderr


def test_missing_path_is_wrong_use(project: Path) -> None:
    result = check("apps")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: apps: there is no such file or folder; check the spelling\n"


def test_broken_policy(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "dbsession.toml": "presets = 'flask'\n"})
    result = check("--select", "DBS101")
    assert result.exit_code == 2
    assert codes(result) == ["DBS001"]


def test_broken_flake8_configuration(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "setup.cfg": "[flake8]\nextend-ignore = dbs-101\n"})
    result = check()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: flake8's configuration cannot be used: Error code 'dbs-101'" in result.stderr


def test_broken_value_in_flake8_configuration(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, ".flake8": "[flake8]\njobs = many\n"})
    result = check()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: flake8's configuration cannot be used: "
        "argument -j/--jobs: 'many' must be 'auto' or an integer.\n"
    )


def test_policy_named_in_flake8_configuration_is_missing(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, ".flake8": "[flake8]\ndbsession-policy = no.toml\n"})
    result = check()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: no.toml: there is no such file\n"


def test_standard_input(project: Path) -> None:
    write_project(project, {"app.py": "x = 1\n"})
    result = check("--stdin-filename", "app.py", "-", stdin=BY_HAND)
    assert result.exit_code == 1
    assert [line.split(" ")[0] for line in result.stdout.splitlines()] == [
        "app.py:3:6:",
        "app.py:3:6:",
    ]


def test_standard_input_that_is_markdown(project: Path) -> None:
    write_project(project, {"app.py": "x = 1\n"})
    result = check("--stdin-filename", "a.md", "-", stdin=f"```python\n{BY_HAND}```\n")
    assert [line.split(" ")[0] for line in result.stdout.splitlines()] == ["a.md:4:6:"] * 2


def test_standard_input_that_cannot_be_decoded(project: Path) -> None:
    result = check("--stdin-filename", "app.py", "-", stdin=b"x = '\xff'\n")
    assert result.exit_code == 1
    assert result.stdout.startswith("app.py:0:1: E902 UnicodeDecodeError: 'utf-8' codec can't")
    assert check("--stdin-filename", "app.py", "--ignore", "E902", "-", stdin=b"\xff").output == ""
    text = f"\xff\n\n```python\n{BY_HAND}```\n".encode("latin-1")
    assert codes(check("--stdin-filename", "a.md", "-", stdin=text)) == ["DBS101", "DBS201"]


def test_statistics(project: Path) -> None:
    write_project(project, {"a.py": BY_HAND, "b.py": BY_HAND, "c.py": "if:\n"})
    expected = flake8_here(
        "--select=DBS,E9", "--statistics", "a.py", "b.py", "c.py", output=project / "out"
    )
    result = check("--statistics", "a.py", "b.py", "c.py")
    assert result.stdout.splitlines() == expected
    assert len(expected) == 8
    in_json = check("--statistics", "--output-format", "json", "a.py")
    json.loads(in_json.stdout)
    assert in_json.stderr.startswith("1     DBS101 ")


def test_output_file(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND})
    printed = check("app.py")
    written = check("app.py", "--output-file", "found.txt")
    assert (written.exit_code, written.output) == (1, "")
    assert (project / "found.txt").read_text() == printed.stdout
    unwritable = check("app.py", "--output-file", "no/found.txt")
    assert unwritable.exit_code == 2
    assert (
        unwritable.stderr == "Error: no/found.txt: cannot be written: No such file or directory\n"
    )


def test_a_policy_changes_levels_and_no_exit_code(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND})
    assert levels() == {"DBS101": "warning", "DBS201": "error"}
    policy = "[levels]\nDBS1 = 'note'\n'module-global-session' = 'warning'\n"
    write_project(project, {"dbsession.toml": policy})
    assert levels() == {"DBS101": "note", "DBS201": "warning"}
    write_project(project, {"dbsession.toml": policy.replace("note", "error")})
    assert levels() == {"DBS101": "error", "DBS201": "warning"}


def levels() -> dict[str, str]:
    """Give the level of each code that is found, whether the result was kept or not."""
    forget_policies()
    result = check("--output-format", "json")
    assert result.exit_code == 1
    assert result.stdout == check("--output-format", "json").stdout
    return {found["code"]: found["level"] for found in json.loads(result.stdout)}


def test_a_broken_policy_is_an_error_whatever_it_says(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "dbsession.toml": "levels = { DBS0 = 'note' }\n"})
    write_project(project, {"lib/app.py": BY_HAND, "lib/dbsession.toml": "onwers = []\n"})
    result = check("--output-format", "github")
    assert result.exit_code == 2
    assert "::error title=dbsession DBS001,file=lib/dbsession.toml" in result.stdout


def test_exit_zero_is_for_violations_alone(project: Path) -> None:
    write_project(project, {"a/app.py": BY_HAND, "b/app.py": BY_HAND, "b/dbsession.toml": "x = 1"})
    assert check("--exit-zero", "a").exit_code == 0
    assert check("--exit-zero", "b").exit_code == 2


def test_show_source(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND})
    lines = check("--show-source", "--select", "DBS101").stdout.splitlines()
    assert lines[1:] == ["db = SessionLocal()", "     ^^^^^^^^^^^^^^"]


def test_several_processes_report_the_same(project: Path) -> None:
    write_project(project, {f"f{number}.py": BY_HAND for number in range(40)})
    alone = check("--jobs", "1", "--no-cache")
    assert len(alone.stdout.splitlines()) == 80
    assert check("--jobs", "3", "--no-cache").stdout == alone.stdout


def test_interruption_is_clean(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    write_project(project, {"app.py": BY_HAND})
    monkeypatch.setattr(FileCheck, "check", interrupt)
    result = check("--no-cache")
    assert (result.exit_code, result.output) == (130, "Interrupted\n")


class TestFix:
    HOUSE = HOUSE["core/database.py"]
    FIXABLE = (
        "from core.database import SessionLocal\n\n\n"
        "def load(user):\n    with SessionLocal() as db:\n        return db.get(user)\n"
    )

    def test_what_is_left_is_reported(self, project: Path) -> None:
        write_project(project, {**HOUSE, "app.py": self.FIXABLE, "other.py": BY_HAND})
        result = check("--fix")
        assert result.exit_code == 1
        assert set(codes(result)) == {"DBS101", "DBS201"}
        assert "other.py" in result.stdout
        assert "app.py" not in result.stdout
        assert result.stderr.startswith("1 fixed in 1 file, ")
        assert "with get_db_session() as db:" in (project / "app.py").read_text()
        again = check("--fix", "app.py")
        assert (again.exit_code, again.stdout) == (0, "")

    def test_only_what_is_selected(self, project: Path) -> None:
        write_project(project, {**HOUSE, "app.py": self.FIXABLE})
        assert check("--fix", "--select", "DBS3").exit_code == 0
        assert check("--fix", "--ignore", "DBS102").exit_code == 0
        assert (project / "app.py").read_text() == self.FIXABLE
        (project / "app.py").write_text("x = 1  # noqa: DBS102\n")
        assert check("--fix", "--extend-select", "DBS003").exit_code == 0
        assert (project / "app.py").read_text() == "x = 1\n"

    def test_doubts(self, project: Path) -> None:
        committing = self.HOUSE.replace("yield db", "yield db\n                db.commit()")
        write = self.FIXABLE.replace("return db.get(user)", "db.add(user)")
        write_project(project, {**CHOSEN, "core/database.py": committing, "app.py": write})
        assert check("--fix", "--select", "DBS102").exit_code == 1
        assert check("--fix", "--select", "DBS102", "--accept", "commit").exit_code == 0

    def test_a_file_that_cannot_be_fixed_is_said(self, project: Path) -> None:
        write_project(project, {"app.py": "if:\n"})
        result = check("--fix")
        assert result.exit_code == 1
        assert codes(result) == ["E999"]
        assert "app.py: not fixed: line 1: E999" in result.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--fix", "-"],
            ["--watch", "-"],
            ["--fix", "--since", "HEAD"],
            ["--fix", "--add-noqa"],
            ["--unsafe"],
            ["--accept", "commit"],
        ],
    )
    def test_what_does_not_go_together(self, project: Path, arguments: list[str]) -> None:
        assert check(*arguments).exit_code == 2


def test_quiet_leaves_the_findings(project: Path) -> None:
    write_project(project, {"app.py": f"{BY_HAND}y = 1  # noqa: raw-session-factory\n"})
    (project / ".dbsession-baseline.json").write_text(
        '{"version": 1, "violations": [{"path": "app.py", "code": "DBS306", "definition": "", '
        '"statement": "x", "count": 1}]}'
    )
    loud, quiet = check(), check("-q")
    assert quiet.stdout == loud.stdout != ""
    assert "1 entry of .dbsession-baseline.json matches nothing now" in loud.stderr
    assert "hides every code" in loud.stderr
    assert quiet.stderr == ""
    assert check("-q", "--fix").stderr == ""
    write_project(project, {"sub/notes.txt": ""})
    assert check("-q", "sub").output == ""


def test_colours_on_demand(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND})
    assert "\x1b[" in check("--color", "always").stdout
    assert "\x1b[" not in check("--color", "never").stdout
    check("--color", "auto", "--output-file", "found.txt")
    assert "\x1b[" not in (project / "found.txt").read_text()
