"""What a run looks like in text and HTML: pure functions of a frozen `RunView`.

`look(runner, past)` reads a runner once; `html` and `text` write what was read. Nothing here knows a widget, a clock or
an event loop. The HTML takes its colours from the page it stands in, so that it can be read in light and dark themes,
and breaks long lines instead of cutting them off.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from html import escape
from typing import Any

from adaptive_calib.engine.goals import share_reached, time_left

__all__ = ["Past", "RunView", "html", "learner_html", "look", "shorten", "text"]

#: Mid tones: they can be read on white and on black.
COLOURS = {"cancelled": "#d08a1c", "failed": "#e04b4b", "running": "#3f8fd2", "finished": "#2e9e5b"}
_SHOWN = 5
_HISTORY = 200


@dataclass
class Past:
    """What a display remembers between two looks: the losses so far, and which tasks were out at what time.

    Attributes
    ----------
    losses : list of (float, float)
        Seconds of the run and the loss then; thinned to at most 200.
    marks : list of (int, float)
        The lowest task number that had not been handed out at so many seconds of the run.
    first : dict of str to float
        The first finite loss and estimated error; see `adaptive_calib.engine.goals.First`.
    """

    losses: list[tuple[float, float]] = field(default_factory=list)
    marks: list[tuple[int, float]] = field(default_factory=list)
    first: dict[str, float] = field(default_factory=dict)

    def note(self, seconds: float, loss: float | None, tasks: list[int]) -> None:
        """Remember this moment."""
        if loss is not None and math.isfinite(loss) and loss > 0:
            self.losses.append((seconds, loss))
            if len(self.losses) > _HISTORY:
                self.losses[:-1] = self.losses[:-1:2]
        if tasks:
            if not self.marks or self.marks[-1][0] <= tasks[-1]:
                self.marks.append((tasks[-1] + 1, seconds))
            del self.marks[: max(0, bisect_left(self.marks, (tasks[0] + 1, -1.0)) - 1)]  # older than all that is out

    def since(self, task: int) -> float:
        """Return the second at which a task was first seen to be out."""
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
        Why it stopped.
    elapsed, left : float
        Seconds; `left` is None where the goal allows no estimate.
    share : float or None
        How much of the way to the goal is done, 0 to 1.
    npoints, loaded, new, pending, failed, workers : int
    samples : int or None
        Samples of a learner that averages.
    loss : float or None
    overhead : float
        Percent of the time that was not spent in the function.
    split : mapping of str to float
        Where it comes from: percent of the time that add up to it.
    running : tuple of (str, float)
        The oldest points that are out, and for how many seconds.
    failures : tuple of (str, str)
        The last points that failed, with their tracebacks.
    losses : tuple of (float, float)
        History for the small curve.
    error : str
        The traceback of the failure that ended the run.
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


def look(runner: Any, past: Past | None = None) -> RunView:
    """Read a runner once, under its lock.

    Parameters
    ----------
    runner
        Any of our runners.
    past : Past, optional
        What earlier looks remembered; changed.
    """
    past = past if past is not None else Past()
    with runner.lock:
        machine, progress = runner.session.machine, runner.progress
        elapsed = runner.elapsed_time()
        loss = _loss(runner.learner) if progress.npoints else None
        tasks = list(machine.running)
        past.note(elapsed, loss, tasks)
        running = tuple(
            (shorten(machine.running[task].point), max(0.0, elapsed - past.since(task))) for task in tasks[:_SHOWN]
        )
        status = runner.status()
        ended = status != "running"
        return RunView(
            title=type(runner.learner).__name__,
            goal=str(runner.goal),
            status=status,
            reason=runner.stop_reason,
            elapsed=elapsed,
            left=None if ended else time_left(runner.goal, progress),
            share=1.0 if status == "finished" else share_reached(runner.goal, progress, past.first),
            npoints=progress.npoints,
            loaded=progress.loaded,
            new=progress.told,
            pending=len(tasks),
            failed=progress.failures,
            workers=runner.session.slots,
            samples=getattr(runner.learner, "nsamples", None),
            loss=loss,
            overhead=runner.overhead(),
            split=runner.overhead_split(),
            running=running,
            failures=tuple((shorten(failure.point), failure.traceback) for failure in machine.failures[-_SHOWN:]),
            losses=tuple(past.losses),
            error=_error(machine.error) if status == "failed" else "",
        )


def _loss(learner: Any) -> float | None:
    try:
        return float(learner.loss())
    except (TypeError, ValueError, IndexError, ZeroDivisionError):  # a learner may have no loss yet
        return None


def _error(error: BaseException | None) -> str:
    if error is None:
        return ""
    import traceback

    return str(error) if error.__cause__ is not None else "".join(traceback.format_exception(error))


def shorten(point: Any) -> str:
    """Return a point as text of at most 80 characters."""
    words = _digits(point)
    return words if len(words) <= 80 else words[:77] + "..."


def _digits(point: Any) -> str:
    """Return a point as text, its numbers with six digits: enough to find the place on the plot."""
    if isinstance(point, float):
        return f"{point:.6g}"
    if type(point) is tuple:
        return "(" + ", ".join(map(_digits, point)) + ("," if len(point) == 1 else "") + ")"
    return str(point)


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _rows(view: RunView) -> dict[str, str]:
    """Return what is known, in the order in which it is shown."""
    rows = {"status": view.status + (f": {view.reason}" if view.reason else ""), "goal": view.goal}
    rows["elapsed time"] = _duration(view.elapsed)
    if view.left is not None:
        rows["time left"] = f"about {_duration(view.left)}"
    parts = {"new": view.new, "loaded": view.loaded, "pending": view.pending, "failed": view.failed}
    known = ", ".join(f"{number} {name}" for name, number in parts.items() if number)
    rows["# of points"] = f"{view.npoints}" + (f" ({known})" if known else "")
    if view.samples is not None:
        rows["# of samples"] = str(view.samples)
    if view.loss is not None:
        rows["latest loss"] = f"{view.loss:.4g}"
    split = ", ".join(f"{name} {percent:.1f}%" for name, percent in view.split.items() if percent >= 0.05)
    rows["overhead"] = f"{view.overhead:.1f}%" + (f" ({split})" if split else "")
    rows["workers"] = str(view.workers)
    if view.running and view.status == "running":
        more = view.pending - len(view.running)
        shown = ", ".join(f"{point} ({seconds:.0f} s)" for point, seconds in view.running)
        rows["running"] = shown + (f" and {more} more" if more > 0 else "")
    return rows


def text(view: RunView) -> str:
    """Return the run as lines of text, with the traceback if it failed."""
    lines = [f"{view.title} run", *(f"  {name}: {value}" for name, value in _rows(view).items())]
    return "\n".join(lines) + (f"\n{view.error}" if view.error else "")


def html(view: RunView, note: str = "") -> str:
    """Return the run as a piece of HTML; `note` is a sentence below it."""
    colour = COLOURS[view.status]
    cells = []
    for name, value in _rows(view).items():
        style = f' style="color:{colour};font-weight:bold"' if name == "status" else ""
        extra = _curve(view.losses) if name == "latest loss" else ""
        cells.append(
            f'<tr><th style="text-align:right;padding:1px 8px;vertical-align:top;white-space:nowrap">{name}</th>'
            f'<td{style or ""}><span style="overflow-wrap:anywhere">{escape(value)}</span>{extra}</td></tr>'
        )
    parts = [f'<table style="border-collapse:collapse;text-align:left">{"".join(cells)}</table>']
    if view.share is not None:
        parts.append(
            f'<div role="progressbar" aria-valuenow="{100 * view.share:.0f}" style="border:1px solid {colour};'
            'box-sizing:border-box;border-radius:3px;height:8px;margin:4px 0">'
            f'<div style="width:{100 * view.share:.1f}%;height:100%;'
            f'background:{colour}"></div></div>'
        )
    if view.error:
        parts.append(_traceback(view.error, colour))
    elif view.failures:
        parts += [
            f"<details><summary>failed: {escape(point)}</summary>{_traceback(trace, COLOURS['failed'])}</details>"
            for point, trace in reversed(view.failures)
        ]
    if note:
        parts.append(f"<p>{escape(note)}</p>")
    return (
        f'<div class="adaptive-calib-run" data-status="{view.status}" data-points="{view.npoints}" '
        f'style="line-height:1.4;max-width:100%">{"".join(parts)}</div>'
    )


def _traceback(trace: str, colour: str) -> str:
    return f'<pre style="color:{colour};white-space:pre-wrap;overflow-wrap:anywhere">{escape(trace)}</pre>'


def _curve(losses: tuple[tuple[float, float], ...]) -> str:
    """Return the history of the loss as a small drawing, logarithmic; empty for fewer than three."""
    if len(losses) < 3:
        return ""
    times, values = [time for time, _ in losses], [math.log(loss) for _, loss in losses]
    width, height = times[-1] - times[0] or 1.0, max(values) - min(values) or 1.0
    points = " ".join(
        f"{100 * (time - times[0]) / width:.1f},{18 - 16 * (value - min(values)) / height:.1f}"
        for time, value in zip(times, values, strict=True)
    )
    return (
        '<svg width="100" height="20" style="margin-left:8px;vertical-align:middle" aria-label="loss so far">'
        f'<polyline points="{points}" fill="none" stroke="currentColor"/></svg>'
    )


def learner_html(learner: Any) -> str:
    """Return a learner as a small table: points, pending points and what it learns."""
    function = getattr(learner, "function", None)
    while (inner := getattr(function, "func", None)) is not None:  # partials
        function = inner
    pending = getattr(learner, "pending_points", None)
    rows = {
        "function": getattr(function, "__qualname__", type(function).__name__),
        "bounds": getattr(learner, "bounds", None),
        "# of points": learner.npoints,
        "# pending": len(pending) if pending is not None else None,
        "loss": _loss(learner) if learner.npoints else None,
    }
    cells = "".join(
        f'<tr><th style="text-align:right;padding:1px 8px">{name}</th>'
        f'<td style="text-align:left;overflow-wrap:anywhere">'
        f"{escape(f'{value:.4g}' if isinstance(value, float) else shorten(value))}</td></tr>"
        for name, value in rows.items()
        if value is not None
    )
    return f"<div><b>{escape(type(learner).__name__)}</b><table>{cells}</table></div>"
