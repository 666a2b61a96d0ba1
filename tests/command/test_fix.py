"""``dbsession fix`` as a user runs it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command.group import main
from flake8_dbsession.fixes import run
from flake8_dbsession.rewriting.text import Text
from flake8_dbsession.writing import write_file
from tests.cases import write_project
from tests.fixes.house import HOUSE

ROUTE = (
    "from fastapi import Depends\r\n"
    "from core.database import SessionLocal, get_db\r\n"
    "def agents(db=Depends(get_db())):\r\n"
    "    return 'é', db\r\n"
    "def rename():\r\n"
    "    with SessionLocal() as db:\r\n"
    "        db.add(1)\r\n"
    "    return next(get_db())"
)
FIXED = ROUTE.replace("get_db())):", "get_db)):")
LEFT = [
    "api/a.py:3: DBS402 fixed",
    "api/a.py:6:10: DBS102 left (commit): `get_db_session` would commit what line 7 may leave "
    "uncommitted",
]
TABLE = """\
code       fixed  unsafe    left
DBS102         0       1       0
DBS402         1       0       0

What is left, by cause (`--verbose` tells where):
       1  would leave the commit to the provider (`--accept commit`)

1 fixed in 1 file, 1 left (1 with an unsafe fix), 0 files not fixed
"""
CODES = "--select=DBS102,DBS402"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, HOUSE)
    (tmp_path / "api").mkdir()
    (tmp_path / "api/a.py").write_bytes(ROUTE.encode())
    return tmp_path


def fix(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["fix", *arguments])


def test_it_fixes_and_says_what_it_did(project: Path) -> None:
    os.chmod("api/a.py", 0o750)
    result = fix("api", CODES, "--verbose")
    assert result.stderr == ""
    assert result.stdout == "\n".join([*LEFT, TABLE])
    assert result.exit_code == 1
    assert Path("api/a.py").read_bytes() == FIXED.encode()
    assert stat.S_IMODE(os.stat("api/a.py").st_mode) == 0o750
    assert os.listdir("api") == ["a.py"]
    assert fix("api", "--select=DBS402").exit_code == 0


def test_unsafe_fixes_are_made_when_asked_for(project: Path) -> None:
    result = fix("api", CODES, "--unsafe")
    assert result.exit_code == 0
    text = FIXED.replace("with SessionLocal", "with get_db_session")
    text = text.replace("SessionLocal, get_db\r", "get_db, get_db_session\r")
    assert Path("api/a.py").read_bytes() == text.encode()


def test_a_kind_of_doubt_is_accepted(project: Path) -> None:
    assert fix("api", CODES, "--accept=comment,expire").exit_code == 1
    assert "with SessionLocal" in Path("api/a.py").read_text()
    result = fix("api", CODES, "--accept", "commit")
    assert result.exit_code == 0
    assert "by cause" not in result.stdout
    assert "with get_db_session() as db" in Path("api/a.py").read_text()
    wrong = fix("api", "--accept=commits")
    assert wrong.exit_code == 2
    assert "no doubt is of the kind `commits`; there are commit, expire, patched" in wrong.stderr


def test_places_are_those_of_the_text_on_disk(project: Path) -> None:
    twice = "with SessionLocal() as db:\r\n        pass\r\n    with SessionLocal"
    counting = (
        "def count():\r\n    db = SessionLocal()\r\n    return db.query(1).count()\r\ndef agents"
    )
    long = ROUTE.replace("with SessionLocal", twice).replace("def agents", counting)
    Path("api/a.py").write_bytes(long.encode())
    codes = "--select=DBS101,DBS102"
    shown = fix("api", codes, "--diff", "--verbose").stderr
    assert "api/a.py:4: DBS101 would be fixed\n" in shown
    assert "api/a.py:11:10: DBS102 left (commit): " in shown
    assert "what line 12 may" in shown
    done = fix("api", codes, "--verbose").stdout
    assert "api/a.py:4: DBS101 fixed\n" in done
    line = Path("api/a.py").read_text().splitlines().index("    with SessionLocal() as db:") + 1
    assert f"api/a.py:{line}:10: DBS102 left (commit): " in done
    assert f"what line {line + 1} may" in done


def test_a_diff_writes_nothing(project: Path) -> None:
    result = fix("./api", "--diff", "--select=DBS402")
    assert result.exit_code == 1
    assert Path("api/a.py").read_bytes() == ROUTE.encode()
    assert result.stdout_bytes.decode() == (
        "--- a/api/a.py\n"
        "+++ b/api/a.py\n"
        "@@ -1,6 +1,6 @@\n"
        " from fastapi import Depends\r\n"
        " from core.database import SessionLocal, get_db\r\n"
        "-def agents(db=Depends(get_db())):\r\n"
        "+def agents(db=Depends(get_db)):\r\n"
        "     return 'é', db\r\n"
        " def rename():\r\n"
        "     with SessionLocal() as db:\r\n"
    )
    assert "./api/a.py:3: DBS402 would be fixed\n" in result.stderr


def test_a_layer_is_named(project: Path) -> None:
    assert fix("--layer=routes", "--select=DBS402", "--diff").stderr.count("would be fixed\n") == 1
    assert fix("--layer=services", "--select=DBS402").exit_code == 0
    wrong = fix("--layer=route")
    assert wrong.exit_code == 2
    assert wrong.stderr == "Error: no layer is called 'route'; there are routes, services, tests\n"


def test_markdown_is_left_to_its_writers(project: Path) -> None:
    Path("api/README.md").write_text(
        "```python\nfrom core.database import SessionLocal\n"
        "with SessionLocal() as db:\n    db.commit()\n```\n"
    )
    assert "README" not in fix("api", CODES).stdout


def test_what_is_silenced_stays(project: Path) -> None:
    silenced = ROUTE.replace("get_db())):", "get_db())):  # noqa: DBS402")
    Path("api/a.py").write_bytes(silenced.encode())
    assert fix("api", "--select=DBS402").exit_code == 0
    assert Path("api/a.py").read_bytes() == silenced.encode()


def test_what_a_baseline_knows_is_fixed_or_may_be_left(project: Path) -> None:
    CliRunner().invoke(main, ["baseline", "api"])
    summary = "1 fixed in 1 file, 0 left (0 with an unsafe fix), 0 files not fixed"
    shown = fix("api", CODES, "--baseline=.dbsession-baseline.json", "--diff")
    assert shown.exit_code == 1  # for the fix that is only shown
    Path("setup.cfg").write_text("[flake8]\ndbsession-baseline = ./.dbsession-baseline.json\n")
    result = fix("api", CODES)
    assert Path("api/a.py").read_bytes() == FIXED.encode()
    assert result.stdout.splitlines()[0] == "api/a.py:3: DBS402 fixed"
    assert result.stdout.endswith(f"{summary}; the baseline knows 1 more\n")
    assert "What is left, known or not, by cause (`--verbose` tells where):\n       1  " in (
        result.stdout
    )
    assert result.exit_code == 0
    copy = "\r\ndef copy():\r\n    with SessionLocal() as db:\r\n        db.add(1)\r\n"
    Path("api/a.py").write_bytes(FIXED.encode() + copy.encode())
    result = fix("api", CODES, "--verbose")
    assert result.exit_code == 1
    assert result.stdout.startswith("api/a.py:6:10: DBS102 left (commit, known): ")
    assert "\napi/a.py:10:10: DBS102 left (commit): " in result.stdout
    assert "1 left (1 with an unsafe fix), 0 files not fixed; the baseline knows 1 more\n" in (
        result.stdout
    )


def test_a_baseline_that_is_missing_ends_the_run(project: Path) -> None:
    result = fix("api", "--baseline=none.json")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: none.json: there is no such baseline")
    assert Path("api/a.py").read_bytes() == ROUTE.encode()


def test_files_that_cannot_be_fixed_are_named(project: Path) -> None:
    Path("api/broken.py").write_text("if:\n")
    Path("api/wild.py").write_bytes(ROUTE.encode("latin-1"))
    result = fix("api", CODES)
    assert result.exit_code == 1
    assert "api/broken.py: not fixed: line 1: E999 SyntaxError: invalid syntax\n" in result.stdout
    assert "api/wild.py: not fixed: cannot be decoded: " in result.stdout
    assert result.stdout.endswith("(1 with an unsafe fix), 2 files not fixed\n")


def test_a_policy_that_cannot_be_used_is_wrong_use(project: Path) -> None:
    Path("dbsession.toml").write_text("presets = 'flask'\n")
    result = fix("api")
    assert result.exit_code == 2
    assert "dbsession.toml: not fixed: line 1: DBS001 unknown key `presets`" in result.stdout


def test_a_file_changed_meanwhile_is_left_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_late(path: str, content: bytes, *, expected: bytes) -> None:
        Path(path).write_text("x = 1\n")
        write_file(path, content, expected=expected)

    monkeypatch.setattr(run, "write_file", write_late)
    result = fix("api", CODES)
    assert result.exit_code == 1
    assert result.stdout.startswith(
        "api/a.py: not fixed: it was changed meanwhile, and is left alone\n"
    )
    assert Path("api/a.py").read_text() == "x = 1\n"
    assert os.listdir("api") == ["a.py"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_run_leaves_the_old_file(
    step: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, interrupt)
    fix("api", CODES)
    assert Path("api/a.py").read_bytes() == ROUTE.encode()
    assert os.listdir("api") == ["a.py"]


def test_nothing_is_written_through_a_link(project: Path) -> None:
    before = Path("api/a.py").read_bytes()
    os.symlink("api/a.py", "link.py")
    result = fix("link.py", "--select=DBS402")
    assert result.exit_code == 1
    assert "link.py" in result.output
    assert "is a link" in result.output
    assert os.path.islink("link.py")
    assert Path("api/a.py").read_bytes() == before


def test_standard_input_is_wrong_use(project: Path) -> None:
    assert fix("-").exit_code == 2


def test_quiet_says_what_is_fixed_and_no_more(project: Path) -> None:
    result = fix("api", CODES, "--unsafe", "-q")
    assert result.stdout
    assert all(line.endswith(" fixed") or "; " in line for line in result.stdout.splitlines())
    assert result.stderr == ""


def test_a_test_that_would_read_what_nothing_binds_stops_all(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        from core.database import SessionLocal
        from core.models import User

        def count():
            with SessionLocal() as db:
                return db.query(User).count()
    """
    test = """
        from unittest.mock import patch

        def test_count():
            with patch("api.counting.SessionLocal") as factory:
                import api.counting
                api.counting.count()
    """
    write_project(project, {"api/counting.py": code, "tests/test_counting.py": test})
    monkeypatch.setattr(run, "moved", lambda _, text, *__: Text(text.content + "closing", "utf-8"))
    before = (project / "api/counting.py").read_bytes()
    result = fix(CODES, "api/counting.py", "tests")
    assert result.exit_code == 2
    assert "would read `closing`, which nothing binds; nothing is changed" in result.output
    assert (project / "api/counting.py").read_bytes() == before
