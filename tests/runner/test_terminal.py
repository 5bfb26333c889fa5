"""The state of a run in a terminal and in a log file."""

from __future__ import annotations

import io
import re
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from adaptive_calib import AsyncRunner, Learner1D
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.runner.terminal import block, line, watch
from adaptive_calib.view.run import look
from adaptive_calib.view.run_text import rows


class Terminal(io.StringIO):
    """A stream that says that it is a terminal, and what is on its screen after all that was written."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        lines, row = [""], 0
        for part in re.findall(r"\033\[\d*[A-Za-z]|\n|[^\033\n]+", self.getvalue()):
            if part == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif part.startswith("\033["):
                if part.endswith("F"):
                    row -= int(part[2:-1])
                    assert row >= 0
                elif part.endswith("J"):
                    lines[row:] = [""]
                else:
                    assert part.endswith("m"), part
            else:
                lines[row] += part
        return lines


def _slow(x: float) -> float:
    time.sleep(0.003)
    return x


def _watched(stream: io.StringIO, f: Any = _slow, **options: Any) -> AsyncRunner:
    learner = Learner1D(f, (-1, 1))
    runner = AsyncRunner(learner, npoints_goal=30, executor=SequentialExecutor(), background=False)
    runner.beside(watch(runner, 0.001, stream=stream, **options))
    runner.block_until_done()
    return runner


def test_only_the_own_lines_are_rewritten() -> None:
    """After many updates the screen has the text before it, and one block with all rows of the final state."""
    stream = Terminal("a line of the user\n")
    stream.seek(0, io.SEEK_END)
    runner = _watched(stream)
    assert stream.getvalue().count("status") > 2
    screen = stream.screen()
    assert screen[0] == "a line of the user"
    assert screen[1:-1] == block(look(runner), colours=False)
    assert screen[-1] == ""
    shown = "\n".join(screen)
    assert all(name in shown for name in rows(look(runner)))
    assert "\033[2J" not in stream.getvalue()


def test_no_line_is_wrapped() -> None:
    """Lines fit into a narrow terminal, in columns: a letter of China is two."""
    view = look(_watched(Terminal()))
    wide = type(view)(**{**vars(view), "reason": "溢" * 100})
    for width in (20, 40, 80):
        for words in block(wide, width, colours=False):
            assert sum(2 if letter == "溢" else 1 for letter in words) <= width


def test_a_log_file_gets_a_line_a_minute() -> None:
    """Without a terminal there is a line at the beginning and one at the end of a short run, and no escape code."""
    stream = io.StringIO()
    _watched(stream)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "status: goal reached" in lines[-1]
    assert "# of points: 30" in lines[-1]
    assert "\033" not in stream.getvalue()


def test_lines_that_are_not_rewritten() -> None:
    """With ``overwrite_previous=False`` a terminal gets a line for each update."""
    stream = Terminal()
    runner = _watched(stream, overwrite_previous=False)
    lines = stream.getvalue().splitlines()
    assert len(lines) > 2
    assert "status: goal reached" in lines[-1]
    assert "status: goal reached" in line(runner)


def test_a_run_that_fails() -> None:
    """The last thing is the traceback of the function."""

    def broken(x: float) -> float:
        raise ValueError("out of cheese")

    stream = io.StringIO()
    with pytest.raises(RuntimeError):
        _watched(stream, broken)
    assert "out of cheese" in stream.getvalue()
    assert "in broken" in stream.getvalue()


def test_what_is_typed_at_a_prompt_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """In IPython the block is rewritten while a cell is executed, and stays where it is at the prompt."""

    class Events:
        def __init__(self) -> None:
            self.called: dict[str, Any] = {}

        def register(self, name: str, function: Any) -> None:
            self.called[name] = function

        def unregister(self, name: str, function: Any) -> None:
            assert self.called.pop(name) == function

    events = Events()
    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace(events=events))
    stream, seen = Terminal(), []

    def typed(x: float) -> float:
        time.sleep(0.003)
        seen.append(x)
        if len(seen) == 10:
            events.called["post_run_cell"](None)
            stream.write("In [2]: typed by a person")
        elif len(seen) == 20:
            stream.write("\n")
            events.called["pre_run_cell"](None)
        return x

    monkeypatch.setitem(sys.modules, "IPython", shell)
    runner = _watched(stream, typed)
    screen = stream.screen()
    assert "In [2]: typed by a person" in screen
    assert sum("status" in words for words in screen) == 2
    assert screen[-1 - len(block(look(runner))) : -1] == block(look(runner), colours=False)
    assert events.called == {}


def test_at_pythons_own_prompt_only_the_end_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said why, what is typed stays, and the final block is below it."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    stream, seen = Terminal(), []

    def typed(x: float) -> float:
        time.sleep(0.003)
        seen.append(x)
        stream.write(">>> typed by a person" if len(seen) == 10 else "")
        return x

    runner = _watched(stream, typed)
    notice, *others = stream.getvalue().split("STORE\n")
    assert notice.startswith("At this prompt")
    assert others == [">>> typed by a person\n" + "".join(line + "\n" for line in block(look(runner)))]


def test_at_pythons_own_prompt_it_is_shown_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """`block_until_done` occupies the prompt, so the block is rewritten."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    stream = Terminal()
    runners: list[Any] = []

    def slow(x: float) -> float:
        while not (runners and runners[0].task.awaited):
            time.sleep(0.001)
        return _slow(x)

    runners.append(AsyncRunner(Learner1D(slow, (-1, 1)), npoints_goal=30, executor=SequentialExecutor()))
    runners[0].beside(watch(runners[0], 0.001, stream=stream))
    runners[0].block_until_done()
    assert stream.getvalue().count("status") > 2
    assert stream.screen()[-1 - len(block(look(runners[0]))) : -1] == block(look(runners[0]), colours=False)
