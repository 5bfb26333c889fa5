"""Functions and learners that the tests of the store evaluate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adaptive_calib.engine.archive import Outcome
from adaptive_calib.engine.evaluate import Report


def square(x: float) -> float:
    """Return x squared."""
    return x**2


@dataclass(frozen=True)
class Inner:
    T: float = 1.0


@dataclass(frozen=True)
class Power:
    """A callable value, as the function of a calibration is one."""

    n: int
    inner: Inner = Inner()
    names: tuple[str, ...] = ("a",)
    shown: str = field(default="", metadata={"identity": False})

    def __call__(self, x: float) -> float:
        """Return x to the power n."""
        return x**self.n


class Line:
    """The least of a learner: a function, bounds, data."""

    def __init__(self, function: Any, bounds: tuple[float, float] = (0.0, 1.0)) -> None:
        self.function = function
        self.bounds = bounds


class SequenceLearner:
    """As python-adaptive's: the function of a point is a wrapper with the user's function inside."""

    def __init__(self, function: Any, sequence: list[Any]) -> None:
        self.function = Power(1) if function is None else _Wrapper(function)
        self.sequence = sequence


class _Wrapper:
    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, point: Any) -> Any:
        return self.function(point[1])


class BalancingLearner:
    """Children by number."""

    def __init__(self, learners: list[Any]) -> None:
        self.learners = learners


class DataSaver:
    """A learner inside."""

    def __init__(self, learner: Any) -> None:
        self.learner = learner


def ok(point: Any, value: Any, **more: Any) -> Outcome:
    """Return a finished outcome."""
    return Outcome(point, "ok", Report(value, started=1.5, seconds=0.25, host="here", pid=7), **more)


def failed(point: Any) -> Outcome:
    """Return a failed outcome that printed something."""
    report = Report(error=ValueError("no"), traceback="Traceback: no", stdout="seen\n", logs="logged")
    return Outcome(point, "failed", report)


def crashed(point: Any) -> Outcome:
    """Return the outcome of a worker that died."""
    return Outcome(point, "crashed", Report(error=RuntimeError("gone")))
