"""Plots, tables and text: numbers and states first, then their drawing by HoloViews, Matplotlib, HTML or text.

The names are imported when they are first used: HoloViews and Matplotlib are not loaded before something is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_calib._lazy import attach

if TYPE_CHECKING:
    from adaptive_calib.calibration.bins import calibration_bins, calibration_hists
    from adaptive_calib.view.calibration import CalibrationView
    from adaptive_calib.view.calibration_learner import learner_view
    from adaptive_calib.view.calibration_numbers import CalibrationData, calibration_data
    from adaptive_calib.view.familiar_plot import CalibrationPlotElements, calibration_plot

__all__ = [
    "CalibrationData",
    "CalibrationPlotElements",
    "CalibrationView",
    "calibration_bins",
    "calibration_data",
    "calibration_hists",
    "calibration_plot",
    "learner_view",
]

__getattr__, __dir__ = attach(
    globals(),
    {
        "adaptive_calib.calibration.bins": ("calibration_bins", "calibration_hists"),
        "adaptive_calib.view.calibration": ("CalibrationView",),
        "adaptive_calib.view.calibration_learner": ("learner_view",),
        "adaptive_calib.view.calibration_numbers": ("CalibrationData", "calibration_data"),
        "adaptive_calib.view.familiar_plot": ("CalibrationPlotElements", "calibration_plot"),
    },
)
