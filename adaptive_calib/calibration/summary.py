"""The summary of a calibration: one row for each c, in numbers and in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adaptive_calib.calibration._notebook_repr import NotebookRepr
from adaptive_calib.calibration.bins import equal_count_bins
from adaptive_calib.calibration.decision import Decision, Part, Verdicts
from adaptive_calib.calibration.learner import CalibrationLearner
from adaptive_calib.calibration.opaque import OpaqueCalibrationLearner
from adaptive_calib.calibration.slope import Status, brier_score, log_score

__all__ = ["COLUMNS", "WORDS", "Summary", "SummaryRow", "cells", "format_summary", "summarise", "table_lines"]

#: The columns of the table that is printed and shown in notebooks.
COLUMNS = ("c", "log2 c", "n", "slope κ", "ECE", "max viol.", "log score", "accepted")
WORDS = {Status.ACCEPTABLE: "yes", Status.NOT_ACCEPTABLE: "no", Status.UNDECIDED: "undecided"}


@dataclass(frozen=True)
class SummaryRow:
    """Results for one c.

    Attributes
    ----------
    c : float
    n : int
        Experiments with a decided label.
    slope, stderr : float
        Calibration slope κ, < 1 is over-confident, and its standard error.
    ece : float
        Expected calibration error over equal-count bins.
    max_violation : float
        Largest violation on the over-confident side.
    log_score, brier_score : float
        Proper scores; smaller is better.
    status : Status
        Whether the c is known to be acceptable.
    tests : str
        Which tests it passed, in words.

    Examples
    --------
    >>> from adaptive_calib.calibration import CalibrationLearner, summarise
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> learner = CalibrationLearner(Infrared(N=4), Ldata=64, Linf=256, c_list=[1.0])
    >>> [row.n for row in summarise(learner)]
    []
    """

    c: float
    n: int
    slope: float
    stderr: float
    ece: float
    max_violation: float
    log_score: float
    brier_score: float
    status: Status
    tests: str = ""


class Summary(NotebookRepr, list[SummaryRow]):
    """A list of `SummaryRow`, shown as a table in notebooks; `format_summary` writes it as text.

    Examples
    --------
    >>> from adaptive_calib.calibration import Summary
    >>> Summary()
    []
    """


def decided(
    learner: CalibrationLearner | OpaqueCalibrationLearner, distribution: str | None = None
) -> dict[float, Status]:
    """Return the status of each c that was judged, by all distributions or by one; empty before any experiment."""
    now = learner.current()
    if now is None:
        return {}
    part = _part(now, distribution)
    return {c: Status(int(part.verdicts.status[k])) for k, c in enumerate(_as_given(learner, now))}


def _part(now: Decision, distribution: str | None) -> Decision | Part:
    """Return the decision by all distributions, or that by one."""
    return now if distribution is None else next(one for one in now.parts if one.name == distribution)


def _as_given(learner: CalibrationLearner | OpaqueCalibrationLearner, now: Decision) -> Iterator[float]:
    """Iterate over the c of a decision as in the learner's list: 2 to their logarithm may differ by rounding."""
    given = np.asarray(learner.c_list)
    for log2c in now.log2c:
        yield float(given[np.argmin(np.abs(np.log2(given) - log2c))])


def summarise(learner: CalibrationLearner | OpaqueCalibrationLearner, distribution: str | None = None) -> Summary:
    """Return a row for each c that is judged, in increasing order; empty before the first experiment.

    Parameters
    ----------
    learner : CalibrationLearner or OpaqueCalibrationLearner
        What has learned.
    distribution : str, optional
        One of several distributions of a `CalibrationLearner`; without it slopes are the smallest of all of them.

    Examples
    --------
    >>> from adaptive_calib.calibration import CalibrationLearner, summarise
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.runner import simple
    >>> learner = CalibrationLearner(Infrared(N=4), Ldata=64, Linf=256, c_list=[0.25, 1.0])
    >>> simple(learner)
    >>> [(row.c, row.n) for row in summarise(learner)]
    [(0.25, 4), (1.0, 4)]
    """
    now = learner.current()
    if now is None:
        return Summary()
    rows = Summary()
    part = _part(now, distribution)
    for k, c in enumerate(_as_given(learner, now)):
        bemd, labels = learner.column(c, distribution)
        errors = equal_count_bins(bemd, labels).errors
        rows.append(
            SummaryRow(
                c=c,
                n=int((~np.isnan(labels) & ~np.isnan(bemd)).sum()),
                slope=float(part.slopes[k]),
                stderr=float(part.stderrs[k]),
                ece=errors.expected,
                max_violation=errors.max_violation,
                log_score=log_score(bemd, labels),
                brier_score=brier_score(bemd, labels),
                status=Status(int(part.verdicts.status[k])),
                tests=_tests(part.verdicts, k),
            )
        )
    return rows


def _tests(verdicts: Verdicts, k: int) -> str:
    """Return in words which tests a c passed."""
    slope = "slope above 0.9" if verdicts.slope_passed[k] else "slope not known to be above 0.9"
    fault = verdicts.curve_fault[k]
    return f"{slope}, curve {'over-confident ' + fault if fault else 'not over-confident'}"


def format_summary(rows: Sequence[SummaryRow]) -> str:
    """Return the rows as a table of text, the one that a notebook and a terminal show too.

    Examples
    --------
    >>> from adaptive_calib.calibration import CalibrationLearner, format_summary, summarise
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> learner = CalibrationLearner(Infrared(N=4), Ldata=64, Linf=256, c_list=[1.0])
    >>> "log2 c" in format_summary(summarise(learner)).splitlines()[0]
    True
    """
    lines = table_lines(COLUMNS, [cells(row) for row in rows])
    best = next((row for row in rows if row.status == Status.ACCEPTABLE), None)
    if best is not None and best.tests:
        lines.append(f"tests at the smallest accepted c, 2^{math.log2(best.c):.4g}: {best.tests}")
    return "\n".join(lines)


def cells(row: SummaryRow) -> tuple[str, ...]:
    """Return the cells of a row as text, in the order of `COLUMNS`."""
    slope = "–" if math.isnan(row.slope) else f"{row.slope:.3f} ± {row.stderr:.3f}"
    scores = ("–" if math.isnan(x) else f"{x:.3f}" for x in (row.ece, row.max_violation))
    log_score = "–" if math.isnan(row.log_score) else f"{row.log_score:.4f}"
    return (f"{row.c:.6g}", f"{math.log2(row.c):.3g}", str(row.n), slope, *scores, log_score, WORDS[row.status])


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a head, a rule and rows as lines; columns are aligned to the right, the last one to the left."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(words: Sequence[str]) -> str:
        numbers = [word.rjust(width) for word, width in zip(words[:-1], widths[:-1], strict=True)]
        return " ".join(numbers) + "  " + words[-1]

    return [line(head), "-" * (sum(widths) + len(widths)), *map(line, rows)]
