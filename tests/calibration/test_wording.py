"""What a calibration says of itself: what more would decide, in experiments and in time, and cautions."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest

from adaptive_calib.calibration import CalibrationLearner, OpaqueCalibrationLearner
from adaptive_calib.calibration.decision import Decision, judge_table
from adaptive_calib.calibration.slope import Status
from adaptive_calib.calibration.wording import curve_cautions, duration, forecast, forecast_in_brief
from adaptive_calib.callbacks.calibration_progress import CalibrationProgress
from adaptive_calib.runner import BlockingRunner, SequentialExecutor
from adaptive_calib.view.run import look
from adaptive_calib.view.run_html import html
from adaptive_calib.view.run_text import text
from tests.calibration.test_decision import C, table
from tests.calibration.worlds import Gaussians


@pytest.fixture(scope="module")
def undecided() -> Decision:
    """Three c that are decided soon, one whose slope is at the limit."""
    return judge_table(C, *table([0.9, 1.6, 1.6, 1.6], 150, 1))


def test_the_forecast_names_experiments_and_time(undecided: Decision) -> None:
    """Of each undecided c: the number at which it would be decided, and how long what is missing takes."""
    needed = undecided.experiments_needed
    finite = {c: n for c, n in needed.items() if np.isfinite(n)}
    assert finite
    words = forecast(undecided, 2.0)
    c, n = min(finite.items(), key=lambda item: item[1])
    assert f"2^{np.log2(c):g} at about" in words
    assert f"({duration(2.0 * (n - undecided.n))})" in words
    assert duration(2.0 * (n - undecided.n)) in forecast_in_brief(undecided, 2.0)
    assert "(" not in forecast(undecided)


def test_what_no_number_decides_is_said_in_plain_words(undecided: Decision) -> None:
    """A c whose evidence does not grow has no end in sight."""
    endless = np.where(undecided.status == Status.UNDECIDED, np.inf, np.nan)
    hopeless = replace(undecided, verdicts=replace(undecided.verdicts, needed=endless))
    assert "would stay undecided with 100 times as many experiments" in forecast(hopeless, 1.0)
    assert forecast_in_brief(hopeless).startswith("no end in sight")


def test_the_bar_and_the_view_of_a_run_show_the_forecast() -> None:
    """While a run lasts, and at its end, one sees what more would decide."""
    learner = CalibrationLearner(Gaussians(60), Ldata=32, Linf=256, res=4, c_list=[0.25, 4.0])
    file = io.StringIO()
    with CalibrationProgress(learner, file=file) as bar:
        runner = BlockingRunner(learner, executor=SequentialExecutor(), callbacks=[bar])
    needed = learner.judgement
    assert needed is not None
    assert needed.experiments_needed
    assert re.search(r"next: 2\^|no end in sight", file.getvalue())
    view = look(runner)
    assert view.forecast
    assert f"what more decides: {view.forecast}" in text(view)
    assert "what more decides" in html(view)
    assert "of evaluation" in learner.stopped_because() or "stay undecided" in learner.stopped_because()


def test_a_race_names_what_more_would_decide() -> None:
    """The live view of an opaque calibration shows it too."""
    bemd, labels = table([1.6], 150, 1)
    race = OpaqueCalibrationLearner(lambda point: (0.5, True), 96, start=[1.0], c_bounds=(0.5, 1.0))
    assert race.forecast() == ""
    for i in range(96):
        race.tell((i, 0.0), (float(bemd[i, 0]), bool(labels[i])))
    assert "2^0 at about" in race.forecast()
    assert "min)" in race.forecast(60.0) or "h)" in race.forecast(60.0)


def test_a_criterion_that_tells_nothing_is_named() -> None:
    """B_EMD that have nothing to do with who wins: every c is rejected, and the reason is said."""
    rng = np.random.default_rng(0)
    decision = judge_table(C, rng.uniform(0.2, 0.8, (3000, 4)), (rng.random(3000) < 0.5).astype(float))
    assert decision.interval.state == "none"
    assert any("tells nothing of which model wins" in words for words in curve_cautions(decision))
    bold = judge_table(C, *table([0.5] * 4, 3000, 1))
    assert bold.interval.state == "none"
    assert not any("tells nothing" in words for words in curve_cautions(bold))
