"""Which c may be trusted when choosing between two regressors of scikit-learn.

The truth lies between a smooth function and one with steps; a polynomial with a penalty (A) is good at the one,
gradient boosted trees (B) at the other, and neither is true. The labels are sequential: clear experiments are settled
by 128 points of an endless sample, close ones get more.

What it shows: which model is truly better, for smooth functions, for stepped ones and in between; and that the
criterion is over-confident at small c, where it is sure of experiments that are close. At large c its answers hardly
depend on which model is better: the log score passes ln 2 = 0.69, that of a coin.

Needs scikit-learn: pip install 'adaptive_calib[examples]'. One to two minutes on two cores. After an
interrupt the same command continues.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import command
import numpy as np
from regression_candidates import Functions, RegressionExperiment, make_regressor

from adaptive_calib.calibration import CalibrationLearner, SequentialLabel

__all__ = ["learner", "main"]


def learner(experiments: int, Ldata: int = 400) -> CalibrationLearner:
    """Return the learner of the example."""
    return CalibrationLearner(Functions(experiments), Ldata=Ldata, labels=SequentialLabel(2**15, 2**17), band=0.15)


def who_wins(one: CalibrationLearner) -> str:
    """Return in how many experiments the polynomial is truly better, for three ranges of λ: a line each."""
    _, labels = one.column(one.c_list[0])
    experiments = one.function.experiments
    shares = np.array([_share(experiments, i) for i in range(len(labels))])
    lines = ["Truly better is          ridge  trees"]
    for low, high, words in ((0, 1 / 3, "smooth functions"), (1 / 3, 2 / 3, "in between"), (2 / 3, 1, "steps")):
        here = labels[(shares >= low) & (shares <= high)]
        lines.append(f"  for {words:<18} {int((here == 1).sum()):6d} {int((here == 0).sum()):6d}")
    return "\n".join(lines)


def _share(experiments: object, index: int) -> float:
    assert isinstance(experiments, Functions)
    experiment = experiments[index]
    assert isinstance(experiment, RegressionExperiment)
    return experiment.truth.share


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example; return the exit status: 0, 1 without scikit-learn, or 130 after Ctrl-C."""
    parser = command.parser("regression", __doc__, "regression")
    parser.add_argument("--experiments", type=int, default=768, metavar="N", help="at most (default: %(default)s)")
    parser.add_argument("--Ldata", type=int, default=400, help="points of an observed data set (default: %(default)s)")
    options = parser.parse_args(argv)
    try:
        make_regressor("ridge", 0)
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    one = learner(options.experiments, options.Ldata)
    ended = command.calibrate(one, options.store or options.output / "results.db", command.executor(options.workers))
    print(who_wins(one), end="\n\n")
    command.report(one)
    command.save_picture(one, options.output / "calibration.png")
    return 0 if ended else 130


if __name__ == "__main__":
    sys.exit(main())
