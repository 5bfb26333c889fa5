"""The state of a run in a terminal: the rows that a notebook shows, rewritten in their place.

In a terminal the block of rows is overwritten by the next one; the rest of the screen is left alone. In a file or a
pipe (a log of a batch system) there are no escape codes, and a line a minute.
"""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TextIO

from adaptive_calib.view.run import RunView, look
from adaptive_calib.view.run_text import rows

__all__ = ["Screen", "block", "cut", "line", "watch"]

_COLOURS = {"cancelled": 33, "failed": 31, "running": 34, "finished": 32}  # yellow, red, blue, green
#: Seconds between two lines in a file.
LOG_INTERVAL = 60.0
_BAR = 40
_AT_A_PROMPT = """At this prompt the state would overwrite what you type. It is shown at the end of the run, and while
runner.block_until_done() waits; runner.live_info() prints it once. If the run has a store, another terminal follows it:
adaptive-calib watch STORE"""


def line(runner: Any, view: RunView | None = None) -> str:
    """Return one line about a run, without escape codes: the time, and ``key: value`` for each row that has one."""
    view = view if view is not None else look(runner)
    table = {"time": str(datetime.now()).split(".")[0], **rows(view)}
    table.pop("running", None)
    return "; ".join(f"{key}: {value}" for key, value in table.items())


def block(view: RunView, width: int = 80, colours: bool = True) -> list[str]:
    """Return the rows of a run as lines of at most `width` columns, and a progress bar if the share is known."""
    table = rows(view)
    margin = max(map(len, table))
    lines = []
    for key, value in table.items():
        words = cut(f"{key:>{margin}}  {value}", width)
        if colours and key == "status":
            words = f"\033[{_COLOURS[view.status]}m{words}\033[0m"
        lines.append(words)
    if view.share is not None:
        length = max(0, min(_BAR, width - margin - 8))
        done = round(length * view.share)
        lines.append(cut(f"{'':>{margin}}  {'█' * done}{'·' * (length - done)} {100 * view.share:3.0f}%", width))
    return lines


def cut(words: str, width: int) -> str:
    """Return a text cut to the width of the terminal: a wrapped line could not be overwritten."""
    shown: list[str] = []
    columns = 0
    for letter in " ".join(words.split("\n")):
        columns += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if columns > width - 1:
            return "".join(shown) + "…"
        shown.append(letter)
    return "".join(shown)


class Screen:
    """Lines in a terminal that are overwritten by the next ones; what stands above them is left alone."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._height = 0

    def show(self, lines: list[str]) -> None:
        """Write the lines in the place of the last ones; those that do not fit on the screen are left out."""
        lines = lines[: max(shutil.get_terminal_size().lines - 1, 1)]  # rows above the screen cannot be overwritten
        up = f"\033[{self._height}F\033[J" if self._height else ""
        self._out.write(up + "".join(f"{words}\n" for words in lines))
        self._out.flush()
        self._height = len(lines)

    def forget(self) -> None:
        """Leave the lines where they are: others were written below them."""
        self._height = 0


class _Prompt:
    """Follows whether a prompt waits for a person: what is typed there stands below lines that are not overwritten.

    IPython says when it executes a cell. Python says only that it has a prompt (``sys.ps1``), so there only
    ``runner.block_until_done()`` is known to be executed.
    """

    def __init__(self, runner: Any, screen: Screen) -> None:
        self._runner, self._screen = runner, screen
        self._executed = True
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        self._events = getattr(shell, "events", None)
        if self._events is not None:
            self._events.register("pre_run_cell", self._begin)
            self._events.register("post_run_cell", self._end)

    @property
    def is_open(self) -> bool:
        """Whether a person may be typing."""
        if self._events is not None:
            return not self._executed
        return hasattr(sys, "ps1") and not getattr(self._runner.task, "awaited", False)

    def _begin(self, info: Any) -> None:
        self._screen.forget()
        self._executed = True

    def _end(self, result: Any) -> None:
        self._screen.forget()
        self._executed = False

    def close(self) -> None:
        """Follow no longer."""
        if self._events is not None:
            self._events.unregister("pre_run_cell", self._begin)
            self._events.unregister("post_run_cell", self._end)


def watch(
    runner: Any, interval: float, *, overwrite_previous: bool = True, stream: TextIO | None = None
) -> Coroutine[Any, Any, None]:
    """Return a coroutine that prints the state of a run until it is over, and once more then.

    Parameters
    ----------
    runner : AsyncRunner
    interval : float
        Seconds between two updates in a terminal.
    overwrite_previous : bool
        Whether a terminal shows a block of rows that is rewritten; if not, each update is a new line.
    stream : text file, optional
        By default the standard output.
    """
    out = stream or sys.stdout
    runner.history.shows_failure = True
    if out.isatty() and overwrite_previous:
        screen = Screen(out)
        prompt = _Prompt(runner, screen)
        if prompt.is_open:
            _write(out, _AT_A_PROMPT)
        return _watch_block(runner, interval, out, screen, prompt)
    return _watch_lines(runner, interval if out.isatty() else max(interval, LOG_INTERVAL), out)


async def _watch_block(runner: Any, interval: float, out: TextIO, screen: Screen, prompt: _Prompt) -> None:
    try:
        while True:
            over = runner.task.done()
            view = look(runner)
            if prompt.is_open:
                screen.forget()
                out.write("\n" if over else "")  # below the prompt
            if over or not prompt.is_open:
                screen.show(block(view, shutil.get_terminal_size().columns))
            if over:
                _write(out, view.error)
                return
            await runner.wait(interval)
    finally:
        prompt.close()


async def _watch_lines(runner: Any, interval: float, out: TextIO) -> None:
    while True:
        over = runner.task.done()
        view = look(runner)
        _write(out, line(runner, view))
        if over:
            _write(out, view.error)
            return
        await runner.wait(interval)


def _write(out: TextIO, words: str) -> None:
    if words:
        out.write(words.rstrip() + "\n")
        out.flush()
