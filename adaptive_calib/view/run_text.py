"""A `RunView` as lines of text; and its rows, which the HTML shows too."""

from __future__ import annotations

from adaptive_calib._words import clock, count
from adaptive_calib.view.run import RunView

__all__ = ["rows", "text", "time_left"]


def time_left(view: RunView) -> str:
    """Return the time left in words, with its range if it was extrapolated; empty if it is not known."""
    if view.left is None:
        return ""
    low, high = view.left_range or (None, None)
    spread = "" if low is None or high is None else f" ({clock(low)} to {clock(high)})"
    return f"about {clock(view.left)}{spread}"


def rows(view: RunView) -> dict[str, str]:
    """Return name -> value of each row, in the order of display."""
    table = {"status": _status(view), "goal": view.goal, "elapsed time": clock(view.elapsed)}
    if view.left is not None:
        table["time left"] = time_left(view)
    parts = {
        "new": view.new, "loaded": view.loaded, "pending": view.pending, "to be repeated": view.retrying,
        "failed": view.failed,
    }  # fmt: skip
    known = ", ".join(f"{number} {name}" for name, number in parts.items() if number)
    table["# of points"] = f"{view.npoints}" + (f" ({known})" if known else "")
    if view.new and view.elapsed > 0:
        table["rate"] = _rate(view.new / view.elapsed)
    if view.samples is not None:
        table["# of samples"] = str(view.samples)
    if view.loss is not None:
        table["latest loss"] = f"{view.loss:.4g}"
    if view.claim is not None:
        table["accuracy"] = view.claim
    if view.forecast is not None:
        table["what more decides"] = view.forecast
    split = ", ".join(f"{name} {percent:.1f}%" for name, percent in view.split.items() if percent >= 0.05)
    table["overhead"] = f"{view.overhead:.1f}%" + (f" ({split})" if split else "")
    table["workers"] = str(view.workers)
    if view.running and view.status == "running":
        more = view.pending - len(view.running)
        listed = ", ".join(f"{point} ({seconds:.0f} s)" for point, seconds in view.running)
        table["running"] = listed + (f" and {more} more" if more > 0 else "")
    return table


def _rate(rate: float) -> str:
    """Return points per second in words, by the first unit of time in which there is one."""
    units = {"second": 1, "minute": 60, "hour": 3600}
    unit = next((unit for unit, seconds in units.items() if rate * seconds >= 1), "hour")
    return f"{rate * units[unit]:.3g} points per {unit}"


def _status(view: RunView) -> str:
    if view.stopping:
        why = f" ({view.reason})" if view.reason else ""
        return f"stopping: waiting for {count(view.pending, 'pending evaluation')}{why}"
    return view.reason or view.status


def text(view: RunView) -> str:
    """Return the run as lines of text, with the traceback if it failed."""
    lines = [f"{view.title} run", *(f"  {name}: {value}" for name, value in rows(view).items())]
    return "\n".join(lines) + (f"\n{view.error}" if view.error else "")
