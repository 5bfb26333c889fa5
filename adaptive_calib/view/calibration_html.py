"""What the results of a calibration look like in text and HTML: pure functions of a frozen `Report`.

`report(result)` reads a result once: a table of the sensitivities c, the acceptable interval with its uncertainty, the
recommended c, why the calibration stopped and what is still undecided. `html` and `text` write what was read. The HTML
takes its colours from the page it stands in, so that it can be read in light and dark themes; long lines are broken and
a table that is too wide can be scrolled. A status is told by its word and its sign as well as by its colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import singledispatch
from html import escape
from typing import Any

import numpy as np

from adaptive_calib.calibration.data_sizes import DataSizeStudy
from adaptive_calib.calibration.interval import AcceptableInterval, Boundary, recommended_c
from adaptive_calib.calibration.judgement import Judgement
from adaptive_calib.calibration.learner import CalibrationLearner
from adaptive_calib.calibration.opaque import OpaqueCalibrationLearner
from adaptive_calib.calibration.result import CalibrateOutput
from adaptive_calib.calibration.slope import Status
from adaptive_calib.calibration.summary import Summary, SummaryRow, summarise
from adaptive_calib.view.calibration_style import STATUS_WORDS

__all__ = ["Report", "Row", "html", "report", "text"]

#: Mid tones that can be read on white and on black, and told apart with every common colour blindness.
_COLOURS = {Status.ACCEPTABLE: "#3f8fd2", Status.NOT_ACCEPTABLE: "#e0662a", Status.UNDECIDED: "#8f8f8f"}
_SIGNS = {Status.ACCEPTABLE: "✓", Status.NOT_ACCEPTABLE: "✗", Status.UNDECIDED: "?"}
_HEAD = ("status", "c", "log2 c", "n", "slope κ", "calibration error", "violation")


@dataclass(frozen=True)
class Row:
    """What is known of one c, in words.

    Attributes
    ----------
    cells : tuple of str
        As many as the report has columns; the first one is the status.
    status : Status
    recommended : bool
        Whether this is the recommended c.
    """

    cells: tuple[str, ...]
    status: Status
    recommended: bool = False


@dataclass(frozen=True)
class Report:
    """A result as it is shown.

    Attributes
    ----------
    title : str
    facts : tuple of (str, str)
        What is known, by name, in the order in which it is shown.
    head : tuple of str
        Names of the columns.
    rows : tuple of Row
        One for each c, increasing.
    cautions : tuple of str
        What a reader has to know.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    cautions: tuple[str, ...] = ()


# ---------------------------------------------------------------------------------------------------- reading a result


@singledispatch
def report(result: Any) -> Report:
    """Read a result of a calibration.

    Parameters
    ----------
    result : CalibrationLearner, OpaqueCalibrationLearner, Summary, Judgement, AcceptableInterval, CalibrateOutput or
        DataSizeStudy
        What is to be shown.

    Raises
    ------
    TypeError
        If it is something else.
    """
    raise TypeError(f"expected a result of a calibration, for instance a CalibrationLearner, but got {result!r:.100}.")


@report.register
def _(learner: CalibrationLearner) -> Report:
    n, pending = learner.n_experiments, len(learner.pending_points)
    size = f" of {learner.size:g}" if math.isfinite(learner.size) else ""
    parts = {"failed": len(learner.failed_points), "under way": pending}
    known = ", ".join(f"{number} {words}" for words, number in parts.items() if number)
    facts = [
        ("experiments", f"{n}{size} complete" + (f" ({known})" if known else "")),
        ("data", f"Ldata = {learner.function.Ldata}, labels by {learner.function.labels}"),
        *_interval_facts(learner.acceptable_interval(), learner.recommended_c()),
        ("state", learner.stopped_because()),
    ]
    rows = _rows(summarise(learner), learner.recommended_c())
    return Report(type(learner).__name__, tuple(facts), _HEAD if rows else (), rows, learner.cautions())


@report.register
def _(learner: OpaqueCalibrationLearner) -> Report:
    parts = {"failed": len(learner.failed_points), "under way": len(learner.pending_points)}
    known = ", ".join(f"{number} {words}" for words, number in parts.items() if number)
    facts = [
        ("evaluations", f"{learner.npoints}" + (f" ({known})" if known else "")),
        ("experiments", f"at most {learner.max_experiments} at each c"),
        *_interval_facts(learner.acceptable_interval(), learner.recommended_c()),
        ("state", learner.stopped_because()),
    ]
    rows = _rows(summarise(learner), learner.recommended_c())
    return Report(type(learner).__name__, tuple(facts), _HEAD if rows else (), rows)


@report.register
def _(summary: Summary) -> Report:
    rows = _rows(summary, None)
    return Report("Calibration", () if rows else (("experiments", "none yet"),), _HEAD if rows else (), rows)


@report.register
def _(interval: AcceptableInterval) -> Report:
    return Report("Acceptable c", _interval_facts(interval, recommended_c(interval)))


@report.register
def _(judgement: Judgement) -> Report:
    best = recommended_c(judgement.interval)
    rows = tuple(
        Row(
            (
                _status_words(Status(int(status)), _same(2.0**x, best)),
                f"{2.0**x:.4g}",
                f"{x:.4g}",
                _slope(slope, stderr),
            ),
            Status(int(status)),
            _same(2.0**x, best),
        )
        for x, slope, stderr, status in zip(
            judgement.log2c, judgement.slopes, judgement.stderrs, judgement.status, strict=True
        )
    )
    unmet = (f"{name} at {ratio:.3g} of its tolerance" for name, ratio in judgement.unmet.items() if ratio > 1)
    facts = (
        ("experiments", f"{judgement.n}, {judgement.undecided} of them with an undecided label"),
        *_interval_facts(judgement.interval, best),
        ("still open", ", ".join(unmet) or "nothing"),
    )
    return Report("Judgement", facts, ("status", "c", "log2 c", "slope κ") if rows else (), rows)


