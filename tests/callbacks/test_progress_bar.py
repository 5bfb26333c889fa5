"""The progress bar knows its end where the learner has one."""

from __future__ import annotations

from math import inf

import pytest

from adaptive_calib.learner import BalancingLearner, DataSaver, Learner1D, SequenceLearner
from adaptive_calib.runner import (
    BlockingRunner,
    Elapsed,
    Loss,
    Points,
    Progress,
    ProgressBar,
    SequentialExecutor,
)


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


class Five:
    """A goal of a user's own."""

    def reached(self, progress: Progress) -> bool:
        return progress.npoints >= 5

    def reason(self, progress: Progress) -> str:
        return "five"

    def due(self, progress: Progress) -> float:
        return inf


@pytest.mark.parametrize("goal", [Five(), Points(5), Elapsed(1e9) | Five(), Loss(2.0) & Five()])
def test_any_goal_fills_the_bar(goal, capsys):
    """The bar is full at the end, whatever the goal is made of."""
    BlockingRunner(Learner1D(abs, (-1, 1)), goal, executor=SequentialExecutor(), progress=True)
    assert "5/5" in capsys.readouterr().err


def test_a_goal_without_a_number_of_points_has_an_estimated_total():
    """After half of the time the bar is half full."""

    class Bar:
        total = n = 0

        def set_postfix_str(self, text, refresh):
            pass

        def refresh(self):
            pass

    bar = Bar()
    show = ProgressBar(goal=Elapsed(100), bar=bar)
    show([], [], Progress(50.0, 0.0, "running", 30, 30, 0, 0, 0, 1, 1, None))
    assert (bar.n, bar.total) == (30, 60)
