"""A bokeh document in the kernel that any number of pages show: what a live plot sends, and to whom.

A page is a view in a browser: a cell in one tab, the same cell after a reload, a second browser. Pages come and go
without notice, so Python assumes nothing about them:

- A page that connects asks for the whole document, with the version that it has then.
- Changes are sent to pages that have acknowledged the version before. The next change is sent when some page has
  acknowledged the last one, so that a slow browser gets several frames in one change. Without a page nothing is sent.
- A page that misses a change asks for the whole document again. A page that does not acknowledge a change for
  `PATIENCE` seconds is forgotten (a page that is reloaded does not say goodbye); if it comes back, it asks for the
  whole document.

===========  ========================  =====================================================
message      direction                 content
===========  ========================  =====================================================
``scripts``  page -> kernel, and back  BokehJS, for a page on which no notebook has loaded it
``whole``    page -> kernel, and back  the document and its version
``change``   kernel -> all pages       what differs between two versions
``seen``     page -> kernel            the version that the page shows
``gone``     page -> kernel            the view is closed
===========  ========================  =====================================================

The page's half is ``live_document.js``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from bokeh.models import LayoutDOM, Range1d
from bokeh.protocol import Protocol
from bokeh.resources import Resources

__all__ = ["LiveDocument"]

#: Seconds without an answer after which a page is forgotten. A page in the background answers within a second or two.
PATIENCE = 20.0
#: Properties of an axis that are never sent as changes; a page that connects gets them with the whole document.
_OWN = {"start", "end", "reset_start", "reset_end"}


class _Views(anywidget.AnyWidget):
    """The widget whose views show the document; its only state is the program of a view."""

    _esm = Path(__file__).with_suffix(".js")


class LiveDocument:
    """A bokeh document and the pages that show it.

    Parameters
    ----------
    root : bokeh model
        The document. Change it as you like, then `push`.
    lock : lock, optional
        Held while messages of pages are handled; hold it, too, while you change the document. A run in the background
        draws in its own thread.
    refresh : callable, optional
        Called before the whole document is sent, to bring it up to date.
    """

    def __init__(self, root: LayoutDOM, lock: Any = None, refresh: Callable[[], None] | None = None) -> None:
        self._lock: Any = lock if lock is not None else contextlib.nullcontext()
        self.document = Document()
        self.document.add_root(root)
        self.refresh = refresh
        self._changes: list[Any] = []
        #: The version of the document, and the last one that was sent.
        self._version = self._sent = 0
        #: view -> (the version that it shows, the time from which on it is late if it does not show a newer one)
        self._pages: dict[str, tuple[int, float]] = {}
        self.document.on_change(lambda event: self._collect(event))
        self._views = _Views()
        self._views.on_msg(self._receive)

    @property
    def model_id(self) -> str:
        """The id by which a front-end finds the views."""
        return str(self._views.model_id)

    def replace(self, root: LayoutDOM) -> None:
        """Show another document in the place of this one, on all pages."""
        self.document.clear()
        self.document.add_root(root)
        self._changes.clear()
        self._version += 1
        for view in tuple(self._pages):
            self._send_whole(view)

    def push(self) -> None:
        """Send what was changed in the document, now or as soon as the pages have shown what was sent before."""
        if self._changes:
            self._version += 1
        self._send()

    def _collect(self, event: Any) -> None:
        """Keep a change for the pages. Axes are theirs: a page moves them, unless a person has (see `axes`)."""
        if not (isinstance(getattr(event, "model", None), Range1d) and event.attr in _OWN):
            self._changes.append(event)

    def _receive(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        with self._lock:
            self._answer(str(content.get("view")), content)

    def _answer(self, view: str, content: dict[str, Any]) -> None:
        match content.get("kind"):
            case "scripts":
                sources = Resources(mode="inline", components=["bokeh", "bokeh-widgets", "bokeh-tables"]).js_raw
                self._views.send({"kind": "scripts", "source": "\n".join(sources)})
            case "whole":
                if self.refresh is not None:
                    self.refresh()
                self._send_whole(view)
            case "seen":
                self._pages[view] = (int(content["version"]), time.monotonic())
                self._send()
            case "gone":
                self._pages.pop(view, None)

    def _send(self) -> None:
        """Send the changes, if a page has shown the last ones, or if there is no page any more."""
        now = time.monotonic()
        for view, (version, since) in tuple(self._pages.items()):
            if version < self._sent and now - since > PATIENCE:
                del self._pages[view]
        versions = [version for version, _ in self._pages.values()]
        if not versions or max(versions) >= self._sent:
            self._send_changes()

    def _send_changes(self) -> None:
        changes, self._changes[:] = list(self._changes), []
        if changes and self._pages:
            message = Protocol().create("PATCH-DOC", changes)
            content = {"kind": "change", "from": self._sent, "version": self._version, "patch": message.content_json}
            content["buffers"] = [buffer.ref["id"] for buffer in message.buffers]
            self._views.send(content, [buffer.to_bytes() for buffer in message.buffers])
            now = time.monotonic()
            for view, (version, _) in self._pages.items():
                if version == self._sent:
                    self._pages[view] = (version, now)
        else:  # no page has to get the models that are new
            self.document.models.flush_synced()
        self._sent = self._version

    def _send_whole(self, view: str) -> None:
        self._version += bool(self._changes)
        self._send_changes()  # the other pages first: the models that are new to them are not in this one's changes
        content = serialize_json(self.document.to_json(deferred=False))
        self._views.send({"kind": "whole", "view": view, "version": self._version, "document": content})
        self._pages[view] = (self._version, time.monotonic())
