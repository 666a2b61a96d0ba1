"""Beginning with an old code base: the baseline in both doors, changed lines, comments."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.checking.suppression.baseline import load
from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import write_project
from tests.flake8_runs import flake8_here, run_flake8

KNOWN = ".dbsession-baseline.json"
OLD = """
    from core.database import SessionLocal, get_db_session


    def save(user):
        db = SessionLocal()
        db.expunge(user)
        db.close()


    def load():
        with SessionLocal() as db:
            return db.all()
    """
HOUSE = """
    from contextlib import contextmanager
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()


    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            yield db
    """
# The same violations: further down, formatted anew, and with other code around them.
MOVED = '''
    """Users."""
    from core.database import SessionLocal, get_db_session


    def load():
        with SessionLocal() as db:  # as ever
            return db.all()


    def save(user, log=print):
        log(user)
        db = (
            SessionLocal()
        )
        db.expunge(user)
        db.close( )
    '''
COPY = """
        def save(user):
            db = SessionLocal()
            db.close()
    """


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files = {"setup.cfg": "[flake8]\n", "app.py": OLD, "lib/other.py": OLD}
    write_project(tmp_path, {**files, "core/database.py": HOUSE})
    return tmp_path


def dbsession(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


def check(*arguments: str) -> list[str]:
    """Give ``path:line code`` of each violation that is reported."""
    return places(dbsession("check", *arguments).stdout.splitlines())


def flake8(folder: Path, *arguments: str) -> list[str]:
    """Do the same with flake8."""
    output = folder / ".flake8-output"
    return places(flake8_here("--select=DBS", *arguments, output=output))


def places(lines: list[str]) -> list[str]:
    parts = [line.split(" ", 2) for line in lines]
    return [f"{place.rsplit(':', 2)[0].removeprefix('./')} {code}" for place, code, _ in parts]


class TestRecording:
    def test_what_is_recorded_is_known_to_both_doors(self, project: Path) -> None:
        result = dbsession("baseline")
        assert (result.exit_code, result.stdout) == (0, f"6 violations recorded in {KNOWN}\n")
        assert result.stderr == "`dbsession check` and flake8 find it there, and leave them out.\n"
        assert check() == check("--baseline", KNOWN) == []
        assert flake8(project, ".") == flake8(project, f"--dbsession-baseline={KNOWN}", ".") == []
        assert len(check("--baseline", "none")) == 6
        assert len(flake8(project, "--dbsession-baseline=none", ".")) == 6

    def test_elsewhere_it_has_to_be_named(self, project: Path) -> None:
        result = dbsession("baseline", "--baseline", "known.json")
        assert "`dbsession check --baseline known.json`" in result.stderr
        assert "`dbsession-baseline = ./known.json`" in result.stderr
        assert len(check()) == len(flake8(project, ".")) == 6
        assert check("--baseline", "known.json") == []

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            ("setup.cfg", "[flake8]\ndbsession-baseline = none\n"),
            ("dbsession.toml", "baseline = 'none'\n"),
        ],
    )
    def test_a_configuration_may_want_none(self, project: Path, file: str, text: str) -> None:
        dbsession("baseline")
        Path(file).write_text(text)
        forget_policies()
        assert len(check()) == len(flake8(project, ".")) == 6
        assert check("--baseline", KNOWN) == []

    def test_from_a_folder_below_it_is_the_same(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project / "lib")
        result = dbsession("baseline")
        assert result.stdout == f"3 violations recorded in ../{KNOWN}\n"
        assert check() == flake8(project, ".") == []
        assert dbsession("fix", ".").exit_code == 0
        monkeypatch.chdir(project)
        assert {found.split(":")[0] for found in check()} == {"app.py"}

    def test_a_link_out_of_the_project_is_none(self, project: Path, tmp_path: Path) -> None:
        dbsession("baseline")
        outside = tmp_path.parent / f"{tmp_path.name}-known.json"
        Path(KNOWN).rename(outside)
        Path(KNOWN).symlink_to(outside)
        assert len(check()) == len(flake8(project, ".")) == 6

    def test_flake8_s_configuration_names_the_file(self, project: Path) -> None:
        write_project(project, {"setup.cfg": "[flake8]\ndbsession-baseline = conf/known.json\n"})
        (project / "conf").mkdir()
        result = dbsession("baseline")
        assert (result.exit_code, result.stderr) == (0, "")
        assert {entry.path for entry in load(Path("conf/known.json")).known} == {
            "../app.py",
            "../lib/other.py",
        }
        assert check() == flake8(project, ".") == []

    def test_of_some_files_keeps_what_is_known_of_the_others(self, project: Path) -> None:
        dbsession("baseline")
        write_project(project, {"app.py": OLD + COPY, "lib/other.py": OLD + COPY})
        assert dbsession("baseline", "app.py").exit_code == 0
        assert {found.split(":")[0] for found in check("--baseline", KNOWN)} == {"lib/other.py"}

    def test_of_deleted_files_keeps_nothing(self, project: Path) -> None:
        dbsession("baseline")
        (project / "lib/other.py").unlink()
        dbsession("baseline", "app.py")
        assert {entry.path for entry in load(Path(KNOWN)).known} == {"app.py"}

    def test_what_cannot_be_known_is_said(self, project: Path) -> None:
        write_project(project, {"app.py": "if:\n"})
        result = dbsession("baseline")
        assert (result.exit_code, result.stdout) == (1, f"3 violations recorded in {KNOWN}\n")
        assert "./app.py:1:4: E999 SyntaxError" in result.stderr
        assert check("--baseline", KNOWN) == ["app.py:1 E999"]

    @pytest.mark.parametrize("arguments", [[], ["--prune"]])
    def test_of_a_file_that_cannot_be_checked_keeps_what_is_known(
        self, project: Path, arguments: list[str]
    ) -> None:
        dbsession("baseline")
        write_project(project, {"app.py": "if:\n"})
        result = dbsession("baseline", *arguments)
        assert result.exit_code == 1
        assert "./app.py:1:4: E999 SyntaxError" in result.stderr
        assert sum(load(Path(KNOWN)).known.values()) == 6
        assert "match" not in dbsession("check", "--baseline", KNOWN).stderr

    @pytest.mark.parametrize("arguments", [[], ["--prune"]])
    def test_under_a_broken_policy_keeps_what_is_known(
        self, project: Path, arguments: list[str]
    ) -> None:
        dbsession("baseline")
        before = Path(KNOWN).read_text()
        write_project(project, {"dbsession.toml": 'preset = "standrd"'})
        forget_policies()
        result = dbsession("baseline", *arguments)
        assert result.exit_code == 2
        assert f"{KNOWN} is left as it is" in result.stderr
        assert Path(KNOWN).read_text() == before
        assert "match" not in dbsession("check").stderr

    def test_of_standard_input_is_wrong_use(self, project: Path) -> None:
        result = dbsession("baseline", "-")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "standard input has no baseline" in result.stderr
        assert not (project / KNOWN).exists()

    def test_a_damaged_one_is_not_overwritten(self, project: Path) -> None:
        Path(KNOWN).write_text("{")
        result = dbsession("baseline")
        assert result.exit_code == 2
        assert f"Error: {KNOWN}: is damaged" in result.stderr
        assert Path(KNOWN).read_text() == "{"

    def test_twice_writes_the_same(self, project: Path) -> None:
        dbsession("baseline")
        first = Path(KNOWN).read_bytes()
        dbsession("baseline")
        assert Path(KNOWN).read_bytes() == first


class TestComparing:
    @pytest.fixture(autouse=True)
    def _record(self, project: Path) -> None:
        dbsession("baseline")

    def test_moved_and_reformatted_lines_stay_known(self, project: Path) -> None:
        write_project(project, {"app.py": MOVED})
        assert len(check("--baseline", "none", "app.py")) == 3
        assert check() == []
        assert flake8(project, f"--dbsession-baseline={KNOWN}", ".") == []

    def test_a_second_copy_is_new(self, project: Path) -> None:
        again = OLD.replace("db.expunge(user)", "db = SessionLocal()")
        write_project(project, {"app.py": again})
        new = check("--baseline", KNOWN)
        assert "app.py:7 DBS101" in new
        assert "app.py:6 DBS101" not in new
        assert flake8(project, f"--dbsession-baseline={KNOWN}", ".") == new

    def test_in_another_definition_or_file_it_is_new(self, project: Path) -> None:
        write_project(project, {"app.py": OLD.replace("def save", "def store"), "new.py": OLD})
        new = check("--baseline", KNOWN)
        assert "app.py:6 DBS101" in new
        assert "new.py:6 DBS101" in new
        assert flake8(project, f"--dbsession-baseline={KNOWN}", ".") == new

    def test_a_hidden_copy_is_not_taken_for_the_known_one(self, project: Path) -> None:
        hidden = OLD.replace("db = Sess", "db = SessionLocal()  # noqa\n        db = Sess")
        write_project(project, {"app.py": hidden})
        assert "app.py:7 DBS101" not in check("--baseline", KNOWN)
        assert "app.py:7 DBS101" not in flake8(project, f"--dbsession-baseline={KNOWN}", ".")

    def test_standard_input_is_held_against_its_file(self, project: Path) -> None:
        source = (project / "app.py").read_bytes()
        arguments = (f"--dbsession-baseline={KNOWN}", "--stdin-display-name=app.py", "-")
        assert run_flake8("--select=DBS", *arguments, folder=project, stdin=source).lines == []
        run = run_flake8(  # in a process of its own, for flake8 reads standard input once in each
            *("check", "--baseline", KNOWN, "--stdin-filename", "app.py", "-"),
            folder=project,
            stdin=source,
            launcher=("-m", "flake8_dbsession"),
        )
        assert (run.exit_code, run.lines, run.errors) == (0, [], "")


class TestPruning:
    @pytest.fixture(autouse=True)
    def _fix_some(self, project: Path) -> None:
        dbsession("baseline")
        write_project(project, {"app.py": "x = 1\n", "new.py": OLD})

    def test_a_run_says_what_is_gone(self) -> None:
        result = dbsession("check", "--baseline", KNOWN)
        assert result.stderr == (
            f"3 entries of {KNOWN} match nothing now; `dbsession baseline --prune` drops them\n"
        )

    @pytest.mark.parametrize("arguments", [["lib"], ["app.py"], ["--select", "DBS5"]])
    def test_but_not_what_it_did_not_look_for(self, arguments: list[str]) -> None:
        assert dbsession("check", "--baseline", KNOWN, *arguments).stderr == ""

    def test_drops_what_is_gone_and_adds_nothing(self) -> None:
        result = dbsession("baseline", "--prune")
        assert (result.exit_code, result.output) == (0, f"3 violations dropped from {KNOWN}\n")
        assert {entry.path for entry in load(Path(KNOWN)).known} == {"lib/other.py"}
        assert {found.split(":")[0] for found in check("--baseline", KNOWN)} == {"new.py"}
        assert dbsession("check", "--baseline", KNOWN).stderr == ""

    def test_recording_anew_drops_it_too(self) -> None:
        dbsession("baseline")
        assert {entry.path for entry in load(Path(KNOWN)).known} == {"lib/other.py", "new.py"}
        assert dbsession("check").output == ""

    def test_needs_one(self) -> None:
        result = dbsession("baseline", "--prune", "--baseline", "none.json")
        assert result.exit_code == 2
        assert "Error: none.json: there is no such baseline; check the spelling" in result.stderr


class TestUnusable:
    def test_stops_a_check(self, project: Path) -> None:
        result = dbsession("check", "--baseline", "none.json")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Error: none.json: there is no such baseline; check the spelling" in result.stderr

    def test_stops_flake8(self, project: Path) -> None:
        Path("bad.json").write_text("{")
        run = run_flake8("--dbsession-baseline=bad.json", folder=project)
        assert run.exit_code == 1
        assert run.errors == ""
        assert "bad.json: is damaged, or no baseline; restore it" in run.lines[1]


class TestSince:
    @pytest.fixture(autouse=True)
    def _commit(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (project / ".git").rmdir()
        identity = ("-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgSign=false")
        for arguments in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "x"]):
            subprocess.run(["git", *arguments], check=True)

    def test_nothing_changed(self) -> None:
        assert check("--since", "HEAD") == []

    def test_only_on_changed_lines(self, project: Path) -> None:
        write_project(project, {"app.py": OLD.replace("with SessionLocal", "with  SessionLocal")})
        assert check("--since", "HEAD") == ["app.py:12 DBS102"]

    def test_a_changed_file_that_does_not_parse_is_no_pass(self, project: Path) -> None:
        write_project(project, {"app.py": OLD.replace("db.all()", "(")})
        assert [found.split()[1] for found in check("--since", "HEAD")] == ["E999"]

    def test_together_with_a_baseline(self, project: Path) -> None:
        dbsession("baseline")
        write_project(
            project, {"app.py": OLD + COPY.replace("save", "more"), "lib/other.py": MOVED}
        )
        new = check("--since", "HEAD", "--baseline", KNOWN)
        assert {found.split(":")[0] for found in new} == {"app.py"}

    def test_an_unknown_commit(self) -> None:
        result = dbsession("check", "--since", "nowhere")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("Error: --since nowhere: this repository knows no such")

    @pytest.mark.parametrize("option", ["--since=HEAD", "--add-noqa"])
    def test_not_of_standard_input(self, option: str) -> None:
        result = dbsession("check", option, "-")
        assert result.exit_code == 2
        assert "need files, not standard input" in result.stderr


class TestAddNoqa:
    def test_the_next_check_is_clean_and_a_second_run_changes_nothing(self, project: Path) -> None:
        result = dbsession("check", "--add-noqa")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "6 violations hidden by `# noqa` comments\n"
        text = (project / "app.py").read_text()
        assert "    db = SessionLocal()  # noqa: DBS101\n" in text
        assert check() == flake8(project, ".") == []
        assert dbsession("check", "--add-noqa").exit_code == 0
        assert (project / "app.py").read_text() == text

    def test_what_cannot_be_hidden_is_reported(self, project: Path) -> None:
        write_project(project, {"app.py": "if:\n"})
        result = dbsession("check", "--add-noqa")
        assert result.exit_code == 1
        assert places(result.stdout.splitlines()) == ["app.py:1 E999"]
        assert "1 violation left without a comment\n" in result.stderr
        assert (project / "app.py").read_text() == "if:\n"

    def test_a_file_that_cannot_be_written_does_not_stop_the_others(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write(path: str, content: bytes, *, expected: bytes) -> None:
            if path == "a.py":
                raise PermissionError(13, "Permission denied")
            Path(path).write_bytes(content)

        write_project(project, {"a.py": OLD, "b.py": OLD})
        monkeypatch.setattr("flake8_dbsession.checking.suppression.noqa.write_file", write)
        result = dbsession("check", "--add-noqa", "a.py", "b.py")
        assert result.exit_code == 1
        assert {line.partition(":")[0] for line in result.stdout.splitlines()} == {"a.py"}
        assert result.stderr.splitlines()[0] == "a.py: cannot be written: Permission denied"
        assert "noqa" in (project / "b.py").read_text()

    def test_what_is_known_needs_none(self, project: Path) -> None:
        dbsession("baseline", "app.py")
        assert dbsession("check", "--add-noqa", "--baseline", KNOWN).exit_code == 0
        assert "noqa" not in (project / "app.py").read_text()
        assert "noqa" in (project / "lib/other.py").read_text()
