"""Calibration statistics as pure functions over arrays: the familiar front of what is done in its neighbours.

A calibration at one c is an array of B_EMD in [0, 1] and an array of B_epis (NaN: undecided), one entry per experiment.

- `pairs`: what is accepted, left out and counted; folding about 1/2;
- `bins`: equal-count bins with Jeffreys intervals; calibration errors and violations;
- `bands`: the isotonic (CORP) curve, the honest isotonic band, confidence sequences;
- `slope`: Cox's calibration slope, log and Brier score, the status of c;
- `interval`: the interval of acceptable c, the recommended c;
- `folded`: folded bins of fixed edges, with limits that hold at every look.

Each file names its sources.
"""

from adaptive_calib.calibration.bands import (
    CorpCurve,
    IsotonicBand,
    clopper_pearson,
    confidence_sequence,
    corp_curve,
    isotonic_band,
)
from adaptive_calib.calibration.bins import (
    Bins,
    CalibrationErrors,
    bin_edges,
    calibration_bins,
    calibration_errors,
    calibration_hists,
    equal_count_bins,
    get_bin_sizes,
    jeffreys_interval,
)
from adaptive_calib.calibration.folded import FoldedBins, folded_bins
from adaptive_calib.calibration.interval import AcceptableInterval, Boundary, acceptable_interval, recommended_c
from adaptive_calib.calibration.pairs import Pairs, as_pairs, fold, table_columns
from adaptive_calib.calibration.slope import (
    DEFAULT_CLIP,
    CalibrationSlope,
    Status,
    brier_score,
    calibration_slope,
    calibration_slopes,
    clip_bemd,
    log_score,
    slope_status,
)

__all__ = [
    "DEFAULT_CLIP",
    "AcceptableInterval",
    "Bins",
    "Boundary",
    "CalibrationErrors",
    "CalibrationSlope",
    "CorpCurve",
    "FoldedBins",
    "IsotonicBand",
    "Pairs",
    "Status",
    "acceptable_interval",
    "as_pairs",
    "bin_edges",
    "brier_score",
    "calibration_bins",
    "calibration_errors",
    "calibration_hists",
    "calibration_slope",
    "calibration_slopes",
    "clip_bemd",
    "clopper_pearson",
    "confidence_sequence",
    "corp_curve",
    "equal_count_bins",
    "fold",
    "folded_bins",
    "get_bin_sizes",
    "isotonic_band",
    "jeffreys_interval",
    "log_score",
    "recommended_c",
    "slope_status",
    "table_columns",
]
