from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from adaptive_calib.calibration.curve import acceptable_interval, calibration_slope, equal_count_bins, log_score
from adaptive_calib.calibration.decision import judge_table
from adaptive_calib.view.calibration import CalibrationView
from adaptive_calib.view.calibration_numbers import c_label, calibration_data
from tests.calibration.simulated_world import simulate

DATA = Path(__file__).parents[1] / "calibration" / "data" / "infrared_1024x9.npz"


def table(bemd, bepis, label="Bepis", kind=bool):
    out = np.zeros(len(bemd), dtype=[("Bemd", float), (label, kind)])
    out["Bemd"], out[label] = bemd, bepis
    return out


@pytest.fixture(scope="module")
def infrared():
    with np.load(DATA) as stored:
        return {float(c): table(stored["Bemd"][:, k], stored["Bepis"]) for k, c in enumerate(stored["c"])}


@pytest.fixture(scope="module")
def bounded():
    """A world whose slope crosses the threshold, some labels undecided, given in no order of c."""
    log2c = np.array([3.0, -5.0, 5.0, -3.0, -1.0, 1.0])
    bemd, bepis = simulate(np.random.default_rng(1), 400, log2c)
    labels = bepis.astype(float)
    labels[::40] = np.nan
    return {2.0**x: table(bemd[:, k], labels, kind=float) for k, x in enumerate(log2c)}


def degenerate():
    rng = np.random.default_rng(2)
    few = rng.random(5)
    return {
        "one class": {1.0: table(rng.random(80), np.ones(80))},
        "five experiments": {1.0: table(few, few > 0.5)},
        "all at the ends": {0.5: table(rng.integers(0, 2, 60), rng.integers(0, 2, 60))},
        "no experiment": {1.0: table([], [])},
        "all undecided": {1.0: table([0.3, 0.4], [np.nan, np.nan], kind=float)},
        "no c": {},
        "odd c": {0.3: table(rng.random(40), rng.integers(0, 2, 40))},
    }


def test_data_are_those_of_the_statistics(infrared):
    """What is drawn is what the calibration statistics say, in increasing order of c."""
    data = calibration_data(infrared)
    assert [curve.c for curve in data.curves] == sorted(infrared)
    for curve in data.curves:
        columns = infrared[curve.c]["Bemd"], infrared[curve.c]["Bepis"]
        assert_array_equal(curve.bins.y, equal_count_bins(*columns).y)
        assert (curve.slope, curve.log_score) == (calibration_slope(*columns).slope, log_score(*columns))
        assert (curve.lost + curve.won).sum() == curve.n == 1024
        assert curve.won.sum() == columns[1].sum()
    assert data.counts == (1024,) * 9
    decided = judge_table(sorted(infrared), np.stack([infrared[c]["Bemd"] for c in sorted(infrared)], 1), columns[1])
    assert [curve.status for curve in data.curves] == decided.status.tolist()
    assert data.recommended == 2.0**-3
    assert data.highlighted == 1


def test_undecided_experiments_are_counted(bounded):
    """Undecided experiments are left out of the curves and counted beside them."""
    data = calibration_data(bounded)
    assert {(curve.n, curve.n_undecided) for curve in data.curves} == {(390, 10)}
    assert data.interval.state == "undecided"  # 390 experiments decide on no c at 95 %


def test_what_is_given_is_shown(bounded):
    """Counts, interval and recommendation of a learner are taken as they are."""
    interval = acceptable_interval([0, 1], [-1, 1])
    data = CalibrationView(bounded, counts={2.0: 7}, interval=interval, recommended=2.0, alpha=0.1).data()
    assert (data.counts[3], data.counts[0]) == (7, 390)
    assert (data.interval, data.recommended, data.level_words) == (interval, 2.0, "90 %")


def test_bins_of_few_experiments_are_hollow(infrared):
    """Points from fewer than 32 experiments are marked."""
    assert not calibration_data(infrared).curves[0].few.any()
    assert calibration_data({1.0: infrared[1.0][:100]}).curves[0].few.all()


