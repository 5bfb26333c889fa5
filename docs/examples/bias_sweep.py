"""The bias sweep: one criterion over 21 octaves of its sensitivity c, on 4096 experiments.

The second blackbody distribution of the paper: one window, one temperature, and a bias of either sign that neither law
contains. On a fixed grid, c = 2^-15, 2^-12, …, 2^6, with 1024 observed points and labels from 12,288. The authors
describe the sweep as feasible on a cluster only; here it takes minutes.

All results are kept in a store: after an interrupt or a crash the same command continues. It ends with a table of one
row for each c.

Source: René & Longtin, Nature Communications 2025, doi 10.1038/s41467-025-64658-7.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import command

from adaptive_calib.calibration import CalibrationLearner
from adaptive_calib.examples.blackbody.distributions import BiasSweep

__all__ = ["C_LIST", "learner", "main"]

#: The grid of c.
C_LIST = tuple(2.0**x for x in range(-15, 7, 3))


def learner(experiments: int = 4096) -> CalibrationLearner:
    """Return the learner of the sweep, on its fixed grid."""
    return CalibrationLearner(BiasSweep(experiments), Ldata=1024, Linf=12288, c_list=C_LIST)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; return the exit status: 0, or 130 after Ctrl-C."""
    parser = command.parser("bias_sweep", __doc__, "bias_sweep")
    parser.add_argument("--experiments", type=int, default=4096, metavar="N", help="how many (default: %(default)s)")
    options = parser.parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    sweep = learner(options.experiments)
    ended = command.calibrate(sweep, options.store or options.output / "results.db", command.executor(options.workers))
    command.report(sweep)
    command.save_picture(sweep, options.output / "calibration.png")
    return 0 if ended else 130


if __name__ == "__main__":
    sys.exit(main())
