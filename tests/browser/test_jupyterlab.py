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
    page.get_by_role("button", name="cancel", exact=True).first.click()
    page.wait_for_selector('.adaptive-calib-run[data-status="cancelled"]', timeout=30_000)
    assert page.evaluate(_POINTS) > shown
    page.wait_for_selector('.adaptive-calib-run[data-status="failed"]', timeout=30_000)
    assert "out of cheese" in page.locator('.adaptive-calib-run[data-status="failed"]').inner_text()
    # the plot is drawn once more before its button goes
    page.get_by_role("button", name="cancel").first.wait_for(state="detached", timeout=30_000)
    lab.picture("cancelled")
    outputs = [output.get("data", {}) for cell in lab.saved()["cells"] for output in cell.get("outputs", [])]
    pages = ["".join(output.get("text/html", "")) for output in outputs]
    assert sum('data-status="cancelled"' in page for page in pages) == 1
    assert sum('data-status="failed"' in page for page in pages) == 1
    assert not any("application/vnd.jupyter.widget-view+json" in output for output in outputs)
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


#: All plots on the page from top to bottom: ranges of the axes, numbers drawn, the middle of the frame in pixels.
_PLOTS = """() => {
    const plots = []
    const visit = view => {
        if (view.frame !== undefined && view.model.type.endsWith("Figure")) {
            const {x_range, y_range, renderers, id} = view.model, box = view.el.getBoundingClientRect()
            const {x_center, y_center} = view.frame.bbox
            const drawn = renderers.flatMap(renderer => Object.values(renderer.data_source?.data ?? {}))
                .flatMap(column => [...column].map(item => item?.length ?? 1))
            const top = renderers.flatMap(renderer => [...(renderer.data_source?.data.top ?? [])])
            plots.push({
                id: id, x: box.x + x_center, y: box.y + y_center,
                drawn: [...drawn, ...top].reduce((sum, n) => sum + n, 0),
                ranges: [x_range.start, x_range.end, y_range.start, y_range.end], top: Math.max(0, ...top),
            })
        }
        for (const child of view.child_views ?? []) { visit(child) }
    }
    for (const view of Object.values(window.Bokeh?.index ?? {})) { visit(view) }
    return plots.sort((one, other) => one.y - other.y || one.x - other.x)
}"""


