"""Derivatives, roots, extrema, integrals and poles of the interpolant of a curve, with estimates of their errors.

The interpolant is smooth inside each interval between points. There it is replaced by Chebyshev polynomials of degree
`DEGREE`, in halves of halves where it needs them (above a pole of a rational function): they agree to rounding, and
derivatives, integrals and sign changes of polynomials are at hand.

Errors, with e the estimated error of the interpolant on the interval:

==============  =======================================================================================================
of              estimate
==============  =======================================================================================================
integral        Σ e · length of the interval
derivative      `STEEPNESS` · e / length of the interval
root            e / |f'|, at most the length of the interval
extremum        its place √(2e / |f''|), at most the length of the interval; its value e, at a kink how it changes there
pole            three times the largest distance to the nearest pole of fits without one of the points
==============  =======================================================================================================

They are as good as e: the size of the error, not a bound.

Where the values grow without end, as at a pole on the axis, there is no root and no extremum: see `beside_poles`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from adaptive_calib._arrays import Floats, Ints
from adaptive_calib.learner.smooth1D import BREAK_WIDTH

__all__ = ["Extremum", "Pole", "Root", "SmoothPieces", "beside_poles", "extrema", "roots"]

DEGREE = 16
#: Last coefficients of a resolved piece, as a fraction of the largest value.
RESOLVED = 1e-13
#: How often a piece is halved at most.
HALVINGS = 40
#: With this number of unresolved pieces of one interval, all of one length, halving ends: it leaves two beside a pole,
#: and all of them where coefficients are rounding errors, as of an interval that is hardly longer than these, beside a
#: step.
CROWD = 16
#: Error of a derivative in units of error / length; Markov's inequality has 2 d² for degree d, here 3.
STEEPNESS = 18.0
#: Distances at which values beside a break are compared: the first in units of the interval, the others of the one
#: before.
NEAREST, FARTHER = 1.5, 4.0
#: Change per octave towards a pole, in units of that farther away: 1 for a logarithm, 0.5 for a square root.
GROWTH = 0.9
#: The last change before a pole is this share of what is beyond it, or that is this many times the values before it.
#: Beside a step of finite width, as of an arc tangent, values grow, too, but by little.
LAST_CHANGE, BEYOND = 0.05, 15.0


@dataclass(frozen=True)
class Root:
    """A place where a curve takes a level.

    Attributes
    ----------
    x, x_error : float
        The place and its estimated error.
    slope : float
        The derivative there; 0 at a step.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import Root
    >>> Root(x=1.5708, x_error=1e-6, slope=-1.0).slope
    -1.0
    """

    x: float
    x_error: float
    slope: float


@dataclass(frozen=True)
class Extremum:
    """A local maximum or minimum inside the domain.

    Attributes
    ----------
    x, x_error : float
        The place and its estimated error.
    value, value_error : float
        The value there and its estimated error.
    kind : {"maximum", "minimum"}
        Which it is.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import Extremum
    >>> Extremum(x=0.2, x_error=1e-6, value=1.0, value_error=1e-9, kind="maximum").kind
    'maximum'
    """

    x: float
    x_error: float
    value: float
    value_error: float
    kind: Literal["maximum", "minimum"]


@dataclass(frozen=True)
class Pole:
    """A pole of the rational interpolant in the upper half plane or on the axis.

    A resonance a² / ((x - c)² + a²) has the pole c + ia: its real part is the centre, its imaginary part the half width
    at half maximum.

    Attributes
    ----------
    place : complex
        In the coordinate of the learner: ln x on a logarithmic scale.
    error : float
        Its estimated error.
    residue : complex or array
        The residue, an array of shape (N,) for vectors.

    Examples
    --------
    >>> from adaptive_calib.learner.learner1D import Pole
    >>> resonance = Pole(place=0.3 + 0.01j, error=1e-9, residue=-0.005j)
    >>> resonance.place.real, resonance.place.imag  # the centre and the half width at half maximum
    (0.3, 0.01)
    """

    place: complex
    error: float
    residue: Any


def _nodes() -> Floats:
    nodes: Floats = -np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)
    return nodes


def _to_coefficients() -> Floats:
    """Return the matrix from values at the nodes to Chebyshev coefficients."""
    return np.asarray(np.linalg.inv(np.polynomial.chebyshev.chebvander(_nodes(), DEGREE)))


_NODES, _TO_COEFFICIENTS = _nodes(), _to_coefficients()


class SmoothPieces:
    """A curve as polynomials on pieces.

    Parameters
    ----------
    curve : callable
        Values, shape (n, N), at places, shape (n,).
    edges : array, shape (m + 1,)
        Ascending; the curve is smooth between neighbouring edges.

    Attributes
    ----------
    a, b : array, shape (pieces,)
        Ends, ascending.
    c : array, shape (pieces, DEGREE + 1, N)
        Chebyshev coefficients.
    row : array, shape (pieces,)
        The number of the interval between edges in which the piece lies.
    length : array, shape (pieces,)
        The length of that interval.
    """

    def __init__(self, curve: Callable[[Floats], Floats], edges: Floats) -> None:
        a, b, row = edges[:-1], edges[1:], np.arange(len(edges) - 1)
        done: list[tuple[Floats, Floats, Floats, Ints]] = []
        scale = 0.0
        edge = 8 * float(np.finfo(float).eps) * max(float(np.abs(edges).max()), float(edges[-1] - edges[0]))
        for halving in range(HALVINGS + 1):
            places = a[:, None] + (b - a)[:, None] * (_NODES + 1) / 2
            # inside the interval: at its ends a curve with a step has either value
            margin = np.minimum(edge, (b - a) / 8)[:, None]
            places = np.clip(places, a[:, None] + margin, b[:, None] - margin)
            values = curve(places.ravel()).reshape(len(a), DEGREE + 1, -1)
            c = np.einsum("ij,pjk->pik", _TO_COEFFICIENTS, values)
            # in an interval of a few floating-point numbers: a line
            narrow = b - a < 8 * edge
            if narrow.any():
                first, last, half = places[narrow, 0], places[narrow, -1], (b - a)[narrow] / 2
                slope = (values[narrow, -1] - values[narrow, 0]) / np.where(last > first, last - first, np.inf)[:, None]
                c[narrow, 2:] = 0.0
                c[narrow, 0] = values[narrow, 0] + slope * (half - (first - a[narrow]))[:, None]
                c[narrow, 1] = slope * half[:, None]
            scale = max(scale, float(np.nanmax(np.abs(values), initial=0.0)))
            tail = np.abs(c[:, -2:]).max(axis=(1, 2))
            good = ~(tail > RESOLVED * scale) if halving < HALVINGS else np.ones(len(a), dtype=bool)
            good |= np.bincount(row[~good], minlength=len(edges))[row] >= CROWD
            done.append((a[good], b[good], c[good], row[good]))
            a, b, row = a[~good], b[~good], row[~good]
            if not len(a):
                break
            middle = a + (b - a) / 2
            a, b, row = np.concatenate([a, middle]), np.concatenate([middle, b]), np.concatenate([row, row])
        parts = [np.concatenate([part[i] for part in done]) for i in range(4)]
        order = np.argsort(parts[0], kind="stable")
        self.a, self.b, self.c, self.row = (part[order] for part in parts)
        self.length = np.diff(edges)[self.row]

    def at(self, u: Floats, c: Floats | None = None) -> Floats:
        """Return the values at `u`, shape (len(u), N), of these polynomials or of those with coefficients `c`."""
        c = self.c if c is None else c
        i = np.clip(np.searchsorted(self.a, u, side="right") - 1, 0, len(self.a) - 1)
        s = 2 * (u - self.a[i]) / (self.b[i] - self.a[i]) - 1
        return _values(c[i], s)

    def derivative(self, u: Floats) -> Floats:
        """Return the derivatives at `u`, shape (len(u), N)."""
        return self.at(u, self.slopes())

    def slopes(self) -> Floats:
        """Return the coefficients of the derivatives."""
        c = np.polynomial.chebyshev.chebder(self.c, axis=1)
        return np.asarray(c * (2 / (self.b - self.a))[:, None, None])

    def integrals(self) -> Floats:
        """Return the integral of each piece, shape (pieces, N)."""
        k = np.arange(DEGREE + 1)
        weights = np.where(k % 2, 0.0, 1.0) / np.where(k == 1, 1.0, 1.0 - k.astype(float) ** 2)
        total: Floats = np.einsum("k,pkn->pn", weights, self.c) * (self.b - self.a)[:, None]
        return total

    def crossings(self, c: Floats) -> tuple[Floats, Ints, Ints]:
        """Return where polynomials change their sign: places, their pieces, and the sign after the change.

        Parameters
        ----------
        c : array, shape (pieces, k)
            Coefficients.
        """
        grid = np.linspace(-1, 1, 4 * DEGREE + 1)
        sign = np.sign(_values(c[:, :, None], grid[None, :])[..., 0])
        # a zero on the grid takes the sign before it, so that it is counted once
        flat = sign.ravel()
        known = np.flatnonzero(flat)
        if not len(known):
            return np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        flat = flat[known[np.clip(np.searchsorted(known, np.arange(len(flat)), side="right") - 1, 0, None)]]
        change = np.flatnonzero(flat[1:] * flat[:-1] < 0) + 1
        piece, step = np.divmod(change, len(grid))
        after = flat[change]
        low, high = grid[np.maximum(step - 1, 0)], grid[step]
        for _ in range(60):
            middle = (low + high) / 2
            same = np.sign(_values(c[piece][:, :, None], middle)[:, 0]) == after
            low, high = np.where(same, low, middle), np.where(same, middle, high)
        # between two pieces: at the joint
        s = np.where(step == 0, -1.0, high)
        return self.a[piece] + (self.b[piece] - self.a[piece]) * (s + 1) / 2, piece, after.astype(np.int64)


def _values(c: Floats, s: Floats) -> Floats:
    """Return Σ c_k T_k(s): c of shape (p, k, N); s of shape (p,) gives (p, N), of shape (1 or p, m) gives (p, m, N)."""
    k = np.arange(c.shape[1])
    basis = np.cos(np.arccos(np.clip(s, -1.0, 1.0))[..., None] * k)
    if s.ndim == 1:
        return np.asarray(np.einsum("pk,pkn->pn", basis, c))
    basis = np.broadcast_to(basis, (len(c), *basis.shape[1:]))
    return np.asarray(np.einsum("pmk,pkn->pmn", basis, c))


def roots(pieces: SmoothPieces, errors: Floats, component: int, level: float) -> list[Root]:
    """Return where one component takes a level; `errors` are those of the intervals.

    Between two roots the curve leaves the level by more than its error; other sign changes are rounding errors.
    """
    c = pieces.c[:, :, component].copy()
    c[:, 0] -= level
    places, at, _ = pieces.crossings(c)
    if not len(places):
        return []
    grid = np.linspace(-1, 1, 4 * DEGREE + 1)
    values = np.abs(_values(c[:, :, None], grid[None, :])[..., 0])
    u = pieces.a[:, None] + (pieces.b - pieces.a)[:, None] * (grid + 1) / 2
    noise = np.maximum(errors[pieces.row], RESOLVED * float(np.nanmax(values)))[:, None]
    # how far the curve gets from the level, in units of its error, between two roots and beyond the outermost ones
    far = np.zeros(len(places) + 1)
    ratio = np.nan_to_num(values / np.maximum(noise, 1e-300))
    np.maximum.at(far, np.searchsorted(places, u.ravel()), ratio.ravel())
    keep = _significant(far > 1.0)
    slopes = pieces.derivative(places)[:, component]
    found = []
    (e, _), whole = _beside(pieces, errors, places, at)
    for i in np.flatnonzero(keep).tolist():
        error = float(e[i] / abs(slopes[i])) if abs(slopes[i]) > 0 else math.inf
        found.append(Root(float(places[i]), min(error, float(whole[i])), float(slopes[i])))
    return found


def _beside(pieces: SmoothPieces, errors: Floats, places: Floats, at: Ints) -> tuple[tuple[Floats, Floats], Floats]:
    """Return the larger and the smaller error, and the larger length, of the two intervals at a joint, of those known.

    Elsewhere those of the interval of the piece `at`.
    """
    before = np.where(places <= pieces.a[at], np.maximum(at - 1, 0), at)
    e, length = errors[pieces.row], pieces.length
    both = np.fmax(e[at], e[before]), np.fmin(e[at], e[before])
    return both, np.maximum(length[at], length[before])


def _significant(excursions: Any) -> Any:
    """Return which of n sign changes are kept, given which of the n + 1 stretches between them are real.

    Between two real stretches lie an odd number of sign changes, of which the middle one is kept, or an even number,
    of which none is.
    """
    keep = np.zeros(len(excursions) - 1, dtype=bool)
    real = np.flatnonzero(excursions)
    for left, right in pairwise(real.tolist()):
        if (right - left) % 2:
            keep[(left + right - 1) // 2] = True
    return keep


def extrema(pieces: SmoothPieces, errors: Floats, component: int) -> list[Extremum]:
    """Return the local maxima and minima of one component; `errors` are those of the intervals.

    Neighbouring ones differ by more than their errors; other sign changes of the derivative are rounding errors.
    """
    slopes = pieces.slopes()[:, :, component]
    places, at, after = pieces.crossings(slopes)
    if not len(places):
        return []
    values = pieces.at(places)[:, component]
    second = np.polynomial.chebyshev.chebder(slopes, axis=1) * (2 / (pieces.b - pieces.a))[:, None]
    bend = np.abs(pieces.at(places, second[:, :, None])[:, 0])
    (e, least), whole = _beside(pieces, errors, places, at)
    kept = _prominent(pieces, values, least, component)
    found = []
    for i in kept:
        x, value, whole_i = float(places[i]), float(values[i]), float(whole[i])
        error = min(math.sqrt(2 * float(e[i]) / float(bend[i])), whole_i) if bend[i] > 0 else whole_i
        # in a step the curve is known by its height only, and may turn anywhere in the interval
        if _change(pieces, x, whole_i, value, component) <= 2 * e[i]:
            error = whole_i
        # at a kink the value changes by more than the error of a smooth curve
        change = _change(pieces, x, error / 2, value, component)
        kind: Literal["maximum", "minimum"] = "minimum" if after[i] > 0 else "maximum"
        found.append(Extremum(x, error, value, max(float(e[i]), change), kind))
    return found


def _change(pieces: SmoothPieces, x: float, distance: float, value: float, component: int) -> float:
    """Return the larger difference from `value` at a distance on both sides of x, or at the ends of the domain."""
    sides = np.clip([x - distance, x + distance], pieces.a[0], pieces.b[-1])
    return float(np.abs(pieces.at(sides)[:, component] - value).max())


def _prominent(pieces: SmoothPieces, values: Floats, e: Floats, component: int) -> list[int]:
    """Return the numbers of the extrema that differ from their neighbours, or from the ends, by more than the error."""
    # those of the pieces that have values: T_k(±1) is (±1)^k
    c = pieces.c[np.isfinite(pieces.c[:, :, component]).all(axis=1), :, component]
    ends = (c[0] * (-1.0) ** np.arange(DEGREE + 1)).sum(), c[-1].sum()
    least = RESOLVED * float(np.nanmax(np.abs(pieces.c[:, :, component])))
    numbers = [-1, *range(len(values)), -2]
    while len(numbers) > 2:
        heights = [float(ends[0]), *(float(values[i]) for i in numbers[1:-1]), float(ends[1])]
        steps = [abs(q - p) for p, q in pairwise(heights)]
        i = int(np.argmin(steps))
        beside = [float(e[k]) for k in numbers[i : i + 2] if k >= 0]
        if steps[i] > max(least, *beside):
            break
        # a maximum and a minimum of the same height go together; one beside an end goes alone
        numbers = [k for j, k in enumerate(numbers) if k < 0 or j not in (i, i + 1)]
    return numbers[1:-1]


def beside_poles(points: Floats, values: Floats, errors: Floats, width: float) -> list[tuple[float, float]]:
    """Return the stretches of short intervals in which one component seems to grow without end, as at a pole.

    Parameters
    ----------
    points, values : array, shape (n,)
        Ascending points, and the values of the component there.
    errors : array, shape (n - 1,)
        Those of the interpolant between the points: a steep rise that is resolved is no pole.
    width : float
        Of the domain.
    """
    valid = np.isfinite(values)
    u, y, errors = points[valid], values[valid], errors[np.flatnonzero(valid)[:-1]]
    short = np.concatenate([[0], u[1:] - u[:-1] <= BREAK_WIDTH * width, [0]]).astype(int)
    ends = np.flatnonzero(np.diff(short)).reshape(-1, 2)
    found = []
    for first, last in ends.tolist():
        base = (y[first] + y[last]) / 2
        changes = np.abs(np.diff(y[first : last + 1]))
        at = first + int(np.argmax(changes))
        # next to a pole that is known to rounding, fits may say anything
        if errors[at] < LAST_CHANGE * changes.max() and u[at + 1] - u[at] > 16 * np.spacing(abs(u[at])):
            continue
        top = max((at, at + 1), key=lambda i: abs(float(y[i] - base)))
        length = float(np.diff(u[max(top - 1, 0) : top + 2]).max())
        if any(_grows(side, y, top, length, float(changes.max())) for side in (u[top] - u, u - u[top])):
            found.append((float(u[first]), float(u[last])))
    return found


def _grows(distances: Floats, values: Floats, top: int, length: float, change: float) -> bool:
    """Whether values at positive distances grow towards point number `top`, beside which they change by `change`."""
    d, y = [], []
    least = NEAREST * length
    for _ in range(3):
        far = np.where(distances >= least, distances, np.inf)
        i = int(np.argmin(far))
        if not math.isfinite(far[i]):
            return False
        d.append(float(distances[i]))
        y.append(float(values[i]))
        least = FARTHER * d[-1]
    near, farther = abs(y[0] - y[1]), abs(y[1] - y[2])
    beyond = max(abs(float(values[top]) - y[0]), change)
    if near / math.log(d[1] / d[0]) < GROWTH * farther / math.log(d[2] / d[1]):
        return False
    return near > 0 and (near >= LAST_CHANGE * beyond or beyond >= BEYOND * max(map(abs, y)))
