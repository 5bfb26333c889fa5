"""Decisions about each c after n experiments, and the distance from the tolerances that were asked for.

A c is *acceptable* if its calibration slope is above 0.9 and its curve nowhere excludes calibration on the
over-confident side. The decisions hold for all looks and all c together: with probability `confidence` none of them is
wrong, at any number of experiments and for any set of c that an `Axis` comes to. They follow from e-processes
(`evidence`) of which the family of all c (`family`) has one common bound on either side; half of the error probability
is for accepting a c that is not acceptable, half for rejecting one that is.

- ACCEPTABLE: *accept* reached its bound, before the c was rejected, while the shape test was below 1 and the scores of
  neither side, A or B, had a negative sum (both cost power only); and the shape test has not reached
  2/(1 - confidence). A later alarm of the shape test withdraws the decision; for a calibrated curve this has a
  probability of (1 - confidence)/2 at most.
- NOT_ACCEPTABLE: the mean of *reject* and *shape* reached its bound.
- UNDECIDED: neither.

A bound that was reached once counts as reached, so a decision does not change when experiments are added.

`judge` is a function of the experiments observed so far; it reads no clock and keeps no state. A learner calls it at
fixed numbers of experiments, on the contiguous prefix of the experiment index that is complete: easy experiments finish
first and may be systematically different, so using every finished experiment would bias the curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adaptive_calib._arrays import Bools, Floats
from adaptive_calib.calibration._notebook_repr import NotebookRepr
from adaptive_calib.calibration.axis import Axis, on_axis
from adaptive_calib.calibration.evidence import SHAPE_TERMS, Evidence, evidence_of
from adaptive_calib.calibration.family import Family
from adaptive_calib.calibration.folded import folded_bins
from adaptive_calib.calibration.interval import AcceptableInterval, acceptable_interval
from adaptive_calib.calibration.slope import Status, calibration_slopes

__all__ = [
    "FIRST_LOOK",
    "Decision",
    "Part",
    "Rows",
    "Tolerances",
    "Verdicts",
    "decide",
    "for_and_against",
    "joint_status",
    "judge",
    "judge_table",
    "next_look",
]


#: The band is wanted in folded bins with at least this share of the experiments, and this many; others are reported.
#: At the recommended c most B_EMD may be near 0 and 1, and the curve between is then of little consequence.
BAND_SHARE, MIN_IN_BIN = 1 / 8, 32

#: No c is accepted at a number of experiments at which the e-process of the shape test is above this.
SUSPICION = 1.0

#: No c is accepted where the standardised sum of the scores of one side, A or B, is below this.
SIDE = 3.0

#: More than this many times the present number of experiments is reported as "no end in sight".
FUTILE = 100.0

#: What a mean over stakes loses against the best of them, in units of log evidence.
_MIXTURE = 1.2


@dataclass(frozen=True)
class Tolerances:
    """Tolerances that a calibration has to reach before it may stop.

    Parameters
    ----------
    c_tol : float or None
        The lower end of the acceptable interval to within this many octaves of c.
    band : float or None
        The calibration curve at the recommended c to within this half-width, in every folded bin that holds an
        eighth of the experiments; confidence limits valid at any time, 95 % for each bin.
    undecided : float or None
        Largest share of experiments whose label may be undecided.
    upper_end : bool
        Whether the upper end of the interval is wanted to `c_tol` too. The recommended c does not depend on it.
    """

    c_tol: float | None = 0.5
    band: float | None = 0.1
    undecided: float | None = 0.1
    upper_end: bool = False

    def __post_init__(self) -> None:
        for name in ("c_tol", "band", "undecided"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` should be positive or None, but is {value!r}.")

    @property
    def any(self) -> bool:
        """Whether a run can end by meeting its tolerances."""
        return self.c_tol is not None or self.band is not None


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Decisions about each c.

    Attributes
    ----------
    status : array of int, shape (n_c,)
        `Status` of each c.
    slope_passed : array of bool, shape (n_c,)
        Whether the slope is known to be above 0.9.
    curve_passed : array of bool, shape (n_c,)
        Whether the shape test found nothing.
    curve_fault : tuple of str, n_c entries
        Where the curve is over-confident, in words; empty where nothing was found.
    needed : array, shape (n_c,)
        Number of experiments, in all, at which an undecided c is expected to be decided: from its slope and standard
        error so far. inf if no end is in sight, NaN where the c is decided.
    """

    status: NDArray[np.int8]
    slope_passed: Bools
    curve_passed: Bools
    curve_fault: tuple[str, ...]
    needed: Floats


