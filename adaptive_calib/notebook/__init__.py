"""Live views of a run in Jupyter. Importing this sets nothing up and loads no display library."""

from adaptive_calib.notebook.environment import (
    ensure_holoviews,
    ensure_plotly,
    in_ipynb,
    notebook_extension,
    should_update,
)
from adaptive_calib.notebook.info import live_info
from adaptive_calib.notebook.plot import active_plotting_tasks, live_plot

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
