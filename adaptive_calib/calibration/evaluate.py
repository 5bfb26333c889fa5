"""The function of a calibration: one experiment in, one record out, for all c at once.

Data, fits and labels cost everything, the sampling of the criterion next to nothing; so the unit of work is one
experiment, and what is kept of it is what any c can be computed from: the quantile function and the discrepancy of
both candidates on ``2**res + 1`` points, and the sums of the paired differences in loss.

`EvaluateExperiment` is a pure function of the point. It answers with plain data (a mapping of arrays and numbers), as
that is what crosses process boundaries and is written to disk; `Record` is its typed view.

The sampler's stream is keyed by the experiment and by the bits of c, so that B_EMD(i, c) is the same number whether
it is computed at once in the worker, later from the record, alone or among other c.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive_calib.calibration.experiment import (
    ExperimentLike,
    ExperimentSource,
    Stream,
    stream,
)
from adaptive_calib.calibration.labels import LabelRule, PairedSums, check_whole
from adaptive_calib.emd import bemd_curve, make_empirical_risk_ppf, seed_for_c
from adaptive_calib.learner.carried_point import CarriedPoint

__all__ = ["EvaluateExperiment", "ExperimentError", "Point", "Record", "Sampling", "check_c"]

#: ("new", i): evaluate experiment i;  ("more", i, n0, n1): look at its infinite data from n0 to n1;
#: ("column", i0, i1, c): sample B_EMD of experiments i0 to i1 at one more c, from their records.
Point = tuple[str, int] | tuple[str, int, int, int] | tuple[str, int, int, float]


class ExperimentError(ValueError):
    """An experiment does not do what is expected of it; the message names it, what was expected and what came."""


@dataclass(frozen=True)
class Sampling:
    """Parameters of the sampling of B_EMD; see `adaptive_calib.emd.compare_risks`.

    Parameters
    ----------
    M, max_M : int
        Paths at first and at most for each model.
    resample_ends : int
        Pairs of end points attached to each path.
    stderr_tol : float
        Paths are added while the standard error of B_EMD is larger. The default is what 128 plain paths give: it is
        small beside what an experiment's own data set adds by chance (about 0.1), and 0.01 would cost ten times more.

    Examples
    --------
    >>> from adaptive_calib.calibration import CalibrationLearner, Sampling
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> learner = CalibrationLearner(Infrared(N=8), Ldata=64, Linf=256, sampling=Sampling(stderr_tol=0.01))
    """

    M: int = 32
    max_M: int = 1024
    resample_ends: int = 32
    stderr_tol: float = 0.03

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments for the sampler."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Record of one experiment.

    Attributes
    ----------
    index : int
        Its number.
    quantiles : array, shape (2, points)
        Mixed quantile functions q*(Φ) of A and B, in units of the loss.
    deltas : array, shape (2, points)
        Discrepancies |q* − q~| of A and B, in units of the loss.
    sums : PairedSums
        Of the paired differences Q_A − Q_B on infinite data.
    bepis : bool or None
        Whether A truly wins; None while that is unsettled.
    bemd, stderr : mapping, c -> float
        B_EMD and its standard error at the c for which it was computed in the worker.
    seconds : float
        Duration of the evaluation.
    audit : bool or None
        In an audited experiment the label that the rule had settled before all points were seen; None elsewhere.

    Examples
    --------
    >>> from adaptive_calib.calibration import CalibrationLearner
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.runner import simple
    >>> learner = CalibrationLearner(Infrared(N=2), Ldata=64, Linf=256, c_list=[1.0])
    >>> simple(learner)
    >>> 0 <= learner.record(1).bemd[1.0] <= 1
    True
    """

    index: int
    quantiles: NDArray[np.float64]
    deltas: NDArray[np.float64]
    sums: PairedSums
    bepis: bool | None
    bemd: Mapping[float, float]
    stderr: Mapping[float, float]
    seconds: float
    audit: bool | None = None

    @property
    def audit_disagrees(self) -> bool:
        """Whether an audit found another label, from all points, than the one that was settled before."""
        late = self.sums.total < 0 if self.bepis is None else self.bepis
        return self.audit is not None and late != self.audit

    @classmethod
    def from_plain(cls, value: Mapping[str, Any]) -> Record:
        """Read the answer of `EvaluateExperiment`; refuse what does not look like one."""
        try:
            quantiles, deltas = np.asarray(value["quantiles"], float), np.asarray(value["deltas"], float)
            record = cls(
                index=int(value["index"]),
                quantiles=quantiles,
                deltas=deltas,
                sums=read_sums(value),
                bepis=None if value["bepis"] is None else bool(value["bepis"]),
                bemd=dict(zip(value["c"], value["bemd"], strict=True)),
                stderr=dict(zip(value["c"], value["stderr"], strict=True)),
                seconds=float(value["seconds"]),
                audit=value.get("audit"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"expected the record of an experiment as EvaluateExperiment returns it, got {value!r:.200}: {error!r}"
            ) from error
        if quantiles.shape != deltas.shape or quantiles.ndim != 2 or len(quantiles) != 2:
            raise ValueError(
                f"`quantiles` and `deltas` of a record should both have shape (2, points), but have {quantiles.shape} "
                f"and {deltas.shape}."
            )
        return record


def read_sums(value: Mapping[str, Any]) -> PairedSums:
    """Return the sums of a record or of a block of infinite data."""
    return PairedSums(int(value["n"]), float(value["total"]), float(value["squares"]), float(value.get("largest", 0.0)))


def plain_sums(sums: PairedSums) -> dict[str, Any]:
    """Return sums as they are kept in a record."""
    return {"n": sums.n, "total": sums.total, "squares": sums.squares, "largest": sums.largest}


def check_c(c: Iterable[float]) -> tuple[float, ...]:
    """Return the values of c as a tuple of floats; refuse what is not in (0, inf).

    Raises
    ------
    ValueError
        If a value is not positive and finite, or stands twice.
    """
    values = tuple(float(x) for x in c)
    wrong = [x for x in values if not (x > 0 and math.isfinite(x))]
    if wrong:
        raise ValueError(f"every sensitivity c should lie in (0, inf), but got {wrong}.")
    if len(set(values)) < len(values):
        raise ValueError(f"every sensitivity c should stand once, but got {values}.")
    return values


def describe(experiments: Any) -> tuple[Any, ...]:
    """Return what makes two distributions the same one: their class and parameters, but not how many there are.

    Raises
    ------
    TypeError
        If there is no telling, as for a generator or a list.
    """
    if dataclasses.is_dataclass(experiments) and not isinstance(experiments, type):
        kept = [f for f in dataclasses.fields(experiments) if f.name != "N" and f.metadata.get("identity", True)]
        return (type(experiments).__qualname__, *((f.name, getattr(experiments, f.name)) for f in kept))
    raise TypeError(
        f"experiments of type {type(experiments).__name__} have no identity by which their results could be found "
        "again: make them a frozen dataclass (for instance a subclass of EpistemicDist), or give `name=`."
    )


@dataclass(frozen=True)
class EvaluateExperiment:
    """The function of a calibration: ``evaluate(("new", i))`` -> record of experiment i, as plain data.

    Parameters
    ----------
    experiments
        The distribution: an `EpistemicDist`, a sequence, or what iterates over experiments again and again.
    Ldata : int
        Size of the observed data sets, >= 2: the size of the real data set in question.
    labels : LabelRule
        How the label B_epis is found.
    res : int
        Resolution of the quantile functions: ``2**res + 1`` points.
    sampling : Sampling
        How B_EMD is sampled.
    entropy : int
        Root seed of the sampler.
    c_list : tuple of float
        The c computed in the worker. Not part of the identity: any other follows from the record.
    name : str
        Identity of `experiments` where they are no dataclass, or have fields without a canonical form; the other
        fields of a dataclass still count.

    Examples
    --------
    >>> from adaptive_calib.calibration import EvaluateExperiment, FixedLabel, Record
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> function = EvaluateExperiment(Infrared(N=8), 64, FixedLabel(256), c_list=(0.25, 1.0))
    >>> record = Record.from_plain(function(("new", 3)))
    >>> sorted(record.bemd)
    [0.25, 1.0]
    """

    experiments: Iterable[ExperimentLike] = field(metadata={"identity": False, "class": True}, repr=False)
    Ldata: int
    labels: LabelRule
    res: int = 8
    sampling: Sampling = Sampling()
    entropy: int = 0
    c_list: tuple[float, ...] = field(default=(), metadata={"identity": False})
    name: str = ""
    source: tuple[Any, ...] = field(init=False, repr=False)
    #: With a name: the fields of the experiments, which count as far as they have a canonical form.
    named_fields: tuple[Any, ...] = field(
        default=(), init=False, repr=False, compare=False, metadata={"identity": "comparable"}
    )
    _source: ExperimentSource = field(init=False, repr=False, compare=False, metadata={"identity": False})

    def __post_init__(self) -> None:
        check_whole("Ldata", self.Ldata, 2)
        check_whole("res", self.res, 1)
        object.__setattr__(self, "c_list", check_c(self.c_list))
        object.__setattr__(self, "source", (self.name,) if self.name else describe(self.experiments))
        experiments: Any = self.experiments
        if self.name and dataclasses.is_dataclass(experiments):
            object.__setattr__(self, "named_fields", describe(experiments))
        object.__setattr__(self, "_source", ExperimentSource(self.experiments))

    def size(self) -> float:
        """Return the number of experiments, ``inf`` if there is no end."""
        return self._source.size()

    def prepare(self, points: Sequence[Point]) -> None:
        """Draw the experiments of points that are about to be evaluated, if they can only be iterated over."""
        for kind, index, *_ in points:
            if kind in ("new", "more"):
                self._source.prepare(int(index))

    def __call__(self, point: Point) -> dict[str, Any]:
        """Evaluate one point; see `Record` for what a "new" one answers."""
        started = time.perf_counter()
        kind, index = point[0], int(point[1])
        if kind == "column":
            return {"index": index, **self._column(point), "seconds": time.perf_counter() - started}
        experiment = self._experiment(index)
        if kind == "new":
            value = self._new(experiment, index)
        elif kind == "more" and len(point) == 4:
            value = _Losses(experiment, index).more(int(point[2]), int(point[3]), self.labels.bound)
        else:
            raise ValueError(
                f'a point is ("new", i), ("more", i, n0, n1) or ("column", i0, i1, c), but came {point!r}.'
            )
        return {"index": index, **value, "seconds": time.perf_counter() - started}

    @property
    def takes_columns(self) -> bool:
        """Whether ("column", ...) is a point of this function; a subclass that evaluates by itself need not take it."""
        return type(self).__call__ is EvaluateExperiment.__call__

    def _column(self, point: Any) -> dict[str, Any]:
        """B_EMD of experiments i0 to i1 at one c; NaN where the experiment failed.

        The records come with the point; without them the experiments are evaluated again.
        """
        start, stop, c = int(point[1]), int(point[2]), float(point[3])
        records = point.carried if isinstance(point, CarriedPoint) else None
        if records is None:
            records = []
            for index in range(start, stop):
                quantiles, deltas = _Losses(self._experiment(index), index).quantiles(self.Ldata, self.res)
                records.append((index, quantiles, deltas))
        bemd, stderr = np.full(stop - start, math.nan), np.full(stop - start, math.nan)
        for index, quantiles, deltas in records:
            values, errors = self.bemd(index, quantiles, deltas, (c,))
            bemd[index - start], stderr[index - start] = values[0], errors[0]
        return {"c": c, "bemd": bemd, "stderr": stderr}

    def bemd(
        self, index: int, quantiles: NDArray[np.float64], deltas: NDArray[np.float64], c: Sequence[float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return B_EMD of experiment `index` and its standard error for each c, shape (n_c,) both."""
        sampler = stream(self.entropy, index, Stream.SAMPLER)
        seeds = [seed_for_c(sampler, x) for x in c]
        values, stderrs = bemd_curve(
            quantiles[0], deltas[0], quantiles[1], deltas[1], np.asarray(c, float), seeds, **self.sampling.options()
        )
        return values, stderrs

    def _experiment(self, index: int) -> ExperimentLike:
        experiment = self._source[index]
        missing = [k for k in ("data_model", "candidateA", "candidateB", "QA", "QB") if not hasattr(experiment, k)]
        if missing:
            raise ExperimentError(
                f"experiment {index} should have data_model, candidateA, candidateB, QA and QB, but "
                f"{type(experiment).__name__} lacks {', '.join(missing)}."
            )
        return experiment

    def _new(self, experiment: ExperimentLike, index: int) -> dict[str, Any]:
        losses = _Losses(experiment, index)
        quantiles, deltas = losses.quantiles(self.Ldata, self.res)
        sums, bepis, early = losses.settle(self.labels)
        value = {
            "quantiles": quantiles,
            "deltas": deltas,
            **plain_sums(sums),
            "bepis": bepis,
            "audit": early,
            "c": list(self.c_list),
            "bemd": [],
            "stderr": [],
        }
        if self.c_list:
            bemd, stderr = self.bemd(index, quantiles, deltas, self.c_list)
            value["bemd"], value["stderr"] = bemd.tolist(), stderr.tolist()
        return value


class _Losses:
    """The losses of one experiment, checked as they come."""

    def __init__(self, experiment: ExperimentLike, index: int) -> None:
        self.experiment = experiment
        self.index = index

    def quantiles(self, Ldata: int, res: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return q* and δ of both candidates on the grid, shape (2, points) each."""
        ω = self.experiment
        phi = np.linspace(0.0, 1.0, 2**res + 1)
        data = ω.data_model(Ldata)
        q, d = [], []
        for name, Q, candidate in (("A", ω.QA, ω.candidateA), ("B", ω.QB, ω.candidateB)):
            mixed = make_empirical_risk_ppf(self._losses(f"Q{name}(data)", Q(data), Ldata))(phi)
            synthetic = self._losses(f"Q{name}(candidate{name}(data))", Q(candidate(data)), Ldata)
            q.append(mixed)
            d.append(np.abs(mixed - make_empirical_risk_ppf(synthetic)(phi)))
        return np.array(q), np.array(d)

    def settle(self, rule: LabelRule) -> tuple[PairedSums, bool | None, bool | None]:
        """Look at infinite data as the rule says; return the sums, the label and what an audit compares it with."""
        sums, label, early, audited = PairedSums(), None, None, rule.audited(self.index)
        for size in rule.sizes():
            early = label if early is None else early
            sums = self._extended(sums, size, rule.sequential)
            self._check_bound(sums, rule.bound)
            label = rule.label(sums)
            if label is not None and not audited:
                return sums, label, None
        return sums, label, early

    def _check_bound(self, sums: PairedSums, bound: float | None) -> None:
        if bound is not None and sums.largest > bound:
            raise ExperimentError(
                f"experiment {self.index}: |QA - QB| should be at most `bound` = {bound:g}, on which the labels rely, "
                f"but is {sums.largest:g} at some point; give a larger bound, or none."
            )

    def more(self, n0: int, n1: int, bound: float | None) -> dict[str, Any]:
        """Return the sums over infinite data from n0 to n1, or over n1 points where there are no blocks (n0 = 0)."""
        block = getattr(self.experiment, "data_block", None)
        if block is None:
            sums, n0 = self._differences(self.experiment.data_model(n1), n1), 0
        else:
            sums = self._differences(block(n0, n1), n1 - n0)
        self._check_bound(sums, bound)
        return {"n0": n0, "n1": n1, **plain_sums(sums)}

    def _extended(self, sums: PairedSums, size: int, sequential: bool) -> PairedSums:
        block = getattr(self.experiment, "data_block", None) if sequential else None
        if block is None:
            return self._differences(self.experiment.data_model(size), size)
        return sums + self._differences(block(sums.n, size), size - sums.n)

    def _differences(self, data: Any, size: int) -> PairedSums:
        a = self._losses("QA(infinite data)", self.experiment.QA(data), size)
        b = self._losses("QB(infinite data)", self.experiment.QB(data), size)
        return PairedSums.of(a - b)

    def _losses(self, what: str, losses: Any, size: int) -> NDArray[np.float64]:
        values = np.asarray(losses, dtype=float)
        if values.shape != (size,):
            raise ExperimentError(
                f"experiment {self.index}: {what} should be the losses of {size} points, shape ({size},), but has "
                f"shape {values.shape}; data_model(L), candidateA and candidateB should give L points, QA and QB one "
                "loss each."
            )
        if not np.isfinite(values).all():
            bad = np.flatnonzero(~np.isfinite(values))
            raise ExperimentError(
                f"experiment {self.index}: {what} should be finite, but {bad.size} of {size} losses are not, "
                f"the first at {bad[0]}: {values[bad[0]]}."
            )
        return values
