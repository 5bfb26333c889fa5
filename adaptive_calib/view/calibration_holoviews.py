"""A calibration in HoloViews, with options for bokeh: for notebooks, live plots and one self-contained HTML file.

Each function draws one panel from `view.calibration_numbers.CalibrationData`; no statistic is computed here. Importing
this module loads HoloViews and its bokeh backend without selecting it: the backend of a notebook is the one of its own
`hv.extension`.
"""

from __future__ import annotations

import re
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np

from adaptive_calib.calibration.slope import Z95, Status
from adaptive_calib.view.calibration_numbers import (
    DISCOURAGED_AREAS,
    PROHIBITED_AREAS,
    CalibrationData,
    CurveData,
    c_label,
)
from adaptive_calib.view.calibration_style import (
    ACCEPTABLE,
    BEMD,
    DISCOURAGED,
    INK,
    LOST,
    PROHIBITED,
    SHARE,
    STATUS_WORDS,
    WON,
    c_colors,
)

__all__ = ["areas", "html", "layout"]

#: Widths of the two columns of the layout, which together fit into the cell of a notebook on a small screen (900
#: pixels), and heights of its rows.
WIDTHS = (500, 370)
HEIGHTS = (370, 260, 210)


def layout(data: CalibrationData, *, each_c: bool = True) -> Any:
    """Return the layout of all panels in two columns: the curves together, what follows over c, single curves.

    With ``each_c=False`` the only single curve is that of the highlighted c: a panel costs a third of a second, and a
    plot that is drawn again and again should not cost seconds.
    """
    return hv.Layout(_panels(data, each_c)).opts(_bokeh(shared_axes=False, title=_title(data))).cols(2)


def _panels(data: CalibrationData, each_c: bool) -> list[Any]:
    colors = c_colors(len(data.curves))
    (left, right), (high, middle, low) = WIDTHS, HEIGHTS
    panels = [_together(data, colors, left, high), _slopes(data, colors, right, high)]
    panels += [_scores(data, colors, left, low), _counts(data, colors, right, low)]
    highlighted = () if data.highlighted is None else (data.highlighted,)
    for k in data.together if each_c else highlighted:
        panels += [_one(data.curves[k], colors[k], data, left, middle)]
        panels += [_histogram(data.curves[k], data, right, middle)]
    return panels


def html(data: CalibrationData, title: str = "Calibration") -> str:
    """Return one HTML page with bokeh's scripts inside: it needs no network."""
    from bokeh.embed import file_html
    from bokeh.layouts import column
    from bokeh.models.widgets import Div
    from bokeh.resources import INLINE

    width = sum(WIDTHS)
    heading = f"<h2 style='font-family:sans-serif;font-weight:500;margin:6px'>{_title(data)}</h2>"
    panels = hv.Layout(_panels(data, each_c=True)).opts(_bokeh(shared_axes=False)).cols(2)
    plot = hv.renderer("bokeh").get_plot(panels).state
    page = column(Div(text=heading, width=width), Div(text=_key_html(data), width=width), plot)
    # Panel, which HoloViews imports, refers to a module loader and to styles of its own, for widgets that are not here
    text = str(file_html(page, INLINE, title=title))
    # a phone lays the page out in its full width and shows all of it, smaller, instead of a corner
    text = text.replace("<head>", f'<head>\n<meta name="viewport" content="width={width + 60}">', 1)
    return re.sub(r'<script[^>]*\bsrc="[^"]*"[^>]*>\s*</script>|<link\b[^>]*\bhref="[^"]*"[^>]*>', "", text)


