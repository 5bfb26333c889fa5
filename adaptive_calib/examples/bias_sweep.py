"""The bias sweep: one criterion over 21 octaves of its sensitivity c, on 4096 experiments.

The paper's second blackbody distribution: one window, one temperature, and a bias of either sign that neither law can
know. On a fixed grid, c = 2^-15, 2^-12, …, 2^6, with 1024 observed points and labels from 12,288. The authors describe
it as feasible on a cluster only; here it takes minutes. Everything is kept in a store: interrupt it, kill it, start it
again, and it goes on. At the end there is a table with a row for each c.

Source: René & Longtin, Nature Communications 2025, doi 10.1038/s41467-025-64658-7.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaptive_calib.calibration import CalibrationLearner, format_summary, summarise
from adaptive_calib.callbacks.calibration_progress import CalibrationProgress
from adaptive_calib.examples.blackbody.distributions import BiasSweep
from adaptive_calib.runner import BlockingRunner, SequentialExecutor

__all__ = ["C_LIST", "learner", "main"]

#: The grid of c.
C_LIST = tuple(2.0**x for x in range(-15, 7, 3))


def learner(experiments: int = 4096) -> CalibrationLearner:
    """Return the learner of the sweep, on its fixed grid."""
    return CalibrationLearner(BiasSweep(experiments), Ldata=1024, Linf=12288, c_list=C_LIST)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m adaptive_calib.examples.bias_sweep", description=__doc__)
    add = parser.add_argument
    add("--experiments", type=int, default=4096, metavar="N", help="how many experiments (default: %(default)s)")
    add("--workers", type=int, default=None, help="number of processes (default: one for each core; 0: this one)")
    add("--store", type=Path, default=Path("bias_sweep.db"), help="where results are kept (default: %(default)s)")
    return parser


def _executor(workers: int | None) -> Any:
    if workers is None:
        return None  # loky's reusable pool on all cores
    if workers == 0:
        return SequentialExecutor()
    from loky import get_reusable_executor

    return get_reusable_executor(max_workers=workers)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; return the exit status: 0, or 130 after Ctrl-C."""
    options = _parser().parse_args(argv)
    one = learner(options.experiments)
    started = time.perf_counter()
    with CalibrationProgress(one) as bar:
        runner = BlockingRunner(
            one, executor=_executor(options.workers), store=options.store, on_error="continue", callbacks=[bar]
        )
    seconds = time.perf_counter() - started
    print(f"\n{bar.evaluated} experiments evaluated in {seconds:.0f} s, {bar.loaded} were in {options.store}.")
    if one.failed_points:
        print(f"{len(one.failed_points)} failed; see python -m adaptive_calib.store {options.store} failures")
    print(f"{one.stopped_because()}.\n")
    print(format_summary(summarise(one)))
    print(f"\n{one.acceptable_interval().words}")
    for words in one.cautions():
        print(f"Note: {words}.")
    return 130 if runner.status() == "cancelled" else 0


if __name__ == "__main__":
    sys.exit(main())
