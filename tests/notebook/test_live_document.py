"""Whatever pages come, lag behind, lose messages and go: each shows the whole document in the end."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from bokeh.core.serialization import Buffer, Serialized
from bokeh.document import Document
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from adaptive_calib.notebook import live_document
from adaptive_calib.notebook.axes import follow, lead
from adaptive_calib.notebook.live_document import LiveDocument


class Wire:
    """The messages between the document and its pages, delivered when the test says so."""

    def __init__(self, live: LiveDocument) -> None:
        self.live = live
        self.pages: list[Page] = []
        self.sent: list[str] = []
        self._numbers = itertools.count()
        live._views.send = self._send  # what ipywidgets would send to all pages

    def _send(self, content: dict[str, Any], buffers: Any = None) -> None:
        content = json.loads(json.dumps(content))
        self.sent.append(content["kind"])
        for page in self.pages:
            page.inbox.append((content, buffers or []))

    def open(self) -> Page:
        page = Page(self, f"page {next(self._numbers)}")
        self.pages.append(page)
        page.say(kind="whole")
        return page

    def deliver(self) -> None:
        while any(page.inbox for page in self.pages):
            for page in self.pages:
                page.read()


class Page:
    """The behaviour of live_document.js, in Python."""

    def __init__(self, wire: Wire, view: str) -> None:
        self._wire = wire
        self._view = view
        self.inbox: list[tuple[dict[str, Any], list[bytes]]] = []
        self.document: Any = None
        self.version: int | None = None

    def say(self, **content: Any) -> None:
        self._wire.live._receive(None, content | {"view": self._view}, [])

    def read(self) -> None:
        while self.inbox:
            content, buffers = self.inbox.pop(0)
            if content["kind"] == "whole" and content["view"] == self._view:
                self.document = Document.from_json(json.loads(content["document"]))
                self.version = content["version"]
                self.say(kind="seen", version=self.version)
            elif content["kind"] == "change" and self.version is not None and content["version"] > self.version:
                if content["from"] != self.version:
                    self.version = None
                    self.say(kind="whole")
                    continue
                parts = [Buffer(ref, data) for ref, data in zip(content["buffers"], buffers, strict=True)]
                self.document.apply_json_patch(Serialized(json.loads(content["patch"]), parts))
                self.version = content["version"]
                self.say(kind="seen", version=self.version)

    @property
    def xs(self) -> list[float]:
        return list(self.document.select_one({"name": "points"}).data["x"])


@pytest.fixture
def plot() -> tuple[Wire, ColumnDataSource, Any]:
    source = ColumnDataSource({"x": np.arange(2.0), "y": np.arange(2.0)}, name="points")
    drawn = figure(x_range=Range1d(0, 1))
    drawn.scatter("x", "y", source=source)
    lead(drawn.x_range)
    return Wire(LiveDocument(drawn)), source, drawn


def _grow(wire: Wire, source: ColumnDataSource) -> list[float]:
    n = float(len(source.data["x"]))
    source.stream({"x": np.array([n]), "y": np.array([n])})
    wire.live.push()
    return list(source.data["x"])


def test_without_a_page_nothing_is_sent(plot: Any) -> None:
    """Without a page frames cost no message; a page that connects later gets everything."""
    wire, source, _ = plot
    for _ in range(100):
        now = _grow(wire, source)
    assert wire.sent == []
    page = wire.open()
    wire.deliver()
    assert page.xs == now


def test_a_page_gets_changes_only(plot: Any) -> None:
    """A page that is there gets the document once, and new points by changes."""
    wire, source, _ = plot
    page = wire.open()
    wire.deliver()
    for _ in range(5):
        now = _grow(wire, source)
        wire.deliver()
        assert page.xs == now
    assert wire.sent == ["whole", *["change"] * 5]


def test_a_slow_page_gets_many_frames_in_one_change(plot: Any) -> None:
    """One change at a time is out; what is drawn meanwhile follows in the next one."""
    wire, source, _ = plot
    page = wire.open()
    wire.deliver()
    for _ in range(50):
        now = _grow(wire, source)
    assert wire.sent.count("change") == 1
    wire.deliver()
    assert wire.sent.count("change") == 2
    assert page.xs == now


def test_pages_that_come_and_go(plot: Any) -> None:
    """At random moments pages come, read, lose messages and go; in the end all show the same, each point once."""
    wire, source, _ = plot
    rng = np.random.default_rng(3)
    for _ in range(600):
        match rng.integers(6):
            case 0 if len(wire.pages) < 4:
                wire.open()
            case 1 if wire.pages:
                page = wire.pages[rng.integers(len(wire.pages))]
                if page.inbox and page.inbox[0][0]["kind"] == "change" and page.version is not None:
                    page.inbox.pop(0)  # lost
                    page.version = -1  # and so it shows some older version
            case 2 if len(wire.pages) > 1:
                wire.pages.pop(int(rng.integers(len(wire.pages)))).say(kind="gone")
            case 3 | 4 if wire.pages:
                wire.pages[rng.integers(len(wire.pages))].read()
            case _:
                _grow(wire, source)
    wire.deliver()
    now = _grow(wire, source)
    wire.deliver()
    assert wire.pages
    for page in wire.pages:
        assert page.xs == now


def test_a_page_that_is_gone_does_not_block_the_others(plot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that does not answer is forgotten after a time, and the others do not wait for it."""
    wire, source, _ = plot
    wire.open()
    wire.deliver()
    wire.pages.clear()
    other = wire.open()
    wire.deliver()
    for _ in range(3):
        now = _grow(wire, source)
        wire.deliver()
        assert other.xs == now
    assert len(wire.live._pages) == 2
    monkeypatch.setattr(live_document, "PATIENCE", -1.0)
    _grow(wire, source)
    assert len(wire.live._pages) == 1


def test_axes_of_a_page_that_comes_later(plot: Any) -> None:
    """Limits of axes are in the whole document, and no change moves an axis but by its tags."""
    wire, _, drawn = plot
    early = wire.open()
    wire.deliver()
    follow(drawn.x_range, 0.0, 9.0)
    wire.live.push()
    late = wire.open()
    wire.deliver()
    for page, end in ((early, 1), (late, 9)):
        axis = page.document.select_one({"type": Range1d, "start": 0})
        assert (axis.end, list(axis.tags)) == (end, [0.0, 9.0])


def test_a_new_root_is_sent_to_every_page(plot: Any) -> None:
    """Where another plot takes the place, all pages get it; the one that comes later, too."""
    wire, *_ = plot
    page = wire.open()
    wire.deliver()
    source = ColumnDataSource({"x": [7.0], "y": [7.0]}, name="points")
    drawn = figure()
    drawn.scatter("x", "y", source=source)
    wire.live.replace(drawn)
    late = wire.open()
    wire.deliver()
    now = _grow(wire, source)
    wire.deliver()
    assert page.xs == late.xs == now == [7.0, 1.0]


def test_a_page_is_refreshed_before_it_gets_the_document(plot: Any) -> None:
    """The state that a page gets is that of the moment, not of the last frame."""
    wire, source, _ = plot
    wire.live.refresh = lambda: _grow(wire, source)
    page = wire.open()
    wire.deliver()
    assert page.xs == [0.0, 1.0, 2.0]