def test_few_of_many_curves_are_drawn_together(infrared):
    """Of many curves every second or third is drawn in one panel, the highlighted one always."""
    for recommended in (2.0, 4.0):
        many = {c * f: t for c, t in infrared.items() for f in (1.0, 1.25)}
        data = calibration_data(many, recommended=recommended)
        assert len(data.together) == 9
        assert data.highlighted in data.together
    assert calibration_data(infrared).together == tuple(range(9))


@pytest.mark.parametrize("c", [0, -1, np.inf, np.nan])
def test_impossible_c_are_refused(c):
    """A c is positive and finite."""
    with pytest.raises(ValueError, match="positive"):
        calibration_data({c: table([0.5], [1])})


@pytest.mark.parametrize(
    ("c", "label"), [(0.125, "2⁻³"), (1, "2⁰"), (2**0.5, "2⁰·⁵"), (2**-4.25, "2⁻⁴·²⁵"), (0.3, "0.3"), (4096, "2¹²")]
)
def test_powers_of_two_are_named_so(c, label):
    """A c that is a power of two to a quarter octave is called that."""
    assert c_label(c) == label


@pytest.mark.parametrize("which", ["infrared", "bounded"])
def test_png_is_written(which, request, tmp_path):
    """A calibration becomes a picture, without a warning."""
    pytest.importorskip("matplotlib")
    CalibrationView(request.getfixturevalue(which)).save_png(tmp_path / "calibration.png", dpi=50)
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_drawing_leaves_pyplot_alone(bounded):
    """The figure is not registered with pyplot: nothing has to be closed."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    CalibrationView(bounded).matplotlib()
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize("case", degenerate())
def test_degenerate_calibrations_are_drawn(case, tmp_path):
    """Whatever is missing, both drawings come out, and never a curve that is not there."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("holoviews")
    view = CalibrationView(degenerate()[case])
    view.save_png(tmp_path / "calibration.png", dpi=40)
    if case in ("one class", "no experiment", "no c"):
        view.save_html(tmp_path / "calibration.html")
    if case in ("no experiment", "all undecided"):
        curve = view.data().curves[0]
        assert np.isnan(curve.isotonic).all()
        assert_allclose([curve.lower, curve.upper], [np.zeros(201), np.ones(201)])
        assert curve.cautions


def test_html_needs_no_network(bounded, tmp_path):
    """The page loads no script, style or picture from elsewhere, whatever widgets Panel has loaded in the process."""
    pytest.importorskip("panel.models.tabulator")
    CalibrationView(bounded).save_html(tmp_path / "calibration.html", title="A test")
    page = (tmp_path / "calibration.html").read_text(encoding="utf-8")
    assert "<title>A test</title>" in page
    assert re.search(r'<meta name="viewport" content="width=\d{3}">', page)  # or a phone shows a corner of it
    outside = re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    opening = re.findall(r"<(?:script|link|img|iframe)[^>]*>", outside)
    assert opening
    assert not [tag for tag in opening if "src" in tag or "href" in tag]


def test_holoviews_has_all_panels(bounded):
    """The layout renders: curves, slopes, scores and counts, then curve and histogram for each c."""
    hv = pytest.importorskip("holoviews")
    layout = CalibrationView(bounded).holoviews()
    assert len(layout) == 4 + 2 * len(bounded)
    assert hv.renderer("bokeh").get_plot(layout).state is not None


