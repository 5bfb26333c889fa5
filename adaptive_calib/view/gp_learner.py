"""The plot of a `GPLearner`: a curve with its band, an image with the points, or cuts through more dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.view._holoviews import holoviews
from adaptive_calib.view.learner1D import CURVE_POINTS, banded
from adaptive_calib.view.learner2D import picture, styled
from adaptive_calib.view.learnerND import cuts

__all__ = ["plot"]

#: Pixels along each side.
_PIXELS = 101


def plot(learner: GPLearner, n: int | None = None) -> Any:
    """Return the prediction: of two numbers an image times the points; of more, three cuts through the middle.

    Of one number: a band of two standard deviations, the points and the curve. The cuts are the planes of the three
    dimensions along which the function changes fastest. Where a value is less probable than none, images of two numbers
    and curves are empty.

    Parameters
    ----------
    learner : GPLearner
        Without a prediction, before 4 N + 4 valid values, the images are empty.
    n : int, optional
        Pixels along each side, by default 101; points of the curve of one number, by default 401.

    Returns
    -------
    holoviews.Overlay, of vectors a HoloMap over the components; or a Layout of three images

    Raises
    ------
    NotImplementedError
        For vectors of more than two numbers.
    """
    hv = holoviews()
    if learner.ndim == 1:
        return _curve(learner, n or CURVE_POINTS)
    n = n or _PIXELS
    if learner.ndim > 2:
        if learner.vdim > 1:
            raise NotImplementedError("this plot is for functions with numbers as values, but the values are vectors.")
        return cuts(learner, n, learner.fastest_axes()[:3])
    (x0, x1), (y0, y1) = learner.bounding_box
    points = hv.Points(np.array(list(learner.data), float).reshape(-1, 2))
    backend = hv.Store.current_backend
    if backend in hv.Store.loaded_backends():
        points = points.opts(hv.Options("Points", color="black", **{"size" if backend == "bokeh" else "s": 3}))
    if not np.isfinite(learner.loss()):  # the elements of a live plot stay the same
        return styled(hv.Image([], bounds=(x0, y0, x1, y1)) * hv.EdgePaths([]), 0) * points
    xs, ys = np.linspace(x0, x1, n), np.linspace(y0, y1, n)
    places = np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1)
    zs = learner.predict(places)
    zs[learner.probability_of_value(places) < 0.5] = np.nan
    return picture(xs, ys, zs, (x0, y0, x1, y1), [], 0) * points


def _curve(learner: GPLearner, n: int) -> Any:
    low, high = learner.bounding_box[0]
    x = np.linspace(low, high, n)
    values, error = learner.predict(x[:, None], return_error=True)
    values[learner.probability_of_value(x[:, None]) < 0.5] = np.nan
    points = np.array([(*point, *np.ravel(y)) for point, y in learner.data.items()], float).reshape(
        -1, 1 + learner.vdim
    )
    each = [
        banded(x, value, 2 * error, points[:, [0, k + 1]]).redim(x={"range": (low, high)})
        for k, value in enumerate(values.reshape(n, -1).T)
    ]
    return each[0] if learner.vdim == 1 else holoviews().HoloMap(dict(enumerate(each)), kdims="component")
