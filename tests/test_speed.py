"""Work is counted in calls, which no machine's speed changes: none of it grows without notice."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from benchmarks.growth import PROJECTS, write
from flake8_dbsession.checking.caching import stamps
from flake8_dbsession.checking.caching.records import VARIABLE
from flake8_dbsession.checking.caching.run_keys import flake8_arguments
from flake8_dbsession.checking.caching.unchanged import unchanged
from flake8_dbsession.checking.running.run import Run
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.policy.loading import forget_policies

_NAME = "flake8_dbsession"


def calls(work: Callable[[], object]) -> Counter[str]:
    """Count the calls that some work takes, by the name of what is called."""
    counted: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            counted[frame.f_code.co_name] += 1
        elif event == "c_call":
            counted[argument.__name__] += 1  # type: ignore[attr-defined]

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def check() -> None:
    forget_policies()
    run = Run(flake8_arguments(), caching=True)
    run.findings(run.files(["."]), jobs=1)


def report() -> None:
    known = unchanged()
    assert known
    assert known.report(["."])


def project(kind: str, size: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a project of its own the working directory."""
    place = folder / f"{kind}-{size}"
    write(place, PROJECTS[kind](size))
    monkeypatch.chdir(place)
    monkeypatch.setenv(VARIABLE, str(folder / f"records-{kind}-{size}"))
    monkeypatch.setattr(stamps, "_SETTLING", 0)
    time.sleep(0.02)


@pytest.fixture(scope="module", autouse=True)
def _imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import what a run needs before anything is counted."""
    with pytest.MonkeyPatch.context() as patch:
        project("services", 10, tmp_path_factory.mktemp("first"), patch)
        check()
        report()


@pytest.mark.parametrize("kind", PROJECTS)
def test_work_grows_with_the_number_of_files(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    for size in (20, 40, 80):
        project(kind, size, tmp_path, monkeypatch)
        taken.append(calls(check).total())
    small, middle, large = taken
    assert large - middle < 2.4 * (middle - small) + 500


def test_a_link_costs_the_same_however_long_its_chain_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    for size in (20, 80, 140):
        project("a chain of imports", size, tmp_path, monkeypatch)
        taken.append(calls(check).total())
    short, middle, long = taken
    assert long - middle < 1.2 * (middle - short)


def test_a_file_costs_few_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    for size in (50, 150):
        project("services", size, tmp_path, monkeypatch)
        taken.append(calls(check).total())
    assert (taken[1] - taken[0]) / 100 < 1_800  # a tenth of the files use sessions


def test_a_run_that_finds_nothing_changed_asks_once_for_each_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    for size in (50, 150):
        project("services", size, tmp_path, monkeypatch)
        check()
        taken.append(calls(report))
    more = taken[1] - taken[0]
    assert more["stat"] <= 100 + 5  # the files, and the folder of the second hundred
    assert more.total() - more["stat"] < 100
    assert taken[1]["loads"] == 0
    assert more["scandir"] == 0  # but of this package, where it is worked on


_ROOMS = ("rules", "house", "policy.model", "analysis.names")
_ROOMS_OF_RULES = tuple(f"{_NAME}.{room}" for room in _ROOMS)


def imported_by(folder: Path, *command: str) -> set[str]:
    """Give the modules that a command of Python imports."""
    python = (sys.executable, "-X", "importtime", "-m", *command)
    said = subprocess.run(python, cwd=folder, capture_output=True, text=True, check=True).stderr
    return set(re.findall(r"\| +([\w.]+)$", said, re.MULTILINE))


@pytest.mark.parametrize("beside", ["", "# of the database\n", '"""Keeps a session."""\n'])
def test_flake8_begins_without_policies_and_rules(tmp_path: Path, beside: str) -> None:
    (tmp_path / "app.py").write_text(f"{beside}x = 1\n")
    imported = imported_by(tmp_path, "flake8", "--isolated", "app.py")
    assert f"{_NAME}.linter" in imported
    assert [name for name in imported if name.startswith(_ROOMS_OF_RULES)] == []


@pytest.mark.parametrize(
    ("text", "is_of_interest"),
    [("x = 1\n", False), ("# of the database\n", False), ("def f(db):\n    db.f()\n", True)],
)
def test_a_check_of_a_file_imports_what_that_file_needs(
    text: str, is_of_interest: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "records"))
    (tmp_path / "app.py").write_text(text)
    imported = imported_by(tmp_path, _NAME, "check", "app.py")
    heavy = {"click", "email", "flake8.checker", "flake8.style_guide", "multiprocessing", "rich"}
    assert not heavy & imported
    assert any(name.startswith(_ROOMS_OF_RULES) for name in imported) == is_of_interest
    if not is_of_interest:
        assert len([name for name in imported if name.startswith(_NAME)]) < 65


_WORKER = """\
from threading import Thread
from app.jobs import work


def start(queue):
{lines}
    Thread(target=work, args=(queue,)).start()
    for name in queue.run(session_id):
        print(name)
"""


def test_lines_without_a_word_of_interest_are_walked_once_at_most() -> None:
    taken = []
    for size in (100, 100, 200):  # the first prepares what is prepared once
        plain = "".join(f"    print({n}, [queue.size, {{queue.name: 1}}])\n" for n in range(size))
        text = _WORKER.format(lines=plain)
        check = partial(Linter(Settings()).check, "worker.py", text, ast.parse(text))
        taken.append(calls(check).total())
    assert (taken[2] - taken[1]) / 100 < 80  # fifteen nodes on each line


@pytest.mark.parametrize("kind", PROJECTS)
def test_neither_the_order_of_files_nor_the_processes_make_a_difference(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(kind, 40, tmp_path, monkeypatch)
    run = Run(flake8_arguments())
    files = run.files(["."])
    found = run.findings(files, jobs=1)
    assert found
    assert run.findings(files[::-1], jobs=1) == found
    assert run.findings(files, jobs=3) == found


def test_the_examples_are_judged_alike_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent.parent / "examples")
    run = Run(flake8_arguments())
    files = run.files(["."])
    assert run.findings(files[::-1], jobs=1) == run.findings(files, jobs=2)


def test_importing_compiles_no_regular_expression() -> None:
    program = (
        "import re, sys\n"
        "import flake8_dbsession.analysis.file, flake8_dbsession.plugin\n"
        "from flake8_dbsession.rules.registry import rules\n"
        "rules()\n"
        f"mine = [each for name, each in sys.modules.items() if name.startswith({_NAME!r})]\n"
        "compiled = [(each.__name__, name) for each in mine for name, value in vars(each).items()\n"
        "            if isinstance(value, re.Pattern)]\n"
        "assert not compiled, compiled\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
