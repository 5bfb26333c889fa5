"""Dependence of a calibration on the size of the observed data sets: the same experiments at several `Ldata`.

`Ldata` is part of the question (the size of the real data set) and not something to be converged. But how sure the
criterion is, how much its answer depends on the very data set, and which c are acceptable, all change with it. A
`DataSizeStudy` is a function of the size: it evaluates the same experiments with data sets of that size and answers
with plain numbers, so that any runner can evaluate sizes side by side and a store can keep them. `learner` chooses the
sizes: a `Learner1D` over a logarithmic axis of whole numbers.

    study = DataSizeStudy(dist, 128, c_list=[0.25, 1.0, 4.0], Linf=4096)
    learner = study.learner((64, 16384))
    BlockingRunner(learner, npoints_goal=9)
    learner.extra_data[1024]["interval"]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration._notebook_repr import NotebookRepr
from adaptive_calib.calibration.decision import judge_table
from adaptive_calib.calibration.evaluate import EvaluateExperiment, Record, Sampling, check_c, describe
from adaptive_calib.calibration.experiment import ExperimentLike, ExperimentSource
from adaptive_calib.calibration.interval import recommended_c
from adaptive_calib.calibration.labels import FixedLabel, LabelRule
from adaptive_calib.learner.data_saver import DataSaver
from adaptive_calib.learner.learner1D import Learner1D

__all__ = ["DataSizeStudy", "spread"]


def spread(answer: dict[str, Any]) -> list[float]:
    """Return what the sizes are chosen by: the spread of B_EMD at each c."""
    return [float(x) for x in answer["spread"]]


@dataclass(frozen=True)
class DataSizeStudy(NotebookRepr):
    """The function of a data size: ``study(Ldata)`` -> numbers, as plain data.

    Parameters
    ----------
    experiments
        An `EpistemicDist`, a sequence, or what iterates over experiments again and again.
    n_experiments : int
        How many of them are evaluated, >= 1; the same ones at each size.
    c_list : sequence of float
        Sensitivities, in (0, inf).
    Linf : int
        Number of points for the labels; or give `labels`.
    labels : LabelRule, optional
        How the labels are found; sequential ones cost the least, as they are found anew at each size.
    replicate : callable, (experiment, r) -> experiment, optional
        The same experiment with another observed data set, r = 0, 1, …: with it the spread is that over replicate data
        sets of one experiment, without it that over experiments.
    replicates : int
        How many replicate data sets, >= 2 with `replicate`.
    res, sampling, entropy, name
        See `EvaluateExperiment`.

    Examples
    --------
    >>> from adaptive_calib.calibration import DataSizeStudy
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> study = DataSizeStudy(Infrared(N=4), 4, c_list=[0.25, 1.0], Linf=256)
    >>> answer = study(64)
    >>> answer["Ldata"], answer["c"]
    (64, [0.25, 1.0])
    """

    experiments: Iterable[ExperimentLike] = field(metadata={"identity": False}, repr=False)
    n_experiments: int
    c_list: tuple[float, ...]
    Linf: int | None = None
    labels: LabelRule | None = None
    replicate: Callable[[ExperimentLike, int], ExperimentLike] | None = None
    replicates: int = 4
    res: int = 8
    sampling: Sampling = field(default_factory=Sampling)
    entropy: int = 0
    name: str = ""
    source: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if (self.Linf is None) == (self.labels is None):
            raise ValueError(f"give either `Linf` or `labels`; got Linf={self.Linf!r} and labels={self.labels!r}.")
        size = ExperimentSource(self.experiments).size()
        if not 1 <= self.n_experiments <= size:
            raise ValueError(
                f"`n_experiments` should lie between 1 and the {size:g} experiments there are, but is "
                f"{self.n_experiments!r}."
            )
        if self.replicate is not None and not self.replicates >= 2:
            raise ValueError(f"a spread needs at least 2 `replicates`, but got {self.replicates!r}.")
        object.__setattr__(self, "c_list", tuple(sorted(check_c(self.c_list))))
        if not self.c_list:
            raise ValueError("`c_list` should hold at least one c, but is empty.")
        object.__setattr__(self, "source", (self.name,) if self.name else describe(self.experiments))

    def __call__(self, Ldata: float) -> dict[str, Any]:
        """Evaluate all experiments with data sets of `Ldata` points.

        Returns
        -------
        dict
            ``Ldata``, ``c`` (list) and, one number for each c: ``spread``, the standard deviation of B_EMD (over
            replicate data sets: root mean square over experiments; otherwise over experiments; NaN below two);
            ``decisiveness``, the mean of abs(B_EMD - 1/2), 0 … 1/2; ``slope`` and ``stderr`` of calibration.
            ``interval`` is the smallest and the largest c known to be acceptable (None where there is none) and
            ``words`` says it in a sentence; ``recommended_c`` is a number or None; ``undecided`` counts the labels
            that are left out.
        """
        L = int(Ldata)
        experiments = ExperimentSource(self.experiments)
        main = self._function(self.experiments, L)
        bemd = np.empty((self.n_experiments, len(self.c_list)))
        within = np.empty_like(bemd)
        labels = np.empty(self.n_experiments)
        for i in range(self.n_experiments):
            record = Record.from_plain(main(("new", i)))
            bemd[i] = [record.bemd[c] for c in self.c_list]
            labels[i] = math.nan if record.bepis is None else record.bepis
            if self.replicate is not None:
                within[i] = self._variance(experiments[i], i, L)
        return self._answer(L, bemd, labels, within if self.replicate is not None else None)

    def learner(self, bounds: tuple[int, int], **options: Any) -> DataSaver:
        """Return a learner that chooses sizes between `bounds`; its ``extra_data`` holds the whole answers.

        Its values are the spreads at each c; the axis is log-scaled and holds whole numbers.

        Parameters
        ----------
        bounds : (int, int)
            Smallest and largest `Ldata`, >= 2.
        **options
            Further arguments of `Learner1D`.
        """
        if not 2 <= bounds[0] < bounds[1]:
            raise ValueError(f"`bounds` should be two sizes with 2 <= smallest < largest, but are {bounds}.")
        return DataSaver(Learner1D(self, bounds, x_scale="log", integer=True, **options), spread)

    def _function(self, experiments: Iterable[ExperimentLike], L: int, labels: LabelRule | None = None) -> Any:
        rule = labels or (FixedLabel(self.Linf) if self.Linf is not None else self.labels)
        assert rule is not None
        return EvaluateExperiment(
            experiments, L, rule, self.res, self.sampling, self.entropy, self.c_list, self.name or "data sizes"
        )

    def _variance(self, experiment: ExperimentLike, i: int, L: int) -> Floats:
        """Variance of B_EMD over replicate data sets, less what the sampling of B_EMD adds; shape (n_c,)."""
        assert self.replicate is not None
        # labels belong to the experiment, not to the data set: the least that there is to do
        function = self._function([self.replicate(experiment, r) for r in range(self.replicates)], L, FixedLabel(2))
        records = [Record.from_plain(function(("new", r))) for r in range(self.replicates)]
        values = np.array([[record.bemd[c] for c in self.c_list] for record in records])
        noise = np.array([[record.stderr[c] ** 2 for c in self.c_list] for record in records]).mean(axis=0)
        variance: Floats = values.var(axis=0, ddof=1) - noise
        return variance

    def _answer(self, L: int, bemd: Floats, labels: Floats, within: Floats | None) -> dict[str, Any]:
        decision = judge_table(self.c_list, bemd, labels)
        interval = decision.interval
        if within is not None:
            wide = np.sqrt(np.maximum(within.mean(axis=0), 0.0))
        else:
            wide = bemd.std(axis=0, ddof=1) if len(bemd) > 1 else np.full(len(self.c_list), math.nan)
        return {
            "Ldata": L,
            "c": list(self.c_list),
            "spread": wide.tolist(),
            "decisiveness": np.abs(bemd - 0.5).mean(axis=0).tolist(),
            "slope": decision.slopes.tolist(),
            "stderr": decision.stderrs.tolist(),
            "interval": None if interval.state != "found" else list(interval.c_bounds),
            "words": interval.words,
            "recommended_c": recommended_c(interval),
            "undecided": int(np.isnan(labels).sum()),
        }
