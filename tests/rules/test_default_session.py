"""DBS203: sessions held by parameters' defaults."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS203"}


def test_a_default_opens_a_session(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from sqlalchemy.orm import Session

                from core.database import SessionLocal

                def count(db=SessionLocal()):  # DBS203
                    return db.query(1)

                async def load(
                    name,
                    *,
                    db: Session = SessionLocal(),  # DBS203
                ):
                    return db

                class Service:
                    def work(self, db=Session()):  # DBS203
                        return lambda other=SessionLocal(): other  # DBS203
            """
        },
        CODES,
    )


def test_dependencies_and_factories_open_none(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from typing import Annotated

                from fastapi import Depends
                from sqlalchemy.orm import Session

                from core.database import SessionLocal, get_db

                def inject(db: Session = Depends(get_db)):
                    return db

                def open_wrongly(db: Session = Depends(SessionLocal())):
                    return db

                def annotated(db: Annotated[Session, Depends(get_db)]):
                    return db

                def factory(make=SessionLocal, db=None):
                    return make()
            """
        },
        CODES,
    )


def test_the_fields_of_dataclasses(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from dataclasses import dataclass, field
                from typing import ClassVar

                import attr
                import attrs
                from sqlalchemy.orm import Session

                from core.database import SessionLocal

                @dataclass
                class Service:
                    name: str
                    db: Session = SessionLocal()  # DBS203
                    other: Session = field(default=SessionLocal())  # DBS203
                    factory: Callable = field(default=SessionLocal)
                    shared: ClassVar[Session] = SessionLocal()

                @attrs.define
                class Other:
                    db: Session = attrs.field(default=SessionLocal())  # DBS203

                @attr.s
                class Old:
                    db = attr.ib(default=SessionLocal())  # DBS203

                class Plain:
                    db: Session = SessionLocal()
            """
        },
        CODES,
    )
