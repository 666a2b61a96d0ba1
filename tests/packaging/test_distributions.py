"""What is released, built as a release is: the sdist, and the wheel from it."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

from flake8_dbsession import __version__
from tests.packaging.copying import ROOT, copy_of_repository

pytestmark = pytest.mark.packaging
pytest.importorskip("build")
pytest.importorskip("twine")

NAME = f"flake8_dbsession-{__version__}"
INFO = f"{NAME}.dist-info"
_MADE = ("PKG-INFO", "flake8_dbsession.egg-info/")
_GENERATED = re.compile(r"__pycache__|\.py[cod]$")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a copy, and give the folder of what is built."""
    copy = copy_of_repository(tmp_path_factory.mktemp("copy") / "repository")
    folder = tmp_path_factory.mktemp("dist")
    (copy / "flake8_dbsession" / "__pycache__").mkdir(exist_ok=True)
    (copy / "flake8_dbsession" / "__pycache__" / "x.cpython-310.pyc").touch()
    command = (sys.executable, "-m", "build", "--outdir", str(folder), str(copy))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl")


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_string(wheel.read(f"{INFO}/METADATA").decode("utf-8"))


def files_of(folder: Path) -> set[str]:
    """Give the files below a folder of the repository, but for what running makes."""
    found = {path.relative_to(ROOT).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not _GENERATED.search(name)}


def test_the_wheel_holds_the_package_and_no_more(wheel: zipfile.ZipFile) -> None:
    names = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt")
    expected = files_of(ROOT / "flake8_dbsession") | {f"{INFO}/{name}" for name in names}
    assert set(wheel.namelist()) == expected


def test_the_sdist_holds_what_its_tests_need(built: Path) -> None:
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        held = {member.name.partition("/")[2] for member in archive if member.isfile()}
    held = {name for name in held if not name.startswith(_MADE)}
    folders = ("benchmarks", "docs", "examples", "flake8_dbsession", "tests")
    expected = set[str]().union(*(files_of(ROOT / folder) for folder in folders))
    assert {name for name in held if name.startswith(folders)} == expected
    assert {"action.yml", ".pre-commit-hooks.yaml", ".ci/run", "setup.cfg", "LICENSE"} <= held
    assert not any(_GENERATED.search(name) for name in held)


def test_an_index_takes_them(built: Path) -> None:
    files = map(str, built.iterdir())
    command = (sys.executable, "-m", "twine", "check", "--strict", *files)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_readme_leads_to_this_version_from_anywhere(metadata: Message) -> None:
    text = str(metadata.get_payload())
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert re.findall(r"\]\((?!https://|#)[^)]*\)", text) == []
    assert re.findall(r"(?:src|href)=\"(?!https://|#)", text) == []
    assert re.findall(r"!\[[^]]*\]\((?!https://raw\.githubusercontent\.com/)", text) == []
    home = f"https://github.com/flake8-dbsession/flake8-dbsession/blob/v{__version__}"
    assert f"{home}/SECURITY.md" in text


def test_it_says_where_it_is_developed(metadata: Message) -> None:
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL", []))
    assert set(urls) == {"Homepage", "Documentation", "Changelog", "Issues", "Source"}
    assert metadata["Version"] == __version__
