"""A calibration as a static Matplotlib figure: all curves together, what follows over c, a small panel for each c.

Each function draws one panel from `view.calibration_numbers.CalibrationData`; no statistic is computed here.
"""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Polygon

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
    DISCOURAGED,
    INK,
    LOST,
    PROHIBITED,
    STATUS_WORDS,
    WON,
    c_colors,
)

__all__ = ["figure"]

BEMD = r"confidence $B_{\mathrm{EMD}}$"
SHARE = r"share of experiments with $B_{\mathrm{epis}}=1$"
COLUMNS = 6
#: Width of a digit over that of the panels to the right; chosen by looking.
_LETTER = 0.011


def figure(data: CalibrationData) -> Figure:
    """Return the figure of all panels."""
    n = len(data.curves)
    rows = -(-n // COLUMNS)
    columns = max(-(-n // max(rows, 1)), 4)  # few c: small panels all the same
    height = 5.35 + 2.8 * rows
    fig = Figure(figsize=(13, height), facecolor="white")
    FigureCanvasAgg(fig)
    top, bottom = 1 - 0.62 / height, 0.62 / height
    split = top - 4.1 / height
    upper = fig.add_gridspec(
        3, 2, left=0.06, right=0.975, top=top, bottom=split, width_ratios=(4.55, 5.2), wspace=0.33, hspace=0.16,
        height_ratios=(1.6, 1.1, 0.9),
    )  # fmt: skip
    colors = c_colors(n)
    _together(fig.add_subplot(upper[:, 0]), data, colors)
    over_c = [fig.add_subplot(upper[0, 1])]
    over_c += [fig.add_subplot(upper[k, 1], sharex=over_c[0]) for k in (1, 2)]
    for draw, ax in zip((_slopes, _scores, _counts), over_c, strict=True):
        draw(ax, data, colors)
        _mark_interval(ax, data)
    for ax in over_c[:2]:
        ax.tick_params(labelbottom=False)
    over_c[2].set_xlabel(r"sensitivity, $\log_2 c$")
    if n:
        lower = fig.add_gridspec(
            rows, columns, left=0.06, right=0.975, top=split - 1.15 / height, bottom=bottom, wspace=0.16, hspace=0.36
        )
        for k, curve in enumerate(data.curves):
            _small(fig, lower[k // columns, k % columns], curve, colors[k], first=k % columns == 0, data=data)
        _key(fig, data, split - 0.72 / height)
    fig.text(0.06, 1 - 0.28 / height, _title(data), fontsize=11.5, color=INK, va="center")
    return fig


def _title(data: CalibrationData) -> str:
    words = data.interval.words
    if data.recommended is not None:
        words += f" Recommended: {_recommended_words(data.recommended)}."
    return "\n".join(_powers(line) for line in textwrap.wrap(words, 150))


def _recommended_words(c: float) -> str:
    return f"c = 2^{np.log2(c):g}" if _tex(c).startswith("$") else f"c = {c_label(c)}"


def _powers(words: str) -> str:
    """Set powers such as 2^-3 in mathematics."""
    pieces = []
    for word in words.split(" "):
        if "2^" in word:
            before, _, after = word.partition("2^")
            digits = after.rstrip("),.;:")
            pieces.append(f"{before}$2^{{{digits}}}${after[len(digits) :]}")
        else:
            pieces.append(word)
    return " ".join(pieces)


def _tex(c: float) -> str:
    label = c_label(c)
    return f"$2^{{{np.log2(c):g}}}$" if label[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹" else label


def _areas(ax: Any, words: bool) -> None:
    for corners in PROHIBITED_AREAS:
        ax.add_patch(Polygon(corners, facecolor=PROHIBITED, alpha=0.13, linewidth=0, zorder=0))
    for corners in DISCOURAGED_AREAS:
        ax.add_patch(Polygon(corners, facecolor=DISCOURAGED, alpha=0.13, linewidth=0, zorder=0))
    ax.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=1)
    ax.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), aspect="equal")
    if words:
        style = {"ha": "center", "va": "center", "zorder": 1, "fontsize": 9.5}
        for x in (0.165, 0.835):
            ax.text(x, 0.5, "over-confident\n(prohibited)", color="#A84A00", **style)
        ax.text(0.36, 0.91, "wrong side", color="#666666", **style)
        ax.text(0.64, 0.09, "wrong side", color="#666666", **style)


def _points(ax: Any, curve: CurveData, color: str, size: float, bars: bool) -> None:
    x, y = curve.bins.x, curve.bins.y
    if bars:
        ax.vlines(x, curve.bins.low, curve.bins.high, color=color, linewidth=0.9, alpha=0.75, zorder=3)
    face = [("white" if few else color) for few in curve.few]
    ax.scatter(x, y, s=size, facecolors=face, edgecolors=color, linewidths=1.1, zorder=4)


def _together(ax: Any, data: CalibrationData, colors: list[str]) -> None:
    _areas(ax, words=True)
    chosen = data.highlighted
    handles: list[Any] = []
    for k in data.together:
        curve, bold = data.curves[k], k == chosen
        if bold:
            ax.fill_between(curve.grid, curve.lower, curve.upper, color=colors[k], alpha=0.16, linewidth=0, zorder=2)
        ax.plot(curve.bins.x, curve.bins.y, color=colors[k], linewidth=2.6 if bold else 1.2, zorder=5 if bold else 3)
        _points(ax, curve, colors[k], 34 if bold else 15, bars=False)
        name = f"c = {_tex(curve.c)}"
        handles.append(Line2D([], [], color=colors[k], linewidth=2.6 if bold else 1.4, marker="o", ms=4, label=name))
    if chosen is not None:
        band = Patch(facecolor=colors[chosen], alpha=0.22, label=f"{data.level_words} band\nof the bold one")
        handles.append(band)
    handles.append(Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), label="calibrated"))
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.012), frameon=False, fontsize=8.5,
              handlelength=1.6, borderaxespad=0, labelspacing=0.55)  # fmt: skip
    ax.set_anchor("W")
    ax.set_xlabel(BEMD)
    ax.set_ylabel(SHARE)


