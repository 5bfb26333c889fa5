"""`Learner2D`: adaptive sampling of a function of two numbers.

It has the losses and methods of python-adaptive's learner, on an incremental triangulation: an observed point changes
only the losses of the triangles around it, and each point is chosen among all present triangles.
`_simplex.triangle_losses` explains the default loss; docs/explanation/learners.md explains where and why
the points differ from those of python-adaptive 1.5.2.

Source: Nijholt et al., "Adaptive: parallel active learning of mathematical functions" (2019).
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import ConvexHull

from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._domain_nd import DomainND, PointND
from adaptive_calib.learner._simplex.learner_base import PlaneMode, TriangulatedLearner
from adaptive_calib.learner._simplex.mesh import CellLosses, ChosenCell, volumes
from adaptive_calib.learner._simplex.triangle_losses import triangle_losses
from adaptive_calib.learner.losses2D import (
    TriangleLosses,
    areas,
    choose_point_in_triangle,
    default_loss,
    deviations,
    minimize_triangle_surface_loss,
    place_in_triangle,
    resolution_loss_function,
    thresholded_loss_function,
    triangle_loss,
    uniform_loss,
)

__all__ = [
    "Learner2D",
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

_MAX_BADNESS = 5
_MOST_PIXELS = 1000
_SMOOTH_PIXELS = 101


class Learner2D(TriangulatedLearner):
    """Learn a function of two numbers with values in R or R^M.

    Parameters
    ----------
    function : callable
        Takes a tuple (x, y), returns a number or a vector of fixed length M.
    bounds
        ``[(x0, x1), (y0, y1)]``; or at least three points of the plane, or a `scipy.spatial.ConvexHull`, with
        the inside of their hull as the domain.
    loss_per_triangle : callable, optional
        ``loss(ip) -> losses``, see `losses2D`. Default: `default_loss`. The losses of this package are updated
        triangle by triangle; any other is evaluated for all triangles when a loss or a point is asked for after a
        `tell`.
    x_scale, integer, min_spacing, exploration, mode
        As for `LearnerND`.

    Attributes
    ----------
    data : OrderedDict
        Point (tuple) -> value; a second value of a point replaces the first.
    bounds : tuple of (float, float)
        The bounding box.
    aspect_ratio : float
        Height of the box in scaled coordinates over its width. May be set at any time; all losses are then computed
        again. In the smooth mode it is learned from the data.
    stack_size : int
        Has no effect; kept for scripts of python-adaptive, which chose this many points from one triangulation.

    Examples
    --------
    >>> from adaptive_calib import Learner2D
    >>> from adaptive_calib.runner import simple
    >>> learner = Learner2D(lambda p: p[0] * p[1], bounds=[(-1, 1), (0, 2)])
    >>> simple(learner, npoints_goal=50)
    >>> learner.npoints, (-1, 0) in learner.data
    (50, True)
    """

    _replaces_values = True

    def __init__(
        self,
        function: Callable[..., Any],
        bounds: Any,
        loss_per_triangle: TriangleLosses | None = None,
        *,
        x_scale: Any = "linear",
        integer: Any = False,
        min_spacing: float = 0.0,
        exploration: float = 0.0,
        mode: PlaneMode = "linear",
    ) -> None:
        self.function = function
        self.loss_per_triangle: TriangleLosses = loss_per_triangle or default_loss
        self.stack_size = 10
        self._aspect_ratio = 1.0
        # a `scipy.spatial.ConvexHull` cannot be pickled
        self._given_bounds = bounds.points[bounds.vertices] if isinstance(bounds, ConvexHull) else bounds
        self._parameters: dict[str, Any] = {
            "x_scale": x_scale,
            "integer": integer,
            "min_spacing": min_spacing,
            "exploration": exploration,
            "mode": mode,
        }
        domain = DomainND(bounds, x_scale, integer, ndim=2)
        self.bounds = tuple((float(low), float(high)) for low, high in domain.bbox)
        self._begin(
            domain,
            corners=True,
            min_spacing=min_spacing,
            exploration=exploration,
            mode=mode,
            own_loss=self.loss_per_triangle is not default_loss,
        )

    def _reset(self) -> None:
        super()._reset()
        self.data: OrderedDict[PointND, Any] = OrderedDict()

    def new(self) -> Self:
        """Return a learner of the same function and parameters, without data."""
        fresh = type(self)(self.function, self._given_bounds, self.loss_per_triangle, **self._parameters)
        fresh.stack_size = self.stack_size
        if self._aspect_ratio != 1.0:
            fresh.aspect_ratio = self._aspect_ratio
        return fresh

    def _rule(self) -> CellLosses:
        return triangle_losses(self.loss_per_triangle, self._shift)

    def _place(self, choice: ChosenCell) -> Sequence[float]:
        return place_in_triangle(choice.corners, _MAX_BADNESS)

    @property
    def aspect_ratio(self) -> float:
        """Height of the box in scaled coordinates over its width."""
        width, height = self._domain.spans
        return height / width

    @aspect_ratio.setter
    def aspect_ratio(self, ratio: float) -> None:
        if self._smooth:
            raise ValueError(
                f"`aspect_ratio` is learned from the data with mode={self.mode!r}, and cannot be set; "
                "multiply the numbers of one axis, or use mode='linear'."
            )
        if not 0 < ratio < math.inf:
            raise ValueError(f"`aspect_ratio` should be a positive number, but is {ratio!r}.")
        if ratio != self._aspect_ratio:
            self._aspect_ratio = float(ratio)
            self._domain.with_spans((1.0, self._aspect_ratio))
            self._rebuild()

    # -- scaled coordinates and interpolation ----------------------------------------------------------------------

    @property
    def xy_scale(self) -> np.ndarray:
        """Divisors of the distance from the centre in scaled coordinates, shape (2,)."""
        (x0, x1), (y0, y1) = self.bounds
        return np.array([x1 - x0, y1 - y0]) / self._domain.spans

    @property
    def xy_mean(self) -> np.ndarray:
        """The centre of the box, shape (2,)."""
        middle: np.ndarray = np.mean(self.bounds, axis=1)
        return middle

    @property
    def _shift(self) -> np.ndarray:
        """Shift of the coordinates of the mesh that makes the centre of the box 0."""
        return -np.array(self._domain.spans) / 2

    def interpolator(self, *, scaled: bool = False) -> LinearNDInterpolator:
        """Return the linear interpolator over the observed points of the domain, with values of shape (points, M).

        It is linear in the smooth mode as well, for losses and tools that expect SciPy's class; `predict` and
        `interpolated_on_grid` are smooth there.

        Parameters
        ----------
        scaled : bool
            Over scaled coordinates: the box is then the unit square around 0 (for `aspect_ratio` 1). This one is kept
            until the next tell, and has values where `predict` has. In the other one the vertices of ``ip.tri`` are
            rescaled by SciPy, so that bounds of different sizes do not matter.

        Returns
        -------
        scipy.interpolate.LinearNDInterpolator
            NaN in triangles with an invalid or failed point, and outside the observed points.

        Raises
        ------
        ValueError
            If there are fewer than three valid points, or all points lie on a line.
        """
        valid = sum(np.isfinite(self.data[point]).all() for point in self._vertex_of if point in self.data)
        if valid < 3:
            raise ValueError(
                f"at least three points with valid values are needed to interpolate, but there are {valid}."
            )
        if self._mesh.tri is None:
            raise ValueError(
                f"the {len(self._vertex_of)} observed points lie on a line, so there is no triangle to interpolate in; "
                "observe a point beside it."
            )
        interpolant = self._interpolant()
        if not scaled:
            points = np.array(list(self._vertex_of), float)
            return LinearNDInterpolator(points, interpolant.values, rescale=True)
        if "ip" not in self._lazy:
            self._lazy["ip"] = LinearNDInterpolator(interpolant.triangulation, interpolant.values)
        kept: LinearNDInterpolator = self._lazy["ip"]
        return kept

    def ip(self) -> LinearNDInterpolator:
        """Return ``interpolator(scaled=True)``; deprecated, use that."""
        warnings.warn(
            "`learner.ip()` is deprecated, use `learner.interpolator(scaled=True)`.", DeprecationWarning, stacklevel=2
        )
        return self.interpolator(scaled=True)

    def interpolated_on_grid(self, n: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the interpolant on a grid over the box.

        Parameters
        ----------
        n : int, optional
            Points along each side; by default enough for the smallest triangle, at least 10 (101 in the smooth mode),
            at most 1000.

        Returns
        -------
        xs, ys : array, shape (n,)
            The grid, on a logarithmic scale evenly spaced in the logarithm; 1e-13 inside the edges.
        zs : array, shape (n, n) or (n, n, M)
            Values, first axis along x; NaN where `predict` has no value.
        """
        self.interpolator(scaled=True)  # raises if there are too few points
        if n is None:
            cells = list(self._mesh.slot_of)
            smallest = float(volumes(self._mesh.points[cells]).min())
            # a smooth interpolant has shape inside its triangles, too
            n = min(max(_SMOOTH_PIXELS if self._smooth else 10, int(0.658 / math.sqrt(smallest))), _MOST_PIXELS)
        inner = np.linspace(1e-13, 1 - 1e-13, n)
        us, vs = (inner * span for span in self._domain.spans)
        flat = np.stack(np.meshgrid(us, vs, indexing="ij"), axis=-1).reshape(-1, 2)
        zs = self._interpolant().at(flat + self._shift, False)[0].reshape(n, n, -1)
        middle = [span / 2 for span in self._domain.spans]
        xs = np.array([self._domain.real((u, middle[1]))[0] for u in us.tolist()])
        ys = np.array([self._domain.real((middle[0], v))[1] for v in vs.tolist()])
        return xs, ys, zs if self._shape else zs[:, :, 0]

    def plot(self, n: int | None = None, tri_alpha: float = 0.0) -> Any:
        """Return an image and the triangles, see `adaptive_calib.view.learner2D.plot`."""
        return _familiar_methods.view("learner2D").plot(self, n, tri_alpha)

    def triangles(self) -> list[list[PointND]]:
        """Return the corners of the triangles between the observed points, in the user's coordinates."""
        if self._mesh.tri is None:
            return []
        points = list(self._vertex_of)
        return [[points[i] for i in cell] for cell in sorted(self._mesh.slot_of)]

    def edges(self) -> list[tuple[PointND, PointND]]:
        """Return the edges of the triangles, each once."""
        if self._mesh.tri is None:
            return []
        points = list(self._vertex_of)
        pairs = {pair for cell in self._mesh.slot_of for pair in itertools.combinations(cell, 2)}
        return [(points[i], points[j]) for i, j in sorted(pairs)]
