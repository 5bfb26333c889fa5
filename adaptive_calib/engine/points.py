"""Points are the user's objects: numbers, tuples, arrays, dataclasses; when two are the same, and a set of any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

__all__ = ["PointSet", "same_point"]


def same_point(a: Any, b: Any) -> bool:
    """Whether two points are equal; points may be arrays or hold some (in dicts, dataclasses), and NaN equals itself.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.engine.points import same_point
    >>> same_point(0.5, np.float64(0.5)), same_point((0, 0.5), (1, 0.5))
    (True, False)
    """
    if a is b:
        return True
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(same_point, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same_point(a[key], b[key]) for key in a)
    if is_dataclass(a) and type(a) is type(b):
        return all(same_point(getattr(a, field.name), getattr(b, field.name)) for field in fields(a) if field.compare)
    return bool(a == b or (a != a and b != b))  # the second half: both are NaN


class PointSet:
    """A collection of points, some of which may be unhashable.

    Examples
    --------
    >>> from adaptive_calib.engine.points import PointSet
    >>> points = PointSet()
    >>> points.add([1, 2])
    >>> [1, 2] in points, 3 in points, len(points)
    (True, False, 1)
    """

    def __init__(self) -> None:
        self._hashed: set[Any] = set()
        self._listed: list[Any] = []

    def add(self, point: Any) -> None:
        """Put one more point in."""
        try:
            self._hashed.add(point)
        except TypeError:
            self._listed.append(point)

    def __contains__(self, point: Any) -> bool:
        try:
            return point in self._hashed
        except TypeError:
            return any(same_point(point, other) for other in self._listed)

    def __len__(self) -> int:
        return len(self._hashed) + len(self._listed)
