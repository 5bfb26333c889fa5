"""Division of the error probability of a calibration among all c that it may look at.

All c that an `Axis` may add form a family that is fixed in advance, so that evidence may be computed from all
experiments, those before a c was added included:

- the *lattice*: the first values of c and those by which the axis is extended outwards, tested together by closed
  testing (`evidence.closed_mean`). Weight 1 for each first value, 1/4, 1/8, ... for the steps outwards on either side;
- the *gaps* between neighbours of the lattice, with the same weights, and in each gap the values reached by bisection.
  A gap is bisected towards a boundary, so at each level one value is looked at as long as no decision was wrong; what
  comes before the first wrong decision is all that counts. Level l of d has the share 2^(l-1) / (2^d - 1) of its gap:
  the last level lies nearest to the boundary and is the hardest to decide;
- *others*: values of c that a user adds; in the order in which they came 1/2, 1/4, ... of a small share.

The shares of the three add up to 1; with a fixed list of c the lattice has what the gaps would have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from adaptive_calib._arrays import Bools, Floats
from adaptive_calib.calibration.axis import Axis
from adaptive_calib.calibration.evidence import closed_mean

__all__ = ["Family"]

LATTICE, GAPS, OTHERS = 0.4, 0.55, 0.05


@dataclass(frozen=True)
class Family:
    """The family of c of one axis, and the error probability of one side of its decisions.

    Parameters
    ----------
    axis : Axis
        Which c may be looked at.
    alpha : float
        Probability that any c is wrongly accepted, at any time; the same for wrongly rejected.
    """

    axis: Axis
    alpha: float

    @classmethod
    def of(cls, axis: Axis, confidence: float, distributions: int = 1) -> Family:
        """Return the family whose decisions, accepting and rejecting, are all right with probability `confidence`.

        Of several `distributions` each has its part of the error probability.

        Raises
        ------
        ValueError
            If `confidence` does not lie between 1/2 and 1.
        """
        if not (isinstance(confidence, int | float) and 0.5 < confidence < 1):
            raise ValueError(f"`confidence` should lie between 1/2 and 1, such as 0.95, but is {confidence!r}.")
        return cls(axis, (1 - confidence) / 2 / distributions)

    def first_reached(self, log2c: Sequence[float], log_e: Floats, allowed: Bools, start: int = 0) -> NDArray[np.intp]:
        """Return the first row in which the evidence of each c reaches its bound; n where it does not, shape (n_c,).

        Parameters
        ----------
        log2c, log_e
            As for `adjusted`.
        allowed : array of bool, shape (n, n_c)
            Where a c may be decided.
        start : int
            The first row in which one may be.
        """
        n = len(log_e)
        reached = np.full(len(log2c), n)
        least = -math.log(self.alpha)  # an adjusted value is not larger than the value
        stop = start
        while stop < n and (reached == n).any():
            begin, stop = stop, min(max(2 * stop, 64), n)
            rows = begin + np.flatnonzero((log_e[begin:stop, reached == n] >= least).any(axis=1))
            if rows.size:
                there = (self.adjusted(log2c, log_e[rows]) >= 0) & allowed[rows]
                new = there.any(axis=0) & (reached == n)
                reached[new] = rows[there.argmax(axis=0)[new]]
        return reached

    def adjusted(self, log2c: Sequence[float], log_e: Floats) -> Floats:
        """Return the log evidence of each c relative to its bound, shape (n, n_c): a c is decided where it is >= 0.

        Parameters
        ----------
        log2c : sequence of float, n_c values
            In the order in which they were added.
        log_e : array, shape (n, n_c)
            Logarithms of the e-processes.
        """
        lattice = self._lattice()
        shares = np.array([lattice.get(x, 0.0) for x in log2c])
        on = shares > 0
        out = np.full(log_e.shape, -np.inf)
        whole = 1 - OTHERS if self.axis.tol is None else LATTICE
        if on.any():
            rest = max(sum(lattice.values()) - shares.sum(), 0.0)
            out[:, on] = closed_mean(log_e[:, on], shares[on], rest) + math.log(self.alpha * whole)
        others = 0
        for k in map(int, np.flatnonzero(~on)):
            share = self._gap_share(log2c[k], lattice)
            if share == 0:
                others += 1
                share = OTHERS * 0.5**others
            out[:, k] = log_e[:, k] + math.log(self.alpha * share)
        return out

    def _lattice(self) -> dict[float, float]:
        """Weights of the first values and of the steps outwards."""
        axis = self.axis
        weights = dict.fromkeys(axis.start, 1.0)
        if axis.tol is None:
            return weights
        for end, bound, sign in ((min(axis.start), axis.bounds[0], -1), (max(axis.start), axis.bounds[1], 1)):
            x, weight = end, 0.5
            while x != bound:
                x = max(x - axis.step, bound) if sign < 0 else min(x + axis.step, bound)
                weight /= 2
                weights[x] = weight
        return weights

    def _gap_share(self, x: float, lattice: dict[float, float]) -> float:
        """Share of a value reached by bisection; 0 if it is none."""
        points = sorted(lattice)
        k = int(np.searchsorted(points, x))
        if self.axis.tol is None or not 0 < k < len(points):
            return 0.0
        low, high = points[k - 1], points[k]
        depth = math.ceil(math.log2((high - low) / self.axis.tol)) if high - low > self.axis.tol else 0
        weights = [min(lattice[a], lattice[b]) for a, b in pairwise(points)]
        for level in range(1, depth + 1):
            place = (x - low) / (high - low) * 2**level
            if place == int(place) and int(place) % 2:
                gap = weights[k - 1] / sum(weights)
                return float(GAPS * gap * 2 ** (level - 1) / (2**depth - 1))
        return 0.0
