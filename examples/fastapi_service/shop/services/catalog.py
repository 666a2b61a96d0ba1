"""The catalogue of products, the way services are written here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from shop.core.database import get_db_session
from shop.models import Product


@dataclass(frozen=True)
class ProductView:
    """What leaves a service: values, not a mapped object."""

    id: str
    name: str
    stock: int


def add_product(product_id: str, name: str, stock: int = 0) -> None:
    """Put a product into the catalogue."""
    with get_db_session() as db:
        db.add(Product(id=product_id, name=name, stock=stock))


def rename_product(product_id: str, name: str) -> ProductView:
    """Rename a product."""
    with get_db_session() as db:
        product = db.get(Product, product_id)
        if product is None:
            raise LookupError(f"no product {product_id}")
        product.name = name
        # Not `return product`: the commit at the end of the block expires it, and reading it
        # afterwards raises DetachedInstanceError.
        return ProductView(product.id, product.name, product.stock)


def product_names() -> list[str]:
    """Give the names of all products, in order."""
    with get_db_session() as db:
        return list(db.scalars(select(Product.name).order_by(Product.name)))
