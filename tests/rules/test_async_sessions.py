"""DBS408 and DBS409: sessions and the event loop; both rules are off by default."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

BLOCKING = """
    import asyncio
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session

    async def count(db: Session):
        db.add(1)
        rows = db.query(1).all()  # DBS408
        db.commit()  # DBS408
        await db.execute(1)
        return rows

    async def fine(db: AsyncSession, other: Session):
        await db.execute(1)
        await asyncio.to_thread(lambda: other.execute(1))

        def work():
            return other.execute(1)

        return await asyncio.to_thread(work)

    def plain(db: Session):
        return db.execute(1)
"""
HELD = """
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.ext.asyncio import async_sessionmaker

    new_session = async_sessionmaker()

    async def held(db: AsyncSession):
        await before_the_first_use()
        agent = await db.get(1, 2)
        await db.refresh(agent)
        await work_with(db)
        await other_work()  # DBS409
        await db.commit()
        await other_work()

    async def block():
        async with new_session() as db:
            await db.execute(1)
            await other_work()  # DBS409
        await other_work()

    async def branches(db: AsyncSession, flag):
        if flag:
            await db.execute(1)
            return await other_work()  # DBS409
        try:
            await other_work()
        finally:
            await db.rollback()

    async def either(db: AsyncSession, flag):
        if flag:
            await db.execute(1)
        else:
            await other_work()
        await other_work()  # DBS409

    async def loop(db: AsyncSession, items):
        for item in items:
            await fetch(item)  # DBS409
            await db.execute(item)

    async def handler(db: AsyncSession):
        try:
            await db.execute(1)
        except ValueError:
            await report()  # DBS409

    async def handed_on(db: AsyncSession):
        await other_work(await load(db))
        await other_work()  # DBS409
        db.add(1)

    async def only_added(db: AsyncSession):
        db.add(1)
        await other_work()
"""


def test_blocking_calls(tmp_path: Path) -> None:
    assert_cases(tmp_path, {"app.py": BLOCKING}, {"DBS408"}, selected=frozenset({"DBS408"}))


def test_held_awaits(tmp_path: Path) -> None:
    assert_cases(tmp_path, {"app.py": HELD}, {"DBS409"}, selected=frozenset({"DBS409"}))


def test_they_are_off_unless_asked_for(tmp_path: Path) -> None:
    write_project(tmp_path, {"app.py": BLOCKING, "held.py": HELD})
    found = lint(tmp_path, "app.py") + lint(tmp_path, "held.py", selected=frozenset({"DBS"}))
    assert not {code for _, _, code, _ in found} & {"DBS408", "DBS409"}


def test_slow_calls(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "tasks.py": """
                import subprocess
                import time
                import boto3
                import httpx
                import requests
                from openai import OpenAI
                from sqlalchemy.orm import Session

                client = OpenAI()
                http = requests.Session()
                store = boto3.client("s3")

                def fetch(url):
                    return requests.get(url).text

                def each(db: Session, number):
                    media = db.get(Media, number)
                    requests.post("http://model", json={"url": media.url})  # DBS409
                    http.get(media.url)  # DBS409
                    store.upload_file(media.path, "bucket", media.key)  # DBS409
                    client.chat.completions.create(model="m", messages=[])  # DBS409
                    time.sleep(5)  # DBS409
                    subprocess.run(["convert", media.path])  # DBS409
                    with httpx.Client() as own:
                        own.post("http://model")  # DBS409
                    fetch(media.url)  # DBS409

                def released(db: Session, number):
                    url = db.get(Media, number).url
                    db.commit()
                    return requests.post("http://model", json={"url": url})

                def before(db: Session, url):
                    text = requests.get(url).text
                    db.add(Page(text))
                    db.commit()

                def quick(db: Session, number):
                    media = db.get(Media, number)
                    headers = requests.Request("GET", media.url)
                    return fetch_nothing(media)
            """
        },
        {"DBS409"},
        selected=frozenset({"DBS409"}),
    )
