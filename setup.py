"""What pyproject.toml cannot say: where the README's links lead when it is read on PyPI."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
REPOSITORY = "flake8-dbsession/flake8-dbsession"
# The target of a link, or with `!` before it of an image, that is neither an address nor an anchor.
LINK = re.compile(r"(?P<image>!?)(?P<text>\[[^]\n]*\])\((?![a-z]+:|#)(?P<path>[^)\s]+)\)")


def description() -> str:
    """Give the README with links into the repository as it is at this version."""
    package = (ROOT / "flake8_dbsession" / "__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', package, re.MULTILINE)
    pages = f"https://github.com/{REPOSITORY}/blob/v{version}"
    files = f"https://raw.githubusercontent.com/{REPOSITORY}/v{version}"

    def absolute(link: re.Match[str]) -> str:
        start = files if link["image"] else pages
        return f"{link['image']}{link['text']}({start}/{link['path']})"

    return LINK.sub(absolute, (ROOT / "README.md").read_text(encoding="utf-8"))


setup(long_description=description(), long_description_content_type="text/markdown")
