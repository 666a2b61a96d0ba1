"""DBS410: where a request's connection is while its response is streamed, by FastAPI itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from sqlalchemy import Engine, StaticPool, create_engine, text
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

from tests.truth.example import BETTER, EXAMPLE, run


@pytest.fixture
def engine(tmp_path: Any) -> Iterator[Engine]:
    made = create_engine(
        f"sqlite:///{tmp_path / 'x.db'}",
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=0.1,
        connect_args={"check_same_thread": False},
    )
    assert not isinstance(made.pool, StaticPool)
    with made.begin() as conn:
        conn.execute(text("CREATE TABLE items (name TEXT)"))
        conn.execute(text("INSERT INTO items VALUES ('first'), ('second')"))
    yield made
    made.dispose()


@pytest.fixture
def house(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that the page's examples import from."""
    make = sessionmaker(engine)

    def get_db() -> Iterator[Session]:
        with make() as db:
            yield db

    @contextmanager
    def get_db_session() -> Iterator[Session]:
        with make() as db:
            yield db

    module = ModuleType("core.database")
    module.get_db, module.get_db_session = get_db, get_db_session  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "core", ModuleType("core"))
    monkeypatch.setitem(sys.modules, "core.database", module)
    return module


@pytest.mark.parametrize(("section", "out"), [(EXAMPLE, 1), (BETTER, 0)])
@pytest.mark.parametrize("path", ["/items", "/ticks"])
def test_the_page_s_handlers(
    section: str, out: int, path: str, engine: Engine, house: ModuleType
) -> None:
    names = run("DBS410", section)
    turns: list[int] = []  # how many connections are out at each turn of the stream
    names["stopped"] = lambda: len(turns) == 2

    app = FastAPI()
    app.include_router(names["router"])

    async def watching(scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.body" and message.get("body"):
                turns.append(engine.pool.checkedout())  # type: ignore[attr-defined]
            await send(message)

        await app(scope, receive, sent)

    response = TestClient(watching).get(path)
    assert response.text == ("first\nsecond\n" if path == "/items" else "2\n2\n")
    assert turns == [out, out]
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("scope", ["function", "request"])
def test_when_the_dependency_ends(scope: Any, engine: Engine) -> None:
    ended: list[str] = []

    def get_db() -> Iterator[Session]:
        with Session(engine) as db:
            yield db
        ended.append("dependency")

    app = FastAPI()

    @app.get("/")
    def handler(db: Session = Depends(get_db, scope=scope)) -> StreamingResponse:  # noqa: B008
        db.execute(text("SELECT 1"))

        def lines() -> Iterator[str]:
            ended.append("stream")
            yield "x"

        return StreamingResponse(lines())  # noqa: DBS410

    TestClient(app).get("/")
    order = ["dependency", "stream"] if scope == "function" else ["stream", "dependency"]
    assert ended == order