@dataclass(frozen=True, eq=False)
class Rows:
    """The experiments of one epistemic distribution.

    Attributes
    ----------
    name : str
        Of the distribution; empty if there is only one.
    mask : array of bool, shape (n,)
        Which experiments of the prefix are its own.
    evidence : sequence of Evidence, n_c entries
        Of each c, in the order in which they were added.
    """

    name: str
    mask: Bools
    evidence: Sequence[Evidence]


@dataclass(frozen=True, eq=False)
class Part:
    """State of knowledge in one of the epistemic distributions.

    Attributes
    ----------
    name : str
        Of the distribution; empty if there is only one.
    n : int
        Its experiments with a settled label.
    verdicts : Verdicts
        Of each c, increasing.
    slopes, stderrs : array, shape (n_c,)
        Calibration slopes and their standard errors.
    half_width : float
        Of the curve at the recommended c; infinite if there is none.
    """

    name: str
    n: int
    verdicts: Verdicts
    slopes: Floats
    stderrs: Floats
    half_width: float = math.inf


@dataclass(frozen=True, eq=False)
class Decision(NotebookRepr):
    """State of knowledge after `n` experiments.

    Attributes
    ----------
    n : int
        Length of the prefix that was used.
    log2c, slopes, stderrs : array, shape (n_c,)
        Sensitivities, calibration slopes and their standard errors; a description, on which no status depends. Of
        several distributions the smallest slope.
    verdicts : Verdicts
        What is decided of each c, by which tests, and what undecided ones need.
    interval : AcceptableInterval
        Which c are acceptable, as far as is known.
    undecided : int
        Experiments left out of the curves because their label is undecided, or because they failed.
    unmet : mapping, str -> float
        For each tolerance the ratio of what is to what was asked for; <= 1 means met.
    parts : tuple of Part
        What is known in each epistemic distribution.
    """

    n: int
    log2c: Floats
    slopes: Floats
    stderrs: Floats
    verdicts: Verdicts
    interval: AcceptableInterval
    undecided: int
    unmet: Mapping[str, float]
    parts: tuple[Part, ...] = ()

    @property
    def status(self) -> NDArray[np.int8]:
        """`Status` of each c, shape (n_c,)."""
        return self.verdicts.status

    @property
    def experiments_needed(self) -> dict[float, float]:
        """Return c -> experiments, in all, that are expected to decide it; the undecided c only, inf without an end."""
        open_ones = self.status == Status.UNDECIDED
        return dict(zip((2.0 ** self.log2c[open_ones]).tolist(), self.verdicts.needed[open_ones].tolist(), strict=True))

    @property
    def loss(self) -> float:
        """The largest ratio of `unmet`: <= 1 when all tolerances are met; infinite if there are none."""
        return max(self.unmet.values(), default=math.inf)


#: Experiments before the first decision.
FIRST_LOOK = 32


