"""The result of a calibration as it is displayed: a frozen `ResultView`, and its text.

`result_view(result)` reads a result once: facts by name, a table with a row for each c, and cautions.
`view.calibration_html` writes the same as HTML. The table is that of `adaptive_calib.calibration.format_summary`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from adaptive_calib.calibration.data_sizes import DataSizeStudy
from adaptive_calib.calibration.decision import Decision
from adaptive_calib.calibration.interval import AcceptableInterval, Boundary, recommended_c
from adaptive_calib.calibration.learner import CalibrationLearner
from adaptive_calib.calibration.opaque import OpaqueCalibrationLearner
from adaptive_calib.calibration.result import CalibrateOutput
from adaptive_calib.calibration.slope import Status
from adaptive_calib.calibration.summary import COLUMNS, WORDS, Summary, cells, summarise, table_lines
from adaptive_calib.calibration.wording import still_open

__all__ = ["ResultRow", "ResultView", "result_view", "text"]

_SIGNS = {Status.ACCEPTABLE: "✓", Status.NOT_ACCEPTABLE: "✗", Status.UNDECIDED: "?"}


@dataclass(frozen=True)
class ResultRow:
    """One row of the table: one c, as text.

    Attributes
    ----------
    cells : tuple of str
        One cell for each column; the last one is the status.
    status : Status
    recommended : bool
        Whether this is the recommended c.
    """

    cells: tuple[str, ...]
    status: Status
    recommended: bool = False


@dataclass(frozen=True)
class ResultView:
    """A result as text, in parts.

    Attributes
    ----------
    title : str
    facts : tuple of (str, str)
        Name and value, in the order of display.
    head : tuple of str
        Names of the columns.
    rows : tuple of ResultRow
        One for each c, increasing.
    cautions : tuple of str
        Reasons to doubt the result.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[ResultRow, ...] = ()
    cautions: tuple[str, ...] = ()


@singledispatch
def result_view(result: Any) -> ResultView:
    """Return a result of a calibration as it is displayed.

    Parameters
    ----------
    result : CalibrationLearner, OpaqueCalibrationLearner, Summary, Decision, AcceptableInterval, CalibrateOutput or
        DataSizeStudy
        The result.

    Raises
    ------
    TypeError
        If it is something else.
    """
    raise TypeError(f"expected a result of a calibration, for instance a CalibrationLearner, but got {result!r:.100}.")


@result_view.register
def _(learner: CalibrationLearner) -> ResultView:
    n, pending = learner.n_experiments, len(learner.pending_points)
    size = f" of {learner.size:g}" if math.isfinite(learner.size) else ""
    parts = {"failed": len(learner.failed_points), "pending": pending}
    known = ", ".join(f"{number} {words}" for words, number in parts.items() if number)
    facts = [
        ("experiments", f"{n}{size} complete" + (f" ({known})" if known else "")),
        ("data", f"Ldata = {learner.function.Ldata}, labels by {learner.function.labels}"),
        ("assumed", "independent experiments, and independent points in each data set"),
        *_interval_facts(learner.acceptable_interval(), learner.recommended_c()),
        ("state", learner.stopped_because()),
    ]
    rows = _rows(summarise(learner), learner.recommended_c())
    return ResultView(type(learner).__name__, tuple(facts), COLUMNS if rows else (), rows, learner.cautions())


@result_view.register
def _(learner: OpaqueCalibrationLearner) -> ResultView:
    parts = {"failed": len(learner.failed_points), "pending": len(learner.pending_points)}
    known = ", ".join(f"{number} {words}" for words, number in parts.items() if number)
    facts = [
        ("evaluations", f"{learner.npoints}" + (f" ({known})" if known else "")),
        ("experiments", f"at most {learner.max_experiments} at each c"),
        *_interval_facts(learner.acceptable_interval(), learner.recommended_c()),
        ("state", learner.stopped_because()),
    ]
    rows = _rows(summarise(learner), learner.recommended_c())
    return ResultView(type(learner).__name__, tuple(facts), COLUMNS if rows else (), rows, learner.cautions())


