"""Division of a cell by its pending points; the next point goes into the largest piece.

A piece has the share of the loss of the cell that is its share of the volume.
"""

from __future__ import annotations

from collections.abc import Sequence

from adaptive_triangulation import Triangulation

from adaptive_calib.learner._simplex.locate import barycentric

__all__ = ["divided_at_many", "divided_at_one"]

#: A piece smaller than this share of the cell is flat: the pending point lies on a face.
_FLAT = 1e-8


def divided_at_one(corners: list[Sequence[float]], point: Sequence[float]) -> tuple[float, list[Sequence[float]]]:
    """Return the largest piece of a simplex divided at one point: the point is in the place of one vertex."""
    best, left_out = 0.0, -1
    for i, share in enumerate(barycentric(corners, point)):
        # of equals the one without the last vertex, which sorts first
        if share >= best - _FLAT:
            best, left_out = share, i
    if left_out < 0:
        return 0.0, corners
    return best, [*corners[:left_out], *corners[left_out + 1 :], point]


def divided_at_many(
    corners: list[Sequence[float]], inner: list[Sequence[float]]
) -> tuple[float, list[Sequence[float]]]:
    """Return the largest piece of a simplex divided by the triangulation of its vertices and several points."""
    # the one simplex is given: looking for it takes ten times as long as the rest
    small = Triangulation(corners, [tuple(range(len(corners)))])  # type: ignore[call-arg]  # its stub lacks it
    for point in inner:
        try:
            small.add_point(point)
        except (ValueError, AssertionError):  # nearer to another than the tolerance: no piece of its own
            continue
    cells = list(small.simplices)
    sizes = [small.volume(cell) for cell in cells]
    largest = max(sizes)
    cell = min(cell for cell, size in zip(cells, sizes, strict=True) if size >= largest * (1 - _FLAT))
    piece: list[Sequence[float]] = [*small.get_vertices(cell)]
    return largest / small.volume(tuple(range(len(corners)))), piece
