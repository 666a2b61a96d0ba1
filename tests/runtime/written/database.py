"""The database of the written cases: a file, with a pool over it, sync and async."""

import os
import sqlite3
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import scoped_session, sessionmaker

PATH = os.path.join(os.path.dirname(__file__), "cases.db")
engine = create_engine(f"sqlite:///{PATH}", pool_size=5)
async_engine = create_async_engine(f"sqlite+aiosqlite:///{PATH}")
SessionLocal = sessionmaker(engine)
AsyncSessionLocal = async_sessionmaker(async_engine)
registry = scoped_session(SessionLocal)


@contextmanager
def get_db_session():
    db = SessionLocal()
    try:
        yield db
        db.commit()
    finally:
        db.close()


@asynccontextmanager
async def get_async_session():
    async with AsyncSessionLocal() as db:
        yield db


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def open_session():
    return SessionLocal()


def open_connection():
    return sqlite3.connect(PATH)
