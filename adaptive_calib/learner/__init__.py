"""Where to evaluate next: plain classes behind one protocol; no threads, no files, no plots, no clocks."""

from adaptive_calib.learner.learner2D import Learner2D
from adaptive_calib.learner.learnerND import LearnerND

__all__ = ["Learner2D", "LearnerND"]
