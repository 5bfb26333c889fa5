"""Learners, which decide where to evaluate next: plain classes with one protocol, without threads, files or clocks."""

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
