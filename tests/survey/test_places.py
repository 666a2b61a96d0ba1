"""Naming files by patterns: all that belong, and nothing that does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flake8_dbsession.globs import Globs
from flake8_dbsession.survey.places import pattern_of, patterns_of

SEGMENTS = st.text("ab*?[]!#\\ _", min_size=1, max_size=4).filter(lambda text: text.strip("."))
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".py")


def test_a_folder_of_members_is_named_as_a_folder() -> None:
    members = ["app/api/users.py", "app/api/orders.py"]
    assert patterns_of(members, ["app/services/mail.py"], []) == (("/app/api/",), [])


def test_a_folder_of_others_is_not() -> None:
    members, others = ["app/users.py"], ["app/mail.py", "app/jobs.py"]
    assert patterns_of(members, others, []) == ((), members)


def test_usual_patterns_come_first_and_only_where_they_match() -> None:
    members = ["app/users_routes.py", "app/odd.py"]
    usual = ["*_routes.py", "endpoints/"]
    assert patterns_of(members, ["app/a.py", "app/b.py"], usual) == (
        ("*_routes.py",),
        ["app/odd.py"],
    )


@given(st.lists(PATHS, unique=True), st.data())
def test_every_member_is_named_or_given_back(members: list[str], data: st.DataObject) -> None:
    others = [path for path in data.draw(st.lists(PATHS)) if path not in members]
    patterns, rest = patterns_of(members, others, ["a.py", "b/"])
    named = set(filter(Globs(patterns).matches, members))
    assert named.isdisjoint(rest)
    assert named | set(rest) == set(members)


@given(PATHS, PATHS)
def test_a_path_s_pattern_names_it_and_no_other(path: str, other: str) -> None:
    spec = Globs([pattern_of(path)])
    assert spec.matches(path)
    assert spec.matches(other) == (other == path or other.startswith(f"{path}/"))
