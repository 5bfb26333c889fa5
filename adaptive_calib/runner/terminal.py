"""A run in plain text: one line, again and again."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any, TextIO

__all__ = ["line", "watch"]

_COLOURS = {"cancelled": 33, "failed": 31, "running": 34, "finished": 32}  # yellow, red, blue, green


def _coloured(text: str, colour: int) -> str:
    return f"\033[{colour}m{text}\033[0m"


def line(runner: Any) -> str:
    """Return one line about a run: fields ``key: value``, padded to 30 characters and joined by tabs."""
    status, overhead = runner.status(), runner.overhead()
    fields = {
        "time": str(datetime.now()).split(".")[0],
        "status": _coloured(status, _COLOURS[status]),
        "elapsed time": str(timedelta(seconds=runner.elapsed_time())).split(".")[0],
        "overhead": _coloured(f"{overhead:.2f}%", 32 if overhead < 50 else 31),
        "# of points": str(runner.learner.npoints),
    }
    samples = getattr(runner.learner, "nsamples", None)
    if samples is not None:
        fields["# of samples"] = str(samples)
    loss = getattr(runner.learner, "_cache", {}).get("loss")
    if loss is not None:
        fields["latest loss"] = f"{loss:.3f}"
    if runner.stop_reason:
        fields["reason"] = runner.stop_reason
    return "\t".join(f"{key}: {value}".ljust(30) for key, value in fields.items())


async def watch(runner: Any, interval: float, *, overwrite_previous: bool = True, stream: TextIO | None = None) -> None:
    """Print `line` until the run is over, and once more then."""
    out = stream or sys.stdout
    clear = "\033[2J\033[H" if overwrite_previous else ""
    while not runner.task.done():
        out.write(f"{clear}{line(runner)}\n")
        out.flush()
        await runner.wait(interval)
    out.write(f"{clear}{line(runner)}\n")
    out.flush()
