"""DBS410: streaming responses that keep a request's session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, expected_codes, lint, write_project

CODES = {"DBS410"}
HOUSE = """
    from typing import Annotated
    from fastapi import Depends
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session, sessionmaker

    SessionLocal = sessionmaker(create_engine("postgresql://localhost/shop"))

    def get_db():
        with SessionLocal() as session:
            yield session

    SessionDep = Annotated[Session, Depends(get_db)]
"""
HEAD = """
    import asyncio
    import io
    from fastapi import APIRouter, Depends
    from fastapi.concurrency import iterate_in_threadpool
    from fastapi.responses import JSONResponse, StreamingResponse
    from sqlalchemy.orm import Session
    from sse_starlette.sse import EventSourceResponse
    from app.db import SessionDep, SessionLocal, get_db
    from app.models import Item

    router = APIRouter()
"""


def check(folder: Path, body: str, **files: str) -> None:
    assert_cases(folder, {"app/db.py": HOUSE, "app/api.py": HEAD + body, **files}, CODES)


def test_the_generator_works_on_the_session(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    def packets(question, db: Session):
        for item in db.query(Item):
            yield item.name

    async def through(service, session):
        yield await service.load(session)

    @router.get("/by-argument")
    def by_argument(question: str, db: Session = Depends(get_db)):
        return StreamingResponse(packets(question, db))  # DBS410

    @router.get("/by-keyword")
    async def by_keyword(db: Session = Depends(get_db)):
        body = through(SERVICE, session=db)
        response = EventSourceResponse(content=body)
        response.headers["x"] = "y"
        return response  # DBS410

    @router.get("/nested")
    def nested(db: SessionDep):
        def lines():
            yield db.get(Item, 1).name
        return StreamingResponse(iterate_in_threadpool(lines()), media_type="text/plain")  # DBS410
""",
    )


def test_a_transaction_is_open_at_the_return(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    @router.get("/events")
    async def events(code: str, db: SessionDep):
        item = db.get(Item, code)

        async def stream():
            while True:
                yield {"data": code}
                await asyncio.sleep(5)

        if item is None:
            db.rollback()
            return EventSourceResponse(stream())
        return EventSourceResponse(stream())  # DBS410

    @router.get("/on-one-way")
    def on_one_way(code: str, db: SessionDep):
        def stream():
            yield from code
        if code:
            db.get(Item, code)
        return StreamingResponse(stream())  # DBS410
""",
    )


def test_nothing_is_held(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    def lines(names):
        yield from names

    @router.get("/finished")
    def finished(db: SessionDep):
        names = [item.name for item in db.query(Item)]
        return StreamingResponse(io.BytesIO(b"".join(names)))

    @router.get("/in-a-list")
    def in_a_list(db: SessionDep):
        return StreamingResponse(iter([db.get(Item, 1).name]))

    @router.get("/committed")
    def committed(db: SessionDep):
        names = [item.name for item in db.query(Item)]
        db.commit()
        return StreamingResponse(lines(names))

    @router.get("/closed")
    def closed(db: SessionDep):
        names = [item.name for item in db.query(Item)]
        db.close()
        return StreamingResponse(lines(names))

    @router.get("/unused")
    def unused(db: SessionDep):
        return StreamingResponse(lines(["a"]))

    @router.get("/own")
    def own():
        def stream():
            with SessionLocal() as db:
                yield db.get(Item, 1).name
        return StreamingResponse(stream())

    @router.get("/ends")
    def ends(db: SessionDep):
        def stream():
            for number in range(10):
                name = db.get(Item, number).name
                db.commit()
                yield name
        return StreamingResponse(stream())

    @router.get("/shadowed")
    def shadowed(db: SessionDep):
        def stream(db):
            yield db.name
        return StreamingResponse(stream(SERVICE))

    @router.get("/plain")
    def plain(db: SessionDep):
        return JSONResponse(db.get(Item, 1).name)

    def no_handler(db: Session):
        db.get(Item, 1)
        return StreamingResponse(lines(["a"]))
""",
    )


