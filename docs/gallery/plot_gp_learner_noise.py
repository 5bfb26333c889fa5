"""A noisy function of two numbers: each place is evaluated once, and the noise is averaged between places."""

import random

import holoviews as hv
import numpy as np

from adaptive_calib import BlockingRunner, GPLearner
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def mean(x, y):
    return np.exp(-4 * ((x - 0.4) ** 2 + (y - 0.6) ** 2))


def sample(xy):
    return float(mean(*xy)) + random.Random(repr(xy)).gauss(0, 0.3)


learner = GPLearner(sample, bounds=[(0, 1), (0, 1)], noise=True)
BlockingRunner(learner, npoints_goal=300, executor=SequentialExecutor())

truth = hv.Image(np.rot90(mean(*np.meshgrid(*[np.linspace(0, 1, 101)] * 2, indexing="ij"))), bounds=(0, 0, 1, 1))
picture = learner.plot().relabel("mean of 300 noisy values") + truth.relabel("truth")
picture = picture.opts(
    hv.opts.Image(cmap="viridis", clim=(0, 1)), hv.opts.Layout(fig_inches=4, sublabel_format="", hspace=0.3)
)
hv.save(picture, "gp_learner_noise.png", dpi=80)
print(learner.claim())
