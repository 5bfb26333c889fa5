"""Sensitivity of the recommended c to the clip of B_EMD and to single experiments.

A referee would ask whether the recommendation is the same if B_EMD were clipped elsewhere, and with any one experiment
left out. Only those are left out in turn that can have the largest influence at a c near the lower end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from adaptive_calib._arrays import Floats
from adaptive_calib.calibration.decision import decide, for_and_against, joint_status
from adaptive_calib.calibration.evidence import Evidence, evidence_of
from adaptive_calib.calibration.family import Family
from adaptive_calib.calibration.interval import acceptable_interval, recommended_c
from adaptive_calib.calibration.slope import SLOPE_THRESHOLD, Status, clip_bemd

__all__ = ["OTHER_CLIPS", "Robustness", "robustness"]


#: Beside the default 1/4096.
OTHER_CLIPS = (1 / 1024, 1 / 16384)

#: More than what the evidence for a c loses without one hit, and the evidence against it without one miss.
ONE_HIT, ONE_MISS = 0.1, 7.5


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
    evidence = [evidence_of(*table) for table in tables]
    statuses = [decide(log2c, of, own, family).status for of, (_, own) in zip(evidence, tables, strict=True)]
    now = _recommended(log2c, statuses)
    by_clip = {}
    for clip in OTHER_CLIPS:
        clipped = [decide(log2c, evidence_of(values, own, clip), own, family).status for values, own in tables]
        by_clip[clip] = _recommended(log2c, clipped)
    by_experiment = {}
    for g, (values, own) in enumerate(tables):
        near = _near(log2c, evidence[g], statuses[g], family)
        for index in _influential(values[:, near], own):
            gone = np.arange(len(own)) == index  # an experiment without values changes nothing
            fewer, left = np.where(gone[:, None], np.nan, values[:, near]), np.where(gone, np.nan, own)
            of = dict(enumerate(evidence[g])) | dict(zip(near, evidence_of(fewer, left), strict=True))
            without = decide(log2c, list(of.values()), left, family).status
            others = [status for k, status in enumerate(statuses) if k != g]
            by_experiment[g + index * distributions] = _recommended(log2c, [without, *others])
    return Robustness(
        {clip: c for clip, c in by_clip.items() if c != now},
        {index: c for index, c in sorted(by_experiment.items()) if c != now},
    )


def _recommended(log2c: Sequence[float], statuses: Sequence[NDArray[np.int8]]) -> float | None:
    return recommended_c(acceptable_interval(log2c, joint_status(statuses)))


def _near(log2c: Sequence[float], evidence: Sequence[Evidence], status: NDArray[np.int8], family: Family) -> list[int]:
    """Return which c one experiment less may decide otherwise: the undecided ones, and those that only just are."""
    accept, refuse, allowed = for_and_against(evidence)
    surely = np.where(allowed, family.adjusted(log2c, accept), -math.inf).max(axis=0, initial=-math.inf) > ONE_HIT
    refused = family.adjusted(log2c, refuse).max(axis=0, initial=-math.inf) > ONE_MISS
    decided = np.where(status == Status.ACCEPTABLE, surely, refused & (status == Status.NOT_ACCEPTABLE))
    return [int(k) for k in np.flatnonzero(~decided)]


def _influential(bemd: Floats, labels: Floats) -> list[int]:
    """Return the experiments whose score at some c is more extreme than all before it.

    The capital of every stake is monotone in the score, and an experiment counts from its own number on; so of those up
    to any number one of these has the largest influence there.
    """
    clipped = clip_bemd(bemd)
    a = np.abs(np.log(clipped / (1 - clipped)))
    score = a * (((labels == 1)[:, None] == (clipped > 0.5)) - expit(SLOPE_THRESHOLD * a))
    score = np.where(np.isnan(score) | np.isnan(labels)[:, None], 0.0, score)
    signed = np.concatenate([score, -score], axis=1)
    records = np.diff(np.maximum.accumulate(signed, axis=0), axis=0, prepend=0.0) > 0
    return [int(i) for i in np.flatnonzero(records.any(axis=1))]
