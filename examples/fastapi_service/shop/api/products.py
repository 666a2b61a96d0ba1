"""Routes, the way they are written here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException
from sqlalchemy.orm import Session

from shop.core.database import get_db
from shop.models import Product
from shop.operations.stock import take_from_stock
from shop.services.catalog import rename_product

router = APIRouter(prefix="/products")
DbSession = Annotated[Session, Depends(get_db)]


@router.get("/{product_id}")
def get_product(product_id: str, db: Session = Depends(get_db)) -> dict[str, str]:
    """Show a product."""
    product = db.get(Product, product_id)
    if product is None:
        raise HTTPException(404)
    return {"id": product.id, "name": product.name}


@router.put("/{product_id}")
def put_product(product_id: str, name: str, db: DbSession) -> dict[str, str]:
    """Add a product."""
    db.add(Product(id=product_id, name=name))
    db.commit()
    return {"id": product_id}


@router.post("/{product_id}/take")
def take_product(product_id: str, amount: int) -> dict[str, int]:
    """Take some of a product from stock."""
    return {"stock": take_from_stock(product_id, amount)}


@router.post("/{product_id}/rename")
def rename_later(product_id: str, name: str, tasks: BackgroundTasks) -> dict[str, bool]:
    """Rename a product after the response: the task opens a session of its own."""
    tasks.add_task(rename_product, product_id, name)
    return {"accepted": True}
