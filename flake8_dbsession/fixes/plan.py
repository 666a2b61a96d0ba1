"""What is left after a repair, by cause: what would have to be done before it can be fixed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from flake8_dbsession.fixes.repair import NO_FIX, Left
from flake8_dbsession.rewriting.edits import Kind
from flake8_dbsession.wording import counted

_CODE = re.compile(r"`[^`]*`")
_LINE = re.compile(r"\bline \d+")
_ONE = {
    Kind.COMMIT: "would leave the commit to the provider",
    Kind.EXPIRE: "may use objects that the provider expires",
    Kind.PATCHED: "wait for {} with patches of what the code uses",
    Kind.HELPER: "wait for {} with work that may stay uncommitted",
    Kind.COMMENT: "would lose a comment",
    Kind.ERROR_PATH: "would treat an error in another way",
    Kind.OTHER: "have a fix that may change what the code does",
}
_SUBJECTS = {Kind.PATCHED: "test file", Kind.HELPER: "helper"}


def plan(left: Iterable[Left]) -> Iterator[str]:
    """Group what is left.

    Args:
        left: the violations that were left.

    Yields:
        A line for each cause, that of the most violations first; nothing where nothing is left.
    """
    groups: dict[str, list[Left]] = {}
    for each in left:
        groups.setdefault(_cause(each), []).append(each)
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    for cause, members in ordered:
        yield f"{len(members):8}  {_told(cause, members)}"


def _cause(left: Left) -> str:
    if left.doubts:
        return ",".join(dict.fromkeys(doubt.kind.value for doubt in left.doubts))
    if left.reason == NO_FIX.format(code=left.code):
        return f"{left.code}: {left.reason}"
    return _LINE.sub("a line", _CODE.sub("`...`", left.reason))


def _told(cause: str, members: list[Left]) -> str:
    kinds = list(dict.fromkeys(d.kind for left in members for d in left.doubts))
    if not kinds:
        return _most_frequent(members) if _CODE.search(cause) else cause
    told = " and ".join(_about(kind, members) for kind in kinds)
    wanted = "--unsafe" if Kind.OTHER in kinds else f"--accept {cause}"
    return f"{told} (`{wanted}`)"


def _most_frequent(members: list[Left]) -> str:
    """Give what is said of most of some places, and how many more are like it."""
    reasons = Counter(_LINE.sub("a line", left.reason) for left in members)
    (reason, times), *_ = reasons.most_common(1)
    others = len(members) - times
    return f"{reason} ({others} more with other names)" if others else reason


def _about(kind: Kind, members: list[Left]) -> str:
    subjects = {d.subject for left in members for d in left.doubts if d.kind is kind}
    noun = _SUBJECTS.get(kind, "place")
    return _ONE[kind].format(counted(len(subjects), noun))
