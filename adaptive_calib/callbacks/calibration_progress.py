"""A progress bar for a calibration: experiments, rate, time left, the acceptable c, and what decides the next one.

A callback of a runner. The bar counts the experiments of the prefix on which decisions are based, so it may stand
still while a slow experiment is waited for; its total is the number at which the run ends at the latest.
"""

from __future__ import annotations

import math
from types import TracebackType
from typing import Any, Self, TextIO

from tqdm import tqdm

from adaptive_calib.calibration.learner import CalibrationLearner
from adaptive_calib.calibration.wording import forecast_in_brief

__all__ = ["CalibrationProgress", "interval_in_brief"]


def interval_in_brief(learner: CalibrationLearner) -> str:
    """Return the acceptable interval as it was decided last, in powers of two: ``2^-4.5 … 2^3``.

    Examples
    --------
    >>> from adaptive_calib import CalibrationLearner
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.callbacks.calibration_progress import interval_in_brief
    >>> interval_in_brief(CalibrationLearner(Infrared(N=8), Ldata=64, Linf=256))
    'c: not yet'
    """
    judgement = learner.judgement
    if judgement is None:
        return "c: not yet"
    interval = judgement.interval
    if interval.lower is None or interval.upper is None:
        return "c: none acceptable" if interval.state == "none" else "c: undecided"
    ends = [f"{'>' if end.open else ''}2^{end.inside:g}" for end in (interval.lower, interval.upper)]
    return f"c: {ends[0].replace('>', '<')} … {ends[1]}"


class CalibrationProgress:
    """A tqdm bar; a context manager that closes it.

    Parameters
    ----------
    learner : CalibrationLearner
        What is watched.
    file : text stream, optional
        Where to write; standard error by default.

    Attributes
    ----------
    loaded, evaluated : int
        Experiments that the store had when the run began, and experiments evaluated in this run.

    Examples
    --------
    >>> import io
    >>> from adaptive_calib import CalibrationLearner
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.runner import BlockingRunner, SequentialExecutor
    >>> from adaptive_calib.callbacks.calibration_progress import CalibrationProgress
    >>> learner = CalibrationLearner(Infrared(N=2), Ldata=64, Linf=256, c_list=[1.0])
    >>> with CalibrationProgress(learner, file=io.StringIO()) as bar:
    ...     runner = BlockingRunner(learner, callbacks=[bar], executor=SequentialExecutor())
    >>> bar.evaluated
    2
    """

    def __init__(self, learner: CalibrationLearner, file: TextIO | None = None) -> None:
        self.learner = learner
        self.loaded = self.evaluated = 0
        total = int(learner.size) if math.isfinite(learner.size) else None
        self.bar: tqdm[Any] = tqdm(total=total, unit="exp", desc="experiments", file=file, mininterval=0.5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()

    def on_start(self, event: Any, progress: Any) -> None:
        """Show what the store had; it does not count for the rate."""
        self.loaded = sum(point[0] == "new" for point in self.learner.data)
        self.bar.initial = self.bar.n = self.learner.n_experiments
        self._show()
        self.bar.refresh()

    def on_tell(self, event: Any, progress: Any) -> None:
        """Count a result."""
        self.evaluated += not event.stored and event.point[0] == "new"
        self._show()

    def on_fail(self, event: Any, progress: Any) -> None:
        """Count a failure."""
        self._show()

    def on_stop(self, event: Any, progress: Any) -> None:
        """Show the last state."""
        self._show()
        self.bar.refresh()

    @property
    def seconds(self) -> float:
        """Seconds that one more experiment takes at the present rate; NaN before the first one."""
        new, spent = self.bar.n - self.bar.initial, float(self.bar.format_dict["elapsed"])
        return spent / new if new > 0 else math.nan

    def _show(self) -> None:
        failed, now = len(self.learner.failed_points), self.learner.judgement
        words = [interval_in_brief(self.learner)]
        if now is not None and (more := forecast_in_brief(now, self.seconds)):
            words.append(f"next: {more}")
        if failed:
            words.append(f"{failed} failed")
        self.bar.set_postfix_str(", ".join(words), refresh=False)
        self.bar.update(self.learner.n_experiments - self.bar.n)
