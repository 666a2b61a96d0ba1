"""The sanctioned patterns do what the standard promises."""

from __future__ import annotations

import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import object_session
from sqlalchemy.orm.exc import DetachedInstanceError

from shop.app import create_app
from shop.core.base_routes import execute_db_query
from shop.core.database import engine, get_db_session
from shop.models import Product
from shop.operations.stock import take_from_stock
from shop.scripts.nightly import main
from shop.services.catalog import add_product, product_names, rename_product


def connections_out() -> int:
    """Count the connections that the pool waits for."""
    return engine.pool.checkedout()


def test_provider_closes_the_session() -> None:
    with get_db_session() as db:
        assert db.execute(text("SELECT 1")).scalar() == 1
        assert connections_out() == 1
    assert connections_out() == 0


def test_provider_rolls_back_on_an_error() -> None:
    with pytest.raises(RuntimeError), get_db_session() as db:
        db.add(Product(id="test", name="Test"))
        db.flush()
        raise RuntimeError("simulated")

    with get_db_session() as db:
        assert db.get(Product, "test") is None
    assert connections_out() == 0


def test_provider_expires_what_leaves_the_block() -> None:
    with get_db_session() as db:
        product = db.get(Product, "p1")
    assert product is not None
    assert object_session(product) is None
    with pytest.raises(DetachedInstanceError):
        _ = product.name


def test_services_commit_and_return_values() -> None:
    add_product("p2", "Chair")
    assert rename_product("p2", "Armchair").name == "Armchair"
    assert product_names() == ["Armchair", "Lamp"]
    assert execute_db_query(lambda db: db.query(Product).count()) == 2
    assert connections_out() == 0


def test_operations_answer_errors() -> None:
    assert take_from_stock("p1", 2) == 1
    with pytest.raises(HTTPException) as caught:
        take_from_stock("unknown", 1)
    assert caught.value.status_code == 404
    assert connections_out() == 0


def test_routes() -> None:
    client = TestClient(create_app())
    assert client.put("/products/p2", params={"name": "Desk"}).json() == {"id": "p2"}
    assert client.get("/products/p2").json() == {"id": "p2", "name": "Desk"}
    assert client.get("/products/unknown").status_code == 404
    assert client.post("/products/p1/take", params={"amount": 1}).json() == {"stock": 2}
    assert client.post("/products/p2/rename", params={"name": "Table"}).is_success
    assert client.get("/products/p2").json()["name"] == "Table"
    assert connections_out() == 0


def test_script(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    assert capsys.readouterr().out == "sold out: 0\n"
