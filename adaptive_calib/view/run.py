"""The state of a run at one moment, as a frozen `RunView`: read from a runner once, without any formatting.

`look(runner)` reads the runner under its lock. `view.run_text` and `view.run_html` format the result. Nothing
here uses a widget, a clock or an event loop.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from adaptive_calib.engine.goals import error_goal_of, share_reached, time_left
from adaptive_calib.engine.machine import EvaluationError
from adaptive_calib.learner.protocol import has_method
from adaptive_calib.view.time_left import points_left

__all__ = ["RunHistory", "RunView", "failure_text", "from_state", "look", "loss_of", "shorten", "to_state", "way_to"]

#: Number of running points and of failures that are listed.
LISTED = 5
_HISTORY = 200


@dataclass
class RunHistory:
    """What is kept of a run between two looks at it: past losses, and when tasks were submitted.

    A run has one, `BaseRunner.history`, that all its displays share, so that they agree.

    Attributes
    ----------
    losses : list of (float, float)
        Seconds of the run and the loss then; thinned to at most 200.
    marks : list of (int, float)
        The lowest task number that was not submitted yet, and the seconds of the run at which that was seen.
    first : dict of str to float
        The first finite loss and estimated error; see `adaptive_calib.engine.goals.First`.
    path : list of (int, float)
        Numbers of points and the share of the goal then; thinned to at most 200.
    """

    losses: list[tuple[float, float]] = field(default_factory=list)
    marks: list[tuple[int, float]] = field(default_factory=list)
    first: dict[str, float] = field(default_factory=dict)
    path: list[tuple[int, float]] = field(default_factory=list)

    #: Whether a display shows the traceback of a run that fails, so that nothing else has to.
    shows_failure: bool = False

    def note_share(self, npoints: int, share: float | None) -> None:
        """Add the share of the goal at one moment."""
        if share is not None and npoints and (not self.path or self.path[-1][0] < npoints):
            self.path.append((npoints, share))
            if len(self.path) > _HISTORY:
                self.path[:-1] = self.path[:-1:2]

    def note(self, seconds: float, loss: float | None, tasks: list[int]) -> None:
        """Add the state at one moment."""
        new = not self.losses or self.losses[-1][0] < seconds
        if new and loss is not None and math.isfinite(loss) and loss > 0:
            self.losses.append((seconds, loss))
            if len(self.losses) > _HISTORY:
                self.losses[:-1] = self.losses[:-1:2]
        if tasks:
            if not self.marks or self.marks[-1][0] <= tasks[-1]:
                self.marks.append((tasks[-1] + 1, seconds))
            del self.marks[: max(0, bisect_left(self.marks, (tasks[0] + 1, -1.0)) - 1)]  # older than all pending tasks

    def since(self, task: int) -> float:
        """Return the second of the run at which a task was first seen as pending."""
        place = bisect_left(self.marks, (task + 1, -1.0))
        return self.marks[place][1] if place < len(self.marks) else math.inf


@dataclass(frozen=True)
class RunView:
    """A run at one moment.

    Attributes
    ----------
    status : str
        "running", "cancelled", "failed" or "finished".
    reason : str or None
        Why the run stopped, or stops.
    stopping : bool
        Whether the run only waits for pending evaluations: nothing more is submitted.
    elapsed, left : float
        Seconds since the start and until the goal; `left` is None if there is no estimate.
    left_range : (float, float) or None
        Where `left` may lie, if it was extrapolated from the losses so far.
    share : float or None
        Part of the way to the goal, 0 to 1.
    npoints, loaded, new, pending, retrying, failed, workers : int
        Numbers of points: known to the learner, loaded from the store, evaluated by this run, pending, to be repeated
        after a failure, failed for good; and the number of workers.
    samples : int or None
        Samples of a learner that averages.
    loss : float or None
    claim : str or None
        What the learner claims about its error.
    forecast : str or None
        What more points would decide.
    overhead : float
        Percent of the workers' time that was not spent in the function.
    split : mapping of str to float
        The parts of `overhead`, in percent; they add up to it.
    running : tuple of (str, float)
        The oldest pending points, and for how many seconds they are pending.
    failures : tuple of (str, str)
        The last points that failed, with their tracebacks.
    losses : tuple of (float, float)
        Seconds and loss, for the small curve.
    error : str
        The traceback of the failure that ended the run.
    mode : str
        The `mode` of a learner that has modes, "noise" of a `GPLearner` of noisy values; by it its points are drawn.
    """

    title: str
    goal: str
    status: str
    reason: str | None
    elapsed: float
    left: float | None
    share: float | None
    npoints: int
    loaded: int
    new: int
    pending: int
    failed: int
    workers: int
    samples: int | None
    loss: float | None
    overhead: float
    split: Mapping[str, float] = field(default_factory=dict)
    running: tuple[tuple[str, float], ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    losses: tuple[tuple[float, float], ...] = ()
    error: str = ""
    stopping: bool = False
    retrying: int = 0
    claim: str | None = None
    forecast: str | None = None
    left_range: tuple[float, float] | None = None
    mode: str = ""


#: What a state that is read has to hold: a store may come from anywhere.
_PAIRS: dict[str, tuple[type, type]] = {"running": (str, float), "failures": (str, str), "losses": (float, float)}
_TEXTS = {item.name for item in fields(RunView) if str(item.type).startswith("str")}
#: Of a state that is stored.
_LONGEST_TRACEBACK, _LOSSES = 2000, 60


def to_state(view: RunView) -> dict[str, Any]:
    """Return a view as plain data for JSON: with short tracebacks, and at most 60 of the losses."""
    step = -(-len(view.losses) // _LOSSES) or 1
    state = {item.name: getattr(view, item.name) for item in fields(view)}
    return state | {
        "split": dict(view.split),
        "failures": [(point, trace[-_LONGEST_TRACEBACK:]) for point, trace in view.failures],
        "losses": [*view.losses[:-1:step], *view.losses[-1:]],
        "error": view.error[-_LONGEST_TRACEBACK:],
    }


def from_state(state: Mapping[str, Any]) -> RunView:
    """Return the view of a state that `to_state` gave, also after JSON; unknown entries are ignored.

    Raises
    ------
    ValueError
        If it is no such state.
    """
    known = {item.name: state[item.name] for item in fields(RunView) if item.name in state}
    try:
        for name, (one, other) in _PAIRS.items():
            known[name] = tuple((one(first), other(second)) for first, second in known[name])
        known["split"] = {str(name): float(percent) for name, percent in known["split"].items()}
        if known.get("left_range") is not None:
            low, high = known["left_range"]
            known["left_range"] = (float(low), float(high))
        for name in known.keys() - _PAIRS.keys() - {"split", "left_range"}:
            if known[name] is not None and not isinstance(known[name], str if name in _TEXTS else (int, float)):
                raise ValueError(f"{name} is {known[name]!r:.100}")
        return RunView(**known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"this is not the state of a run: {error!r:.200}") from error


def look(runner: Any) -> RunView:
    """Read a runner once, under its lock.

    Parameters
    ----------
    runner
        Any of our runners; its `history` is brought up to date.
    """
    history: RunHistory = runner.history
    with runner.lock:
        machine, progress = runner.session.machine, runner.progress
        elapsed = runner.elapsed_time()
        loss = loss_of(runner.learner) if progress.npoints else None
        tasks = list(machine.running)
        history.note(elapsed, loss, tasks)
        running = tuple(
            (shorten(machine.running[task].point), max(0.0, elapsed - history.since(task))) for task in tasks[:LISTED]
        )
        status = runner.status()
        stopping = status == "running" and progress.phase == "draining"
        share, left, left_range = way_to(runner.goal, progress, history)
        if status == "finished":
            share = 1.0
        if status != "running" or stopping:
            left = left_range = None
        return RunView(
            title=type(runner.learner).__name__,
            goal=str(runner.goal),
            status=status,
            reason=runner.stop_reason,
            stopping=stopping,
            elapsed=elapsed,
            left=left,
            left_range=left_range,
            share=share,
            npoints=progress.npoints,
            loaded=progress.loaded,
            new=progress.told,
            pending=len(tasks),
            retrying=len(machine.to_retry),
            failed=progress.failures,
            workers=runner.session.slots,
            samples=getattr(runner.learner, "nsamples", None),
            loss=loss,
            claim=_claim(runner.learner) if progress.npoints else None,
            forecast=_forecast(runner.learner, elapsed / progress.told) if progress.told else None,
            overhead=runner.overhead(),
            split=runner.overhead_split(),
            running=running,
            failures=tuple((shorten(failure.point), failure.traceback) for failure in machine.failures[-LISTED:]),
            losses=tuple(history.losses),
            error=failure_text(machine.error) if status == "failed" else "",
            mode=_mode(runner.learner),
        )


def _mode(learner: Any) -> str:
    mode = "noise" if getattr(learner, "noise", None) is True else getattr(learner, "mode", "")
    return mode if isinstance(mode, str) else ""


def way_to(
    goal: Any, progress: Any, history: RunHistory
) -> tuple[float | None, float | None, tuple[float, float] | None]:
    """Return the share of the way to a goal, the seconds left, and a range if these are extrapolated.

    None for what is not known. `history` is brought up to date.
    """
    share = share_reached(goal, progress, history.first)
    history.note_share(progress.npoints, share)
    known = time_left(goal, progress)
    points = points_left(history.path) if known is None and progress.told else None
    if points is None:
        return share, known, None
    low, likely, high = (number * progress.time / progress.told for number in points)
    # an estimated error falls suddenly when the last feature is resolved
    return share, likely, (low if error_goal_of(goal) is None else 0.0, high)


def loss_of(learner: Any) -> float | None:
    """Return the loss of a learner; None if it has none yet."""
    try:
        return float(learner.loss())
    except (TypeError, ValueError, IndexError, ZeroDivisionError):  # a learner may have no loss yet
        return None


def _claim(learner: Any) -> str | None:
    claim = learner.claim() if has_method(learner, "claim") else None
    return None if claim is None else str(claim)


def _forecast(learner: Any, seconds: float) -> str | None:
    return (learner.forecast(seconds) or None) if has_method(learner, "forecast") else None


def failure_text(error: BaseException | None) -> str:
    """Return what ended a run, with the traceback of the function, once; empty without an error."""
    if error is None:
        return ""
    import traceback

    if not isinstance(error, EvaluationError):
        return "".join(traceback.format_exception(error))
    return str(error) if error.traceback in str(error) else f"{error}\n\n{error.traceback}"


def shorten(point: Any) -> str:
    """Return a point as text of at most 80 characters."""
    words = _digits(point)
    return words if len(words) <= 80 else words[:77] + "..."


def _digits(point: Any) -> str:
    """Return a point as text, numbers with six digits: enough to find it on the plot."""
    if isinstance(point, float):
        return f"{point:.6g}"
    if type(point) is tuple:
        return "(" + ", ".join(map(_digits, point)) + ("," if len(point) == 1 else "") + ")"
    return str(point)
