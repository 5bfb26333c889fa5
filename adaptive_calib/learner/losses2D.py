"""Losses of triangles, as functions of the scaled interpolator `ip` that return one loss for each triangle.

    ip.tri : scipy.spatial.Delaunay
        The triangulation of the observed points in scaled coordinates: the box is the unit square around 0, times
        `aspect_ratio` along y. Losses come in the order of ``ip.tri.simplices``, shape (S, 3).
    ip.values : array, shape (points, M)
        The observed values, not scaled.

`Learner2D` computes the losses of this module without an interpolator, see `_simplex.triangle_losses`; the functions
serve as names of these losses, as parts of users' losses, and in tests.

Source: Nijholt et al., "Adaptive: parallel active learning of mathematical functions" (2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from adaptive_triangulation import simplex_volume_in_embedding
from scipy.interpolate import CloughTocher2DInterpolator

__all__ = [
    "ResolutionLoss",
    "ThresholdedLoss",
    "TriangleLosses",
    "areas",
    "choose_point_in_triangle",
    "default_loss",
    "deviations",
    "minimize_triangle_surface_loss",
    "resolution_loss_function",
    "thresholded_loss_function",
    "triangle_loss",
    "uniform_loss",
]

#: Weight of the area beside the deviation: how much a flat region is still explored. python-adaptive's number.
AREA_FACTOR = 0.3


class TriangleLosses(Protocol):
    """Signature of a loss of triangles."""

    def __call__(self, ip: Any) -> Any:
        """Return one loss for each row of ``ip.tri.simplices``."""
        ...


def _value_range(values: np.ndarray) -> float:
    """Return the largest peak-to-peak of a component; 1 if it is 0."""
    return float(np.ptp(values, axis=0).max()) or 1.0


def areas(ip: Any) -> np.ndarray:
    """Return the areas of the triangles, shape (S,).

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.learner.learner2D import areas
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner2D(lambda p: p[0] ** 2, bounds=[(-1, 1), (-1, 1)])
    >>> simple(learner, npoints_goal=20)
    >>> ip = learner.interpolator(scaled=True)
    >>> len(areas(ip)) == len(ip.tri.simplices)
    True
    """
    corners = ip.tri.points[ip.tri.simplices]
    a, b = (corners[:, :-1] - corners[:, -1:]).swapaxes(0, 1)
    result: np.ndarray = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    return result


def deviations(ip: Any) -> np.ndarray:
    """Return the distances of the values from the tangent planes at the other vertices, shape (M, S).

    For each triangle and component, the sum over its vertices i of the largest ``|v_i + g_i . (p_j - p_i) - v_j|``,
    with values v divided by their range and the gradients g as Clough-Tocher interpolation estimates them.

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.learner.learner2D import deviations
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner2D(lambda p: p[0] ** 2, bounds=[(-1, 1), (-1, 1)])
    >>> simple(learner, npoints_goal=20)
    >>> ip = learner.interpolator(scaled=True)
    >>> [each.shape == (len(ip.tri.simplices),) for each in deviations(ip)]
    [True]
    """
    values = ip.values / _value_range(ip.values)
    # (points, M, 2) -> (M, points, 2)
    smooth: Any = CloughTocher2DInterpolator(ip.tri, values, tol=1e-6)  # its stubs do not know `grad`
    gradients = smooth.grad.swapaxes(0, 1)
    simplices = ip.tri.simplices
    points = ip.tri.points[simplices]
    at = values.T[:, simplices]
    steps = points[:, None, :, :] - points[:, :, None, :]
    slopes = gradients[:, simplices]
    predicted = at[:, :, :, None] + np.einsum("msid,sijd->msij", slopes, steps)
    result: np.ndarray = np.abs(predicted - at[:, :, None, :]).max(axis=3).sum(axis=2)
    return result


def uniform_loss(ip: Any) -> np.ndarray:
    """Return the square roots of the areas: the plane is sampled evenly.

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.learner.learner2D import uniform_loss
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner2D(lambda p: p[0] ** 2, bounds=[(-1, 1), (-1, 1)])
    >>> simple(learner, npoints_goal=20)
    >>> ip = learner.interpolator(scaled=True)
    >>> len(uniform_loss(ip)) == len(ip.tri.simplices)
    True
    """
    roots: np.ndarray = np.sqrt(areas(ip))
    return roots


def default_loss(ip: Any) -> np.ndarray:
    """Return deviation * sqrt(area) + 0.3 area, the deviation summed over the components; shape (S,).

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.learner.learner2D import default_loss
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner2D(lambda p: p[0] ** 2, bounds=[(-1, 1), (-1, 1)])
    >>> simple(learner, npoints_goal=20)
    >>> ip = learner.interpolator(scaled=True)
    >>> len(default_loss(ip)) == len(ip.tri.simplices)
    True
    """
    size = areas(ip)
    result: np.ndarray = deviations(ip).sum(axis=0) * np.sqrt(size) + AREA_FACTOR * size
    return result


def minimize_triangle_surface_loss(ip: Any) -> np.ndarray:
    """Return the area of each triangle of the graph (x, y, v), values divided by their range; also for vectors.

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.learner.learner2D import minimize_triangle_surface_loss
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner2D(lambda p: p[0] ** 2, bounds=[(-1, 1), (-1, 1)])
    >>> simple(learner, npoints_goal=20)
    >>> ip = learner.interpolator(scaled=True)
    >>> len(minimize_triangle_surface_loss(ip)) == len(ip.tri.simplices)
    True
    """
    graph = np.column_stack([ip.tri.points, ip.values / _value_range(ip.values)])[ip.tri.simplices]
    return surface_areas(graph)


def surface_areas(graph: np.ndarray) -> np.ndarray:
    """Return the areas of triangles in R^K; `graph` has shape (S, 3, K)."""
    a, b = graph[:, 1] - graph[:, 0], graph[:, 2] - graph[:, 0]
    aa, bb, ab = (a * a).sum(axis=1), (b * b).sum(axis=1), (a * b).sum(axis=1)
    result: np.ndarray = np.sqrt(np.maximum(aa * bb - ab * ab, 0.0)) / 2
    return result


@dataclass(frozen=True)
class ResolutionLoss:
    """The default loss, but 0 for triangles below and inf for triangles above a size.

    Attributes
    ----------
    min_distance, max_distance : float
        Square roots of the areas, in scaled coordinates, that bound the triangles to be refined.
    """

    min_distance: float = 0.0
    max_distance: float = 1.0

    def __call__(self, ip: Any) -> np.ndarray:
        """Return one loss for each triangle."""
        return self.adjust(default_loss(ip), areas(ip), ip.values[ip.tri.simplices])

    def adjust(self, losses: np.ndarray, size: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the adjusted losses of triangles of these areas, shape (S,)."""
        losses = np.where(size < self.min_distance**2, 0.0, losses)
        return np.where(size > self.max_distance**2, np.inf, losses)


