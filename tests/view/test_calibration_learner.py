"""`learner.plot()` of the calibration learners."""

from __future__ import annotations

import math

import holoviews as hv
import numpy as np
import pytest

from adaptive_calib.calibration import CalibrationLearner, OpaqueCalibrationLearner, Sampling
from adaptive_calib.view.calibration_learner import learner_view
from tests.calibration.worlds import Gaussians


def calibration() -> CalibrationLearner:
    return CalibrationLearner(
        Gaussians(40), Ldata=32, Linf=64, res=3, sampling=Sampling(M=8, max_M=8, resample_ends=4), c_bounds=(0.125, 8.0)
    )


def opaque() -> OpaqueCalibrationLearner:
    def function(point: tuple[int, float]) -> tuple[float, bool]:
        z = 4 * math.sin(12.9898 * point[0])
        return 1 / (1 + math.exp(-z / 2 ** (point[1] / 4))), math.sin(78.233 * point[0]) * 3 < z

    return OpaqueCalibrationLearner(function, 60, c_bounds=(2.0**-8, 2.0**8))


@pytest.mark.parametrize("make", [calibration, opaque])
@pytest.mark.parametrize("n", [0, 3, 40])
def test_plots_at_every_time(make, n):
    """Nothing, little or much known: the same panels, drawn from the results so far."""
    one = make()
    for _ in range(n):
        for point in one.ask(1)[0]:
            one.tell(point, one.function(point))
    plot = one.plot()
    assert isinstance(plot, hv.Layout)
    if n == 40:  # rendering takes seconds
        hv.renderer("bokeh").get_plot(plot)
    data = learner_view(one).data()
    assert [curve.c for curve in data.curves] == list(one.c_list)
    for curve in data.curves:
        bemd, labels = one.column(curve.c)
        assert curve.n == int((~np.isnan(bemd) & ~np.isnan(labels)).sum())
    assert data.recommended == one.recommended_c()
