"""A noisy line: another sample here, or a new place?"""

import random

import holoviews as hv

from adaptive_calib import AverageLearner1D, BlockingRunner
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def noisy_line(seed_x, sigma=0.5):
    seed, x = seed_x
    return x**3 - x + random.Random(hash((seed, x))).gauss(0, sigma)


learner = AverageLearner1D(noisy_line, bounds=(-1.5, 1.5), min_samples=10, max_samples=100)
BlockingRunner(learner, npoints_goal=32, executor=SequentialExecutor())

title = f"{learner.npoints} places, {learner.nsamples} samples"
picture = learner.plot().opts(aspect=1.7, fig_inches=6, xlabel="x", ylabel="mean of f(x)", title=title)
hv.save(picture, "average_learner1D.png", dpi=90)
