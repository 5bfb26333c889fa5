"""Sensitivity of the recommended c to the clip of B_EMD and to single experiments.

A referee would ask whether the recommendation is the same if B_EMD were clipped elsewhere, and with any one experiment
left out. Of all experiments those with the largest and the smallest score at a c near the lower end have the largest
influence there (the capital of every stake is monotone in the score), so only these are left out in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration.decision import decide, joint_status
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


def robustness(
    log2c: Sequence[float], bemd: Floats, labels: Floats, family: Family, distributions: int = 1
) -> Robustness:
    """Return what the recommended c hangs on.

    Parameters
    ----------
    log2c : sequence of float, n_c values
        In the order in which they were added.
    bemd : array, shape (n, n_c)
    labels : array, shape (n,)
    family : Family
        All c that may be looked at.
    distributions : int
        Experiment i belongs to distribution i % distributions.
    """
    tables = [(bemd[g::distributions], labels[g::distributions]) for g in range(distributions)]
    statuses = [_status(log2c, *table, family) for table in tables]
    now = _recommended(log2c, statuses)
    by_clip = {}
    for clip in OTHER_CLIPS:
        by_clip[clip] = _recommended(log2c, [_status(log2c, *table, family, clip) for table in tables])
    by_experiment = {}
    for g, (values, own) in enumerate(tables):
        for index in _influential(log2c, values, own, now):
            without = _status(log2c, np.delete(values, index, axis=0), np.delete(own, index), family)
            others = [status for k, status in enumerate(statuses) if k != g]
            by_experiment[g + index * distributions] = _recommended(log2c, [without, *others])
    return Robustness(
        {clip: c for clip, c in by_clip.items() if c != now},
        {index: c for index, c in sorted(by_experiment.items()) if c != now},
    )


def _status(
    log2c: Sequence[float], bemd: Floats, labels: Floats, family: Family, clip: float = DEFAULT_CLIP
) -> NDArray[np.int8]:
    evidence = [Evidence(clip) for _ in log2c]
    extend(evidence, bemd, labels)
    return decide(log2c, evidence, labels, family).status


def _recommended(log2c: Sequence[float], statuses: Sequence[NDArray[np.int8]]) -> float | None:
    return recommended_c(acceptable_interval(log2c, joint_status(statuses)))


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
