"""The tables."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The base of all mapped classes."""


class Product(Base):
    """Something for sale."""

    __tablename__ = "products"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    stock: Mapped[int] = mapped_column(default=0)


class AuditEntry(Base):
    """A line of the log of changes."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
