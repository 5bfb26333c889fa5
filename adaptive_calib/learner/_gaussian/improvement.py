"""Where a function may be lowest: expected improvement, for `GPLearner(acquisition="minimum")`.

With mean m and deviation s of the process and the lowest value f, a value is expected to be lower than f by
(f - m) Φ(z) + s φ(z), z = (f - m)/s. Points whose values are not known yet count as if these were their means.

Sources: Jones, Schonlau & Welch, J. Global Optim. 13 (1998) 455; Ginsbourger, Le Riche & Carraro (2010), "kriging
believer" for batches.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr
from scipy.stats import qmc

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._gaussian.process import Process

__all__ = ["around", "believing", "expected_improvement"]

#: Distances at which places around the lowest point are tried, and their number for each.
SCALES, NEAR = (0.1, 0.03, 0.01, 0.003), 64


def expected_improvement(process: Process, u: Floats, lowest: float) -> Floats:
    """Return by how much values at places are expected to be below the lowest, shape (m,), in units of the values."""
    mean, deviation = process(u)
    below, s = lowest - mean[:, 0], np.maximum(deviation, 1e-300)
    improvement: Floats = below * ndtr(below / s) + s * np.exp(-((below / s) ** 2) / 2) / np.sqrt(2 * np.pi)
    return np.maximum(improvement, 0.0)


def believing(process: Process, pending: Floats) -> Process:
    """Return the process as if the values at pending places, shape (k, N), were their means."""
    if not len(pending):
        return process
    return Process(process.model, np.vstack([process.u, pending]), np.vstack([process.values, process(pending)[0]]))


def around(u: Floats) -> Floats:
    """Return places around one place, shape (m, N), in the unit box."""
    offsets = qmc.Sobol(len(u), rng=np.random.default_rng(len(u))).random(len(SCALES) * NEAR) - 0.5
    places: Floats = np.clip(u + 2 * np.repeat(SCALES, NEAR)[:, None] * offsets, 0.0, 1.0)
    return places