@report.register
def _(output: CalibrateOutput) -> Report:
    n, bemd = len(output.Bepis), np.asarray(output.Bemd, dtype=float)
    facts = [("experiments", f"{n}")]
    if n:
        facts += [
            ("values of c", f"{len(bemd) // n}"),
            ("B_epis", f"A truly wins in {sum(output.Bepis)} of {n}"),
            ("B_EMD", f"{int(np.isfinite(bemd).sum())} values, {int(np.isnan(bemd).sum())} missing"),
        ]
    return Report("Output of Calibrate", (*facts, ("to read it", "task.unpack_results(output): c -> table")))


@report.register
def _(study: DataSizeStudy) -> Report:
    facts = [
        ("experiments", f"the first {study.n_experiments} of {type(study.experiments).__name__}, at each data size"),
        ("c", ", ".join(f"{c:.6g}" for c in study.c_list)),
        ("labels", f"Linf = {study.Linf}" if study.Linf is not None else f"{study.labels}"),
        (
            "spread",
            f"of B_EMD over {study.replicates} replicate data sets of each experiment"
            if study.replicate is not None
            else "of B_EMD over the experiments",
        ),
        ("to run it", "study(Ldata) for one size; study.learner((smallest, largest)) chooses sizes"),
    ]
    return Report("DataSizeStudy", tuple(facts))


def _interval_facts(interval: AcceptableInterval, best: float | None) -> tuple[tuple[str, str], ...]:
    facts = [("acceptable c", interval.words)]
    if interval.lower is not None and interval.upper is not None:
        facts += [("lower end", _end(interval.lower)), ("upper end", _end(interval.upper))]
    facts.append(("recommended c", "none yet" if best is None else f"{best:.6g} = 2^{math.log2(best):.4g}"))
    return tuple(facts)


def _end(end: Boundary) -> str:
    if end.open:
        return f"not reached: nothing beyond 2^{end.inside:.4g} is known to be unacceptable"
    return f"near 2^{end.estimate:.4g}, between 2^{end.low:.4g} and 2^{end.high:.4g} (95 %)"


def _rows(rows: Iterable[SummaryRow], best: float | None) -> tuple[Row, ...]:
    return tuple(
        Row(
            (
                _status_words(row.status, _same(row.c, best)),
                f"{row.c:.4g}",
                f"{math.log2(row.c):.4g}",
                f"{row.n}",
                _slope(row.slope, row.stderr),
                _number(row.ece),
                _number(row.max_violation),
            ),
            row.status,
            _same(row.c, best),
        )
        for row in rows
    )


def _same(c: float, best: float | None) -> bool:
    return best is not None and math.isclose(c, best)


def _status_words(status: Status, recommended: bool) -> str:
    return f"{_SIGNS[status]} {'recommended' if recommended else STATUS_WORDS[status]}"  # only what is acceptable is


def _slope(slope: float, stderr: float) -> str:
    return "–" if math.isnan(slope) else f"{slope:.3f} ± {stderr:.3f}"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


# ---------------------------------------------------------------------------------------------------- writing a report


def text(result: Any) -> str:
    """Return a result, or a `Report` of one, as lines of text."""
    shown = result if isinstance(result, Report) else report(result)
    lines = [shown.title, *(f"  {name}: {value}" for name, value in shown.facts)]
    if shown.rows:
        table = [shown.head, *(row.cells for row in shown.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for cells in table:
            numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
            lines.append("  " + "  ".join([cells[0].ljust(widths[0]), *numbers]))
    return "\n".join([*lines, *(f"  ! {words}" for words in shown.cautions)])


def html(result: Any) -> str:
    """Return a result, or a `Report` of one, as a piece of HTML."""
    shown = result if isinstance(result, Report) else report(result)
    parts = [f"<b>{escape(shown.title)}</b>"]
    if shown.facts:
        parts.append(f'<table style="border-collapse:collapse;margin:0">{"".join(map(_fact, shown.facts))}</table>')
    if shown.rows:
        head = "".join(_cell("th", name, name == shown.head[0], "vertical-align:bottom") for name in shown.head)
        parts.append(
            '<div style="overflow-x:auto"><table style="border-collapse:collapse;margin:6px 0 0">'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, shown.rows))}</tbody></table></div>"
        )
    parts += [f'<div style="overflow-wrap:anywhere">⚠ {escape(words)}</div>' for words in shown.cautions]
    return f'<div class="adaptive-calib-result" style="line-height:1.4;max-width:100%">{"".join(parts)}</div>'


def _cell(tag: str, words: str, first: bool, style: str) -> str:
    side = "left" if first else "right"
    return f'<{tag} style="text-align:{side};padding:1px 8px;{style}">{escape(words)}</{tag}>'


def _fact(fact: tuple[str, str]) -> str:
    name, value = map(escape, fact)
    return (
        f'<tr><th style="text-align:right;padding:1px 8px;vertical-align:top;white-space:nowrap">{name}</th>'
        f'<td style="text-align:left;padding:1px 8px;vertical-align:top;overflow-wrap:anywhere">{value}</td></tr>'
    )


def _row(row: Row) -> str:
    status = _cell("td", row.cells[0], True, f"white-space:nowrap;color:{_COLOURS[row.status]}")
    numbers = "".join(_cell("td", cell, False, "white-space:nowrap") for cell in row.cells[1:])
    bold = ' style="font-weight:bold"' if row.recommended else ""
    return f"<tr{bold}>{status}{numbers}</tr>"
