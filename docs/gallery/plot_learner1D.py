"""A line with a narrow peak: points where it bends."""

import holoviews as hv

from adaptive_calib import BlockingRunner, Learner1D
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def peak(x, width=0.02):
    return x + width**2 / (width**2 + (x - 0.3) ** 2)


learner = Learner1D(peak, bounds=(-1, 1))
BlockingRunner(learner, loss_goal=0.03, executor=SequentialExecutor())

picture = learner.plot(scatter_or_line="line") * learner.plot()
hv.save(picture.opts(aspect=1.7, fig_inches=6, xlabel="x", ylabel="f(x)", xticks=5), "learner1D.png", dpi=90)