def test_a_few_values_at_once_hold_no_more_than_another_answer(tmp_path: Path) -> None:
    sse = """
        import json
        import time

        import requests
        from app.db import SessionLocal

        def comment(text="ping"):
            return f": {text}\\n\\n"

        def preamble(size=8192):
            return comment(" " * max(size, 1))

        def event(kind, data):
            return f"event: {kind}\\ndata: {json.dumps(data)}\\n\\n"

        def fetched(kind):
            return requests.get(kind).text

        def counted(kind):
            with SessionLocal() as db:
                return str(db.execute(kind).scalar())

        def slept(kind):
            time.sleep(5)
            return kind

        class Answer:
            def __init__(self, text):
                self.text = text

            def model_dump(self):
                return {"text": self.text}

        class Asked:
            def __init__(self, text):
                self.text = requests.get(text).text
    """
    check(
        tmp_path,
        """
    import openai
    from app import sse

    @router.get("/")
    def few(code: str, db: SessionDep, way: str):
        db.get(Item, code)

        async def events():
            yield sse.preamble()
            yield sse.event("start", {"status": code.upper()})
            answer = sse.Answer(text=", ".join(sorted([code])))
            for word in ("a", "b"):
                yield word
            yield from [str(1), "2"]
            if code:
                print(code)
                yield sse.event("done", answer.model_dump())

        if way == "few":
            return StreamingResponse(events())

        def waits():
            yield sse.slept(code)

        async def awaits():
            yield await code.read()

        def fetches():
            yield sse.fetched(code)

        def asks():
            yield sse.Asked(code).text

        def counts():
            yield sse.counted(code)

        def opens():
            with SessionLocal() as other:
                yield other.get(Item, code).name

        def completes():
            yield openai.ChatCompletion.create(prompt=code)

        def unknown():
            yield PROVIDER.complete(code)

        def gets():
            yield {"a": "b"}.get("a")
            yield PROVIDER.get(code)

        def all_of_them():
            for each in code:
                yield each

        def endless():
            while code:
                yield code

        async def one_by_one():
            async for each in code:
                yield each

        async def in_a_block():
            async with code as each:
                yield each

        def by_another():
            yield from endless()

        if way == "waits":
            return StreamingResponse(waits())  # DBS410
        if way == "awaits":
            return StreamingResponse(awaits())  # DBS410
        if way == "fetches":
            return StreamingResponse(fetches())  # DBS410
        if way == "asks":
            return StreamingResponse(asks())  # DBS410
        if way == "counts":
            return StreamingResponse(counts())  # DBS410
        if way == "opens":
            return StreamingResponse(opens())  # DBS410
        if way == "completes":
            return StreamingResponse(completes())  # DBS410
        if way == "unknown":
            return StreamingResponse(unknown())  # DBS410
        if way == "gets":
            return StreamingResponse(gets())  # DBS410
        if way == "all_of_them":
            return StreamingResponse(all_of_them())  # DBS410
        if way == "endless":
            return StreamingResponse(endless())  # DBS410
        if way == "one_by_one":
            return StreamingResponse(one_by_one())  # DBS410
        if way == "in_a_block":
            return StreamingResponse(in_a_block())  # DBS410
        return StreamingResponse(by_another())  # DBS410
""",
        **{"app/sse.py": sse},
    )


STREAM = """
    @router.get("/events")
    def events(code: str, db: Session = Depends(get_db{scope})):
        item = db.get(Item, code)

        def stream():
            while not stopped():
                yield {used}

        return StreamingResponse(stream()){mark}
"""


@pytest.mark.parametrize(
    ("requirement", "scope", "used", "said"),
    [
        ("fastapi>=0.121", "", "code", "keeps the connection of `db`"),
        ("fastapi>=0.121", "", "db.get(Item, 2)", "keeps `db` and its connection"),
        ("fastapi>=0.121", ', scope="function"', "code", ""),
        ("fastapi>=0.121", ', scope="function"', "db.get(Item, 2)", "FastAPI has closed"),
        ("fastapi>=0.121", ', scope="request"', "code", "keeps the connection of `db`"),
        ("fastapi==0.110.0", "", "code", ""),
        ("fastapi==0.110.0", "", "db.get(Item, 2)", "FastAPI has closed"),
        ("fastapi>=0.100", "", "code", "keeps the connection of `db`"),
        ("fastapi<0.100", "", "code", "keeps the connection of `db`"),
        ("starlette", "", "code", "keeps the connection of `db`"),
    ],
)
def test_the_version_and_the_scope_tell_which_harm_is_done(
    requirement: str, scope: str, used: str, said: str, tmp_path: Path
) -> None:
    source = HEAD + STREAM.format(scope=scope, used=used, mark="  # DBS410" if said else "")
    files = {"requirements.txt": requirement, "app/db.py": HOUSE, "app/api.py": source}
    write_project(tmp_path, files)
    found = [v for v in lint(tmp_path, "app/api.py") if v[2] == "DBS410"]
    expected = expected_codes((tmp_path / "app/api.py").read_text())
    assert [(line, code) for line, _, code, _ in found] == expected
    assert all(said in message for *_, message in found)


