"""The plot of a `GPLearner`: an image and the points in the plane, cuts through the domain above."""

from __future__ import annotations

from typing import Any

import numpy as np

from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.view._holoviews import holoviews
from adaptive_calib.view.learner2D import picture, styled
from adaptive_calib.view.learnerND import cuts

__all__ = ["plot"]

#: Pixels along each side.
_PIXELS = 101


def plot(learner: GPLearner, n: int | None = None) -> Any:
    """Return the prediction: of two numbers an image times the points; of more, three cuts through the middle.

    The cuts are the planes of the three dimensions along which the function changes fastest.

    Parameters
    ----------
    learner : GPLearner
        Without a prediction, before 4 N + 4 valid values, the images are empty.
    n : int, optional
        Pixels along each side, by default 101.

    Returns
    -------
    holoviews.Overlay, of vectors a HoloMap over the components; or a Layout of three images

    Raises
    ------
    NotImplementedError
        For vectors of more than two numbers.
    """
    hv = holoviews()
    n = n or _PIXELS
    known = np.isfinite(learner.loss())
    if learner.ndim > 2:
        if learner.vdim > 1:
            raise NotImplementedError("this plot is for functions with numbers as values, but the values are vectors.")
        return cuts(learner, n, known, learner.fastest_axes()[:3])
    (x0, x1), (y0, y1) = learner.bounding_box
    points = hv.Points(np.array(list(learner.data), float).reshape(-1, 2))
    backend = hv.Store.current_backend
    if backend in hv.Store.loaded_backends():
        points = points.opts(hv.Options("Points", color="black", **{"size" if backend == "bokeh" else "s": 3}))
    if not known:  # the elements of a live plot stay the same
        return styled(hv.Image([], bounds=(x0, y0, x1, y1)) * hv.EdgePaths([]), 0) * points
    xs, ys = np.linspace(x0, x1, n), np.linspace(y0, y1, n)
    zs = learner.predict(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1))
    return picture(xs, ys, zs, (x0, y0, x1, y1), [], 0) * points
