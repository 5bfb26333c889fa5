"""Four interpolants of the same points, the record of each, and the one that is used on each interval.

P and Q are local polynomials with 8 and 16 nodes, R is a rational function of all points (AAA), S is a least-squares
polynomial. Each value is first predicted by all of them; how far the errors of the last `MEMORY` predictions exceeded
the own estimates of an interpolant, at most, is its *record*. On each interval that interpolant is used whose own
estimate times its record is smallest: on rational functions R, beside a break P, with noise S.

Own estimates: of P and Q the last terms of Newton's formula, see `polynomials`; of R the distance between R and the R
of one point before, the largest at five places in each interval and above each pole that is nearer to the axis than its
interval is long; of S the score of cross-validation and the rests at both ends. R is barred from intervals in or beside
which its denominator changes sign: there is a pole on the axis, which is spurious unless the function has one. Over
a break two successive R may agree though both are wrong: in an interval shorter than `SHORT`, with a pole nearer to it
than it is long, R has to agree with P, too.

Work per point: P and Q are estimated anew near the new point only; R is fitted again unless it predicted the value to
rounding, rarely when it is far behind, and the more rarely the more points there are.

Coordinates t run from 0 to 1. The estimates were chosen by trying: the local record, the record alone and the estimates
alone were worse on most functions, each failing on one of them.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from adaptive_calib._arrays import Bools, Floats, Ints
from adaptive_calib.learner._curve.least_squares import FEWEST, LeastSquares
from adaptive_calib.learner._curve.polynomials import MANY_FROM, PLACES, LocalPolynomials, inserted
from adaptive_calib.learner._curve.rational import TOLERANCE, Rational, largest, rounding

__all__ = ["COARSEST", "CurveModel"]

#: Longest interval, as a fraction of the domain, on which the estimate of a polynomial is believed.
COARSEST = 1 / 12
#: In shorter intervals R has to agree with P.
SHORT = 1e-4
#: Intervals shorter than this contain a break that is located well enough.
CLOSED = 1e-9
#: A break in an interval shorter than `break_width` is a change of the values by more than this share of their range;
#: shorter intervals within as many times `break_width` from it belong to it: beside a pole there are many.
STEP, BESIDE_BREAK = 0.01, 16
#: Number of predictions that make the record.
MEMORY = 8
#: R is fitted to each new point while points * components * (support points)² is below this.
EFFORT = 1.5e5
#: What is left of the difference of successive R when a value was predicted to rounding and R stays as it is.
DOUBT = 0.1
#: A fit with poles on the axis is not taken if the one before, without, is as near to all values as this.
SPURIOUS = 1e-9
#: Errors on one side of a new point that are as many times as large make the division one-sided.
ONE_SIDED = 4.0
#: The fall of the error by a division of which nothing is known yet.
FALL = 0.125
#: As many last predictions limit the belief in R.
PREDICTIONS = 3
#: An interval has a pole near that is nearer than as many times its length.
NEAR = 3.0
#: The most fits that tell which of such poles are real.
FITS = 12
#: With fewer valid points there are no interpolants.
FEWEST_POINTS = 4

P, Q, R, S = range(4)


def _change(signs: Floats) -> Bools:
    """Return between which neighbouring places the sign changes."""
    return np.asarray(signs[1:] * signs[:-1] < 0)


class CurveModel:
    """The points of a curve and their interpolants.

    Attributes
    ----------
    t, y : array, shape (n,) and (n, N)
        Points with a finite value, ascending, and their values.
    h : array, shape (n - 1,)
        Lengths of the intervals between them.
    lost : list of float
        Points without one, ascending.
    scale : float
        Largest range of a component, 1 while it is 0.
    use : array of int, shape (n - 1,)
        The interpolant used on each interval.
    raw : array, shape (n - 1,)
        Its own estimate of the error, in units of the values.
    error : array, shape (n - 1,)
        The same, but infinite for polynomials and intervals longer than `COARSEST`; decides about the next point.
    claim : array, shape (n - 1,)
        `raw` times the record, if that is above 1.
    gap, closed : array of bool, shape (n - 1,)
        Intervals that contain a point without a value; those in which a break is located well enough, see
        `resolve_breaks`.
    break_width : float
        Breaks are located well enough in intervals shorter than this.
    streak, fall : array, shape (n - 1,)
        On which side most of the error was left in the last divisions, see `_remember_split`, and the larger error
        after the last division as a fraction of the one before.
    suspected, noise : bool
        Whether the values may have noise, which close points would show; whether they have: then S is used everywhere.
    """

    def __init__(self, break_width: float = CLOSED) -> None:
        self.t: Floats = np.zeros(0)
        self.y: Floats = np.zeros((0, 1))
        self.h: Floats = np.zeros(0)
        self.lost: list[float] = []
        self.scale = 1.0
        self.break_width = break_width
        self.ready = False
        self.suspected = self.noise = False
        self.use: Ints = np.zeros(0, dtype=np.int64)
        self.raw: Floats = np.zeros(0)
        self.error: Floats = np.zeros(0)
        self.claim: Floats = np.zeros(0)
        self.gap: Bools = np.zeros(0, dtype=bool)
        self.closed: Bools = np.zeros(0, dtype=bool)
        self.streak: Ints = np.zeros(0, dtype=np.int64)
        self.fall: Floats = np.zeros(0)
        self._last_raw: Floats = np.zeros(0)
        self._polynomials = LocalPolynomials()
        self._rational: Rational | None = None
        self._before: Rational | None = None
        self._squares: LeastSquares | None = None
        # of the last predictions: errors, their ratios to the estimates, error of what was used; if R was far behind
        self._record: deque[tuple[list[float], list[float], float]] = deque(maxlen=MEMORY)
        self._behind: deque[bool] = deque(maxlen=12)
        # R at five places in each interval: |R - R before|, the sign of the denominator, and the value, shape (N, n, 5)
        self._differ: Floats = np.zeros((0, len(PLACES)))
        self._signs: Floats = np.zeros((0, len(PLACES)))
        self._at_places: Floats = np.zeros((1, 0, len(PLACES)))
        self._poles: Any = np.zeros(0, dtype=complex)
        # points that R was not fitted to
        self._unseen: list[float] = []
        # places above poles, and the difference there
        self._above: Floats = np.zeros(0)
        self._above_differ: Floats = np.zeros(0)
        self._estimates: Floats = np.zeros((4, 0))
        self._barred: Bools = np.zeros(0, dtype=bool)
        self._unreal: Any = None  # poles of R, see `_unreal_poles`; None while not looked for

    # -- new points ------------------------------------------------------------------------------------------------

    def add(self, t: float, y: Floats | None) -> None:
        """Take in a new point and its value, shape (N,); None: there is no finite value."""
        if y is None:
            self.lost.insert(int(np.searchsorted(self.lost, t)), t)
            if self.ready:
                self._choose()
            return
        errors = self._predicted(t, y) if self.ready else []
        at = int(self.t.searchsorted(t))
        points, values = self._with(at, t, y)
        if not self.ready:
            self.rebuild(points, values, self.lost)
            return
        self._take(points, values)
        self._polynomials.insert(self.t, self.y, at)
        self._renew_rational(at, errors[R])
        self._renew_squares(at, errors)
        self._choose()
        self._remember_split(at)

    def _with(self, at: int, t: float, y: Floats) -> tuple[Floats, Floats]:
        """Return the points and the values with a further point in front of number `at`."""
        return inserted(self.t, at, t), inserted(self.y.reshape(-1, len(y)), at, y)

    def _take(self, t: Floats, y: Floats) -> None:
        self.t, self.y, self.h = t, y, t[1:] - t[:-1]
        self.scale = (float((y.max(axis=0) - y.min(axis=0)).max()) or 1.0) if len(t) else 1.0

    def _remember_split(self, at: int) -> None:
        """Remember by how much the error has fallen where the point number `at` divided an interval, and on which side.

        `streak` counts in how many divisions one after the other nearly all of the error was left on the same side,
        as towards a singular end of the domain: positive on the right.
        """
        n = len(self.t) - 1
        if len(self.streak) != n - 1 or not 0 < at < n:
            # the first points, or one outside of the others
            self.streak, self.fall = np.zeros(n, dtype=np.int64), np.full(n, FALL)
            self._last_raw = self.raw
            return
        before, streak = float(self._last_raw[at - 1]), int(self.streak[at - 1])
        self.streak, self.fall = inserted(self.streak, at, 0), inserted(self.fall, at, self.fall[at - 1])
        left, right = float(self.raw[at - 1]), float(self.raw[at])
        side = (right > ONE_SIDED * left) - (left > ONE_SIDED * right)
        row = at if side > 0 else at - 1
        self.streak[at - 1 : at + 1] = 0
        self.streak[row] = side if side * streak <= 0 else streak + side
        if before > 0 and math.isfinite(before):
            self.fall[at - 1 : at + 1] = min(max(max(left, right) / before, 1e-2), 1.0)
        self._last_raw = self.raw

    def replace(self, t: float, y: Floats | None) -> None:
        """Take in a value at a point that had none, or none at a point that had one."""
        if y is None:
            keep = self.t != t
            points, values, lost = self.t[keep], self.y[keep], [*self.lost, t]
        else:
            points, values = self._with(int(self.t.searchsorted(t)), t, y)
            lost = [u for u in self.lost if u != t]
        self.rebuild(points, values, lost)

    def rebuild(self, t: Floats, y: Floats, lost: list[float]) -> None:
        """Start anew with many points; the record is kept."""
        self._take(t, y)
        self.lost = sorted(lost)
        self.ready = len(t) >= FEWEST_POINTS
        self.streak, self.fall, self._last_raw = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
        if self.ready:
            self._rational = self._before = self._squares = None
            self._unseen = []
            self._polynomials.fit(t, y)
            self._fit_rational()
            self._renew_squares(0, [])
            self._choose()
            self._remember_split(0)

    def _predicted(self, t: float, y: Floats) -> list[float]:
        """Record how well the value was predicted; return the errors, infinite where there was no prediction."""
        u = np.array([t])
        squares = None if self._squares is None else self._squares(u)[0]
        if not self.t[0] < t < self.t[-1]:
            return [math.inf] * S + [math.inf if squares is None else float(np.abs(squares - y).max())]
        row = int(self.t.searchsorted(t)) - 1
        few, many = self._polynomials.both(self.t, self.y, t, row)
        rational = few if self._rational is None else self._rational(u)[0]
        values = np.array([few, many, rational, few if squares is None else squares])
        errors: list[float] = np.abs(values - y).max(axis=1).tolist()
        errors = [math.inf if math.isnan(error) else error for error in errors]
        if not self.gap[row]:
            tiny = self._tiny
            estimates = self._estimates[:, row].tolist()
            worse = [(error + tiny) / (estimate + tiny) for error, estimate in zip(errors, estimates, strict=True)]
            self._record.append((errors, worse, errors[self.use[row]]))
            self._behind.append(errors[R] > 3 * min(errors))
        return errors

    @property
    def _tiny(self) -> float:
        """Differences below this count as none."""
        return max(1e-15 * self.scale, 1e-290)

    # -- the rational function -------------------------------------------------------------------------------------

    def _places(self, rows: Any = slice(None)) -> Floats:
        """Return the places at which R is looked at in some intervals, shape (len(rows), len(PLACES))."""
        left = self.t[:-1][rows, None]
        places: Floats = left + self.h[rows, None] * PLACES
        return places

    def _renew_rational(self, at: int, error: float) -> None:
        """Let R see the new point number `at`: fit it, or keep it and look at the two new intervals."""
        n, size = self.y.shape
        assert self._rational is not None
        first = max(at - 1, 0)
        new = slice(first, min(at + 1, n - 1))
        places = self._places(new)
        value, signs = self._rational.values_and_signs(places.ravel())
        value = value.T.reshape(size, *places.shape)
        self._at_places = np.concatenate([self._at_places[:, :first], value, self._at_places[:, at:]], axis=1)
        self._signs = np.concatenate([self._signs[:first], signs.reshape(places.shape), self._signs[at:]])
        self._differ = inserted(self._differ, min(first, n - 2), 0.0)
        self._unseen.append(float(self.t[at]))
        if len(self._above):
            keep = self._above != self.t[at]
            self._above, self._above_differ = self._above[keep], self._above_differ[keep]
        every = 1 + int(n * size * len(self._rational.z) ** 2 / EFFORT)
        if n > 30 and sum(self._behind) >= 10:
            every = max(every, 1 + n // 20)
        beside = slice(first, at + 2)
        if self._rational.exact and error <= rounding(self.t[beside], self.y[beside], self.scale)[at - first]:
            # the same function again
            self._before = self._rational
            self._differ *= DOUBT
            self._above_differ *= DOUBT
        elif n % every:
            before = value if self._before is None else self._before(places.ravel()).T.reshape(value.shape)
            self._differ[new] = np.abs(value - before).max(axis=0)
        else:
            self._fit_rational()

    def _fit_rational(self) -> None:
        n = len(self.t)
        previous = self._rational
        # support points chosen from few points are not the best ones for many: choose anew from time to time
        anew = previous is None or n <= 12 or n in (16, 20, 24, 32, 48, 64, 96, 128, 256, 512, 1024)
        new = int(self.t.searchsorted(self._unseen[0])) if len(self._unseen) == 1 else -1
        found, lower = Rational.fit(self.t, self.y, self.scale, None if anew else previous, new)
        places = self._places()
        value, signs = found.values_and_signs(places.ravel())
        if (
            previous is not None
            and previous.exact
            and _change(signs).any()
            and not _change(self._signs.ravel()).any()
            and np.abs(previous(self.t) - self.y).max() <= SPURIOUS * self.scale
        ):
            # a pair of a pole and a zero that fits rounding errors; the fit before is as good
            self._before = previous
            self._differ *= DOUBT
            self._above_differ *= DOUBT
            return
        self._unseen = []
        self._before, self._rational = previous or lower, found
        value = value.T.reshape(-1, *places.shape)
        before = lower(places.ravel()).T.reshape(value.shape) if previous is None else self._at_places
        self._differ = np.abs(value - before).max(axis=0)
        self._at_places, self._signs = value, signs.reshape(places.shape)
        poles = found.poles()
        real, h = poles.real, self.h[self.t[1:-1].searchsorted(poles.real)]
        self._poles = poles[(real > self.t[0]) & (real < self.t[-1]) & (poles.imag >= 0) & (poles.imag < h)]
        self._above = self._above_differ = np.zeros(0)
        if len(self._poles):
            above = np.sort(self._poles.real)
            self._above = above[self.t[self.t.searchsorted(above)] != above]
            self._above_differ = largest(found(self._above) - self._before(self._above))

    def _estimate_of_rational(self) -> Floats:
        estimate = largest(self._differ)
        if len(self._above):
            np.maximum.at(estimate, self.t[1:-1].searchsorted(self._above), self._above_differ)
        change = _change(self._signs.ravel()).nonzero()[0]
        self._barred = np.zeros(len(estimate), dtype=bool)
        self._barred[change // len(PLACES)] = self._barred[(change + 1) // len(PLACES)] = True
        return estimate

    def _apart(self, rows: Ints) -> Floats:
        """Return the largest distance between P and R in each of the intervals `rows`."""
        places = self._places(rows)
        local = self._value(P, places.ravel(), np.repeat(rows, len(PLACES))).T.reshape(-1, *places.shape)
        apart: Floats = np.abs(local - self._at_places[:, rows]).max(axis=(0, 2))
        return apart

    @property
    def noise_level(self) -> float | None:
        """Standard deviation of the noise in the values, in their units; None while none was found."""
        return self._squares.rms if self.noise and self._squares is not None else None

    # -- the choice ------------------------------------------------------------------------------------------------

    def _renew_squares(self, at: int, errors: list[float]) -> None:
        """Let S see the new point number `at`, where the interpolants had these errors, and look for noise."""
        n = len(self.t)
        if n < FEWEST:
            return
        if self._squares is None or n % (1 + n // 10) == 0:
            self._squares = LeastSquares(self.t, self.y)
        else:
            self._squares.insert(at, errors[S])
        last = [errors[:S] for errors, _, _ in self._record][-(MEMORY if self.noise else 3) :]
        self.noise = self.suspected = False
        mean_squares = [sum(e * e for e in one) / len(last) for one in zip(*last, strict=True)]
        if math.sqrt(min(mean_squares, default=0.0)) > max(self._squares.rms / 4, 10 * TOLERANCE * self.scale):
            pairs, different = self._squares.pairs(self.t, self.y)
            self.noise = pairs >= 3 and different > 0.6 * pairs
            self.suspected = self._squares.noise_like and pairs < 3 and different == pairs

    def _choose(self) -> None:
        """Choose the interpolant of each interval."""
        self._unreal = None
        n, h = len(self.h), self.h
        self.gap = np.zeros(n, dtype=bool)
        if self.lost:
            inside = [u for u in self.lost if self.t[0] < u < self.t[-1]]
            self.gap[np.searchsorted(self.t, inside) - 1] = True
        own = np.empty((4, n))
        own[:R] = self._polynomials.errors
        own[R] = self._estimate_of_rational()
        rests = None if self._squares is None else self._squares.rests
        own[S] = own[P] if rests is None else np.maximum(rests[1:], rests[:-1])
        self._estimates = own
        self.use = np.zeros(n, dtype=np.int64)
        worse = np.ones(4)
        if self._record:
            tiny = self._tiny
            worse = np.array([max(ratios) for ratios in zip(*[ratios for _, ratios, _ in self._record], strict=True)])
            with np.errstate(invalid="ignore"):
                score = (own + tiny) * worse[:, None]
            score[~np.isfinite(score)] = np.inf
            score[R, self._barred] = np.inf
            self.use = np.full(n, S) if self.noise else score.argmin(axis=0)
            if len(self._poles):
                rows = self.t[1:-1].searchsorted(self._poles.real)
                near = (self._poles.imag < h[rows]) & (h[rows] < SHORT) & (self.use[rows] == R)
                if near.any():
                    short = np.unique(rows[near])
                    own[R, short] = np.maximum(own[R, short], self._apart(short))
                    score[R, short] = (own[R, short] + tiny) * worse[R]
                    self.use[short] = score[:, short].argmin(axis=0)
        self.raw = own[self.use, np.arange(n)]
        self.error = np.where((self.use < R) & (h > COARSEST), np.inf, self.raw)
        self.resolve_breaks(self.break_width)
        # believed no further than the last predictions
        self.claim = np.maximum(self.raw * np.maximum(worse, 1.0)[self.use], 10 * TOLERANCE * self.scale)

    def _value(self, kind: int, u: Floats, rows: Any) -> Floats:
        """Return the values of one interpolant at `u` in the intervals `rows`, shape (len(u), N)."""
        if kind == R and self._rational is not None:
            return self._rational(u)
        if kind == S and self._squares is not None:
            return self._squares(u)
        many = kind == Q and len(self.t) >= MANY_FROM
        return self._polynomials(self.t, self.y, u, rows, int(many))

    # -- for placement ---------------------------------------------------------------------------------------------

    def resolve_breaks(self, width: float) -> None:
        """Set `break_width`, and `closed`: in which intervals a break is located well enough.

        Those shorter than `CLOSED`, and those shorter than `width` in or beside a step or a pole, where values would
        only grow, and the rounding errors of fits with them. Not those at a cusp, where the error still falls.
        """
        self.break_width = width
        self.closed = np.zeros(len(self.h), dtype=bool)
        short = (self.h < width).nonzero()[0]
        if len(short) and self.ready:
            change = np.abs(self.y[short + 1] - self.y[short]).max(axis=1)
            breaks = short[(change > STEP * self.scale) & (self.use[short] != R)]
            apart = np.abs(self.t[short, None] - self.t[breaks]).min(axis=1, initial=math.inf)
            self.closed[short] = (apart <= BESIDE_BREAK * width) | (self.h[short] < CLOSED)

    @property
    def polynomial_errors(self) -> Floats:
        """The estimated errors of P, shape (n - 1,)."""
        errors: Floats = self._polynomials.errors[P]
        return errors

    def rational_places(self) -> tuple[Floats, Floats, Any]:
        """Return places at which R was looked at, the difference of successive R there, and their intervals."""
        rows = np.repeat(np.arange(len(self._differ)), len(PLACES))
        return (
            np.concatenate([self._places().ravel(), self._above]),
            np.concatenate([self._differ.ravel(), self._above_differ]),
            np.concatenate([rows, self.t[1:-1].searchsorted(self._above)]),
        )

    # -- the interpolant -------------------------------------------------------------------------------------------

    def __call__(self, u: Floats) -> Floats:
        """Return the values at `u`, shape (len(u), N); NaN outside the points and in gaps."""
        value = np.full((len(u), self.y.shape[1]), np.nan)
        if not self.ready:
            return value
        rows, inside, closed = self._located(u)
        for kind in range(4):
            some = inside & ~closed & (self.use[rows] == kind)
            if some.any():
                value[some] = self._value(kind, u[some], rows[some])
        if closed.any():  # a line through the break
            i = rows[closed]
            share = (u[closed] - self.t[i]) / self.h[i]
            value[closed] = self.y[i] + share[:, None] * (self.y[i + 1] - self.y[i])
        return value

    def _located(self, u: Floats) -> tuple[Any, Bools, Bools]:
        """Return the intervals of `u`, where there is a prediction, and where in an interval that holds a break."""
        rows = self.t[1:-1].searchsorted(u, side="right")
        inside = (u >= self.t[0]) & (u <= self.t[-1]) & ~self.gap[rows]
        return rows, inside, inside & self.closed[rows]

    def error_at(self, u: Floats) -> Floats:
        """Return the estimated errors at `u`, shape (len(u),); NaN outside the points and in gaps.

        Successive R may agree in an interval by chance, near a cusp in one of ten by more than ten times their error:
        of R it is at least its distance from P, unless it predicted the last values better than that and has no pole
        near that is not real. In an interval in which a break is located, how much the values at its ends differ, if
        that is more.
        """
        if not self.ready:
            return np.full(len(u), np.nan)
        rows, inside, closed = self._located(u)
        claim = self.claim
        rational = np.unique(rows[self.use[rows] == R])
        if len(rational):
            a, b = self.t[rational, None], self.t[rational + 1, None]
            poles = self._unreal_poles()
            near = (np.abs(poles - np.clip(poles.real, a, b)) < NEAR * (b - a)).any(axis=1)
            least = np.minimum(self._apart(rational), np.where(near, np.inf, self.last_error()))
            claim = claim.copy()
            claim[rational] = np.maximum(claim[rational], least)
        error = np.where(inside, claim[rows], np.nan)
        if closed.any():
            i = rows[closed]
            error[closed] = np.maximum(error[closed], np.abs(self.y[i + 1] - self.y[i]).max(axis=1))
        return error

    def largest_error(self) -> float:
        """Return the largest estimated error; infinite while an interval is longer than `COARSEST`.

        Intervals in which a break is located and gaps are left out.
        """
        if not self.ready or not self._record:
            return math.inf
        there = ~self.gap & ~self.closed
        if not there.any() or self.h[there].max() > COARSEST:
            return math.inf
        return max(float(self.claim[there].max()), self.last_error())

    def last_error(self) -> float:
        """Return the largest error of the last three predictions where the rational function is used, else 0.

        Infinite while there are fewer than three and some valid value, unless points without a value are all there is.
        """
        if len(self._record) < PREDICTIONS:
            return math.inf if len(self.t) else 0.0
        if not (self.use >= R).any():
            return 0.0
        return max(chosen for _, _, chosen in list(self._record)[-PREDICTIONS:])

    def poles(self) -> list[tuple[complex, float, Any]]:
        """Return the poles of R in or above the domain: place, error and residues, shape (N,).

        Only those that are nearer to the axis than the domain is wide, and that fits without one of the points have,
        too; the points beside poles are left out in turn, and four more. The error is three times the largest distance
        from theirs: of 298 poles of functions with known ones, on which the rule was not chosen, 95 % were within it.
        Poles that move by more than a small share of their distance to the points are not real: steps, kinks and entire
        functions have such.
        """
        if self._rational is None:
            return []
        places = self._rational.poles()
        places = places[(places.real >= 0) & (places.real <= 1) & (places.imag >= 0) & (places.imag < 1)]
        if not len(places):
            return []
        errors = self._shifts(places, len(self.t))
        residues = self._rational.residues(places)
        # a pole with a zero beside it is spurious
        strong = np.abs(residues).max(axis=1) > 1e-9 * self.scale * np.maximum(places.imag, 1e-12)
        good = strong & self._are_real(places, errors)
        order = np.flatnonzero(good)[np.argsort(places[good].real)]
        return [(complex(places[i]), float(errors[i]), residues[i]) for i in order]

    def _shifts(self, poles: Any, most: int) -> Floats:
        """Return how far poles of R are at most from those of fits without a point, at most `most`, times three."""
        n = len(self.t)
        beside = np.searchsorted(self.t, poles.real)
        left_out = {n * k // 5 for k in range(1, 5)} | set((beside - 1).tolist()) | set(beside.tolist())
        some = sorted(left_out - {-1, n})
        shifts = np.zeros(len(poles))
        for i in some[:: max(-(-len(some) // most), 1)]:
            keep = np.arange(n) != i
            others = Rational.fit(self.t[keep], self.y[keep], self.scale)[0].poles()
            shifts = np.maximum(shifts, 3 * np.abs(poles[:, None] - others).min(axis=1, initial=math.inf))
        return shifts

    def _are_real(self, poles: Any, shifts: Floats) -> Bools:
        """Whether poles stay in place when a point is left out, measured by their distance to the points."""
        return np.asarray(shifts < 0.006 * np.abs(poles[:, None] - self.t).min(axis=1))

    def _unreal_poles(self) -> Any:
        """Return the poles of R nearer to the axis than intervals there are long, but for those of the function."""
        if self._unreal is None:
            poles = np.zeros(0) if self._rational is None else self._rational.poles()
            poles = poles[poles.imag >= 0]
            rows = self.t[1:-1].searchsorted(poles.real)
            a, b = self.t[rows], self.t[rows + 1]
            poles = poles[np.abs(poles - np.clip(poles.real, a, b)) < b - a]
            self._unreal = poles[~self._are_real(poles, self._shifts(poles, FITS))] if len(poles) else poles
        return self._unreal
