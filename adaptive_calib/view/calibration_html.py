"""The result of a calibration as a piece of HTML.

Colours of text and background are those of the page, so that light and dark themes work; long lines are broken, and a
wide table scrolls. A status is given as a word and a sign, not by colour alone.
"""

from __future__ import annotations

from html import escape
from typing import Any

from adaptive_calib.calibration.slope import Status
from adaptive_calib.view.calibration_result import ResultRow, ResultView, result_view

__all__ = ["html"]

#: Mid tones, readable on white and on black, and distinct with every common colour blindness.
_COLOURS = {Status.ACCEPTABLE: "#3f8fd2", Status.NOT_ACCEPTABLE: "#e0662a", Status.UNDECIDED: "#8f8f8f"}


def html(result: Any) -> str:
    """Return a result, or a `ResultView` of one, as a piece of HTML."""
    view = result if isinstance(result, ResultView) else result_view(result)
    parts = [f"<b>{escape(view.title)}</b>"]
    if view.facts:
        parts.append(f'<table style="border-collapse:collapse;margin:0">{"".join(map(_fact, view.facts))}</table>')
    if view.rows:
        head = "".join(_cell("th", name, name == view.head[-1], "vertical-align:bottom") for name in view.head)
        parts.append(
            '<div style="overflow-x:auto"><table style="border-collapse:collapse;margin:6px 0 0">'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, view.rows))}</tbody></table></div>"
        )
    parts += [f'<div style="overflow-wrap:anywhere">⚠ {escape(words)}</div>' for words in view.cautions]
    return f'<div class="adaptive-calib-result" style="line-height:1.4;max-width:100%">{"".join(parts)}</div>'


def _cell(tag: str, words: str, last: bool, style: str) -> str:
    side = "left" if last else "right"
    return f'<{tag} style="text-align:{side};padding:1px 8px;{style}">{escape(words)}</{tag}>'


def _fact(fact: tuple[str, str]) -> str:
    name, value = map(escape, fact)
    return (
        f'<tr><th style="text-align:right;padding:1px 8px;vertical-align:top;white-space:nowrap">{name}</th>'
        f'<td style="text-align:left;padding:1px 8px;vertical-align:top;overflow-wrap:anywhere">{value}</td></tr>'
    )


def _row(row: ResultRow) -> str:
    numbers = "".join(_cell("td", cell, False, "white-space:nowrap") for cell in row.cells[:-1])
    status = _cell("td", row.cells[-1], True, f"white-space:nowrap;color:{_COLOURS[row.status]}")
    bold = ' style="font-weight:bold"' if row.recommended else ""
    return f"<tr{bold}>{numbers}{status}</tr>"
