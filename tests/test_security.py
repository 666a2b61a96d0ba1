"""What SECURITY.md promises of a repository that means harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import write_project
from tests.flake8_runs import run_flake8

FACTORY = "from sqlalchemy.orm import sessionmaker\n\nSessionLocal = sessionmaker()\n"
USER = """\
from core import SessionLocal


def save(user):
    db = SessionLocal()
    db.expunge(user)
"""
ROUTE = """\
from fastapi import Depends, FastAPI
from core import get_db

app = FastAPI()


@app.get("/")
def index(db=Depends(get_db())):
    return db.query(1).all()
"""
PROVIDER = """\
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()
"""


_KILLED_FIX = """\
import os
replace = os.replace
os.replace = lambda *paths: os.kill(os.getpid(), 9) if "route" in paths[1] else replace(*paths)
from flake8_dbsession.command.group import main
main(["fix"])
"""


def dbsession(*arguments: str) -> Result:
    forget_policies()
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, beside a file that is none of its business."""
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    monkeypatch.chdir(folder)
    write_project(folder, {"app.py": USER, "core.py": FACTORY})
    return folder


class TestWriting:
    """Nothing is written outside the project, whatever links it holds."""

    @pytest.mark.parametrize("target", ["../secret", "../new", "core.py"])
    @pytest.mark.parametrize(
        ("link", "arguments"),
        [
            ("found.json", ("check", "--output-format=json", "--output-file=found.json")),
            ("out.md", ("report", "--output-file", "out.md")),
            (".dbsession-baseline.json", ("baseline",)),
            ("known.json", ("baseline", "--baseline", "known.json")),
            ("dbsession.toml", ("init", "--write")),
        ],
    )
    def test_no_link_is_written_through(
        self, project: Path, link: str, arguments: tuple[str, ...], target: str
    ) -> None:
        os.symlink(target, link)
        result = dbsession(*arguments)
        assert result.exit_code == 2, result.output
        assert len(result.stderr.splitlines()) == 1
        assert link in result.stderr
        assert os.path.islink(link)
        self.assert_untouched(project)

    @pytest.mark.parametrize("arguments", [("fix", "--unsafe"), ("check", "--add-noqa")])
    def test_neither_is_one_that_is_checked(
        self, project: Path, arguments: tuple[str, ...]
    ) -> None:
        (project.parent / "outside.py").write_text(ROUTE)
        write_project(project, {"core.py": PROVIDER})
        os.symlink("../outside.py", "route.py")
        result = dbsession(*arguments, "route.py")
        assert result.exit_code == 1
        assert "is a link" in result.output
        assert (project.parent / "outside.py").read_text() == ROUTE

    def test_a_folder_that_leads_out_is_refused(self, project: Path) -> None:
        os.symlink("..", "reports")
        result = dbsession("check", "--output-file", "reports/secret")
        assert result.exit_code == 2
        assert "leads out of the project" in result.stderr
        self.assert_untouched(project)

    def assert_untouched(self, project: Path) -> None:
        assert (project.parent / "secret").read_text() == "secret"
        assert not (project.parent / "new").exists()
        assert (project / "core.py").read_text() == FACTORY

    def test_what_a_killed_fix_left_the_next_removes(self, project: Path) -> None:
        write_project(project, {"core.py": PROVIDER, "api/route.py": ROUTE})
        done = subprocess.run([sys.executable, "-c", _KILLED_FIX], capture_output=True)
        assert done.returncode == -signal.SIGKILL
        assert list(project.rglob(".dbsession-*"))
        assert (project / "api/route.py").read_text() == ROUTE
        write_project(project, {"api/route.py": "x = 1\n"})
        dbsession("fix")
        assert not list(project.rglob(".dbsession-*"))


