"""``dbsession run``: a program, its children, its signals and its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flake8_dbsession.runtime.reporting.report import from_json
from tests.runtime.runs import write

PROGRAM = """
    import multiprocessing
    import os
    import subprocess
    import sys
    from app import QUERY, fine, leaky
    from sqlalchemy import create_engine
    from sqlalchemy.exc import TimeoutError

    def exhaust():
        engine = create_engine("sqlite:///app.db", pool_size=1, max_overflow=0, pool_timeout=0.1)
        with engine.connect():
            try:
                engine.connect()
            except TimeoutError:
                pass

    if __name__ == "__main__":
        fine()
        leaky()
        for method in ("fork", "spawn"):
            if method in multiprocessing.get_all_start_methods():
                process = multiprocessing.get_context(method).Process(target=leaky)
                process.start()
                process.join()
        subprocess.run([sys.executable, "-c", "import app; app.fine()"], check=True)
        exhaust()
        print("done")
        sys.exit(3)
"""
WAITING = """
    import os, signal, sys, time
    from app import QUERY, SessionLocal

    def work():
        db = SessionLocal()
        db.execute(QUERY)
        theirs = len(sys.argv) > 1
        if theirs:
            signal.signal(signal.SIGUSR1, lambda *_: print("theirs", flush=True))
        print("ready", flush=True)
        sys.stdin.readline()
        db.close()

    work()
"""
COMMAND = [sys.executable, "-m", "flake8_dbsession", "run"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_program_and_its_children(tmp_path: Path) -> None:
    write(tmp_path, program=PROGRAM)
    arguments = ("--report", "run.json", "--report", "run.html", "--", sys.executable, "program.py")
    run = start(tmp_path, *arguments)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (3, "done\n")
    report = from_json((tmp_path / "run.json").read_text())
    counts = {tally.place.function: tally.opened for tally in report.tallies if tally.place}
    assert counts == {"fine": 2, "leaky": 3 if hasattr(os, "fork") else 2, "exhaust": 1}
    assert {leak.code for leak in report.leaks} == {"DBS302"}
    assert "who holds the 1 connection of QueuePool of sqlite:///app.db:" in err
    assert "1 by SQLAlchemy connection opened at program.py:12 in exhaust, called from" in err
    assert "dbsession: what the program opened" in err
    assert "<title>Database sessions: a run</title>" in (tmp_path / "run.html").read_text()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this platform has no SIGUSR1")
@pytest.mark.parametrize("theirs", [False, True])
def test_the_table_on_a_signal(tmp_path: Path, theirs: bool) -> None:
    write(tmp_path, program=WAITING)
    run = start(tmp_path, "--", sys.executable, "program.py", *(["theirs"] if theirs else []))
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    assert run.stderr is not None
    os.kill(run.pid, signal.SIGUSR1)
    said = iter(run.stderr.readline, "")
    holder = next(line for line in said if " by Session opened at " in line)
    assert "  1 by Session opened at program.py:6 in work, called from program.py:15 in" in holder
    (process,) = _processes(run.pid)
    os.kill(process, signal.SIGUSR1)
    if theirs:
        assert run.stdout.readline() == "theirs\n"
    else:
        assert next(line for line in said if " by Session opened at " in line) == holder
    out, err = run.communicate("\n", timeout=60)
    assert (run.returncode, out) == (0, "")
    assert "1          -" in err.partition("dbsession: what the program opened")[2]


def _processes(parent: int) -> list[int]:
    """Give the children of a process."""
    run = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True)
    pairs = [tuple(map(int, line.split())) for line in run.stdout.splitlines()]
    return [each for each, its_parent in pairs if its_parent == parent]


@pytest.mark.skipif(os.name == "nt", reason="signals are passed on elsewhere")
def test_a_program_that_is_ended(tmp_path: Path) -> None:
    write(tmp_path, program="import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    run = start(tmp_path, "--", sys.executable, "program.py")
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    started = time.monotonic()
    run.terminate()
    run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert time.monotonic() - started < 30


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals elsewhere")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_what_a_program_held_that_a_signal_ended(tmp_path: Path, name: str) -> None:
    write(tmp_path, program=WAITING.replace('"ready"', "os.getpid()"))
    run = start(tmp_path, "--", sys.executable, "program.py")
    assert run.stdout is not None
    os.kill(int(run.stdout.readline()), getattr(signal, name))
    _, err = run.communicate(timeout=60)
    assert run.returncode == 128 + getattr(signal, name)
    assert "opened no session" not in err
    if name == "SIGTERM":
        assert "Session opened at program.py:6 in work" in err
    else:
        assert "no report from 1 program, killed or still running; what was opened" in err


@pytest.mark.skipif(os.name == "nt", reason="no program takes another's place there")
def test_a_program_that_another_takes_the_place_of(tmp_path: Path) -> None:
    source = """
        import os, sys, app
        app.leaky()
        try:
            os.execv("no-such-program", ["no-such-program"])
        except OSError:
            app.leaky()
        os.execvp(sys.executable, [sys.executable, "-c", "import app; app.fine(); print('second')"])
    """
    write(tmp_path, program=source)
    run = start(tmp_path, "--report", "run.json", "--", sys.executable, "program.py")
    out, _ = run.communicate(timeout=60)
    assert (run.returncode, out) == (0, "second\n")
    report = from_json((tmp_path / "run.json").read_text())
    assert {(t.place.function, t.opened) for t in report.tallies if t.place} == {
        ("leaky", 2),
        ("fine", 1),
    }


def test_a_program_that_outlives_the_run(tmp_path: Path) -> None:
    other = "import sys; print('ready', flush=True); sys.stdin.readline()"
    source = f"""
        import subprocess, sys
        command = [sys.executable, "-c", {other!r}]
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE)
        child.stdout.readline()
    """
    write(tmp_path, program=source)
    run = start(tmp_path, "--", sys.executable, "program.py")
    assert run.stderr is not None
    said = run.stderr.readline()
    run.communicate("\n", timeout=60)
    assert "no report from 1 program, killed or still running" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--", "no-such-program"], "Error: no-such-program: cannot be run: No such file"),
        (["--report", "a.txt", "--", "true"], "a.txt: a report is written as FILE.json or"),
        (["--report", "no/a.json", "--", sys.executable, "-V"], "no/a.json: cannot be written"),
        ([], "Missing argument 'COMMAND...'"),
    ],
)
def test_wrong_use(tmp_path: Path, arguments: list[str], message: str) -> None:
    run = start(tmp_path, *arguments)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 2
    assert message in err


def test_a_report_that_cannot_be_written_keeps_the_program_s_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flake8_dbsession", "run", "--report", "no/a.json"]
    program = [sys.executable, "-c", "raise SystemExit(7)"]
    done = subprocess.run([*command, "--", *program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 7
    assert "no/a.json: cannot be written" in done.stderr


def test_a_customization_that_ours_hides_has_its_turn(tmp_path: Path) -> None:
    write(tmp_path, sitecustomize="print('theirs')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [*COMMAND, "--", sys.executable, "-c", "import app; app.fine()"]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "theirs" in run.stdout
    assert "Session at app.py:18 in fine" in run.stderr
