"""Choice of the next points of a curve that has several interpolants, see `model`.

`CurveIntervals` does for `Learner1D(mode="auto")` what `_interval.intervals.Intervals` does for the other modes, with
the same methods: it owns the points and the pending points, in the coordinate u of the domain.

Placement
---------
First the ends, then 1/2, 1/4, 3/4, 1/8, ... of the domain, warped by (t + 0.3 t²)/1.3: a periodic function whose period
divides the domain is not seen at its zeros only. With an interpolant on each interval the next point goes where the
estimated error of what is used is largest: for polynomials to 0.441 or 0.559 of the interval, in an order that looks
random but depends on the number of points only; for the rational function to the place where it differs most from the
one before.

Pending points divide intervals into pieces. The error of a piece is that of its interval times (length of the piece /
length of the interval)^o, where 2^-o is by how much the error fell when the interval was made, 1 <= o <= `ORDER`; the
difference of the rational functions alike. If the last divisions left the error on the same side each time, as towards
a singular end of the domain, it is expected there again, see `CurveIntervals._falls`.

Points that would only be wasted are not proposed while others are pending: those whose expected error is rounding, or
less than `WORTH` of the largest one that is known, and, in an interval whose error hardly falls as it is divided (a
step, a kink), more than a few. k points that divide such an interval equally find the break in k/log2(k + 1) times the
evaluations of bisection: 1.26, 1.5 and 2.33 for k = 2, 3 and 7, but 4 and 10 for 16 and 64. `propose` then returns
fewer points than were asked for.

Results come in any order, and that of an end of the domain may come last. Beyond the outermost values the error is
taken for that of the interval beside as long as the end is only pending, and once all else is known to rounding nothing
is proposed before it comes.

An interval with a point without a value inside (invalid or failed) has no interpolant: its parts are divided as if the
error was their length while that is above `COARSEST`, and its fourth power below; its eighth between two such points.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np

from adaptive_calib._arrays import Bools, Floats
from adaptive_calib.learner._curve.least_squares import CLOSE
from adaptive_calib.learner._curve.model import CLOSED, COARSEST, CurveModel, R, S
from adaptive_calib.learner._interval.domain import Domain1D, IntegerDomain
from adaptive_calib.learner._interval.loss_scale import LossScale
from adaptive_calib.learner._interval.types import Ends, Interval, Value, rank
from adaptive_calib.learner.smooth1D import smooth_loss

__all__ = ["AutoCurve", "CurveIntervals"]

#: How fast the error is expected to fall with the length of a piece, for pieces made by pending points.
ORDER = 3.0
#: After this many divisions that left the error on the same side it is expected there again; towards an end of the
#: domain, where functions are singular more often, after fewer.
STREAK, STREAK_AT_END = 4, 1
#: Estimates below this fraction of the scale say no more, as fits are made to 1e-12 of it. Then points go in turn to
#: the longest piece and to the one that polynomials find the hardest: two successive rational functions may agree there
#: though both are wrong. With 1e-14 a semicircle was not known to 1e-9 after 700 points, instead of 200 to 400.
ROUNDING = 1e-11
#: While points are pending, a further one is proposed if its expected error is at least this share of the largest. Of
#: 0.1, 0.3 and 0.6, the smallest wasted points at kinks with 64 pending, the largest gained nothing.
WORTH = 0.3
#: Where all seems to be known to rounding, at most one point is pending for as many known ones.
MANY_PENDING = 8
#: The rounding error of estimates, as a fraction of the largest value.
EPS = 8 * float(np.finfo(float).eps)
#: Intervals whose error did not fall below this share when they were made may contain a break.
BREAK = 0.3
#: The most pending points in such an interval, for up to as many pending points in all.
CROWD = ((7, 2), (31, 3), (math.inf, 7))
#: Larger values are no nodes of interpolants; beside them there is no prediction.
LARGEST = 1e140
#: Number of points with which values above `LARGEST` are a reason to stop.
FIRST = 16
#: Up to this number of points intervals with the least-squares polynomial are divided evenly though they are few.
FEW_POINTS = 200
#: More points than this that are told together are taken in together, see `CurveIntervals.replay`.
MANY, MEMORY = 2000, 64
#: Division of an interval: between its middle and the golden section, which is too uneven for polynomials.
SHARES = (0.441, 0.559)


def _warp(t: float) -> float:
    return (t + 0.3 * t * t) / 1.3


def _halves(k: int) -> float:
    """Return the k-th place of 1/2, 1/4, 3/4, 1/8, 3/8, ... (van der Corput in the order of each level)."""
    level = (k + 1).bit_length() - 1
    return (k + 1.5 - (1 << level)) / (1 << level)


def _bit(k: int) -> int:
    """Return 0 or 1, the same for the same k, without a pattern in k."""
    k = (k * 2654435761 + 40503) & 0xFFFFFFFF
    k ^= k >> 15
    k = (k * 2246822519) & 0xFFFFFFFF
    return (k >> 13) & 1


class CurveIntervals:
    """The points of one `Learner1D(mode="auto")`, known and pending, and the choice of the next.

    Parameters
    ----------
    domain
        Where points may lie.

    Attributes
    ----------
    scale : LossScale
        The scales of x and y.
    """

    def __init__(self, domain: Domain1D) -> None:
        self.domain = domain
        self.scale = LossScale(domain.high - domain.low, smooth_loss)
        self._clear()

    def _clear(self, break_width: float = CLOSED) -> None:
        self._values: dict[float, Value] = {}
        self._us: list[float] = []
        self._pending: list[float] = []
        self._model = CurveModel(break_width)
        self._at: dict[float, float] = {}
        self._open: dict[tuple[float, float], bool] = {}
        self._too_large = False  # whether a value was above `LARGEST`
        self._crowd: float = math.inf  # the most pending points in an interval with a break

    # -- known points ----------------------------------------------------------------------------------------------

    @property
    def pending(self) -> list[float]:
        """The pending coordinates, ascending."""
        return list(self._pending)

    def is_pending(self, u: float) -> bool:
        """Whether `u` is pending."""
        at = bisect_left(self._pending, u)
        return at < len(self._pending) and self._pending[at] == u

    def resolve_breaks(self, width: float) -> None:
        """Divide intervals whose error does not fall any more until they are shorter than this share of the domain."""
        self._model.resolve_breaks(width)

    def missing(self) -> list[float]:
        """Return the ends of the domain that are neither known nor pending."""
        return [u for u in (self.domain.low, self.domain.high) if u not in self._values and not self.is_pending(u)]

    def known(self) -> tuple[list[float], list[Value]]:
        """Return the known points, ascending, and their values."""
        return list(self._us), [self._values[u] for u in self._us]

    def closed(self) -> Bools:
        """Return which of the intervals between known points, from left to right, are closed."""
        return np.array([not self._is_open(a, b) for a, b in pairwise(self._us)], dtype=bool)

    def real(self) -> list[Interval]:
        """Return the intervals between known points, from left to right."""
        losses = self._losses(np.array(self._us)).tolist() if len(self._us) > 1 else []
        width = self.scale.width
        return [
            (rank(loss, (b - a) / width), a, b, loss, self._values[a], self._values[b])
            for (a, b), loss in zip(pairwise(self._us), losses, strict=True)
        ]

    def combined(self) -> list[tuple[float, float, float]]:
        """Return all stretches between neighbouring points, known or pending: (a, b, loss), from left to right."""
        edges = self._edges()
        if len(edges) < 2:
            return []
        losses = self._losses(edges).tolist()
        known = (self._us[0], self._us[-1]) if self._us else (math.inf, -math.inf)
        return [
            (a, b, loss if known[0] <= a and b <= known[1] else math.inf)
            for (a, b), loss in zip(pairwise(edges.tolist()), losses, strict=True)
        ]

    @property
    def exhausted(self) -> bool:
        """Whether nothing may be asked any more, nothing is pending, and both ends are known."""
        return not self._pending and not self.missing() and bool(self._us) and bool(self.closed().all())

    def loss(self, real: bool = True) -> float:
        """Return the largest estimated error as a fraction of the range of the values, see `_losses`.

        Infinite until both ends of the domain are known and three values have been predicted, 0 if all is closed. Where
        the rational function is used it is at least the error of the last three predictions.
        """
        if not (self.domain.low in self._values and self.domain.high in self._values):
            return math.inf
        edges = np.array(self._us) if real else self._edges()
        losses = self._losses(edges)
        open_somewhere = bool(losses.any()) or bool(self._opens(edges).any())
        last = self._model.last_error() / self._model.scale if open_somewhere else 0.0
        return max(float(losses.max(initial=0.0)), last)

    def worst(self) -> Interval | None:
        """Return the real interval with the largest loss; None if all are closed."""
        open_ones = [interval for interval in self.real() if self._is_open(interval[1], interval[2])]
        return min(open_ones, key=lambda interval: interval[:2], default=None)

    def ends_at(self, u: float) -> Ends | None:
        """Return the ends of the interval that contains `u`, its left end included, and the values; None beyond."""
        i = bisect_right(self._us, u) - 1
        if not 0 <= i < len(self._us) - 1:
            return None
        a, b = self._us[i : i + 2]
        return a, b, self._values[a], self._values[b]

    def noise_level(self) -> float | None:
        """Return the standard deviation of the noise that was found in the values; None if there is none."""
        return self._model.noise_level

    def hopeless(self) -> str:
        """Return why further points will not lead to any error; empty if they may."""
        if self._too_large and len(self._us) >= FIRST:
            return (
                f'values above {LARGEST:g}, which mode="auto" does not interpolate: divide them by a power of ten, or '
                'use mode="smooth"'
            )
        return ""

    def lengths_beside(self, u: float) -> list[float]:
        """Return the lengths of the intervals (at most two) that end at the known point `u`."""
        i = bisect_left(self._us, u)
        return [b - a for a, b in pairwise(self._us[max(i - 1, 0) : i + 2]) if u in (a, b)]

    # -- values ----------------------------------------------------------------------------------------------------

    def fill(self, u: float, y: float) -> bool:
        """Return False: there is no shorter way to take in a value than `insert`."""
        return False

    def halve(self, take: bool = True) -> None:
        """Return None: points are chosen by `propose`."""
        return

    def insert(self, u: float, y: Value) -> None:
        """Take in the value at `u`, which lies within the domain and is not known yet; pending or not."""
        self._drop(u)
        insort(self._us, u)
        self._values[u] = y
        self.scale.count(y)
        t = self._coordinate(u)
        if t is not None:
            self._at[u] = t
            node = _node(y)
            self._too_large |= node is None and y is not None
            self._model.add(t, node)

    def revalue(self, u: float, y: Value) -> None:
        """Take in another value at a known point."""
        before = self._values[u]
        self._values[u] = y
        self.scale.count(y)
        old, new = _node(before), _node(y)
        if u in self._at and (old is None) != (new is None):
            self._model.replace(self._at[u], new)

    def rebuild(self, us: list[float], ys: list[Value]) -> None:
        """Start anew with these points, ascending, and keep the pending ones."""
        pending = [u for u in self._pending if u not in set(us)]
        self._clear(self._model.break_width)
        self._pending = pending
        self.scale.forget()
        self.scale.count_all(ys)
        self._us, self._values = list(us), dict(zip(us, ys, strict=True))
        taken: dict[float, float] = {}
        for u in us:
            taken.setdefault(self._t(u), u)
        self._at = {u: t for t, u in taken.items()}
        nodes = {t: _node(self._values[u]) for u, t in self._at.items()}
        self._too_large = any(nodes[t] is None and self._values[u] is not None for u, t in self._at.items())
        valid = {t: y for t, y in nodes.items() if y is not None}
        lost = [t for t, y in nodes.items() if y is None]
        if valid:
            self._model.rebuild(np.array(list(valid)), np.array(list(valid.values())), lost)
        else:
            self._model.lost = sorted(lost)

    def replay(self, us: list[float], ys: list[Value]) -> None:
        """Take in points in the order in which they were told, as if one by one.

        Of more than `MANY` points the last `MEMORY` only, which make the record; the others all together.
        """
        first = max(len(us) - MEMORY, 0) if len(us) > MANY else 0
        if first:
            known = {**self._values, **dict(zip(us[:first], ys[:first], strict=True))}
            ordered = sorted(known)
            self.rebuild(ordered, [known[u] for u in ordered])
        for u, y in zip(us[first:], ys[first:], strict=True):
            if u in self._values:
                self.revalue(u, y)
            else:
                self.insert(u, y)

    def _t(self, u: Any) -> Any:
        return (u - self.domain.low) / self.scale.width

    def _coordinate(self, u: float) -> float | None:
        """Return where in [0, 1] the model sees a new point; None if it cannot be told from a known one."""
        t: float = self._t(u)
        at = bisect_left(self._us, u)
        for beside in self._us[max(at - 1, 0) : at + 2]:
            if beside != u and self._t(beside) == t:
                return None
        return t

    # -- pending points --------------------------------------------------------------------------------------------

    def hold(self, u: float) -> None:
        """Count `u` as pending; it is neither known nor pending."""
        insort(self._pending, u)

    def release(self, us: Iterable[float]) -> None:
        """Count the points `us` as not pending."""
        for u in us:
            self._drop(u)

    def release_all(self) -> None:
        """Count no point as pending."""
        self._pending = []

    def _drop(self, u: float) -> None:
        at = bisect_left(self._pending, u)
        if at < len(self._pending) and self._pending[at] == u:
            del self._pending[at]

    # -- losses ----------------------------------------------------------------------------------------------------

    def _is_open(self, a: float, b: float) -> bool:
        """Whether a point may lie between `a` and `b`."""
        if b - a < self.domain.shortest:
            return False
        if not isinstance(self.domain, IntegerDomain):
            return True
        found = self._open.get((a, b))
        if found is None:
            found = self._open[a, b] = self.domain.parts(a, b) >= 2
        return found

    def _opens(self, edges: Floats) -> Bools:
        if isinstance(self.domain, IntegerDomain):
            ends = edges.tolist()
            return np.array([self._is_open(a, b) for a, b in pairwise(ends)], dtype=bool)
        return np.asarray(edges[1:] - edges[:-1] >= self.domain.shortest)

    def _edges(self) -> Floats:
        """Return the known and the pending points, ascending."""
        return np.array(sorted([*self._us, *self._pending]) if self._pending else self._us)

    def _pieces(self, edges: Floats) -> tuple[Floats, Floats, Any, Bools]:
        """Return, for pieces between neighbouring `edges`: length, error, interval of the model, whether it has one.

        Lengths are fractions of the domain, errors are in units of the values; errors beside points without a value
        are as explained at the head of this file.
        """
        t = self._t(edges)
        length = t[1:] - t[:-1]
        model = self._model
        if not model.ready:
            return length, np.full(len(length), np.inf), np.zeros(len(length), dtype=int), np.zeros(len(length), bool)
        if len(edges) == len(model.t):  # no point is pending or without a value: the pieces are the intervals
            return length, model.error, np.arange(len(length)), np.ones(len(length), dtype=bool)
        middle = t[:-1] + length / 2
        rows = np.searchsorted(model.t, middle) - 1
        inside = (rows >= 0) & (rows < len(model.t) - 1)
        rows = np.minimum(np.maximum(rows, 0), len(model.t) - 2)
        inside &= ~model.gap[rows]
        whole = model.h[rows]
        # an interval that is too long for its estimate to be believed may have short pieces
        cut = (length < (1 - 1e-9) * whole) & (length <= COARSEST)
        error = np.where(cut, np.minimum(model.error[rows], model.raw[rows]), model.error[rows])
        error = error * self._falls(t, length / whole, rows)
        if inside.all():
            return length, error, rows, inside
        # between two points without a value there is probably none: the edge of the region comes first
        known = np.concatenate([model.t, model.lost])
        order = known.argsort()
        at = np.clip(known.searchsorted(middle, sorter=order), 1, len(known) - 1)
        power = np.where((order[at - 1] < len(model.t)) | (order[at] < len(model.t)), 4, 8)
        beside = np.where(length > COARSEST, length, length**power) * model.scale
        # beyond the outermost values, as long as those of the ends are only pending: as in the interval beside
        lost = (model.lost[0], model.lost[-1]) if model.lost else (math.inf, -math.inf)
        beyond = ((middle < model.t[0]) & (lost[0] > model.t[0])) | ((middle > model.t[-1]) & (lost[1] < model.t[-1]))
        near = model.raw[rows] * (length / whole) ** ORDER
        beside = np.where(beyond & (length <= COARSEST), np.minimum(beside, near), beside)
        return length, np.where(inside, error, beside), rows, inside

    def _closed(self, length: Floats, rows: Any) -> Bools:
        """Return which pieces, of these lengths and in these intervals of the model, are not divided any more."""
        return np.asarray((length < CLOSED) | self._model.closed[rows])

    def _crowded(self) -> Bools:
        """Return which intervals of the model contain a break, as it seems, and as many pending points as they may."""
        model = self._model
        if math.isinf(self._crowd):
            return np.zeros(len(model.fall), dtype=bool)
        pending = self._t(np.array(self._pending))
        rows = np.searchsorted(model.t, pending[(pending > model.t[0]) & (pending < model.t[-1])]) - 1
        return np.asarray((np.bincount(rows, minlength=len(model.fall)) >= self._crowd) & (model.fall > BREAK))

    def _falls(self, t: Floats, share: Floats, rows: Any) -> Floats:
        """Return the error of each piece as a fraction of that of its interval; `t` are the edges of the pieces."""
        model = self._model
        share = np.minimum(share, 1.0)
        fall = share**ORDER
        streak = model.streak[rows]
        cut = (share < 1 - 1e-9) & self._one_sided(rows)
        if cut.any():
            # the error is expected on the same side again
            left, right = model.t[rows], model.t[rows + 1]
            same = np.where(streak < 0, t[:-1] <= left, t[1:] >= right)
            fall = np.where(cut, np.where(same, np.maximum(model.fall[rows], fall), fall / 10), fall)
        return fall

    def _one_sided(self, rows: Any) -> Bools:
        """Return in which of the intervals `rows` the error is expected on the side where it was before."""
        streak, t = self._model.streak[rows], self._model.t
        end = ((t[rows] == 0.0) & (streak < 0)) | ((t[rows + 1] == 1.0) & (streak > 0))
        return np.asarray(np.abs(streak) >= np.where(end, STREAK_AT_END, STREAK))

    def _losses(self, edges: Floats) -> Floats:
        """Return the loss of each piece: its error / range, at least its length while that is above `COARSEST`.

        Of closed pieces, and of those in which a break is located well enough, the loss is 0. The lengths do not
        enter where the rational function is used.
        """
        length, error, rows, inside = self._pieces(edges)
        model = self._model
        loss = np.where(np.isfinite(error), error / model.scale, length)
        if model.ready:
            raw = np.minimum(model.raw[rows] / model.scale, 1e300)
            loss = np.where(np.isfinite(error), loss, np.maximum(length, raw))
            loss[self._closed(length, rows) & inside] = 0.0
        loss[~self._opens(edges)] = 0.0
        return loss

    # -- the next points -------------------------------------------------------------------------------------------

    def propose(self, n: int) -> tuple[list[float], list[float]]:
        """Put at most n more points pending; return them and their improvements, the estimated errors / range.

        Fewer come if others would only be wasted as long as the values of the pending ones are not known.
        """
        points: list[float] = []
        improvements: list[float] = []
        in_all = len(self._pending) + n
        self._crowd = next(most for pending, most in CROWD if in_all <= pending)
        while len(points) < n:
            missing = self.missing()
            found = (missing[0], math.inf) if missing else self._next()
            if found is None or (self._pending and self._is_waste(found[1])):
                break
            self.hold(found[0])
            points.append(found[0])
            improvements.append(found[1])
        return points, improvements

    def _is_waste(self, improvement: float) -> bool:
        """Whether the value of a pending point is likely to make a point of this expected error / range needless."""
        model = self._model
        if improvement * model.scale <= self._floor():
            # all seems to be known, but for an end whose value is to come; if that rests on few points it may be wrong
            end = self._pending[0] == self.domain.low or self._pending[-1] == self.domain.high
            return end or MANY_PENDING * len(self._pending) > len(self._us)
        error = np.where(np.isfinite(model.error), model.error, model.raw)
        return improvement < WORTH * float(error[np.isfinite(error)].max(initial=0.0)) / model.scale

    def _floor(self) -> float:
        """Return below which estimates say no more, in units of the values."""
        model = self._model
        rounding = EPS * float(np.abs(model.y).max()) if model.ready else 0.0
        return max(ROUNDING * model.scale, rounding)

    def _next(self) -> tuple[float, float] | None:
        edges = self._edges()
        opens = self._opens(edges)
        if not opens.any():
            return None
        count = len(edges)
        model = self._model
        if not model.ready:
            return self._first(edges, opens)
        length, error, rows, inside = self._pieces(edges)
        share = SHARES[_bit(count)]
        score = np.where(opens, error, -1.0)
        if self._pending:
            score[self._crowded()[rows] & inside & np.isfinite(error)] = 0.0
        closed = self._closed(length, rows)
        score[closed & inside] = -1.0
        coarse = score == np.inf
        if coarse.any():
            i = int(np.argmax(np.where(coarse, length, -1.0)))
            return self._place(edges, i, share), math.inf
        if model.suspected and self.domain.midpoints and self.domain.parts(self.domain.low, self.domain.high) > 1e9:
            # two points close to each other, where there are none: if their values differ as others do there is noise
            close = CLOSE / len(model.t)
            tenths = np.floor(10 * (edges[:-1] - self.domain.low) / self.scale.width)
            wanted = opens & inside & ~np.isin(tenths, tenths[length < close]) & (length > close)
            if wanted.any():
                i = int(np.argmax(np.where(wanted, length, -1.0)))
                return self._place(edges, i, 0.1 * close / float(length[i])), 1.0
        squares = inside & (model.use[rows] == S)
        if squares.any() and (count < FEW_POINTS or 2 * np.count_nonzero(squares) > len(squares)):
            # least squares want points evenly; a few short intervals among many would never get any
            score = np.where(squares, score * length / length.max(), score)
        rational = inside & (model.use[rows] == R)
        best = self._rational_place(edges, opens) if rational.any() else None
        score[rational] = -1.0
        worst = int(score.argmax())
        top = float(score[worst])
        floor = self._floor()
        if best is not None and best[1] > max(top, floor):
            return best[0], best[1] / model.scale
        if top > floor:
            return self._place(edges, worst, share), top / model.scale
        # converged everywhere: in turn the longest piece, and the one that polynomials find the hardest
        i = int(np.argmax(np.where(opens, length, -1.0)))
        if count % 2 and inside.any():
            errors = model.polynomial_errors[rows] * np.minimum(length / model.h[rows], 1.0) ** ORDER
            hard = np.where(opens & inside & ~closed, errors, -1.0)
            i = int(np.argmax(hard)) if hard.max() > 0 else i
        return self._place(edges, i, share), max(top, 0.0) / model.scale

    def _rational_place(self, edges: Floats, opens: Bools) -> tuple[float, float] | None:
        """Return where successive rational functions differ most, and how much; None if nowhere is open.

        Each pending point makes the difference smaller around it. Where the error is expected on one side of it, the
        piece there is divided as the place of the largest difference divides the interval.
        """
        model = self._model
        t, differ, rows = model.rational_places()
        good = (model.use == R) & ~model.gap & ~model.closed
        score = np.where(good[rows], differ, -1.0)
        found: list[tuple[float, float]] = []
        edges_t, pending = self._t(edges), self._t(np.array(self._pending))
        beside = model.t[1:-1].searchsorted(pending)
        if self._pending:
            score *= np.multiply.reduce(np.minimum(1.0, ((t - pending[:, None]) / model.h[beside, None]) ** 2))
        for row in sorted(set(beside[good[beside] & self._one_sided(beside)].tolist())):
            inside = rows == row
            score[inside] = -1.0
            at = int(np.argmax(np.where(inside, differ, -1.0)))
            first, last = edges_t.searchsorted(model.t[row : row + 2])
            cuts = edges_t[first : last + 1]
            lengths = cuts[1:] - cuts[:-1]
            pieces = differ[at] * self._falls(cuts, lengths / model.h[row], np.full(len(lengths), row))
            j = int(np.argmax(pieces))
            share = (t[at] - model.t[row]) / model.h[row]
            found.append((float(pieces[j]), float(cuts[j] + share * lengths[j])))
        at = int(np.argmax(score))
        most, place = max([*found, (float(score[at]), float(t[at]))], key=itemgetter(0))
        u = self._u(place)
        i = int(edges[1:-1].searchsorted(u, side="right"))
        if most < 0 or not opens[i]:
            return None
        return self.domain.place(float(edges[i]), float(edges[i + 1]), u), most

    def _u(self, t: float) -> float:
        return self.domain.low + t * self.scale.width

    def _first(self, edges: Floats, opens: Bools) -> tuple[float, float] | None:
        """Return one of the first points, before there is an interpolant."""
        ends = edges.tolist()
        taken = set(ends)
        for k in range(len(ends) + 2):
            u = self._u(_warp(_halves(k)))
            i = min(max(bisect_right(ends, u) - 1, 0), len(ends) - 2)
            if not opens[i]:
                continue
            u = self.domain.place(ends[i], ends[i + 1], u)
            # a piece that was cut by this very point, or by one told near it, is for later
            near = min(u - ends[i], ends[i + 1] - u) / self.scale.width
            if u not in taken and near > 0.25 / 2 ** (k + 1).bit_length():
                return u, math.inf
        i = int(np.argmax(np.where(opens, edges[1:] - edges[:-1], -1.0)))
        return self._place(edges, i, 0.5), math.inf

    def _place(self, edges: Floats, i: int, share: float) -> float:
        a, b = float(edges[i]), float(edges[i + 1])
        return self.domain.place(a, b, a + (b - a) * share)

    # -- the interpolant -------------------------------------------------------------------------------------------

    def curve(self, size: int) -> AutoCurve:
        """Return the interpolant of the known points, with `size` components."""
        return AutoCurve(self, size)


class AutoCurve:
    """The interpolant of the points of a `CurveIntervals`, as long as they do not change."""

    def __init__(self, intervals: CurveIntervals, size: int) -> None:
        self._model, self._size = intervals._model, size
        self._low, self._width = intervals.domain.low, intervals.scale.width
        self._values = intervals._values
        self._us = np.array(intervals._us)

    def __call__(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the values, shape (len(u), N), and the estimated errors, shape (len(u),); NaN outside the points."""
        model = self._model
        t = (u - self._low) / self._width
        value, error = model(t), model.error_at(t)
        if value.shape[1] != self._size:  # no valid value, or none that is small enough for interpolants
            value = np.full((len(u), self._size), np.nan)
        if not len(self._us):
            return value, error
        at = np.minimum(np.searchsorted(self._us, u), len(self._us) - 1)
        for i in np.flatnonzero(self._us[at] == u):
            y = _array(self._values[float(u[i])])
            value[i] = np.nan if y is None else y
            error[i] = math.nan if y is None else 0.0
        return value, error

    def poles(self) -> list[tuple[complex, float, Any]]:
        """Return the poles, in the coordinate u: place, error and residues, shape (N,)."""
        found = self._model.poles()
        return [(self._low + p * self._width, e * self._width, r * self._width) for p, e, r in found]

    @property
    def largest_error(self) -> float:
        """The largest estimated error of an interval that is not closed; inf while one is too long to tell."""
        return self._model.largest_error()


def _node(y: Value) -> Floats | None:
    """Return the value as the model takes it; None beyond `LARGEST`, where squares overflow."""
    array = _array(y)
    return None if array is None or np.abs(array).max() > LARGEST else array


def _array(y: Value) -> Floats | None:
    return None if y is None else np.atleast_1d(np.array(y, dtype=float))
