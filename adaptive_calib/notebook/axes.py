"""Axes that follow the data until the user drags or zooms, and again after the reset button.

Python says where an axis should be; the page moves it there only if it still is where Python put it last. To decide
this on the page costs no question to it, and comes in time for a drag that goes on while a frame is drawn.
"""

from __future__ import annotations

from typing import Any

from bokeh.models import CustomJS, Range1d

__all__ = ["follow", "lead"]

_FOLLOW = """
const [start, end] = axis.tags
const at_home = axis.start === axis.reset_start && axis.end === axis.reset_end
axis.setv({reset_start: start, reset_end: end})
if (at_home) { axis.setv({start: start, end: end}) }
"""


def lead(axis: Range1d) -> None:
    """Make an axis follow; before it is displayed."""
    axis.update(tags=[axis.start, axis.end], reset_start=axis.start, reset_end=axis.end)
    axis.js_on_change("tags", CustomJS(args={"axis": axis}, code=_FOLLOW))


def follow(axis: Range1d, start: Any, end: Any) -> None:
    """Say where an axis should be, in numbers or times: there at once, or after a reset."""
    axis.tags = [start, end]