def areas(words: bool = True) -> tuple[Any, Any]:
    """Return the over-confident and the wrong-side areas as HoloViews overlays, with their names written in."""
    places = {
        "prohibited": (PROHIBITED_AREAS, PROHIBITED, [(0.165, 0.5), (0.835, 0.5)], "over-confident", "#A84A00"),
        "discouraged": (DISCOURAGED_AREAS, DISCOURAGED, [(0.36, 0.92), (0.64, 0.08)], "wrong side", "#666666"),
    }
    overlays = []
    for corners, color, spots, name, ink in places.values():
        polygons = hv.Polygons([np.array(polygon) for polygon in corners], kdims=[BEMD, SHARE])
        polygons = polygons.opts(_bokeh(fill_color=color, fill_alpha=0.13, line_width=0))
        elements = [with_matplotlib(polygons, facecolor=color, alpha=0.13, linewidth=0)]
        if words:
            names = hv.Labels([(x, y, name) for x, y in spots], [BEMD, SHARE], "name")
            elements.append(names.opts(_bokeh(text_font_size="9pt", text_color=ink)))
        overlays.append(hv.Overlay(elements))
    return overlays[0], overlays[1]


def with_matplotlib(element: Any, **options: Any) -> Any:
    """Return the element with options for Matplotlib too, where the user has loaded that backend of HoloViews."""
    if "matplotlib" not in hv.Store.loaded_backends():
        return element
    return element.opts(hv.Options(**options, backend="matplotlib"))


def _bokeh(**options: Any) -> Any:
    return hv.Options(**options, backend="bokeh")


def _title(data: CalibrationData) -> str:
    words = data.interval.words
    if data.recommended is not None:
        words += f" Recommended: c = {c_label(data.recommended)}."
    return _superscripts(words)


def _superscripts(words: str) -> str:
    """Set powers such as 2^-3 with raised digits."""
    pieces = []
    for word in words.split(" "):
        before, power, after = word.partition("2^")
        digits = after.rstrip("),.;:")
        raised = c_label(2.0 ** float(digits)) if power else ""
        pieces.append(before + raised + after[len(digits) :] if power else word)
    return " ".join(pieces)


def _frame(width: int, height: int, **more: Any) -> Any:
    return _bokeh(width=width, height=height, toolbar=None, fontsize={"labels": "9pt", "title": "10pt"}, **more)


def _diagonal() -> Any:
    line = hv.Curve([(0, 0), (1, 1)], BEMD, SHARE)
    return line.opts(_bokeh(color=INK, line_width=1, line_dash="dashed"))


def _scatter(curves: list[tuple[CurveData, str, float]]) -> Any:
    """Draw the bins of all these curves, each with its colour and size; bins of few experiments are hollow."""
    colors = np.repeat([color for _, color, _ in curves], [len(curve.few) for curve, _, _ in curves])
    sizes = np.repeat([size for _, _, size in curves], [len(curve.few) for curve, _, _ in curves])
    x, y, few = (
        np.concatenate(column) for column in zip(*((c.bins.x, c.bins.y, c.few) for c, _, _ in curves), strict=True)
    )
    full, hollow = (
        hv.Scatter((x[chosen], y[chosen], colors[chosen], sizes[chosen]), BEMD, [SHARE, "color", "size"])
        for chosen in (~few, few)
    )
    return full.opts(_bokeh(color="color", size="size")) * hollow.opts(
        _bokeh(fill_color="white", line_color="color", line_width=1.4, size="size")
    )


def _band(curve: CurveData, color: str) -> Any:
    # a vertical step in the band would be drawn slanted over a grid cell of 1/200, which cannot be seen
    area = hv.Area((curve.grid, curve.lower, curve.upper), BEMD, [SHARE, "upper limit"])
    return area.opts(_bokeh(color=color, fill_alpha=0.2, line_width=0))


def _together(data: CalibrationData, colors: list[str], width: int, height: int) -> Any:
    prohibited, discouraged = areas()
    overlay = prohibited * discouraged * _diagonal()
    chosen = data.highlighted
    if chosen is not None:
        overlay = overlay * _band(data.curves[chosen], colors[chosen])
    for k in data.together:
        curve, bold = data.curves[k], k == chosen
        label = f"c = {c_label(curve.c)}" + (", recommended" if curve.c == data.recommended else "")
        line = hv.Curve((curve.bins.x, curve.bins.y), BEMD, SHARE, label=label)
        overlay = overlay * line.opts(_bokeh(color=colors[k], line_width=3 if bold else 1.4, muted_alpha=0.08))
    if data.together:
        overlay = overlay * _scatter([(data.curves[k], colors[k], 7 if k == chosen else 4.5) for k in data.together])
    # HoloViews hides legends of overlays with more than `legend_limit` elements, 25 by default
    legend = {"click_policy": "mute", "border_line_alpha": 0}
    options = {"legend_position": "right", "legend_limit": 1000, "legend_opts": legend}
    return overlay.opts(
        _frame(width, height, xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), title="Calibration curves", **options)
    )


