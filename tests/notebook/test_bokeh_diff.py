"""A shown plot that is made like others changes only where they differ."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import numpy as np
import pytest
from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import FactorRange, LayoutDOM, Range1d

from adaptive_calib import AverageLearner1D, CalibrationLearner, Learner2D
from adaptive_calib.examples.blackbody.distributions import Infrared
from adaptive_calib.notebook.axes import follow, lead
from adaptive_calib.notebook.bokeh_diff import ModelDiff
from adaptive_calib.notebook.bokeh_pane import BokehPane

hv.renderer("bokeh")


def _draw(frame: Any) -> LayoutDOM:
    return hv.renderer("bokeh").get_plot(frame).state


class Shown:
    """A plot in a document, and what has changed there."""

    def __init__(self, frame: Any) -> None:
        self.plot = _draw(frame)
        self.root = column(self.plot)
        self._diff = ModelDiff(self.root)
        self.document = Document()
        self.document.add_root(self.root)
        self._changes: list[tuple[str, str]] = []
        self.document.on_change(lambda event: self._changes.append((type(event.model).__name__, event.attr)))

    def take(self, frame: Any) -> set[tuple[str, str]]:
        """Show another frame; return what has changed."""
        self._changes.clear()
        self.ranges = self._diff.apply(column(_draw(frame)))
        self.document.validate()
        return set(self._changes)


def _curve(*values: float, **options: Any) -> Any:
    return hv.Curve(list(enumerate(values)), **options)


LEARNERS = {
    "average": AverageLearner1D(lambda x: x, (-1, 1)),
    "plane": Learner2D(lambda xy: xy[0], ((-1, 1), (-1, 1))),
    "calibration": CalibrationLearner(Infrared(N=256), Ldata=256, Linf=1024, c_list=[1.0, 16.0]),
}


@pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)
def test_the_same_again_changes_nothing(learner: Any) -> None:
    """A frame that looks as the last one sends nothing, whatever models it consists of."""
    assert Shown(learner.plot()).take(learner.plot()) == set()


def test_only_data_are_sent() -> None:
    """New data bring no other change, and axes stay as they are; what the page has set stays too."""
    shown = Shown(_curve(1, 2) * _curve(0, np.nan))
    (first, second), axis = shown.plot.renderers, shown.plot.y_range
    second.muted = True
    assert shown.take(_curve(1, 2, 9) * _curve(0, np.nan)) == {("ColumnDataSource", "data")}
    assert list(first.data_source.data["y"]) == [1, 2, 9]
    assert second.muted
    assert shown.plot.y_range is axis
    assert axis.end < 3
    assert shown.ranges[axis].end > 9


def test_titles_and_colours() -> None:
    """Options that change are sent, and go back to what they were by default."""
    shown = Shown(_curve(1, 2))
    shown.take(_curve(1, 2).opts(title="two", color="red"))
    assert (shown.plot.title.text, shown.plot.renderers[0].glyph.line_color) == ("two", "red")
    shown.take(_curve(1, 2).opts(title="", line_alpha=1.0))
    assert shown.plot.title.text != "two"


def test_another_kind_of_glyph_is_another_renderer() -> None:
    """A plot keeps its figure and axes when an element of it is another one, or there are more."""
    shown = Shown(_curve(1, 2) * hv.Scatter([(0, 1)]))
    figure, curve = shown.plot, shown.plot.renderers[0]
    shown.take(_curve(1, 3) * hv.Area([(0, 1), (1, 2)]) * _curve(5, 6))
    assert shown.root.children == [figure]
    assert figure.renderers[0] is curve
    assert [type(renderer.glyph).__name__ for renderer in figure.renderers] == ["Line", "Patch", "Line"]
    assert shown.take(_curve(1, 3) * hv.Area([(0, 1), (1, 2)]) * _curve(5, 6)) == set()


def test_panels_are_known_by_their_labels() -> None:
    """Where a panel comes in between, those behind it keep their axes, and so the zoom."""
    first, last = _curve(1, 2, vdims="a"), _curve(1, 2, vdims="b")
    shown = Shown((first + last).opts(shared_axes=False))
    figures = [child[0] for child in shown.plot.children]
    shown.take((first + _curve(3, 4, vdims="between") + last).opts(shared_axes=False))
    assert [child[0] for child in shown.plot.children if child[0] in figures] == figures
    assert [child[0].yaxis[0].axis_label for child in shown.plot.children] == ["a", "between", "b"]


def test_categories_follow() -> None:
    """The categories of an axis are no zoom."""
    shown = Shown(hv.Bars([("a", 1)], "name", "value"))
    axis = shown.plot.x_range
    shown.take(hv.Bars([("a", 1), ("b", 2)], "name", "value"))
    assert isinstance(axis, FactorRange)
    assert list(axis.factors) == ["a", "b"]


def test_axes_are_told_where_to_be() -> None:
    """The limits of an axis are tagged for the pages that show it, and set for pages that connect later."""
    figure = _draw(_curve(1, 2))
    pane = BokehPane(figure)
    axis = figure.y_range
    start, end = axis.start, axis.end
    assert (axis.reset_start, axis.reset_end, list(axis.tags)) == (start, end, [start, end])
    pane.show(_draw(_curve(1, 9)), moving=False)
    assert list(axis.tags) == [start, end]
    pane.show(_draw(_curve(1, 9)))
    assert axis.tags[1] > 9
    assert [axis.start, axis.end] == [axis.reset_start, axis.reset_end] == list(axis.tags)


def test_an_axis_leads_and_follows() -> None:
    """The page is asked when the place of an axis changes."""
    axis = Range1d(0, 1)
    lead(axis)
    follow(axis, 2.0, 3.0)
    assert list(axis.tags) == [2.0, 3.0]
    assert "change:tags" in axis.js_property_callbacks
