"""The numbers of every panel of a calibration plot, computed once and apart from any drawing.

For each c: the equal-count bins with Jeffreys intervals, the isotonic band, the histogram of B_EMD by which
model truly won. Over c: the calibration slope with its error, the log score, the number of experiments, the interval of
acceptable c and the recommended c. The statistics are those of `adaptive_calib.calibration.curve`, which names the
sources.

Areas of the plane of a curve (René & Longtin, Nature Communications 2025): *over-confident* between y = x and
y = 1 - x, at either side, which a good criterion never enters; *wrong side* beyond y = 1 - x, where B_EMD prefers the
model that mostly loses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration.bands import corp_curve, isotonic_band
from adaptive_calib.calibration.bins import Bins, equal_count_bins
from adaptive_calib.calibration.decision import judge_table
from adaptive_calib.calibration.interval import AcceptableInterval, acceptable_interval, recommended_c
from adaptive_calib.calibration.pairs import table_columns
from adaptive_calib.calibration.slope import calibration_slope, log_score

__all__ = [
    "DISCOURAGED_AREAS",
    "PROHIBITED_AREAS",
    "CalibrationData",
    "CurveData",
    "c_label",
    "calibration_data",
]


#: Corners (x, y) of the over-confident areas.
PROHIBITED_AREAS = (((0.0, 0.0), (0.0, 1.0), (0.5, 0.5)), ((1.0, 0.0), (1.0, 1.0), (0.5, 0.5)))
#: Corners (x, y) of the areas on the wrong side.
DISCOURAGED_AREAS = (((0.0, 1.0), (0.5, 0.5), (0.5, 1.0)), ((0.5, 0.0), (0.5, 0.5), (1.0, 0.0)))

#: A share from fewer experiments than this is uncertain by ± .17 or more: its point is drawn hollow.
FEW = 32
#: Largest number of curves in one panel that can be distinguished.
TOGETHER = 9
GRID = np.linspace(0, 1, 201)
HISTOGRAM_EDGES = np.linspace(0, 1, 21)


@dataclass(frozen=True)
class CurveData:
    """One c: its curve, band and histogram, its slope and scores.

    Attributes
    ----------
    c : float
        The sensitivity.
    bins : Bins
        The points of the curve, their intervals and counts.
    few : array of bool, shape (bins,)
        Points from fewer than `FEW` experiments.
    grid, isotonic, lower, upper : array, shape (201,)
        Grid of B_EMD; isotonic curve and band on it. The curve is NaN outside the data.
    edges : array, shape (21,)
        Edges of the histogram of B_EMD.
    lost, won : array of int, shape (20,)
        Experiments with B_epis = 0 and with B_epis = 1 in each cell.
    slope, se, log_score : float
        Calibration slope, its standard error, log score (NaN without experiments).
    status : int
        `adaptive_calib.calibration.slope.Status`.
    n, n_undecided : int
        Experiments used, and left out since their B_epis is undecided.
    cautions : tuple of str
        Reasons to doubt the curve.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype
    >>> from adaptive_calib.view import calibration_data
    >>> rng = np.random.default_rng(1)
    >>> table = np.empty(200, calib_point_dtype)
    >>> table["Bemd"] = rng.random(200)
    >>> table["Bepis"] = rng.random(200) < table["Bemd"]
    >>> curve = calibration_data({1.0: table}).curves[0]
    >>> curve.n, abs(curve.slope - 1) < 1
    (200, True)
    """

    c: float
    bins: Bins
    few: NDArray[np.bool_]
    grid: Floats
    isotonic: Floats
    lower: Floats
    upper: Floats
    edges: Floats
    lost: NDArray[np.int64]
    won: NDArray[np.int64]
    slope: float
    se: float
    log_score: float
    status: int
    n: int
    n_undecided: int
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class CalibrationData:
    """All numbers of a calibration's panels.

    Attributes
    ----------
    curves : tuple of CurveData
        In increasing order of c.
    counts : tuple of int
        Experiments for each of them.
    interval : AcceptableInterval
        Of acceptable c.
    recommended : float or None
        The recommended c.
    alpha : float
        Bands and intervals have level 1 - alpha.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype
    >>> from adaptive_calib.view import calibration_data
    >>> rng = np.random.default_rng(1)
    >>> table = np.empty(200, calib_point_dtype)
    >>> table["Bemd"] = rng.random(200)
    >>> table["Bepis"] = rng.random(200) < table["Bemd"]
    >>> data = calibration_data({1.0: table})
    >>> len(data.curves)
    1
    """

    curves: tuple[CurveData, ...]
    counts: tuple[int, ...]
    interval: AcceptableInterval
    recommended: float | None
    alpha: float = 0.05

    @property
    def log2c(self) -> Floats:
        """Shape (n_c,)."""
        return np.log2([curve.c for curve in self.curves]) if self.curves else np.empty(0)

    @property
    def level_words(self) -> str:
        """The level of bands and intervals, such as "95 %"."""
        return f"{100 * (1 - self.alpha):g} %"

    @property
    def together(self) -> tuple[int, ...]:
        """Numbers of the curves drawn in one panel: all of a few, else every second, third ... and the highlighted."""
        step = max(-(-len(self.curves) // TOGETHER), 1)
        return tuple(range((self.highlighted or 0) % step, len(self.curves), step))

    @property
    def highlighted(self) -> int | None:
        """Number of the curve that is drawn with its band: the recommended c, else the middle one; None if none."""
        if not self.curves:
            return None
        cs = [curve.c for curve in self.curves]
        return cs.index(self.recommended) if self.recommended in cs else (len(cs) - 1) // 2


def calibration_data(
    results: Mapping[float, Any],
    *,
    counts: Mapping[float, int] | None = None,
    interval: AcceptableInterval | None = None,
    recommended: float | None = None,
    status: Mapping[float, int] | None = None,
    target_bin_size: int | None = None,
    alpha: float = 0.05,
) -> CalibrationData:
    """Return the numbers of all panels of a calibration.

    Parameters
    ----------
    results : mapping c -> table
        For each c > 0 a structured array with fields Bemd and Bepis; see `calibration.pairs.table_columns`. NaN in
        Bemd: missing; NaN in a Bepis of floats: undecided.
    counts : mapping c -> int, optional
        Experiments for each c, by default those that are used.
    interval : AcceptableInterval, optional
        By default from the status of each c.
    recommended : float, optional
        By default from the interval.
    status : mapping c -> Status, optional
        What is decided of each c; one that is not in it is undecided. By default by these results alone: with
        probability 1 - alpha no c is decided wrongly (`calibration.decision`).
    target_bin_size : int, optional
        See `calibration.bins.get_bin_sizes`.
    alpha : float
        Bands and intervals have level 1 - alpha.

    Raises
    ------
    ValueError
        If some c is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import calib_point_dtype
    >>> from adaptive_calib.view import calibration_data
    >>> rng = np.random.default_rng(1)
    >>> table = np.empty(200, calib_point_dtype)
    >>> table["Bemd"] = rng.random(200)
    >>> table["Bepis"] = rng.random(200) < table["Bemd"]
    >>> [curve.c for curve in calibration_data({1.0: table}).curves]
    [1.0]
    """
    refused = [c for c in results if not (0 < c < np.inf)]
    if refused:
        raise ValueError(f"every c should be positive and finite, but the results hold c = {refused[0]!r}.")
    decided = _decided(results, alpha) if status is None else status
    curves = tuple(_curve_data(c, results[c], decided.get(c, 0), target_bin_size, alpha) for c in sorted(results))
    if interval is None:
        interval = acceptable_interval(
            [np.log2(curve.c) for curve in curves],
            [curve.status for curve in curves],
            [curve.slope for curve in curves],
            [curve.se for curve in curves],
        )
    if recommended is None:
        recommended = recommended_c(interval)
    given = counts or {}
    shown = tuple(int(given.get(curve.c, curve.n)) for curve in curves)
    return CalibrationData(curves, shown, interval, recommended, alpha)


def _decided(results: Mapping[float, Any], alpha: float) -> dict[float, int]:
    """Decide on every c by its results: all together if they are of the same experiments, else each with its share."""
    columns = {c: table_columns(table) for c, table in results.items()}
    labels = [bepis for _, bepis in columns.values()]
    if labels and all(np.array_equal(one, labels[0], equal_nan=True) for one in labels):
        bemd = np.stack([x for x, _ in columns.values()], axis=1)
        status = judge_table(list(columns), bemd, labels[0], 1 - alpha).status
        return dict(zip(sorted(columns), map(int, status), strict=True))
    share = alpha / max(len(columns), 1)
    return {c: int(judge_table([c], x[:, None], y, 1 - share).status[0]) for c, (x, y) in columns.items()}


def _curve_data(c: float, table: Any, status: int, target_bin_size: int | None, alpha: float) -> CurveData:
    bemd, bepis = table_columns(table)
    bins = equal_count_bins(bemd, bepis, target_bin_size, level=1 - alpha)
    pairs = bins.pairs
    isotonic = corp_curve(bemd, bepis).at(GRID)
    if len(pairs):
        isotonic = np.where((pairs.bemd.min() <= GRID) & (pairs.bemd.max() >= GRID), isotonic, np.nan)
    lower, upper = isotonic_band(bemd, bepis, alpha=alpha).at(GRID)
    lost, won = (np.histogram(pairs.bemd[pairs.hits == label], HISTOGRAM_EDGES)[0].astype(np.int64) for label in (0, 1))
    slope = calibration_slope(bemd, bepis)
    return CurveData(
        c=float(c),
        bins=bins,
        few=bins.counts < FEW,
        grid=GRID,
        isotonic=isotonic,
        lower=lower,
        upper=upper,
        edges=HISTOGRAM_EDGES,
        lost=lost,
        won=won,
        slope=slope.slope,
        se=slope.se,
        log_score=log_score(bemd, bepis),
        status=int(status),
        n=len(pairs),
        n_undecided=pairs.n_undecided,
        cautions=pairs.cautions,
    )


def c_label(c: float) -> str:
    """Return a short name of c: a power of two where it is one to a quarter octave, such as 2⁻³, else its digits.

    Examples
    --------
    >>> from adaptive_calib.view.calibration_numbers import c_label
    >>> c_label(0.25)
    '2⁻²'
    """
    exponent = float(np.log2(c))
    if abs(exponent * 4 - round(exponent * 4)) < 1e-9:
        return "2" + f"{round(exponent * 4) / 4:g}".translate(str.maketrans("-0123456789.", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹·"))
    return f"{c:.3g}"
