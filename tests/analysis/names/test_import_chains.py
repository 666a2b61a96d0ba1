"""Names that come through many modules, each of which takes them from the one before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import lint, write_project

_LONG = 120  # more than any depth that questions may have
_FACTORY = """\
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    opener = sessionmaker(create_engine("postgresql://localhost/app"))
    """
_SERVICE = """\
    from link_{last} import {name} as session_of


    def save(user):
        db = session_of()
        db.add(user)
        db.commit()
    """


def links(length: int) -> dict[str, str]:
    """Give the modules of a chain, each of which imports the name from the one before."""
    return {f"link_{n}.py": f"from link_{n - 1} import opener\n" for n in range(1, length)}


@pytest.mark.parametrize("length", [2, _LONG])
def test_a_factory_is_known_at_the_end_of_a_chain(length: int, tmp_path: Path) -> None:
    service = _SERVICE.format(last=length - 1, name="opener")
    write_project(tmp_path, {"link_0.py": _FACTORY, **links(length), "service.py": service})
    assert "DBS302" in {code for _, _, code, _ in lint(tmp_path, "service.py")}


def test_a_name_may_change_on_its_way(tmp_path: Path) -> None:
    renaming = f"from link_{_LONG - 1} import opener as made\n"
    service = _SERVICE.format(last=_LONG, name="made")
    files = {"link_0.py": _FACTORY, **links(_LONG), f"link_{_LONG}.py": renaming}
    write_project(tmp_path, {**files, "service.py": service})
    assert "DBS302" in {code for _, _, code, _ in lint(tmp_path, "service.py")}


def test_a_chain_that_ends_where_it_began_leads_nowhere(tmp_path: Path) -> None:
    service = _SERVICE.format(last=_LONG - 1, name="opener")
    files = {"link_0.py": f"from link_{_LONG - 1} import opener\n", **links(_LONG)}
    write_project(tmp_path, {**files, "service.py": service})
    assert lint(tmp_path, "service.py") == []
