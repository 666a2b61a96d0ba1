"""Operations on stock."""

from __future__ import annotations

from shop.core.base_routes import safe_db_operation
from shop.core.database import get_db_session
from shop.models import Product


@safe_db_operation
def take_from_stock(product_id: str, amount: int) -> int:
    """Take some of a product, and tell how many are left."""
    with get_db_session() as db:
        product = db.get(Product, product_id)
        if product is None:
            raise LookupError(f"no product {product_id}")
        product.stock -= amount
        return product.stock


def empty_stock(product_id: str) -> None:  # DBS108
    """Take all of a product; an unknown one is an error 500 instead of a 404."""
    with get_db_session() as db:
        product = db.get(Product, product_id)
        if product is None:
            raise LookupError(f"no product {product_id}")
        product.stock = 0