def _drawn_beyond(page: Any, plots: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Wait until each of the plots has drawn more numbers; return them as they are then."""
    grown = f"before => {{ const now = ({_PLOTS})(); return before.every(plot => now.some("
    grown += "other => other.id === plot.id && other.drawn > plot.drawn)) }"
    page.wait_for_function(grown, arg=plots, timeout=120_000)
    return _now(page, plots)


def _now(page: Any, plots: list[dict[str, Any]]) -> list[dict[str, Any]]:
    now = {plot["id"]: plot for plot in page.evaluate(_PLOTS)}
    return [now[plot["id"]] for plot in plots]


@pytest.mark.notebook("zoom.md")
def test_the_zoom_that_the_user_chose_is_kept(lab: Any) -> None:
    """Frames leave axes alone that the user has moved, in layouts too to which panels are added; reset lets them go."""
    page = lab.page
    page.set_viewport_size({"width": 1300, "height": 2600})  # all plots within reach of the mouse
    lab.run(3)
    page.wait_for_function(f"() => ({_PLOTS})().length === 4", timeout=60_000)
    before = _drawn_beyond(page, [plot | {"drawn": 20} for plot in page.evaluate(_PLOTS)])
    for plot in before:
        page.mouse.move(plot["x"], plot["y"])
        page.mouse.down()
        page.mouse.move(plot["x"] + 60, plot["y"] + 30, steps=3)
        page.mouse.up()
    page.mouse.move(before[0]["x"], before[0]["y"])
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(500)
    zoomed = _now(page, before)
    assert all(one["ranges"] != other["ranges"] for one, other in zip(zoomed, before, strict=True))
    lab.picture("zoomed")
    later = _drawn_beyond(page, _drawn_beyond(page, zoomed))
    assert [plot["ranges"] for plot in later] == [plot["ranges"] for plot in zoomed]
    page.wait_for_function(f"() => ({_PLOTS})().length === 5", timeout=60_000)
    lab.picture("zoomed-later")
    for button in page.locator(".bk-tool-icon-reset").all():
        button.click()
    after = _drawn_beyond(page, later)
    assert all(one["ranges"] != other["ranges"] for one, other in zip(after, later, strict=True))
    counts = after[-1]
    assert counts["ranges"][2] <= 0 < counts["top"] <= counts["ranges"][3]  # follows what is drawn
    lab.picture("zoom-reset")
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


#: Of the line on the page: its points, limits of the y axis, lowest and highest value.
_LINE = """() => {
    const figures = (window.Bokeh ? Bokeh.documents : []).flatMap(document => [...document._all_models.values()])
        .filter(model => model.type.endsWith("Figure") && model.renderers[0]?.glyph.type === "Scatter")
    if (figures.length === 0) { return null }
    const {renderers, y_range} = figures[0], ys = [...renderers[0].data_source.data.y]
    return {n: ys.length, start: y_range.start, end: y_range.end, low: Math.min(...ys), high: Math.max(...ys)}
}"""


def _whole(page: Any, n: int) -> None:
    """Wait until the plot of the line has all its points, and axes that show them."""
    page.wait_for_function(f"n => {{ const line = ({_LINE})(); return line !== null && line.n === n }}", arg=n)
    line = page.evaluate(_LINE)
    assert line["start"] < line["low"]
    assert line["high"] < line["end"]


@pytest.mark.notebook("sliders.md")
def test_sliders_select_a_frame_after_a_reload(lab: Any) -> None:
    """The frame of a HoloMap that was selected is shown whole when the page is loaded again, and another one can be."""
    page = lab.page
    page.set_default_timeout(100_000)
    page.set_viewport_size({"width": 1000, "height": 900})
    lab.run(1)

    def shows(power: int, n: int) -> None:
        of_power = f"line !== null && line.n === {n} && line.low === {10 * power - 1}"
        page.wait_for_function(f"() => {{ const line = ({_LINE})(); return {of_power} }}")

    shows(0, 60)
    page.get_by_role("slider").press("ArrowRight")
    shows(1, 60)
    lab.saved()
    lab.reload()
    shows(1, 60)
    page.get_by_role("slider").press("ArrowRight")
    shows(2, 60)
    lab.picture("sliders-reloaded")
    lab.run_cell(1)
    page.wait_for_selector('.adaptive-calib-run[data-status="finished"]')
    shows(2, 101)
    page.get_by_role("slider").press("ArrowLeft")
    shows(1, 101)
    lab.picture("sliders-ended")
    assert lab.errors == []


@pytest.mark.timeout(900)
@pytest.mark.notebook("reload.md")
def test_a_plot_is_whole_whenever_it_is_seen(lab: Any) -> None:
    """In the running notebook, after a reload, in a second browser, after the end, and in the saved notebook."""
    page = lab.page
    page.set_default_timeout(150_000)
    lab.run(2)
    _whole(page, 119)
    lab.saved()
    lab.reload()
    _whole(page, 119)
    lab.picture("reloaded")
    with lab.second() as other:
        _whole(other, 119)
        (plot, *_) = other.evaluate(_PLOTS)
        other.mouse.move(plot["x"], plot["y"])
        other.mouse.wheel(0, -200)
        other.wait_for_timeout(500)
        zoomed = other.evaluate(_LINE)
        lab.reload()  # a page that connects changes nothing on the others
        _whole(page, 119)
        assert other.evaluate(_LINE) == zoomed
        lab.run_cell(2)
        _whole(page, 201)
        page.wait_for_selector('.adaptive-calib-run[data-status="finished"]')
        _grows(other, f"() => ({_LINE})().n", 200)
    lab.picture("reloaded-ended")
    lab.reload()  # the run has ended, and its kernel still has the plot
    _whole(page, 201)
    lab.picture("reloaded-after-the-end")
    assert lab.errors == []
