"""A `RunView` and a learner as pieces of HTML.

Colours of text and background are those of the page, so that light and dark themes work; long lines are broken instead
of cut off.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any

from adaptive_calib._words import name_of
from adaptive_calib.view.run import RunView, loss_of, shorten
from adaptive_calib.view.run_text import rows

__all__ = ["COLOURS", "curve", "html", "learner_html"]

#: Mid tones, readable on white and on black.
COLOURS = {"cancelled": "#d08a1c", "failed": "#e04b4b", "running": "#3f8fd2", "finished": "#2e9e5b"}


def html(view: RunView, note: str = "") -> str:
    """Return the run as a piece of HTML, with the sentence `note` below it."""
    colour = COLOURS[view.status]
    cells = []
    for name, value in rows(view).items():
        style = "text-align:left;vertical-align:top" + (f";color:{colour};font-weight:bold" if name == "status" else "")
        extra = curve(view.losses) if name == "latest loss" else ""
        head = "text-align:right;padding:1px 8px;vertical-align:top;white-space:nowrap"
        cells.append(
            f'<tr style="background:transparent"><th style="{head}"{_title(name)}>{name}</th>'
            f'<td style="{style}"><span style="overflow-wrap:anywhere">{escape(value)}</span>'
            f"{extra}</td></tr>"
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
        parts.append(_traceback("traceback", view.error, colour))
    elif view.failures:
        failed = COLOURS["failed"]
        parts += [_traceback(f"failed: {escape(point)}", trace, failed) for point, trace in reversed(view.failures)]
    if note:
        parts.append(f"<p>{escape(note)}</p>")
    return (
        f'<div class="adaptive-calib-run" data-status="{view.status}" data-points="{view.npoints}" '
        f'style="line-height:1.4;max-width:100%">{"".join(parts)}</div>'
    )


#: Explanations of rows, shown when the mouse is over their names.
_TITLES = {
    "latest loss": "What the learner reduces: it evaluates next where its loss function is largest. By default of "
    "Learner1D it is the length of a segment of the curve, with the ranges of x and y scaled to 1. "
    "It is not the error of the result.",
    "overhead": "Time of the workers that was not spent in the function.",
    "accuracy": "What the learner claims about the error of its prediction, in units of the values.",
}


def _title(name: str) -> str:
    return f' title="{escape(_TITLES[name])}"' if name in _TITLES else ""


def _traceback(summary: str, trace: str, colour: str) -> str:
    """Return a traceback that a click opens: a cell that awaits the run prints it, too."""
    style = f"color:{colour};white-space:pre-wrap;overflow-wrap:anywhere"
    return f'<details><summary>{summary}</summary><pre style="{style}">{escape(trace)}</pre></details>'


def curve(losses: tuple[tuple[float, float], ...]) -> str:
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
    pending = getattr(learner, "pending_points", None)
    facts = {
        "function": name_of(function),
        "bounds": getattr(learner, "bounds", None),
        "# of points": learner.npoints,
        "# pending": len(pending) if pending is not None else None,
        "loss": loss_of(learner) if learner.npoints else None,
    }
    cells = "".join(
        f'<tr><th style="text-align:right;padding:1px 8px">{name}</th>'
        f'<td style="text-align:left;overflow-wrap:anywhere">'
        f"{escape(f'{value:.4g}' if isinstance(value, float) else shorten(value))}</td></tr>"
        for name, value in facts.items()
        if value is not None
    )
    return f"<div><b>{escape(type(learner).__name__)}</b><table>{cells}</table></div>"
