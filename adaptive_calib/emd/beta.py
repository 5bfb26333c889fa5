"""From (ln r, v) to the beta distribution with that centre and that spread, for millions of elements at once.

The increments of the hierarchical beta process are x ~ Beta(α, β) with

    (1)  ψ(α) − ψ(β) = λ        Aitchison centre:  exp E ln x : exp E ln(1−x) = e^λ : 1
    (2)  ψ1(α) + ψ1(β) = v      twice the Aitchison (metric) variance

where ψ, ψ1, ψ2 are the poly-gamma functions. Since E logit x = ψ(α) − ψ(β) and Var logit x = ψ1(α) + ψ1(β), these say
that *logit x has mean λ and variance v*. The solution exists and is unique for every finite λ and every v > 0.

Method: Newton's in a = ln α, b = ln β on

    F1 = ψ(α) − ψ(β) − λ,    F2 = ln((ψ1(α) + ψ1(β)) / v)

whose Jacobian never vanishes, from a start that is exact in both limits v → 0 and v → ∞. It takes 2 to 5 rounds. λ < 0
is solved as −λ and swapped, so that the symmetry holds to the last bit.

Everything is elementwise: an element's root is the same to the last bit whatever else is in the batch. That is what
makes a criterion at one c independent of the other c that happened to be asked for with it.

Source: the process is that of René & Longtin, *Selecting fitted models under epistemic uncertainty using a stochastic
process on quantile functions*, Nature Communications 2025; the series are those of DLMF 5.11 and 5.15.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adaptive_calib._arrays import Floats

__all__ = ["LOG_RATIO_MAX", "V_MAX", "V_MIN", "BetaSolution", "solve_beta"]


#: Beyond these the beta distribution is, to rounding, what it is at them; callers clip before they solve.
LOG_RATIO_MAX = 700.0
V_MIN, V_MAX = 1e-30, 1e200

MAX_ROUNDS = 40
#: An element is done when its step in (ln α, ln β) was at most this; the error that is left is about its square, 1e-14.
#: Tried on 245,241 elements: 1e-9 leaves residuals of F2 of 3e-15 (this: 2e-14) for 12 % more time, 1e-6 leaves 2e-12.
STEP_TOLERANCE = 1e-7
#: Never reached on the acceptance sets; it keeps a start far off from jumping out of the range of exp.
STEP_LIMIT = 2.0
#: Elements solved together, so that temporaries stay in the cache: 4,096 took 1.4 times, all 200,000 at once 1.9 times
#: as long an element.
BLOCK = 16384

_SHIFT = 8.0
_LOG_SHIFT = float(np.log(_SHIFT))
#: x + k and x + 7 − k, k = 0 … 3, multiply to x (x + 7) + these.
_PAIRS = (0.0, 6.0, 10.0, 12.0)
# coefficients of y^-2, y^-4, …: of ψ(y) − ln y + 1/(2y), of y ψ1(y) − 1 − 1/(2y) and of −y² ψ2(y) − 1 − 1/y; the last
# enters the Jacobian only, where 1e-10 is plenty.
_PSI = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760, -1 / 12, 3617 / 8160)
_PSI1 = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_PSI2 = (1 / 2, -1 / 6, 1 / 6, -3 / 10, 5 / 6)
_EULER_GAMMA = 0.5772156649015329


class BetaSolution(NamedTuple):
    """Solution found by `solve_beta`, element by element.

    Attributes
    ----------
    log_alpha, log_beta : array
        ln α and ln β; logarithms because α itself overflows for large λ. NaN where the input has no solution.
    iterations : array of int
        Newton steps taken; 0 where the input has no solution.
    converged : array of bool
        Whether the last step was small enough. False where the input has no solution.

    Examples
    --------
    >>> from adaptive_calib.emd import solve_beta
    >>> solution = solve_beta([-1.0, 0.0, 1.0], [0.1, 0.1, 0.1])
    >>> bool(solution.converged.all()), int(solution.iterations.max()) <= 5
    (True, True)
    """

    log_alpha: Floats
    log_beta: Floats
    iterations: NDArray[np.int64]
    converged: NDArray[np.bool_]


def solve_beta(log_ratio: ArrayLike, v: ArrayLike) -> BetaSolution:
    """Solve ψ(α) − ψ(β) = λ, ψ1(α) + ψ1(β) = v for (ln α, ln β), elementwise.

    Parameters
    ----------
    log_ratio : array-like
        λ = ln r, any shape. Meant for |λ| ≤ `LOG_RATIO_MAX`.
    v : array-like
        Variance of logit x; broadcast against `log_ratio`. Meant for `V_MIN` ≤ v ≤ `V_MAX`.

    Returns
    -------
    BetaSolution
        Arrays of the broadcast shape. Elements with a non-finite λ or without 0 < v < ∞ are NaN and not converged;
        nothing is raised for them, so that one bad element does not spoil a batch.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.special import polygamma, psi
    >>> from adaptive_calib.emd import solve_beta
    >>> solution = solve_beta(1.0, 0.5)
    >>> alpha, beta = np.exp(solution.log_alpha), np.exp(solution.log_beta)
    >>> round(float(psi(alpha) - psi(beta)), 9), round(float(polygamma(1, alpha) + polygamma(1, beta)), 9)
    (1.0, 0.5)
    """
    lam, var = np.broadcast_arrays(np.asarray(log_ratio, np.float64), np.asarray(v, np.float64))
    shape = lam.shape
    lam, var = lam.ravel(), var.ravel()
    valid = np.isfinite(lam) & (var > 0) & (var < np.inf)
    all_valid = bool(valid.all())
    if not all_valid:
        lam, var = np.where(valid, lam, 0.0), np.where(valid, var, 1.0)
    roots = np.empty((2, lam.size))
    iterations = np.zeros(lam.size, np.int64)
    for first in range(0, lam.size, BLOCK):
        block = slice(first, first + BLOCK)
        roots[:, block], iterations[block] = _solve_block(np.abs(lam[block]), var[block])
    log_alpha, log_beta = roots
    negative = lam < 0
    if negative.any():
        log_alpha, log_beta = np.where(negative, log_beta, log_alpha), np.where(negative, log_alpha, log_beta)
    converged = iterations <= MAX_ROUNDS
    np.minimum(iterations, MAX_ROUNDS, out=iterations)
    if not all_valid:
        log_alpha, log_beta = np.where(valid, log_alpha, np.nan), np.where(valid, log_beta, np.nan)
        iterations[~valid] = 0
        converged &= valid
    return BetaSolution(
        log_alpha.reshape(shape), log_beta.reshape(shape), iterations.reshape(shape), converged.reshape(shape)
    )


def _solve_block(lam: Floats, v: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Solve for λ ≥ 0, 1-d; return (2, n) roots and the rounds taken, MAX_ROUNDS + 1 where it did not converge."""
    x = _start(lam, v)
    roots = x
    rounds = np.full(lam.size, MAX_ROUNDS + 1, np.int64)
    active: NDArray[np.intp] | None = None  # None: all of the block, nothing has to be gathered or scattered
    for taken in range(1, MAX_ROUNDS + 1):
        step = _newton_step(x, lam, v)
        size = np.maximum(np.abs(step[0]), np.abs(step[1]))
        if (size > STEP_LIMIT).any():
            step *= np.minimum(1.0, STEP_LIMIT / np.maximum(size, STEP_LIMIT))
        x = x + step
        done = size <= STEP_TOLERANCE
        if active is None:
            roots = x
            rounds[done] = taken
        else:
            roots[:, active] = x
            rounds[active[done]] = taken
        keep = np.flatnonzero(~done)
        if keep.size == 0:
            break
        if keep.size < done.size:
            active = keep if active is None else active[keep]
            x, lam, v = x[:, keep], lam[keep], v[keep]
    return roots, rounds


