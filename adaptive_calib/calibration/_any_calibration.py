"""`AnyCalibration`: what the learners of a calibration have in common, whatever a point of theirs is."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from adaptive_calib.calibration._notebook_repr import NotebookRepr
from adaptive_calib.calibration.decision import Decision
from adaptive_calib.calibration.interval import AcceptableInterval, recommended_c
from adaptive_calib.calibration.robustness import Robustness
from adaptive_calib.learner import _familiar_methods
from adaptive_calib.learner.base_learner import BaseLearner

__all__ = ["AnyCalibration"]


class AnyCalibration(NotebookRepr, BaseLearner):
    """What follows from the decision taken last."""

    data: dict[Any, Any]
    pending_points: set[Any]
    failed_points: set[Any]
    _robustness: tuple[tuple[int, int, int], Robustness] | None

    @property
    @abstractmethod
    def c_list(self) -> tuple[float, ...]:
        """The sensitivities looked at so far, increasing."""

    @abstractmethod
    def done(self) -> bool:
        """Whether nothing is left to ask and nothing is pending."""

    @abstractmethod
    def current(self) -> Decision | None:
        """Return the judgement on what is there; None before any."""

    @abstractmethod
    def _restart(self) -> None:
        """Forget everything that follows from the data."""

    @abstractmethod
    def _hangs_on(self) -> Robustness:
        """Return what the recommended c hangs on."""

    def acceptable_interval(self) -> AcceptableInterval:
        """Return the interval of c known to be acceptable, with the uncertainty of both ends."""
        now = self.current()
        return AcceptableInterval("undecided") if now is None else now.interval

    def recommended_c(self) -> float | None:
        """Return the smallest c known to be acceptable: the sharpest that is not over-confident; None without one."""
        best = recommended_c(self.acceptable_interval())
        return None if best is None else min(self.c_list, key=lambda c: abs(c - best))  # 2**log2 c may be rounded

    def robustness(self) -> Robustness | None:
        """Return what the recommended c hangs on, at the end of a run; None before."""
        if not self.done() or self.current() is None:
            return None
        key = len(self.data), len(self.failed_points), len(self.c_list)
        if self._robustness is None or self._robustness[0] != key:
            self._robustness = key, self._hangs_on()
        return self._robustness[1]

    def plot(self, *, each_c: bool = False) -> Any:
        """Return a HoloViews layout of all that is known so far, see `adaptive_calib.view.calibration_learner`."""
        return _familiar_methods.view("calibration_learner").plot(self, each_c=each_c)

    def new(self) -> Self:
        """Return a learner with the same parameters and no data."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.__dict__.pop("_cache", None)  # the last loss, of a dict that both would change
        other.data, other.pending_points, other.failed_points = {}, set(), set()
        other._restart()
        return other

    def _get_data(self) -> dict[Any, Any]:
        return dict(self.data)

    def _set_data(self, data: dict[Any, Any]) -> None:
        self.tell_many(data.keys(), data.values())