class TestReading:
    """Nothing is waited for, and nothing without end is read."""

    @pytest.fixture(autouse=True)
    def _odd_files(self, project: Path) -> None:
        os.mkfifo("pipe")
        os.symlink("/dev/zero", "zero")
        with open("large", "wb") as file:
            file.truncate(2**40)

    @pytest.mark.parametrize("name", ["pipe", "zero", "large"])
    @pytest.mark.parametrize("command", ["check", "fix"])
    def test_as_a_file_to_check(self, command: str, name: str) -> None:
        result = dbsession(command, name, "app.py")
        assert result.exit_code == 1
        lines = [line for line in result.stdout.splitlines() if line.startswith(f"{name}:")]
        assert len(lines) == 1
        assert "is not a regular file" in lines[0] or "is larger than" in lines[0]
        assert "app.py:" in result.stdout

    @pytest.mark.parametrize("name", ["pipe", "zero", "large"])
    @pytest.mark.parametrize(
        "arguments",
        [("standard", "--policy"), ("check", "--baseline"), ("standard", "--check")],
        ids=" ".join,
    )
    def test_as_a_file_of_ours(self, arguments: tuple[str, ...], name: str) -> None:
        result = dbsession(*arguments, name)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
        assert name in result.stderr

    @pytest.mark.parametrize("name", ["dbsession.toml", "pyproject.toml", ".gitignore"])
    @pytest.mark.parametrize("target", ["/dev/zero", "pipe", "large"])
    def test_as_a_file_that_is_found(self, name: str, target: str) -> None:
        os.symlink(target, name)
        result = dbsession("check", "app.py")
        codes = {line.split()[1] for line in result.stdout.splitlines()}
        expected = {"DBS001"} if name == "dbsession.toml" else {"DBS101"}
        if (name, target) == ("pyproject.toml", "large"):
            expected = {"DBS001"}
        assert codes == expected


@pytest.mark.parametrize("codec", ["hex", "zlib", "rot13", "base64", "bz2", "uu", "quopri"])
def test_an_encoding_that_is_none_of_texts_costs_one_file(project: Path, codec: str) -> None:
    (project / "odd.py").write_text(f"# coding: {codec}\n{USER}")
    for command in ("check", "fix"):
        result = dbsession(command)
        assert result.exit_code == 1
        lines = result.stdout.splitlines()
        assert len([line for line in lines if "odd.py:" in line]) == 1
        assert any("app.py:" in line for line in lines)


@pytest.mark.parametrize("codec", ["idna", "punycode", "utf-7", "undefined", "unicode_escape"])
def test_an_odd_encoding_of_texts_is_no_crash(project: Path, codec: str) -> None:
    (project / "odd.py").write_bytes(f"# coding: {codec}\n{USER}".encode() + b"# \xff\\x\n")
    result = dbsession("check")
    assert result.exit_code == 1
    assert "app.py:" in result.stdout


class TestPatterns:
    """No pattern of a repository keeps a run from its end."""

    PATTERN = "*a" * 25

    @pytest.fixture(autouse=True)
    def _file(self, project: Path) -> None:
        write_project(project, {f"{'a' * 60}b/{'a' * 60}b.py": USER})

    def assert_quick(self) -> None:
        start = time.process_time()
        assert "app.py" in dbsession("check").stdout
        assert time.process_time() - start < 5

    @pytest.mark.parametrize(
        "text",
        [
            "owners = ['PATTERN']",
            "[[layers]]\nname = 'x'\npaths = ['PATTERN']",
            "[[layers]]\nname = 'x'\npaths = ['PATTERN/**/PATTERN', '!PATTERN']",
            "[legacy]\n'PATTERN' = 'get_db'",
        ],
    )
    def test_in_a_policy(self, project: Path, text: str) -> None:
        (project / "dbsession.toml").write_text(text.replace("PATTERN", self.PATTERN))
        self.assert_quick()

    def test_in_what_git_ignores(self, project: Path) -> None:
        lines = (self.PATTERN, f"!{self.PATTERN}", f"**/{self.PATTERN}/x", f"{self.PATTERN}/")
        (project / ".gitignore").write_text("\n".join(lines))
        self.assert_quick()

    def test_in_what_flake8_excludes(self, project: Path) -> None:
        (project / "setup.cfg").write_text(f"[flake8]\nexclude = {self.PATTERN}\n")
        self.assert_quick()


