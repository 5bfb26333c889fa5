"""Results with more in them than the number that is learned: all of it is kept."""

import holoviews as hv
import numpy as np
from scipy.integrate import solve_ivp

from adaptive_calib import BlockingRunner, DataSaver, Learner1D
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def throw(angle, speed=3.0):
    """Return how far a ball flies through air that slows it, and its whole path."""

    def motion(t, y):
        vx, vy = y[2:]
        drag = np.hypot(vx, vy)
        return vx, vy, -drag * vx, -1 - drag * vy

    def ground(t, y):
        return y[1] + 1e-9 * (t < 1e-6)

    ground.terminal, ground.direction = True, -1
    start = (0, 0, speed * np.cos(angle), speed * np.sin(angle))
    flight = solve_ivp(motion, (0, 10), start, events=ground, max_step=0.05)
    return {"distance": flight.y[0, -1], "path": flight.y[:2].T}


learner = DataSaver(Learner1D(throw, bounds=(0.05, 1.5)), arg_picker=lambda result: result["distance"])
BlockingRunner(learner, npoints_goal=20, executor=SequentialExecutor())

learned = learner.plot().opts(aspect=1.3, xlabel="angle", ylabel="distance", title="what is learned")
paths = hv.Path([result["path"] for result in learner.extra_data.values()])
kept = paths.opts(aspect=1.3, color="black", linewidth=0.7, xlabel="x", ylabel="height", title="what is kept as well")
hv.save((learned + kept).opts(fig_inches=3.4, sublabel_format="", hspace=0.4), "data_saver.png", dpi=85)
