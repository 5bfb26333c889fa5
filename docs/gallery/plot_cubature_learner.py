"""An integral over a square: boxes are halved where two rules disagree."""

import math

import holoviews as hv

from adaptive_calib import BlockingRunner, CubatureLearner
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def ridge(point):
    x, y = point
    return math.exp(-60 * (x + y * y - 0.8) ** 2)


learner = CubatureLearner(ridge, bounds=[(0, 1), (0, 1)], tol=1e-3)
BlockingRunner(learner, goal=lambda learner: learner.done(), executor=SequentialExecutor())

title = f"{learner.npoints} nodes: {learner.igral:.5f} ± {learner.err:.0e}"
picture = learner.plot().opts(aspect=1, fig_inches=5, s=6, color="black", title=title)
hv.save(picture, "cubature_learner.png", dpi=90)
