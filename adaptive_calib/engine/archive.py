"""The interface between the engine and a store.

A driver records an `Outcome` in the `Archive` first; then the machine, and so the learner, receives it. Stores are
above the engine (`adaptive_calib.store`); the engine uses nothing of them but this protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from adaptive_calib.engine.evaluate import Report

__all__ = ["Archive", "Outcome", "Preloaded", "RefusedResultError", "Stored"]

OutcomeStatus = Literal["ok", "failed", "crashed"]


class RefusedResultError(RuntimeError):
    """A result that an archive can never record; its point fails, other points are not concerned."""


class Outcome(NamedTuple):
    """The final result of the attempts to evaluate one point.

    Attributes
    ----------
    point
        The point as the learner asked for it.
    status
        ``"ok"``, ``"failed"`` (the function raised) or ``"crashed"`` (its worker died).
    report : Report
        The worker's report of the last attempt, with its value unpickled.
    attempt : int
        1 for the first attempt.
    place
        The answer of `Archive.place` for this point; None if it was not asked.
    prepared
        The answer of `Archive.prepare`; None if it was not asked.

    Examples
    --------
    >>> from adaptive_calib.engine.archive import Outcome
    >>> from adaptive_calib.engine.evaluate import Report
    >>> Outcome(point=0.5, status="ok", report=Report(0.25, seconds=0.1)).report.value
    0.25
    """

    point: Any
    status: OutcomeStatus
    report: Report
    attempt: int = 1
    place: Any = None
    prepared: Any = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A point that the archive has: its value, that it failed for good, or that another run evaluates it.

    Attributes
    ----------
    status : str
        ``"ok"``, ``"failed"``, ``"crashed"``, or ``"claimed"``: leased by another run.
    value
        The result; None unless the status is ``"ok"``.
    reason : str
        Why it failed: the traceback, if it is known.

    Examples
    --------
    >>> from adaptive_calib.engine.archive import Stored
    >>> Stored("ok", 0.25)
    Stored(status='ok', value=0.25, reason='')
    """

    status: Literal["ok", "failed", "crashed", "claimed"]
    value: Any = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Preloaded:
    """All results that the archive has at the start of a run, in the order in which they were recorded.

    Attributes
    ----------
    points, values : sequences
        Results, with points as the learner uses them.
    failed : sequence
        Points that failed for good.
    reasons : sequence of str
        Their tracebacks, in the same order.
    again : sequence
        Points that failed in earlier runs and are evaluated again before any other.

    Examples
    --------
    >>> from adaptive_calib.engine.archive import Preloaded
    >>> Preloaded(points=[0.5], values=[0.25]).failed
    ()
    """

    points: Sequence[Any] = ()
    values: Sequence[Any] = ()
    failed: Sequence[Any] = ()
    reasons: Sequence[str] = ()
    again: Sequence[Any] = ()


class Archive(Protocol):
    """One run's view of a store. Every method may raise; the error ends the run."""

    def preload(self, stop: Callable[[], object] = lambda: None) -> Preloaded:
        """Return the results that the learner is told before the first ask; any part of them once `stop()` is true."""
        ...

    def place(self, point: Any) -> Any:
        """Return where the archive keeps a point; the driver passes it back to `find` and in `Outcome.place`."""
        ...

    def find(self, point: Any, place: Any = None, *, claim: bool = True) -> Stored | None:
        """Return the stored result of an asked point, or None if it has to be evaluated.

        In a run that shares its points with others, None means that this run has a lease on the point; unless
        ``claim`` is False: then no lease is taken, and None means that there is no result.
        """
        ...

    def release(self, places: Sequence[Any]) -> None:
        """Give up leases on points that are not going to be evaluated now."""
        ...

    @property
    def look_every(self) -> float:
        """Seconds after which to look again for a point that another run has leased."""
        ...

    def prepare(self, outcome: Outcome) -> Any:
        """Return what `record` needs of an outcome, for `Outcome.prepared`; called in runs that continue after errors.

        Raises
        ------
        RefusedResultError
            The result can never be recorded: its point fails, and the run goes on.
        """
        ...

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write final outcomes; returns when they survive the death of this process."""
        ...

    def news(self) -> Preloaded | None:
        """Return results that other runs have recorded since the last call, if it is time for one; called per step."""
        ...

    def close(self, status: str, reason: str) -> None:
        """End the run: `status` is finished, exhausted, failed or cancelled; `reason` is one line for people."""
        ...