class TestNames:
    """No name and no message can steer a terminal or give a CI service a command."""

    NAMES = ("a\n::error file=x::y.py", "::error::.py", "a\x1b[2Jb.py", "a\u202eb.py", "##[x].py")

    @pytest.fixture(autouse=True)
    def _files(self, project: Path) -> None:
        write_project(project, dict.fromkeys(self.NAMES, USER))

    @pytest.mark.parametrize(
        "arguments",
        [
            ("check", *NAMES),
            ("check", "--statistics", "--show-source", *NAMES),
            ("check", "nowhere\n::error::x"),
            ("check", "--baseline", "no\n::error::x"),
            ("fix", *NAMES),
            ("report",),
            ("report", "--format", "markdown"),
            ("baseline", *NAMES),
        ],
        ids=lambda arguments: ascii(" ".join(arguments))[:40],
    )
    def test_are_spelled_out(self, arguments: tuple[str, ...]) -> None:
        result = dbsession(*arguments)
        for line in (*result.stdout.split("\n"), *result.stderr.split("\n")):
            assert not line.lstrip(" ┃│").startswith(("::", "##["))
            assert line.isprintable(), ascii(line)

    def test_stay_as_they_are_in_json(self) -> None:
        result = dbsession("check", "--output-format", "json", *self.NAMES)
        import json

        assert {each["path"] for each in json.loads(result.stdout)} == set(self.NAMES)


@pytest.mark.parametrize("count", [-1, 0, 10**9, True, 1.0, "1", None, float("inf")])
def test_an_absurd_baseline_is_an_error(project: Path, count: object) -> None:
    import json

    dbsession("baseline")
    file = project / ".dbsession-baseline.json"
    known = json.loads(file.read_text())
    assert dbsession("check", "--baseline", str(file)).exit_code == 0
    known["violations"][0]["count"] = count
    file.write_text(json.dumps(known))
    result = dbsession("check", "--baseline", str(file))
    assert result.exit_code == 2
    assert "is damaged" in result.stderr
    assert run_flake8(f"--dbsession-baseline={file}", "app.py", folder=project).exit_code == 1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
class TestProcesses:
    """However a run ends, none of its processes stays."""

    @pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    @pytest.mark.parametrize("command", ["check", "fix"])
    def test_workers_end_with_their_parent(
        self, project: Path, command: str, ending: signal.Signals
    ) -> None:
        long = "".join(
            f"def work_{n}():\n    db = SessionLocal()\n    db.q({n})\n" for n in range(2000)
        )
        write_project(project, {f"f{n}.py": f"{FACTORY}{long}" for n in range(40)})
        (project / "setup.cfg").write_text("[flake8]\njobs = 3\n")
        run = subprocess.Popen(
            [sys.executable, "-m", "flake8_dbsession", command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            workers = awaited(lambda: children(run.pid) if len(children(run.pid)) >= 3 else None)
            assert workers
            run.send_signal(ending)
            assert run.wait(20) == -ending
            assert awaited(lambda: not any(map(is_running, workers)))
        finally:
            run.kill()
            run.wait()


def awaited(condition: Callable[[], object], seconds: float = 20) -> object:
    """Wait until something is true, and give it; the last value where it does not come true."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def children(parent: int) -> list[int]:
    return [process for process, status in statuses() if status[1] == str(parent)]


def is_running(process: int) -> bool:
    return any(each == process and status[0] != "Z" for each, status in statuses())


def statuses() -> Iterator[tuple[int, list[str]]]:
    """Give each process with its state and its parent."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            yield int(entry.name), text.rpartition(")")[2].split()


def test_what_is_linted_is_never_run(project: Path) -> None:
    trap = "import pathlib\n\npathlib.Path('ran').touch()\n"
    names = ("core.py", "conftest.py", "setup.py", "sitecustomize.py", "flake8.py", "click.py")
    write_project(project, {"app.py": USER, **dict.fromkeys(names, trap + FACTORY)})
    script = str(Path(sys.executable).with_name("dbsession"))
    for command in ([script], [sys.executable, "-m", "flake8_dbsession"]):
        done = subprocess.run([*command, "check"], capture_output=True)
        assert done.returncode == 1, done.stderr
    for name in ("check", "report", "standard", "init", "baseline", "fix"):
        assert dbsession(name).exit_code in (0, 1)
    assert not (project / "ran").exists()
