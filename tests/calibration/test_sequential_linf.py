"""Sequential labels on the blackbody experiments: less data than a fixed Linf, and no wrong sign."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from adaptive_calib.calibration import EvaluateExperiment, FixedLabel, Record, SequentialLabel
from adaptive_calib.calibration.labels import LabelRule
from adaptive_calib.examples.blackbody.distributions import Infrared

LINF, TRUTH = 12288, 98304


@dataclass(frozen=True)
class Outcome:
    """Of the sequential rule beside the fixed one."""

    saving: float  # of infinite data, beside `LINF` points each
    settled: float  # share
    agreement: float  # share of settled labels that are those of the fixed rule
    wrong: int  # settled labels that are not the truth, among those for which it is known


def labels(rule: LabelRule, n: int) -> list[Record]:
    """Records of the first `n` experiments; hardly anything but their labels."""
    evaluate = EvaluateExperiment(Infrared(n), 2, rule, res=1)
    return [Record.from_plain(evaluate(("new", i))) for i in range(n)]


def compare(n: int, known: int, alpha: float = 0.01) -> Outcome:
    fixed = labels(FixedLabel(LINF), n)
    ours = labels(SequentialLabel(LINF, alpha=alpha), n)
    truth = labels(FixedLabel(TRUTH), known)
    settled = [k for k, record in enumerate(ours) if record.bepis is not None]
    return Outcome(
        saving=LINF / float(np.mean([record.sums.n for record in ours])),
        settled=len(settled) / n,
        agreement=float(np.mean([ours[k].bepis == fixed[k].bepis for k in settled])),
        wrong=sum(ours[k].bepis != truth[k].bepis for k in settled if k < known),
    )


def check(found: Outcome) -> None:
    assert found.saving >= 2.5, found
    assert found.settled >= 0.95, found
    assert found.agreement >= 0.99, found
    assert found.wrong == 0, found


def test_less_data_on_the_first_experiments() -> None:
    """96 experiments: at least 2.5 times fewer points, the fixed rule's labels, none of them wrong."""
    check(compare(96, 24))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_less_data() -> None:
    """The same on all 1024, with the truth for 256, at three error levels. Two minutes, five on a busy machine."""
    for alpha in (0.05, 0.01, 0.001):
        found = compare(1024, 256, alpha)
        print(alpha, found)
        check(found)
