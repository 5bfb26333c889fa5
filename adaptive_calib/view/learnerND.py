"""Plots of functions of two, three and more numbers: images, cuts, lines and surfaces of equal value.

Lines and surfaces of equal value are those of the linear interpolant itself: each simplex is cut by a plane, and the
pieces are drawn. With three numbers the plots are plotly's, else HoloViews'.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.learner.learnerND import LearnerND
from adaptive_calib.view._holoviews import holoviews
from adaptive_calib.view.learner2D import FEWEST_POINTS, lines, picture, styled

__all__ = ["cuts", "plot", "plot_3D", "plot_isoline", "plot_isosurface", "plot_slice"]

_CURVE_POINTS = 201
_MOST_PIXELS = 500
#: Along each side of a cut; there are three of them.
_CUT_PIXELS = 101


def _plotly() -> Any:
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise RuntimeError("plotly is not installed; plotting in three dimensions is disabled.") from None
    return go


def _need(learner: LearnerND, ndim: int) -> None:
    if learner.ndim != ndim:
        raise NotImplementedError(f"this plot is for functions of {ndim} numbers, but there are {learner.ndim}.")
    if learner.vdim > 1:
        raise NotImplementedError("this plot is for functions with numbers as values, but the values are vectors.")


def _pixels(learner: LearnerND | GPLearner, n: int | None) -> int:
    """Return how many pixels along a side show the smallest simplex."""
    if n is not None:
        return n
    if isinstance(learner, GPLearner):  # no simplices
        return _CUT_PIXELS
    box = float(np.prod([high - low for low, high in learner.bounding_box]))
    tri = learner.tri  # made at each access
    smallest = min(tri.volumes()) / box if tri is not None else 1.0
    fewest = 50 if learner.mode == "linear" else _CUT_PIXELS
    return min(max(fewest, int(0.658 / smallest ** (1 / learner.ndim))), _MOST_PIXELS)


def _edges(learner: LearnerND) -> list[Any]:
    tri = learner.tri  # made at each access
    if tri is None:
        return []
    pairs = {pair for simplex in tri.simplices for pair in itertools.combinations(simplex, 2)}
    return [tri.get_vertices(pair) for pair in sorted(pairs)]


def plot(learner: LearnerND, n: int | None = None, tri_alpha: float = 0) -> Any:
    """Return an image times the triangles, as `adaptive_calib.view.learner2D.plot`; in three dimensions three cuts.

    Parameters
    ----------
    n : int, optional
        Pixels along each side; by default enough for the smallest simplex, for cuts 101.
    tri_alpha : float
        Opacity of the triangles, from 0 to 1.

    Returns
    -------
    holoviews.Overlay, or a Layout of three images through the middle of the domain

    Raises
    ------
    NotImplementedError
        For other dimensions, and for vectors.
    """
    if learner.ndim == 3 and learner.vdim == 1:
        return cuts(learner, n or _CUT_PIXELS)
    _need(learner, 2)
    hv = holoviews()
    (x0, x1), (y0, y1) = learner.bounding_box
    if learner.npoints < FEWEST_POINTS or learner.tri is None:
        return styled(hv.Image([], bounds=(x0, y0, x1, y1)) * hv.EdgePaths([]), tri_alpha)
    n = _pixels(learner, n)
    xs, ys = np.linspace(x0, x1, n), np.linspace(y0, y1, n)
    zs = learner.predict(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1))
    return picture(xs, ys, zs, (x0, y0, x1, y1), _edges(learner), tri_alpha)


def cuts(learner: LearnerND | GPLearner, n: int, axes: Sequence[int] = (0, 1, 2)) -> Any:
    """Return images of three planes through the middle of the domain, each with the place of its cut as title.

    Parameters
    ----------
    learner : LearnerND or GPLearner
    n : int
        Pixels along each side.
    axes : sequence of three int
        Dimensions; each two of them span a plane.
    """
    hv = holoviews()
    box = learner.bounding_box
    panels = []
    for across, up in itertools.combinations(sorted(axes), 2):
        cut = {k: (low + high) / 2 for k, (low, high) in enumerate(box) if k not in (across, up)}
        image = plot_slice(learner, cut, n).redim(x=f"x{across}", y=f"x{up}")
        where = ", ".join(f"x{k} = {middle:.4g}" for k, middle in cut.items())
        panels.append(image.relabel(where if len(cut) <= 2 else "others in the middle"))
    return hv.Layout(panels).cols(3)


def plot_slice(learner: LearnerND | GPLearner, cut_mapping: Mapping[int, float], n: int | None = None) -> Any:
    """Return the values on a cut through the domain.

    Parameters
    ----------
    learner : LearnerND or GPLearner
    cut_mapping : dict
        Dimension -> where it is held. One dimension left free gives a Path, two an Image, empty without a prediction.
    n : int, optional
        Points along each free dimension (201 for one).

    Raises
    ------
    ValueError
        If not one or two dimensions are free, or a cut lies outside the domain.
    """
    hv = holoviews()
    if learner.vdim > 1:
        raise NotImplementedError("this plot is for functions with numbers as values, but the values are vectors.")
    box = learner.bounding_box
    for k, value in cut_mapping.items():
        if not 0 <= k < learner.ndim:
            raise ValueError(f"the dimensions are 0 to {learner.ndim - 1}, but `cut_mapping` names {k}.")
        if not box[k][0] <= value <= box[k][1]:
            raise ValueError(f"dimension {k} lies between {box[k][0]} and {box[k][1]}, but is cut at {value}.")
    free = [k for k in range(learner.ndim) if k not in cut_mapping]
    if len(free) not in (1, 2):
        raise ValueError(f"`cut_mapping` should leave one or two dimensions free, but leaves {len(free)}.")
    if len(free) == 1:
        n = n or _CURVE_POINTS
        points = np.empty((n, learner.ndim))
        points[:, free[0]] = axis = np.linspace(*box[free[0]], n)
        for k, value in cut_mapping.items():
            points[:, k] = value
        return hv.Path([np.column_stack([axis, learner.predict(points)])])
    n = _pixels(learner, n)
    axes = [np.linspace(*box[k], n) for k in free]
    points = np.empty((n, n, learner.ndim))
    points[..., free[0]], points[..., free[1]] = np.meshgrid(*axes, indexing="ij")
    for k, value in cut_mapping.items():
        points[..., k] = value
    (x0, x1), (y0, y1) = box[free[0]], box[free[1]]
    values = learner.predict(points)
    known = bool(np.isfinite(values).any())
    return styled(hv.Image(np.rot90(values) if known else [], bounds=(x0, y0, x1, y1)), 0)


def _cut(learner: LearnerND, level: float) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Return points, values, and the simplices that the level passes through."""
    if learner.tri is None:
        raise ValueError("there are too few points: tell some that span a volume.")
    points = np.array(learner.tri.vertices, float)
    values = np.array([learner.data.get(point, np.nan) for point in learner.tri.vertices], float)
    simplices = np.array(sorted(learner.tri.simplices))
    at = values[simplices]
    valid = np.isfinite(at).all(axis=1)
    cut = valid & (at.min(axis=1) <= level) & (at.max(axis=1) > level)
    if not cut.any():
        low, high = np.nanmin(values), np.nanmax(values)
        raise ValueError(
            f"`level` should lie between {low:.6g} and {high:.6g}, the range of the values, but is {level}."
        )
    return points, values, simplices[cut].tolist()


