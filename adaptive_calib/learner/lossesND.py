"""Losses of a simplex in N dimensions, as plain functions: ``loss(simplex, values, value_scale) -> float``.

    simplex : array, shape (N + 1, N)
        Vertices; each dimension divided by the length of the bounding box (of its logarithm on a logarithmic scale).
    values : array, shape (N + 1,) or (N + 1, M)
        Values at the vertices, multiplied by `value_scale`, so that all observed values span 1.
    value_scale : float
        1 / (largest - smallest observed value).

A loss marked by `uses_nth_neighbors(1)` gets two more, `neighbors` and `neighbor_values`: for each vertex i the vertex
across the face opposite to it and the value there, scaled alike, or None where that face lies on the hull.

Source: Nijholt et al., "Adaptive: parallel active learning of mathematical functions" (2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from adaptive_triangulation import circumsphere, point_in_simplex, simplex_volume_in_embedding

from adaptive_calib.learner.base_learner import uses_nth_neighbors

__all__ = [
    "choose_point_in_simplex",
    "curvature_loss_function",
    "default_loss",
    "level_loss_function",
    "orientation",
    "std_loss",
    "triangle_loss",
    "uniform_loss",
    "volume",
]


def volume(simplex: Any, ys: Any = None) -> float:
    """Return the volume |det(edges)| / N! of a simplex, shape (N + 1, N); `ys` is not looked at.

    Examples
    --------
    >>> from adaptive_calib.learner.learnerND import volume
    >>> volume([(0, 0), (1, 0), (0, 1)])
    0.5
    """
    corners = np.asarray(simplex, float)
    edges = corners[1:] - corners[0]
    return float(abs(np.linalg.det(edges))) / math.factorial(edges.shape[1])


def orientation(simplex: Any) -> int:
    """Return the sign, -1, 0 or 1, of the determinant of the edges of a simplex, shape (N + 1, N).

    Examples
    --------
    >>> from adaptive_calib.learner.learnerND import orientation
    >>> orientation([(0, 0), (1, 0), (0, 1)]), orientation([(0, 0), (0, 1), (1, 0)])
    (1, -1)
    """
    corners = np.asarray(simplex, float)
    return int(np.sign(np.linalg.det(corners[:-1] - corners[-1])))


def uniform_loss(simplex: np.ndarray, values: np.ndarray, value_scale: float) -> float:
    """Return the volume of the simplex: all regions are sampled alike.

    Parameters
    ----------
    simplex : array, shape (N + 1, N)
        The vertices, in scaled coordinates.
    values : array, shape (N + 1,) or (N + 1, M)
        The values there, scaled.
    value_scale : float
        Range of all values; not looked at.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.learnerND import uniform_loss
    >>> float(uniform_loss(np.array([(0, 0), (1, 0), (0, 1)]), np.zeros(3), 1.0))
    0.5
    """
    return volume(simplex)


def default_loss(simplex: np.ndarray, values: np.ndarray, value_scale: float) -> float:
    """Return the N-volume, in R^(N+M), of the simplex with the vertices (x, y): the area of the graph.

    NaN if a value is NaN or infinite. ValueError if the vertices form no simplex.

    Parameters
    ----------
    simplex : array, shape (N + 1, N)
        The vertices, in scaled coordinates.
    values : array, shape (N + 1,) or (N + 1, M)
        The values there, scaled.
    value_scale : float
        Range of all values; not looked at.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.learnerND import default_loss
    >>> simplex = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    >>> float(default_loss(simplex, np.zeros(3), 1.0)) < float(default_loss(simplex, np.array([0.0, 1.0, 2.0]), 1.0))
    True
    """
    vertices = np.column_stack([np.asarray(simplex, float), np.asarray(values, float)])
    if not np.isfinite(vertices).all():
        return math.nan
    return float(simplex_volume_in_embedding(vertices))


def std_loss(simplex: np.ndarray, values: np.ndarray, value_scale: float) -> float:
    """Return |std of the values| V^(1/N) + V, with the population std of each component and the volume V.

    Parameters
    ----------
    simplex : array, shape (N + 1, N)
        The vertices, in scaled coordinates.
    values : array, shape (N + 1,) or (N + 1, M)
        The values there, scaled.
    value_scale : float
        Range of all values; not looked at.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.learnerND import std_loss
    >>> simplex = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    >>> float(std_loss(simplex, np.zeros(3), 1.0)) < float(std_loss(simplex, np.array([0.0, 1.0, 2.0]), 1.0))
    True
    """
    size = volume(simplex)
    spread = np.atleast_1d(np.std(np.asarray(values, float), axis=0))
    return float(np.linalg.norm(spread) * size ** (1 / np.shape(simplex)[1]) + size)


@uses_nth_neighbors(1)
def triangle_loss(
    simplex: np.ndarray,
    values: np.ndarray,
    value_scale: float,
    neighbors: Sequence[Any],
    neighbor_values: Sequence[Any],
) -> float:
    """Return the mean, over the neighbours, of the (N+1)-volume in R^(N+M) of the simplex with the neighbour.

    Large where the function is bent. 0 without neighbours.

    Parameters
    ----------
    simplex : array, shape (N + 1, N)
        The vertices, in scaled coordinates.
    values : array, shape (N + 1,) or (N + 1, M)
        The values there, scaled.
    value_scale : float
        Range of all values; not looked at.
    neighbors, neighbor_values : sequences
        For each face the opposite vertex of the neighbour and the value there; None at the hull.

    Examples
    --------
    >>> from adaptive_calib import LearnerND
    >>> from adaptive_calib.learner.learnerND import triangle_loss
    >>> from adaptive_calib.runner import simple
    >>> learner = LearnerND(lambda p: abs(p[0]), [(-1, 1), (-1, 1)], loss_per_simplex=triangle_loss)
    >>> simple(learner, npoints_goal=20)
    >>> learner.npoints
    20
    """
    graph = np.column_stack([np.asarray(simplex, float), np.asarray(values, float)])
    tops = [
        np.concatenate([np.asarray(x, float), np.atleast_1d(np.asarray(y, float))])
        for x, y in zip(neighbors, neighbor_values, strict=True)
        if x is not None
    ]
    if not tops:
        return 0.0
    return math.fsum(float(simplex_volume_in_embedding(np.vstack([graph, top]))) for top in tops) / len(tops)


def curvature_loss_function(exploration: float = 0.05) -> Callable[..., float]:
    """Return a loss (triangle_loss + exploration V^((2+N)/N))^(1/(2+N)).

    Parameters
    ----------
    exploration : float
        Weight of the volume V against the curvature.

    Examples
    --------
    >>> from adaptive_calib import LearnerND
    >>> from adaptive_calib.learner.learnerND import curvature_loss_function
    >>> from adaptive_calib.runner import simple
    >>> loss = curvature_loss_function(exploration=0.1)
    >>> learner = LearnerND(lambda p: abs(p[0]), [(-1, 1), (-1, 1)], loss_per_simplex=loss)
    >>> simple(learner, npoints_goal=20)
    >>> learner.npoints
    20
    """

    @uses_nth_neighbors(1)
    def curvature_loss(
        simplex: np.ndarray,
        values: np.ndarray,
        value_scale: float,
        neighbors: Sequence[Any],
        neighbor_values: Sequence[Any],
    ) -> float:
        ndim = np.shape(simplex)[1]
        bent = triangle_loss(simplex, values, value_scale, neighbors, neighbor_values)
        return float((bent + exploration * volume(simplex) ** ((2 + ndim) / ndim)) ** (1 / (2 + ndim)))

    return curvature_loss


def level_loss_function(level: float, exploration: float = 0.05) -> Callable[..., float]:
    """Return a loss for the boundary where a function has a value: simplices through which it passes are divided.

    Parameters
    ----------
    level : float
        The value, in units of the function. For vectors it is that of the first component.
    exploration : float
        Length of the simplices at the boundary over that of those elsewhere: a smaller one leaves larger gaps, through
        which a closed boundary is missed.

    Returns
    -------
    callable
        The loss of a simplex: the N-th root of its volume, times `exploration` where the values are all on one side.

    Raises
    ------
    ValueError
        If `exploration` is not above 0 and at most 1.

    Examples
    --------
    >>> from adaptive_calib import LearnerND
    >>> from adaptive_calib.learner.learnerND import level_loss_function
    >>> from adaptive_calib.runner import simple
    >>> disc = LearnerND(lambda p: p[0] ** 2 + p[1] ** 2, [(-1, 1)] * 2, loss_per_simplex=level_loss_function(0.5))
    >>> simple(disc, npoints_goal=100)
    >>> sum(abs(value - 0.5) < 0.2 for value in disc.data.values()) > 60
    True
    """
    if not 0 < exploration <= 1:
        raise ValueError(f"`exploration` should be above 0 and at most 1, but is {exploration!r}.")

    def loss(simplex: np.ndarray, values: np.ndarray, value_scale: float) -> float:
        first = values if values.ndim == 1 else values[:, 0]
        passes = first.min() <= level * value_scale <= first.max()
        return float(volume(simplex) ** (1 / simplex.shape[1]) * (1.0 if passes else exploration))

    return loss


def choose_point_in_simplex(simplex: Any, transform: Any = None) -> Any:
    """Return where to put a new point: the centroid, or the middle of the longest edge of a stretched simplex.

    Parameters
    ----------
    simplex : array, shape (N + 1, N)
    transform : array, shape (N, N), optional
        Lengths are measured in ``simplex @ transform``; the point is mapped back.

    Returns
    -------
    array, shape (N,)
        The centroid if the circumcentre lies inside (up to 1e-8). The middle of an edge is the same number from
        whichever simplex it is computed.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.learnerND import choose_point_in_simplex
    >>> choose_point_in_simplex(np.array([(0.0, 0.0), (4.0, 0.0), (2.0, 0.5)])).tolist()  # middle of the longest edge
    [2.0, 0.0]
    """
    corners = np.asarray(simplex, float)
    seen = corners if transform is None else corners @ np.asarray(transform, float)
    centre, radius = circumsphere(seen)
    if math.isfinite(radius) and point_in_simplex(centre, seen, 1e-8):
        return corners.mean(axis=0)
    i, j = longest_edge(seen.tolist())
    return (corners[i] + corners[j]) / 2


def longest_edge(corners: Sequence[Sequence[float]]) -> tuple[int, int]:
    """Return the indices of the ends of the longest edge; the first of equals."""
    best, ends = -1.0, (0, 1)
    for i, a in enumerate(corners):
        for j in range(i + 1, len(corners)):
            length = 0.0
            for p, q in zip(a, corners[j], strict=True):
                length += (p - q) * (p - q)
            # edges equal up to rounding count as equal, so that the choice does not depend on the last digit
            if length > best * (1 + 1e-12):
                best, ends = length, (i, j)
    return ends
