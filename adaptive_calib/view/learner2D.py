"""The plot of a function of two numbers: an image of the interpolant, and the triangles over it.

As in python-adaptive it is an Image (viridis) times EdgePaths, for vectors a HoloMap over the components. On
logarithmic dimensions the image is a QuadMesh, whose pixels may differ in size. Where `Learner2D.predict` is NaN,
around points without a value, the image is white. Styles are set if a HoloViews backend is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.view._holoviews import holoviews

__all__ = ["lines", "picture", "plot"]

#: With fewer observed points the plot is empty: they are not interpolated.
FEWEST_POINTS = 4


def plot(learner: Learner2D, n: int | None = None, tri_alpha: float = 0.0) -> Any:
    """Return the interpolant as an image, with the triangles.

    Parameters
    ----------
    learner : Learner2D
        With fewer than 4 points the elements are empty.
    n : int, optional
        Pixels along each side; by default enough for the smallest triangle.
    tri_alpha : float
        Opacity of the triangles, from 0 to 1.

    Returns
    -------
    holoviews.Overlay, or holoviews.HoloMap over the components of vectors
    """
    hv = holoviews()
    (x0, x1), (y0, y1) = learner.bounds
    if learner.npoints < FEWEST_POINTS or not learner.bounds_are_done or learner.npoints - learner.ninvalid < 3:
        empty = hv.Image([], bounds=(x0, y0, x1, y1))
        return styled(empty * hv.EdgePaths([]), tri_alpha)
    xs, ys, zs = learner.interpolated_on_grid(n)
    if learner.ninvalid or learner.failed_points:
        known = np.isfinite(learner.predict(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1)))
        zs = np.where(known, zs, np.nan)
    return picture(xs, ys, zs, (x0, y0, x1, y1), learner.edges(), tri_alpha)


def picture(
    xs: np.ndarray,
    ys: np.ndarray,
    zs: np.ndarray,
    corners: tuple[float, float, float, float],
    edges: Sequence[Any],
    tri_alpha: float,
) -> Any:
    """Return the image of values on a grid, times the edges.

    Parameters
    ----------
    xs, ys : array
        The grid.
    zs : array, shape (len(xs), len(ys)) or (len(xs), len(ys), M)
        The values, first axis along x.
    corners : (left, bottom, right, top)
        Of the image.
    edges : sequence of pairs of points
    tri_alpha : float
        Their opacity.
    """
    hv = holoviews()
    paths = hv.EdgePaths(lines(edges))
    if zs.ndim == 3:
        layers = {k: picture(xs, ys, zs[:, :, k], corners, edges, tri_alpha) for k in range(zs.shape[2])}
        return hv.HoloMap(layers, kdims=["component"])
    even = all(np.allclose(np.diff(axis), (axis[-1] - axis[0]) / (len(axis) - 1)) for axis in (xs, ys))
    image = hv.Image(np.rot90(zs), bounds=corners) if even else hv.QuadMesh((xs, ys, zs.T))
    return styled(image * paths, tri_alpha)


def lines(pieces: Sequence[Any]) -> list[np.ndarray]:
    """Return pieces of line as one path, in which a row of NaN lifts the pen.

    The time that HoloViews takes for a list of paths grows as the square of their number: minutes for 900 edges.
    """
    if not len(pieces):
        return []
    lifted = [row for piece in pieces for row in (np.asarray(piece, float), np.full((1, 2), np.nan))]
    return [np.concatenate(lifted[:-1])]


def styled(overlay: Any, tri_alpha: float) -> Any:
    """Return the overlay with colours and opacity, if a HoloViews backend is loaded."""
    hv = holoviews()
    backend = hv.Store.current_backend
    if backend not in hv.Store.loaded_backends():
        return overlay
    width = "line_width" if backend == "bokeh" else "linewidth"
    return overlay.opts(
        hv.Options("Image", cmap="viridis"),
        hv.Options("QuadMesh", cmap="viridis"),
        hv.Options("EdgePaths", alpha=tri_alpha, **{width: 0.5}),
    )
