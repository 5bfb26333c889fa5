"""A point that carries data to its evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

__all__ = ["CarriedPoint"]


class CarriedPoint(tuple[Any, ...]):
    """A tuple that carries data to the worker; the data are no part of its identity.

    It is equal to the plain tuple, is stored as such, and takes `carried` along when it is pickled. The value at the
    point must be a function of the tuple alone: `carried` may only save work.

    Parameters
    ----------
    point : iterable
        The entries of the tuple.
    carried : object
        Picklable.

    Examples
    --------
    >>> from adaptive_calib.learner.carried_point import CarriedPoint
    >>> point = CarriedPoint(("column", 0, 32), carried=[1.5, 2.5])
    >>> point == ("column", 0, 32), point.carried
    (True, [1.5, 2.5])
    """

    carried: Any

    def __new__(cls, point: Iterable[Any], carried: Any = None) -> Self:
        """Return the point."""
        self = super().__new__(cls, point)
        self.carried = carried
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle entries and data."""
        return type(self), (tuple(self), self.carried)
