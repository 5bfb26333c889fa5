"""Sentences about a calibration: why it stopped, what more experiments would decide, and cautions."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adaptive_calib._arrays import Floats
from adaptive_calib._words import count
from adaptive_calib.calibration.bins import SMALLEST_TARGET
from adaptive_calib.calibration.decision import FUTILE, Decision
from adaptive_calib.calibration.interval import recommended_c
from adaptive_calib.calibration.labels import LabelRule, PairedSums
from adaptive_calib.calibration.robustness import Robustness
from adaptive_calib.calibration.slope import SLOPE_THRESHOLD, Status

#: Shares below this are not worth a caution.
FEW = 0.03

#: A base rate beyond this, and a share of values that are exactly 0 or 1 beyond this, are cautioned about.
BASE_RATE, MOSTLY = 0.9, 0.5

__all__ = [
    "cautions",
    "curve_cautions",
    "duration",
    "forecast",
    "forecast_in_brief",
    "label_cautions",
    "opaque_stopped_because",
    "still_open",
    "stopped_because",
]


class Calibration(Protocol):
    """The properties of both calibration learners of which cautions speak."""

    @property
    def n_experiments(self) -> int: ...
    @property
    def n_failed(self) -> int: ...
    @property
    def labels(self) -> NDArray[np.float64]: ...
    @property
    def distributions(self) -> tuple[str, ...]: ...
    def column(self, c: float, distribution: str | None = None) -> tuple[Floats, Floats]: ...
    def recommended_c(self) -> float | None: ...
    def current(self) -> Decision | None: ...
    def robustness(self) -> Robustness | None: ...


class OfRecords(Calibration, Protocol):
    """The properties of a `CalibrationLearner` that are put in words."""

    @property
    def exhausted(self) -> bool: ...
    @property
    def met_at(self) -> int | None: ...
    @property
    def label_rule(self) -> LabelRule: ...
    def label_sums(self) -> list[tuple[PairedSums, bool | None, bool | None]]: ...
    def forecast(self) -> str: ...


class Race(Calibration, Protocol):
    """The properties of an `OpaqueCalibrationLearner` that are put in words."""

    max_experiments: int

    @property
    def npoints(self) -> int: ...
    @property
    def c_list(self) -> tuple[float, ...]: ...
    def done(self) -> bool: ...


def stopped_because(learner: OfRecords) -> str:
    """Return why there is nothing more to ask, or what is still open and how many experiments would decide it."""
    if learner.met_at is not None:
        return f"all tolerances are met after {count(learner.met_at, 'experiment')}"
    n = learner.n_experiments
    start = f"{'all ' if learner.exhausted and n > 1 else ''}{count(n, 'experiment')} {'is' if n == 1 else 'are'} used"
    now = learner.current()
    if now is None:
        return start
    best = recommended_c(now.interval)
    words = [start, "no c recommended yet" if best is None else f"recommended c: {_power(best)}"]
    if unmet := still_open(now):
        words.append(f"still open: {unmet}")
    return "; ".join(filter(None, [*words, learner.forecast()]))


def still_open(decision: Decision) -> str:
    """Return the tolerances that are not met yet, with how far each is from it; empty if all are met."""
    return ", ".join(
        f"{name} ({f'known to {ratio:.2g} times its tolerance' if math.isfinite(ratio) else 'not known yet'})"
        for name, ratio in decision.unmet.items()
        if ratio > 1
    )


def opaque_stopped_because(learner: Race) -> str:
    """Return why there is nothing more to ask, or which c are still undecided."""
    now = learner.current()
    more = f"; {words}" if now is not None and (words := forecast(now)) else ""
    if now is None:
        more = "; undecided: " + ", ".join(map(_power, learner.c_list))
    if learner.done():
        if not more:
            return f"all {len(learner.c_list)} values of c are decided after {learner.npoints} evaluations"
        return f"every undecided c has its {learner.max_experiments} experiments{more}"
    return f"{learner.npoints} evaluations are done{more}"


def forecast(decision: Decision, seconds: float = math.nan, of: str = "") -> str:
    """Return in words how many experiments would decide each undecided c; empty if all are decided.

    Parameters
    ----------
    decision : Decision
    seconds : float
        Of one more experiment; NaN if that is not known.
    of : str
        What these are seconds of, if not of waiting: `` of evaluation``.

    Examples
    --------
    >>> from adaptive_calib import CalibrationLearner
    >>> from adaptive_calib.calibration.wording import forecast
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.runner import simple
    >>> learner = CalibrationLearner(Infrared(N=8), Ldata=64, Linf=256, c_list=[1.0])
    >>> simple(learner)
    >>> "2^0" in forecast(learner.current())
    True
    """
    needed = decision.experiments_needed
    finite = {c: n for c, n in needed.items() if math.isfinite(n)}
    endless = [c for c, n in needed.items() if math.isinf(n)]
    words = []
    if finite:
        each = ", ".join(
            f"{_power(c)} at about {_number(decision, n)}{_more_time(decision, c, n, seconds, of)}"
            for c, n in finite.items()
        )
        words.append(f"with more experiments these c would be decided: {each}")
    if endless:
        names = ", ".join(map(_power, endless))
        words.append(
            f"{names} would stay undecided with {FUTILE:.0f} times as many experiments, judging by those so far"
        )
    return "; ".join(words)


def forecast_in_brief(decision: Decision, seconds: float = math.nan) -> str:
    """Return what decides the next undecided c, for a progress bar: ``2^-6 at 2700 (12 min)``; see `forecast`.

    Examples
    --------
    >>> from adaptive_calib import CalibrationLearner
    >>> from adaptive_calib.calibration.wording import forecast_in_brief
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> from adaptive_calib.runner import simple
    >>> learner = CalibrationLearner(Infrared(N=8), Ldata=64, Linf=256, c_list=[1.0])
    >>> simple(learner)
    >>> forecast_in_brief(learner.current()).startswith(("2^0", "no end"))
    True
    """
    needed = decision.experiments_needed
    if not needed:
        return ""
    c, n = min(needed.items(), key=lambda item: item[1])
    if math.isinf(n):
        return f"no end in sight for {len(needed)} c"
    return f"{_power(c)} at {_number(decision, n)}{_more_time(decision, c, n, seconds)}"


def _number(decision: Decision, n: float) -> str:
    """Return a number of experiments: of several distributions that of each, which is what a user gives."""
    several = len(decision.parts)
    return f"{_rounded(n / several)} of each distribution" if several > 1 else _rounded(n)


def _more_time(decision: Decision, c: float, n: float, seconds: float, of: str = "") -> str:
    """Return how long experiments up to the n-th take, of those distributions in which c is undecided."""
    if math.isnan(seconds):
        return ""
    at = int(np.argmin(np.abs(decision.log2c - math.log2(c))))
    taken = np.mean([part.verdicts.status[at] == Status.UNDECIDED for part in decision.parts])
    return f" ({duration(float((n - decision.n) * taken) * seconds)}{of})"


def duration(seconds: float) -> str:
    """Return seconds as a person would say them: two digits at most, in the unit that suits.

    Examples
    --------
    >>> from adaptive_calib.calibration.wording import duration
    >>> duration(0.4), duration(75), duration(200), duration(90_000)
    ('1 s', '75 s', '4 min', '25 h')
    """
    for unit, size, until in (("s", 1, 100), ("min", 60, 100), ("h", 3600, 50)):
        if seconds < until * size:
            return f"{max(math.ceil(seconds / size), 1)} {unit}"
    return f"{_rounded(seconds / 86400)} days"


def cautions(learner: Calibration) -> tuple[str, ...]:
    """Return what a reader of the result of `learner` has to know, in words; empty if all is well."""
    n, labels = learner.n_experiments, learner.labels
    known = labels[~np.isnan(labels)]
    failed = learner.n_failed
    words = []
    if failed:
        words.append(f"{failed} of {n} experiments failed and are left out")
        if failed > n / 100:
            words[-1] += "; that is more than 1 %, and what fails may be systematically different"
    if undecided := n - failed - known.size:
        words.append(
            f"{undecided} of {n} labels are undecided and left out of the curves; decisions count them both ways. More "
            "infinite data would settle them, unless both candidates are the same model"
        )
        if 2 * undecided > n > undecided:
            words[-1] += ". Where most are undecided, those that are settled may be so by chance"
    if n and not known.size:
        words.append("no experiment has a settled label: there is no curve, and no c is decided")
    elif known.size and known.min() == known.max():
        words.append(
            f"all {known.size} labels are B_epis = {int(known[0])}: the same model always wins, so no c is "
            "decided; choose an epistemic distribution in which either model can win"
        )
    elif known.size >= SMALLEST_TARGET and not 1 - BASE_RATE <= known.mean() <= BASE_RATE:
        winner, share = ("A", known.mean()) if known.mean() > 0.5 else ("B", 1 - known.mean())
        words.append(
            f"model {winner} truly wins in {share:.0%} of the experiments: few experiments then tell how the criterion "
            "does where the other one wins, and who wins is nearly known beforehand"
        )
    if 0 < known.size < SMALLEST_TARGET:
        few = f"{known.size} experiments are fewer than one bin of {SMALLEST_TARGET}"
        words.append(f"{few}: a curve is a single point")
    now = learner.current()
    if now is not None:
        words += [*curve_cautions(now), *_dependence_cautions(learner)]
    return tuple(words)


def _dependence_cautions(learner: Calibration) -> list[str]:
    """Return what the recommended c hangs on: values that are exactly 0 or 1, the clip, single experiments."""
    best = learner.recommended_c()
    words: list[str] = []
    for name in learner.distributions:
        bemd = np.empty(0) if best is None else learner.column(best, name)[0]
        there = bemd[~np.isnan(bemd)]
        extreme = float(np.mean((there == 0) | (there == 1))) if there.size else 0.0
        if best is not None and extreme > MOSTLY:
            words.append(
                f"{extreme:.0%} of B_EMD at the recommended c = {_power(best)}{_in(name)} are exactly 0 or 1: the "
                "slope there depends on where they are clipped, and the curve has little between its ends"
            )
    found = learner.robustness()
    if found is None:
        return words
    instead = "and now none is" if best is None else f"not {_power(best)}"
    for clip, c in found.by_clip.items():
        words.append(f"with B_EMD clipped at 1/{1 / clip:.0f}, {_instead(c)}, {instead}")
    for index, c in list(found.by_experiment.items())[:3]:
        words.append(f"without experiment {index}, {_instead(c)}, {instead}")
    return words


def _in(distribution: str) -> str:
    return f" in {distribution}" if distribution else ""


def _instead(c: float | None) -> str:
    return "no c would be recommended" if c is None else f"{_power(c)} would be recommended"


def label_cautions(learner: OfRecords) -> list[str]:
    """Return cautions about labels that may be wrong."""
    entries = [(sums, label, early) for sums, label, early in learner.label_sums() if sums.squares > 0]
    known = [sums for sums, label, _ in entries if label is not None]
    words = []
    ties = sum(sums.near_tie for sums in known)
    if known and ties > FEW * len(known):
        words.append(
            f"{ties} of {len(known)} labels ({ties / len(known):.0%}) are near ties: the mean difference of the losses "
            "lies within two standard errors of 0, so they may be wrong; raise Linf, or its cap"
        )
    heavy = sum(sums.rests_on_one_point for sums, _, _ in entries)
    if entries and learner.label_rule.bound is None and heavy > FEW * len(entries):
        words.append(
            f"in {heavy} of {len(entries)} experiments ({heavy / len(entries):.0%}) one point of the infinite data has "
            "more than a quarter of the sum of squares of the difference of the losses: with such heavy tails labels "
            "from few points are not to be trusted; raise Linf, or give a bound"
        )
    audited = [(sums, label, early) for sums, label, early in entries if early is not None]
    if wrong := sum((sums.total < 0 if label is None else label) != early for sums, label, early in audited):
        words.append(
            f"{wrong} of {len(audited)} audited labels, settled from few points, are different with all Linf points: "
            "so every label was found from at least Linf points; see that these are enough, or give a bound"
        )
    return words


def curve_cautions(decision: Decision) -> tuple[str, ...]:
    """Return cautions about c whose slope is good and whose curve is not."""
    verdicts, words = decision.verdicts, []
    at: dict[str, list[float]] = {}
    for k, fault in enumerate(verdicts.curve_fault):
        if fault and (verdicts.slope_passed[k] or decision.slopes[k] > SLOPE_THRESHOLD):
            at.setdefault(fault, []).append(2.0 ** decision.log2c[k])
    for fault, c in at.items():
        names = ", ".join(map(_power, c))
        words.append(f"the criterion is over-confident {fault} at {names}, although the slope there is not below 0.9")
    words += [
        f"B_EMD{_in(part.name)} tells nothing of which model wins: the slope is 0 at every c, within three standard "
        "errors. The two models may differ by less than data sets of this size can show"
        for part in decision.parts
        if decision.interval.state == "none" and np.all(np.abs(part.slopes) < 3 * part.stderrs)
    ]
    best = recommended_c(decision.interval)
    if decision.interval.others and best is not None:
        words.append(
            f"c is acceptable in {1 + len(decision.interval.others)} separate intervals; {_power(best)} is the "
            "smallest of the longest one"
        )
    return tuple(words)


def _power(c: float) -> str:
    return f"2^{math.log2(c):.4g}"


def _rounded(n: float) -> str:
    """Two digits are all that a forecast is worth."""
    digits = max(math.floor(math.log10(n)) - 1, 0)
    return f"{math.ceil(n / 10**digits) * 10**digits}"
