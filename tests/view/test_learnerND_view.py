"""Plots of functions of two, three and more numbers."""

from __future__ import annotations

import math
import sys
import time

import numpy as np
import pytest

from adaptive_calib import BlockingRunner
from adaptive_calib.learner.gp_learner import GPLearner
from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.learnerND import LearnerND
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.view.learnerND import _crossings, _cut

hv = pytest.importorskip("holoviews")

BOX = [(-1, 1), (-2, 2)]


def run(learner, n):
    for _ in range(n):
        for point in learner.ask(1)[0]:
            learner.tell(point, learner.function(point))
    return learner


@pytest.mark.parametrize("make", [Learner2D, LearnerND])
def test_image_and_edges(make):
    """An image over the box times the edges; x runs to the right, y upwards."""
    plot = run(make(lambda p: p[0] + 10 * p[1], BOX), 30).plot(20, 0.5)
    image, edges = plot.Image.I, plot.EdgePaths.I
    assert image.bounds.lbrt() == (-1, -2, 1, 2)
    assert image.data is not None
    assert image[0.51, 1.1] == pytest.approx(0.51 + 11, abs=1.2)
    lifted = np.isnan(edges.split()[0].array()[:, 0])
    assert lifted.sum() > 50
    assert len(edges.split()) == 1, "HoloViews takes minutes to draw hundreds of paths"


def test_triangles_are_drawn_at_once():
    """A thousand edges are drawn by bokeh in about the time of the image; one path for each would take minutes."""
    hv = pytest.importorskip("holoviews")
    renderer = hv.renderer("bokeh")
    learner = run(Learner2D(lambda p: p[0] * p[1], BOX), 350)
    start = time.perf_counter()
    renderer.get_plot(learner.plot(20, 0.5))
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("make", [Learner2D, LearnerND])
def test_empty(make):
    """Before there is enough, the same elements, empty."""
    for n in (0, 3):
        plot = run(make(sum, BOX), n).plot()
        assert not len(plot.Image.I)
        assert not len(plot.EdgePaths.I)


@pytest.mark.parametrize("make", [Learner2D, LearnerND])
def test_pixels_of_a_smooth_interpolant(make):
    """A smooth interpolant is shown as such: its image is finer than its few triangles."""
    image = run(make(lambda p: p[0] * p[1] ** 2, BOX, mode="smooth"), 25).plot().Image.I
    assert min(image.interface.shape(image, gridded=True)) >= 101


def test_default_number_of_pixels():
    """Without n it is chosen by the smallest triangle."""
    run(LearnerND(sum, BOX), 20).plot()
    run(Learner2D(sum, BOX), 20).plot()


def test_vectors():
    """Vectors of Learner2D make a HoloMap over the components; LearnerND refuses them."""
    plot = run(Learner2D(lambda p: [p[0], p[1]], BOX), 10).plot(10)
    assert list(plot.keys()) == [0, 1]
    with pytest.raises(NotImplementedError, match="vectors"):
        run(LearnerND(lambda p: [p[0], p[1]], BOX), 10).plot(10)


def test_logarithmic():
    """On a logarithmic scale the image is a mesh in the user's coordinates."""
    plot = run(Learner2D(lambda p: math.log(p[0]) + p[1], [(1, 1000), (0, 1)], x_scale=("log", "linear")), 20).plot(10)
    assert plot.QuadMesh.I.range("x")[1] > 900


def test_slices():
    """Cuts of a function of three numbers: a curve, an image."""
    learner = run(LearnerND(lambda p: p[0] + 10 * p[1] + 100 * p[2], [(0, 1)] * 3), 40)
    curve = learner.plot_slice({0: 0.5, 2: 0.25}).split()[0].array()
    assert curve.shape == (201, 2)
    assert curve[:, 1] == pytest.approx(0.5 + 10 * curve[:, 0] + 25, abs=1e-6)
    image = learner.plot_slice({1: 0.5}, n=11)
    assert image[0.99, 0.99] == pytest.approx(1 + 5 + 100, abs=1e-6)
    learner.plot_slice({1: 0.5})
    for cut, match in (({}, "free"), ({0: 0, 1: 0, 2: 0}, "free"), ({5: 0}, "dimensions"), ({0: 3}, "between")):
        with pytest.raises(ValueError, match=match):
            learner.plot_slice(cut)
    with pytest.raises(NotImplementedError, match="2 numbers"):
        LearnerND(sum, [(0, 1)] * 4).plot()


def test_isolines():
    """The line where x + 2y = 0.3, one or several levels, with and without the image."""
    learner = run(LearnerND(lambda p: p[0] + 2 * p[1], BOX), 30)
    lines = learner.plot_isoline(0.3, n=-1)
    for piece in lines.split():
        x, y = piece.array().T
        assert (x + 2 * y)[~np.isnan(x)] == pytest.approx(0.3)
    assert learner.plot_isoline([0.3, 1], n=10).Path.I is not None
    with pytest.raises(ValueError, match=r"between -5 and 5"):
        learner.plot_isoline(9)


def test_three_dimensions():
    """Surfaces and points in space, if plotly is there."""
    learner = run(LearnerND(lambda p: p[0] + p[1] - p[2], [(-1, 1)] * 3), 60)
    points, values, simplices = _cut(learner, 0.2)
    for simplex in simplices:
        ring = np.array(_crossings(points, values, simplex, 0.2))
        assert ring[:, 0] + ring[:, 1] - ring[:, 2] == pytest.approx(0.2)
        assert len(ring) in (3, 4)
    if "plotly" not in sys.modules:
        pytest.importorskip("plotly")
    figure = learner.plot_isosurface(0.2)
    x, y, z = (np.array(figure.data[0][axis]) for axis in "xyz")
    assert x + y - z == pytest.approx(0.2)
    assert len(learner.plot_3D(with_triangulation=True, return_fig=True).data) == 2


