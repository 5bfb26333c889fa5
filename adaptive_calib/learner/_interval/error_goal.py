"""A `Learner1D` on its way to an error goal: what it asks for, what it has checked, and why it may have to stop.

The intervals have the estimated error as their loss (`smooth1D.ErrorLoss`), so that every point goes where the estimate
is largest. The next points depend on the observed ones only:

=====================================  ==============================================================================
state                                  points asked for
=====================================  ==============================================================================
stopped                                none; `stopped` says why
twins wanted                           points next to observed ones, see `noise`
estimate above the goal                those that divide the intervals with the largest losses
estimate within the goal, check open   the places of the check, see `claims.ErrorCheck`
checked                                as while the estimate is above the goal
=====================================  ==============================================================================

A check that has begun is finished, though the estimate wavers meanwhile: the values at its places either show that the
interpolant is wrong, or are predicted well, and then an estimate within `PASSED` times the goal does.

The run stops for one of these reasons:

- the values have noise that the goal is not above: at the interval with the largest estimate the values look like noise
  of a size that explains the estimate, and so do twins, less what the slope of the interpolant explains; of noise as
  small as the distance of floating-point numbers no twins are asked;
- a goal below the rounding errors of interpolants, a share of the range of the values, which grows beside a pole;
- more than `MOST_BREAKS` breaks: values in steps, as of rounded numbers, are no curve;
- none of `NO_VALUES` values is valid, or valid and missing ones alternate too often;
- a reason of the learner's own, see `ErrorGoal.stop`.

Everything here follows from the values in their order; there is no other state and no chance but seeded one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.learner._interval.domain import Domain1D, IntegerDomain
from adaptive_calib.learner._interval.loss_scale import LossScale
from adaptive_calib.learner._interval.noise import RATIO, WINDOW, plateau
from adaptive_calib.learner._interval.types import Ends, Interval, Value
from adaptive_calib.learner._twins import TWIN_DIFFERENCE, TWINS
from adaptive_calib.learner.claims import Claim, ErrorCheck
from adaptive_calib.learner.smooth1D import BREAK_WIDTH, EDGE, CurveMode, ErrorLoss, estimate_beside
from adaptive_calib.learner.values import no_valid_value

__all__ = ["ErrorGoal", "Interpolant"]

#: Number of points from which on noise is looked for, then again each time that it has grown by a half.
FIRST_LOOK = 40
#: Windows around the largest estimate that are looked at; two of three have to look like noise.
WINDOWS = 3
#: Largest estimate, in standard deviations, that noise alone explains. On white noise the largest estimate of 160
#: intervals is 6.5 (27 at most in 20 trials) in the smooth mode and 3.2 (5.7) in the linear one.
EXPLAINED: dict[str, float] = {"smooth": 30.0, "auto": 30.0, "linear": 10.0}
#: A goal of less than this many standard deviations of the noise cannot be checked by single values, although an
#: interpolant that smooths may be as good.
CHECKABLE = 3.0
#: The estimate may be this many times the goal once a check has passed: the values at its places say more. Means, which
#: have error bars themselves, do not.
PASSED = 2.0
#: Noise of less than this many distances between neighbouring floating-point numbers is their rounding.
ROUNDED = 4.0
#: What looks like noise on less than this share of the domain may be none: where a function oscillates ever faster even
#: twins differ.
LOCAL = 0.1
#: From this number of points on, which may reach it by chance, a goal has to be at least this share of the range of the
#: values: losses are told apart to the first; with breaks mode="auto" fits to the other.
MANY, LEAST, LEAST_WITH_BREAKS = 200, 1e-12, 1e-11
#: Breaks nearer to each other than this many times `BREAK_WIDTH` are one: around a pole there are many.
JOINED = 16
#: Largest number of breaks.
MOST_BREAKS = 64
#: The same for changes from valid to missing values, or back.
MOST_GAPS = 128


class Interpolant(Protocol):
    """A frozen interpolant: values, shape (points, components), and estimated errors, shape (points,)."""

    def __call__(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the values and the errors at coordinates; NaN where there is no prediction."""
        ...


