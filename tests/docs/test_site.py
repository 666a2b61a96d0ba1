"""The documentation's site: it builds without a warning, and what is read fetches nothing."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

_FETCHED = re.compile(r"""(?:<script[^>]* src|<link[^>]* href|<img[^>]* src|url)[=(]["']?https?:""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("material") is None:
        pytest.skip("the extra `docs` is not installed")
    folder = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return folder


def test_every_page_fetches_nothing(site: Path) -> None:
    for page in site.rglob("*.html"):
        found = _FETCHED.search(page.read_text(encoding="utf-8"))
        assert not found, f"{page.relative_to(site)}: {found}"


def test_the_root_documents_are_part_of_it(site: Path) -> None:
    assert all((site / name / "index.html").exists() for name in ("changelog", "security"))
    assert "docs/start.md" not in (site / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md"]
)
def test_links_of_the_root_lead_somewhere_in_the_repository(page: str) -> None:
    file = ROOT / page
    text = re.sub(r"`[^`\n]*`", "", file.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (file.parent / target).exists(), target
