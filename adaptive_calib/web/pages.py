"""The pages of ``adaptive-calib serve``: the list of runs, one run, two runs side by side. Panel arranges them.

Each function makes one page for one visitor, and brings it up to date every two seconds. Every text from the store goes
through `escape`, or into a table that shows texts as they are.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import urlencode

import numpy as np
import panel
from bokeh.models import Range1d
from bokeh.models.widgets.tables import DateFormatter, NumberFormatter

from adaptive_calib._arrays import Floats
from adaptive_calib._words import local_time
from adaptive_calib.notebook.axes import follow, lead
from adaptive_calib.notebook.bokeh_diff import ModelDiff
from adaptive_calib.store.identity.canonical import plain_text
from adaptive_calib.store.manifest import is_running, result_sets_of, state_of, status_of
from adaptive_calib.store.rows import OK, Run
from adaptive_calib.view.run import RunView
from adaptive_calib.view.run_html import COLOURS, curve, html
from adaptive_calib.view.run_text import time_left
from adaptive_calib.view.stored_run import stored_view
from adaptive_calib.web import drawings
from adaptive_calib.web.results import Evaluations, Watched, numbers_of
from adaptive_calib.web.template import CARD, DARK, INKS, LIGHT, SELECT, STYLE, TABLE, TEMPLATE

__all__ = ["compare_page", "list_page", "run_page", "warm"]

logger = logging.getLogger("adaptive_calib.web")
pn: Any = panel  # most of it has no types
#: Milliseconds between two updates; failures that are listed; rows of the table of points on one page.
UPDATE, FAILURES, ROWS = 2000, 50, 15


def list_page(watched: Watched) -> Any:
    """Return the page with all runs of a store."""
    table = _html("")

    def update() -> None:
        watched.refresh()
        problem = f"<p>{escape(watched.problem)}</p>" if watched.problem else ""
        _set(table, problem + (_runs_table(watched.runs) if watched.runs or not problem else ""))

    update()
    return _page(watched, "runs", [table], update)


def _runs_table(runs: list[Run]) -> str:
    if not runs:
        return "<p>There are no runs in this store yet.</p>"
    rows = []
    for run in reversed(runs):
        view, about = _view(run), json.loads(run.manifest)
        names = ", ".join(result_sets_of(run).values()) or "?"
        left = f", {time_left(view)} left" if view.left is not None else ""
        bar = "" if view.share is None else _bar(view)
        rows.append(
            f'<tr><td><a href="run?{urlencode({"id": run.id})}">{local_time(run.started)}</a></td>'
            f"<td>{escape(names[:80])}<br><small>{escape(view.title)}</small></td>"
            f'<td><b style="color:{COLOURS[view.status]}">{escape(status_of(run))}</b>{bar}'
            f"<small>{escape((view.reason or view.goal)[:120])}{left}</small></td>"
            f"<td>{view.npoints:,}{f'<br><small>{view.failed} failed</small>' if view.failed else ''}</td>"
            f"<td>{'' if view.loss is None else f'{view.loss:.3g}'}{curve(view.losses)}</td>"
            f"<td><small>{escape(str(about.get('host')))}:{about.get('pid')!s:.20}</small></td></tr>"
        )
    head = "".join(f"<th>{name}</th>" for name in ("started", "function", "state", "points", "loss", "process"))
    return f'<div class="wide"><table class="runs"><tr>{head}</tr>{"".join(rows)}</table></div>'


def _bar(view: RunView) -> str:
    done = f"width:{100 * (view.share or 0):.1f}%;background:{COLOURS[view.status]}"
    return f'<div class="bar"><div style="{done}"></div></div>'


# ---------------------------------------------------------------------------------------------------- one run


def run_page(watched: Watched) -> Any:
    """Return the page of the run that the address names."""
    watched.refresh()
    run = watched.run(_argument("id"))
    if run is None:
        return _page(watched, "no such run", [_html("<p>There is no run with this id in the store.</p>")], None)
    page = _RunPage(watched, run)
    return _page(watched, f"run {run.id}", page.parts(), page.update)


_FORMATS = {"seconds": NumberFormatter(format="0.000"), "started": DateFormatter(format="%Y-%m-%d %H:%M:%S")}


class _RunPage:
    """What one visitor sees of a run."""

    def __init__(self, watched: Watched, run: Run) -> None:
        self._watched = watched
        self._run = run
        self._state = _html("")
        self._failures = _html("")
        uids = list(result_sets_of(run))
        names = {f"{k}: {_name(watched, uid)}": uid for k, uid in enumerate(uids)}
        self._choice = pn.widgets.Select(options=names, visible=len(uids) > 1, stylesheets=[SELECT])
        self._choice.param.watch(lambda _: self.update(True), "value")
        self._plots = _Plots("There is no plot of these points.")
        self._loss, self._times = _Plots("There is no loss yet."), _Plots("This run has evaluated nothing itself.")
        self._table = pn.widgets.Tabulator(
            pagination="remote", page_size=ROWS, disabled=True, show_index=False, layout="fit_data_stretch",
            sizing_mode="stretch_width", stylesheets=[TABLE], selectable=False, theme="simple",
            formatters=_FORMATS,
        )  # fmt: skip
        self._shown: tuple[str, int] | None = None
        self._losses: tuple[tuple[float, float], ...] = ()
        self._next = 0.0
        self.update()

    def parts(self) -> list[Any]:
        """Return the parts of the page, from top to bottom."""
        other = _html(f'<a href="compare?{urlencode({"a": self._run.id})}">compare with another run</a>')
        loss = _section("Loss over time", self._loss.box)
        times = _section("Evaluations of each worker", self._times.box)
        learned = pn.Column(self._choice, self._plots.box, sizing_mode="stretch_width")
        plot = _section("What is learned", learned, 460 if len(self._plots.box) == 1 else 980)
        state = _section("State", pn.Column(self._state, other, sizing_mode="stretch_width"))
        return [state, plot, loss, times, _section("Failures", self._failures), _section("Points", self._table, 980)]

    def update(self, force: bool = False) -> None:
        """Bring the page up to date."""
        self._watched.refresh()
        run = self._watched.run(self._run.id)
        gone = "" if run is not None else "This run is not in the store any more."
        run = self._run = run or self._run
        view = _view(run)
        _set(self._state, html(replace(view, failures=()), self._watched.problem or gone or _age(run)))
        if gone:
            return
        if view.losses != self._losses:  # as new as the state beside it
            self._losses = view.losses
            self._loss.show([drawings.loss({run.id: _losses(view)}, "seconds")])
        known = self._watched.evaluations(self._choice.value) if self._choice.value else None
        shown = (self._choice.value, -1 if known is None else known.version)
        if not force and (shown == self._shown or time.monotonic() < self._next):
            return
        self._shown, begin = shown, time.monotonic()
        if known is not None:
            self._draw(run, view, known)
        self._next = time.monotonic() + 20 * (time.monotonic() - begin)  # at most 5 % of the time of the server

    def _draw(self, run: Run, view: RunView, known: Evaluations) -> None:
        rows = known.known_until(math.inf if run.ended is None else run.ended)
        status = np.array(known.status[rows])
        good = np.flatnonzero(status == OK)
        points, values = known.points[rows], known.values[rows]
        failed = [points[k] for k in np.flatnonzero(status != OK)]
        seen = [points[k] for k in good], [values[k] for k in good]
        try:
            plots = drawings.of_points(view.title, view.mode, *seen, failed, state_of(run).get("calibration"))
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
            IndexError,
        ) as error:  # not what this learner's points look like
            logger.warning("the points of run %s cannot be drawn: %r", run.id, error)
            plots = []
        self._plots.show([drawings.drawn(plot, INKS[_is_dark()]) for plot in plots])
        own = np.flatnonzero(np.array(known.runs[rows]) == run.id)
        times = np.array(known.started[rows], float)[own], np.array(known.durations[rows], float)[own]
        workers = [known.workers[k] for k in own]
        self._times.show([drawings.timeline(workers, *times, status[own] != OK)] if len(own) else [])
        _set(self._failures, _failures(self._watched, known, [int(k) for k in own if status[k] != OK]))
        self._table.value = known.frame().iloc[rows][::-1]  # the latest first


class _Plots:
    """Bokeh figures in a box: the next ones change them, and leave alone what the visitor has zoomed."""

    def __init__(self, otherwise: str) -> None:
        self.box = pn.FlexBox(_html(f"<p>{otherwise}</p>"), sizing_mode="stretch_width")
        self._otherwise = list(self.box)
        self._diffs: list[ModelDiff] = []

    def show(self, figures: list[Any]) -> None:
        """Show these figures in the place of the last ones."""
        if len(figures) != len(self._diffs):
            self._diffs = [ModelDiff(one) for one in figures]
            for diff in self._diffs:
                for axis in diff.ranges():
                    if isinstance(axis, Range1d):
                        lead(axis)
            wide = {"flex": "1 1 380px", "min-width": "min(380px, 100%)"}
            panes = [pn.Column(pn.pane.Bokeh(one), sizing_mode="stretch_width", styles=wide) for one in figures]
            self.box[:] = panes or self._otherwise
            return
        for diff, one in zip(self._diffs, figures, strict=True):
            for shown, new in diff.apply(one).items():
                if isinstance(shown, Range1d) and isinstance(new, Range1d):
                    follow(shown, new.start, new.end)


def _failures(watched: Watched, known: Evaluations, failed: list[int]) -> str:
    parts = []
    for k in failed[-FAILURES:][::-1]:
        row = watched.store.get(known.keys[k])
        if row is None:
            continue
        texts = {"": row.traceback or row.exc_type, "stdout": row.stdout, "stderr": row.stderr, "log": row.logs}
        inner = "".join(
            f"{f'<small>{name}</small>' if name else ''}<pre>{escape(text[-20_000:])}</pre>"
            for name, text in texts.items()
            if text
        )
        where = f"attempt {row.attempt}, {row.host}:{row.pid}, {local_time(row.started)}"
        last = f'<b style="color:{COLOURS["failed"]}">{escape(row.traceback.strip().rpartition(chr(10))[2][:200])}</b>'
        about = escape(f"{row.status} at {known.points[k]!r:.80}, {where}")
        parts.append(f"<details><summary>{about}<br>{last}</summary>{inner}</details>")
    more = f"<p>and {len(failed) - FAILURES} more</p>" if len(failed) > FAILURES else ""
    return "".join(parts) + more or "<p>No evaluation failed.</p>"


# ---------------------------------------------------------------------------------------------------- two runs


def compare_page(watched: Watched) -> Any:
    """Return the page that compares two runs: curves over each other, loss over points, what differs."""
    watched.refresh()
    names = {f"{local_time(run.started)}  {run.id[:6]}  {_view(run).title}": run.id for run in reversed(watched.runs)}
    if not names:
        return _page(watched, "comparison", [_html("<p>There are no runs in this store yet.</p>")], None)
    first = _argument("a") if watched.run(_argument("a")) else next(iter(names.values()))
    others = [identity for identity in names.values() if identity != first]
    second = _argument("b") if watched.run(_argument("b")) else next(iter(others), first)
    choices = [
        pn.widgets.Select(options=names, value=value, width=380, stylesheets=[SELECT]) for value in (first, second)
    ]
    table = _html("")
    values, losses = _Plots("These are no curves."), _Plots("There are no losses.")

    def update(_: Any = None) -> None:
        watched.refresh()
        sides = [side for side in (_Side.of(watched, choice.value) for choice in choices) if side is not None]
        _set(table, _comparison(sides))
        curves = {f"{k + 1}: {side.run.id[:6]}": side.curve for k, side in enumerate(sides) if side.curve is not None}
        values.show([drawings.compared(curves)] if curves else [])
        paths = {f"{k + 1}: {side.run.id[:6]}": side.losses for k, side in enumerate(sides)}
        losses.show([drawings.loss(paths, "points")] if any(len(path[0]) for path in paths.values()) else [])

    for choice in choices:
        choice.param.watch(update, "value")
    update()
    differs = _section("What differs", pn.Column(pn.FlexBox(*choices), table, sizing_mode="stretch_width"), 980)
    plots = [_section("Values", values.box), _section("Loss over points", losses.box)]
    return _page(watched, "comparison", [differs, *plots], None)


class _Side:
    """One of two runs that are compared."""

    def __init__(self, watched: Watched, run: Run) -> None:
        self.run, self.view = run, _view(run)
        self.uids = list(result_sets_of(run))
        known = watched.evaluations(self.uids[0]) if self.uids else None
        rows = slice(0) if known is None else known.known_until(math.inf if run.ended is None else run.ended)
        self.config = {} if known is None else {name: plain_text(form) for name, form in known.info.config.items()}
        self.version = "" if known is None else known.info.version
        self.curve: tuple[Floats, Floats] | None = None
        self.losses: tuple[Floats, Floats] = (np.empty(0), np.empty(0))
        self.seconds = 0.0
        if known is None:
            return
        good = [k for k in range(len(known))[rows] if known.status[k] == OK]
        x, y = numbers_of([known.points[k] for k in good]), numbers_of([known.values[k] for k in good])
        if x is not None and y is not None and x.shape[1] == y.shape[1] == 1:
            self.curve = x[:, 0], y[:, 0]
        own = [k for k in good if known.runs[k] == run.id]
        ends = np.sort([known.started[k] + known.durations[k] for k in own])
        self.seconds = float(sum(known.durations[k] for k in own))
        at, loss = _losses(self.view)
        updated = state_of(run).get("updated")
        begin = updated - self.view.elapsed if isinstance(updated, float) else run.started
        self.losses = self.view.loaded + np.searchsorted(ends, begin + at, side="right").astype(float), loss

    @classmethod
    def of(cls, watched: Watched, identity: str) -> _Side | None:
        """Return the run with an id; None if there is none."""
        run = watched.run(identity)
        return None if run is None else cls(watched, run)

    def points_to(self, loss: float) -> str:
        """Return the number of points at which a loss was first seen."""
        reached = np.flatnonzero(self.losses[1] <= loss)
        return f"{int(self.losses[0][reached[0]]):,}" if len(reached) else "not reached"


def _comparison(sides: list[_Side]) -> str:
    rows: dict[str, list[str]] = {
        "run": [side.run.id for side in sides],
        "started": [local_time(side.run.started) for side in sides],
        "learner": [side.view.title for side in sides],
        "goal": [side.view.goal for side in sides],
        "state": [status_of(side.run) for side in sides],
        "points": [f"{side.view.npoints:,}" for side in sides],
        "seconds in the function": [f"{side.seconds:.4g}" for side in sides],
        "loss": ["" if side.view.loss is None else f"{side.view.loss:.4g}" for side in sides],
    }
    finals = [side.losses[1][-1] for side in sides if len(side.losses[1])]
    if len(finals) == len(sides) > 0:
        rows[f"points to a loss of {max(finals):.4g}"] = [side.points_to(max(finals)) for side in sides]
    rows["version"] = [side.version for side in sides]
    for name in dict.fromkeys(name for side in sides for name in side.config):
        rows[f"configuration: {name}"] = [side.config.get(name, "missing") for side in sides]
    body = "".join(
        f"<tr{' class=differs' if len(set(cells)) > 1 else ''}><th>{escape(name)}</th>"
        + "".join(f"<td>{escape(cell[:200])}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows.items()
    )
    return f'<div class="wide"><table class="runs">{body}</table></div>'


# ---------------------------------------------------------------------------------------------------- parts


def _page(watched: Watched, title: str, parts: list[Any], update: Callable[[], None] | None) -> Any:
    template = pn.Template(TEMPLATE)
    template.add_variable("name", watched.name)
    template.add_variable("heading", title)
    template.add_variable("dark", _is_dark())
    box = pn.FlexBox(*parts, sizing_mode="stretch_width", gap="12px", align_items="stretch")
    template.add_panel("main", box)
    if pn.state.curdoc is not None:
        pn.state.curdoc.theme = DARK if _is_dark() else LIGHT
    if update is not None:
        pn.state.add_periodic_callback(update, period=UPDATE)
    return template


def _is_dark() -> bool:
    return bool(pn.state.cookies.get("adaptive-calib-theme") == "dark")


def _section(title: str, content: Any, width: int = 460) -> Any:
    """Return a part of a page with a heading, that is at least `width` wide where the page is."""
    return pn.Column(
        _html(f"<h2>{title}</h2>"), content, sizing_mode="stretch_width",
        styles={**CARD, "flex": f"1 1 {width}px", "min-width": f"min({width}px, 100%)"},
    )  # fmt: skip


def _html(text: str) -> Any:
    return pn.pane.HTML(text, sizing_mode="stretch_width", stylesheets=[STYLE])


def _set(pane: Any, text: str) -> None:
    """Set a text, if it is another one: what the visitor has opened stays open."""
    if pane.object != text:
        pane.object = text


def _argument(name: str) -> str:
    values: list[bytes] = pn.state.session_args.get(name, [b""])
    return values[0].decode("utf-8", "replace")


def _name(watched: Watched, uid: str) -> str:
    known = watched.evaluations(uid)
    return uid[:8] if known is None else known.info.slug[:60]


def _view(run: Run) -> RunView:
    """Return the last state of a run, an empty one if there is none."""
    view = stored_view(run)
    if view is None:
        word = "running" if is_running(run) else "finished" if run.status == "finished" else "failed"
        view = RunView(
            "?", "no state was written", word, run.reason, 0.0, None, None, 0, 0, 0, 0, 0, 0, None, None, 0.0
        )
    return view


def warm(watched: Watched, run: Run) -> None:
    """Read what the page of a run shows, so that it comes without delay."""
    for uid in result_sets_of(run):
        watched.evaluations(uid)


def _losses(view: RunView) -> tuple[Floats, Floats]:
    pairs = np.array(view.losses, float).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _age(run: Run) -> str:
    updated = state_of(run).get("updated")
    if run.ended is not None or not isinstance(updated, float):
        return ""
    if not is_running(run):
        return "The process of this run is gone."
    return f"State of {max(0.0, time.time() - updated):.0f} s ago; points are as they are now."