def test_familiar_plot_has_the_familiar_parts(infrared):
    """calibration_plot gives emdcmp's parts under emdcmp's names."""
    hv = pytest.importorskip("holoviews")
    from adaptive_calib.view.familiar_plot import CalibrationPlotElements, calibration_plot

    plot = calibration_plot(infrared, target_bin_size=128)
    assert isinstance(plot, CalibrationPlotElements)
    assert list(plot.experiment_idcs) == sorted(infrared)
    assert [len(members) for members in plot.experiment_idcs[1.0]] == [128] * 8
    for maps in (plot.calibration_curves, plot.lines, plot.scatters, plot.Bemd_hists, plot.Bepis_hists):
        assert isinstance(maps, hv.HoloMap)
        assert list(maps.keys()) == sorted(infrared)
    counts, edges = plot.Bemd_hist_data[1.0]
    assert (counts.sum(), edges[0], edges[-1]) == (1024, 0, 1)
    assert_array_equal(plot.Bepis_hist_data[1.0][0], [1024 - 537, 537])
    combined = plot.prohibited_areas * plot.discouraged_areas * plot.overlayed_lines * plot.overlayed_scatters
    assert hv.renderer("bokeh").get_plot(combined).state is not None
    assert list(plot.select(c=(0.5, 2)).experiment_idcs) == [0.5, 1, 2]
    assert list(plot.select(c=[1.0]).lines.keys()) == [1.0]
    with pytest.raises(ValueError, match="no curve"):
        plot.select(c=3.0)


def test_what_is_written_over_bars_and_panels_does_not_overlap():
    """With 17 c, some of them close, counts and the two titles of a small panel keep apart."""
    rng = np.random.default_rng(4)
    results = {2.0**x: table(rng.random(159), rng.random(159) < 0.7) for x in (*range(-20, -5), -5.5, -5.25)}
    figure = CalibrationView(results).matplotlib()
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    words = [text for ax in figure.axes for text in ax.texts if text.get_text() == "159"]
    boxes = sorted((text.get_window_extent(renderer).x0, text.get_window_extent(renderer).x1) for text in words)
    assert words
    assert all(right < left for (_, right), (left, _) in itertools.pairwise(boxes))
    panels = [ax for ax in figure.axes if ax.get_title("left")]
    assert len(panels) == 17
    for ax in panels:
        left, right = ax._left_title, ax._right_title  # Matplotlib has no other way to their boxes
        assert left.get_window_extent(renderer).x1 < right.get_window_extent(renderer).x0


def test_familiar_plot_has_colours_in_matplotlib_too(infrared):
    """With HoloViews' Matplotlib backend loaded the areas are as pale, and the curves as coloured, as with bokeh."""
    hv = pytest.importorskip("holoviews")
    before = hv.Store.current_backend
    hv.extension("matplotlib")
    try:
        from adaptive_calib.view import calibration_plot

        plot = calibration_plot(infrared)
        drawn = hv.render(plot.prohibited_areas * plot.overlayed_lines, backend="matplotlib")
    finally:
        hv.Store.set_current_backend(before)
    (ax,) = drawn.axes
    assert {collection.get_alpha() for collection in ax.collections} == {0.13}
    assert len({line.get_color() for line in ax.lines}) == len(infrared)


def test_familiar_plot_reads_old_results_and_refuses_none():
    """The old field name Bconf is read; empty results are refused."""
    pytest.importorskip("holoviews")
    from adaptive_calib.view.familiar_plot import calibration_plot

    assert list(calibration_plot({1.0: table([0.1, 0.8], [0, 1], "Bconf")}).experiment_idcs) == [1.0]
    with pytest.raises(ValueError, match="empty"):
        calibration_plot({})


def test_names_of_the_view_are_loaded_when_used():
    """All names of adaptive_calib.view are there, and importing it loads no display library."""
    pytest.importorskip("holoviews")
    from adaptive_calib import view

    assert all(getattr(view, name) is not None for name in view.__all__)
    assert dir(view) == sorted(view.__all__)
    code = "import sys, adaptive_calib.view; print({'holoviews', 'matplotlib', 'bokeh'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
    with pytest.raises(AttributeError, match="nothing"):
        _ = view.nothing


def test_no_name_of_the_view_is_hidden_by_a_module():
    """A public name stays what it is, whichever module of the package was imported before."""
    pytest.importorskip("holoviews")
    from adaptive_calib import view, viz

    assert view.calibration_plot is viz.calibration_plot
    assert callable(view.calibration_plot)
