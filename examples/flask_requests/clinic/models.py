"""The tables."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The base of all mapped classes."""


class Patient(Base):
    """Someone in the clinic's care."""

    __tablename__ = "patients"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    verified: Mapped[bool] = mapped_column(default=False)


class Visit(Base):
    """A line of the access log."""

    __tablename__ = "visits"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]