def _one(curve: CurveData, color: str, data: CalibrationData, width: int, height: int) -> Any:
    prohibited, discouraged = areas(words=False)
    bars = hv.Segments((curve.bins.x, curve.bins.low, curve.bins.x, curve.bins.high), [BEMD, SHARE, "x1", "y1"])
    isotonic = hv.Curve((curve.grid, curve.isotonic), BEMD, SHARE)
    overlay = (
        prohibited * discouraged * _diagonal() * _band(curve, color)
        * isotonic.opts(_bokeh(color=color, line_width=2))
        * bars.opts(_bokeh(color=color, line_width=1))
        * _scatter([(curve, color, 5)])
    )  # fmt: skip
    star = "★ " if curve.c == data.recommended else ""
    title = f"{star}c = {c_label(curve.c)}   κ = {curve.slope:.2f} ± {Z95 * curve.se:.2f}, {_status(curve)}"
    options = {"xlim": (-0.01, 1.01), "ylim": (-0.01, 1.01), "title": title, "show_legend": False}
    return overlay.opts(_frame(width, height, ylabel="share B_epis = 1", **options))


def _status(curve: CurveData) -> str:
    return STATUS_WORDS[Status(curve.status)]


def _histogram(curve: CurveData, data: CalibrationData, width: int, height: int) -> Any:
    won = hv.Histogram((curve.edges, curve.won), kdims=[BEMD], vdims=["experiments"])
    both = hv.Histogram((curve.edges, curve.won + curve.lost), kdims=[BEMD], vdims=["experiments"])
    overlay = both.opts(_bokeh(color=LOST, line_width=0)) * won.opts(_bokeh(color=WON, line_width=0))
    top = 1.05 * float(np.max(curve.won + curve.lost, initial=0)) or 1.0
    options = {"xlim": (-0.01, 1.01), "ylim": (0, top), "ylabel": "experiments", "show_legend": False}
    return overlay.opts(_frame(width, height, **options))


def _over_c(data: CalibrationData, elements: list[Any], width: int, height: int, **options: Any) -> Any:
    """Overlay the elements over the marked interval of acceptable c."""
    x = data.log2c
    left, right = (float(x.min()) - 0.6, float(x.max()) + 0.6) if x.size else (-1.0, 1.0)
    marks = []
    lower, upper = data.interval.lower, data.interval.upper
    if lower is not None and upper is not None:
        # darker: from the smallest to the largest accepted c; lighter: beyond, to an unacceptable one or to the end
        marks.append(hv.VSpan(lower.inside, upper.inside).opts(_bokeh(color=ACCEPTABLE, alpha=0.10)))
        for end, edge in ((lower, left), (upper, right)):
            span = sorted((end.inside, edge if end.open else end.outside))
            marks.append(hv.VSpan(*span).opts(_bokeh(color=ACCEPTABLE, alpha=0.03)))
            if not end.open:
                marks.append(hv.VLine(end.estimate).opts(_bokeh(color=ACCEPTABLE, line_dash="dotted", line_width=1)))
    if data.recommended is not None:
        line = hv.VLine(float(np.log2(data.recommended)))
        marks.append(line.opts(_bokeh(color=INK, line_width=1.2)))
    frame = _frame(width, height, xlim=(left, right), show_legend=False, **options)
    return hv.Overlay([*marks, *elements]).opts(frame)


AXIS = "sensitivity, log₂ c"