def _start(lam: Floats, v: Floats) -> Floats:
    """Return first values of (ln α, ln β), exact for v → 0 and for v → ∞, within a few per cent between."""
    square = lam * lam
    small = v / (1.0 + np.exp(-lam))
    root = 0.5 * (lam + np.sqrt(np.maximum(2.0 * v - square, 0.0)))
    large = np.where(v > square, root * root, v)
    # y ≈ ψ1(β): geometric mean of the limits, with the weight of the large one
    y = np.exp(np.log(small) + v / (v + 2.0) * np.log(large / small))
    y = np.minimum(np.maximum(y, 0.5 * v), v)
    beta = (0.5 + np.sqrt(0.25 + y)) / y
    # ψ(α) = λ + ψ(β); three steps of recurrence give ψ to 5e-6, enough for a start
    z = 1.0 / (beta + 3.0)
    psi_beta = -np.log(z) - z * (0.5 + z * (1 / 12 - z * z / 120))
    psi_beta -= 1.0 / beta + 1.0 / (beta + 1.0) + 1.0 / (beta + 2.0)
    t = lam + psi_beta
    alpha = np.where(t >= -2.22, np.exp(np.minimum(t, 30.0)) + 0.5, -1.0 / (np.minimum(t, -2.22) + _EULER_GAMMA))
    start = np.empty((2, lam.size))
    start[1] = np.log(beta)
    start[0] = np.maximum(np.where(t > 30.0, t, np.log(alpha)), start[1])
    return start


