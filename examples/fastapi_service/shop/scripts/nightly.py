"""The nightly report."""

from __future__ import annotations

from sqlalchemy.orm import Session

from shop.core.database import SessionLocal, get_db_session
from shop.models import Product


def sold_out(db: Session) -> int:
    """Count the products that are sold out."""
    return db.query(Product).filter_by(stock=0).count()


def main() -> None:
    """Print the report."""
    with get_db_session() as db:
        print(f"sold out: {sold_out(db)}")


if __name__ == "__main__":
    main()
    session = SessionLocal()  # DBS101
    print(f"sold out, once more: {sold_out(session)}")
    session.close()  # DBS301
