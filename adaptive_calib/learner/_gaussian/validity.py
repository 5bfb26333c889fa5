"""Where a function has a value, for `GPLearner`: the probability of a valid one, given valid and invalid ones.

A process is fitted to labels, 1 for a valid value and -1 for another (least-squares classification). With mean m and
deviation s of it and σ of the noise of the labels, the probability is Φ(m / √(s² + σ²)). Where values are missing at
random the labels are noise, and the probability is alike everywhere.

Source: Rasmussen & Williams, Gaussian Processes for Machine Learning (2006), section 6.5.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._gaussian.process import Model, Process, fitted

__all__ = ["NONE", "label_model", "labels", "valid_chance"]

#: Smoothness of the kernel: labels are a step.
ROUGH = (1.5,)
#: Below this share of what it is on average a probability counts as `NONE`: points that are worth something only if the
#: next one had a value after all, far inside a region without, would be most of all near the end of a search.
HOPE, NONE = 0.5, 1e-9


def labels(valid: list[bool]) -> Floats:
    """Return the labels of places, shape (n, 1)."""
    return np.where(valid, 1.0, -1.0)[:, None]


def label_model(u: Floats, valid: list[bool]) -> Model:
    """Return the model of the labels of places, shape (n, N)."""
    return fitted(u, labels(valid), True, ROUGH)


def valid_chance(process: Process, u: Floats) -> Floats:
    """Return the probability of a valid value at places, shape (m,), by the process of the labels."""
    mean, deviation = process(u)
    noise = np.sqrt(process.model.noise) * process.model.scale[0]
    chance: Floats = ndtr(mean[:, 0] / np.hypot(deviation, noise))
    return np.where(chance < HOPE * np.mean(process.values > 0), NONE, chance)
