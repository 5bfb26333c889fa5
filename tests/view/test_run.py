"""A run as data, text and HTML."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, Learner1D, SequenceLearner
from adaptive_calib.engine.goals import Elapsed, LargestError, Loss, Points, Progress
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.view.run import RunHistory, RunView, look, shorten
from adaptive_calib.view.run_html import html, learner_html
from adaptive_calib.view.run_text import rows, text


def _progress(npoints: int = 10, time: float = 5.0) -> Progress:
    return Progress(time, 0.0, "running", npoints, npoints, 0, 0, 0, 1, 1, Learner1D(abs, (0, 1)))


def _finished() -> BlockingRunner:
    return BlockingRunner(Learner1D(abs, (-1, 1)), npoints_goal=20, executor=SequentialExecutor())


def test_goals_in_words() -> None:
    """A joined goal reads as a sentence, in text and in a notebook."""
    goal = Loss(0.01) | Points(5) & Elapsed(60)
    assert str(goal) == "loss at most 0.01 or 5 points and 0:01:00 of running"
    assert goal._repr_html_() == f"<b>goal:</b> {goal}"
    assert str(LargestError.of(Learner1D(abs, (0, 1)), 0.5)) == "error at most 0.5"


def test_overhead_adds_up() -> None:
    """The parts of the overhead add up to it, and a slow learner is seen as one."""

    class Slow(Learner1D):
        def ask(self, n: int, tell_pending: bool = True) -> Any:
            begin = time.perf_counter()
            while time.perf_counter() - begin < 0.002:
                pass
            return super().ask(n, tell_pending)

    runner = BlockingRunner(Slow(abs, (-1, 1)), npoints_goal=50, executor=SequentialExecutor())
    split = runner.overhead_split()
    assert sum(split.values()) == pytest.approx(runner.overhead())
    assert split["learner"] > 50
    assert min(split.values()) >= 0
    assert "learner" in text(look(runner))


def test_a_finished_run() -> None:
    """The table says what was reached and why it ended, in text and HTML."""
    view = look(_finished())
    assert view.status == "finished"
    assert view.share == 1.0
    assert view.npoints == view.new == 20
    assert "status: goal reached: 20 points (npoints_goal=20)\n" in text(view)
    assert 'data-status="finished"' in html(view)


@pytest.mark.parametrize(
    ("new", "seconds", "words"),
    [(20, 8.0, "2.5 points per second"), (20, 600.0, "2 points per minute"), (1, 36_000.0, "0.1 points per hour")],
)
def test_the_rate(new: int, seconds: float, words: str) -> None:
    """Points that this run evaluated, in a unit of time in which there is one."""
    view = replace(look(_finished()), new=new, npoints=100, loaded=100 - new, elapsed=seconds)
    assert rows(view)["rate"] == words
    assert "rate" not in rows(replace(view, new=0))


def test_a_status_is_not_repeated() -> None:
    """Where the reason is no more than the status, it is written once."""
    fields = _fields(look(_finished())) | {"status": "cancelled", "reason": "cancelled"}
    assert "status: cancelled\n" in text(RunView(**fields))


@pytest.mark.parametrize(("mode", "shown"), [("auto", "auto"), (3, ""), (None, "")])
def test_a_mode_is_a_word(mode: Any, shown: str) -> None:
    """Learners of users may have a `mode` that is something else."""
    learner = SequenceLearner(abs, [1])
    learner.mode = mode  # type: ignore[attr-defined]
    assert look(BlockingRunner(learner, executor=SequentialExecutor())).mode == shown


def test_what_users_write_is_escaped() -> None:
    """A reason with markup in it shows as it is."""
    view = look(_finished())
    assert "<b>" not in html(type(view)(**{**_fields(view), "reason": "<b>"}))


def _fields(view: object) -> dict[str, object]:
    return {name: getattr(view, name) for name in type(view).__dataclass_fields__}  # type: ignore[attr-defined]


def test_since() -> None:
    """A task is out since the first look at which it was."""
    history = RunHistory()
    history.note(0.0, 2.0, [0, 1])
    history.note(1.0, 1.5, [1, 2])
    history.note(2.0, 1.0, [1, 2, 3])
    assert [history.since(task) for task in (1, 2, 3)] == [0.0, 1.0, 2.0]
    assert history.losses == [(0.0, 2.0), (1.0, 1.5), (2.0, 1.0)]


def test_history_stays_small() -> None:
    """A run of any length keeps a limited number of losses and only the marks that are needed."""
    history = RunHistory()
    for k in range(5000):
        history.note(float(k), 1.0 / (k + 1), [k, k + 1])
    assert len(history.losses) <= 201
    assert len(history.marks) <= 3
    assert history.losses[0][0] == 0.0
    assert history.losses[-1][0] == 4999.0


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


def test_points_are_short() -> None:
    """Numbers of a point have six digits; anything long is cut."""
    trace = "Traceback"
    points = [0.1 + 0.2, (1, 2 / 3), ("new", 7), "x" * 100]
    view = look(_finished())
    failed = type(view)(**{**_fields(view), "failures": tuple((shorten(point), trace) for point in points)})
    page = html(failed)
    for words in ("failed: 0.3<", "failed: (1, 0.666667)<", "failed: (new, 7)<", "x" * 77 + "...<"):
        assert words in page


def test_more_points_are_running_than_are_listed() -> None:
    """The list says how many it leaves out."""
    view = look(_finished())
    fields = _fields(view) | {"status": "running", "running": (("1.5", 2.0),)}
    assert "running: 1.5 (2 s) and 3 more" in text(type(view)(**{**fields, "pending": 4}))
    assert "running: 1.5 (2 s)\n" in text(type(view)(**{**fields, "pending": 1})) + "\n"


def test_a_run_that_stops_names_what_it_waits_for() -> None:
    """While pending evaluations are completed no time left is shown; retries and claims have their words."""
    view = look(_finished())
    fields = _fields(view) | {"status": "running", "stopping": True, "pending": 2, "reason": "cancelled"}
    words = text(type(view)(**fields))
    assert "status: stopping: waiting for 2 pending evaluations (cancelled)" in words
    assert "time left" not in words
    more = text(type(view)(**{**fields, "retrying": 3, "claim": "error at most 0.1"}))
    assert "3 to be repeated" in more
    assert "accuracy: error at most 0.1" in more
    assert "not the error of the result" in html(view)
