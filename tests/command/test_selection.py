"""All is configured in ``[tool.dbsession]`` where no flake8 configuration names this tool."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import HOUSE, write_project
from tests.flake8_runs import flake8_here

APP = """
    from core.database import SessionLocal, get_db_session

    db = SessionLocal()


    def load(user):
        with SessionLocal() as db:
            return db.get(user)
    """
ALL = ["app.py:4 DBS101", "app.py:4 DBS201", "app.py:8 DBS102"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, {**HOUSE, "app.py": APP})
    (tmp_path / "dbsession.toml").unlink()
    return tmp_path


def configured(table: str) -> None:
    Path("pyproject.toml").write_text(f"[tool.ruff]\n\n[tool.dbsession]\n{table}\n")
    forget_policies()


def dbsession(*arguments: str) -> Result:
    forget_policies()
    return CliRunner().invoke(main, [*arguments])


def places(lines: list[str]) -> list[str]:
    parts = [line.split(" ", 2) for line in lines]
    return [f"{place.rsplit(':', 2)[0]} {code}" for place, code, _ in parts]


def check(*arguments: str) -> list[str]:
    return places(dbsession("check", *arguments, "app.py").stdout.splitlines())


def flake8(folder: Path) -> list[str]:
    forget_policies()
    return places(flake8_here("app.py", "--select=DBS", output=folder / "out"))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", ALL),
        ("select = ['DBS2']", ALL[1:2]),
        ("select = ['DBS1']\nignore = ['raw-session-factory']", ALL[2:]),
        ("ignore = ['DBS1']\nextend-select = ['DBS102']", ALL[1:]),
        ("exclude = ['app.py']", []),
        ("per-file-ignores = { 'app.py' = 'DBS1', '*_routes.py' = ['DBS2'] }", ALL[1:2]),
        ("per-file-ignores = { '!app.py' = 'DBS1', '!core/**' = ['DBS2'] }", [ALL[0], ALL[2]]),
        ("layers = [{ name = 'old', paths = ['*'], allow = ['DBS102'] }]", ALL[:2]),
    ],
)
def test_what_is_reported_by_both_doors(project: Path, table: str, expected: list[str]) -> None:
    configured(table)
    assert check() == flake8(project) == expected


def test_off_rules(project: Path) -> None:
    committing = HOUSE["core/database.py"].replace(
        "yield db", "yield db\n                db.commit()"
    )
    write_project(Path(), {"core/database.py": committing})
    commits = "    with get_db_session() as db:\n        db.execute(1)\n        db.commit()\n"
    Path("app.py").write_text(
        f"from core.database import get_db_session\n\n\ndef save():\n{commits}"
    )
    for table in (
        "extend-select = ['DBS307']",
        "select = ['hand-transaction']",
        "enable = ['DBS307']",
    ):
        configured(table)
        assert check() == flake8(project) == ["app.py:7 DBS307"]


def test_a_baseline(project: Path) -> None:
    configured("baseline = 'known.json'")
    assert dbsession("baseline").stdout == f"3 violations recorded in {project / 'known.json'}\n"
    assert check() == flake8(project) == []


def test_comments(project: Path) -> None:
    text = Path("app.py").read_text().replace("as db:", "as db:  # noqa: DBS102,DBS301")
    Path("app.py").write_text(text)
    configured("enable = ['unused-suppression']")
    assert check() == [*ALL[:2], "app.py:8 DBS003"]
    assert flake8(project) == ALL[:2]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["app.py:8 DBS102"]),
        (["--extend-select", "DBS201"], ALL[1:]),
        (["--ignore", "DBS3"], ["app.py:8 DBS102"]),
        (["--select", "DBS"], ALL),  # as under ruff: who selects names all that is selected
        (["--select", "DBS2,DBS101"], ALL[:2]),
    ],
)
def test_the_command_line_comes_after_it(arguments: list[str], expected: list[str]) -> None:
    configured("select = ['DBS1']\nignore = ['DBS101']")
    assert check(*arguments) == expected


@pytest.mark.parametrize("arguments", [["--select", "DBS1"], ["--extend-select", "DBS307"], []])
def test_files_are_spared_whatever_is_selected(arguments: list[str]) -> None:
    configured("per-file-ignores = { 'app.py' = 'DBS1' }")
    assert "DBS101" not in str(check(*arguments))
    configured("exclude = ['app.py']")
    assert check(*arguments) == []


def test_what_flake8_s_configuration_names_counts_instead(project: Path) -> None:
    configured("ignore = ['DBS1']")
    Path("setup.cfg").write_text("[flake8]\nextend-ignore = DBS201\n")
    assert check() == flake8(project) == [ALL[0], ALL[2]]
    assert check("--extend-select", "DBS307") == [ALL[0], ALL[2]]


def test_fixes(project: Path) -> None:
    configured("ignore = ['DBS102']")
    assert dbsession("fix", "--diff").stdout == ""
    configured("per-file-ignores = { 'app.py' = 'DBS102' }")
    assert dbsession("fix", "--diff").stdout == ""
    assert dbsession("fix", "--diff", "--select", "DBS102").stdout == ""
    configured("exclude = ['app.py']")
    assert dbsession("fix", "--diff").stdout == ""
    configured("select = ['DBS102']")
    assert "+    with get_db_session() as db:" in dbsession("fix", "--diff").stdout
    configured("select = ['DBS2']")
    assert "+    with get_db_session()" in dbsession("fix", "--diff", "--select", "DBS102").stdout
    assert (
        "+    with get_db_session()"
        in dbsession("fix", "--diff", "--extend-select", "DBS102").stdout
    )


def test_accepted_doubts() -> None:
    committing = HOUSE["core/database.py"].replace(
        "yield db", "yield db\n                db.commit()"
    )
    write = APP.replace("return db.get(user)", "db.add(user)")
    write_project(Path(), {"core/database.py": committing, "app.py": write})
    by_hand = "+    with get_db_session()"
    assert by_hand not in dbsession("fix", "--diff", "--select", "DBS102").stdout
    configured("accept = ['commit']")
    assert by_hand in dbsession("fix", "--diff", "--select", "DBS102").stdout


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--exclude=lib", ["app.py", "old/app.py"]),
        ("--extend-exclude=lib", ["app.py"]),
        ("--extend-exclude=*.py", []),
        ("--extend-exclude=lib/,app.py", []),
        ("--extend-exclude=lib/inner/*", ["app.py", "lib/app.py"]),
    ],
)
def test_the_command_line_leaves_files_out_as_flake8_does(
    option: str, expected: list[str], tmp_path: Path
) -> None:
    others = dict.fromkeys(("lib/app.py", "lib/inner/app.py", "old/app.py"), APP)
    write_project(tmp_path, {**others, ".flake8": "[flake8]\nexclude = old\n"})
    found = dbsession("check", "--select=DBS101", option).stdout.splitlines()
    assert [line.split(":")[0].removeprefix("./") for line in found] == expected
    lines = flake8_here(".", "--select=DBS101", option, output=tmp_path / "out")
    assert sorted(line.split(":")[0].removeprefix("./") for line in lines) == expected


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# flake8: noqa", []),
        ("# ruff: noqa: DBS101", ALL),
        ("# ruff: noqa", ALL),
    ],
)
def test_a_comment_for_the_whole_file_is_flake8_s(
    comment: str, expected: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "app.py"
    file.write_text(f"{file.read_text()}{comment}\n")
    assert check() == flake8(tmp_path) == expected


def test_codes_in_a_comment_for_the_whole_file_are_said_to_be_read_by_nobody(
    tmp_path: Path,
) -> None:
    file = tmp_path / "app.py"
    file.write_text(f"{file.read_text()}# flake8: noqa: DBS101\n")
    assert check() == flake8(tmp_path)
    line = file.read_text().count("\n")
    assert dbsession("check", "app.py").stderr == (
        f"app.py:{line}: `# flake8: noqa: DBS101` hides every code of its file, or none, as "
        "flake8's version has it, for flake8 reads no codes there; use `per-file-ignores`\n"
    )