class Parts(Protocol):
    """The intervals of a learner, as far as an error goal looks at them; they are changed by the learner only."""

    scale: LossScale

    def known(self) -> tuple[list[float], list[Value]]:
        """Return the observed points, ascending, and their values."""
        ...

    def real(self) -> list[Interval]:
        """Return the intervals between observed points, from left to right."""
        ...

    def ends_at(self, u: float) -> Ends | None:
        """Return the ends of the interval that contains `u`, and the values there; None beyond the observed points."""
        ...

    def worst(self) -> Interval | None:
        """Return the interval with the largest loss; None if all are closed."""
        ...

    def loss(self) -> float:
        """Return the largest loss; infinite until both ends of the domain are observed."""
        ...

    def is_pending(self, u: float) -> bool:
        """Whether `u` is pending."""
        ...

    def noise_level(self) -> float | None:
        """Return the standard deviation of the noise that the interpolant itself has found; None if it has not."""
        ...

    @property
    def exhausted(self) -> bool:
        """Whether no further point is possible."""
        ...


class ErrorGoal:
    """The state of one error goal.

    Parameters
    ----------
    check : ErrorCheck
        The goal and its checks.
    domain
        Where points may lie.
    mode
        The kind of interpolant.
    noise
        Whether to look for noise.

    Attributes
    ----------
    stopped : str
        Why the goal cannot be reached; empty while it can.
    noise : float or None
        Standard deviation of the noise in the values, once it is recognized.
    bars : float
        By how much the values themselves may be off, in units of the values; set by a learner of means.
    """

    def __init__(self, check: ErrorCheck, domain: Domain1D, mode: CurveMode, noise: bool = True) -> None:
        self.check = check
        self.bars = 0.0
        self._looks_for_noise = noise and domain.has_twins
        self.stopped = ""
        self.noise: float | None = None
        self._domain = domain
        self._mode = mode
        self._width = domain.high - domain.low
        self._has_values = False  # whether a valid one was seen
        self._places: dict[float, None] | None = None
        self._before: Interpolant | None = None
        # places of the present check: with a value that was right; with a first sample, but not enough of them
        self._seen: set[float] = set()
        self._expected: set[float] = set()
        self._next_look, self._next_doubt, self._next_count, self._next_breaks = FIRST_LOOK, 0, MOST_GAPS, 0
        # point -> value of its twin, None while that is not observed; in the order of asking
        self._twins: dict[float, Value] = {}
        self._suspected = 0.0
        # values of all twins so far, by their own coordinates; values of the points whose twins are asked for
        self._twin_values: dict[float, Value] = {}
        self._values: dict[float, Value] = {}

    # -- values ----------------------------------------------------------------------------------------------------

    def expect(self, u: float, count: int, interpolant: Callable[[], Interpolant | None]) -> bool:
        """Note that values at `u` begin to come; return whether it is a place of the present check.

        To be called before the first of them becomes part of the intervals. `count` points were observed before;
        `interpolant` makes the interpolant of these, and is called at the first place of a check.
        """
        if u not in self.places(count) or u in self._seen:
            return False
        self._before = self._before or interpolant()
        if self._before is None:
            return False
        self.check.begin(count)
        self._expected.add(u)
        return True

    def record(self, u: float, y: Value) -> None:
        """Take in the value at a place for which `expect` was true; no effect on another, or of a check that failed."""
        if u not in self._expected or self._before is None:
            return
        self._expected.discard(u)
        if self.check.record(_miss(self._before, u, y)):
            self._seen.add(u)
        else:
            self._before, self._places = None, None
            self._seen.clear()
            self._expected.clear()

    def look(
        self,
        intervals: Parts,
        count: int,
        interpolant: Callable[[], Interpolant | None],
        beside: Iterable[float] = (),
    ) -> None:
        """Look for reasons to stop, after a value became part of the intervals.

        `count` points are observed, and `interpolant` makes the interpolant of these; `beside` are the lengths of the
        intervals that are new, as far as they are known.
        """
        if self.stopped:
            return
        if not self._any_value(intervals):
            self.stopped = no_valid_value(count)
            return
        if count >= MANY:
            self._compare_with_range(intervals)
        if count >= self._next_count:
            self._next_count = count + count // 2
            self._count_gaps(intervals)
            if not isinstance(self._domain, IntegerDomain):
                self._count_steps(intervals)
        if count >= self._next_breaks and min(beside, default=math.inf) <= BREAK_WIDTH * self._width:
            self._count_breaks(intervals, count)
        self._compare_twins(intervals, interpolant)
        if self._looks_for_noise and not (self._twins or self.stopped or self.check.begun):
            self._look_for_noise(intervals, count)
            self._compare_twins(intervals, interpolant)

    def _look_for_noise(self, intervals: Parts, count: int) -> None:
        """Ask for twins where the values look like noise, if the goal is not reached for that."""
        level = intervals.noise_level()
        if level is not None and self.check.error < CHECKABLE * level and count >= self._next_doubt:
            self._next_doubt = count + count // 2
            valid = [(u, y) for u, y in _valid(intervals) if self._has_room(intervals, u)]
            if len(valid) >= TWINS:
                chosen = [len(valid) * k // TWINS for k in range(TWINS)]
                self._ask_for_twins(intervals, [valid[i] for i in chosen], level)
        elif count >= self._next_look and not self.satisfied(intervals):
            worst = intervals.worst()
            if worst is not None and not ErrorLoss.is_unknown(worst[3]):
                self._next_look = count + count // 2
                self._suspect(intervals, worst)

    def _suspect(self, intervals: Parts, worst: Interval) -> None:
        """Ask for twins if the values around the largest estimate look like noise that explains it."""
        valid = _valid(intervals)
        at = next((i for i, (u, _) in enumerate(valid) if u >= worst[1]), 0)
        length = WINDOWS * WINDOW
        begin = max(0, min(at - length // 2, len(valid) - length))
        around = valid[begin : begin + length]
        if len(around) < length:
            return
        points = [u for u, _ in around]
        sizes: list[float] = []
        for component in zip(*[y if isinstance(y, tuple) else (y,) for _, y in around], strict=True):
            found = [plateau(points[i : i + WINDOW], component[i : i + WINDOW]) for i in range(0, length, WINDOW)]
            like = [size for size in found if size is not None]
            if len(like) > WINDOWS / 2:
                sizes.append(float(np.median(like)))
        estimate = worst[3] * intervals.scale.y_scale
        if sizes and estimate <= EXPLAINED[self._mode] * max(sizes):
            nearest = sorted(around, key=lambda point: abs(point[0] - worst[1]))
            roomy = [(u, y) for u, y in nearest if self._has_room(intervals, u)]
            if roomy:
                self._ask_for_twins(intervals, roomy[:TWINS], max(sizes))

    def _has_room(self, intervals: Parts, u: float) -> bool:
        """Whether no point lies between an observed point and its twin, or there."""
        twin = self._domain.twin(u)
        ends = intervals.ends_at(twin)
        return ends is not None and u in ends[:2] and twin not in ends[:2]

    def _ask_for_twins(self, intervals: Parts, points: Sequence[tuple[float, Value]], size: float) -> None:
        """Ask for twins of observed points, one after the other, which show whether there is noise of this size."""
        self._suspected, self._values, self._twins = size, dict(points), {}
        spacing = _spacing(self._values.values())
        if size <= ROUNDED * spacing and self.check.error < 2 * spacing:
            # twins may have the same rounded values
            self._stop_for_noise(intervals, size)
            return
        self._ask_for_next_twin()

    def _ask_for_next_twin(self) -> None:
        u = next(u for u in self._values if u not in self._twins)
        self._twins[u] = self._twin_values.get(self._domain.twin(u))

    def take_twin(self, u: float, y: Value) -> None:
        """Take in the value of a twin, asked for or not."""
        self._twin_values[u] = math.nan if y is None else y
        for v in self._twins:
            if self._domain.twin(v) == u:
                self._twins[v] = self._twin_values[u]

    @np.errstate(over="ignore", invalid="ignore")  # of values near the largest float: the slope is none then
    def _difference(self, interpolant: Interpolant | None, u: float, y: Value) -> float:
        """Return by how much the value of the twin of `u` differs from that at `u`, less what the slope explains."""
        change = np.atleast_1d(np.asarray(y, dtype=float) - np.asarray(self._values[u], dtype=float))
        if interpolant is None or change.ndim > 1:
            return float(np.abs(change).max())
        # beyond the point itself, as an interpolant that smooths has another value there than beside
        step = self._domain.twin(u) - u
        near, far = interpolant(np.array([u + step, u + 4 * step]))[0]
        slope = (far - near) / 3
        # that of an interpolant through noise may be anything
        return float(np.fmin(np.abs(change), np.abs(change - slope)).max())

    def _compare_twins(self, intervals: Parts, interpolant: Callable[[], Interpolant | None]) -> None:
        """Decide whether there is noise, or ask for one more twin; as soon as they show none there is none."""
        while self._twins and all(y is not None for y in self._twins.values()):
            self._decide(intervals, interpolant())

    def _decide(self, intervals: Parts, interpolant: Interpolant | None) -> None:
        differences = [self._difference(interpolant, v, y) for v, y in self._twins.items()]
        finite = [difference for difference in differences if math.isfinite(difference)]
        # the median: one of the points may lie beside a step
        size = float(np.median(finite)) / TWIN_DIFFERENCE if finite else 0.0
        if size * 10 < self._suspected:
            self._twins = {}
        elif len(self._twins) < len(self._values):
            self._ask_for_next_twin()
        else:
            self._twins = {}
            size = max(size, self._suspected) if size < RATIO * self._suspected else size
            # with many pending points twins were asked for while nothing was amiss
            if self.check.error < EXPLAINED[self._mode] * size:
                self._stop_for_noise(intervals, size)

    def stop(self, reason: str) -> None:
        """Ask for no more points, since the goal cannot be reached for this reason; the first one stays."""
        self.stopped = self.stopped or reason

    def _is_local(self, intervals: Parts, size: float) -> bool:
        """Whether the estimated error is below half of this noise but for a small part of the domain."""
        scale = intervals.scale.y_scale
        noisy = sum(b - a for _, a, b, loss, *_ in intervals.real() if 2 * loss * scale > size)
        return noisy < LOCAL * self._width

    def _stop_for_noise(self, intervals: Parts, size: float) -> None:
        self.noise = size
        goal = f"the goal of {self.check.error:g} is " + ("below it" if self.check.error <= size else "too near to it")
        ask = f"Ask for an error above {5 * size:.1g}"
        average = "if the same point gives another value each time, average repeated evaluations (AverageLearner1D)"
        first, last = min(self._values), max(self._values)
        if size <= ROUNDED * _spacing(self._values.values()):
            self.stopped = (
                f"noise of about {size:.1g} in the values, which is the rounding of numbers as large as they are; "
                f"{goal}. {ask}, or subtract what is large and constant"
            )
        elif self._is_local(intervals, size):
            a, b = self._domain.x(first), self._domain.x(last)
            self.stopped = (
                f"noise of about {size:.1g} in the values between {a:.6g} and {b:.6g}, or changes that are too fast "
                f"to be resolved; {goal}. {ask}, leave this region out, or, {average}"
            )
        else:
            self.stopped = f"noise of about {size:.1g} in the values; {goal}. {ask}, or, {average}"

    def _count_breaks(self, intervals: Parts, count: int) -> None:
        """Stop if there are too many breaks; look again when there may be, with one more for each point."""
        number = len(self.breaks(intervals))
        self._next_breaks = count + max(MOST_BREAKS - number, 1)
        if number > MOST_BREAKS:
            self._stop_for_breaks()

    @np.errstate(over="ignore")
    def _count_steps(self, intervals: Parts) -> None:
        """Stop if there are too many steps from one constant to another, which need not be located for that."""
        values = np.array([y if isinstance(y, tuple) else (y,) for _, y in _valid(intervals)], dtype=float)
        change = np.abs(np.diff(values, axis=0)).max(axis=1)
        steps = (change[1:-1] > self.check.error) & (change[:-2] == 0) & (change[2:] == 0)
        if np.count_nonzero(steps) > MOST_BREAKS:
            self._stop_for_breaks()

    def _stop_for_breaks(self) -> None:
        self.stopped = (
            f"more than {MOST_BREAKS} breaks (steps or kinks) larger than the goal of {self.check.error:g}: the "
            "values are in steps, as rounded numbers are. Ask for an error above the size of the steps"
        )

    def _compare_with_range(self, intervals: Parts) -> None:
        """Stop if the goal is below the rounding errors of interpolants."""
        share = self.check.error / intervals.scale.y_scale
        if share >= LEAST_WITH_BREAKS or (self.satisfied(intervals) and not self.check.failed):
            return
        if share < LEAST or (self._mode == "auto" and self.breaks(intervals)):
            values = _valid(intervals)
            u, y = max(values, key=lambda value: float(np.abs(np.asarray(value[1], dtype=float)).max()))
            largest = float(np.abs(np.asarray(y, dtype=float)).max())
            self.stopped = (
                f"the goal of {self.check.error:g} is below what rounding leaves of values as large as {largest:.1g} "
                f"(near {self._domain.x(u):.6g}): ask for a larger error, or leave out where the values are large"
            )

    def _count_gaps(self, intervals: Parts) -> None:
        """Stop if valid and missing values alternate too often."""
        changes = sum((ya is None) != (yb is None) for *_, ya, yb in intervals.real())
        if changes > MOST_GAPS:
            self.stopped = (
                f"values are missing (NaN, infinite or failed) in more than {MOST_GAPS // 2} separate places: "
                "make the function return values there, or leave the regions out"
            )

    # -- reading ---------------------------------------------------------------------------------------------------

    def estimate(self, intervals: Parts) -> float:
        """Return the largest estimated error, in units of the values, error bars included."""
        loss = intervals.loss()
        return math.inf if ErrorLoss.is_unknown(loss) else loss * intervals.scale.y_scale + self.bars

    def satisfied(self, intervals: Parts) -> bool:
        """Whether the estimate is small enough to begin a check, or to go on with one."""
        return self._is_small(intervals) and not self._edges(intervals)

    def _edges(self, intervals: Parts) -> list[tuple[float, float]]:
        """Return the intervals between a valid and an invalid point that are too long, for mode='auto'."""
        if self._mode != "auto":
            return []
        width = EDGE * self._width
        ends = [(a, b) for _, a, b, _, ya, yb in intervals.real() if b - a > width and (ya is None) != (yb is None)]
        return [(a, b) for a, b in ends if self._domain.parts(a, b) >= 2]

    def _any_value(self, intervals: Parts) -> bool:
        self._has_values = self._has_values or any(y is not None for y in intervals.known()[1])
        return self._has_values

    def _is_small(self, intervals: Parts) -> bool:
        if not self._any_value(intervals):
            return False
        says_more = self.check.begun and self.bars == 0
        return self.estimate(intervals) <= (PASSED * self.check.error if says_more else self.check.target)

    def places(self, count: int) -> dict[float, None]:
        """Return the coordinates of the present check."""
        places = self.check.places(count)
        if self._places is None or len(self._places) < len(places):
            coordinates = [self._domain.low + t * self._width for (t,) in places]
            self._places = dict.fromkeys(self._domain.u(self._domain.x(u)) for u in coordinates)
        return self._places

    def open_places(self, intervals: Parts, count: int) -> list[float]:
        """Return the places of the check that are neither observed nor impossible; pending ones included."""
        unseen = (u for u in self.places(count) if u not in self._seen)
        return [u for u in unseen if u in self._expected or intervals.is_pending(u) or self._free(intervals, u)]

    def _free(self, intervals: Parts, u: float) -> bool:
        """Whether a point may be asked for at `u`."""
        ends = intervals.ends_at(u)
        if ends is None:
            return False
        a, b, ya, yb = ends
        if u in (a, b):
            return False
        if b - a <= BREAK_WIDTH * self._width or ((ya is None) != (yb is None) and b - a <= EDGE * self._width):
            return False
        # scaled coordinates far from 0 have to tell them apart
        tell_apart = min(u - a, b - u) >= self._domain.shortest / 4
        return tell_apart and self._domain.apart(a, u) and self._domain.apart(u, b)

    def wanted(self, intervals: Parts, count: int) -> list[float] | None:
        """Return the points to ask for before all others, without pending ones; None if intervals should be divided."""
        if self.stopped:
            return []
        if self._twins:
            twins = [self._domain.twin(v) for v, y in self._twins.items() if y is None]
            return [u for u in twins if not intervals.is_pending(u)]
        if not self.check.begun and not self._is_small(intervals):
            return None
        edges = self._edges(intervals)
        if edges:
            middles = [self._domain.inner(a, b, 2)[0] for a, b in edges]
            return [u for u in middles if not intervals.is_pending(u)]
        places = self.open_places(intervals, count)
        return [u for u in places if u not in self._expected and not intervals.is_pending(u)] if places else None

    def breaks(self, intervals: Parts) -> list[tuple[float, float]]:
        """Return the intervals, in coordinates, that hold a break and are not divided any more; near ones joined."""
        return joined_breaks(intervals.real(), BREAK_WIDTH * self._width, self.check.error, self._mode)

    def claim(
        self, intervals: Parts, count: int, name: Callable[[float], float], resolution: bool = False
    ) -> Claim | None:
        """Return the claim: checked if the check has passed, else the estimate; None without a finite estimate.

        `name` returns the point at a coordinate; `resolution` says whether the longest interval is part of the claim.
        """
        if not self._any_value(intervals):
            return None
        estimate = self.estimate(intervals)
        small = self._is_small(intervals) and not self._edges(intervals)
        if self.stopped or not small or self.open_places(intervals, count):
            return Claim.estimated(estimate) if math.isfinite(estimate) else None
        real = intervals.real()
        left = self._domain.unknown((a, b) for _, a, b, *_ in real)
        exhausted = intervals.exhausted and not left
        if not self.check.passed and not exhausted:
            # with no further point possible the estimate is 0, as it leaves all intervals out
            return None if intervals.exhausted else Claim.estimated(estimate)
        breaks = joined_breaks(real, BREAK_WIDTH * self._width, self.check.error, self._mode)
        unknown = sum(b - a for _, a, b, _, ya, yb in real if ya is None or yb is None)
        longest = max((b - a for _, a, b, *_ in real), default=0.0) / self._width
        claim = self.check.claim(
            resolution=longest if resolution else None,
            unpredicted=unknown / self._width,
            breaks=[(name(a), name(b)) for a, b in breaks],
            exhausted=exhausted,
        )
        if exhausted or self._domain.shortest <= BREAK_WIDTH * self._width:
            return replace(claim, fraction=min(left, claim.fraction))
        # where the least distance of points forbids another one, nothing was estimated or checked
        closed = sum(b - a for _, a, b, *_ in real if self._domain.parts(a, b) < 2) / self._width
        return replace(claim, fraction=min(left, claim.fraction + closed))


def joined_breaks(real: Sequence[Any], width: float, error: float, mode: CurveMode) -> list[tuple[float, float]]:
    """Return the intervals of at most `width` over which a value changes by more than `error`, near ones joined.

    Without those that are short by chance, over which the interpolant is estimated to be as good as that.
    """
    found: list[tuple[float, float]] = []
    for i, (_, a, b, _, ya, yb) in enumerate(real):
        if b - a > width or ya is None or yb is None:
            continue
        change = max(map(abs, map(float.__sub__, yb, ya))) if isinstance(ya, tuple) else abs(yb - ya)
        if not (change <= error or estimate_beside(real, i, mode) <= error):
            if found and a - found[-1][1] <= JOINED * width:
                found[-1] = (found[-1][0], b)
            else:
                found.append((a, b))
    return found


def _spacing(values: Iterable[Value]) -> float:
    """Return the distance of floating-point numbers as large as the values."""
    return float(np.spacing(max(float(np.abs(np.asarray(y, dtype=float)).max()) for y in values)))


def _valid(intervals: Parts) -> list[tuple[float, Value]]:
    """Return the observed points with a valid value, ascending."""
    return [(u, y) for u, y in zip(*intervals.known(), strict=True) if y is not None]


def _miss(before: Interpolant, u: float, y: Value) -> float:
    """Return by how much a prediction was off; infinite if only one of prediction and value is there."""
    predicted, _ = before(np.array([u]))
    known = bool(np.isfinite(predicted).all())
    if y is None:
        return math.inf if known else 0.0
    return float(np.abs(predicted[0] - np.atleast_1d(np.asarray(y, dtype=float))).max()) if known else math.inf
