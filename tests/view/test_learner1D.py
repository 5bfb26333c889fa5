"""Plots of `Learner1D` and `AverageLearner1D`."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

hv = pytest.importorskip("holoviews")

from adaptive_calib.learner.average_learner1D import AverageLearner1D  # noqa: E402  # after importorskip
from adaptive_calib.learner.learner1D import Learner1D  # noqa: E402  # after importorskip


def observed(learner: Learner1D, n: int = 12) -> Learner1D:
    for _ in range(n):
        for x in learner.ask(1)[0]:
            learner.tell(x, learner.function(x))
    return learner


def kinds(overlay: object) -> list[str]:
    return [type(element).__name__ for element in overlay]  # type: ignore[attr-defined]  # an overlay is iterable


def test_scatter_for_each_component() -> None:
    """A plot has one Scatter for each component, with a margin of 5 % on both sides of the domain."""
    overlay = observed(Learner1D(lambda x: (x, x * x), (-1, 1))).plot()
    assert isinstance(overlay, hv.Overlay)
    assert kinds(overlay) == ["Scatter", "Scatter"]
    assert overlay.range("x") == pytest.approx((-1.1, 1.1))


def test_line() -> None:
    """A line is one Path; another word is refused."""
    learner = observed(Learner1D(abs, (-1, 1)))
    assert kinds(learner.plot(scatter_or_line="line")) == ["Path"]
    with pytest.raises(ValueError, match="scatter"):
        learner.plot(scatter_or_line="bars")  # type: ignore[arg-type]  # that is the point


def test_a_line_ends_where_there_is_no_value() -> None:
    """Failed and invalid points interrupt the line, where `predict` is NaN, too."""
    learner = Learner1D(abs, (0, 1))
    learner.tell_many([0, 0.2, 0.4, 0.8, 1], [0, 0.2, np.nan, 0.8, 1])
    learner.tell_failed(0.9)
    path = learner.plot(scatter_or_line="line").values()[0]
    (line,) = [np.asarray(part) for part in path.data] if isinstance(path.data, list) else [path.array()]
    broken = line[np.isnan(line[:, 1]), 0]
    assert broken.tolist() == [0.4, 0.9]
    assert np.isnan(learner.predict([0.3, 0.5, 0.85, 0.95])).all()


def test_the_line_of_the_smooth_modes_is_the_interpolant() -> None:
    """Between the points as well, for each component; it ends where there is no value."""
    learner = Learner1D(lambda x: (math.sin(6 * x), x**3), (-1, 1), mode="auto")
    observed(learner, 30)
    first, second = learner.plot(scatter_or_line="line").values()[0].split(datatype="array")
    for path, true in ((first, lambda x: np.sin(6 * x)), (second, lambda x: x**3)):
        assert len(path) > 300
        assert set(learner.data) <= set(path[:, 0])
        assert np.allclose(path[:, 1], true(path[:, 0]), atol=1e-6)
    assert kinds(learner.plot()) == ["Path", "Scatter", "Scatter"]
    learner.tell(0.05, (math.nan, 0.0))
    path = learner.plot(scatter_or_line="line").values()[0].split(datatype="array")[0]
    assert np.isnan(path[:, 1]).any()


def test_plots_without_data() -> None:
    """Without data the elements are there, empty."""
    assert kinds(Learner1D(abs, (-1, 1)).plot()) == ["Scatter"]
    for mode in ("smooth", "auto"):
        assert kinds(Learner1D(abs, (-1, 1), mode=mode).plot()) == ["Path", "Scatter"]  # as with data
    for mode in ("linear", "smooth", "auto"):
        assert kinds(Learner1D(abs, (-1, 1), mode=mode).plot(scatter_or_line="line")) == ["Path"]
    assert kinds(AverageLearner1D(abs, (-1, 1)).plot()) == ["Scatter", "ErrorBars", "Path", "Scatter"]


def test_plots_combine() -> None:
    """Familiar combinations: layouts of relabelled plots, overlays, elements by name."""
    plot = observed(Learner1D(abs, (-1, 1))).plot()
    assert isinstance(plot.relabel("a") + plot.relabel("b"), hv.Layout)
    assert isinstance(plot.Scatter.I * plot, hv.Overlay)


def test_logarithmic_range() -> None:
    """On a logarithmic scale the margin is one of ratios."""
    overlay = observed(Learner1D(abs, (1, 100), x_scale="log")).plot()
    assert overlay.range("x") == pytest.approx((100**-0.05, 100**1.05))


def test_error_bars() -> None:
    """Means have error bars of their errors; where a single sample has none, an open mark says so."""
    learner = AverageLearner1D(lambda point: point[1] + 0.1 * (point[0] % 3), (0, 1), min_samples=3)
    observed(learner, 20)
    learner.tell((0, 0.123), 0.5)  # a single sample
    learner.tell((0, 0.456), float("nan"))  # no valid one
    overlay = learner.plot()
    assert kinds(overlay) == ["Scatter", "ErrorBars", "Path", "Scatter"]
    known = {x: error for x, error in sorted(learner.error.items()) if error < float("inf")}
    assert list(overlay.ErrorBars.I.dimension_values("x")) == list(known)
    assert list(overlay.ErrorBars.I.dimension_values("yerror")) == pytest.approx(list(known.values()))
    assert len(overlay.Scatter.I) == len(learner.data)
    single = [x for x in sorted(learner.data) if x not in known and x != 0.456]
    assert 0.123 in single
    assert list(overlay.Single_sample.I.dimension_values("x")) == single


@pytest.mark.parametrize("backend", ["bokeh", "matplotlib"])
def test_marks_of_single_samples_are_drawn(backend: str) -> None:
    """Both backends take their options, with and without points."""
    renderer = hv.renderer(backend)  # loads it
    learner = AverageLearner1D(lambda point: point[1], (0, 1))
    renderer.get_plot(learner.plot())
    learner.tell((0, 0.0), 1.0)
    learner.tell((0, 1.0), 1.0)
    renderer.get_plot(learner.plot())
    overlay = learner.plot()
    assert hv.Store.lookup_options(backend, overlay.Single_sample.I, "style").kwargs["marker"].lower().startswith("d")


def test_without_holoviews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without HoloViews the message says so."""
    monkeypatch.setitem(sys.modules, "holoviews", None)
    with pytest.raises(RuntimeError, match="holoviews is not installed"):
        Learner1D(abs, (-1, 1)).plot()
