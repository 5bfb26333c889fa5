"""Noise that differs from place to place, for `GPLearner`: its variance relative to the mean of all places.

Each value, left out, is missed by e standard deviations; e² is 1 on average where the noise is as assumed. The level at
a place is the mean of e² around it. As chance alone moves that mean, the differences from 1 are shrunk by the share of
their variance that chance explains; if that is most of it, the noise is taken as even.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from adaptive_calib._arrays import Floats

__all__ = ["Level", "uneven"]

#: Distance over which e² is averaged; lowest relative variance; share of the variance that has to be more than chance.
WIDTH, LOWEST, SHARE = 0.2, 0.02, 0.6


@dataclass(frozen=True)
class Level:
    """Relative variance of the noise as a function of the place.

    Attributes
    ----------
    u : array, shape (n, N)
        Places of values.
    squares : array, shape (n,)
        e² of these.
    share : float
        What is kept of differences from 1.
    """

    u: Floats
    squares: Floats
    share: float

    def __call__(self, u: Floats) -> Floats:
        """Return the relative variance, shape (m,)."""
        return np.maximum(1 + self.share * (_around(u, self.u)[0] @ self.squares - 1), LOWEST)


def _around(u: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Return weights of other places, of sum 1 for each place, and the variance by chance of the mean of their e²."""
    weights = np.exp(-((cdist(u, others) / (WIDTH * np.sqrt(u.shape[1] / 2))) ** 2)) + 1e-12
    weights /= weights.sum(axis=1, keepdims=True)
    return weights, 2 * (weights**2).sum(axis=1)


def uneven(u: Floats, missed: Floats) -> Level | None:
    """Return the level of the noise; None if it is even.

    Parameters
    ----------
    u : array, shape (n, N)
    missed : array, shape (n, M)
        By how many standard deviations each value is missed if left out.
    """
    squares = (missed**2).mean(axis=1)
    if not squares.any():
        return None
    squares /= squares.mean()
    weights, chance = _around(u, u)
    variance = float(np.mean((weights @ squares - 1) ** 2))
    share = 1 - float(chance.mean()) / missed.shape[1] / variance if variance > 0 else 0.0
    return Level(u, squares, share) if share > SHARE else None
