"""Results of a calibration as notebooks and terminals show them."""

from __future__ import annotations

import math
from html.parser import HTMLParser

import pytest

from adaptive_calib.calibration import CalibrateOutput, DataSizeStudy, FixedLabel, summarise
from adaptive_calib.calibration.interval import acceptable_interval
from adaptive_calib.calibration.slope import Status
from adaptive_calib.runner import SequentialExecutor, simple
from adaptive_calib.tasks import Calibrate
from adaptive_calib.view.calibration_html import html
from adaptive_calib.view.calibration_result import ResultRow, ResultView, result_view, text
from tests.calibration.worlds import Gaussians
from tests.view.test_calibration_learner import calibration, opaque


class Balanced(HTMLParser):
    """Collects the words of a page, and refuses tags that are not closed in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        assert "background" not in dict(attrs).get("style", "")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def observed(learner, n):
    for _ in range(n):
        for point in learner.ask(1)[0]:
            learner.tell(point, learner.function(point))
    return learner


@pytest.mark.parametrize("make", [calibration, opaque])
@pytest.mark.parametrize("n", [0, 3, 40, 1000])
def test_learners_are_shown_at_every_time(make, n):
    """Nothing, little or all known: each c that is judged has a row with its status, and HTML and text say the same."""
    learner = observed(make(), n)
    shown, now = result_view(learner), learner.current()
    assert [row.status for row in shown.rows] == ([] if now is None else now.status.tolist())
    facts = dict(shown.facts)
    assert facts["acceptable c"] == learner.acceptable_interval().words
    assert facts["state"] == learner.stopped_because()
    best = learner.recommended_c()
    assert [row.cells[0] for row in shown.rows if row.recommended] == ([] if best is None else [f"{best:.6g}"])
    bundle = learner._repr_mimebundle_()
    assert bundle["text/html"] == learner._repr_html_() == html(shown)
    words = Balanced(bundle["text/html"]).words
    for part in [*facts.values(), *shown.cautions, *(cell for row in shown.rows for cell in row.cells)]:
        assert any(part in word for word in words)
        assert part in bundle["text/plain"]


def test_the_number_of_experiments_is_that_of_each_c():
    """Where values of c race, each row counts its own experiments."""
    learner = observed(opaque(), 1000)
    rows = {row.cells[0]: row for row in result_view(learner).rows}
    for c in learner.c_list:
        bemd, _ = learner.column(c)
        assert rows[f"{c:.6g}"].cells[2] == str(len(bemd))


def test_what_is_under_way_or_failed_is_said():
    """Points that are out and points that failed are counted."""
    learner = calibration()
    first, *_ = learner.ask(3)[0]
    learner.tell_failed(first)
    facts = dict(result_view(learner).facts)
    assert facts["experiments"] == "1 of 40 complete (1 failed, 2 pending)"
    assert "1 of 1 experiments failed" in html(learner)


def test_why_a_race_is_not_over():
    """A race names the c that are undecided, and says when all are decided."""
    learner = opaque()
    assert "2^-8, 2^-4, 2^0, 2^4, 2^8" in learner.stopped_because()
    simple(learner)
    assert learner.done()
    assert learner.stopped_because().startswith(
        "every undecided c has its 60 experiments; with more experiments these c would be decided: "
    )


def test_an_interval_says_how_sure_its_ends_are():
    """A closed end has limits, an open one says so, and without any acceptable c there are no ends."""
    x, slopes = [-2.0, 0.0, 2.0], [0.1, 1.5, 1.4]
    interval = acceptable_interval(x, [-1, 1, 1], slopes, [0.1, 0.1, 0.1])
    facts = dict(result_view(interval).facts)
    assert facts["lower end"].startswith(f"near 2^{interval.lower.estimate:.4g}, between 2^{interval.lower.low:.4g}")
    assert facts["upper end"].startswith("not reached")
    assert facts["recommended c"] == "1 = 2^0"
    assert dict(result_view(acceptable_interval(x, [-1, -1, -1])).facts)["recommended c"] == "none yet"


def test_a_judgement_says_what_is_still_open():
    """Tolerances that are not met are named with how far they are."""
    learner = observed(calibration(), 40)
    shown = result_view(learner.judgement)
    unmet = [name for name, ratio in learner.judgement.unmet.items() if ratio > 1]
    assert unmet
    assert all(name in dict(shown.facts)["still open"] for name in unmet)
    assert len(shown.rows) == len(learner.judgement.log2c)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (summarise(calibration()), "none yet"),
        (summarise(observed(calibration(), 40)), "slope κ"),
        (CalibrateOutput([], []), "experiments: 0"),
        (CalibrateOutput([0.1, 0.2, 0.8, math.nan], [False, True]), "A truly wins in 1 of 2"),
        (DataSizeStudy(Gaussians(8), 4, c_list=[0.25, 1.0], Linf=64), "0.25, 1"),
        (DataSizeStudy(Gaussians(8), 4, c_list=[1.0], labels=FixedLabel(64), replicate=max), "4 replicate data sets"),
    ],
)
def test_other_results(result, words):
    """Every result shows itself in both ways."""
    bundle = result._repr_mimebundle_()
    assert words in bundle["text/plain"]
    assert Balanced(bundle["text/html"]).words
    assert "nan" not in bundle["text/html"]


def test_a_task_shows_its_reason_and_what_it_learned():
    """`Calibrate` shows why it is computed, before its run and after."""
    task = Calibrate(
        [0.5, 1.0], Gaussians(12), Ldata=32, Linf=64, reason="to <see>", executor=SequentialExecutor(), name="g"
    )
    assert "0 of 12 complete" in task._repr_mimebundle_()["text/plain"]
    task.run()
    assert "to &lt;see&gt;" in task._repr_html_()
    assert "12 of 12 complete" in task._repr_mimebundle_()["text/plain"]


def test_all_words_are_escaped():
    """Nothing that a name or a message holds becomes a tag."""
    evil = "<script>&"
    shown = ResultView(evil, ((evil, evil),), (evil, evil), (ResultRow((evil, evil), Status.ACCEPTABLE),), (evil,))
    assert "<script" not in html(shown)
    assert Balanced(html(shown)).words.count(evil) == 7  # all but the caution, which follows its sign
    assert text(shown).count(evil) == 8


def test_no_result():
    """Something else is refused in clear words."""
    with pytest.raises(TypeError, match="expected a result of a calibration"):
        result_view(3)
