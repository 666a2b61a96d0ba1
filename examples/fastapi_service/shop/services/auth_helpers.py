"""Helpers whose examples newcomers copy."""

from __future__ import annotations

from sqlalchemy.orm import Session

from shop.models import Product


def is_known(db: Session, product_id: str) -> bool:
    """Tell whether there is such a product.

    Within the standard:

        >>> from shop.core.database import get_db_session
        >>> with get_db_session() as db:  # doctest: +SKIP
        ...     is_known(db, "p1")

    As it was taught before:

        >>> from shop.core.database import SessionLocal
        >>> db = SessionLocal()  # DBS110
        >>> is_known(db, "p1")  # doctest: +SKIP
        False
        >>> db.close()
    """
    return db.get(Product, product_id) is not None


def is_in_stock(db: Session, product_id: str) -> bool:
    """Tell whether a product is in stock.

    ```python
    from shop.core.database import SessionLocal

    with SessionLocal() as db:  # DBS110
        is_in_stock(db, "p1")
    ```
    """
    product = db.get(Product, product_id)
    return product is not None and product.stock > 0


def stock_of(db: Session, product_id: str) -> int:
    """Give a product's stock.

    Outside of a request::

        from shop.core.database import get_db

        db = next(get_db())  # DBS110
        stock_of(db, "p1")
    """
    product = db.get(Product, product_id)
    return product.stock if product is not None else 0
