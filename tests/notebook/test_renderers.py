"""The renderers of live plots, in Python; the page is seen in the browser tests."""

from __future__ import annotations

import math
from typing import Any

import holoviews as hv
import numpy as np
import pytest
from bokeh.models import ColumnDataSource

from adaptive_calib import Learner1D
from adaptive_calib.notebook import renderers
from adaptive_calib.notebook.renderers import Drawn, Frame, Setting, Streamed, renderer_for, streams
from adaptive_calib.runner import simple
from adaptive_calib.view.marks import marks

hv.renderer("bokeh")


def _same(frame: Any) -> Any:
    return frame


def _seen(learner: Learner1D) -> Frame:
    return Frame(None, True, learner.data, marks(hv, learner))


def test_points_are_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a Learner1D each point goes to the page once, and the axis covers all of them."""
    sent: list[int] = []
    axis: list[tuple[float, float]] = []
    stream = ColumnDataSource.stream
    monkeypatch.setattr(ColumnDataSource, "stream", lambda s, rows: (sent.append(len(rows["x"])), stream(s, rows))[1])
    monkeypatch.setattr(renderers, "follow", lambda _, start, end: axis.append((start, end)))
    learner = Learner1D(abs, (-1, 2))
    shown = renderer_for(_seen(learner), learner, Setting(_same))
    assert isinstance(shown, Streamed)
    for n in (10, 50, 50, 120):
        simple(learner, npoints_goal=n)
        assert shown.show(_seen(learner))
    assert sent == [10, 40, 70]
    assert axis[-1] == (pytest.approx(min(learner.data.values()) - 0.2, abs=0.02), pytest.approx(2.2, abs=0.02))
    assert not shown.show(Frame(None, True, dict(learner.data), marks(hv, learner)))  # data that were loaded


def test_vectors_need_another_renderer() -> None:
    """A learner that turns out to have vectors is not streamed any more."""
    learner = Learner1D(lambda x: [x, x * x], (-1, 1))
    shown = renderer_for(_seen(learner), learner, Setting(_same))
    simple(learner, npoints_goal=5)
    assert not shown.show(_seen(learner))


def test_a_curve_through_the_points_is_drawn_again() -> None:
    """In the smooth modes the live plot has the interpolant, from the first frame without data on."""
    assert streams(Learner1D(math.sin, (0, 6)))
    learner = Learner1D(math.sin, (0, 6), mode="auto")
    assert not streams(learner)
    shown = renderer_for(Frame(learner.plot() * marks(hv, learner)), learner, Setting(_same))
    for n in (2, 5, 20):
        simple(learner, npoints_goal=n)
        assert shown.show(Frame(learner.plot() * marks(hv, learner)))
    (curve,) = [
        source.data for source in shown.document.document.select({"type": ColumnDataSource}) if "xs" in source.data
    ]
    x, y = curve["xs"][0], curve["ys"][0]
    assert len(x) > 300
    assert np.allclose(y, np.sin(x), atol=1e-3)


def test_each_plot_has_its_renderer() -> None:
    """Plots and layouts are drawn; a frame without a plot, of which only what is new is sent, is not for them."""
    curve = hv.Curve([(0, 1), (1, 2)])
    for frame in (curve, curve * curve, curve + curve):
        shown = renderer_for(Frame(frame), None, Setting(_same))
        assert isinstance(shown, Drawn)
        assert shown.show(Frame(frame))
        assert not shown.show(Frame(None))