def _mark_interval(ax: Any, data: CalibrationData) -> None:
    lower, upper = data.interval.lower, data.interval.upper
    if lower is not None and upper is not None:
        left, right = ax.get_xlim()
        # darker: from the smallest to the largest accepted c; lighter: beyond, to an unacceptable one or to the end
        ax.axvspan(lower.inside, upper.inside, color=ACCEPTABLE, alpha=0.10, linewidth=0, zorder=0)
        for end, edge in ((lower, left), (upper, right)):
            outside = edge if end.open else end.outside
            ax.axvspan(*sorted((end.inside, outside)), color=ACCEPTABLE, alpha=0.03, linewidth=0, zorder=0)
            if not end.open:
                ax.axvline(end.estimate, color=ACCEPTABLE, linewidth=0.9, linestyle=":", zorder=1)
    if data.recommended is not None:
        ax.axvline(np.log2(data.recommended), color=INK, linewidth=1.1, zorder=1)


def _slopes(ax: Any, data: CalibrationData, colors: list[str]) -> None:
    x = data.log2c
    ax.set_xlim(*_range(x))
    slopes = np.array([curve.slope for curve in data.curves])
    ses = np.array([curve.se for curve in data.curves])
    ax.axhline(0.9, color=PROHIBITED, linewidth=1, linestyle="--", zorder=1)
    ax.plot(x, slopes, color="#9A9A9A", linewidth=1, zorder=2)
    ax.errorbar(x, slopes, Z95 * ses, fmt="none", ecolor=INK, elinewidth=1, capsize=2.5, zorder=2)
    marks = {Status.ACCEPTABLE: "o", Status.UNDECIDED: "o", Status.NOT_ACCEPTABLE: "X"}
    for k, curve in enumerate(data.curves):
        face = "white" if curve.status == Status.UNDECIDED else colors[k]
        ax.scatter(x[k], curve.slope, s=46, marker=marks[Status(curve.status)], facecolor=face, edgecolor=colors[k],
                   linewidth=1.3, zorder=3)  # fmt: skip
    keys: list[Any] = [
        Line2D([], [], linestyle="", marker=marks[s], markersize=6, markeredgecolor=INK, label=STATUS_WORDS[s],
               markerfacecolor="white" if s == Status.UNDECIDED else INK)
        for s in marks if any(curve.status == s for curve in data.curves)
    ]  # fmt: skip
    keys.append(Patch(facecolor=ACCEPTABLE, alpha=0.2, label="acceptable c"))
    keys.append(Line2D([], [], color=PROHIBITED, linewidth=1, linestyle="--", label="over-confident below"))
    if data.recommended is not None:
        keys.append(Line2D([], [], color=INK, linewidth=1.1, label="recommended c"))
    ax.legend(handles=keys, frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.995), ncols=len(keys),
              columnspacing=1.1, handletextpad=0.35, borderaxespad=0.1)  # fmt: skip
    ax.set_ylabel("calibration slope κ")
    ax.set_ylim(bottom=min(0.0, float((slopes - 2 * ses).min(initial=0))))


def _scores(ax: Any, data: CalibrationData, colors: list[str]) -> None:
    scores = np.array([curve.log_score for curve in data.curves])
    ax.plot(data.log2c, scores, color="#9A9A9A", linewidth=1, zorder=2)
    ax.scatter(data.log2c, scores, s=28, c=colors or None, zorder=3)
    if np.isfinite(scores).any():
        best = int(np.nanargmin(scores))
        ax.scatter(data.log2c[best], scores[best], s=120, facecolor="none", edgecolor=INK, linewidth=1.1, zorder=4)
        ring = Line2D([], [], linestyle="", marker="o", markersize=9, markerfacecolor="none", markeredgecolor=INK)
        ax.legend([ring], ["smallest"], frameon=False, fontsize=8, loc="best", handletextpad=0.3)
    ax.margins(y=0.25)
    ax.set_ylabel("log score (nats)")


