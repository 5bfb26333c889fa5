"""Plots of averages, integrals and of many learners."""

from __future__ import annotations

import math
import random
from functools import partial
from typing import Any

import holoviews as hv
import numpy as np
import pytest

from adaptive_calib.learner.average_learner import AverageLearner
from adaptive_calib.learner.balancing_learner import BalancingLearner
from adaptive_calib.learner.cubature_learner import CubatureLearner
from adaptive_calib.learner.data_saver import DataSaver
from adaptive_calib.learner.integrator_learner import IntegratorLearner
from adaptive_calib.learner.learner1D import Learner1D


def _run(learner: Any, n: int) -> Any:
    for _ in range(n):
        for point in learner.ask(1)[0]:
            learner.tell(point, learner.function(point))
    return learner


def _gauss(seed: int) -> float:
    return random.Random(seed).gauss(0.5, 1)


def _step(x: float, centre: float, slope: float = 20) -> float:
    return math.tanh(slope * (x - centre))


@pytest.mark.parametrize(("n", "bins"), [(10, 5), (100, 10)])
def test_average(n: int, bins: int) -> None:
    """A histogram of all values over y, with max(5, √n) bins."""
    histogram = _run(AverageLearner(_gauss, atol=0.1), n).plot()
    assert isinstance(histogram, hv.Histogram)
    assert [d.name for d in histogram.kdims] == ["y"]
    assert len(histogram.dimension_values(1)) == bins
    assert histogram.dimension_values(1).sum() == n


def test_average_without_data() -> None:
    """Without data, or with invalid values only, all bins are empty."""
    learner = AverageLearner(_gauss, atol=0.1)
    assert not learner.plot().dimension_values(1).any()
    learner.tell(0, math.nan)
    assert not learner.plot().dimension_values(1).any()


def test_cubature() -> None:
    """The observed points, in the plane of the first two dimensions."""
    learner = CubatureLearner(lambda p: p[0] * p[1] * p[2], [(0, 1), (0, 2), (0, 3)], 1e-6)
    assert len(learner.plot()) == 0
    for x in learner.ask(33)[0]:
        learner.tell(x, learner.function(x))
    assert np.array_equal(learner.plot().array(), learner.to_numpy()[:, :2])


def test_integrator() -> None:
    """One path through all nodes, from left to right; also when it is done, and without data."""
    learner = IntegratorLearner(math.sqrt, (0, 1), 1e-6)
    assert learner.plot().split() == []
    while not learner.done():
        _run(learner, 1)
    (path,) = learner.plot().split()
    assert np.array_equal(np.column_stack([path.dimension_values(0), path.dimension_values(1)]), learner.to_numpy())


def test_balancing() -> None:
    """One slider for each dimension; the plot of the child with these values; any plotter in its place."""
    combos = {"centre": [0.0, 0.5], "slope": [1, 5, 20]}
    learner = _run(BalancingLearner.from_product(_step, Learner1D, {"bounds": (-1, 1)}, combos), 60)
    shown = learner.plot()
    assert isinstance(shown, hv.DynamicMap)
    assert [(d.name, list(d.values)) for d in shown.kdims] == list(combos.items())
    assert len(shown[0.5, 5].get(0)) == learner.learners[4].npoints
    fixed = learner.plot(plotter=lambda child: hv.Points([(0, child.npoints)]), dynamic=False)
    assert isinstance(fixed, hv.HoloMap)
    assert fixed.keys() == [tuple(cdim.values()) for cdim in learner.cdims]
    assert fixed[0.5, 20].dimension_values(1)[0] == learner.learners[5].npoints


def test_balancing_with_other_cdims() -> None:
    """Other cdims, also as names and an iterator, can be used more than once; a hole shows a plot without data."""
    learner = _run(BalancingLearner([Learner1D(partial(_step, centre=c), (-1, 1)) for c in (0, 1)]), 20)
    shown = learner.plot(cdims=(["a", "b"], iter([(1, 2), (3, 4)])))
    assert [d.name for d in shown.kdims] == ["a", "b"]
    assert len(shown[1, 2].get(0)) == learner.learners[0].npoints
    assert len(shown[1, 4].get(0)) == 0


def test_data_saver_has_the_plot_of_its_child() -> None:
    """`plot` of a DataSaver is the child's."""
    saver = _run(DataSaver(AverageLearner(_gauss, atol=0.1), abs), 10)
    assert isinstance(saver.plot(), hv.Histogram)
