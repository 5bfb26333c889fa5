"""emdcmp's familiar place for calibration plots: ``from adaptive_calib.viz import calibration_plot``.

For all panels of a calibration, with bands, see `adaptive_calib.view.CalibrationView`. Importing this loads HoloViews.
"""

from adaptive_calib.calibration.bins import calibration_bins, calibration_hists
from adaptive_calib.view.familiar_plot import CalibrationPlotElements, calibration_plot

__all__ = ["CalibrationPlotElements", "calibration_bins", "calibration_hists", "calibration_plot"]
