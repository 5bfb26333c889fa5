"""A list of points, evaluated in their order."""

import holoviews as hv
import numpy as np

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor

hv.extension("matplotlib")


def logistic(growth):
    """Return where x -> r x (1 - x) ends up."""
    x = 0.5
    for _ in range(500):
        x = growth * x * (1 - x)
    ends = []
    for _ in range(60):
        x = growth * x * (1 - x)
        ends.append(x)
    return ends


learner = SequenceLearner(logistic, np.linspace(2.8, 4, 300))
BlockingRunner(learner, executor=SequentialExecutor())

points = np.array([(r, x) for r, ends in zip(learner.sequence, learner.result(), strict=True) for x in ends])
picture = hv.Scatter(points, "growth r", "x in the end").opts(s=0.4, color="black", aspect=1.7, fig_inches=6)
hv.save(picture, "sequence_learner.png", dpi=90)