def _newton_step(x: Floats, lam: Floats, v: Floats) -> Floats:
    """Return the Newton step of (ln α, ln β), shape (2, n).

    J = [p1(α), −p1(β); g(α), g(β)] with g(x) = p2(x)/(x S), S = ψ1(α) + ψ1(β); det J < 0 always, since p1 > 0 > p2.
    """
    inverse = np.exp(-x)
    psi, p1, p2 = _polygammas(x, inverse)
    psi1 = p1 * inverse
    total = psi1[0] + psi1[1]
    f1 = psi[0] - psi[1]
    f1 -= lam
    f2 = np.log(total / v)
    inverse /= total
    p2 *= inverse
    p1_a, p1_b = p1
    g_a, g_b = p2
    minus_inverse_det = -1.0 / (p1_a * g_b + p1_b * g_a)
    step = np.empty_like(x)
    np.multiply(f1 * g_b + p1_b * f2, minus_inverse_det, out=step[0])
    np.multiply(p1_a * f2 - g_a * f1, minus_inverse_det, out=step[1])
    return step


def _polygammas(log_x: Floats, inverse: Floats) -> tuple[Floats, Floats, Floats]:
    """Return ψ(x), x ψ1(x) and x² ψ2(x) from ln x and 1/x; no overflow, whatever ln x.

    Asymptotic series in 1/y with y = x for x ≥ 8 and y = x + 8 below, taken back by the recurrence. Its eight terms
    are added in pairs k and 7 − k: with s = 2x + 7 and u = 1/((x+k)(x+7−k)),

        Σ 1/(x+k) = s Σ u,   Σ x/(x+k)² = Σ xu (s²u − 2),   Σ x²/(x+k)³ = s Σ (xu)² (s²u − 3)

    which halves the divisions. As s²u ≥ 4, nothing cancels. Relative error: a few 1e-15 for ψ1, 1e-10 for ψ2, which is
    used in the Jacobian only.
    """
    low = np.flatnonzero(log_x < _LOG_SHIFT)
    if low.size == 0:
        return _series(log_x, inverse)
    x = 1.0 / inverse.ravel()[low]
    y = x + _SHIFT
    log_y, inverse_y = log_x.copy(), inverse.copy()
    log_y.ravel()[low] = np.log(y)
    near = 1.0 / y
    inverse_y.ravel()[low] = near
    psi, p1, p2 = _series(log_y, inverse_y)
    s = 2.0 * x + 7.0
    s2 = s * s
    product = x * (x + 7.0)
    sum0, sum1, sum2 = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for offset in _PAIRS:
        u = 1.0 / (product + offset)
        xu = x * u
        u_s2 = s2 * u
        sum0 += u
        sum1 += xu * (u_s2 - 2.0)
        xu *= xu
        u_s2 -= 3.0
        xu *= u_s2
        sum2 += xu
    share = x * near
    psi.ravel()[low] -= s * sum0
    p1.ravel()[low] = share * p1.ravel()[low] + sum1
    p2.ravel()[low] = share * share * p2.ravel()[low] - 2.0 * s * sum2
    return psi, p1, p2


def _series(log_y: Floats, inverse: Floats) -> tuple[Floats, Floats, Floats]:
    """Return ψ(y), y ψ1(y), y² ψ2(y) for y ≥ 8 by their asymptotic series."""
    square = inverse * inverse
    half = 0.5 * inverse
    psi = _polynomial(square, _PSI)
    psi -= half
    psi += log_y
    p1 = _polynomial(square, _PSI1)
    p1 += half
    p1 += 1.0
    p2 = _polynomial(square, _PSI2)
    p2 += inverse
    p2 += 1.0
    np.negative(p2, out=p2)
    return psi, p1, p2


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    """Return Σ coefficients[k] x^(k+1), by Horner's rule in place."""
    value = x * coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        value += coefficient
        value *= x
    return value
