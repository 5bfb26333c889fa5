"""The progress bar knows its end where the learner has one."""

from __future__ import annotations

import pytest

from adaptive_calib.learner import BalancingLearner, DataSaver, Learner1D, SequenceLearner
from adaptive_calib.runner import BlockingRunner, SequentialExecutor


def sequence() -> SequenceLearner:
    return SequenceLearner(abs, [-1, -2, -3])


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (sequence, "3/3"),
        (lambda: BalancingLearner([sequence(), sequence()]), "6/6"),
        (lambda: DataSaver(SequenceLearner(lambda x: {"y": x}, [1, 2]), lambda result: result["y"]), "2/2"),
    ],
    ids=["sequence", "many sequences", "within a DataSaver"],
)
def test_a_learner_that_ends_by_itself_fills_the_bar(make, shown, capsys):
    """Without a goal the end is that of the sequences."""
    BlockingRunner(make(), executor=SequentialExecutor(), progress=True)
    assert shown in capsys.readouterr().err


def test_without_an_end_the_bar_counts(capsys):
    """A learner of a continuum has no last point."""
    BlockingRunner(Learner1D(abs, (-1, 1)), lambda one: one.npoints >= 5, executor=SequentialExecutor(), progress=True)
    shown = capsys.readouterr().err
    assert "5pt" in shown
    assert "/5" not in shown
