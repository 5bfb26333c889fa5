"""The points of a `CalibrationLearner`, and how the sampling of an added c is cut into points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adaptive_calib.calibration.decision import FIRST_LOOK, next_look
from adaptive_calib.calibration.evaluate import Point

__all__ = ["PIECE", "as_point", "pieces"]

#: Experiments whose B_EMD at one added c are sampled together: some tens of milliseconds.
PIECE = 32


def as_point(x: Any) -> Point:
    """Return a point as a tuple of plain numbers, also one that was read from a file; refuse what is none."""
    point = tuple(x)
    if len(point) == 2 and point[0] == "new":
        return "new", int(point[1])
    if len(point) == 4 and point[0] == "more":
        return "more", int(point[1]), int(point[2]), int(point[3])
    if len(point) == 4 and point[0] == "column":
        return "column", int(point[1]), int(point[2]), float(point[3])
    raise ValueError(
        f'a point of a calibration is ("new", i), ("more", i, n0, n1) or ("column", i0, i1, c), but came {x!r}.'
    )


def pieces(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Cut experiments at the numbers at which decisions are taken, and into at most `PIECE` of them.

    So other runs use the same points, whatever their number of experiments.
    """
    a, look = start, FIRST_LOOK
    while a < stop:
        while look <= a:
            look = next_look(look)
        b = min(a + PIECE, look, stop)
        yield a, b
        a = b
