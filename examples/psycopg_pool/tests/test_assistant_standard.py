"""The service and what is built on it do what the standard promises."""

from __future__ import annotations

import pytest

from assistant.database.transaction_manager import TransactionManager
from assistant.database.unified_db_service import UnifiedDatabaseService
from assistant.knowledge.knowledge_base_service import KnowledgeBaseService
from assistant.session.enhanced_session_manager import EnhancedSessionManager
from conftest import Pool


def test_connections_come_from_the_pool_and_go_back(db: UnifiedDatabaseService, pool: Pool) -> None:
    with db.get_connection() as first, db.get_connection() as second:
        assert first is not second
        assert pool.out == {first, second}
    assert not pool.out
    assert len(pool.idle) == 2


def test_connection_goes_back_on_an_error(db: UnifiedDatabaseService, pool: Pool) -> None:
    with pytest.raises(RuntimeError), db.get_connection():
        raise RuntimeError("simulated")
    assert not pool.out


def test_transaction_commits(db: UnifiedDatabaseService, pool: Pool) -> None:
    service = KnowledgeBaseService(db)
    service.learn("water is wet")
    assert service.facts() == ["water is wet"]
    assert service.count() == 1
    assert not pool.out


def test_transaction_rolls_back_on_an_error(db: UnifiedDatabaseService, pool: Pool) -> None:
    with pytest.raises(RuntimeError), db.transaction() as conn:
        conn.cursor().execute("INSERT INTO facts VALUES (%s)", ("fire is cold",))
        raise RuntimeError("simulated")
    assert db.execute_query("SELECT * FROM facts") == []
    assert not pool.out


def test_steps_succeed_or_fail_together(db: UnifiedDatabaseService) -> None:
    transactions = TransactionManager(db)
    transactions.create_session_with_history("ann", "hello")
    with pytest.raises(ValueError, match="no text"):
        transactions.create_session_with_history("bob", "")
    with pytest.raises(ValueError, match="no text"):
        transactions.add_messages("ann", ["how are you", ""])
    assert db.execute_query("SELECT user_id FROM sessions") == [("ann",)]
    assert db.execute_query("SELECT text FROM messages") == [("hello",)]


def test_sessions_do_not_bleed() -> None:
    first, second = EnhancedSessionManager(), EnhancedSessionManager()
    changed, untouched = first.create_session(), second.create_session()
    first.update_session(changed, {"topic": "tea"})
    assert first.get_session(changed).context == {"topic": "tea"}
    assert second.get_session(untouched).context == {}
    assert not second.get_session(untouched).is_expired()
