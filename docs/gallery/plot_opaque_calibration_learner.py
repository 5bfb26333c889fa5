"""A calibration in which every (experiment, c) costs: values of c race, and only the undecided ones get more."""

import numpy as np

from adaptive_calib import BlockingRunner
from adaptive_calib.calibration import OpaqueCalibrationLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.view.calibration_learner import learner_view


def evaluate(point):
    """A criterion that is too bold at small c: it takes its confidence times 2 ** -log2c / 4 for granted."""
    index, log2c = point
    rng = np.random.default_rng(index)
    evidence, truth = 2 * rng.normal(), rng.uniform()
    return float(1 / (1 + np.exp(-evidence * 2 ** (-log2c / 4)))), bool(truth < 1 / (1 + np.exp(-evidence)))


learner = OpaqueCalibrationLearner(evaluate, max_experiments=512, c_bounds=(2.0**-8, 2.0**8))
BlockingRunner(learner, executor=SequentialExecutor())

print(f"{learner.npoints} evaluations; on a grid {512 * len(learner.c_list)}")
learner_view(learner).save_png("opaque_calibration_learner.png", dpi=75)
