"""The live views outside a notebook, and in a kernel that is simulated as far as they can see."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adaptive_calib import AsyncRunner, Learner1D, notebook_integration
from adaptive_calib.learner import BalancingLearner, Learner2D
from adaptive_calib.notebook import environment, in_ipynb, info, live_plot, plot, should_update, static_output
from adaptive_calib.notebook.update_schedule import UpdateSchedule
from adaptive_calib.runner import SequentialExecutor, simple
from adaptive_calib.view.marks import marks


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Pretend to be in a kernel; return what is displayed."""
    import IPython.display

    displayed: list[Any] = []
    monkeypatch.setattr(IPython.display, "display", lambda thing, **_: displayed.append(thing))
    for module in (info, plot):
        monkeypatch.setattr(module, "in_ipynb", lambda: True)
    import holoviews as hv

    hv.renderer("bokeh")
    return displayed


def _runner(**arguments: Any) -> AsyncRunner:
    arguments = {"npoints_goal": 30, "executor": SequentialExecutor(), "background": False} | arguments
    return AsyncRunner(Learner1D(arguments.pop("function", abs), (-1, 1)), **arguments)


def test_import_loads_nothing() -> None:
    """Importing the live views loads no display library."""
    code = (
        "import sys, adaptive_calib.notebook_integration; "
        "print([m for m in ('holoviews', 'bokeh', 'ipywidgets', 'IPython', 'plotly') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_familiar_names() -> None:
    """The familiar module holds the same things."""
    assert notebook_integration.live_plot is live_plot
    assert notebook_integration.active_plotting_tasks is plot.active_plotting_tasks


def test_in_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    """Outside a notebook the views print a line instead of failing; the extension refuses."""
    runner = _runner()
    runner.live_info()
    assert runner.live_plot() is None
    out = capsys.readouterr().out
    assert "Learner1D run" in out
    assert "live_info_terminal" in out
    assert not in_ipynb()
    assert should_update(None)
    with pytest.raises(RuntimeError, match="may only be run from a Jupyter notebook"):
        environment.notebook_extension()
    runner.block_until_done()


def test_without_holoviews(shown: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Without HoloViews a sentence says what to install."""
    monkeypatch.setitem(sys.modules, "holoviews", None)
    runner = _runner()
    assert runner.live_plot() is None
    assert "adaptive_calib[notebook]" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="pip install"):
        environment.ensure_holoviews()
    runner.block_until_done()


def test_without_ipywidgets(shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ipywidgets there is the table, with a sentence."""
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    runner = _runner()
    runner.block_until_done()
    runner.live_info()
    assert "finished" in shown[0].data
    assert "ipywidgets is not installed" in shown[0].data


def test_info_follows_and_ends(shown: list[Any]) -> None:
    """The table ends with the final state and without buttons, and the widgets do not hold the runner."""
    runner = _runner()
    runner.live_info(update_interval=0.01)
    (box,) = shown
    assert len(box.children) == 2
    runner.block_until_done()
    assert len(box.children) == 1
    assert 'data-status="finished"' in box.children[0].value
    gone = weakref.ref(runner)
    del runner
    gc.collect()
    assert gone() is None


def test_info_of_a_failed_run(shown: list[Any], caplog: Any) -> None:
    """A failed run shows red, with the traceback of the function; it is raised here, and so not logged."""

    def broken(x: float) -> float:
        raise ValueError("out of cheese")

    runner = _runner(function=broken)
    runner.live_info()
    with pytest.raises(RuntimeError):
        runner.block_until_done()
    page = shown[0].children[0].value
    assert 'data-status="failed"' in page
    assert "out of cheese" in page
    assert "in broken" in page
    assert "the run has failed" not in caplog.text


def test_buttons(shown: list[Any]) -> None:
    """The red button cancels as `runner.cancel` does; the other one gives up, and asks before."""
    for number, clicks, drain in ((0, 1, True), (1, 2, False)):
        buttons: list[Any] = []
        calls: list[bool] = []

        def press(events: Any, effects: Any, progress: Any, number=number, clicks=clicks, buttons=buttons) -> None:
            if progress.npoints == 5:
                for _ in range(clicks):
                    assert "click again" not in buttons[0].description
                    buttons[number].click()

        runner = _runner(npoints_goal=1000, callbacks=[press])
        cancel = runner.cancel
        runner.cancel = lambda drain=True, cancel=cancel, calls=calls: (calls.append(drain), cancel(drain))[0]
        runner.live_info()
        buttons += shown[-1].children[1].children
        with pytest.raises(asyncio.CancelledError):
            runner.block_until_done()
        assert set(calls) == {drain}
        assert 5 <= runner.learner.npoints < 1000


def test_plot_ends_with_the_final_state(shown: list[Any]) -> None:
    """The last frame holds all points, the task is taken off the list, and the runner can go."""
    runner = _runner()
    dynamic = runner.live_plot(update_interval=0.01, name="one")
    assert "one" in plot.active_plotting_tasks
    runner.block_until_done()
    assert not plot.active_plotting_tasks
    assert len(dynamic[()].Scatter.I) == 30
    gone = weakref.ref(runner)
    del runner
    gc.collect()
    assert gone() is None


def test_a_new_plot_of_the_same_name_ends_the_old_one(shown: list[Any]) -> None:
    """Plots of different names live together; of one name only the last."""
    runner = _runner()
    runner.live_plot(name="a")
    first = plot.active_plotting_tasks["a"]
    runner.live_plot(name="b")
    runner.live_plot(name="a")
    assert plot.active_plotting_tasks["a"] is not first
    assert set(plot.active_plotting_tasks) == {"a", "b"}
    runner.block_until_done()
    assert first.cancelled()


def test_a_plotter_that_raises(shown: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    """A plotter that fails later is logged; the run goes on."""
    calls: list[int] = []

    def plotter(learner: Any) -> Any:
        calls.append(learner.npoints)
        if len(calls) > 1:
            raise ValueError("no paint")
        return learner.plot()

    runner = _runner()
    runner.live_plot(plotter=plotter)
    runner.block_until_done()
    assert runner.learner.npoints == 30
    assert "the live plot failed" in caplog.text


def test_other_plots_can_be_built_on_the_target(shown: list[Any]) -> None:
    """The returned DynamicMap: plots that are built on it follow, and have the final state at the end."""
    import holoviews as hv

    runner = _runner()
    dynamic = runner.live_plot(update_interval=0.01)
    both = hv.renderer("bokeh").get_plot(dynamic * hv.Curve([(-1, 0), (1, 0)])).state
    runner.block_until_done()
    assert max(len(renderer.data_source.data["x"]) for renderer in both.renderers) == 30
    assert len(dynamic[()].Scatter) == 3  # the points, those pending and those failed


def test_vectors_of_a_plane_have_no_sliders(shown: list[Any]) -> None:
    """Their components are side by side in a live document, which a page that is reloaded asks for again."""
    from adaptive_calib.notebook.live_frames import Frames
    from adaptive_calib.notebook.renderers import Drawn

    learner = Learner2D(lambda p: np.array([p[0] * p[1], p[0], 1.0]), [(-1, 1), (-1, 1)])
    runner = AsyncRunner(learner, npoints_goal=20, executor=SequentialExecutor(), background=False)
    runner.live_plot(update_interval=0.01)
    runner.block_until_done()
    frames = Frames(runner, None, True)
    assert len(frames._whole()) == 3
    renderer = frames._renderer(None)
    assert isinstance(renderer, Drawn)
    assert renderer.document is not None
    assert sum(type(model).__name__ == "figure" for model in renderer.document.document.models) == 3


def test_the_frames_of_a_large_map_are_selected(shown: list[Any]) -> None:
    """Sliders of ours select one, which stays selected when there are more, and also after the end."""
    import holoviews as hv

    def powers(learner: Learner1D) -> Any:
        xs = np.array(sorted(learner.data)).reshape(-1, 1)
        return hv.HoloMap({k: hv.Curve(np.hstack([xs, xs**k])) for k in range(7 + len(xs) // 20)}, kdims="power")

    runner = _runner(function=float)
    dynamic = runner.live_plot(plotter=powers, update_interval=0.01)
    slider = shown[0].children[1]
    assert slider.options == tuple((str(k), k) for k in range(7))
    slider.value = 3
    runner.block_until_done()
    assert slider.options == tuple((str(k), k) for k in range(8))
    assert slider.value == 3
    assert dynamic[()].range("y") == (-1, 1)
    slider.value = 7
    slider.value = 0
    assert dynamic[()].range("y") == (1, 1)


def test_a_map_that_is_computed_when_it_is_looked_at(shown: list[Any]) -> None:
    """Of a DynamicMap with a range, some values are offered; in a layout, too."""
    import holoviews as hv

    def stretched(learner: Learner1D) -> Any:
        one = hv.DynamicMap(lambda height: hv.Curve([(0, 0), (1, height)]), kdims=hv.Dimension("height", range=(0, 5)))
        return hv.Curve([(0, 0)]) + one

    runner = _runner()
    pane = runner.live_plot(plotter=stretched, update_interval=0.01)
    slider = shown[0].children[1]
    assert [label for label, _ in slider.options][:3] == ["0", "0.5", "1"]
    slider.value = 2.5
    runner.block_until_done()
    assert pane.object.values()[1].range("y") == (0, 2.5)


def test_a_still_of_much_data_is_a_picture_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook keeps picture and plot; of a plot with millions of numbers only the picture."""
    import holoviews as hv

    frame = hv.Curve([(0, 1), (1, 2)])
    both = static_output.static_output(hv, frame)
    assert both["image/png"] in both["text/html"]
    assert "<script" in both["text/html"]
    monkeypatch.setattr(static_output, "_LARGEST", 100)
    picture = static_output.static_output(hv, frame)
    assert "<script" not in picture["text/html"]
    assert picture["image/png"] in picture["text/html"]


def test_a_still_looks_as_the_live_plot() -> None:
    """It is as large, has the same colours and marks, and its triangles are as faint as there."""
    import base64
    import io

    import holoviews as hv
    from matplotlib.image import imread

    def still(frame: Any) -> Any:
        png = static_output.static_output(hv, frame)["image/png"]
        return imread(io.BytesIO(base64.b64decode(png)))[..., :3]

    hv.renderer("bokeh")
    learner = Learner2D(lambda xy: xy[0], [(-1, 1), (-1, 1)])
    simple(learner, npoints_goal=30)
    pixels = still(learner.plot())
    assert min(pixels.shape[:2]) >= 400
    assert (np.abs(pixels - [0.993, 0.906, 0.144]).sum(axis=2) < 0.02).any()  # the upper end of viridis
    middle = pixels[100:300, 150:350]
    assert middle.sum(axis=2).min() > 0.5  # no black line
    learner.tell_pending((0.5, 0.5))
    learner.tell_failed((0.0, 0.1))
    overlay = marks(hv, learner)
    assert overlay is not None
    red = np.abs(still(overlay) - [0.835, 0.369, 0]).sum(axis=2) < 0.02
    rows, columns = np.nonzero(red)
    assert 5 < rows.max() - rows.min() < 40
    assert 0.05 < red[rows.min() : rows.max(), columns.min() : columns.max()].mean() < 0.5  # a cross, not a disc


@pytest.mark.parametrize(
    "element",
    [
        lambda hv: hv.Bars([("a", 1)]).opts(color="red"),
        lambda hv: hv.VLine(1).opts(color="red", alpha=0.5),
        lambda hv: hv.Labels([(0, 0, "a")]).opts(text_color="red"),
        lambda hv: hv.Text(0, 0, "a").opts(color="red"),
        lambda hv: hv.Histogram(np.histogram([1, 2, 3])).opts(fill_color="red", alpha=0.5),
        lambda hv: hv.Area([(0, 1), (1, 2)]).opts(color="red", alpha=0.5),
    ],
)
def test_a_still_of_any_element(element: Callable[[Any], Any]) -> None:
    """Options that Matplotlib does not have are left out."""
    import holoviews as hv

    hv.renderer("bokeh")
    assert static_output.static_output(hv, element(hv))["image/png"]


def test_balancing_learner_has_a_selector(shown: list[Any]) -> None:
    """The children of a balancing learner are chosen by a dropdown, also after the end."""
    learner = BalancingLearner([Learner1D(abs, (-1, 1)), Learner1D(float, (-2, 2))])
    runner = AsyncRunner(learner, npoints_goal=5, executor=SequentialExecutor(), background=False)
    dynamic = runner.live_plot()
    choice = shown[0].children[0]
    runner.block_until_done()
    choice.value = 1
    assert dynamic[()].Scatter.I.range("x") == (-2.2, 2.2)
    named = BalancingLearner([Learner1D(abs, (-1, 1)), Learner1D(float, (-2, 2))], cdims=(["a", "b"], [(1, 2), (3, 4)]))
    runner = AsyncRunner(named, npoints_goal=5, executor=SequentialExecutor(), background=False)
    runner.live_plot()
    assert shown[-1].children[0].options == (("a = 1, b = 2", 0), ("a = 3, b = 4", 1))
    runner.block_until_done()


def test_pace() -> None:
    """Updates keep to their share but for the allowance; a long run is looked at a logarithmic number of times."""
    schedule = UpdateSchedule(1.0, 0.05, allowance=0.2, frames=100)
    assert schedule.wait(0.0, 0.0, 0.0, 0.0) == 1.0
    shown = spent = 0.0
    for _ in range(50):
        shown += schedule.wait(0.5, spent, shown, shown) + 0.5
        spent += 0.5
        assert spent <= 0.2 + 0.05 * shown
    assert schedule.wait(2.0, 0.0, 3600.0, 0.0) == 8.0
    time = updates = 0.0
    while time < 36000:
        time += schedule.wait(0.0, 0.0, time, time)
        updates += 1
    assert updates < 800
    with pytest.raises(ValueError, match="positive"):
        UpdateSchedule(0.0, 0.05)
