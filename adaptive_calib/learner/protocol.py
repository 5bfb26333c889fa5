"""Protocols of learners: `Learner`, which every runner needs, and small optional ones.

A learner decides where to evaluate next. It accepts values in any order and returns points when asked. It uses no
clock, file or thread, so the same calls always give the same answers and a log can be replayed. python-adaptive's
learners satisfy `Learner` without change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from adaptive_calib.learner.claims import Claim

__all__ = [
    "ChecksError",
    "EstimatesError",
    "Explains",
    "Finite",
    "Forecasts",
    "Learner",
    "ToleratesFailure",
    "has_method",
]


@runtime_checkable
class Learner(Protocol):
    """The protocol of every learner; runners use nothing else of it, apart from the optional protocols below."""

    function: Callable[[Any], Any]

    @property
    def npoints(self) -> int:
        """Number of observed points."""
        ...

    def ask(self, n: int, tell_pending: bool = True) -> tuple[Sequence[Any], Sequence[float]]:
        """Choose at most `n` points; return them with the improvement of the loss expected from each.

        With ``tell_pending=False`` the state does not change: the same call gives the same answer. ``ask(0)`` is
        ``([], [])``. Fewer than `n` points mean that no other point can be asked for now.
        """
        ...

    def tell(self, x: Any, y: Any) -> None:
        """Take in the value `y` of the function at the point `x`, asked for or not."""
        ...

    def tell_many(self, xs: Iterable[Any], ys: Iterable[Any]) -> None:
        """Take in many values; the result is that of telling them one by one."""
        ...

    def tell_pending(self, x: Any) -> None:
        """Make `x` pending: it is not asked for again until it is observed or `remove_unfinished` is called."""
        ...

    def remove_unfinished(self) -> None:
        """Forget the pending points: they may be asked for again."""
        ...

    def loss(self, real: bool = True) -> float:
        """Return how far the learner is from its goal; ``real=False`` treats pending points as observed."""
        ...


@runtime_checkable
class ToleratesFailure(Protocol):
    """A learner that records points whose evaluation failed for good."""

    def tell_failed(self, x: Any) -> None:
        """Record `x` as failed: not pending, never asked for again, no part of data, number of points or loss."""
        ...


@runtime_checkable
class Finite(Protocol):
    """A learner with an end of its own."""

    def done(self) -> bool:
        """Whether no point is left to ask for and none is pending."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A learner that explains why it asks for no more points."""

    def stopped_because(self) -> str:
        """Return the reason in one line for people."""
        ...


@runtime_checkable
class Forecasts(Protocol):
    """A learner that says what more points would decide."""

    def forecast(self, seconds: float | None = None) -> str:
        """Return that in one line for people; `seconds` is how long one more point takes at the present rate."""
        ...


@runtime_checkable
class EstimatesError(Protocol):
    """A learner that estimates the error of its interpolant."""

    def largest_error(self) -> float:
        """Return the largest estimated error anywhere, in units of the values; inf while it is unknown."""
        ...


@runtime_checkable
class ChecksError(Protocol):
    """A learner that works towards an error goal and checks it at points of its own before it claims it."""

    @property
    def error_goal(self) -> float | None:
        """The error goal, in units of the values; None without one."""
        ...

    def set_error_goal(self, error: float | None) -> None:
        """Choose points that reduce the estimated error, and check it, until it is at most `error`; None: no longer."""
        ...

    def claim(self) -> Claim | None:
        """Return what is claimed about the error, with ``is_checked`` once the goal is checked."""
        ...


def has_method(learner: Any, method: str) -> bool:
    """Whether a learner has a method, of its own or, as a wrapper, of the learner in it.

    From Python 3.12 on ``isinstance`` with a protocol of this module finds only the learner's own methods.

    Examples
    --------
    >>> from adaptive_calib import DataSaver, Learner1D, SequenceLearner
    >>> from adaptive_calib.learner.protocol import has_method
    >>> wrapped = DataSaver(SequenceLearner(len, ["a"]), arg_picker=lambda y: y)
    >>> has_method(wrapped, "done"), has_method(Learner1D(abs, bounds=(-1, 2)), "done")
    (True, False)
    """
    return callable(getattr(learner, method, None))
