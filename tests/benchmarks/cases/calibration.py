"""What a calibration costs beside its experiments, in CPU seconds. No peer keeps records, so there is no ratio.

The promise of these cases is in seconds at the stated size; see `Case.at_most`.
"""

from __future__ import annotations

import time
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from tests.benchmarks.harness import Case

PEER = None

C17 = [2.0**x for x in range(-8, 9)]


@cache
def _records(n: int) -> list[dict[str, Any]]:
    """Records of infrared experiments, without any B_EMD."""
    from adaptive_calib.calibration import EvaluateExperiment, FixedLabel
    from adaptive_calib.examples.blackbody.distributions import Infrared

    evaluate = EvaluateExperiment(Infrared(n), 1024, FixedLabel(2048))
    return [evaluate(("new", i)) for i in range(n)]


def bemd_17(package: ModuleType, size: int) -> float:
    """B_EMD of one experiment at 17 c, from its record; the mean over `size` experiments."""
    from adaptive_calib.calibration import EvaluateExperiment, FixedLabel
    from adaptive_calib.examples.blackbody.distributions import Infrared

    function = EvaluateExperiment(Infrared(size), 1024, FixedLabel(2048))
    records = _records(size)
    function.bemd(0, records[0]["quantiles"], records[0]["deltas"], C17)
    begin = time.process_time()
    for i, record in enumerate(records):
        function.bemd(i, record["quantiles"], record["deltas"], C17)
    return (time.process_time() - begin) / size


def add_10(package: ModuleType, size: int) -> float:
    """Ten c are added to a finished run of `size` experiments."""
    from adaptive_calib.calibration import CalibrationLearner
    from adaptive_calib.examples.blackbody.distributions import Infrared

    learner = CalibrationLearner(Infrared(size), Ldata=1024, Linf=2048, c_list=[1.0])
    distinct = _records(min(size, 50))
    for i in range(size):
        learner.tell(("new", i), {**distinct[i % len(distinct)], "index": i})
    begin = time.process_time()
    learner.add_c([3.0 * 2.0**x for x in range(-8, 2)])
    return time.process_time() - begin


def tell(package: ModuleType, size: int) -> float:
    """`tell` beyond the sampling, decisions included: the mean over the second half of `size` experiments."""
    from adaptive_calib.calibration import CalibrationLearner
    from adaptive_calib.examples.blackbody.distributions import Infrared

    learner = CalibrationLearner(
        Infrared(2 * size), Ldata=1024, Linf=2048, c_bounds=(2.0**-8, 2.0**8), c_tol=1.0, band=1e-9
    )
    rng = np.random.default_rng(1)
    axis = np.array(C17)
    curves = _records(1)[0]
    z = rng.normal(0, 2.5, size)
    labels = rng.random(size) < 1 / (1 + np.exp(-z))
    # values at every c that may be asked for: a record has them all, so that nothing is sampled
    bemd = 1 / (1 + np.exp(-z[:, None] / 2 ** ((np.log2(axis) + 1) / 4)))
    common = {**curves, "c": axis.tolist(), "stderr": [0.02] * axis.size}
    values = [
        {**common, "index": i, "bepis": bool(label), "bemd": row}
        for i, (label, row) in enumerate(zip(labels, bemd.tolist(), strict=True))
    ]
    learner.add_c(axis)
    for i in range(size // 2):
        learner.tell(("new", i), values[i])
    begin = time.process_time()
    for i in range(size // 2, size):
        learner.tell(("new", i), values[i])
    return (time.process_time() - begin) / (size - size // 2)


CASES = [
    Case("B_EMD of one experiment at 17 c, from its record", bemd_17, 40, 2, at_most=0.040),
    Case("ten c added to a finished run of 1000 experiments", add_10, 1000, 4, at_most=30.0, repeats=1),
    Case("tell of a record beyond the sampling, at 100", tell, 100, 40, at_most=0.002),
    Case("tell of a record beyond the sampling, at 10,000", tell, 10_000, 64, at_most=0.002, repeats=3),
]
