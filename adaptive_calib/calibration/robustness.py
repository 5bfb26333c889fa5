"""Sensitivity of the recommended c to the clip of B_EMD and to single experiments.

A referee would ask whether the recommendation is the same if B_EMD were clipped elsewhere, and with any one experiment
left out. Of all experiments those with the largest and the smallest score at a c near the lower end have the largest
influence there (the capital of every stake is monotone in the score), so only these are left out in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration.decision import decide
from adaptive_calib.calibration.evidence import Evidence, extend
from adaptive_calib.calibration.family import Family
from adaptive_calib.calibration.interval import acceptable_interval, recommended_c
from adaptive_calib.calibration.slope import DEFAULT_CLIP, SLOPE_THRESHOLD, clip_bemd

__all__ = ["OTHER_CLIPS", "Robustness", "robustness"]


#: Beside the default 1/4096.
OTHER_CLIPS = (1 / 1024, 1 / 16384)


@dataclass(frozen=True)
class Robustness:
    """Recommendations under other conditions, where they differ.

    Attributes
    ----------
    by_clip : mapping, clip -> c or None
        Recommended c with B_EMD clipped to [clip, 1 - clip], where it is another one.
    by_experiment : mapping, index -> c or None
        Recommended c without this experiment, where it is another one.
    """

    by_clip: dict[float, float | None]
    by_experiment: dict[int, float | None]


def robustness(log2c: Sequence[float], bemd: Floats, labels: Floats, family: Family) -> Robustness:
    """Return under which conditions another c is recommended.

    Parameters
    ----------
    log2c : sequence of float, n_c values
        In the order in which they were added.
    bemd : array, shape (n, n_c)
    labels : array, shape (n,)
    family : Family
        All c that may be looked at.
    """
    now = _recommended(log2c, bemd, labels, family)
    by_clip = {clip: _recommended(log2c, bemd, labels, family, clip) for clip in OTHER_CLIPS}
    by_experiment = {}
    for index in _influential(log2c, bemd, labels, now):
        without = _recommended(log2c, np.delete(bemd, index, axis=0), np.delete(labels, index), family)
        by_experiment[index] = without
    return Robustness(
        {clip: c for clip, c in by_clip.items() if c != now},
        {index: c for index, c in by_experiment.items() if c != now},
    )


def _recommended(
    log2c: Sequence[float], bemd: Floats, labels: Floats, family: Family, clip: float = DEFAULT_CLIP
) -> float | None:
    evidence = [Evidence(clip) for _ in log2c]
    extend(evidence, bemd, labels)
    return recommended_c(acceptable_interval(log2c, decide(log2c, evidence, labels, family).status))


def _influential(log2c: Sequence[float], bemd: Floats, labels: Floats, now: float | None) -> list[int]:
    """Return the experiments with the extreme scores at the recommended c and at its three neighbours below."""
    if now is None or not len(bemd):
        return []
    x = np.asarray(log2c)
    below = np.argsort(np.where(x <= np.log2(now), -x, np.inf))[:4]
    clipped = clip_bemd(bemd[:, below[x[below] <= np.log2(now)]])
    a = np.abs(np.log(clipped / (1 - clipped)))
    score = a * (((labels == 1)[:, None] == (clipped > 0.5)) - expit(SLOPE_THRESHOLD * a))
    score = np.where(np.isnan(score) | np.isnan(labels)[:, None], 0.0, score)
    return sorted({int(i) for i in (*score.argmax(axis=0), *score.argmin(axis=0))})
