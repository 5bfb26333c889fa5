"""Losses and errors are extrapolated to the time left, the same in every view of a run."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, Learner1D
from adaptive_calib.callbacks.progress_bar import ProgressBar
from adaptive_calib.engine.goals import Loss
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.runner.terminal import block
from adaptive_calib.view.run import from_state, look, to_state
from adaptive_calib.view.run_html import html
from adaptive_calib.view.run_text import time_left
from adaptive_calib.view.time_left import points_left


@pytest.mark.parametrize("order", [1, 2, 4])
def test_a_power_of_the_number_of_points(order: int) -> None:
    """A loss that falls as n**-order reaches its goal where that says, with a range around it."""
    path = [(n, order * math.log(n) / (order * math.log(1000))) for n in range(10, 300, 5)]
    low, likely, high = points_left(path) or (0, 0, 0)
    assert likely == pytest.approx(1000 - 295, rel=1e-6)
    assert low < 700 < high


def test_an_exponential() -> None:
    """An error that falls by the same factor for each point reaches its goal where that says."""
    low, likely, high = points_left([(n, n / 80) for n in range(10, 50)]) or (0, 0, 0)
    assert likely == pytest.approx(80 - 49, rel=1e-6)
    assert low < likely < high


@pytest.mark.parametrize(
    "path", [[], [(5, 0.1)], [(n, 0.3) for n in range(1, 50)], [(n, 0.5 - n / 200) for n in range(1, 50)]]
)
def test_nothing_is_said_without_a_reason(path: list[tuple[int, float]]) -> None:
    """Too few states, a share that stands still or falls: no number is better than a wrong one."""
    assert points_left(path) is None


class _Bar:
    """What a progress bar needs of tqdm."""

    n, total, bar_format = 0, 0, ""

    def set_postfix_str(self, words: str, refresh: bool) -> None: ...

    def refresh(self) -> None: ...

    def close(self) -> None: ...


class Watched(BlockingRunner):
    """A run that is looked at after each step, and kept as it was at 100 points."""

    bar = _Bar()

    def _begin(self) -> None:
        self.session.observers.append(self.look)
        super()._begin()

    def look(self, events: Any, effects: Any, progress: Any) -> None:
        if progress.npoints <= 100:
            self.seen = look(self)
            self.drawn = self.bar.n / self.bar.total if self.bar.total else 0.0, self.bar.bar_format


def test_all_views_agree() -> None:
    """Table, terminal, stored state and progress bar of one moment of a run show the same share and time left."""
    learner = Learner1D(lambda x: x + math.tanh(20 * x), (-1, 1))
    bar = ProgressBar(bar=Watched.bar, interval=0.0)
    runner = Watched(learner, goal=Loss(0.002), executor=SequentialExecutor(), callbacks=[bar])
    view = runner.seen
    assert view.left is not None
    assert view.left_range is not None
    assert view.left_range[0] < view.left < view.left_range[1]
    stored = from_state(json.loads(json.dumps(to_state(view))))
    assert stored.left_range == view.left_range
    words = time_left(view)
    assert words == time_left(stored)
    assert f"about {timedelta(seconds=round(view.left))} (" in words
    assert words in html(view)
    assert any(words in line for line in block(view, 200))
    share, words = runner.drawn
    assert view.share is not None
    assert share == pytest.approx(view.share, abs=0.005)
    assert f"<{timedelta(seconds=round(view.left))}," in words
    assert stored.share == view.share
    assert look(runner).left is None
    assert learner.npoints > 100


def test_displays_that_begin_later_show_the_same() -> None:
    """The share of a loss is relative to the first one that any display of the run saw."""
    views = []

    def seen(events: Any, effects: Any, progress: Any) -> None:
        if progress.npoints in (10, 30):
            views.append((look(running[0]), look(running[0])))

    class Begun(BlockingRunner):
        def _begin(self) -> None:
            running.append(self)
            super()._begin()

    running: list[Any] = []
    learner = Learner1D(lambda x: x + math.tanh(20 * x), (-1, 1))
    Begun(learner, goal=Loss(0.02), executor=SequentialExecutor(), callbacks=[seen])
    (early, _), (late, later) = views
    assert early.share is not None
    assert late.share is not None
    assert 0 <= early.share < late.share == later.share < 1
