"""Four learners in one run: the next point goes to the one with the largest loss."""

import holoviews as hv

from adaptive_calib import BalancingLearner, BlockingRunner
from adaptive_calib.learner import Learner1D
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def peak(x, width):
    return width**2 / (width**2 + (x - 0.3) ** 2)


def draw(child):
    return child.plot().opts(hv.opts.Scatter(s=8), hv.opts.Overlay(aspect=1.4, xlabel="x", ylabel="f(x)"))


widths = [0.3, 0.1, 0.03, 0.01]
learner = BalancingLearner.from_product(peak, Learner1D, {"bounds": (-1, 1)}, {"width": widths})
BlockingRunner(learner, loss_goal=0.1, executor=SequentialExecutor())

plots = learner.plot(dynamic=False, plotter=draw)
shares = [f"width {width:g}: {child.npoints} points" for width, child in zip(widths, learner.learners, strict=True)]
picture = hv.Layout([plots[width].relabel(words) for width, words in zip(widths, shares, strict=True)]).cols(2)
hv.save(picture.opts(fig_inches=3.2, sublabel_format="", hspace=0.3, vspace=0.45), "balancing_learner.png", dpi=80)
