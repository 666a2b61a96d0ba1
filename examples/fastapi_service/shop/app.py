"""The application."""

from __future__ import annotations

from fastapi import FastAPI

from shop.api import old_products, products


def create_app() -> FastAPI:
    """Put the routers together."""
    app = FastAPI()
    app.include_router(products.router)
    app.include_router(old_products.router)
    return app
