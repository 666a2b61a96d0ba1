"""Write what is made from the code: rule pages, tables of codes, schema, tour, picture.

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

from picture import picture, shown
from tour import filled

from flake8_dbsession.house.template import providers_page
from flake8_dbsession.policy.model import ACCEPTABLE
from flake8_dbsession.policy.schema import schema
from flake8_dbsession.rules.base import Rule
from flake8_dbsession.rules.pages import TOOL_CODES, families, fix, kinds, page, summary
from flake8_dbsession.rules.registry import rules

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "rules"
INDEX = PAGES / "index.md"
PICTURE = ROOT / "docs" / "images" / "check.svg"
README = ROOT / "README.md"
PROVIDERS = ROOT / "docs" / "providers.md"
TOUR = ROOT / "docs" / "how-it-works.md"
SCHEMA = ROOT / "flake8_dbsession" / "policy" / "dbsession.schema.json"
_ANY_KIND = ", ".join(f"`{kind}`" for kind in ACCEPTABLE)
_PART = r"(?<=<!-- {0} -->\n).*?(?=<!-- /{0} -->)"


_INDEX = """\
# Rules

A code never changes its meaning and is never used again. The first digit is the family. A rule that
is *off* reports only where its whole code is selected or the policy's `enable` names it.

`dbsession fix` makes a *safe* fix where the conditions on the rule's page hold, and leaves the
place alone elsewhere. *With doubts* means that some of its fixes have doubts of the kinds listed,
which `--accept` takes ([fixes and their doubts](../fixes.md)). An *unsafe* fix is made only by
`--unsafe`.
"""


def table() -> str:
    """Give the codes in short: a row a family."""
    rows = "".join(
        f"| {title} | {', '.join(_link(rule) for rule in family)} |\n"
        for _, title, family in families()
    )
    return f"\n| about | codes |\n|---|---|\n{rows}\n"


def index() -> str:
    """Give the page that lists all rules."""
    parts = [_INDEX]
    for prefix, title, family in families():
        rows = "".join(_row(rule) for rule in family)
        head = "| code | name | reports | default | fix | since |\n|---|---|---|---|---|---|\n"
        parts.append(f"\n## {prefix}xx: {title}\n\n{head}{rows}")
    tool = "".join(f"| {code} | {text} |\n" for code, text in TOOL_CODES.items())
    head = "Codes of the tool itself, which are no rules"
    return "".join(
        [*parts, f"\n## DBS0xx: the tool\n\n{head}:\n\n| code | says |\n|---|---|\n{tool}"]
    )


def documents() -> dict[Path, str]:
    """Give every generated document by its path."""
    made = {PAGES / f"{rule.code}.md": page(rule) for rule in rules().values()}
    made[INDEX] = index()
    made[README] = _with_part(README, "codes", table())
    made[PROVIDERS] = _with_part(PROVIDERS, "template", providers_page().partition("\n")[2] + "\n")
    made[TOUR] = filled(TOUR.read_text(encoding="utf-8"))
    made[SCHEMA] = json.dumps(schema(), indent=2) + "\n"
    made[PICTURE] = picture()
    return made


def main() -> int:
    """Write the documents, or check them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    made = documents()
    gone = [path for path in PAGES.glob("*.md") if path not in made]
    stale = [path for path, text in made.items() if _differs(text, _read(path))]
    PAGES.mkdir(exist_ok=True)
    for path in stale if not check else []:
        path.write_text(made[path], encoding="utf-8")
    for path in gone if not check else []:
        path.unlink()
    for path in [*stale, *gone]:
        print(f"{path.relative_to(ROOT)}: {'out of date' if check else 'written'}")
    return 1 if check and (stale or gone) else 0


def _with_part(path: Path, name: str, part: str) -> str:
    """Give a document with another text between its marks of a name."""
    pattern = re.compile(_PART.format(name), re.DOTALL)
    return pattern.sub(lambda _: part, path.read_text(encoding="utf-8"))


def _link(rule: Rule[Any]) -> str:
    return f"[{rule.code}](docs/rules/{rule.code}.md) {rule.name}{' (off)' if rule.off else ''}"


def _row(rule: Rule[Any]) -> str:
    default = "off" if rule.off else "on"
    named = "any kind" if kinds(rule) == _ANY_KIND else kinds(rule)
    fixed = f"{fix(rule)}: {named}" if named else fix(rule)
    return (
        f"| [{rule.code}]({rule.code}.md) | {rule.name} | {summary(rule)} "
        f"| {default} | {fixed} | {rule.since} |\n"
    )


def _differs(text: str, written: str | None) -> bool:
    """Say whether a document is stale; a picture is for what it says, not for how it is drawn."""
    if written is not None and text.startswith("<svg"):
        return shown(written) != shown(text)
    return written != text


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
