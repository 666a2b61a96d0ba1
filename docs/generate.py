"""Write what is made from the code: rule pages, the README's codes, the schema, the tour's values.

python docs/generate.py            # write them
python docs/generate.py --check    # fail where one is out of date
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from tour import filled

from flake8_dbsession.policy.schema import schema
from flake8_dbsession.rules.base import Rule
from flake8_dbsession.rules.pages import families, page, summary
from flake8_dbsession.rules.registry import rules

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "rules"
README = ROOT / "README.md"
TOUR = ROOT / "docs" / "how-it-works.md"
SCHEMA = ROOT / "flake8_dbsession" / "policy" / "dbsession.schema.json"
_TABLE = re.compile(r"(?<=<!-- codes -->\n).*?(?=<!-- /codes -->)", re.DOTALL)


def table() -> str:
    """Give the table of codes, one part a family."""
    parts = []
    for prefix, title, family in families():
        rows = "".join(_row(rule) for rule in family)
        head = "| code | name | reports |\n|---|---|---|\n"
        parts.append(f"\n**{prefix}xx: {title}**\n\n{head}{rows}")
    return "".join(parts) + "\n"


def documents() -> dict[Path, str]:
    """Give every generated document by its path."""
    readme = README.read_text(encoding="utf-8")
    made = {PAGES / f"{rule.code}.md": page(rule) for rule in rules().values()}
    made[README] = _TABLE.sub(lambda _: table(), readme)
    made[TOUR] = filled(TOUR.read_text(encoding="utf-8"))
    made[SCHEMA] = json.dumps(schema(), indent=2) + "\n"
    return made


def main() -> int:
    """Write the documents, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    made = documents()
    gone = [path for path in PAGES.glob("*.md") if path not in made]
    stale = [path for path, text in made.items() if _read(path) != text]
    PAGES.mkdir(exist_ok=True)
    for path in stale if not check else []:
        path.write_text(made[path], encoding="utf-8")
    for path in gone if not check else []:
        path.unlink()
    for path in [*stale, *gone]:
        print(f"{path.relative_to(ROOT)}: {'out of date' if check else 'written'}")
    return 1 if check and (stale or gone) else 0


def _row(rule: Rule[Any]) -> str:
    off = " (off)" if rule.off else ""
    return f"| [{rule.code}](docs/rules/{rule.code}.md) | {rule.name}{off} | {summary(rule)} |\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