@result_view.register
def _(summary: Summary) -> ResultView:
    rows = _rows(summary, None)
    return ResultView("Calibration", () if rows else (("experiments", "none yet"),), COLUMNS if rows else (), rows)


@result_view.register
def _(interval: AcceptableInterval) -> ResultView:
    return ResultView("Acceptable c", _interval_facts(interval, recommended_c(interval)))


@result_view.register
def _(judgement: Decision) -> ResultView:
    best = recommended_c(judgement.interval)
    rows = tuple(
        _row((f"{2.0**x:.6g}", f"{x:.3g}", _slope(slope, stderr)), 2.0**x, Status(int(status)), best)
        for x, slope, stderr, status in zip(
            judgement.log2c, judgement.slopes, judgement.stderrs, judgement.status, strict=True
        )
    )
    facts = (
        ("experiments", f"{judgement.n}, {judgement.undecided} of them with an undecided label"),
        *_interval_facts(judgement.interval, best),
        ("still open", still_open(judgement) or "nothing"),
    )
    return ResultView("Decision", facts, ("c", "log2 c", "slope κ", "accepted") if rows else (), rows)


@result_view.register
def _(output: CalibrateOutput) -> ResultView:
    n, bemd = len(output.Bepis), np.asarray(output.Bemd, dtype=float)
    facts = [("experiments", f"{n}")]
    if n:
        facts += [
            ("values of c", f"{len(bemd) // n}"),
            ("B_epis", f"A truly wins in {sum(output.Bepis)} of {n}"),
            ("B_EMD", f"{int(np.isfinite(bemd).sum())} values, {int(np.isnan(bemd).sum())} missing"),
        ]
    return ResultView("Output of Calibrate", (*facts, ("to read it", "task.unpack_results(output): c -> table")))


@result_view.register
def _(study: DataSizeStudy) -> ResultView:
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
    return ResultView("DataSizeStudy", tuple(facts))


def _interval_facts(interval: AcceptableInterval, best: float | None) -> tuple[tuple[str, str], ...]:
    facts = [("acceptable c", interval.words)]
    if interval.lower is not None and interval.upper is not None:
        facts += [("lower end", _end(interval.lower)), ("upper end", _end(interval.upper))]
    facts.append(("recommended c", "none yet" if best is None else f"{best:.6g} = 2^{math.log2(best):.4g}"))
    return tuple(facts)


def _end(end: Boundary) -> str:
    if end.open:
        return f"not reached: nothing beyond 2^{end.inside:.4g} is known to be unacceptable"
    return f"near 2^{end.estimate:.4g}, between 2^{end.low:.4g} and 2^{end.high:.4g}"


def _rows(summary: Summary, best: float | None) -> tuple[ResultRow, ...]:
    return tuple(_row(cells(row)[:-1], row.c, row.status, best) for row in summary)


def _row(numbers: tuple[str, ...], c: float, status: Status, best: float | None) -> ResultRow:
    recommended = best is not None and math.isclose(c, best)
    word = "recommended" if recommended else WORDS[status]  # only an accepted c is recommended
    return ResultRow((*numbers, f"{_SIGNS[status]} {word}"), status, recommended)


def _slope(slope: float, stderr: float) -> str:
    return "–" if math.isnan(slope) else f"{slope:.3f} ± {stderr:.3f}"


def text(result: Any) -> str:
    """Return a result, or a `ResultView` of one, as lines of text."""
    view = result if isinstance(result, ResultView) else result_view(result)
    lines = [view.title, *(f"  {name}: {value}" for name, value in view.facts)]
    if view.rows:
        lines += [f"  {line}" for line in table_lines(view.head, [row.cells for row in view.rows])]
    return "\n".join([*lines, *(f"  ! {words}" for words in view.cautions)])
