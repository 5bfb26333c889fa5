"""The grid of the process as a binary tree: filling paths from the root down, integrating them from the leaves up.

The grid has 2**res + 1 points, Φ_i = i h with h = 2**−res. An interior point i is a *node*: with D = i & −i, its lowest
set bit, its parents are i − D and i + D, and its level is res − log2 D; the root is the middle. A path is made by

    q[i] = q[i−D] + (q[i+D] − q[i−D]) x[i],      coarse to fine,  0 ≤ x ≤ 1

and its expected risk is R = Σ w_i q[i] with Simpson's weights w = (h/3)(1, 4, 2, 4, …, 2, 4, 1).

R needs no path. For a subtree whose path goes from 0 to 1, let Z be the weighted sum over its nodes and W the sum of
their weights. A node with weight w, factor x and children Z_l, Z_r of weights W_l, W_r has

    Z = x (w + W_r + Z_l) + (1 − x) Z_r = Z_r + x (A + Z_l − Z_r),      A = w + W_r

and in Simpson's rule A is 2**−level for every node but the leaves of the tree, where it is 4h/3. With Y = h/3 + Z_root,

    R = q[0] + (q[−1] − q[0]) Y,     Y independent of the two ends.

That takes 4 operations a node, no matrix product (whose last bits would depend on the library and its threads), and is
elementwise over the paths: a path has the same R to the last bit whatever others are in the batch.

Nodes are stored in *draw order*: leaves first, the root last; each level sorted by bit-reversed position, so that the
left children of a level are the first half of the level below, and the right ones the second, in the order of their
parents. Every operation then runs over contiguous memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from adaptive_calib._arrays import Floats

__all__ = ["Level", "Tree", "simpson_weights", "tree_of"]

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Level:
    """The nodes of one level: their rows in draw order, their points on the grid, their distance to their parents."""

    rows: slice
    points: Indices
    distance: int


@dataclass(frozen=True)
class Tree:
    """Quantities that depend on `res` only; made by `tree_of`.

    Attributes
    ----------
    res
        Number of levels, at least 1.
    levels : tuple of Level
        Fine to coarse.
    order : array of int, shape (2**res − 1,)
        Grid point minus 1 of each node in draw order: ``natural[order]`` is in draw order.
    """

    res: int
    levels: tuple[Level, ...]
    order: Indices

    @property
    def nodes(self) -> int:
        """Number of nodes, 2**res − 1."""
        return (1 << self.res) - 1

    @property
    def leaf_weight(self) -> float:
        """A of the finest level, 4h/3."""
        return 4.0 / (3.0 * (1 << self.res))

    @property
    def end_weight(self) -> float:
        """Simpson's weight of the last point, h/3."""
        return 1.0 / (3.0 * (1 << self.res))

    def integrate(self, x: Floats) -> Floats:
        """Return Y of each path, shape (n,), from the factors `x`, shape (nodes, n), in draw order."""
        half = 1 << (self.res - 1)
        leaf = self.leaf_weight
        below, start = x[:half], half
        if self.res == 1:
            only: Floats = below[0] * leaf + self.end_weight
            return only
        half //= 2
        right = below[half:] * leaf
        value = below[:half] * leaf
        while True:
            value -= right
            value += 0.5 / half  # A = 2**-level; the level has `half` = 2**(level - 1) nodes
            value *= x[start : start + half]
            value += right
            start += half
            half //= 2
            if half == 0:
                break
            right = value[half:]
            value = value[:half]
        total: Floats = value[0] + self.end_weight
        return total

    def fill(self, x: Floats, first: Floats, last: Floats) -> Floats:
        """Return paths, shape (n, points), from factors `x`, shape (nodes, n), and their ends, shape (n,) each.

        Paths never decrease; where x is 0 or 1 a node equals its left or right parent exactly.
        """
        path = np.empty(((1 << self.res) + 1, x.shape[1]))
        path[0], path[-1] = first, last
        for level in reversed(self.levels):
            low, high = path[level.points - level.distance], path[level.points + level.distance]
            factor = x[level.rows]
            node = high - low
            node *= factor
            node += low
            np.minimum(node, high, out=node)
            certain = factor == 1.0
            if certain.any():
                np.copyto(node, high, where=certain)
            path[level.points] = node
        return np.ascontiguousarray(path.T)


@lru_cache(maxsize=8)
def tree_of(res: int) -> Tree:
    """Return the tree of 2**res + 1 grid points; constant tables, made once."""
    positions = [np.zeros(1, np.intp)]
    while len(positions) < res:
        positions.append(np.concatenate([2 * positions[-1], 2 * positions[-1] + 1]))
    levels = []
    start = 0
    for number, position in reversed(list(enumerate(positions, start=1))):
        distance = 2 ** (res - number)
        points = distance * (2 * position + 1)
        points.setflags(write=False)
        levels.append(Level(slice(start, start + points.size), points, distance))
        start += points.size
    order = np.concatenate([level.points for level in levels]) - 1
    order.setflags(write=False)
    return Tree(res, tuple(levels), order)


def simpson_weights(res: int) -> Floats:
    """Return Simpson's weights on [0, 1] with 2**res + 1 points: (h/3)(1, 4, 2, 4, …, 2, 4, 1), h = 2**−res.

    Examples
    --------
    >>> from adaptive_calib.emd import simpson_weights
    >>> (12 * simpson_weights(2)).round(12).tolist()
    [1.0, 4.0, 2.0, 4.0, 1.0]
    """
    weights = np.ones((1 << res) + 1)
    weights[1:-1:2] = 4.0
    weights[2:-1:2] = 2.0
    weights /= 3.0 * (1 << res)
    return weights
