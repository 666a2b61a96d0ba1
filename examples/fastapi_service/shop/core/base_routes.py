"""What complex operations share: one answer to errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from fastapi import HTTPException
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shop.core.database import get_db_session

P = ParamSpec("P")
T = TypeVar("T")


def safe_db_operation(operation: Callable[P, T]) -> Callable[P, T]:
    """Turn an operation's errors into HTTP answers."""

    @wraps(operation)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return operation(*args, **kwargs)
        except LookupError as error:
            raise HTTPException(404, str(error)) from error
        except SQLAlchemyError as error:
            raise HTTPException(500, "the database refused") from error

    return wrapper


def execute_db_query(query: Callable[[Session], T]) -> T:
    """Run a query in a session of its own."""
    with get_db_session() as db:
        return query(db)
