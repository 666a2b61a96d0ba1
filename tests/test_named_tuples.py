"""Named tuples of our own are what those of ``typing`` are."""

from __future__ import annotations

import pickle

import pytest

from flake8_dbsession.named_tuples import NamedTuple


class Point(NamedTuple):
    """A place.

    Attributes:
        x: how far to the right.
        y: how far up.
    """

    x: int
    y: Elsewhere | None = None  # type: ignore[name-defined] # noqa: F821

    @property
    def is_flat(self) -> bool:
        return not self.y

    @classmethod
    def origin(cls) -> Point:
        return cls(0, 0)


def test_what_a_tuple_has() -> None:
    assert Point(1) == (1, None)
    assert Point(1, y=2)._replace(x=3) == Point(3, 2)
    assert repr(Point(1)) == "Point(x=1, y=None)"
    assert (Point._fields, Point._field_defaults) == (("x", "y"), {"y": None})
    with pytest.raises(TypeError, match="'x'"):
        Point()  # type: ignore[call-arg]


def test_what_its_body_defines() -> None:
    assert Point.origin() == (0, 0)
    assert Point.origin().is_flat
    assert (Point.__doc__ or "").startswith("A place.")
    assert (Point.__module__, Point.__qualname__) == (__name__, "Point")
    assert Point.__annotations__ == {"x": "int", "y": "Elsewhere | None"}


def test_a_tuple_goes_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Point(1, 2))) == Point(1, 2)


def test_it_has_no_room_for_more() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 2  # type: ignore[attr-defined]
