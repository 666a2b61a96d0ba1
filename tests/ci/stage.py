"""A repository as a CI service checks it out, and the commands of a recipe run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cases import HOUSE, write_project

ROOT = Path(__file__).parents[2]
OLD = "from core.database import SessionLocal\n\n\ndef old():\n    db = SessionLocal()\n"
NEW = f"{OLD}\n\ndef new():\n    db = SessionLocal()\n    print(db.query(User).count())\n"
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


def environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Give the variables of a job: no other than the service's own, and those of the recipe."""
    return {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "HOME": str(folder),
        "DBSESSION_CACHE_DIR": str(folder / "cache"),
        **_GIT,
        **more,
    }


def bash(
    script: str, folder: Path, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub's `shell: bash` runs it."""
    command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
    return subprocess.run(
        command, cwd=folder, env=dict(variables), capture_output=True, text=True, check=False
    )


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, and give what it prints."""
    done = subprocess.run(
        ("git", *arguments),
        cwd=folder,
        env={**os.environ, **_GIT},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit(folder: Path, files: Mapping[str, str]) -> str:
    """Write files, commit all, and give the commit."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "more")
    return git(folder, "rev-parse", "HEAD")


def pull_request(folder: Path) -> dict[str, str]:
    """Make a repository with a pull request whose base has gone on since.

    Returns:
        Its commits: the ``base`` as the request knows it, its ``head``, and the ``merge`` of it
        into the base as it is now.
    """
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    write_project(folder, HOUSE)
    base = commit(folder, {"app.py": OLD, "with space/x.py": "x = 1\n"})
    git(folder, "checkout", "--quiet", "-b", "topic")
    commit(folder, {"app.py": f"{OLD}    # on the way\n"})
    head = commit(folder, {"app.py": NEW})
    git(folder, "checkout", "--quiet", "main")
    commit(folder, {"other.py": OLD.replace("old", "others")})
    git(folder, "merge", "--quiet", "--no-ff", "topic", "--message", "merge")
    merge = git(folder, "rev-parse", "HEAD")
    return {"base": base, "head": head, "merge": merge}


def checked_out(repository: Path, folder: Path, commit: str, depth: int = 1) -> None:
    """Check out one commit as `actions/checkout` does, with as much history as asked for."""
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "remote", "add", "origin", repository.as_uri())
    shallow = [f"--depth={depth}"] if depth else []
    git(folder, "fetch", "--quiet", *shallow, "origin", commit)
    git(folder, "checkout", "--quiet", "--detach", commit)