def resolution_loss_function(min_distance: float = 0, max_distance: float = 1) -> ResolutionLoss:
    """Return the default loss with a smallest and a largest size of triangles, see `ResolutionLoss`.

    Parameters
    ----------
    min_distance, max_distance : float
        Square roots of areas, in scaled coordinates.

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.learner.learner2D import resolution_loss_function
    >>> from adaptive_calib.runner import simple
    >>> loss = resolution_loss_function(min_distance=0.01, max_distance=0.5)
    >>> learner = Learner2D(lambda p: p[0] ** 2, bounds=[(-1, 1), (-1, 1)], loss_per_triangle=loss)
    >>> simple(learner, npoints_goal=20)
    >>> learner.npoints
    20
    """
    return ResolutionLoss(min_distance, max_distance)


@dataclass(frozen=True)
class ThresholdedLoss:
    """The default loss, made smaller where the function is below or above a threshold.

    Attributes
    ----------
    lower_threshold, upper_threshold : float or None
        In units of the values.
    priority_factor : float
        Multiplies the loss where all components at all three vertices are below `lower_threshold`, and where all are
        above `upper_threshold`.
    """

    lower_threshold: float | None = None
    upper_threshold: float | None = None
    priority_factor: float = 0.1

    def __call__(self, ip: Any) -> np.ndarray:
        """Return one loss for each triangle."""
        return self.adjust(default_loss(ip), areas(ip), ip.values[ip.tri.simplices])

    def adjust(self, losses: np.ndarray, size: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the adjusted losses of triangles with these values, shape (S, 3, M)."""
        if self.lower_threshold is not None:
            low = (values < self.lower_threshold).all(axis=(1, 2))
            losses = np.where(low, losses * self.priority_factor, losses)
        if self.upper_threshold is not None:
            high = (values > self.upper_threshold).all(axis=(1, 2))
            losses = np.where(high, losses * self.priority_factor, losses)
        return losses


def thresholded_loss_function(
    lower_threshold: float | None = None,
    upper_threshold: float | None = None,
    priority_factor: float = 0.1,
) -> ThresholdedLoss:
    """Return the default loss with less weight outside the thresholds, see `ThresholdedLoss`.

    Parameters
    ----------
    lower_threshold, upper_threshold : float, optional
        Values between which the function is of interest.
    priority_factor : float
        Weight of triangles that lie outside.

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.learner.learner2D import thresholded_loss_function
    >>> from adaptive_calib.runner import simple
    >>> loss = thresholded_loss_function(upper_threshold=0.5)
    >>> learner = Learner2D(lambda p: p[0] ** 2, bounds=[(-1, 1), (-1, 1)], loss_per_triangle=loss)
    >>> simple(learner, npoints_goal=20)
    >>> learner.npoints
    20
    """
    return ThresholdedLoss(lower_threshold, upper_threshold, priority_factor)


def triangle_loss(ip: Any) -> list[float]:
    """Return for each triangle the mean volume of the simplices that it forms with its neighbours' far vertices.

    The simplices lie in R^(2+M), with the values, not scaled, as coordinates. 0 for a triangle without neighbours.
    Slow: one step of Python for each pair of neighbours.

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.learner.learner2D import triangle_loss
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner2D(lambda p: p[0] ** 2, bounds=[(-1, 1), (-1, 1)])
    >>> simple(learner, npoints_goal=20)
    >>> ip = learner.interpolator(scaled=True)
    >>> len(triangle_loss(ip)) == len(ip.tri.simplices)
    True
    """
    graph = np.column_stack([ip.tri.points, ip.values])
    losses = []
    for simplex, neighbors in zip(ip.tri.simplices.tolist(), ip.tri.neighbors.tolist(), strict=True):
        tops = [next(v for v in ip.tri.simplices[n].tolist() if v not in simplex) for n in neighbors if n >= 0]
        solids = [float(simplex_volume_in_embedding(graph[[*simplex, top]])) for top in tops]
        losses.append(sum(solids) / len(solids) if solids else 0.0)
    return losses


def choose_point_in_triangle(triangle: Any, max_badness: float) -> Any:
    """Return where to put a new point: the centroid, or the middle of the longest edge of a thin triangle.

    Parameters
    ----------
    triangle : array, shape (3, 2)
    max_badness : float
        Largest (longest edge)^2 / area * sqrt(3)/4 (1 for an equilateral triangle) of which the centroid is taken.

    Returns
    -------
    array, shape (2,)

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.learner.learner2D import choose_point_in_triangle
    >>> choose_point_in_triangle(np.array([(0.0, 0.0), (3.0, 0.0), (0.0, 3.0)]), max_badness=5).round(9).tolist()
    [1.0, 1.0]
    """
    return np.array(place_in_triangle(np.asarray(triangle, float).tolist(), max_badness))


def place_in_triangle(triangle: Any, max_badness: float) -> list[float]:
    """Return the same as `choose_point_in_triangle`, without arrays; the vertices may run either way round."""
    (ax, ay), (bx, by), (cx, cy) = triangle
    ab = (ax - bx) ** 2 + (ay - by) ** 2
    bc = (bx - cx) ** 2 + (by - cy) ** 2
    ca = (cx - ax) ** 2 + (cy - ay) ** 2
    area = abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2
    longest = max(ab, bc, ca)
    if longest * 0.4330127018922193 <= max_badness * area:
        return [(ax + bx + cx) / 3, (ay + by + cy) / 3]
    if longest == ab:
        return [(ax + bx) / 2, (ay + by) / 2]
    if longest == bc:
        return [(bx + cx) / 2, (by + cy) / 2]
    return [(ax + cx) / 2, (ay + cy) / 2]
