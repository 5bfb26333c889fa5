"""A ring in the plane, with the triangles between the points."""

import holoviews as hv
import numpy as np

from adaptive_calib import BlockingRunner, Learner2D
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def ring(xy):
    x, y = xy
    return x + float(np.exp(-((x**2 + y**2 - 0.75**2) ** 2) / 0.3**4))


learner = Learner2D(ring, bounds=[(-1, 1), (-1, 1)])
BlockingRunner(learner, npoints_goal=400, executor=SequentialExecutor())

picture = learner.plot(n=150, tri_alpha=0.5)
hv.save(
    picture.opts(hv.opts.Image(colorbar=True), hv.opts.Overlay(fig_inches=5, xticks=5, yticks=5)),
    "learner2D.png",
    dpi=90,
)
