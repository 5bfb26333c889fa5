"""What a run looks like as data, text and HTML."""

from __future__ import annotations

import pytest

from adaptive_calib import BlockingRunner, Learner1D
from adaptive_calib.engine.goals import Elapsed, Loss, Points, Progress
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.view.run import Past, goal_text, html, learner_html, look, share_reached, text, time_left


def _progress(npoints: int = 10, time: float = 5.0) -> Progress:
    return Progress(time, 0.0, "running", npoints, npoints, 0, 0, 0, 1, 1, Learner1D(abs, (0, 1)))


def _finished() -> BlockingRunner:
    return BlockingRunner(Learner1D(abs, (-1, 1)), npoints_goal=20, executor=SequentialExecutor())


def test_goals_in_words() -> None:
    """A joined goal reads as a sentence."""
    assert goal_text(Loss(0.01) | Points(5) & Elapsed(60)) == "loss at most 0.01 or 5 points and 0:01:00 of running"


def test_share_and_time_left() -> None:
    """Either of two goals counts by the nearer, both by the farther one."""
    either, both = Points(40) | Elapsed(10), Points(40) & Elapsed(10)
    assert share_reached(either, _progress()) == 0.5
    assert share_reached(both, _progress()) == 0.25
    assert time_left(either, _progress()) == 5.0
    assert time_left(both, _progress()) == 15.0
    assert time_left(Loss(0.1), _progress()) is None


def test_a_finished_run() -> None:
    """The table says what was reached and why it ended, in text and HTML."""
    view = look(_finished())
    assert view.status == "finished"
    assert view.share == 1.0
    assert view.npoints == view.new == 20
    assert "20 points are known" in text(view)
    assert 'data-status="finished"' in html(view)


def test_what_users_write_is_escaped() -> None:
    """A reason with markup in it shows as it is."""
    view = look(_finished())
    assert "<b>" not in html(type(view)(**{**_fields(view), "reason": "<b>"}))


def _fields(view: object) -> dict[str, object]:
    return {name: getattr(view, name) for name in type(view).__dataclass_fields__}  # type: ignore[attr-defined]


def test_since() -> None:
    """A task is out since the first look at which it was."""
    past = Past()
    past.note(0.0, 2.0, [0, 1])
    past.note(1.0, 1.5, [1, 2])
    past.note(2.0, 1.0, [1, 2, 3])
    assert [past.since(task) for task in (1, 2, 3)] == [0.0, 1.0, 2.0]
    assert past.losses == [(0.0, 2.0), (1.0, 1.5), (2.0, 1.0)]


def test_history_stays_small() -> None:
    """A run of any length keeps at most so many losses and only the marks that are needed."""
    past = Past()
    for k in range(5000):
        past.note(float(k), 1.0 / (k + 1), [k, k + 1])
    assert len(past.losses) <= 201
    assert len(past.marks) <= 3
    assert past.losses[0][0] == 0.0
    assert past.losses[-1][0] == 4999.0


def test_reprs() -> None:
    """Runners and learners show themselves as tables."""
    runner = _finished()
    bundle = runner._repr_mimebundle_()
    assert "20 points" in bundle["text/plain"]
    assert 'data-points="20"' in bundle["text/html"]
    assert "abs" in learner_html(runner.learner) == runner.learner._repr_html_()


@pytest.mark.parametrize("n", [0, 1])
def test_a_learner_with_little(n: int) -> None:
    """A learner without or with one point has a table too."""
    learner = Learner1D(abs, (-1, 1))
    for x in [0.5][:n]:
        learner.tell(x, 1.0)
    assert "Learner1D" in learner_html(learner)
