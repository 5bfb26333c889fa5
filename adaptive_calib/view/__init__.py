"""What is seen: pure data first, then HoloViews, Matplotlib or text.

The names here are loaded when they are first used: HoloViews and Matplotlib are not imported before something is drawn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adaptive_calib.calibration.bins import calibration_bins, calibration_hists
    from adaptive_calib.view.calibration import CalibrationData, CalibrationView, calibration_data
    from adaptive_calib.view.familiar_plot import CalibrationPlotElements, calibration_plot

__all__ = [
    "CalibrationData",
    "CalibrationPlotElements",
    "CalibrationView",
    "calibration_bins",
    "calibration_data",
    "calibration_hists",
    "calibration_plot",
]

_HOMES = {
    "CalibrationData": "adaptive_calib.view.calibration",
    "CalibrationPlotElements": "adaptive_calib.view.familiar_plot",
    "CalibrationView": "adaptive_calib.view.calibration",
    "calibration_bins": "adaptive_calib.calibration.bins",
    "calibration_data": "adaptive_calib.view.calibration",
    "calibration_hists": "adaptive_calib.calibration.bins",
    "calibration_plot": "adaptive_calib.view.familiar_plot",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
