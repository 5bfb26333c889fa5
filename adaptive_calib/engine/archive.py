"""What a driver needs of a store: the seam between the engine and what survives a run.

The drivers write first: an `Outcome` goes into the `Archive` before the machine, and so the learner, hears of it.
Stores live above the engine (`adaptive_calib.store`); this is the only face of theirs that the engine sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

__all__ = ["Archive", "Outcome", "Preloaded", "Stored"]

Status = Literal["ok", "failed", "crashed"]


class Outcome(NamedTuple):
    """What came of one attempt to evaluate one point, as plain data.

    Attributes
    ----------
    point
        The point as the learner asked for it.
    status
        ``"ok"``, ``"failed"`` (the function raised) or ``"crashed"`` (its worker died).
    value
        What the function returned; None unless the status is ``"ok"``.
    error, traceback
        The exception and its formatted traceback; None and ``""`` for ``"ok"``.
    started : float
        Seconds since the epoch, by the worker's clock.
    seconds : float
        Duration of the evaluation itself, measured in the worker.
    host, pid
        Where it was evaluated.
    attempt : int
        1 for the first attempt.
    stdout, stderr, logs : str
        What the evaluation printed and logged, if it was captured.

    Examples
    --------
    >>> from adaptive_calib.engine.archive import Outcome
    >>> Outcome(point=0.5, status="ok", value=0.25, seconds=0.1).value
    0.25
    """

    point: Any
    status: Status
    value: Any = None
    error: BaseException | None = None
    traceback: str = ""
    started: float = 0.0
    seconds: float = 0.0
    host: str = ""
    pid: int = 0
    attempt: int = 1
    stdout: str = ""
    stderr: str = ""
    logs: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A point that the archive knows already: its value, or that it failed for good.

    Attributes
    ----------
    status : str
        ``"ok"``, ``"failed"`` or ``"crashed"``.
    value
        The result; None unless the status is ``"ok"``.

    Examples
    --------
    >>> from adaptive_calib.engine.archive import Stored
    >>> Stored("ok", 0.25)
    Stored(status='ok', value=0.25)
    """

    status: Status
    value: Any = None


@dataclass(frozen=True, slots=True)
class Preloaded:
    """All that is known at the start of a run, in the order in which it was recorded.

    Attributes
    ----------
    points, values : sequences
        Results, as the learner has the points.
    failed : sequence
        Points that failed for good.

    Examples
    --------
    >>> from adaptive_calib.engine.archive import Preloaded
    >>> Preloaded(points=[0.5], values=[0.25]).failed
    ()
    """

    points: Sequence[Any] = ()
    values: Sequence[Any] = ()
    failed: Sequence[Any] = ()


class Archive(Protocol):
    """One run's view of a store. Every method may raise; such an error ends the run, it is never swallowed."""

    def preload(self) -> Preloaded:
        """Return what is to be told to the learner before the first ask."""
        ...

    def find(self, point: Any) -> Stored | None:
        """Return what is known of an asked point, or None if it has to be evaluated."""
        ...

    def refusal(self, outcome: Outcome) -> Exception | None:
        """Return why a result can never be stored, so that its point fails by itself; None if it can be.

        Asked in runs that go on after failures, before `record`; an outcome that is refused is not recorded.
        """
        ...

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write final outcomes so that they survive the death of this process; returns when they do."""
        ...

    def news(self) -> Preloaded | None:
        """Return what other runs have recorded since the last look, if it is time for one; called at each step."""
        ...

    def close(self, status: str, reason: str) -> None:
        """End the run: `status` is finished, exhausted, failed or cancelled; `reason` is for people."""
        ...
