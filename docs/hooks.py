"""What the site is made of beside the pages of this folder; mkdocs.yml names it.

Every link stands as it is right in the repository. The site has its own place for the files of
the repository's root, and for what it does not show it links to the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from flake8_dbsession.output.pages import HOME
from flake8_dbsession.rules.pages import families

ROOT = Path(__file__).resolve().parent.parent
BROUGHT_IN = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
_SOURCES = {page: source for source, page in BROUGHT_IN.items()}
_FENCE = re.compile(r"^( *)(```+)[^`\n]*\n.*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put each family's pages below the index of the rules."""
    rules: list[Any] = next(part["Rules"] for part in config.nav or [] if "Rules" in part)
    for prefix, title, family in families():
        rules.append({f"{prefix}xx: {title}": [f"rules/{rule.code}.md" for rule in family]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Bring in the documents of the repository's root."""
    for source, page in BROUGHT_IN.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that are right in the repository into those of the site."""
    here = page.file.src_uri
    folder = posixpath.dirname(_SOURCES.get(here) or f"docs/{here}")

    def link(found: re.Match[str]) -> str:
        return _on_site(posixpath.normpath(posixpath.join(folder, found[1])), here) or found[1]

    return _outside_of_code(_LINK, link, markdown)


def _on_site(path: str, here: str) -> str | None:
    """Give the site's link to a path of the repository; None where there is no such path."""
    inside = BROUGHT_IN.get(path) or path.removeprefix("docs/")
    if inside != path and not path.endswith(".py"):
        return posixpath.relpath(inside, posixpath.dirname(here) or ".")
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{HOME}/{kind}/main/{path}" if (ROOT / path).exists() else None


def _outside_of_code(pattern: re.Pattern[str], replace: Any, markdown: str) -> str:
    pieces, done = [], 0
    for fence in _FENCE.finditer(markdown):
        pieces += [pattern.sub(replace, markdown[done : fence.start()]), fence[0]]
        done = fence.end()
    return "".join([*pieces, pattern.sub(replace, markdown[done:])])