def _crossings(points: np.ndarray, values: np.ndarray, simplex: Iterable[int], level: float) -> list[np.ndarray]:
    """Return where the edges from below to above meet the level, so ordered that neighbours share a vertex."""
    below = [i for i in simplex if values[i] <= level]
    above = [i for i in simplex if values[i] > level]
    pairs = [(i, j) for k, i in enumerate(below) for j in (above if k % 2 == 0 else reversed(above))]
    return [points[i] + (points[j] - points[i]) * (level - values[i]) / (values[j] - values[i]) for i, j in pairs]


def plot_isoline(learner: LearnerND, level: Any = 0.0, n: int | None = None, tri_alpha: float = 0) -> Any:
    """Return the image of `plot` times black lines where the interpolant has a value, or one of several.

    Parameters
    ----------
    level : float or list of float
    n : int, optional
        Pixels of the image; -1: no image.

    Raises
    ------
    ValueError
        If the function does not have that value; names the range.
    """
    _need(learner, 2)
    hv = holoviews()
    pieces = []
    for each in np.atleast_1d(level).tolist():
        points, values, simplices = _cut(learner, each)
        pieces += [np.array(_crossings(points, values, simplex, each)) for simplex in simplices]
    path = hv.Path(lines(pieces))
    if hv.Store.current_backend in hv.Store.loaded_backends():
        path = path.opts(hv.Options("Path", color="black"))
    return path if n == -1 else plot(learner, n, tri_alpha) * path


def plot_isosurface(learner: LearnerND, level: float = 0.0, hull_opacity: float = 0.2) -> Any:
    """Return a plotly figure of the surface where the interpolant has a value, in the hull of the points.

    Raises
    ------
    ValueError
        If the function does not have that value; names the range.
    """
    _need(learner, 3)
    go = _plotly()
    points, values, simplices = _cut(learner, level)
    vertices: list[np.ndarray] = []
    triangles: list[tuple[int, int, int]] = []
    for simplex in simplices:
        first, ring = len(vertices), _crossings(points, values, simplex, level)
        vertices += ring
        # three crossings make a triangle, four a quadrilateral
        triangles += [(first, first + k, first + k + 1) for k in range(1, len(ring) - 1)]
    surface = go.Mesh3d(
        **dict(zip("xyz", np.array(vertices).T, strict=True)),
        **dict(zip("ijk", np.array(triangles).T, strict=True)),
        color="orange",
    )
    hull = go.Mesh3d(**dict(zip("xyz", points.T, strict=True)), alphahull=0, opacity=hull_opacity, color="lightgray")
    return go.Figure([surface, hull])


def plot_3D(learner: LearnerND, with_triangulation: bool = False, return_fig: bool = False) -> Any:
    """Show the points of a function of three numbers, coloured by value; plotly.

    Parameters
    ----------
    with_triangulation : bool
        Draw the edges of the simplices.
    return_fig : bool
        Return the figure instead of showing it.
    """
    _need(learner, 3)
    go = _plotly()
    points, values = learner.points, learner.values
    marks = go.Scatter3d(
        **dict(zip("xyz", points.T, strict=True)),
        mode="markers",
        marker={"size": 4, "color": values, "colorscale": "Viridis", "opacity": 0.8},
    )
    traces = [marks]
    if with_triangulation:
        # None between the edges lifts the pen
        ends = np.array([[*edge, [np.nan] * 3] for edge in _edges(learner)], float).reshape(-1, 3)
        traces.append(go.Scatter3d(**dict(zip("xyz", ends.T, strict=True)), mode="lines", connectgaps=False))
    figure = go.Figure(traces)
    return figure if return_fig else figure.show()
