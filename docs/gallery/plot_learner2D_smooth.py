"""The smooth mode in the plane: fewer points, an error that is known."""

import holoviews as hv
import numpy as np

from adaptive_calib import BlockingRunner, Learner2D
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def packet(xy):
    x, y = xy
    return float(np.exp(-2 * (x**2 + y**2)) * np.cos(6 * x - 3 * y))


learner = Learner2D(packet, bounds=[(-1, 1), (-1, 1)], mode="smooth")
BlockingRunner(learner, error_goal=0.02, executor=SequentialExecutor())

points = hv.Points(list(learner.data)).opts(color="white", s=12)
image = learner.plot(n=150, tri_alpha=0.2)
picture = (image * points).opts(hv.opts.Image(colorbar=True), hv.opts.Overlay(fig_inches=5, xticks=5, yticks=5))
hv.save(picture, "learner2D_smooth.png", dpi=90)
grid = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
print(learner.claim())
print(f"largest error: {np.abs(learner.predict(grid) - [packet(xy) for xy in grid]).max():.1e}")
