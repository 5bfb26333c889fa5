"""A noisy curve, with the noise averaged over places."""

import random

import holoviews as hv

from adaptive_calib import AverageLearner1D, BlockingRunner
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def resonance(point):
    seed, x = point
    noise = random.Random(f"{seed} {x}").gauss(0, 0.15)
    return 1 / (1 + ((x - 0.3) / 0.05) ** 2) + noise


learner = AverageLearner1D(resonance, bounds=(-1, 1), mode="shared")
BlockingRunner(learner, goal=lambda learner: learner.nsamples >= 600, executor=SequentialExecutor())

picture = learner.plot().opts(
    hv.opts.Scatter(color="gray", s=5, alpha=0.5),
    hv.opts.Curve(color="black"),
    hv.opts.Overlay(aspect=1.7, fig_inches=6),
)
hv.save(picture, "average_learner1D_shared.png", dpi=90)
print(f"{learner.nsamples} samples at {learner.npoints} places; {learner.claim()}")
