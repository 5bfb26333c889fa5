"""A random number: samples until the mean is known well enough."""

import random

import holoviews as hv

from adaptive_calib import AverageLearner, BlockingRunner
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def noisy(seed):
    return random.Random(seed).gauss(0.5, 1)


learner = AverageLearner(noisy, atol=0.03)
BlockingRunner(learner, loss_goal=1, executor=SequentialExecutor())

error = learner.std / learner.npoints**0.5
title = f"{learner.npoints} samples: {learner.mean:.2f} ± {error:.2f}"
picture = learner.plot() * hv.VLine(learner.mean).opts(color="black")
hv.save(picture.opts(aspect=1.7, fig_inches=6, title=title), "average_learner.png", dpi=90)
