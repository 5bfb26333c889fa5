"""The log of a run in memory, and its replay.

The log is a list of the calls on the learner, in their order: ``("ask", n)``, ``("tell", x, y)``, ``("tell_many", xs,
ys)`` for what was preloaded, ``("tell_failed", x)``, ``("remove_unfinished",)``. The n of an ask is what the learner
was really asked for, and the entry remembers what it answered, so that a replay finds the first difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

from adaptive_calib.engine.events import LogEntry
from adaptive_calib.engine.points import same_point

__all__ = ["AskedEntry", "MemoryLog", "ReplayError", "replay_log"]

#: The methods that runs call on a learner, so that a log can have no other.
METHODS = frozenset({
    "ask", "tell", "tell_failed", "tell_many", "tell_pending", "remove_unfinished", "set_error_goal"
})  # fmt: skip


class ReplayError(ValueError):
    """The learner answers otherwise than when the log was written."""


class AskedEntry(tuple[Any, ...]):
    """``("ask", n)``, which remembers the points of the answer as `points`."""

    points: tuple[Any, ...]

    def __new__(cls, n: int, points: Sequence[Any]) -> AskedEntry:
        """Make the entry of ``ask(n) -> points``."""
        entry = tuple.__new__(cls, ("ask", n))
        entry.points = tuple(points)
        return entry

    def __reduce__(self) -> tuple[type[AskedEntry], tuple[int, tuple[Any, ...]]]:
        """Keep the points through a pickle."""
        return AskedEntry, (self[1], self.points)


class MemoryLog:
    """A run log that is a list of tuples."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Append the calls; notes about what called for none are left out."""
        for _, name, args, answer, note in entries:
            if note:
                continue
            self.entries.append(AskedEntry(args[0], answer) if name == "ask" else (name, *args))

    def close(self) -> None:
        """Nothing to do."""


def replay_log(learner: Any, log: Iterable[tuple[Any, ...]] | str | PathLike[str]) -> None:
    """Make the calls of a log on a fresh learner.

    Parameters
    ----------
    learner
        A learner like the one of the run, without data.
    log : list of tuples, or path
        ``runner.log``, or the file of a run with ``log="run.jsonl"``. Only the methods that runs call are called.

    Raises
    ------
    ReplayError
        The log calls another method than runs do. Or the learner answers an ask otherwise than in the run: its code or
        its parameters have changed. Or the file has only the text of a value, since this is no plain data, or of a
        point that the learner has not asked for.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor, replay_log
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=20, log=True, executor=SequentialExecutor())
    >>> again = learner.new()
    >>> replay_log(again, runner.log)
    >>> again.data == learner.data
    True
    """
    texts: _Texts | None = None
    if isinstance(log, (str, PathLike)):
        from adaptive_calib.store import read_log  # here: only a log on disk needs the store

        log, texts = _calls(read_log(log)), _Texts()
    for number, entry in enumerate(log):
        name, *args = entry
        if name not in METHODS:
            raise ReplayError(
                f"entry {number} of the log calls {name!r:.80}, which no run does; nothing of it is done."
            )
        if texts is not None:
            args = [texts.restored(arg, number, name) for arg in args]
        answer = getattr(learner, name)(*args)
        if isinstance(entry, AskedEntry):
            points = tuple(answer[0])
            _compare(
                number, args[0], entry.points if texts is None else texts.seen(entry.points, points, number), points
            )


class _Text(str):
    """A text that stands for a point, in error messages too."""

    __slots__ = ()
    __repr__ = str.__str__


class _Texts:
    """Of points that are no plain data a log on disk has texts; the learner that is asked again has the points."""

    def __init__(self) -> None:
        from adaptive_calib.store.codec import PointKey  # here, as above
        from adaptive_calib.store.log import log_text

        self._kind, self._text = PointKey, log_text
        self._points: dict[str, Any] = {}

    def seen(self, logged: Sequence[Any], answered: Sequence[Any], number: int) -> tuple[Any, ...]:
        """Remember points that the learner answered; return those of the log, with texts replaced by their points."""
        for old, new in zip(logged, answered, strict=False):
            known = type(old) is self._kind and old.text == self._text(new)
            if known and not same_point(self._points.setdefault(old.text, new), new):
                raise ReplayError(
                    f"entry {number} of the log, ask: two points have the same text there, {old.text:.80}, so what was "
                    "told of them cannot be told apart; give the run log=True, which keeps the points themselves."
                )
        return tuple(self._points.get(old.text, _Text(old.text)) if type(old) is self._kind else old for old in logged)

    def restored(self, arg: Any, number: int, name: str) -> Any:
        """Return an argument with texts replaced by points."""
        if isinstance(arg, list):
            return [self.restored(item, number, name) for item in arg]
        if type(arg) is not self._kind:
            return arg
        if arg.text not in self._points:
            raise ReplayError(
                f"entry {number} of the log, {name}: of {arg.text:.80} the file has this text only, as it is no plain "
                "data (numbers, texts, lists, dicts, arrays). Give the run log=True, which keeps objects themselves."
            )
        return self._points[arg.text]


def _compare(number: int, n: int, logged: tuple[Any, ...], answered: tuple[Any, ...]) -> None:
    if len(logged) == len(answered) and all(map(same_point, logged, answered)):
        return
    for index, (old, new) in enumerate(zip(logged, answered, strict=False)):
        if not same_point(old, new):
            where = f"point {index} was {old!r} and is {new!r}"
            break
    else:
        where = f"it gave {len(logged)} points and gives {len(answered)}"
    raise ReplayError(
        f"the learner answers entry {number} of the log, ask({n}), otherwise than in the run: {where}. "
        "Was the log written by another version or with other parameters, or has this learner data already?"
    )


def _calls(entries: Iterable[LogEntry]) -> Iterable[tuple[Any, ...]]:
    memory = MemoryLog()
    memory.write(list(entries))
    return memory.entries
