"""A function of six numbers: cuts through it along the three axes on which it changes fastest."""

import holoviews as hv
import numpy as np

from adaptive_calib import BlockingRunner, GPLearner
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def response(p):
    return float(np.sin(np.pi * p[0] * p[1]) + 2 * (p[2] - 0.5) ** 2 + p[3] + p[4] / 2)  # p[5] has no effect


learner = GPLearner(response, bounds=[(0, 1)] * 6)
BlockingRunner(learner, error_goal=0.1, executor=SequentialExecutor())

picture = learner.plot().opts(hv.opts.Image(fig_inches=3), hv.opts.Layout(fig_inches=3, sublabel_format="", hspace=0.4))
hv.save(picture, "gp_learner.png", dpi=80)
print(f"{learner.npoints} points; axes by speed {learner.fastest_axes()}; {learner.claim()}")
