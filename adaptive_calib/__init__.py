"""Adaptive asynchronous sampling, made for the calibration of the EMD criterion.

Importing this package sets nothing up and loads next to nothing: each name is loaded when it is first used. Worker
processes import the package too, and should not pay for what they do not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_calib._lazy import attach
from adaptive_calib._version import __version__

if TYPE_CHECKING:
    from adaptive_calib import learner, runner, utils
    from adaptive_calib.calibration import CalibrationLearner, EpistemicDist, Experiment
    from adaptive_calib.emd import Bemd, draw_R_samples, interp1d, make_empirical_risk_ppf
    from adaptive_calib.learner import (
        AverageLearner,
        AverageLearner1D,
        BalancingLearner,
        BaseLearner,
        CubatureLearner,
        DataSaver,
        GPLearner,
        IntegratorLearner,
        Learner1D,
        Learner2D,
        LearnerND,
        SequenceLearner,
        make_datasaver,
    )
    from adaptive_calib.notebook import active_plotting_tasks, live_plot, notebook_extension
    from adaptive_calib.runner import AsyncRunner, BlockingRunner, Runner
    from adaptive_calib.tasks import Calibrate

__all__ = [
    "AsyncRunner",
    "AverageLearner",
    "AverageLearner1D",
    "BalancingLearner",
    "BaseLearner",
    "Bemd",
    "BlockingRunner",
    "Calibrate",
    "CalibrationLearner",
    "CubatureLearner",
    "DataSaver",
    "EpistemicDist",
    "Experiment",
    "GPLearner",
    "IntegratorLearner",
    "Learner1D",
    "Learner2D",
    "LearnerND",
    "Runner",
    "SequenceLearner",
    "__version__",
    "active_plotting_tasks",
    "draw_R_samples",
    "interp1d",
    "learner",
    "live_plot",
    "make_datasaver",
    "make_empirical_risk_ppf",
    "notebook_extension",
    "runner",
    "utils",
]

__getattr__, __dir__ = attach(
    globals(),
    {
        "adaptive_calib.calibration": ("CalibrationLearner", "EpistemicDist", "Experiment"),
        "adaptive_calib.emd": ("Bemd", "draw_R_samples", "interp1d", "make_empirical_risk_ppf"),
        "adaptive_calib.learner": (
            "AverageLearner",
            "AverageLearner1D",
            "BalancingLearner",
            "BaseLearner",
            "CubatureLearner",
            "DataSaver",
            "GPLearner",
            "IntegratorLearner",
            "Learner1D",
            "Learner2D",
            "LearnerND",
            "SequenceLearner",
            "make_datasaver",
        ),
        "adaptive_calib.notebook": ("active_plotting_tasks", "live_plot", "notebook_extension"),
        "adaptive_calib.runner": ("AsyncRunner", "BlockingRunner", "Runner"),
        "adaptive_calib.tasks": ("Calibrate",),
    },
    submodules=("learner", "runner", "utils", "types", "notebook_integration", "path_sampling", "tasks", "viz"),
)
