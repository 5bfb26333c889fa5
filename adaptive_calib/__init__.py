"""Adaptive asynchronous sampling, made for the calibration of the EMD criterion.

Importing this package sets nothing up, and loads neither pandas nor HoloViews, dask or loky: what needs them imports
them when it is used.
"""

from adaptive_calib import learner, runner
from adaptive_calib._version import __version__
from adaptive_calib.calibration import CalibrationLearner, EpistemicDist, Experiment
from adaptive_calib.emd import Bemd, draw_R_samples, make_empirical_risk_ppf
from adaptive_calib.learner.base_learner import BaseLearner
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import AsyncRunner, BlockingRunner, Runner
from adaptive_calib.tasks import Calibrate

__all__ = [
    "AsyncRunner",
    "BaseLearner",
    "Bemd",
    "BlockingRunner",
    "Calibrate",
    "CalibrationLearner",
    "EpistemicDist",
    "Experiment",
    "Learner1D",
    "Runner",
    "SequenceLearner",
    "__version__",
    "draw_R_samples",
    "learner",
    "make_empirical_risk_ppf",
    "runner",
]
