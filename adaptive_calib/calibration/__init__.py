"""The domain: what is learned in a calibration, from what, and how it is judged."""

from adaptive_calib.calibration.bins import calibration_bins, calibration_hists, get_bin_sizes
from adaptive_calib.calibration.data_sizes import DataSizeStudy
from adaptive_calib.calibration.evaluate import EvaluateExperiment, ExperimentError, Record, Sampling
from adaptive_calib.calibration.experiment import EpistemicDist, Experiment, SeveralDistributions, Stream, stream
from adaptive_calib.calibration.labels import FixedLabel, PairedSums, SequentialLabel
from adaptive_calib.calibration.learner import CalibrationLearner
from adaptive_calib.calibration.opaque import OpaqueCalibrationLearner
from adaptive_calib.calibration.result import CalibrateOutput, CalibrateResult, calib_point_dtype, read_result
from adaptive_calib.calibration.summary import Summary, SummaryRow, format_summary, summarise

__all__ = [
    "CalibrateOutput",
    "CalibrateResult",
    "CalibrationLearner",
    "DataSizeStudy",
    "EpistemicDist",
    "EvaluateExperiment",
    "Experiment",
    "ExperimentError",
    "FixedLabel",
    "OpaqueCalibrationLearner",
    "PairedSums",
    "Record",
    "Sampling",
    "SequentialLabel",
    "SeveralDistributions",
    "Stream",
    "Summary",
    "SummaryRow",
    "calib_point_dtype",
    "calibration_bins",
    "calibration_hists",
    "format_summary",
    "get_bin_sizes",
    "read_result",
    "stream",
    "summarise",
]
