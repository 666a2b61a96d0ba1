"""Routes as they were written before the standard."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, BackgroundTasks, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.core.database import SessionLocal, engine, get_db, get_db_session
from shop.models import AuditEntry, Product
from shop.services import old_catalog

router = APIRouter(prefix="/old/products")


@router.get("/count")
def count_products() -> dict[str, int]:
    """The route opens its own session, and tests cannot replace it."""
    db = SessionLocal()  # DBS101 DBS401
    try:
        return {"count": db.query(Product).count()}
    finally:
        db.close()  # DBS301


@router.get("/names")
def product_names() -> list[str]:
    """The same with the factory's block."""
    with SessionLocal() as db:  # DBS102 DBS401
        return list(db.scalars(select(Product.name)))


@router.get("/sold-out")
def sold_out() -> list[str]:
    """The provider is for services."""
    with get_db_session() as db:  # DBS401
        return list(db.scalars(select(Product.name).filter_by(stock=0)))


def product_of_the_day(db: Session = Depends(get_db())) -> str | None:  # DBS402
    """FastAPI would refuse a generator for a dependency, were this a route."""
    return db.scalar(select(Product.name))


@router.get("/newest")
def newest(db: Session = Depends(SessionLocal)) -> str | None:  # DBS403
    """FastAPI calls the factory, takes its arguments for the request's, and closes nothing."""
    return db.scalar(select(Product.name))


def get_unguarded_db() -> Iterator[Session]:
    """A route's error comes out of the yield, and the close is not reached."""
    db = SessionLocal()
    yield db  # DBS404
    db.close()


@router.get("/unguarded")
def unguarded(db: Session = Depends(get_unguarded_db)) -> int:
    """Count with a session that an error would leave open."""
    return db.query(Product).count()


def get_returned_db() -> Session:
    """Nothing is left to close the session after the response."""
    return SessionLocal()  # DBS101 DBS405


@router.get("/returned")
def returned(db: Session = Depends(get_returned_db)) -> int:
    """Count with a session that stays open."""
    return db.query(Product).count()


@router.post("/{product_id}/log")
def log_product(product_id: str, db: Session = Depends(get_db)) -> dict[str, str]:
    """The log is written in a second session, which waits for the first one's locks."""
    product = db.get(Product, product_id)
    with SessionLocal() as log:  # DBS102 DBS406
        log.add(AuditEntry(text=product.name))
        log.commit()
    return {"logged": product.name}


def write_audit(db: Session, text: str) -> None:
    """Write a line of the log."""
    db.add(AuditEntry(text=text))
    db.commit()


@router.post("/{product_id}/notify")
def notify(
    product_id: str, tasks: BackgroundTasks, db: Session = Depends(get_db)
) -> dict[str, bool]:
    """The request's session is held until the task is done, or closed before it begins."""
    tasks.add_task(write_audit, db, product_id)  # DBS211
    return {"accepted": True}


@router.get("/{product_id}/stock")
async def stock(product_id: str, db: Session = Depends(get_db)) -> int | None:
    """The event loop stands still while the database answers."""
    return db.scalar(select(Product.stock).filter_by(id=product_id))  # DBS408


@router.get("/replica/count")
def count_in_replica() -> int:
    """The service makes a pool for each request."""
    return old_catalog.count_with_an_engine_of_its_own(str(engine.url))
