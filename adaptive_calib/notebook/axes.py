"""Axes that follow the data until the user drags or zooms, and again after the reset button.

Python sets the limits of an axis; the page applies them only if the axis still is at the limits that were set before.
The decision is made on the page: it needs no message, and it holds for a drag that goes on while a frame is drawn.
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
    """Make an axis follow; to be called before it is displayed."""
    axis.update(tags=[axis.start, axis.end], reset_start=axis.start, reset_end=axis.end)
    axis.js_on_change("tags", CustomJS(args={"axis": axis}, code=_FOLLOW))


def follow(axis: Range1d, start: Any, end: Any) -> None:
    """Set where an axis should be, in numbers or times: the page moves it there, now or at a reset."""
    axis.update(start=start, end=end, reset_start=start, reset_end=end)  # for pages that connect later
    axis.tags = [start, end]
