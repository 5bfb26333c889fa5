"""The familiar place of what `adaptive_calib.notebook` holds."""

from adaptive_calib.notebook import (
    active_plotting_tasks,
    ensure_holoviews,
    ensure_plotly,
    in_ipynb,
    live_info,
    live_plot,
    notebook_extension,
    should_update,
)

__all__ = [
    "active_plotting_tasks",
    "ensure_holoviews",
    "ensure_plotly",
    "in_ipynb",
    "live_info",
    "live_plot",
    "notebook_extension",
    "should_update",
]