def _slopes(data: CalibrationData, colors: list[str], width: int, height: int) -> Any:
    name = "calibration slope κ"
    slopes = np.array([curve.slope for curve in data.curves])
    errors = Z95 * np.array([curve.se for curve in data.curves])
    elements = [
        hv.HLine(0.9).opts(_bokeh(color=PROHIBITED, line_dash="dashed", line_width=1.2)),
        hv.Curve((data.log2c, slopes), AXIS, name).opts(_bokeh(color="#9A9A9A", line_width=1)),
        hv.Segments((data.log2c, slopes - errors, data.log2c, slopes + errors), [AXIS, name, "x1", "y1"]).opts(
            _bokeh(color=INK)
        ),
    ]
    marks = {Status.ACCEPTABLE: "circle", Status.UNDECIDED: "circle", Status.NOT_ACCEPTABLE: "x"}
    for status, marker in marks.items():
        chosen = [k for k, curve in enumerate(data.curves) if curve.status == status]
        if chosen:
            points = hv.Scatter(
                (data.log2c[chosen], slopes[chosen], [colors[k] for k in chosen]), AXIS, [name, "color"],
                label=STATUS_WORDS[status],
            )  # fmt: skip
            fill = "white" if status == Status.UNDECIDED else "color"
            elements.append(
                points.opts(_bokeh(fill_color=fill, line_color="color", line_width=1.8, size=9, marker=marker))
            )
    title = "● acceptable  ○ undecided  × not acceptable"
    return _over_c(data, elements, width, height, title=title, xlabel=AXIS, ylabel=name)


def _scores(data: CalibrationData, colors: list[str], width: int, height: int) -> Any:
    name = "log score (nats)"
    scores = np.array([curve.log_score for curve in data.curves])
    elements = [
        hv.Curve((data.log2c, scores), AXIS, name).opts(_bokeh(color="#9A9A9A", line_width=1)),
        hv.Scatter((data.log2c, scores, colors), AXIS, [name, "color"]).opts(_bokeh(color="color", size=7)),
    ]
    if np.isfinite(scores).any():
        best = int(np.nanargmin(scores))
        ring = hv.Scatter([(data.log2c[best], scores[best])], AXIS, name)
        elements.append(ring.opts(_bokeh(fill_color=None, line_color=INK, size=14)))
    return _over_c(data, elements, width, height, xlabel=AXIS, ylabel=name, padding=(0, 0.25))


def _counts(data: CalibrationData, colors: list[str], width: int, height: int) -> Any:
    name = "experiments"
    half = 0.31 * (float(np.diff(data.log2c).min()) if len(data.curves) > 1 else 1.0)
    boxes = [
        (x - half, 0.0, x + half, float(n), color) for x, n, color in zip(data.log2c, data.counts, colors, strict=True)
    ]
    bars = hv.Rectangles(boxes, kdims=[AXIS, name, "right", "top"], vdims=["color"])
    elements = [bars.opts(_bokeh(color="color", line_width=0))]
    return _over_c(
        data, elements, width, height, xlabel=AXIS, ylabel=name, ylim=(0, 1.1 * max(data.counts, default=1) or 1)
    )


def _key_html(data: CalibrationData) -> str:
    def swatch(color: str, alpha: float) -> str:
        return (
            f"<span style='display:inline-block;width:1.4em;height:.8em;margin:0 .4em 0 1.2em;background:{color};"
            f"opacity:{alpha}'></span>"
        )

    words = [
        "<b>For each c:</b> isotonic curve (line)",
        swatch(INK, 0.2) + f"its {data.level_words} band",
        f"&nbsp;&nbsp;● bins of equal count with {data.level_words} intervals&nbsp;&nbsp;○ few experiments",
        swatch(PROHIBITED, 0.25) + "over-confident (prohibited)",
        swatch(DISCOURAGED, 0.3) + "wrong side",
        swatch(WON, 1) + "B_epis = 1",
        swatch(LOST, 1) + "B_epis = 0",
    ]
    return f"<p style='font-family:sans-serif;font-size:10pt;margin:10px 6px;line-height:1.6'>{''.join(words)}</p>"
