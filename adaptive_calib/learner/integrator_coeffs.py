"""The constants of the doubly adaptive quadrature: nodes, bases, and what maps between them.

Rule d = 0 ... 3 has n = 5, 9, 17, 33 Chebyshev nodes ξ_i = -cos(iπ/(n - 1)), made exactly antisymmetric, each set part
of the next. Functions on [-1, 1] are expanded in normalised Legendre polynomials p_k = √(k + ½) P_k, for which

    x p_k = α_k p_{k+1} + γ_k p_{k-1},      α_k = (k+1)/√((2k+1)(2k+3)),   γ_k = α_{k-1} = k/√(4k² - 1).

V_d[i, k] = p_k(ξ_i), so that the coefficients of the interpolant of values f are V_d⁻¹ f, and ∫ f = √2 · c_0. T_left
and T_right take the coefficients of a polynomial to those of the same polynomial on the left and right half of the
interval. `b_def` holds the coefficients of ∏(x - ξ_i), needed to take single nodes out of an interpolant.

Source: P. Gonnet, Increasing the reliability of adaptive quadrature using explicit interpolants, ACM Transactions on
Mathematical Software 37 (2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from adaptive_calib._arrays import Floats

__all__ = ["Rules", "b_def", "calc_V", "eps", "hint", "min_sep", "ndiv_max", "ns", "rules"]


#: Number of nodes of each rule.
ns = (5, 9, 17, 33)

eps = float(np.finfo(float).eps)

#: An interval whose coefficients change by more than this part of their norm is split rather than refined.
hint = 0.1

#: Nodes nearer to each other than this, relative to the ends of their interval, are not told apart.
min_sep = 16 * eps

#: How often the mean value may more than double in halving before the integral is taken for divergent.
ndiv_max = 20


@dataclass(frozen=True)
class Rules:
    """The numbers of all rules; index d is the rule with ``ns[d]`` nodes.

    Attributes
    ----------
    xi : tuple of array, shape (n,)
        Nodes in [-1, 1], ascending.
    V, V_inv : tuple of array, shape (n, n)
        p_k(ξ_i), and its inverse.
    Vcond : tuple of float
        ‖V_d‖₂ ‖V_d⁻¹‖₂.
    T_left, T_right : array, shape (33, 33)
        Coefficients on the whole to coefficients on the left and right half.
    alpha, gamma : array, shape (34,)
        Of the recurrence above.
    """

    xi: tuple[Floats, ...]
    V: tuple[Floats, ...]
    V_inv: tuple[Floats, ...]
    Vcond: tuple[float, ...]
    T_left: Floats
    T_right: Floats
    alpha: Floats
    gamma: Floats


def calc_V(x: Floats, n: int) -> Floats:  # V is the symbol of the paper
    """Return p_k(x_i) for k < n, shape (len(x), n)."""
    degrees = np.arange(n)
    # the recurrence of Legendre polynomials is stable in [-1, 1]
    matrix: Floats = np.polynomial.legendre.legvander(x, n - 1) * np.sqrt(degrees + 0.5)
    return matrix


@cache
def rules() -> Rules:
    """Return the constants of all rules; computed once, in some milliseconds."""
    xi: list[Floats] = []
    for n in ns:
        nodes: Floats = -np.cos(np.linspace(0, np.pi, n))
        xi.append((nodes - nodes[::-1]) / 2)
    v = [calc_V(nodes, n) for nodes, n in zip(xi, ns, strict=True)]
    v_inv: list[Floats] = [np.asarray(np.linalg.inv(matrix), dtype=np.float64) for matrix in v]
    conditions = [np.linalg.norm(m, 2) * np.linalg.norm(i, 2) for m, i in zip(v, v_inv, strict=True)]
    k = np.arange(ns[-1] + 1, dtype=float)
    alpha = (k + 1) / np.sqrt((2 * k + 1) * (2 * k + 3))
    return Rules(
        xi=tuple(xi),
        V=tuple(v),
        V_inv=tuple(v_inv),
        Vcond=tuple(float(condition) for condition in conditions),
        T_left=v_inv[3] @ calc_V((xi[3] - 1) / 2, ns[3]),
        T_right=v_inv[3] @ calc_V((xi[3] + 1) / 2, ns[3]),
        alpha=alpha,
        gamma=np.concatenate([[0.0], alpha[:-1]]),
    )


@cache
def b_def(depth: int) -> tuple[float, ...]:
    """Return the coefficients of ∏(x - ξ_i) over the nodes of a rule, in the basis p; n + 1 numbers.

    ∏(x - ξ_i) = (x² - 1) U_{n-2}(x) / 2^{n-2} = (T_n - T_{n-2}) / 2^{n-1}, with T and U the Chebyshev polynomials.
    Done with fractions: to expand the product from its roots in floats loses most digits.
    """
    n = ns[depth]
    difference = [t - s for t, s in zip(_chebyshev(n), [*_chebyshev(n - 2), Fraction(0), Fraction(0)], strict=True)]
    return tuple(float(c / 2 ** (n - 1)) / (k + 0.5) ** 0.5 for k, c in enumerate(difference))


@cache
def _chebyshev(n: int) -> list[Fraction]:
    """Return the Legendre coefficients of T_n, by T_n = 2 x T_{n-1} - T_{n-2}."""
    if n < 2:
        return [Fraction(0)] * n + [Fraction(1)]
    result = [Fraction(0)] * (n + 1)
    for k, c in enumerate(_chebyshev(n - 1)):
        # x P_k = ((k + 1) P_{k+1} + k P_{k-1}) / (2k + 1)
        result[k + 1] += 2 * c * Fraction(k + 1, 2 * k + 1)
        if k:
            result[k - 1] += 2 * c * Fraction(k, 2 * k + 1)
    for k, c in enumerate(_chebyshev(n - 2)):
        result[k] -= c
    return result


def __getattr__(name: str) -> Any:
    # `from integrator_coeffs import V_inv`, as in python-adaptive; computed when first asked for
    if name in Rules.__dataclass_fields__:
        return getattr(rules(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