def test_the_message_names_the_house_s_own_way(tmp_path: Path) -> None:
    source = HEAD + STREAM.format(scope="", used="db.get(Item, 2)", mark="")
    house = HOUSE + (
        "\n    from contextlib import contextmanager\n"
        "\n    @contextmanager\n    def session_scope():\n"
        "        with SessionLocal() as db:\n            yield db\n            db.commit()\n"
    )
    write_project(tmp_path, {"app/db.py": house, "app/api.py": source})
    [message] = [text for *_, code, text in lint(tmp_path, "app/api.py") if code == "DBS410"]
    assert "with session_scope() as db" in message


HELD = """
    @router.get("/events")
    def events(code: str, db: Session = Depends(get_db)):
        {before}

        {definition}:
            while not stopped():
                yield {used}

        return StreamingResponse({call})
"""
INSIDE = "open a session inside the generator, and leave its block before you yield"
LOAD = """
    def load(db, code):
        return db.get(Item, code)
"""
EITHER = "call `db.commit()` or `db.close()` before"
CLOSE = "call `db.close()` before (`commit()` expires `item`, which the generator reads)"


@pytest.mark.parametrize(
    ("before", "used", "way_out"),
    [
        ("item = db.get(Item, code)", "code", EITHER),
        ("item = db.get(Item, code)", "item.name", CLOSE),
        ("item = load(db, code)", "item.name", CLOSE),
        ("item = db.get(Item, code)\n        name = item.name", "name", EITHER),
        ("item = db.get(Item, code)", "[item.name for item in code]", EITHER),
        ("print(code)", "db.get(Item, 2)", INSIDE),
        ("item = db.get(Item, code)", "db.get(Item, 2)", f"{EITHER}, {INSIDE}"),
        ("item = db.get(Item, code)", "db.get(Item, item.name)", f"{CLOSE}, {INSIDE}"),
    ],
)
@pytest.mark.parametrize("is_nested", [True, False])
def test_the_way_out_gives_the_handler_s_own_connection_back(
    before: str, used: str, way_out: str, is_nested: bool, tmp_path: Path
) -> None:
    nested = HELD.format(before=before, used=used, definition="def stream()", call="stream()")
    apart = "\n    def stream(code, item, name, db):\n        while not stopped():\n"
    apart += f"            yield {used}\n"
    apart += HELD.format(
        before=before, used="1", definition="def other()", call="stream(code, item, name, db)"
    )
    body = LOAD + (nested if is_nested else apart)
    # FastAPI's own default: the dependency ends after the response.
    write_project(tmp_path, {"app/db.py": HOUSE, "app/api.py": HEAD + body})
    [message] = [text for *_, code, text in lint(tmp_path, "app/api.py") if code == "DBS410"]
    assert message.partition("; ")[2] == way_out


def test_a_commit_is_enough_where_it_expires_nothing(tmp_path: Path) -> None:
    house = HOUSE.replace('/shop")', '/shop"), expire_on_commit=False')
    body = HELD.format(
        before="item = db.get(Item, code)",
        used="item.name",
        definition="def stream()",
        call="stream()",
    )
    write_project(tmp_path, {"app/db.py": house, "app/api.py": HEAD + body})
    [message] = [text for *_, code, text in lint(tmp_path, "app/api.py") if code == "DBS410"]
    assert message.endswith(EITHER)


