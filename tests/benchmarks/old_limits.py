"""The bias sweep with the limits of emdcmp 1.1.1: ``python -m tests.benchmarks.old_limits``.

From the records that ``python docs/examples/bias_sweep.py`` left in its store nothing is simulated again.
Only B_EMD is sampled anew, for the first N experiments, with the emulation of `tests.emd.emulation`. Prints the table
of the example for both, on the same experiments.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from adaptive_calib.calibration import CalibrationLearner, SummaryRow, format_summary
from adaptive_calib.calibration.curve import brier_score, calibration_slope, equal_count_bins, log_score, slope_status
from adaptive_calib.calibration.slope import Status
from adaptive_calib.examples.blackbody.distributions import BiasSweep
from adaptive_calib.runner import BlockingRunner, SequentialExecutor
from tests.emd.emulation import emulated_bemd

M, ENDS = 128, 8
#: The grid of the example.
C_LIST = tuple(2.0**x for x in range(-15, 7, 3))


def row(c: float, bemd: np.ndarray, labels: np.ndarray) -> SummaryRow:
    errors, slope = equal_count_bins(bemd, labels).errors, calibration_slope(bemd, labels)
    return SummaryRow(
        c=c,
        n=slope.n,
        slope=slope.slope,
        stderr=slope.se,
        ece=errors.expected,
        max_violation=errors.max_violation,
        log_score=log_score(bemd, labels),
        brier_score=brier_score(bemd, labels),
        status=Status(int(slope_status(slope.slope, slope.se))),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=1024)
    parser.add_argument("--store", default="bias_sweep/results.db")
    options = parser.parse_args()
    one = CalibrationLearner(BiasSweep(options.experiments), Ldata=1024, Linf=12288, c_list=C_LIST)
    BlockingRunner(one, executor=SequentialExecutor(), store=options.store)
    old = np.full((options.experiments, len(C_LIST)), math.nan)
    for i in range(options.experiments):
        record = one.record(i)
        (qa, qb), (da, db) = record.quantiles, record.deltas
        for k, c in enumerate(C_LIST):
            seed = np.random.SeedSequence(5, spawn_key=(i, k))
            old[i, k] = emulated_bemd(qa, da, qb, db, c, seed, M=M, resample_ends=ENDS)
    for name, bemd in (("right limits", [one.column(c)[0] for c in C_LIST]), ("limits of emdcmp 1.1.1", list(old.T))):
        labels = one.column(C_LIST[0])[1]
        print(f"\n{name}, {options.experiments} experiments\n")
        print(format_summary([row(c, x, labels) for c, x in zip(C_LIST, bemd, strict=True)]))


if __name__ == "__main__":
    main()
