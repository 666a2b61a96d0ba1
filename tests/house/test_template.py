"""A provider that is put into the module of its factory."""

from __future__ import annotations

from textwrap import dedent

import pytest

from flake8_dbsession.house.template import with_provider

HEADS = {
    "merged and sorted": (
        """\
        import os
        from typing import Any

        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        from app.settings import URL
        """,
        """\
        import os
        from collections.abc import Iterator
        from contextlib import contextmanager
        from typing import Any

        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session, sessionmaker

        from app.settings import URL
        """,
    ),
    "a section of its own": (
        '''\
        """The database."""

        from __future__ import annotations

        from sqlalchemy.orm import sessionmaker
        ''',
        '''\
        """The database."""

        from __future__ import annotations

        from collections.abc import Iterator
        from contextlib import contextmanager

        from sqlalchemy.orm import Session, sessionmaker
        ''',
    ),
    "over several lines": (
        """\
        from sqlalchemy.orm import (
            scoped_session,
            sessionmaker,
        )
        """,
        """\
        from collections.abc import Iterator
        from contextlib import contextmanager

        from sqlalchemy.orm import (
            scoped_session,
            sessionmaker,
        )
        from sqlalchemy.orm import Session
        """,
    ),
    "a module by its name": (
        "import sqlalchemy.orm\n",
        """\
        from collections.abc import Iterator
        from contextlib import contextmanager

        import sqlalchemy.orm
        from sqlalchemy.orm import Session
        """,
    ),
    "behind a comment": (
        """\
        # The database.
        from sqlalchemy.orm import sessionmaker  # ours
        """,
        """\
        # The database.
        from collections.abc import Iterator
        from contextlib import contextmanager

        from sqlalchemy.orm import sessionmaker  # ours
        from sqlalchemy.orm import Session
        """,
    ),
}


@pytest.mark.parametrize(("head", "expected"), HEADS.values(), ids=HEADS)
def test_what_it_imports_is_sorted(head: str, expected: str) -> None:
    rest = "\nSessionLocal = make()\n"
    written = with_provider(dedent(head) + rest, "SessionLocal", is_async=False)
    assert written.text.partition("\nSessionLocal = ")[0] == dedent(expected)
