"""python-adaptive's learners under our runners, and ours under theirs."""

from __future__ import annotations

import asyncio
import warnings

import pytest

from adaptive_calib import runner as ours
from adaptive_calib.learner.learner1D import Learner1D
from adaptive_calib.learner.sequence_learner import SequenceLearner

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the peer's import, for instance that uvloop is not there
    adaptive = pytest.importorskip("adaptive", reason="python-adaptive is not installed")


def peak(x):
    return x + 1e-4 / (1e-4 + x * x)


LEARNERS = [
    pytest.param(lambda: adaptive.Learner1D(peak, (-1, 1)), id="Learner1D"),
    pytest.param(lambda: adaptive.Learner2D(lambda xy: xy[0] * xy[1], [(-1, 1), (-1, 1)]), id="Learner2D"),
    pytest.param(lambda: adaptive.SequenceLearner(abs, range(40)), id="SequenceLearner"),
    pytest.param(lambda: adaptive.AverageLearner(lambda seed: seed % 7, rtol=0.01), id="AverageLearner"),
    pytest.param(
        lambda: adaptive.DataSaver(adaptive.Learner1D(lambda x: {"y": x}, (0, 1)), lambda r: r["y"]), id="DataSaver"
    ),
    pytest.param(
        lambda: adaptive.BalancingLearner([adaptive.Learner1D(peak, (-1, 1)) for _ in range(3)], strategy="npoints"),
        id="BalancingLearner",
    ),
]


@pytest.mark.parametrize("make", LEARNERS)
def test_their_learners_under_our_runners(make):
    """Blocking and async, with a log that replays to the same next ask."""
    learner = make()
    runner = ours.BlockingRunner(learner, lambda one: one.npoints >= 15, executor=ours.SequentialExecutor(), log=True)
    assert learner.npoints == 15
    assert runner.status() == "finished"
    fresh = make()
    ours.replay_log(fresh, runner.log)
    assert fresh.data == learner.data
    assert fresh.ask(3)[0] == learner.ask(3)[0]

    async def main():
        later = ours.AsyncRunner(make(), lambda one: one.npoints >= 15, executor=ours.SequentialExecutor())
        await later.task
        return later.status()

    assert asyncio.run(main()) == "finished"


def test_their_learner_with_failures_under_ours():
    """The peer's SequenceLearner with a failing point ends instead of spinning."""

    def fails(x):
        if x == 3:
            raise ValueError(x)
        return x

    learner = adaptive.SequenceLearner(fails, range(6))
    runner = ours.BlockingRunner(learner, executor=ours.SequentialExecutor(), raise_if_retries_exceeded=False)
    assert sorted(learner.data) == [0, 1, 2, 4, 5]
    assert runner.failed == {(3, 3)}
    assert "nothing left to ask" in runner.stop_reason


def test_our_learners_under_their_runners():
    """The same points as under our own."""
    theirs, mine = Learner1D(peak, (-1, 1)), Learner1D(peak, (-1, 1))
    adaptive.BlockingRunner(theirs, npoints_goal=30, executor=adaptive.runner.SequentialExecutor())
    ours.BlockingRunner(mine, npoints_goal=30, executor=ours.SequentialExecutor())
    assert theirs.data == mine.data
    sequence = SequenceLearner(abs, range(-5, 5))
    adaptive.BlockingRunner(sequence, SequenceLearner.done, executor=adaptive.runner.SequentialExecutor())
    assert sequence.result() == [abs(x) for x in range(-5, 5)]
    adaptive.runner.simple(Learner1D(peak, (-1, 1)), npoints_goal=10)
