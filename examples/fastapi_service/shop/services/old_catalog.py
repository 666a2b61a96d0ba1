"""The catalogue as it was written before the standard."""

from __future__ import annotations

from sqlalchemy import ScalarResult, create_engine, select
from sqlalchemy.orm import Query, Session, sessionmaker

from shop.core.database import SessionLocal, engine, get_db, get_db_session
from shop.core.database_manager import DatabaseManager  # DBS106
from shop.models import AuditEntry, Product


def rename_with_factory_block(product_id: str, name: str) -> None:
    """The factory's own block closes, and leaves commit and rollback to each caller."""
    with SessionLocal() as db:  # DBS102
        product = db.get(Product, product_id)
        product.name = name
        db.commit()


def rename_by_hand(product_id: str, name: str) -> None:
    """Ten lines that the provider has already."""
    db = SessionLocal()  # DBS101
    try:
        product = db.get(Product, product_id)
        product.name = name
        db.commit()
    except Exception:
        db.rollback()
        raise
    finally:
        db.close()  # DBS301


def count_without_finally() -> int:
    """An error in the query leaves the session open."""
    db = SessionLocal()  # DBS101 DBS303
    count = db.query(Product).count()
    db.close()  # DBS301
    return count


def count_without_close() -> int:
    """Nothing closes the session."""
    db = SessionLocal()  # DBS101 DBS302
    return db.query(Product).count()


def count_in_one_line() -> int:
    """There is no name left to close the session by."""
    return SessionLocal().query(Product).count()  # DBS101 DBS304


def count_past_the_factory() -> int:
    """A session without the settings of the factory."""
    db = Session(engine)  # DBS103
    try:
        return db.query(Product).count()
    finally:
        db.close()  # DBS301


def count_in_a_block_past_the_factory() -> int:
    """The same in a block."""
    with Session(engine) as db:  # DBS103
        return db.query(Product).count()


def count_with_a_factory_of_its_own() -> int:
    """A factory for one call."""
    with sessionmaker(engine)() as db:  # DBS103
        return db.query(Product).count()


def count_with_an_engine_of_its_own(url: str) -> int:
    """A pool for one call."""
    replica = create_engine(url)  # DBS501
    with Session(replica) as db:  # DBS103
        return db.query(Product).count()


def rename_with_next(product_id: str, name: str) -> None:
    """The generator is dropped at once, and what stands after its yield runs when it pleases."""
    db = next(get_db())  # DBS105
    db.get(Product, product_id).name = name
    db.commit()


def first_name_in_a_loop() -> str | None:
    """An early leave does not reach the end of the generator."""
    for db in get_db():  # DBS105
        return db.scalar(select(Product.name))
    return None


def count_with_the_old_manager() -> int:
    """The manager is retired."""
    manager = DatabaseManager()
    with manager.session() as db:
        return db.query(Product).count()


def session_for_later() -> Session:
    """The block has closed the session that is returned."""
    with get_db_session() as db:
        return db  # DBS207


def rows_for_later() -> ScalarResult[Product]:
    """The rows are read from a session that is closed by then."""
    with get_db_session() as db:
        return db.scalars(select(Product))  # DBS209


def query_for_later() -> Query[Product]:
    """So is a query that has not run yet."""
    with get_db_session() as db:
        return db.query(Product)  # DBS209


def rename_and_log(product_id: str, name: str, db: Session) -> None:
    """The log is written in a transaction that does not know of the first."""
    db.get(Product, product_id).name = name
    with get_db_session() as log:  # DBS406
        log.add(AuditEntry(text=f"{product_id} is called {name}"))


def count_in_passing(db: Session) -> int:
    """The session belongs to the caller."""
    count = db.query(Product).count()
    db.close()  # DBS306
    return count


def pool_options_in_the_url() -> object:
    """The options reach the driver, which knows nothing of pools."""
    return create_engine("sqlite:///reports.db?pool_size=20&max_overflow=10")  # DBS504
