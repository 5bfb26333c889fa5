"""Learners, which decide where to evaluate next: plain classes with one protocol, without threads, files or clocks.

Each name is loaded when it is first used: a worker process that unpickles the function of one learner should not wait
for the libraries of all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptive_calib._lazy import attach

if TYPE_CHECKING:
    from adaptive_calib.learner.average_learner import AverageLearner
    from adaptive_calib.learner.average_learner1D import AverageLearner1D
    from adaptive_calib.learner.balancing_learner import BalancingLearner
    from adaptive_calib.learner.base_learner import BaseLearner
    from adaptive_calib.learner.claims import Claim
    from adaptive_calib.learner.cubature_learner import CubatureLearner
    from adaptive_calib.learner.data_saver import DataSaver, make_datasaver
    from adaptive_calib.learner.gp_learner import GPLearner
    from adaptive_calib.learner.integrator_learner import IntegratorLearner
    from adaptive_calib.learner.learner1D import Learner1D
    from adaptive_calib.learner.learner2D import Learner2D
    from adaptive_calib.learner.learnerND import LearnerND
    from adaptive_calib.learner.sequence_learner import SequenceLearner

__all__ = [
    "AverageLearner",
    "AverageLearner1D",
    "BalancingLearner",
    "BaseLearner",
    "Claim",
    "CubatureLearner",
    "DataSaver",
    "GPLearner",
    "IntegratorLearner",
    "Learner1D",
    "Learner2D",
    "LearnerND",
    "SequenceLearner",
    "make_datasaver",
]

__getattr__, __dir__ = attach(
    globals(),
    {
        "adaptive_calib.learner.average_learner": ["AverageLearner"],
        "adaptive_calib.learner.average_learner1D": ["AverageLearner1D"],
        "adaptive_calib.learner.balancing_learner": ["BalancingLearner"],
        "adaptive_calib.learner.base_learner": ["BaseLearner"],
        "adaptive_calib.learner.claims": ["Claim"],
        "adaptive_calib.learner.cubature_learner": ["CubatureLearner"],
        "adaptive_calib.learner.data_saver": ["DataSaver", "make_datasaver"],
        "adaptive_calib.learner.gp_learner": ["GPLearner"],
        "adaptive_calib.learner.integrator_learner": ["IntegratorLearner"],
        "adaptive_calib.learner.learner1D": ["Learner1D"],
        "adaptive_calib.learner.learner2D": ["Learner2D"],
        "adaptive_calib.learner.learnerND": ["LearnerND"],
        "adaptive_calib.learner.sequence_learner": ["SequenceLearner"],
    },
    submodules=[
        "average_learner",
        "average_learner1D",
        "balancing_learner",
        "base_learner",
        "carried_point",
        "claims",
        "coroutines",
        "cubature_learner",
        "data_saver",
        "gp_learner",
        "integrator_coeffs",
        "integrator_learner",
        "learner1D",
        "learner2D",
        "learnerND",
        "losses1D",
        "losses2D",
        "lossesND",
        "protocol",
        "sequence_learner",
        "smooth1D",
        "triangulation",
        "triangulation_backend",
        "values",
    ],
)
