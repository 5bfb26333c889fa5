"""A place on the page where a plot stands, of which each frame changes only what differs from the last."""

from __future__ import annotations

import importlib
from typing import Any

from bokeh.layouts import column
from bokeh.models import LayoutDOM, Range1d

from adaptive_calib.notebook.axes import follow, lead
from adaptive_calib.notebook.bokeh_diff import ModelDiff

__all__ = ["BokehPane"]

panel: Any = importlib.import_module("panel")  # has no types


class BokehPane:
    """A plot in a place of its own.

    Parameters
    ----------
    plot : bokeh model
        The first frame.
    """

    def __init__(self, plot: LayoutDOM) -> None:
        root = _framed(plot)
        self._diff = ModelDiff(root)
        self._following: set[Range1d] = set()
        self._lead()
        self._pane = panel.pane.Bokeh(root)

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what displays this place, as media type -> content, and its metadata; to be called once."""
        data, metadata = self._pane._repr_mimebundle_()
        return data, metadata

    def show(self, plot: LayoutDOM, moving: bool = True) -> None:
        """Show the next frame, with axes that move to where it has them if `moving`, unless the user has moved them."""
        for shown, new in self._diff.apply(_framed(plot)).items():
            if moving and isinstance(shown, Range1d) and isinstance(new, Range1d):
                follow(shown, new.start, new.end)
        self._lead()
        self.push()

    def push(self) -> None:
        """Send what was changed in the models."""
        panel.io.push_notebook(self._pane)

    def _lead(self) -> None:
        """Make axes follow that are new."""
        axes = {axis for axis in self._diff.ranges() if isinstance(axis, Range1d)}
        for axis in axes - self._following:
            lead(axis)
        self._following = axes


def _framed(plot: LayoutDOM) -> LayoutDOM:
    """Put a plot into a frame, to which Panel and the page may do what they like."""
    return column(plot, sizing_mode=plot.sizing_mode)