def test_the_generator_that_works_with_the_session_is_the_one_that_it_is_handed_to(
    tmp_path: Path,
) -> None:
    service = """
    class Service:
        async def answer(self, question, session):
            found = session.get(Item, question)
            yield found.name

        async def quick(self, session, question):
            found = session.get(Item, question)
            session.commit()
            yield found.name

    service = Service()

    def each(session):
        yield from rows(session)

    def rows(db):
        yield from db.query(Item)
    """
    handlers = """
    from app.service import each, service

    @router.get("/handed-on")
    async def handed_on(question: str, db: Session = Depends(get_db)):
        async def events():
            async for event in service.answer(question, session=db):
                yield f"data: {event}"
        return StreamingResponse(events())  # DBS410

    @router.get("/ended")
    async def ended(question: str, db: Session = Depends(get_db)):
        async def events():
            async for event in service.quick(db, question):
                yield f"data: {event}"
        return StreamingResponse(events())

    @router.get("/twice")
    def twice(db: Session = Depends(get_db)):
        return StreamingResponse(each(db))  # DBS410

    @router.get("/used-besides")
    async def used_besides(question: str, db: Session = Depends(get_db)):
        async def events():
            async for event in service.quick(db, question):
                yield db.get(Item, event)
        return StreamingResponse(events())  # DBS410
    """
    for requirement in ("fastapi==0.115.6", "fastapi>=0.121"):
        files = {"app/service.py": service, "requirements.txt": requirement}
        check(tmp_path, handlers, **files)
        found = [m for *_, code, m in lint(tmp_path, "app/api.py") if code == "DBS410"]
        assert [message.rpartition("; ")[2] for message in found] == [
            "let `answer` open a session, and leave its block before it yields",
            "let `rows` open a session, and leave its block before it yields",
            "open a session inside the generator, and leave its block before you yield",
        ]


ONE_STEP_ON = """
    async def locked(generator, key):
        try:
            async for chunk in generator:
                yield chunk
        finally:
            unlock(key)

    def passed_on(generator):
        yield from generator

    def forgetful(generator):
        yield "nothing of it"

    def packets(db: Session):
        for item in db.query(Item):
            yield item.name

    def ended(db: Session):
        names = db.query(Item).all()
        db.commit()
        for name in names:
            yield name

    def numbers(count):
        while True:
            yield count

    class Lines:
        def __init__(self, db: Session, size=1):
            self.db = db
            self.size = size

        def stream(self):
            for item in self.db.query(Item):
                yield item.name

        def given(self):
            for item in load(self.db):
                yield item.name

        def sizes(self):
            while True:
                yield self.size

    class MoreLines(Lines):
        def more(self):
            for item in self.db.query(Item):
                yield item.name

    @router.get("/locked")
    async def by_wrapper(db: Session = Depends(get_db)):
        return StreamingResponse(locked(packets(db), "key"))  # DBS410

    @router.get("/passed-on")
    async def by_delegation(db: Session = Depends(get_db)):
        body = packets(db)
        return StreamingResponse(passed_on(generator=locked(body, 1)))  # DBS410

    @router.get("/object")
    async def by_object(db: Session = Depends(get_db)):
        lines = Lines(db)
        return StreamingResponse(lines.stream())  # DBS410

    @router.get("/object-on-the-spot")
    async def by_object_on_the_spot(db: Session = Depends(get_db)):
        return StreamingResponse(Lines(db=db).given())  # DBS410

    @router.get("/inherited")
    async def by_inherited(db: Session = Depends(get_db)):
        return StreamingResponse(MoreLines(db).more())  # DBS410

    @router.get("/forgotten")
    async def not_iterated(db: Session = Depends(get_db)):
        return StreamingResponse(forgetful(packets(db)))

    @router.get("/other-object")
    async def of_another(db: Session = Depends(get_db)):
        return StreamingResponse(Lines(SessionLocal()).stream())

    @router.get("/sizes")
    async def without_the_session(db: Session = Depends(get_db)):
        return StreamingResponse(Lines(db).sizes())

    @router.get("/numbers")
    async def without(db: Session = Depends(get_db)):
        return StreamingResponse(locked(numbers(1), "key"))

    @router.get("/ended")
    async def that_ends(db: Session = Depends(get_db)):
        return StreamingResponse(locked(ended(db), "key"))
"""


@pytest.mark.parametrize("version", ["==0.115", ">=0.120"])
def test_a_generator_one_step_further(tmp_path: Path, version: str) -> None:
    check(tmp_path, ONE_STEP_ON, **{"requirements.txt": f"fastapi{version}\n"})
