"""`Calibrate`, the familiar call of emdcmp: a learner, a runner and a store put together for a fixed grid of c.

The names, arguments and results are those of ``emdcmp.tasks.Calibrate`` (emdcmp 1.1.1). What differs: the unit of work
is one experiment for all c (so the synthetic data are the same at every c), results go to a store as they come, more c
or more experiments evaluate only what is new, an experiment that fails is reported and does not end the rest, and
there is no task framework to install.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from adaptive_calib.calibration import (
    CalibrateOutput,
    CalibrateResult,
    CalibrationLearner,
    EvaluateExperiment,
    FixedLabel,
    Record,
    calib_point_dtype,
)
from adaptive_calib.calibration.evaluate import check_c
from adaptive_calib.calibration.experiment import EpistemicDist, Experiment, ExperimentLike
from adaptive_calib.engine.observers import RunLog
from adaptive_calib.engine.workers_missing import PATIENCE
from adaptive_calib.runner import BlockingRunner, RetryPolicy
from adaptive_calib.runner.base import Capture, OnError, OnInterrupt
from adaptive_calib.runner.preflight import Mode
from adaptive_calib.view.calibration_html import html
from adaptive_calib.view.calibration_result import ResultView, result_view, text

__all__ = [
    "Calibrate",
    "CalibrateOutput",
    "CalibrateResult",
    "EpistemicDist",
    "Experiment",
    "calib_point_dtype",
    "compute_Bemd",
    "compute_Bemd_and_maybe_Bepis",
    "compute_Bepis",
]


class Calibrate:
    """A calibration on a fixed grid of c.

    Parameters
    ----------
    c_list : sequence of float
        Sensitivities, each in (0, inf).
    experiments : iterable with a length
        Experiments; any frozen dataclass that iterates over experiments and has a length, such as
        ``dist.generate(N)`` of an `EpistemicDist`.
    Ldata : int
        Size of the observed data sets.
    Linf : int
        Number of points that stand for infinitely many.
    reason : str, optional
        Why this is computed; kept as an attribute, for the reader.
    store : path or Store, optional
        Where results are kept and looked up; without it they are kept in memory only.
    executor
        Where to evaluate, see `BlockingRunner`; all cores by default.
    entropy : int
        Seed of the sampler of B_EMD.
    name : str
        Identity of `experiments` in the store where they are no dataclass.
    ntasks, log, shutdown_executor, retries, on_error, max_failures, timeout, points_per_task, mode, require_clean_git
        As of `BlockingRunner`.
    share_every, warn_without_workers, inner_threads, progress, callbacks, capture, try_first, on_interrupt
        As of `BlockingRunner`; but an experiment that fails does not end the others (``on_error="continue"``).

    Attributes
    ----------
    learner : CalibrationLearner
        What was learned; its ``failed_points`` are the experiments that failed.

    Examples
    --------
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> from adaptive_calib.tasks import Calibrate
    >>> task = Calibrate(
    ...     c_list=[0.25, 1.0], experiments=Infrared(N=4), Ldata=64, Linf=256, executor=SequentialExecutor()
    ... )
    >>> curves = task.unpack_results(task.run())
    >>> [(c, len(rows), rows.dtype.names) for c, rows in curves.items()]
    [(0.25, 4, ('Bemd', 'Bepis')), (1.0, 4, ('Bemd', 'Bepis'))]
    """

    def __init__(
        self,
        c_list: Sequence[float],
        experiments: Iterable[ExperimentLike],
        Ldata: int,
        Linf: int,
        *,
        reason: str | None = None,
        store: Any = None,
        executor: Any = None,
        entropy: int = 0,
        name: str = "",
        ntasks: int | None = None,
        log: bool | str | PathLike[str] | RunLog = False,
        shutdown_executor: bool = False,
        retries: int | RetryPolicy = 0,
        on_error: OnError = "continue",
        max_failures: int | None = None,
        timeout: float | None = None,
        points_per_task: int | Literal["auto"] = 1,
        mode: Mode = "cached",
        require_clean_git: bool = False,
        share_every: float | None = None,
        warn_without_workers: float = PATIENCE,
        inner_threads: int | None = None,
        progress: bool = False,
        callbacks: Iterable[Any] = (),
        capture: Capture = "failures",
        try_first: bool | Literal["pickle"] = "pickle",
        on_interrupt: OnInterrupt = "raise",
    ) -> None:
        self.c_list = list(check_c(c_list))
        self.experiments = experiments
        self.Ldata = Ldata
        self.Linf = Linf
        self.reason = reason
        self.store = store
        self.executor = executor
        self._run: Callable[[CalibrationLearner], BlockingRunner] = partial(
            BlockingRunner,
            executor=executor,
            store=store,
            ntasks=ntasks,
            log=log,
            shutdown_executor=shutdown_executor,
            retries=retries,
            on_error=on_error,
            max_failures=max_failures,
            timeout=timeout,
            points_per_task=points_per_task,
            mode=mode,
            require_clean_git=require_clean_git,
            share_every=share_every,
            warn_without_workers=warn_without_workers,
            inner_threads=inner_threads,
            progress=progress,
            callbacks=callbacks,
            capture=capture,
            try_first=try_first,
            on_interrupt=on_interrupt,
        )
        if not name and store is None and not hasattr(type(experiments), "__dataclass_fields__"):
            name = type(experiments).__qualname__  # nothing is looked up, so nothing can be confused
        self.learner = CalibrationLearner(
            experiments, Ldata=Ldata, labels=FixedLabel(Linf), c_list=self.c_list, entropy=entropy, name=name
        )
        if not math.isfinite(self.learner.size):
            raise TypeError(
                "`experiments` should have a length, since all of them are evaluated; use dist.generate(N=...) or, to "
                "stop when enough is known, a CalibrationLearner."
            )
        self._output: CalibrateOutput | None = None

    @property
    def has_run(self) -> bool:
        """Whether `run` has come to its end."""
        return self._output is not None

    def run(self) -> CalibrateOutput:
        """Evaluate what is missing and return the compact result; a second call returns it again.

        An experiment that fails, or whose label cannot be decided (two candidates that are the same model), has B_EMD
        NaN, as its label is no truth, and is left out of every curve. A `UserWarning` says how many there are;
        ``learner.failed_points`` and ``learner.column(c)`` which.
        """
        if self._output is None:
            runner = self._run(self.learner)
            if runner.status() != "finished":  # with on_interrupt="return"
                raise RuntimeError(
                    f"the calibration is not finished ({runner.stop_reason}); what was evaluated is kept, and another "
                    "call of run() goes on."
                )
            self._output = self._packed()
            if np.isnan(self.learner.column(self.c_list[0])[1]).any():
                warnings.warn("; ".join(self.learner.cautions()) + ".", stacklevel=2)
        return self._output

    def unpack_results(self, result: CalibrateOutput) -> CalibrateResult:
        """Return the result as c -> record array with the fields Bemd and Bepis, in the order of the experiments."""
        return result.unpack(self.c_list)

    def _view(self) -> ResultView:
        learned = result_view(self.learner)
        why = (("reason", self.reason),) if self.reason else ()
        return replace(learned, title=type(self).__name__, facts=(*why, *learned.facts))

    def _repr_html_(self) -> str:
        return html(self._view())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": text(self._view()), "text/html": html(self._view())}

    def _packed(self) -> CalibrateOutput:
        columns = [self.learner.column(c) for c in self.c_list]
        labels = columns[0][1]
        bemd = np.stack([values for values, _ in columns], axis=1)
        bemd[np.isnan(labels)] = math.nan
        return CalibrateOutput(bemd.ravel().tolist(), (labels == 1).tolist())


def compute_Bemd(
    i_ω_c: tuple[int, ExperimentLike, float], Ldata: int
) -> tuple[tuple[int, ExperimentLike, float], float]:
    """Return ``((i, ω, c), B_EMD)`` for one experiment at one c; see `EvaluateExperiment` for all c at once.

    Parameters
    ----------
    i_ω_c : tuple (int, experiment, float)
        Number of the experiment, the experiment, and c.
    Ldata : int
        Size of the observed data set.

    Examples
    --------
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.tasks import compute_Bemd
    >>> (index, _, c), bemd = compute_Bemd((0, Infrared(N=1)[0], 1.0), Ldata=64)
    >>> index, c, 0 <= bemd <= 1
    (0, 1.0, True)
    """
    i, experiment, c = i_ω_c
    function = EvaluateExperiment(_Only(i, experiment), Ldata, FixedLabel(2), c_list=(c,), name="one experiment")
    return i_ω_c, Record.from_plain(function(("new", i))).bemd[float(c)]


def compute_Bepis(
    data_model: Callable[[int], Any],
    QA: Callable[[Any], NDArray[np.floating]],
    QB: Callable[[Any], NDArray[np.floating]],
    Linf: int,
) -> bool:
    """Return whether the mean loss of A over `Linf` points of the true model is smaller than that of B.

    Parameters
    ----------
    data_model : callable, L -> data set
        The true model.
    QA, QB : callable, data set -> array, shape (L,)
        Losses of the candidates.
    Linf : int
        Number of points that stand for infinitely many.

    Examples
    --------
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.tasks import compute_Bepis
    >>> experiment = Infrared(N=1)[0]
    >>> compute_Bepis(experiment.data_model, experiment.QA, experiment.QB, Linf=4096)
    True
    """
    data = data_model(Linf)
    return bool(np.mean(QA(data)) < np.mean(QB(data)))


def compute_Bemd_and_maybe_Bepis(
    i_ω_c: tuple[int, ExperimentLike, float], Ldata: int, Linf: int, c_conf: float
) -> tuple[int, float, float, bool | None]:
    """Return ``(i, c, B_EMD, B_epis)`` of one experiment at one c; B_epis is None unless c equals `c_conf`.

    Parameters
    ----------
    i_ω_c : tuple (int, experiment, float)
        Number of the experiment, the experiment, and c.
    Ldata, Linf : int
        Size of the observed data set; number of points that stand for infinitely many.
    c_conf : float
        The c at which the label is looked at.

    Examples
    --------
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.tasks import compute_Bemd_and_maybe_Bepis
    >>> point = (0, Infrared(N=1)[0], 1.0)
    >>> index, c, bemd, bepis = compute_Bemd_and_maybe_Bepis(point, Ldata=64, Linf=4096, c_conf=0.5)
    >>> bepis is None  # one label is enough for all c
    True
    """
    i, experiment, c = i_ω_c
    _, bemd = compute_Bemd(i_ω_c, Ldata)
    known = c == c_conf
    return i, c, bemd, compute_Bepis(experiment.data_model, experiment.QA, experiment.QB, Linf) if known else None


class _Only(Sequence[ExperimentLike]):
    """One experiment under its own index."""

    def __init__(self, index: int, experiment: ExperimentLike) -> None:
        self._number = index
        self._experiment = experiment

    def __len__(self) -> int:
        return self._number + 1

    def __getitem__(self, index: Any) -> Any:
        return self._experiment
