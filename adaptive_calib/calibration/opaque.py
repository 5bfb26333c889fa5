"""`OpaqueCalibrationLearner`: the calibration of a slow, opaque function of (experiment, c).

Where B_EMD at another c cannot be computed from a record, every (experiment, c) costs an evaluation. Then values of c
race: a c is given more experiments only while it is undecided. It begins with 32; a round is over when every racing c
has its experiments, then all are judged, and those that are still undecided get half as many more, and at least 32. A c
that is undecided at the cap `max_experiments` stays undecided. The axis of c is bisected between decided values, and
the recommended c is topped up to the cap, since its curve is wanted. All c share the same experiments, in the same
order.

Decisions are those of `decision`, at the end of a round, and new c are chosen only when no other c races; so the
outcome does not depend on the number of workers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration import frames, wording
from adaptive_calib.calibration._any_calibration import AnyCalibration
from adaptive_calib.calibration.axis import Axis
from adaptive_calib.calibration.decision import FIRST_LOOK, Decision, Rows, Tolerances, judge
from adaptive_calib.calibration.evaluate import check_c
from adaptive_calib.calibration.evidence import evidence_of
from adaptive_calib.calibration.family import Family
from adaptive_calib.calibration.labels import check_whole
from adaptive_calib.calibration.pairs import table_columns
from adaptive_calib.calibration.result import CalibrateResult, calib_point_dtype
from adaptive_calib.calibration.robustness import Robustness, robustness
from adaptive_calib.calibration.slope import SLOPE_THRESHOLD, Status
from adaptive_calib.learner.base_learner import cache_latest, check_number_of_points

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OpaqueCalibrationLearner"]

#: (i, log2 c): evaluate experiment i at the sensitivity c.
Point = tuple[int, float]


class _Candidate:
    """One c in the race: its values, and the number of experiments that it may have."""

    def __init__(self, cap: int) -> None:
        self.bemd: dict[int, float] = {}
        self.stage = min(FIRST_LOOK, cap)
        self.cap = cap
        self.racing = True
        self.slope, self.stderr = math.nan, math.nan  # at the last look
        self._have = 0

    @property
    def have(self) -> int:
        """Length of the contiguous prefix that is there."""
        while self._have in self.bemd:
            self._have += 1
        return self._have

    def column(self) -> Floats:
        """B_EMD of experiments 0 … stage - 1; only of a complete stage."""
        return np.array([self.bemd[i] for i in range(self.stage)])

    @property
    def complete(self) -> bool:
        return self.have >= self.stage

    def advance(self, decided: bool) -> None:
        """Race on after a look, unless the c is decided or has all experiments."""
        self.racing = not decided and self.stage < self.cap
        if self.racing:
            self.stage = min(self.stage + max(FIRST_LOOK, self.stage // 2), self.cap)

    def uncertainty(self) -> float:
        """Standard deviation of the answer "acceptable" as of the last look; 0.5 before it."""
        if math.isnan(self.slope):
            return 0.5
        p = 0.5 * math.erfc(-(self.slope - SLOPE_THRESHOLD) / (self.stderr * math.sqrt(2)))
        return math.sqrt(p * (1 - p))


class OpaqueCalibrationLearner(AnyCalibration):
    """Learns the acceptable interval of c from single evaluations of B_EMD.

    Parameters
    ----------
    function : callable, (i, log2 c) -> (B_EMD, B_epis)
        Evaluates experiment i at c. B_epis is a bool, or None where it was not looked at (it is then taken from another
        c of the same experiment) or could not be settled.
    max_experiments : int
        Cap on the experiments at each c.
    start : sequence of float
        The first values of c.
    c_bounds : (float, float)
        Smallest and largest c that may be looked at.
    c_tol : float
        Octaves of c to which the lower end of the acceptable interval is wanted: the recommended c.
    upper_end : bool
        Whether the upper end is wanted to `c_tol` too.
    confidence : float
        Probability that no c is ever wrongly accepted or wrongly rejected, over all looks and all c together.
    top_up : bool
        Evaluate the recommended c for all experiments at the end, for its curve.

    Attributes
    ----------
    data : dict, (i, log2 c) -> (B_EMD, B_epis)
        Every evaluation observed.

    Examples
    --------
    >>> import random
    >>> from adaptive_calib.calibration import OpaqueCalibrationLearner
    >>> from adaptive_calib.runner import simple
    >>> def evaluate(point):  # how sure the criterion is in experiment i at c, and who truly wins
    ...     index, log2c = point
    ...     chance = random.Random(index).random()
    ...     return chance, random.Random(-1 - index).random() < chance
    >>> learner = OpaqueCalibrationLearner(evaluate, max_experiments=64, start=[0.25, 1.0, 4.0], c_bounds=(0.25, 4.0))
    >>> simple(learner)
    >>> len(learner.data)
    192
    """

    def __init__(
        self,
        function: Callable[[Point], tuple[float, bool | None]],
        max_experiments: int,
        *,
        start: Sequence[float] = (2.0**-8, 2.0**-4, 1.0, 2.0**4, 2.0**8),
        c_bounds: tuple[float, float] = (2.0**-20, 2.0**20),
        c_tol: float = 1.0,
        upper_end: bool = False,
        confidence: float = 0.95,
        top_up: bool = True,
    ) -> None:
        check_whole("max_experiments", max_experiments, 1)
        low, high = (math.log2(c) for c in check_c(c_bounds))
        first = tuple(sorted(math.log2(c) for c in check_c(start)))
        self.function = function
        self.max_experiments = int(max_experiments)
        self.axis = Axis(first, (low, high), step=max(np.diff(first).max(initial=0.0), c_tol), tol=c_tol)
        self.tolerances = Tolerances(c_tol, None, None, upper_end)
        self.family = Family.of(self.axis, confidence)
        self.top_up = top_up
        self.data: dict[Point, tuple[float, bool | None]] = {}
        self.pending_points: set[Point] = set()
        self.failed_points: set[Point] = set()
        self._restart()

    def _restart(self) -> None:
        self._labels: dict[int, bool] = {}
        self._race: dict[float, _Candidate] = {}
        self._over = False
        self._current: Decision | None = None
        self._robustness = None
        self._enter(self.axis.start)

    def _enter(self, log2c: Sequence[float]) -> None:
        for x in log2c:
            self._race[x] = _Candidate(self.max_experiments)

    @property
    def npoints(self) -> int:
        """Number of evaluations observed."""
        return len(self.data)

    @property
    def n_experiments(self) -> int:
        """Number of experiments up to the last one that was evaluated at some c."""
        return 1 + max((i for i, _ in (*self.data, *self.failed_points)), default=-1)

    @property
    def n_failed(self) -> int:
        """Number of experiments that failed at some c and have no label from another."""
        return len({i for i, _ in self.failed_points if i not in self._labels})

    @property
    def labels(self) -> Floats:
        """B_epis of these experiments as 1 and 0, NaN where undecided, failed or not looked at; shape (n,)."""
        return self._label_column(self.n_experiments)

    @property
    def distributions(self) -> tuple[str, ...]:
        """The name of the one distribution: empty."""
        return ("",)

    @property
    def c_list(self) -> tuple[float, ...]:
        """The sensitivities in the race or with evaluations, increasing."""
        return tuple(2.0**x for x in sorted({*self._race, *(x for _, x in self.data)}))

    def done(self) -> bool:
        """Whether the race is over and no evaluation is pending."""
        return self._over and not self.pending_points

    def stopped_because(self) -> str:
        """Return why there is nothing more to ask, or which c are still undecided."""
        return wording.opaque_stopped_because(self)

    def forecast(self, seconds: float | None = None) -> str:
        """Return in words how many more experiments would decide each undecided c; may be empty.

        Parameters
        ----------
        seconds : float, optional
            Of one more evaluation at the present rate: the time that this takes is named too.
        """
        now = self.current()
        return "" if now is None else wording.forecast(now, math.nan if seconds is None else seconds)

    def _hangs_on(self) -> Robustness:
        return robustness(*self._columns()[:3], self.family)

    def cautions(self) -> tuple[str, ...]:
        """Return what a reader of the result has to know, in words; empty if all is well. See `wording`."""
        return wording.cautions(self)

    # ------------------------------------------------------------------ ask and tell

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[Point], list[float]]:
        """Choose the lowest experiments that racing c lack; fewer than `n` at the end of a round."""
        points = self._lacking(check_number_of_points(n))
        if tell_pending:
            self.pending_points.update(points)
        return points, [self._race[x].uncertainty() for _, x in points]

    def _lacking(self, n: int) -> list[Point]:
        def of(x: float, one: _Candidate) -> Iterator[Point]:
            for i in range(one.have, one.stage):
                if i not in one.bemd and (i, x) not in self.pending_points:
                    yield i, x

        return list(islice(merge(*(of(x, one) for x, one in self._race.items() if one.racing)), n))

    def tell(self, x: Point, y: tuple[float, bool | None]) -> None:
        """Take in B_EMD and B_epis of a point; a point that is known already changes nothing."""
        point = _point(x)
        try:
            bemd, bepis = y
        except (TypeError, ValueError):
            raise TypeError(f"the value at {point} should be a pair (B_EMD, B_epis), but is {y!r}.") from None
        if not 0 <= float(bemd) <= 1:
            raise ValueError(f"B_EMD should lie in [0, 1], but at {point} came {bemd!r}; for a failure `tell_failed`.")
        if bepis is not None and bepis not in (0, 1):
            raise ValueError(f"B_epis should be True, False or None (undecided), but at {point} came {bepis!r}.")
        self.pending_points.discard(point)
        if point in self.data:
            return
        self.data[point] = (float(bemd), None if bepis is None else bool(bepis))
        if point in self.failed_points:
            self.failed_points.discard(point)
            self._replay()
        else:
            self._place(point)
            self._decide()

    def tell_failed(self, x: Point) -> None:
        """Count a point as failed for good: it is there, but holds nothing."""
        point = _point(x)
        self.pending_points.discard(point)
        if point not in self.data:
            self.failed_points.add(point)
            self._place(point)
            self._decide()

    def tell_pending(self, x: Point) -> None:
        """Count a point as pending."""
        point = _point(x)
        if point not in self.data and point not in self.failed_points:
            self.pending_points.add(point)

    def remove_unfinished(self) -> None:
        """Forget the pending points."""
        self.pending_points = set()

    def _place(self, point: Point) -> None:
        i, x = point
        bemd, bepis = self.data.get(point, (math.nan, None))
        if bepis is not None:
            self._labels.setdefault(i, bepis)
        if x in self._race:
            self._race[x].bemd[i] = bemd

    def _replay(self) -> None:
        self._restart()
        for point in [*self.data, *self.failed_points]:
            self._place(point)
        self._decide()

    # ------------------------------------------------------------------ decisions

    def _label_column(self, n: int) -> Floats:
        return np.array([self._labels.get(i, math.nan) for i in range(n)], float)

    def _decide(self) -> None:
        """Judge at the end of each round, and let new c enter when none races any more."""
        while not self._over:
            racing = {x: one for x, one in self._race.items() if one.racing}
            if not all(one.complete for one in racing.values()):
                return
            if not racing:
                self._next_round()
                continue
            self._current = now = self._judged()
            for k, x in enumerate(now.log2c.tolist()):
                if x in racing:
                    one = racing[x]
                    one.slope, one.stderr = float(now.slopes[k]), float(now.stderrs[k])
                    one.advance(decided=now.status[k] != Status.UNDECIDED)

    def _next_round(self) -> None:
        """No c races: bisect and extend; when nothing more is wanted, top up the recommended c and end."""
        now = self._current = self._judged()
        upper = self.tolerances.upper_end
        wanted = self.axis.more(now.log2c, now.status, now.slopes, now.interval, upper)
        wanted = wanted or self.axis.sharper(now.log2c, now.interval, upper)  # next to one that stays undecided
        if wanted:
            self._enter(wanted)
            for point in [*self.data, *self.failed_points]:
                if point[1] in wanted:
                    self._place(point)
            return
        best = None if now.interval.lower is None else self._race[now.interval.lower.inside]
        if self.top_up and best is not None and best.stage < best.cap:
            best.stage, best.racing = best.cap, True
            return
        self._over = True

    def _columns(self) -> tuple[list[float], Floats, Floats, list[int]]:
        """Return log2 c, B_EMD of the complete stages, the labels, and the length of each column."""
        stages = [one.stage if one.complete else 0 for one in self._race.values()]
        bemd = np.full((max(stages), len(stages)), math.nan)
        for k, one in enumerate(self._race.values()):
            if stages[k]:
                bemd[: stages[k], k] = one.column()
        return list(self._race), bemd, self._label_column(len(bemd)), stages

    def _judged(self) -> Decision:
        log2c, bemd, labels, stages = self._columns()
        evidence = [evidence_of(bemd[:stage, [k]], labels[:stage])[0] for k, stage in enumerate(stages)]
        rows = [Rows("", np.ones(len(labels), bool), evidence)]
        return judge(log2c, bemd, labels, rows, self.tolerances, self.family)

    # ------------------------------------------------------------------ what is learned

    @cache_latest
    def loss(self, real: bool = True) -> float:
        """Octaves in which a boundary may still lie / `c_tol`; infinite while nothing is known, 0 at the end."""
        if self._over:
            return 0.0
        now = self.current()
        return math.inf if now is None else max(now.loss, math.nextafter(1.0, 2.0))

    def current(self) -> Decision | None:
        """Return the decision at the end of the last round; None before the first."""
        return self._current

    def column(self, c: float, distribution: str | None = None) -> tuple[Floats, Floats]:
        """Return B_EMD at one c and the labels (1, 0, NaN) of the experiments evaluated there, in their order.

        `distribution` is for `CalibrationLearner.column`; there is one here, without a name.
        """
        if distribution:
            raise ValueError(f"an OpaqueCalibrationLearner has one distribution without a name, not {distribution!r}.")
        known = self._at_each_c().get(math.log2(c), {})
        return (
            np.array([bemd for _, bemd in sorted(known.items())], float),
            np.array([self._labels.get(i, math.nan) for i in sorted(known)], float),
        )

    def table(self) -> CalibrateResult:
        """Return c -> record array with the fields Bemd and Bepis of all experiments with a label evaluated there."""
        result: CalibrateResult = {}
        for x, column in sorted(self._at_each_c().items()):
            known = [(b, self._labels[i]) for i, b in sorted(column.items()) if i in self._labels]
            result[2.0**x] = np.array(known, calib_point_dtype)
        return result

    def _at_each_c(self) -> dict[float, dict[int, float]]:
        """B_EMD of each experiment told at each log2 c, whether or not it races."""
        at: dict[float, dict[int, float]] = {x: {} for x in self._race}
        for (i, x), (bemd, _) in self.data.items():
            at.setdefault(x, {})[i] = bemd
        return at

    # ------------------------------------------------------------------ plots, tables

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table with one row for each told point; see `frames`. `se` is unknown and `n_inf` not kept."""
        labels = [self._labels.get(i, math.nan) for i, _ in self.data]
        return frames.value_frame(
            {
                "i": np.array([i for i, _ in self.data], int),
                "log2c": np.array([x for _, x in self.data], float),
                "Bemd": np.array([bemd for bemd, _ in self.data.values()], float),
                "se": np.full(len(self.data), math.nan),
                "Bepis": np.array(labels, float),
                "n_inf": np.zeros(len(self.data), int),
                "settled": ~np.isnan(np.array(labels, float)),
            }
        )

    def load_dataframe(self, df: pd.DataFrame) -> None:
        """Tell the rows of a table of any calibration learner."""
        for point, value in frames.opaque_rows(df):
            self.tell(point, value)

    def load_table(self, result: Mapping[float, Any]) -> None:
        """Tell a table c -> rows (Bemd, Bepis), our own or emdcmp's, whose rows are in the experiments' order.

        The c of the table take part in the race if they are among the first ones (``start=list(result)``), or once
        the race comes to them; `table` and `plot` show all of them. A row without B_EMD (NaN) is passed over.

        Parameters
        ----------
        result : mapping, c -> structured array
            With the fields Bemd and Bepis, or Bconf as older releases of emdcmp call it.
        """
        for c in check_c(result):
            for i, (bemd, label) in enumerate(zip(*table_columns(result[c]), strict=True)):
                if not math.isnan(bemd):
                    self.tell((i, math.log2(c)), (float(bemd), None if math.isnan(label) else bool(label)))


def _point(x: Any) -> Point:
    i, log2c = x
    return int(i), float(log2c)
