"""`LearnerND`: adaptive sampling of a function of N numbers on a box or a convex hull.

The observed points divide the domain into simplices, each with a loss; the next point goes into the simplex of the
largest loss: to its centroid, or to the middle of its longest edge if it is obtuse. The triangulation is that of the
package adaptive-triangulation; losses are in `lossesND` (and, under their familiar names, here).

Source: Nijholt et al., "Adaptive: parallel active learning of mathematical functions" (2019). With the same loss the
points are those of python-adaptive 1.5.2, up to ties, except where that has defects: see
docs/explanation/learners.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from adaptive_triangulation import circumsphere, point_in_simplex

from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner._domain_nd import DomainND
from adaptive_calib.learner._simplex.cell_losses import cell_losses
from adaptive_calib.learner._simplex.learner_base import PlaneMode, TriangulatedLearner
from adaptive_calib.learner._simplex.mesh import Cell, CellLosses, ChosenCell
from adaptive_calib.learner.lossesND import (
    choose_point_in_simplex,
    curvature_loss_function,
    default_loss,
    level_loss_function,
    longest_edge,
    orientation,
    std_loss,
    triangle_loss,
    uniform_loss,
    volume,
)
from adaptive_calib.learner.triangulation_backend import resolve_triangulation_class

__all__ = [
    "LearnerND",
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


class LearnerND(TriangulatedLearner):
    """Learn a function of N >= 2 numbers with values in R or R^M.

    For smooth functions of four and more numbers use `adaptive_calib.GPLearner`: simplices need many points there, and
    from five on `predict` is NaN on most of the box, outside the hull of the points.

    Parameters
    ----------
    func : callable
        Takes a tuple of N numbers, returns a number or a vector of fixed length M. May also be given as `function`.
    bounds
        N pairs (low, high); or points of shape (m, N) with N > 2 and m > N, or a `scipy.spatial.ConvexHull` (for N = 2
        the only way to give a hull), with the inside of the hull as the domain.
    loss_per_simplex : callable, optional
        ``loss(simplex, values, value_scale) -> float``, see `lossesND`. Default: `default_loss`.
    anisotropic : bool
        Choose points in coordinates stretched along the local gradient; numbers as values only.
    triangulation_backend
        For compatibility: "auto", "python" and "rust" all mean the package adaptive-triangulation.
    function : callable
        The same as `func`.
    x_scale : {"linear", "log"}, or one for each dimension
        On a logarithmic scale lengths are ratios; losses see ln x.
    integer : bool, or one for each dimension
        Only integers are asked for in these dimensions. If all are, `ask` ends when no integer point is left.
    min_spacing : float
        Smallest distance of a new point from all others, each dimension in units of its bounds. Simplices
        without room have the loss 0.
    exploration : float, optional
        Share of the points, from 0 to 1, that go into the largest simplex whatever the losses are. Default: 0 with
        `corners`, else 0.25.
    corners : bool, optional
        Begin with all corners of the domain. Default: up to 4 dimensions. Without them it begins with the centres of
        the box and its faces, and half of the exploration goes to corners, far apart from each other, until all are
        known.
    mode : {"linear", "smooth", "auto"}
        The interpolant: linear in each simplex; or, in two and three dimensions, polynomials of degree up to 5 around
        the points, blended smoothly, and linear at steps and kinks, see `_simplex.local_polynomials`. The loss is then
        the estimated error, and the axes are stretched so that the function changes equally fast along all. It takes a
        fraction of the evaluations where the function is smooth, and some milliseconds for each. "auto" is "smooth" up
        to three dimensions and "linear" above.

    Attributes
    ----------
    data : dict
        Point (tuple) -> value.
    bounds
        As given.
    loss_per_simplex : callable
        The loss.
    nth_neighbors : int
        Whether the loss looks at neighbours (0 or 1).

    Examples
    --------
    >>> from adaptive_calib import LearnerND
    >>> from adaptive_calib.runner import simple
    >>> learner = LearnerND(lambda p: p[0] * p[1] * p[2], bounds=[(-1, 1), (0, 2), (0, 1)])
    >>> simple(learner, npoints_goal=30)
    >>> learner.npoints, learner.ndim
    (30, 3)
    """

    _none_is_pending = True

    def __init__(
        self,
        func: Callable[..., Any] | None = None,
        bounds: Any = None,
        loss_per_simplex: Callable[..., float] | None = None,
        *,
        anisotropic: bool = False,
        triangulation_backend: Any = "auto",
        function: Callable[..., Any] | None = None,
        x_scale: Any = "linear",
        integer: Any = False,
        min_spacing: float = 0.0,
        exploration: float | None = None,
        corners: bool | None = None,
        mode: PlaneMode = "linear",
    ) -> None:
        if (func is None) == (function is None):
            raise TypeError("give the function as `func` or as `function`: one of them, not both.")
        if bounds is None:
            raise TypeError("`bounds` is missing: N pairs (low, high), or a scipy.spatial.ConvexHull.")
        resolve_triangulation_class(triangulation_backend)
        if anisotropic and mode != "linear":
            raise ValueError(f"with mode={mode!r} axes are stretched by themselves: leave `anisotropic` out.")
        self.function = func if func is not None else function  # type: ignore[assignment]  # one of them is not None
        self.bounds = bounds
        self.loss_per_simplex: Callable[..., float] = loss_per_simplex or default_loss
        self.nth_neighbors: int = getattr(self.loss_per_simplex, "nth_neighbors", 0)
        self.anisotropic = bool(anisotropic)
        self._parameters: dict[str, Any] = {
            "anisotropic": anisotropic,
            "triangulation_backend": triangulation_backend,
            "x_scale": x_scale,
            "integer": integer,
            "min_spacing": min_spacing,
            "exploration": exploration,
            "corners": corners,
            "mode": mode,
        }
        self._begin(
            DomainND(bounds, x_scale, integer),
            corners=corners,
            min_spacing=min_spacing,
            exploration=exploration,
            mode=mode,
            own_loss=self.loss_per_simplex is not default_loss,
        )

    def new(self) -> Self:
        """Return a learner of the same function and parameters, without data."""
        return type(self)(self.function, self.bounds, self.loss_per_simplex, **self._parameters)

    def _rule(self) -> CellLosses:
        return cell_losses(self.loss_per_simplex, self._domain.offset())

    # -- data --------------------------------------------------------------------------------------------------------

    @property
    def bounding_box(self) -> tuple[tuple[float, float], ...]:
        """The smallest box around the domain, (low, high) for each dimension."""
        return self._domain.bbox

    @property
    def points(self) -> np.ndarray:
        """The observed points of the domain, shape (n, N)."""
        return np.array([point for point in self.data if point in self._vertex_of], float).reshape(-1, self.ndim)

    @property
    def values(self) -> np.ndarray:
        """Their values, shape (n,) or (n, M)."""
        return np.array([value for point, value in self.data.items() if point in self._vertex_of], float)

    @property
    def tri(self) -> TriangulationView | None:
        """The triangulation of the observed points; None while they span no simplex."""
        return None if self._mesh.tri is None else TriangulationView(self)

    # -- ask and tell ----------------------------------------------------------------------------------------------

    def _place(self, choice: ChosenCell) -> Sequence[float]:
        corners = choice.corners
        if self.anisotropic and (stretch := self._stretch(choice.cell)) is not None:
            seen = np.array(corners) @ stretch
            place: Sequence[float] = (choose_point_in_simplex(seen) @ np.linalg.inv(stretch)).tolist()
            if point_in_simplex(place, corners, 1e-8):
                return place
        centre, radius = circumsphere(corners)
        if math.isfinite(radius) and point_in_simplex(centre, corners, 1e-8):
            n = len(corners)
            return [sum(column) / n for column in zip(*corners, strict=True)]
        i, j = longest_edge(corners)
        return [(p + q) / 2 for p, q in zip(corners[i], corners[j], strict=True)]

    def tell(self, x: Any, y: Any) -> None:
        """Record a value, see `TriangulatedLearner.tell`.

        A point that is observed already is ignored. ``y=None`` means `tell_pending`; for a point that is pending it is
        no value, as a function returns that has no ``return``: a TypeError.
        """
        if y is None and self._domain.read(x) not in self._mesh.pending:
            self.tell_pending(x)
            return
        if self.anisotropic and np.ndim(y):
            raise ValueError(
                f"with `anisotropic` values should be numbers, but the value at {x!r} has shape {np.shape(y)}."
            )
        super().tell(x, y)

    def tell_pending(self, x: Any, *, simplex: Cell | None = None) -> None:
        """Mark `x` as pending; `simplex`, which python-adaptive takes as a hint, is not needed."""
        super().tell_pending(x)

    def _stretch(self, cell: Cell) -> np.ndarray | None:
        """Return I + (sqrt(m^2 + 1) - 1) g g^T for the unit vector g along, and the size m of, the local gradient."""
        mesh = self._mesh
        assert mesh.tri is not None
        around = sorted({vertex for i in cell for simplex in mesh.tri.vertex_to_simplices[i] for vertex in simplex})
        if mesh.values is None:
            return None
        values = mesh.values[around, 0] * mesh.rule.scale()
        known = ~np.isnan(values)
        if known.sum() <= self.ndim:
            return None
        points = mesh.points[around][known]
        plane = np.column_stack([points, np.ones(len(points))])
        gradient = np.linalg.lstsq(plane, values[known], rcond=None)[0][:-1]
        size = float(np.linalg.norm(gradient))
        if size < 1e-8:
            return None
        direction = gradient / size
        stretch: np.ndarray = np.eye(self.ndim) + (math.hypot(size, 1.0) - 1) * np.outer(direction, direction)
        return stretch

    def get_local_transform_matrix(self, simplex: Sequence[int]) -> np.ndarray:
        """Return the matrix T, shape (N, N): points are chosen where simplices, as ``vertices @ T``, are well shaped.

        Without `anisotropic` that only divides each dimension by its range.
        """
        scale = self._domain.matrix()
        stretch = self._stretch(tuple(sorted(simplex))) if self.anisotropic else None
        result: np.ndarray = scale if stretch is None else scale @ stretch
        return result

    # -- plots -----------------------------------------------------------------------------------------------------

    def plot(self, n: int | None = None, tri_alpha: float = 0) -> Any:
        """Return an image and the triangles, for 2-D points, see `adaptive_calib.view.learnerND.plot`."""
        return _familiar_methods.view("learnerND").plot(self, n, tri_alpha)

    def plot_slice(self, cut_mapping: Mapping[int, float], n: int | None = None) -> Any:
        """Return a curve or an image of a cut, see `adaptive_calib.view.learnerND.plot_slice`."""
        return _familiar_methods.view("learnerND").plot_slice(self, cut_mapping, n)

    def plot_isoline(self, level: Any = 0.0, n: int | None = None, tri_alpha: float = 0) -> Any:
        """Return lines of equal value, for 2-D points, see `adaptive_calib.view.learnerND.plot_isoline`."""
        return _familiar_methods.view("learnerND").plot_isoline(self, level, n, tri_alpha)

    def plot_isosurface(self, level: float = 0.0, hull_opacity: float = 0.2) -> Any:
        """Return a surface of equal value, for 3-D points, see `adaptive_calib.view.learnerND.plot_isosurface`."""
        return _familiar_methods.view("learnerND").plot_isosurface(self, level, hull_opacity)

    def plot_3D(self, with_triangulation: bool = False, return_fig: bool = False) -> Any:
        """Return the points in space, see `adaptive_calib.view.learnerND.plot_3D`."""
        return _familiar_methods.view("learnerND").plot_3D(self, with_triangulation, return_fig)


class TriangulationView:
    """A learner's triangulation, read-only, with the vertices as the user's points.

    Attributes
    ----------
    vertices : list of tuple
        Observed points of the domain (and failed ones), in the order of telling.
    simplices : set of tuple
        Sorted tuples of vertex indices.
    hull : set of int
        Vertices on the hull.
    dim : int
        N.
    vertex_to_simplices : list of set
        The simplices at each vertex.
    """

    def __init__(self, learner: LearnerND) -> None:
        tri = learner._mesh.tri
        self.vertices = list(learner._vertex_of)
        self.simplices: set[Cell] = set(tri.simplices)
        self.hull: set[int] = set(tri.hull)
        self.dim: int = tri.dim
        self.vertex_to_simplices: list[set[Cell]] = list(tri.vertex_to_simplices)

    def get_vertices(self, indices: Sequence[int]) -> list[Any]:
        """Return the vertices of these indices."""
        return [self.get_vertex(i) for i in indices]

    def get_vertex(self, index: int | None) -> Any:
        """Return a vertex; None for None."""
        return None if index is None else self.vertices[index]

    def volume(self, simplex: Sequence[int]) -> float:
        """Return the volume of a simplex."""
        return volume(self.get_vertices(simplex))

    def volumes(self) -> list[float]:
        """Return the volumes of all simplices, in the order of ``sorted(simplices)``."""
        return [self.volume(simplex) for simplex in sorted(self.simplices)]
