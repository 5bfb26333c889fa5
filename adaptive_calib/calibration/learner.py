"""`CalibrationLearner`: know the acceptable c, and the curve there, with the fewest experiments.

A point is ``("new", i)`` (evaluate experiment i), ``("more", i, n0, n1)`` (look at more infinite data of an experiment
whose label is unsettled) or ``("column", i0, i1, c)`` (sample B_EMD of experiments i0 to i1 at a c that was added). The
experiment index is the only seed. Experiments are taken in the order of their index; results that come early are kept
until their turn, and every decision (which c to add, when to stop) is a function of the contiguous prefix that is
complete, taken at numbers of experiments that are fixed in advance. So the outcome of a calibration does not depend on
the number of workers, on their speed, or on how often it was interrupted.

An added c costs only the sampling of B_EMD from the records, which are kept: a c may be added at any time, after the
run too. The c that the learner adds by itself are sampled in the workers, and only while they are undecided or
recommended. The values are stored as results of their points; they may be deleted, as they can be made again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from adaptive_calib.calibration import frames, wording
from adaptive_calib.calibration._any_calibration import AnyCalibration
from adaptive_calib.calibration.axis import Axis, on_axis
from adaptive_calib.calibration.decision import FIRST_LOOK, Decision, Tolerances, next_look
from adaptive_calib.calibration.evaluate import EvaluateExperiment, Point, Record, Sampling, check_c, read_sums
from adaptive_calib.calibration.experiment import EpistemicDist, ExperimentLike, SeveralDistributions, as_one
from adaptive_calib.calibration.family import Family
from adaptive_calib.calibration.interval import recommended_c
from adaptive_calib.calibration.judging import Judging
from adaptive_calib.calibration.labels import FixedLabel, LabelRule, PairedSums, check_whole
from adaptive_calib.calibration.ledger import Ledger
from adaptive_calib.calibration.points import as_point, pieces
from adaptive_calib.calibration.result import CalibrateResult, calib_point_dtype
from adaptive_calib.calibration.robustness import Robustness
from adaptive_calib.learner.base_learner import cache_latest, check_number_of_points
from adaptive_calib.learner.carried_point import CarriedPoint

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CalibrationLearner"]

#: A near tie under a fixed label gets at most this many times `Linf` points.
NEAR_TIE_CAP = 4


class CalibrationLearner(AnyCalibration):
    """Learns the acceptable interval of c and the calibration curve at the recommended c.

    Parameters
    ----------
    experiments : EpistemicDist, sequence or iterable of experiments, or several EpistemicDist
        The experiments. Of several distributions, a mapping from names or a sequence, the recommended c is acceptable
        in each; experiments are taken from those that limit it.
    Ldata : int
        Size of the observed data sets, >= 2.
    Linf : int, optional
        Number of points on which the label B_epis is settled; near ties get up to four times as many. The same as
        ``labels=FixedLabel(Linf, cap=4 * Linf)``.
    labels : LabelRule, optional
        How the label is found; give either `Linf` or `labels`.
    c_list : sequence of float, optional
        A fixed grid of c. Without it the grid is adaptive.
    c_bounds : (float, float)
        Smallest and largest c that an adaptive grid may come to.
    c_tol : float or None
        Octaves of c to which the lower end of the acceptable interval is wanted: the recommended c.
    band : float or None
        Half-width to which the calibration curve at the recommended c is wanted, in each of the eight folded bins that
        holds at least an eighth of the experiments.
    undecided : float or None
        Largest share of undecided labels.
    upper_end : bool
        Whether the upper end of the interval is wanted to `c_tol` too; it takes more experiments, and the recommended c
        does not depend on it.
    confidence : float
        Probability that no c is ever wrongly accepted or wrongly rejected, over all looks and all c together.
    max_experiments : int, optional
        Ask for at most this many experiments.
    res, sampling, entropy, name
        See `EvaluateExperiment`.

    Attributes
    ----------
    function : EvaluateExperiment
        The function of a point.
    data : dict, point -> mapping
        Every value observed, as it came.
    failed_points : set
        Points that failed for good.
    n_experiments : int
        Length of the prefix of complete experiments on which decisions are based.

    Examples
    --------
    >>> from adaptive_calib import CalibrationLearner
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.runner import simple
    >>> learner = CalibrationLearner(Infrared(N=8), Ldata=64, Linf=256, c_list=[0.25, 1.0])
    >>> simple(learner)
    >>> learner.n_experiments, learner.c_list
    (8, (0.25, 1.0))
    >>> bemd, labels = learner.column(1.0)
    >>> bemd.shape
    (8,)
    """

    def __init__(
        self,
        experiments: Iterable[ExperimentLike] | Mapping[str, EpistemicDist] | Sequence[EpistemicDist],
        *,
        Ldata: int,
        Linf: int | None = None,
        labels: LabelRule | None = None,
        c_list: Sequence[float] | None = None,
        c_bounds: tuple[float, float] = (2.0**-20, 2.0**20),
        c_tol: float | None = 0.5,
        band: float | None = 0.1,
        undecided: float | None = 0.1,
        upper_end: bool = False,
        confidence: float = 0.95,
        max_experiments: int | None = None,
        res: int = 8,
        sampling: Sampling | None = None,
        entropy: int = 0,
        name: str = "",
    ) -> None:
        if (Linf is None) == (labels is None):
            raise ValueError(
                "give either `Linf` (a fixed number of points for the label) or `labels` (a rule), and only one; "
                f"got Linf={Linf!r} and labels={labels!r}."
            )
        rule = FixedLabel(Linf, cap=NEAR_TIE_CAP * Linf) if Linf is not None else labels
        assert rule is not None
        if c_list is not None:
            c_tol = band = None
        self.tolerances = Tolerances(c_tol, band, undecided, upper_end)
        self.axis = _axis(c_list, c_bounds, c_tol)
        source: Any = as_one(experiments)
        self.distributions = source.names if isinstance(source, SeveralDistributions) else ("",)
        self.family = Family.of(self.axis, confidence, len(self.distributions))
        start = check_c(c_list) if c_list is not None else tuple(2.0**x for x in self.axis.start)
        self.function: EvaluateExperiment = EvaluateExperiment(
            source, Ldata, rule, res, sampling or Sampling(), entropy, tuple(sorted(start)), name
        )
        if max_experiments is not None:
            check_whole("max_experiments", max_experiments, 1)
        self.max_experiments = max_experiments
        self.data: dict[Point, dict[str, Any]] = {}
        self.pending_points: set[Point] = set()
        self.failed_points: set[Point] = set()
        self._restart()

    def _restart(self, all_points: bool = False) -> None:
        self._all_points = all_points  # no label may rest on fewer than Linf points: an audit disagreed
        self._ledger = Ledger(self.function.c_list)
        self._judging = Judging(self.distributions, self.tolerances, self.family)
        self._limiting = frozenset(range(len(self.distributions)))  # the distributions that need more experiments
        self._skipped: set[int] = set()
        self._records: dict[int, Record] = {}
        self._robustness = None
        self._label_sums: list[tuple[PairedSums, bool | None, bool | None] | None] = []
        self._next_new = 0  # every index below it was asked for, told or failed
        self._unsettled: dict[int, Point] = {}  # index -> the block of infinite data that it wants
        self._next_look = FIRST_LOOK
        self._due = False  # a decision is to be taken at the present length of the prefix
        self._filled: dict[float, int] = {}  # added c -> length of its column
        self._lacking: list[Point] = []  # sampling that the decision needs
        self._decision: Decision | None = None
        self._met_at: int | None = None

    # ------------------------------------------------------------------ what is there

    @property
    def npoints(self) -> int:
        """Number of points observed."""
        return len(self.data)

    @property
    def n_experiments(self) -> int:
        """Experiments of the complete prefix, failed ones included, without those that were not wanted any more."""
        return len(self._ledger) - len(self._skipped)

    @property
    def n_failed(self) -> int:
        """Number of failed experiments of the prefix."""
        n, skipped = len(self._ledger), self._skipped
        return sum(p[0] == "new" and p[1] < n and p[1] not in skipped for p in self.failed_points)

    @property
    def exhausted(self) -> bool:
        """Whether no experiment is left."""
        return len(self._ledger) >= self.size

    @property
    def size(self) -> float:
        """Number of experiments that may be asked for; ``inf`` if there is no end."""
        size = self.function.size()
        return size if self.max_experiments is None else min(size, self.max_experiments)

    @property
    def points_in_all(self) -> float:
        """Number of points of all these experiments: further blocks and samplings count once they are wanted."""
        wanted = {*self.data, *self.pending_points, *self.failed_points, *self._unsettled.values(), *self._lacking}
        return self.size + sum(point[0] != "new" for point in wanted)

    @property
    def labels(self) -> NDArray[np.float64]:
        """B_epis of the experiments of the prefix as 1 and 0, NaN where undecided or failed; shape (n,)."""
        return self._ledger.labels

    @property
    def label_rule(self) -> LabelRule:
        """Rule by which labels are determined."""
        return self.function.labels

    @property
    def c_list(self) -> tuple[float, ...]:
        """The sensitivities looked at so far, increasing."""
        return self._ledger.c

    @property
    def judgement(self) -> Decision | None:
        """The decision taken last, or None before the first."""
        return self._decision

    def label_sums(self) -> list[tuple[PairedSums, bool | None, bool | None]]:
        """Return sums, label and audited label of each experiment of the prefix that did not fail."""
        while len(self._label_sums) < len(self._ledger):
            index = len(self._label_sums)
            entry = None
            if ("new", index) in self.data:
                sums, label, _ = self._chain(index)
                entry = sums, label, self.record(index).audit
            self._label_sums.append(entry)
        return [entry for entry in self._label_sums if entry is not None]

    def record(self, index: int) -> Record:
        """Return the record of an experiment that was observed."""
        if index not in self._records:  # each record is read once
            self._records[index] = Record.from_plain(self.data["new", index])
        return self._records[index]

    def done(self) -> bool:
        """Whether nothing is left to ask and nothing is pending: all tolerances are met, or no experiment is left."""
        return not self.pending_points and not self.ask(1, tell_pending=False)[0]

    def stopped_because(self) -> str:
        """Return why there is nothing more to ask, or what is still open and how many experiments would decide it."""
        return wording.stopped_because(self)

    def forecast(self, seconds: float | None = None) -> str:
        """Return in words how many more experiments, and how much time, would decide each undecided c; may be empty.

        Parameters
        ----------
        seconds : float, optional
            Of waiting for one more point at the present rate of a run, of which the decision taken last is shown; by
            default of evaluating an experiment.
        """
        now = self.current() if seconds is None else self._decision
        if now is None or not self.n_experiments:
            return ""
        if seconds is not None:
            return wording.forecast(now, seconds * self.npoints / self.n_experiments)
        spent = [float(value["seconds"]) for point, value in self.data.items() if point[0] == "new"]
        return wording.forecast(now, sum(spent) / len(spent) if spent else math.nan, " of evaluation")

    def _hangs_on(self) -> Robustness:
        return self._judging.robustness(self._ledger)

    def cautions(self) -> tuple[str, ...]:
        """Return what a reader of the result has to know, in words; empty if all is well. See `wording`."""
        return (*wording.cautions(self), *wording.label_cautions(self))

    @property
    def met_at(self) -> int | None:
        """Number of experiments at which all tolerances were met; None before."""
        return self._met_at

    # ------------------------------------------------------------------ ask

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[Point], list[float]]:
        """Choose sampling that a decision needs, blocks for unsettled labels, then new experiments by their index."""
        points = self._wanted(check_number_of_points(n))
        if tell_pending:
            self.function.prepare(points)
            for point in points:
                self.tell_pending(point)
        return points, [self._improvement()] * len(points)

    def _wanted(self, n: int) -> list[Point]:
        if not n or self._met_at is not None:
            return []
        columns = [p for p in self._lacking if p not in self.pending_points][:n]
        if columns:
            carried = [self._carried(p) for p in columns]
            return carried + self._wanted_experiments(n - len(columns))
        return self._wanted_experiments(n)

    def _carried(self, point: Point) -> Point:
        """Return a sampling point with the records that it needs."""
        _, start, stop, _ = point  # type: ignore[misc]  # columns have four entries
        records = [self.record(i) for i in range(int(start), int(stop)) if ("new", i) in self.data]
        return CarriedPoint(point, [(one.index, one.quantiles, one.deltas) for one in records])

    def _wanted_experiments(self, n: int) -> list[Point]:
        free = [p for p in self._unsettled.values() if p not in self.pending_points and p not in self.failed_points]
        points = sorted(free)[:n]
        index, size = self._next_new, self.size
        while len(points) < n and index < size:
            if self._is_wanted(index) and self._is_new(index):
                points.append(("new", index))
            index += 1
        return points

    def _is_wanted(self, index: int) -> bool:
        """Whether the distribution of an experiment that is still to come needs it."""
        return index % len(self.distributions) in self._limiting

    def _is_new(self, index: int) -> bool:
        point: Point = ("new", index)
        return not (point in self.data or point in self.pending_points or point in self.failed_points)

    def _improvement(self) -> float:
        """Expected fall of the loss by one experiment: what is unknown shrinks as the square root of their number."""
        if self._decision is None or not math.isfinite(self._decision.loss):
            return math.inf
        n = self.n_experiments
        return self._decision.loss * (1 - math.sqrt(n / (n + 1)))

    # ------------------------------------------------------------------ tell

    def tell(self, x: Point, y: Any) -> None:
        """Take in the record of a point; a point that is known already changes nothing."""
        point = as_point(x)
        if y is None:
            raise TypeError(f"the value at {point} should be a record, but is None; for a failure `tell_failed`.")
        if point not in self.data:
            self._check(point, y)
            self.data[point] = y
        self.pending_points.discard(point)
        if point in self.failed_points:
            self.failed_points.discard(point)
            self._rebuild()  # the prefix may have passed it as failed
        else:
            if point[0] != "column":
                self._unsettle(point[1])
            self._advance()

    def tell_failed(self, x: Point) -> None:
        """Count a point as failed for good: its experiment is there, but empty (or stays undecided)."""
        point = as_point(x)
        self.pending_points.discard(point)
        if point not in self.data:
            self.failed_points.add(point)
            if point[0] != "column":
                self._unsettled.pop(point[1], None)
            self._advance()

    def tell_pending(self, x: Point) -> None:
        """Count a point as pending."""
        point = as_point(x)
        if point not in self.data and point not in self.failed_points:
            self.pending_points.add(point)
            while not self._is_new(self._next_new):
                self._next_new += 1

    def remove_unfinished(self) -> None:
        """Forget the pending points."""
        for point in self.pending_points:
            if point[0] == "new":
                self._next_new = min(self._next_new, point[1])
        self.pending_points = set()

    def _check(self, point: Point, value: Any) -> None:
        if point[0] == "new":
            record = Record.from_plain(value)
            if record.index != point[1]:
                raise ValueError(f"the record of {point} should have index {point[1]}, but has {record.index}.")
            self._records[point[1]] = record
        elif point[0] == "more":
            read_sums(value)
        elif not len(value["bemd"]) == len(value["stderr"]) == int(point[2]) - int(point[1]):  # type: ignore[misc]  # four entries
            raise ValueError(f"the value of {point} should hold as many B_EMD as experiments, but is {value!r:.200}.")

    def _chain(self, index: int) -> tuple[PairedSums, bool | None, Point | None]:
        """Sums and label of an experiment from all blocks that are there, and the block that it wants next."""
        record = self.record(index)
        rule, sums, label = self.function.labels, record.sums, record.bepis
        if self._all_points and sums.n < rule.Linf:
            label = None
        while label is None:
            size = rule.Linf if self._all_points and sums.n < rule.Linf else rule.next_size(sums)
            if size is None:
                break
            point: Point = ("more", index, sums.n, size)
            if point in self.failed_points:
                break
            if point not in self.data:
                return sums, None, point
            block = self.data[point]
            sums = read_sums(block) if block["n0"] == 0 else sums + read_sums(block)
            label = rule.label(sums)
        return sums, label, None

    def _unsettle(self, index: int) -> None:
        self._unsettled.pop(index, None)
        if ("new", index) in self.data:
            wants = self._chain(index)[2]
            if wants is not None:
                self._unsettled[index] = wants

    def _complete(self, index: int) -> bool:
        if not self._is_wanted(index):
            return True
        return ("new", index) in self.failed_points or (("new", index) in self.data and index not in self._unsettled)

    def _advance(self) -> None:
        """Let the prefix grow as far as it goes, taking each decision when its time has come."""
        while True:
            if self._due:
                self._look()
            n = len(self._ledger)
            if self._due or self._met_at is not None or n >= self.size or not self._complete(n):
                return
            self._append(n)
            if not self._all_points and ("new", n) in self.data and self.record(n).audit_disagrees:
                self._rebuild(all_points=True)
                return
            if n + 1 >= self._next_look or n + 1 >= self.size:
                while self._next_look <= n + 1:
                    self._next_look = next_look(self._next_look)
                self._due = True

    def _rebuild(self, all_points: bool = False) -> None:
        """Take all decisions anew from what was observed, with labels from at least Linf points if `all_points`."""
        self._restart(all_points)
        for point in self.data:
            if point[0] != "column":
                self._unsettle(point[1])
        self._advance()

    def _append(self, index: int) -> None:
        self._next_new = max(self._next_new, index + 1)
        if not self._is_wanted(index):
            self._skipped.add(index)
        if index in self._skipped or ("new", index) in self.failed_points:
            self._ledger.append_failed()
            return
        record, c = self.record(index), self.c_list
        values = np.array([record.bemd.get(x, math.nan) for x in c])
        stderrs = np.array([record.stderr.get(x, math.nan) for x in c])
        missing = [k for k, x in enumerate(c) if x in self.function.c_list and x not in record.bemd]
        if missing:  # a record that was made with another list of c
            values[missing], stderrs[missing] = self._sampled(record, [c[k] for k in missing])
        self._ledger.append(self._chain(index)[1], values, stderrs)

    def _sampled(self, record: Record, c: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.function.bemd(record.index, record.quantiles, record.deltas, c)

    # ------------------------------------------------------------------ decisions

    def _look(self) -> None:
        """Judge, and add values of c until the axis wants no more of this number of experiments.

        The decision stays due while sampling is lacking.
        """
        while True:
            n = len(self._ledger)
            self._lacking = [point for c in self._active() for point in self._fill(c, n, here=False)]
            if self._lacking:
                return
            self._decision = j = self._judged()
            self._limiting = self._judging.limiting(j)
            if j.loss <= 1:
                self._met_at, self._due = self.n_experiments, False
                return
            upper = self.tolerances.upper_end
            wanted = self.axis.more(j.log2c, j.status, j.slopes, j.interval, upper)
            if not wanted and n >= self.size:
                wanted = self.axis.sharper(j.log2c, j.interval, upper)
            if not wanted:
                self._due = False
                return
            self._open(2.0**x for x in wanted)

    def _active(self) -> list[float]:
        """The added c that a decision needs: those that are undecided, and the recommended one for its curve."""
        last = self._decision
        if last is None:
            return list(self._filled)
        settled = {2.0**x for x, status in zip(last.log2c.tolist(), last.status.tolist(), strict=True) if status}
        return [c for c in self._filled if c not in settled or c == recommended_c(last.interval)]

    def _open(self, c: Iterable[float]) -> None:
        """Add columns without values."""
        nothing = np.full(len(self._ledger), math.nan)
        for x in c:
            self._ledger.add(x, nothing, nothing)
            self._filled[x] = 0

    def _fill(self, c: float, stop: int, here: bool) -> list[Point]:
        """Fill the column of an added c up to `stop`; return the points that are lacking, none if sampled `here`."""
        start, lacking = self._filled[c], []
        here = here or not self.function.takes_columns
        for a, b in pieces(start, stop):
            point: Point = ("column", a, b, c)
            if point in self.data:
                self._ledger.fill(c, a, self.data[point]["bemd"], self.data[point]["stderr"])
            elif here:
                for index in range(a, b):
                    if ("new", index) in self.data:
                        self._ledger.fill(c, index, *self._sampled(self.record(index), (c,)))
            elif point not in self.failed_points:
                lacking.append(point)
        if not lacking:
            self._filled[c] = max(start, stop)
        return lacking

    def _judged(self) -> Decision:
        return self._judging.decision(self._ledger, self._filled, len(self._skipped))

    def sharpen(self) -> None:
        """Add values of c next to the outermost acceptable ones, until these are known to `c_tol`; done at the end too.

        For a run that ends before its tolerances are met; no experiment is evaluated.
        """
        while (now := self.current()) is not None:
            self._decision = now
            wanted = self.axis.sharper(now.log2c, now.interval, self.tolerances.upper_end)
            if not wanted:
                return
            self.add_c(2.0**x for x in wanted)

    def add_c(self, c: Iterable[float]) -> None:
        """Add values of c, computed here from the records at hand; nothing is simulated again."""
        new = [x for x in check_c(c) if x not in self.c_list]
        self._open(new)
        for x in new:
            self._fill(x, len(self._ledger), here=True)

    # ------------------------------------------------------------------ what is learned

    @cache_latest
    def loss(self, real: bool = True) -> float:
        """Largest ratio of what is unknown to what was wished for; <= 1 when all tolerances are met.

        Infinite before the first decision. With a fixed grid of c, where nothing is wished for but all experiments,
        one plus the share that is missing, and 0 at the end.
        """
        if self.tolerances.any:
            return math.inf if self._decision is None else self._decision.loss
        missing = 1 - len(self._ledger) / self.size if math.isfinite(self.size) and self.size else 1.0
        return 1 + missing if missing > 0 else 0.0

    def current(self) -> Decision | None:
        """Return the judgement on the prefix as it is now, between two decisions too; None before any experiment."""
        last = self._decision
        if last is not None and last.n == len(self._ledger) and len(last.log2c) == len(self.c_list):
            return last
        return self._judged() if len(self._ledger) else None

    def column(self, c: float, distribution: str | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return B_EMD at one c and the labels (1, 0, NaN) over the prefix, shape (n,) both.

        Parameters
        ----------
        c : float
            One of `c_list`.
        distribution : str, optional
            Only the experiments of this one of several distributions.
        """
        own = self._own(distribution)
        return self._ledger.column(c)[own], self._ledger.labels[own]

    def _own(self, distribution: str | None) -> slice:
        """The experiments of one distribution; all of them for None."""
        if distribution is None:
            return slice(None)
        if distribution not in self.distributions:
            raise ValueError(f"`distribution` should be one of {self.distributions}, but is {distribution!r}.")
        return slice(self.distributions.index(distribution), None, len(self.distributions))

    def table(self, distribution: str | None = None) -> CalibrateResult:
        """Return c -> record array with the fields Bemd and Bepis, undecided and failed experiments left out.

        With `distribution` only the experiments of this one of several.
        """
        own = self._own(distribution)
        labels = self._ledger.labels[own]
        known = ~np.isnan(labels)
        result: CalibrateResult = {}
        for c in self.c_list:
            rows = np.empty(int(known.sum()), calib_point_dtype)
            rows["Bemd"], rows["Bepis"] = self._ledger.column(c)[own][known], labels[known] == 1
            result[c] = rows
        return result

    # ------------------------------------------------------------------ plots, tables

    def to_dataframe(self, *, records: bool = False) -> pd.DataFrame:
        """Return a table of the complete experiments, one row for each of them and each c; see `frames`.

        Parameters
        ----------
        records : bool
            One row for each told point with its record instead, all that was told: what `load_dataframe` takes.
        """
        if records:
            return frames.record_frame(self.data)
        n, c = len(self._ledger), self.c_list
        labels = self._ledger.labels
        seen = [self._chain(i)[0].n if ("new", i) in self.data else 0 for i in range(n)]
        return frames.value_frame(
            {
                "i": np.tile(np.arange(n), len(c)),
                "log2c": np.repeat(np.log2(c), n),
                "Bemd": np.concatenate([self._ledger.column(x) for x in c]),
                "se": np.concatenate([self._ledger.stderr(x) for x in c]),
                "Bepis": np.tile(labels, len(c)),
                "n_inf": np.tile(np.array(seen, int), len(c)),
                "settled": np.tile(~np.isnan(labels), len(c)),
            }
        )

    def load_dataframe(self, df: pd.DataFrame) -> None:
        """Tell the rows of a table made by ``to_dataframe(records=True)``.

        A table of B_EMD has no records, from which any c follows: tell it to an `OpaqueCalibrationLearner`.
        """
        for point, record in frames.record_rows(df):
            self.tell(point, record)


def _axis(c_list: Sequence[float] | None, c_bounds: tuple[float, float], c_tol: float | None) -> Axis:
    low, high = (on_axis(c) for c in check_c(c_bounds))
    if c_list is not None:
        start = tuple(sorted(on_axis(c) for c in check_c(c_list)))
        return Axis(start, (min((low, *start)), max((high, *start))), tol=None)
    return Axis(tuple(x for x in Axis().start if low <= x <= high) or (low,), (low, high), tol=c_tol)
