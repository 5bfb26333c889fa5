"""A sphere in three dimensions: a cut through it, and in two dimensions a line of equal value."""

import holoviews as hv
import numpy as np

from adaptive_calib import BlockingRunner, LearnerND
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def sphere(point, radius=0.7, width=0.25):
    return float(np.exp(-(((np.linalg.norm(point) - radius) / width) ** 2)))


solid = LearnerND(sphere, bounds=[(-1, 1)] * 3)
BlockingRunner(solid, npoints_goal=800, executor=SequentialExecutor())
flat = LearnerND(sphere, bounds=[(-1, 1)] * 2)
BlockingRunner(flat, npoints_goal=250, executor=SequentialExecutor())

cut = solid.plot_slice({2: 0.2}, n=120).relabel("800 points, cut at z = 0.2")
line = flat.plot_isoline(0.5, n=120, tri_alpha=0.4).relabel("250 points, where it is 0.5")
picture = (cut + line).opts(fig_inches=4, sublabel_format="", hspace=0.3)
hv.save(picture, "learnerND.png", dpi=90)
