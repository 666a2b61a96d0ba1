"""The old code works as well: that is why it needs a linter to be found."""

from __future__ import annotations

import pytest

from assistant.chatbot import Chatbot
from assistant.database.transaction_manager import TransactionManager
from assistant.database.unified_db_service import UnifiedDatabaseService
from assistant.session.redis_session_manager import (
    MemorySessionStore,  # DBS106
    RedisSessionManager,  # DBS106
)
from conftest import Pool


@pytest.fixture
def chatbot(dsn: str, db: UnifiedDatabaseService) -> Chatbot:
    """Give a chatbot that has had one message."""
    TransactionManager(db).create_session_with_history("ann", "hello")
    return Chatbot(dsn, db)


def test_counting(chatbot: Chatbot) -> None:
    assert chatbot.count_facts() == 0
    assert chatbot.count_messages() == 1
    assert chatbot.count_sessions() == 1


def test_forgetting(chatbot: Chatbot) -> None:
    chatbot.forget("ann")
    assert chatbot.count_messages() == 0


def test_connection_is_lost_to_the_pool_on_an_error(chatbot: Chatbot, pool: Pool) -> None:
    assert chatbot.last_message() == "hello"
    assert not pool.out
    chatbot.forget("ann")
    with pytest.raises(TypeError):
        chatbot.last_message()
    assert len(pool.out) == 1


def test_contexts_bleed() -> None:
    first, second = RedisSessionManager(), RedisSessionManager()
    first.update_session("s1", {"topic": "tea"})
    assert second.get_session("s1") == {"topic": "tea"}
    MemorySessionStore().add_message("s1", "hello")
    assert MemorySessionStore().messages["s1"] == ["hello"]
