"""The smooth mode: an error that is known, from few points."""

import math

import holoviews as hv
import numpy as np

from adaptive_calib import BlockingRunner, Learner1D
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def wave(x):
    return math.sin(8 * x * x) * math.exp(-x)


learner = Learner1D(wave, bounds=(0, 2), mode="smooth")
BlockingRunner(learner, error_goal=1e-3, executor=SequentialExecutor())

x = np.linspace(0, 2, 401)
curve = hv.Curve((x, learner.predict(x)), "x", "f(x)", label="interpolant")
points = hv.Scatter(learner.to_numpy(), "x", "f(x)", label=f"{learner.npoints} points")
picture = (curve * points.opts(color="black", s=18)).opts(aspect=1.7, fig_inches=6, legend_position="top_right")
hv.save(picture, "learner1D_smooth.png", dpi=90)
print(f"largest error: {np.abs(learner.predict(x) - [wave(t) for t in x]).max():.1e}")
