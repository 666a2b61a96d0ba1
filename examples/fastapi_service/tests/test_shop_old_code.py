"""The old code works as well: that is why it needs a linter to be found."""

from __future__ import annotations

import asyncio
import warnings

import pytest
from fastapi.testclient import TestClient

from shop.api.old_products import product_of_the_day
from shop.app import create_app
from shop.core.database import engine, get_db_session
from shop.models import AuditEntry, Product
from shop.operations.stock import empty_stock
from shop.services import auth_helpers, old_catalog, shared_sessions


def name_of(product_id: str) -> str:
    """Read a product's name."""
    with get_db_session() as db:
        return db.get(Product, product_id).name


@pytest.mark.parametrize(
    "rename",
    [
        old_catalog.rename_with_factory_block,
        old_catalog.rename_by_hand,
        old_catalog.rename_with_next,
    ],
)
def test_renaming(rename: object) -> None:
    rename("p1", "Torch")
    assert name_of("p1") == "Torch"


@pytest.mark.parametrize(
    "count",
    [
        old_catalog.count_without_finally,
        old_catalog.count_without_close,
        old_catalog.count_in_one_line,
        old_catalog.count_past_the_factory,
        old_catalog.count_in_a_block_past_the_factory,
        old_catalog.count_with_a_factory_of_its_own,
        old_catalog.count_with_the_old_manager,
        shared_sessions.count_globally,
        shared_sessions.count_by_default,
    ],
)
def test_counting(count: object) -> None:
    assert count() == 1


def test_counting_with_an_engine_of_its_own() -> None:
    assert old_catalog.count_with_an_engine_of_its_own(str(engine.url)) == 1


def test_loop_over_the_dependency() -> None:
    assert old_catalog.first_name_in_a_loop() == "Lamp"


def test_session_that_left_its_block_opens_again() -> None:
    db = old_catalog.session_for_later()
    assert db.query(Product).count() == 1
    assert engine.pool.checkedout() == 1
    db.close()


def test_results_that_left_their_block() -> None:
    assert old_catalog.rows_for_later() is not None
    query = old_catalog.query_for_later()
    assert query.count() == 1
    query.session.close()


def test_second_and_borrowed_sessions() -> None:
    with get_db_session() as db:
        old_catalog.rename_and_log("p1", "Torch", db)
        assert old_catalog.count_in_passing(db) == 1
    assert name_of("p1") == "Lamp", "the caller's change is lost with its session"
    with get_db_session() as db:
        assert db.query(AuditEntry).count() == 1


def test_pool_options_in_the_url_do_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert old_catalog.pool_options_in_the_url().pool.size() == 5


def test_sessions_that_live_on() -> None:
    repository = shared_sessions.ProductRepository()
    closing = shared_sessions.ClosingRepository()
    assert repository.count() == closing.count() == shared_sessions.ProductReport().count() == 1
    closing.close()
    assert shared_sessions.reporting_session() is shared_sessions.reporting_session()
    assert shared_sessions.cached_session() is shared_sessions.cached_session()


def test_sessions_shared_with_concurrent_work() -> None:
    assert shared_sessions.count_in_a_thread() == [1]
    assert shared_sessions.count_in_a_pool() == [1]


def test_session_shared_by_two_coroutines() -> None:
    assert asyncio.run(shared_sessions.names_at_once("p1", "p2")) == ["Lamp", None]


def test_undecorated_operation() -> None:
    empty_stock("p1")
    with pytest.raises(LookupError):
        empty_stock("unknown")


def test_helpers() -> None:
    with get_db_session() as db:
        assert auth_helpers.is_known(db, "p1")
        assert auth_helpers.is_in_stock(db, "p1")
        assert auth_helpers.stock_of(db, "p1") == 3
        assert product_of_the_day(db) == "Lamp"


def test_routes() -> None:
    client = TestClient(create_app())
    assert client.get("/old/products/count").json() == {"count": 1}
    assert client.get("/old/products/names").json() == ["Lamp"]
    assert client.get("/old/products/sold-out").json() == []
    assert client.get("/old/products/unguarded").json() == 1
    assert client.get("/old/products/returned").json() == 1
    assert client.post("/old/products/p1/log").json() == {"logged": "Lamp"}
    assert client.post("/old/products/p1/notify").json() == {"accepted": True}
    assert client.get("/old/products/p1/stock").json() == 3
