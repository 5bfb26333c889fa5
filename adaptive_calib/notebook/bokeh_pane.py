"""A plot in a `LiveDocument`: each frame changes the models that differ from the last one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bokeh.layouts import column
from bokeh.models import LayoutDOM, Range1d

from adaptive_calib.notebook.axes import follow, lead
from adaptive_calib.notebook.bokeh_diff import ModelDiff
from adaptive_calib.notebook.live_document import LiveDocument

__all__ = ["BokehPane"]


class BokehPane:
    """A plot that pages show, whichever frame it has.

    Parameters
    ----------
    plot : bokeh model
        The first frame.
    document : LiveDocument, optional
        The document in which the plot takes the place of another one; by default a new one.
    lock, refresh : optional
        Of a new `LiveDocument`.
    """

    def __init__(
        self,
        plot: LayoutDOM,
        document: LiveDocument | None = None,
        lock: Any = None,
        refresh: Callable[[], None] | None = None,
    ) -> None:
        self.plot: Any = plot
        root = _framed(plot)
        self._diff = ModelDiff(root)
        self._following: set[Range1d] = set()
        self._lead()
        if document is None:
            document = LiveDocument(root, lock, refresh)
        else:
            document.replace(root)
        self.document = document

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return media type -> content, and metadata, of an output that shows the plot."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.document.model_id}
        words = "a live plot; see learner.plot() for the plot as it is now"
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": words}, {}

    def show(self, plot: LayoutDOM, moving: bool = True) -> None:
        """Show the next frame, with axes that move to where it has them if `moving`, unless the user has moved them."""
        for shown, new in self._diff.apply(_framed(plot)).items():
            if moving and isinstance(shown, Range1d) and isinstance(new, Range1d):
                follow(shown, new.start, new.end)
        self._lead()
        self.document.push()

    def _lead(self) -> None:
        """Make axes follow that are new."""
        axes = {axis for axis in self._diff.ranges() if isinstance(axis, Range1d)}
        for axis in axes - self._following:
            lead(axis)
        self._following = axes


def _framed(plot: LayoutDOM) -> LayoutDOM:
    """Put a plot into a column, so that the root of the document stays when the plot is another one."""
    return column(plot, sizing_mode=plot.sizing_mode)