@pytest.mark.parametrize("n", [0, 2, 100])
def test_three_dimensions_are_cut_in_the_middle(n):
    """The default plot of three numbers has three planes through the middle, also before there are values."""
    learner = run(LearnerND(lambda p: p[0] + 10 * p[1] + 100 * p[2], [(-1, 1), (0, 2), (1, 3)]), n)
    layout = learner.plot(n=11)
    assert [panel.label for panel in layout] == ["x2 = 2", "x1 = 1", "x0 = 0"]
    assert [[str(axis) for axis in panel.kdims] for panel in layout] == [["x0", "x1"], ["x0", "x2"], ["x1", "x2"]]
    if n == 100:
        first = layout.values()[0]
        assert first[0.5, 0.5] == pytest.approx(0.5 + 5 + 200, abs=2)


@pytest.mark.parametrize("fails", [True, False])
def test_white_where_nothing_is_predicted(fails):
    """Around points that failed, or have no number, the image of a Learner2D is empty, as its prediction is."""

    def ring(xy):
        if xy[0] ** 2 + xy[1] ** 2 < 0.1:
            if fails:
                raise ValueError
            return math.nan
        return xy[0] * xy[1]

    learner = Learner2D(ring, BOX)
    BlockingRunner(learner, npoints_goal=200, executor=SequentialExecutor(), on_error="continue")
    image = learner.plot(n=41).Image.I
    xs, ys = image.dimension_values(0, expanded=False), image.dimension_values(1, expanded=False)
    drawn = image.dimension_values(2, flat=False)
    predicted = learner.predict(np.stack(np.meshgrid(xs, ys), axis=-1))
    assert np.isnan(drawn).any()
    assert np.isfinite(drawn).any()
    assert (np.isnan(drawn) == np.isnan(predicted)).mean() > 0.97  # pixels are drawn at slightly other places


def test_without_holoviews(monkeypatch):
    """Without HoloViews, or plotly, the error says so."""
    monkeypatch.setitem(sys.modules, "holoviews", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(RuntimeError, match="holoviews is not installed"):
        Learner2D(sum, BOX).plot()
    with pytest.raises(RuntimeError, match="plotly is not installed"):
        LearnerND(sum, [(0, 1)] * 3).plot_3D()


def test_gp_learner_in_the_plane():
    """An image of the prediction times the points; before there is a prediction an empty one; vectors by component."""
    learner = GPLearner(lambda p: p[0] + 10 * p[1], BOX)
    empty = learner.plot()
    assert (len(empty.Image.I), len(empty.Points.I)) == (0, 0)
    plot = run(learner, 20).plot(20)
    assert plot.Image.I[0.51, 1.1] == pytest.approx(0.51 + 11, abs=1.2)
    assert len(plot.Points.I) == 20
    assert list(map(type, plot)) == list(map(type, empty)), "the elements of a live plot must not change"
    vectors = run(GPLearner(lambda p: [p[0], p[1]], BOX), 15).plot(10)
    assert sorted(vectors.keys()) == [0, 1]
    # empty where there is probably no value
    partly = run(GPLearner(lambda p: p[0] if p[0] > 0.5 else math.nan, [(0, 1), (0, 1)]), 40).plot(20)
    values = partly.Image.I.dimension_values(2, flat=False)
    assert 0.3 < np.isnan(values).mean() < 0.6
    assert np.isnan(partly.Image.I[0.2, 0.5])
    assert partly.Image.I[0.8, 0.5] == pytest.approx(0.8, abs=0.05)


def test_gp_learner_of_one_number():
    """A band of two standard deviations, the points and the curve; vectors by component."""
    learner = GPLearner(lambda p: math.sin(6 * p[0]), [(0, 1)])
    assert list(map(len, learner.plot(11))) == [0, 0, 11]
    plot = run(learner, 12).plot(11)
    area, points, curve = plot
    assert len(points) == 12
    assert np.allclose(curve.dimension_values(1), np.sin(6 * np.linspace(0, 1, 11)), atol=0.01)
    assert np.all(area.dimension_values(1) <= area.dimension_values(2))
    vectors = run(GPLearner(lambda p: [p[0], -p[0]], [(0, 1)]), 10).plot(11)
    assert vectors.last.Curve.I.dimension_values(1)[-1] == pytest.approx(-1, abs=0.01)


def test_gp_learner_in_many_dimensions():
    """Cuts through the middle along the three axes on which the function changes fastest, and any cut."""
    learner = GPLearner(lambda p: p[0] + math.sin(4 * p[1]) + math.sin(5 * p[3]) + math.sin(6 * p[4]), [(0, 1)] * 5)
    assert not any(map(len, learner.plot().values()))
    assert len(run(learner, 7).plot_slice({0: 0.5, 1: 0.5, 2: 0.5})) == 0
    run(learner, 60)
    panels = list(learner.plot(15))
    assert [panel.label for panel in panels] == ["others in the middle"] * 3
    assert [[axis.name for axis in panel.kdims] for panel in panels] == [["x1", "x3"], ["x1", "x4"], ["x3", "x4"]]
    curve = learner.plot_slice({0: 0.5, 1: 0.5, 2: 0.5, 3: 0.5}, 11)
    assert curve.data[0].shape == (11, 2)
    assert learner.plot_slice({0: 0.5, 1: 0.5, 2: 0.5}).data is not None
    with pytest.raises(NotImplementedError, match="vectors"):
        run(GPLearner(lambda p: [p[0], p[1]], [(0, 1)] * 3), 3).plot()
