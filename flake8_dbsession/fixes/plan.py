"""What is left after a repair, by cause: what would have to be done before it can be fixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from flake8_dbsession.fixes.repair import NO_FIX, Left
from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.model import COVERED
from flake8_dbsession.rewriting.edits import Kind
from flake8_dbsession.wording import counted

_CODE = regex(r"`[^`]*`")
_LINE = regex(r"\bline \d+")
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
        return ",".join(kind.value for kind in _kinds(left))
    if left.reason == NO_FIX.format(code=left.code):
        return f"{left.code}: {left.reason}"
    return _LINE.sub("a line", _CODE.sub("`...`", left.reason))


def _kinds(left: Left) -> list[Kind]:
    """Give the kinds of the doubts that something was left for, always in one order."""
    found = {doubt.kind for doubt in left.doubts}
    return [kind for kind in Kind if kind in found]


def _told(cause: str, members: list[Left]) -> str:
    kinds = _kinds(members[0])
    if not kinds:
        return _most_frequent(members) if _CODE.search(cause) else cause
    told = " and ".join(_about(kind, members) for kind in kinds)
    return f"{told} (`{_option(kinds)}`)"


def _option(kinds: Collection[Kind]) -> str:
    """Give the option with which what has some kinds of doubt would be fixed."""
    if Kind.OTHER in kinds:
        return "--unsafe"
    covered = {each for kind in kinds for each in COVERED.get(kind.value, ())}
    return f"--accept {','.join(kind.value for kind in kinds if kind.value not in covered)}"


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
