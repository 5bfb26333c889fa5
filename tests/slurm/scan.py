"""The program of a batch job: evaluates a list of points and stores each; notes each evaluation that begins."""

from __future__ import annotations

import os
import sys
import time

from adaptive_calib import BlockingRunner, SequenceLearner

SECONDS = 1.5


def slow(x):
    """Square a number in `SECONDS`; note that it began."""
    with open(os.environ["DRAWN"], "a", encoding="utf-8") as file:
        file.write(f"{x}\n")
    time.sleep(SECONDS)
    return x * x


if __name__ == "__main__":
    learner = SequenceLearner(slow, range(int(sys.argv[1])))
    runner = BlockingRunner(learner, store="scan.db", ntasks=2)
    print(runner.stop_reason)
    sys.exit(0 if learner.done() else 3)
