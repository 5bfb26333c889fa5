"""What the engine relies on of a learner, and nothing more.

A learner decides where to evaluate next. It is told values in any order, it is asked for points, and it never looks
at a clock, a file or a thread, so that the same calls always give the same answers and a log can be replayed.
python-adaptive's learners satisfy `Learner` as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

__all__ = ["EstimatesError", "Explains", "Finite", "Learner", "ToleratesFailure", "offers"]


@runtime_checkable
class Learner(Protocol):
    """The protocol that every learner satisfies and every runner relies on."""

    function: Callable[[Any], Any]

    @property
    def npoints(self) -> int:
        """Number of points told so far."""
        ...

    def ask(self, n: int, tell_pending: bool = True) -> tuple[Sequence[Any], Sequence[float]]:
        """Choose at most `n` points; return them with the improvement of the loss expected from each.

        With ``tell_pending=False`` nothing changes: the same call answers the same. ``ask(0)`` is ``([], [])``.
        Fewer than `n` points mean that the learner has no more to ask for now.
        """
        ...

    def tell(self, x: Any, y: Any) -> None:
        """Take in the value `y` of the function at the point `x`, asked for or not."""
        ...

    def tell_many(self, xs: Iterable[Any], ys: Iterable[Any]) -> None:
        """Take in many values at once; the same result as telling them one by one."""
        ...

    def tell_pending(self, x: Any) -> None:
        """Count `x` as under way: it is not asked for again until it is told or `remove_unfinished` is called."""
        ...

    def remove_unfinished(self) -> None:
        """Forget what is under way: those points may be asked for again."""
        ...

    def loss(self, real: bool = True) -> float:
        """How far the learner is from its goal; ``real=False`` counts what is under way as if it were known."""
        ...


@runtime_checkable
class ToleratesFailure(Protocol):
    """A learner that can be told that a point failed for good."""

    def tell_failed(self, x: Any) -> None:
        """Count `x` as failed: not pending, never asked for again, no part of data, number of points or loss."""
        ...


@runtime_checkable
class Finite(Protocol):
    """A learner that knows by itself when nothing is left to do."""

    def done(self) -> bool:
        """Whether nothing is left to ask and nothing is under way."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A learner that can say why it has nothing more to ask."""

    def stopped_because(self) -> str:
        """Return the reason in one line for people."""
        ...


@runtime_checkable
class EstimatesError(Protocol):
    """A learner that knows how far its interpolant may be from the function."""

    def largest_error(self) -> float:
        """Return the largest estimated error anywhere, in units of the values; inf while it is unknown."""
        ...


def offers(learner: Any, method: str) -> bool:
    """Whether a learner has a method, of its own or, as a wrapper, of the learner in it.

    ``isinstance`` with a protocol of this module does not see the latter from Python 3.12 on.

    Examples
    --------
    >>> from adaptive_calib import DataSaver, Learner1D, SequenceLearner
    >>> from adaptive_calib.learner.protocol import offers
    >>> wrapped = DataSaver(SequenceLearner(len, ["a"]), arg_picker=lambda y: y)
    >>> offers(wrapped, "done"), offers(Learner1D(abs, bounds=(-1, 2)), "done")
    (True, False)
    """
    return callable(getattr(learner, method, None))
