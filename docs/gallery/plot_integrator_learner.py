"""An integral: nodes of rules of higher and higher order, and intervals cut where that does not help."""

import math

import holoviews as hv

from adaptive_calib import BlockingRunner, IntegratorLearner
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def cusp(x):
    return math.sqrt(abs(x - 0.3)) * math.cos(3 * x)


learner = IntegratorLearner(cusp, bounds=(-1, 1), tol=1e-8)
BlockingRunner(learner, goal=lambda learner: learner.done(), executor=SequentialExecutor())

title = f"{learner.npoints} nodes: {learner.igral:.8f} ± {learner.err:.0e}"
nodes = hv.Scatter(learner.to_numpy(), "x", "f(x)").opts(s=8, color="black")
picture = (learner.plot() * nodes).opts(aspect=1.7, fig_inches=6, xlabel="x", ylabel="f(x)", xticks=5, title=title)
hv.save(picture, "integrator_learner.png", dpi=90)
