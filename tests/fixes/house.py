"""A small house: its models, its factories, its providers and its dependency."""

from tests.cases import CHOSEN

MODELS = """
    from sqlalchemy import Column, ForeignKey, Integer, String
    from sqlalchemy.orm import declarative_base, relationship

    Base = declarative_base()

    class User(Base):
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)
        name = Column(String)
        posts = relationship("Post", back_populates="author")

    class Post(Base):
        __tablename__ = "posts"
        id = Column(Integer, primary_key=True)
        title = Column(String)
        user_id = Column(ForeignKey("users.id"))
        author = relationship("User", back_populates="posts")
"""

DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", poolclass=StaticPool)
    SessionLocal = sessionmaker(bind=engine)

    @contextmanager
    def get_db_session():
        db = SessionLocal()
        try:
            yield db
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()

    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()
"""

READING_DATABASE = DATABASE.replace("            db.commit()\n", "")
LOADED_DATABASE = DATABASE.replace("bind=engine)", "bind=engine, expire_on_commit=False)")
HOUSE = CHOSEN | {"core/models.py": MODELS, "core/database.py": DATABASE}

HELPERS = """
    def open_session():
        return SessionLocal()

    def borrow(given=None):
        return given or SessionLocal()
"""

ASYNC_DATABASE = (
    DATABASE.replace(
        "import contextmanager",
        "import asynccontextmanager, contextmanager",
    )
    + HELPERS
    + """
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

    async_engine = create_async_engine("sqlite+aiosqlite://")
    AsyncSessionLocal = async_sessionmaker(bind=async_engine)

    @asynccontextmanager
    async def get_async_db_session():
        db = AsyncSessionLocal()
        try:
            yield db
            await db.commit()
        except Exception:
            await db.rollback()
            raise
        finally:
            await db.close()

    async def get_async_db():
        db = AsyncSessionLocal()
        try:
            yield db
        finally:
            await db.close()
"""
)
