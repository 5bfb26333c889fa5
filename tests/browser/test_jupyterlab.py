"""Live runs in JupyterLab, seen and clicked by a real browser."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: Points in the tables of runs, as the page has them.
_POINTS = "() => Math.max(-1, ...[...document.querySelectorAll('.adaptive-calib-run')].map(e => +e.dataset.points))"
#: Lengths of the columns named so that Bokeh draws on the page; the largest.
_DRAWN = """() => Math.max(0, ...(window.Bokeh ? Bokeh.documents : []).flatMap(document =>
    [...document._all_models.values()].filter(model => model.type.endsWith('ColumnDataSource'))
        .map(source => source.data['%s'] === undefined ? 0 : source.data['%s'].length)))"""

#: The highest bar on the page, which is the number of experiments at some c.
_COUNTED = """() => Math.max(0, ...(window.Bokeh ? Bokeh.documents : []).flatMap(document =>
    [...document._all_models.values()].filter(model => model.type.endsWith('ColumnDataSource'))
        .flatMap(source => [...(source.data['top'] ?? [])])))"""


def _grows(page: Any, count: str, beyond: int) -> int:
    """Wait until a number on the page is larger; return it."""
    page.wait_for_function(f"({count})() > {beyond}", timeout=120_000)
    return int(page.evaluate(count))


@pytest.mark.notebook("live.md")
def test_watch_and_cancel(lab: Any) -> None:
    """Table and plot of a run grow; cancel ends it and keeps its points; a failed run shows its traceback."""
    page, drawn = lab.page, _DRAWN % ("x", "x")
    lab.run(3)
    page.wait_for_selector('.adaptive-calib-run[data-status="running"]', timeout=60_000)
    page.wait_for_selector(".bk-Figure", timeout=30_000)
    shown = page.evaluate(_POINTS)
    _grows(page, drawn, _grows(page, drawn, 20))
    lab.picture("running")
    _grows(page, _POINTS, shown)
    page.get_by_role("button", name="cancel and keep what is running").first.click()
    page.wait_for_selector('.adaptive-calib-run[data-status="cancelled"]', timeout=30_000)
    assert page.evaluate(_POINTS) > shown
    page.wait_for_selector('.adaptive-calib-run[data-status="failed"]', timeout=30_000)
    assert "out of cheese" in page.locator('.adaptive-calib-run[data-status="failed"]').inner_text()
    assert page.get_by_role("button", name="cancel").count() == 0
    lab.picture("cancelled")
    assert lab.errors == []


@pytest.mark.notebook("plots.md")
def test_plots_of_a_line_and_of_a_calibration(lab: Any) -> None:
    """Both grow at the same time, show their last state, and stay in the saved notebook as pictures."""
    page = lab.page
    lab.run(2)
    line = _DRAWN % ("x", "x")
    _grows(page, line, 50)
    _grows(page, _COUNTED, 0)
    assert page.get_by_role("button", name="cancel live-plot").count() > 0  # it is still running
    lab.picture("plots-running")
    # the button goes when the run is over, and the picture takes the place of the plot
    page.wait_for_function("() => document.querySelectorAll('.jp-OutputArea button').length === 0", timeout=120_000)
    page.wait_for_function("() => document.querySelectorAll('img[id^=adaptive-calib]').length === 2", timeout=60_000)
    hidden = "() => [...document.querySelectorAll('img[id^=adaptive-calib]')].every(i => i.style.display === 'none')"
    page.wait_for_function(hidden, timeout=30_000)
    assert page.evaluate(line) >= 300
    lab.picture("plots-ended")
    outputs = [output for cell in lab.saved()["cells"] for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert lab.errors == []


@pytest.mark.notebook("resume.md")
def test_restart_and_resume(lab: Any) -> None:
    """After a restart of the kernel in the middle, the run goes on from its store."""
    page = lab.page
    lab.run(1)
    known = _grows(page, _POINTS, 20)
    lab.restart()
    lab.run(1)
    page.wait_for_selector('.adaptive-calib-run[data-status="finished"]', timeout=60_000)
    assert page.evaluate(_POINTS) == 150
    words = page.locator('.adaptive-calib-run[data-status="finished"]').inner_text()
    loaded = int(words.split(" loaded")[0].split()[-1])
    assert loaded >= known
    lab.picture("resumed")
    assert lab.errors == []
