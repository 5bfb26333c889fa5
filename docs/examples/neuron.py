"""Which c may be trusted when choosing between two models of a neuron.

An excitable membrane fires once after a pulse. Its current is a mixture of two textbook forms, Nagumo's cubic (A) and
McKean's lines (B), so that neither candidate is true. Both are fitted to a noisy recording by least squares around
scipy's ODE solver, and B_EMD says how sure the criterion is that A predicts better. The labels are sequential: clear
experiments are settled by 128 points of an endless recording, close ones get more.

What it shows: at small c the criterion calls one of the two better although both are about equally wrong (slope κ < 1,
over-confident). From the recommended c on it is calibrated, for about eight octaves. At still larger c, B_EMD hardly
depends on which model is better: the log score comes near ln 2 = 0.69, that of a coin.

One to two minutes on two cores. After an interrupt the same command continues.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import command
from neuron_models import Neurons

from adaptive_calib.calibration import CalibrationLearner, SequentialLabel

__all__ = ["learner", "main"]


def learner(experiments: int, Ldata: int = 256) -> CalibrationLearner:
    """Return the learner of the example."""
    return CalibrationLearner(
        Neurons(experiments), Ldata=Ldata, labels=SequentialLabel(2**15, 2**17), band=0.15, c_tol=1.0
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; return the exit status: 0, or 130 after Ctrl-C."""
    parser = command.parser("neuron", __doc__, "neuron")
    parser.add_argument("--experiments", type=int, default=768, metavar="N", help="at most (default: %(default)s)")
    parser.add_argument("--Ldata", type=int, default=256, help="points of a recording (default: %(default)s)")
    options = parser.parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    one = learner(options.experiments, options.Ldata)
    ended = command.calibrate(one, options.store or options.output / "results.db", command.executor(options.workers))
    command.report(one)
    command.save_picture(one, options.output / "calibration.png")
    return 0 if ended else 130


if __name__ == "__main__":
    sys.exit(main())