def _counts(ax: Any, data: CalibrationData, colors: list[str]) -> None:
    x = data.log2c
    width = 0.62 * (float(np.diff(x).min()) if x.size > 1 else 1.0)
    bars = ax.bar(x, data.counts, width, color=colors or None, zorder=2)
    undecided = [curve.n_undecided for curve in data.curves]
    if any(undecided):
        ax.bar(x, undecided, width, bottom=data.counts, facecolor="none", edgecolor=INK, hatch="////", linewidth=0.6)
    if x.size <= 20:
        words = [f"{n}+{u}" if any(undecided) else str(n) for n, u in zip(data.counts, undecided, strict=True)]
        crowded = x.size > 1 and np.diff(x).min() / (np.ptp(x) + 1.2) < _LETTER * (max(map(len, words)) + 1)
        if crowded:  # what is written on the bar to the left holds for this one too
            words = [now if now != before else "" for now, before in zip(words, ["", *words], strict=False)]
        ax.bar_label(bars, words, fontsize=7, color=INK, padding=5 if any(undecided) else 1)
    ax.margins(y=0.22)
    ax.set_ylabel("experiments")


def _range(x: Any) -> tuple[float, float]:
    return (float(x.min()) - 0.6, float(x.max()) + 0.6) if x.size else (-1.0, 1.0)


def _small(fig: Any, place: Any, curve: CurveData, color: str, first: bool, data: CalibrationData) -> None:
    inner = place.subgridspec(2, 1, height_ratios=(3.1, 1), hspace=0.05)
    ax = fig.add_subplot(inner[0])
    _areas(ax, words=False)
    ax.set_aspect("auto")
    ax.fill_between(curve.grid, curve.lower, curve.upper, color=color, alpha=0.20, linewidth=0, zorder=2)
    ax.plot(curve.grid, curve.isotonic, color=color, linewidth=1.5, zorder=3)
    _points(ax, curve, color, 13, bars=True)
    chosen = curve.c == data.recommended
    word = STATUS_WORDS[Status(curve.status)]
    ax.set_title(f"c = {_tex(curve.c)}", loc="left", fontsize=9.5, color=INK, fontweight="bold" if chosen else None)
    ax.set_title(f"κ {curve.slope:.2f}, {word}", loc="right", fontsize=7, color="#555555")
    ax.tick_params(labelbottom=False, labelleft=first, labelsize=7.5)
    hist = fig.add_subplot(inner[1], sharex=ax)
    width = np.diff(curve.edges)
    hist.bar(curve.edges[:-1], curve.won, width, align="edge", color=WON, linewidth=0)
    hist.bar(curve.edges[:-1], curve.lost, width, bottom=curve.won, align="edge", color=LOST, linewidth=0)
    hist.set_xlabel(BEMD, fontsize=8, labelpad=1)
    hist.tick_params(labelsize=7.5)
    hist.locator_params(axis="y", nbins=2)
    hist.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    if first:
        ax.set_ylabel(r"share $B_{\mathrm{epis}}=1$", fontsize=8)
        hist.set_ylabel("count", fontsize=8)
    for side in (ax, hist):
        for edge in side.spines.values():
            edge.set_linewidth(1.6 if chosen else 0.7)
            edge.set_color(INK if chosen else "#888888")


def _key(fig: Any, data: CalibrationData, height: float) -> None:
    handles = [
        Line2D([], [], color=INK, linewidth=1.5, label="isotonic curve"),
        Patch(facecolor=INK, alpha=0.2, label=f"its {data.level_words} band"),
        Line2D([], [], color=INK, marker="o", markersize=4, linewidth=0,
               label=f"bins of equal count, {data.level_words} intervals"),
        Line2D([], [], color=INK, marker="o", markerfacecolor="white", markersize=4, linewidth=0,
               label="few experiments"),
        Patch(facecolor=WON, label=r"$B_{\mathrm{epis}}=1$"),
        Patch(facecolor=LOST, label=r"$B_{\mathrm{epis}}=0$"),
        Patch(facecolor=PROHIBITED, alpha=0.2, label="over-confident"),
        Patch(facecolor=DISCOURAGED, alpha=0.25, label="wrong side"),
    ]  # fmt: skip
    fig.legend(handles=handles, loc="center left", bbox_to_anchor=(0.052, height), ncols=len(handles), frameon=False,
               fontsize=8.5, columnspacing=1.4, handletextpad=0.5)  # fmt: skip