def next_look(n: int) -> int:
    """Return the number of experiments at which to decide again after deciding at `n`: 16 or an eighth more.

    Fixed in advance, so that which c are added does not depend on the order of completion, and geometric, so that all
    decisions together cost no more than a few of the last.
    """
    return n + max(16, n // 8)


def decide(log2c: Sequence[float], evidence: Sequence[Evidence], labels: Floats, family: Family) -> Verdicts:
    """Decide on every c; see the head of this file.

    Parameters
    ----------
    log2c : sequence of float, n_c values
        In the order in which they were added.
    evidence : sequence of Evidence
        Of each c; of different lengths if the c were evaluated for different numbers of experiments.
    labels : array, shape (n,)
        B_epis as 1 and 0, NaN where it is undecided. While all labels are of one kind nothing is decided: a criterion
        that always favours the winner would look perfect.
    family : Family
        All c that may be looked at, and the error probability.
    """
    n, n_c = len(labels), len(evidence)
    accept, refuse, allowed = for_and_against(evidence, n)
    start = _both_kinds(labels)
    accepted = family.first_reached(log2c, accept, allowed, start)
    rejected = family.first_reached(log2c, refuse, np.ones_like(allowed), start)
    alarm = np.array([one.shape.max(initial=-math.inf) >= -math.log(family.alpha) for one in evidence], bool)
    never = n
    status = np.full(n_c, Status.UNDECIDED, np.int8)
    status[rejected < never] = Status.NOT_ACCEPTABLE
    status[(accepted < never) & (accepted <= rejected) & ~alarm] = Status.ACCEPTABLE
    faults = tuple(
        SHAPE_TERMS[int(np.argmax(one.shape_terms))] if found else ""
        for one, found in zip(evidence, alarm, strict=True)
    )
    needed = np.full(n_c, math.nan)
    price_up, price_down = (last - family.adjusted(log2c, last) for last in (accept[-1:], refuse[-1:]))
    for k in map(int, np.flatnonzero(status == Status.UNDECIDED)):
        price = (0.0, 0.0) if not n else (price_up[0, k], price_down[0, k])
        needed[k] = _forecast(evidence[k], price, bool(alarm[k]), start < n)
    return Verdicts(status, accepted < never, ~alarm, faults, needed)


def for_and_against(evidence: Sequence[Evidence], n: int | None = None) -> tuple[Floats, Floats, Bools]:
    """Return the log evidence for and against each c, and where it may be accepted, shape (n, n_c) each.

    A process that was observed for fewer than n experiments stays where it is.
    """
    n = max(map(len, evidence), default=0) if n is None else n
    accept, reject, shape, weaker = (
        np.stack([_carried_on(getattr(one, name), n) for one in evidence], axis=1) if evidence else np.empty((n, 0))
        for name in ("accept", "reject", "shape", "weaker")
    )
    return accept, np.logaddexp(reject, shape) - math.log(2), (shape < math.log(SUSPICION)) & (weaker >= SIDE)


def _carried_on(log_e: Floats, n: int) -> Floats:
    return log_e if log_e.size == n else np.append(log_e, np.full(n - log_e.size, log_e[-1] if log_e.size else 0.0))


def _both_kinds(labels: Floats) -> int:
    """Return the number of the experiment at which labels of both kinds are there; n if there is none."""
    first = [int(np.argmax(labels == kind)) if np.any(labels == kind) else len(labels) for kind in (0, 1)]
    return max(first)


def _forecast(one: Evidence, price: tuple[float, float], alarm: bool, two_kinds: bool) -> float:
    """Return at how many experiments the log evidence reaches its bound if it grows as it did so far.

    price : log evidence that accepting and rejecting take, both positive.
    """
    n, best = len(one), math.inf
    if not two_kinds or not n:
        return best
    for rate, log_bound, possible in zip(one.rates(), price, (not alarm, True), strict=True):
        if possible and rate * FUTILE * n >= log_bound + _MIXTURE:
            best = min(best, max(math.ceil((log_bound + _MIXTURE) / rate), n + 1))
    return best


def judge(
    log2c: Sequence[float],
    bemd: Floats,
    labels: Floats,
    rows: Sequence[Rows],
    tolerances: Tolerances,
    family: Family,
    skipped: int = 0,
) -> Decision:
    """Judge every c on the experiments of the prefix.

    Parameters
    ----------
    log2c : sequence of float, n_c values
        In the order in which they were added.
    bemd : array, shape (n, n_c)
        B_EMD of each experiment at each c; NaN where it failed or was not evaluated.
    labels : array, shape (n,)
        B_epis as 1 and 0; NaN where it is undecided, or where the experiment failed or was skipped.
    rows : sequence of Rows
        The experiments of each distribution, with their evidence.
    tolerances, family
        What was asked for, and which c may be looked at.
    skipped : int
        Experiments that were not wanted, as their distribution was decided.
    """
    order = np.argsort(log2c)
    x = np.asarray(log2c, dtype=float)[order]
    parts = tuple(_part(log2c, bemd, labels, one, family, order) for one in rows)
    verdicts = _joint([part.verdicts for part in parts], [part.name for part in parts])
    worst = np.argmin([part.slopes for part in parts], axis=0), np.arange(len(x))
    slopes, stderrs = (np.array([getattr(p, name) for p in parts])[worst] for name in ("slopes", "stderrs"))
    interval = acceptable_interval(x, verdicts.status, slopes, stderrs)
    unmet = {}
    if tolerances.c_tol is not None:
        octaves = _octaves(x, slopes, interval, family.axis, tolerances.upper_end)
        unmet["acceptable interval" if tolerances.upper_end else "lower end"] = octaves / tolerances.c_tol
    if tolerances.band is not None and interval.state != "none":
        widths = [_half_width(x, bemd[:, order], np.where(one.mask, labels, np.nan), interval) for one in rows]
        parts = tuple(replace(part, half_width=width) for part, width in zip(parts, widths, strict=True))
        unmet["band at the recommended c"] = max(widths) / tolerances.band
    undecided = int(np.isnan(labels).sum()) - skipped
    if unmet and tolerances.undecided is not None:
        unmet["undecided labels"] = undecided / max(labels.size - skipped, 1) / tolerances.undecided
    return Decision(len(labels), x, slopes, stderrs, verdicts, interval, undecided, unmet, parts)


def _part(
    log2c: Sequence[float], bemd: Floats, labels: Floats, rows: Rows, family: Family, order: NDArray[np.intp]
) -> Part:
    own = np.where(rows.mask, labels, np.nan)
    v = decide(log2c, rows.evidence, own, family)
    verdicts = Verdicts(
        v.status[order],
        v.slope_passed[order],
        v.curve_passed[order],
        tuple(v.curve_fault[k] for k in order),
        v.needed[order],
    )
    slopes, stderrs = calibration_slopes(bemd[:, order], own)
    return Part(rows.name, int((~np.isnan(own)).sum()), verdicts, slopes, stderrs)


def joint_status(statuses: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    """Return the status by all distributions: acceptable in every one, not acceptable in one, else undecided."""
    status: NDArray[np.int8] = np.min(statuses, axis=0)  # not acceptable < undecided < acceptable
    return status


def _joint(verdicts: Sequence[Verdicts], names: Sequence[str]) -> Verdicts:
    if len(verdicts) == 1:
        return verdicts[0]
    joint = joint_status([v.status for v in verdicts])
    faults = [
        "; ".join(f"{fault} in {name}" for name, fault in zip(names, of_c, strict=True) if fault)
        for of_c in zip(*(v.curve_fault for v in verdicts), strict=True)
    ]
    needed = np.array([np.where(np.isnan(v.needed), 0.0, v.needed) for v in verdicts]).max(axis=0)
    return Verdicts(
        joint,
        np.all([v.slope_passed for v in verdicts], axis=0),
        np.all([v.curve_passed for v in verdicts], axis=0),
        tuple(faults),
        np.where(joint == Status.UNDECIDED, needed, np.nan),
    )


def judge_table(c_list: Sequence[float], bemd: Floats, labels: Floats, confidence: float = 0.95) -> Decision:
    """Judge a table of B_EMD, shape (n, n_c), at a fixed list of c."""
    log2c = [on_axis(c) for c in c_list]
    axis = Axis(tuple(sorted(log2c)), (min(log2c), max(log2c)), tol=None)
    rows = [Rows("", np.ones(len(labels), bool), evidence_of(bemd, labels))]
    return judge(log2c, bemd, labels, rows, Tolerances(None, None, None), Family.of(axis, confidence))


def _octaves(log2c: Floats, slopes: Floats, interval: AcceptableInterval, axis: Axis, upper_end: bool) -> float:
    """Octaves in which the ends that are wanted lie; where nothing is acceptable, those around the largest slope."""
    if interval.lower is not None and interval.upper is not None:
        lower = axis.gap(interval.lower, -1)
        return max(lower, axis.gap(interval.upper, +1)) if upper_end else lower
    top = int(np.argmax(slopes))
    inner = 0 < top < len(log2c) - 1 or log2c[top] in axis.bounds
    if interval.state == "undecided" or not inner:
        return math.inf
    return float(np.diff(log2c[max(top - 1, 0) : top + 2]).max(initial=0.0))


def _half_width(log2c: Floats, bemd: Floats, labels: Floats, interval: AcceptableInterval) -> float:
    """Largest half-width of the anytime limits at the recommended c, over the folded bins with enough experiments."""
    if interval.lower is None:
        return math.inf
    folded = folded_bins(bemd[:, int(np.searchsorted(log2c, interval.lower.inside))], labels)
    widths = folded.half_width[folded.n >= max(BAND_SHARE * folded.n.sum(), MIN_IN_BIN)]
    return float(widths.max()) if widths.size else math.inf
