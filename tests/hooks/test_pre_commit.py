"""The hooks, with the real pre-commit: what breaks the standard is not committed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import HOUSE, write_project

pytestmark = pytest.mark.hooks

CHECKOUT = Path(__file__).parents[2]
PACKAGED = (
    "flake8_dbsession",
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
    ".pre-commit-hooks.yaml",
)
BY_HAND = """\
from core.database import SessionLocal


def save(user):
    with SessionLocal() as db:
        db.expunge(user)
"""
SANCTIONED = BY_HAND.replace("SessionLocal", "get_db_session")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables for git and pre-commit, without what is set up around the tests."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "PRE_COMMIT", "PYTHON"))
    }
    return inherited | {
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }


class Repository:
    """A new git repository.

    Args:
        folder: an empty folder.
        environment: the environment variables for git.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment
        self.git("init", "--quiet")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def commit(self) -> subprocess.CompletedProcess[str]:
        """Try to commit all there is."""
        self.git("add", "--all")
        return self.run("git", "commit", "--quiet", "--message", "Work")

    def use_hooks(self, configuration: str) -> None:
        """Commit a pre-commit configuration and install it as the repository's hook."""
        (self.folder / ".pre-commit-config.yaml").write_text(configuration)
        assert self.commit().returncode == 0
        done = self.run(sys.executable, "-m", "pre_commit", "install")
        assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Repository:
    """This project as a git repository that a ``repo:`` entry can name."""
    repository = Repository(tmp_path_factory.mktemp("published"), environment)
    for name in PACKAGED:
        source, target = CHECKOUT / name, repository.folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    assert repository.commit().returncode == 0
    return repository


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> Repository:
    repository = Repository(tmp_path, environment)
    write_project(tmp_path, HOUSE)
    return repository


def assert_holds_to_the_standard(repository: Repository) -> None:
    """A commit that breaks the standard is refused, and one that holds to it is let through."""
    before = repository.git("rev-parse", "HEAD")
    app = repository.folder / "app.py"
    app.write_text(BY_HAND)
    refused = repository.commit()
    assert refused.returncode == 1
    assert "app.py:5:10: DBS102 `with SessionLocal()`" in refused.stdout
    assert repository.git("rev-parse", "HEAD") == before
    app.write_text(SANCTIONED)
    accepted = repository.commit()
    assert accepted.returncode == 0, accepted.stdout
    assert repository.git("rev-parse", "HEAD^") == before


def test_repo_entry(repository: Repository, published: Repository) -> None:
    repository.use_hooks(f"""\
repos:
  - repo: {published.folder}
    rev: {published.git("rev-parse", "HEAD")}
    hooks:
      - id: flake8-dbsession
""")
    assert_holds_to_the_standard(repository)
    (repository.folder / "broken.py").write_text("def broken(:\n")
    refused = repository.commit()
    assert refused.returncode == 1
    assert "E999" in refused.stdout


def test_check(repository: Repository, published: Repository) -> None:
    repository.use_hooks(f"""\
repos:
  - repo: {published.folder}
    rev: {published.git("rev-parse", "HEAD")}
    hooks:
      - id: dbsession-check
""")
    assert_holds_to_the_standard(repository)
    (repository.folder / "broken.py").write_text("def broken(:\n")
    (repository.folder / "guide.md").write_text(f"# So\n\n```python\n{BY_HAND}```\n")
    refused = repository.commit()
    assert refused.returncode == 1
    assert "broken.py:1:" in refused.stdout
    assert "E999" in refused.stdout
    assert "guide.md:8:10: DBS102" in refused.stdout


def test_under_the_flake8_hook(
    repository: Repository, published: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wheels = tmp_path_factory.mktemp("wheels")
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), ".")
    done = published.run(sys.executable, *build)
    assert done.returncode == 0, done.stdout
    (wheel,) = wheels.iterdir()
    # What `repo: https://github.com/pycqa/flake8` declares, as a local hook: so the test needs no
    # network but a package index. The wheel stands for the released `flake8-dbsession`.
    repository.use_hooks(f"""\
repos:
  - repo: local
    hooks:
      - id: flake8
        name: flake8
        entry: flake8
        language: python
        types: [python]
        require_serial: true
        additional_dependencies: [flake8, "{wheel}"]
""")
    assert_holds_to_the_standard(repository)


def test_the_written_standard_is_kept_up_to_date(
    repository: Repository, published: Repository
) -> None:
    repository.use_hooks(f"""\
repos:
  - repo: {published.folder}
    rev: {published.git("rev-parse", "HEAD")}
    hooks:
      - id: dbsession-standard
        args: [--check, docs/sessions.md]
""")
    (repository.folder / "dbsession.toml").write_text('preset = "flask"')
    refused = repository.commit()
    assert refused.returncode == 1
    assert "run: dbsession standard > docs/sessions.md" in refused.stdout
    written = subprocess.run(
        [sys.executable, "-m", "flake8_dbsession", "standard"],
        cwd=repository.folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=True,
    )
    (repository.folder / "docs").mkdir()
    (repository.folder / "docs" / "sessions.md").write_text(written.stdout, encoding="utf-8")
    accepted = repository.commit()
    assert accepted.returncode == 0, accepted.stdout
