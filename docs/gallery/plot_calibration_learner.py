"""A calibration: values of c are added where the answer changes, experiments until it is known."""

from adaptive_calib import BlockingRunner, CalibrationLearner
from adaptive_calib.examples.blackbody.distributions import Infrared
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.view.calibration_learner import learner_view

learner = CalibrationLearner(Infrared(96), Ldata=512, Linf=4096, c_bounds=(2.0**-8, 2.0**8), c_tol=2.0)
BlockingRunner(learner, executor=SequentialExecutor())

learner_view(learner).save_png("calibration_learner.png", dpi=75)
