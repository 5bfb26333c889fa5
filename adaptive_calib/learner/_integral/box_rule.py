"""The cubature rule of Genz and Malik on one box, of degree 7 with one of degree 5 in it, and a polynomial to foretell.

On (-1, 1)^n the 1 + 2n + 2n + 2n(n - 1) + 2^n nodes (17 for n = 2, 33 for n = 3) are

    0,   ±λ2 e_i,   ±λ3 e_i,   ±λ3 e_i ± λ3 e_j,   (±λ5, ..., ±λ5),      λ2² = 9/70, λ3² = 9/10, λ5² = 9/19.

The error is the difference of both rules, which is that of the rule of degree 5; beside that there is a rule of degree
3 on 0 and ±λ3 e_i, so that two differences show how fast errors fall with the degree. A box is halved along the axis
with the largest fourth difference

    |f(λ2 e_i) + f(-λ2 e_i) - 2 f(0) - (λ2²/λ3²) (f(λ3 e_i) + f(-λ3 e_i) - 2 f(0))|.

To foretell values at points that are no nodes, a polynomial is fitted to those at the nodes: all of degree 3, x_i^4 and
x_i² x_j². Its residuals at the nodes say how far it can be trusted.

Source: A. Genz and A. Malik, Remarks on algorithm 006: an adaptive algorithm for numerical integration over an
N-dimensional rectangular region, Journal of Computational and Applied Mathematics 6 (1980) 295.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations, combinations_with_replacement, product

import numpy as np

from adaptive_calib._arrays import Floats

__all__ = ["STRIP", "BoxRule", "box_rule", "monomials"]

_L2, _L3, _L5 = (9 / 70) ** 0.5, (9 / 10) ** 0.5, (9 / 19) ** 0.5

#: Width of the strip between a face and the nodes beside it, over that of the box.
STRIP = (1 - _L3) / 2


@dataclass(frozen=True)
class BoxRule:
    """The numbers of the rule; N nodes in n dimensions.

    Attributes
    ----------
    nodes : array, shape (N, n)
        In (-1, 1).
    weights, weights_5, weights_3 : array, shape (N,)
        Of the rules of degree 7, 5 and 3; their sums are 1.
    differences : array, shape (n, N)
        Weights of the fourth difference along each axis.
    fit : array, shape (monomials, N)
        Takes values at the nodes to the coefficients of the polynomial that is fitted.
    """

    nodes: Floats
    weights: Floats
    weights_5: Floats
    weights_3: Floats
    differences: Floats
    fit: Floats
    residuals: Floats


@cache
def box_rule(n: int) -> BoxRule:
    """Return the rule in `n` dimensions."""
    axes = np.eye(n)
    pairs = [
        _L3 * (s * axes[i] + t * axes[j]) for i, j in combinations(range(n), 2) for s, t in product((1, -1), repeat=2)
    ]
    corners = [_L5 * np.array(signs, dtype=float) for signs in product((1, -1), repeat=n)]
    groups = [
        ([np.zeros(n)], (12824 - 9120 * n + 400 * n**2) / 19683, (729 - 950 * n + 50 * n**2) / 729, 1 - 10 * n / 27),
        ([s * _L2 * e for e in axes for s in (1, -1)], 980 / 6561, 245 / 486, 0.0),
        ([s * _L3 * e for e in axes for s in (1, -1)], (1820 - 400 * n) / 19683, (265 - 100 * n) / 1458, 5 / 27),
        (pairs, 200 / 19683, 25 / 729, 0.0),
        (corners, 6859 / 19683 / 2**n, 0.0, 0.0),
    ]
    nodes = np.array([node for group, *_ in groups for node in group])
    weights = np.array([weights for group, *weights in groups for _ in group]).T
    differences = np.zeros((n, len(nodes)))
    for i in range(n):
        second = 1 + 2 * i, 1 + 2 * n + 2 * i
        for first, weight in zip(second, (1.0, -((_L2 / _L3) ** 2)), strict=True):
            differences[i, first : first + 2] += weight
            differences[i, 0] -= 2 * weight
    fit = np.asarray(np.linalg.pinv(monomials(nodes)), dtype=np.float64)
    return BoxRule(
        nodes=nodes,
        weights=weights[0],
        weights_5=weights[1],
        weights_3=weights[2],
        differences=differences,
        fit=fit,
        residuals=monomials(nodes) @ fit - np.eye(len(nodes)),
    )


def monomials(at: Floats) -> Floats:
    """Return the monomials of the polynomial that is fitted at places of shape (k, n), shape (k, monomials)."""
    n = at.shape[1]
    columns = [np.ones(len(at))]
    for degree in (1, 2, 3):
        columns += [at[:, list(axes)].prod(axis=1) for axes in combinations_with_replacement(range(n), degree)]
    columns += [(at[:, i] * at[:, j]) ** 2 for i, j in combinations_with_replacement(range(n), 2)]
    return np.stack(columns, axis=1)
