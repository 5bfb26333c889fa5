"""Replays the log of a run on a fresh learner."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any

from adaptive_calib.engine.events import LogEntry
from adaptive_calib.engine.points import same_point
from adaptive_calib.runner.log import AskedEntry, MemoryLog
from adaptive_calib.runner.log_texts import LogTexts, ReplayError

__all__ = ["ReplayError", "replay_log"]

#: The methods that runs call on a learner, so that a log can have no other.
METHODS = frozenset({
    "ask", "tell", "tell_failed", "tell_many", "tell_pending", "remove_unfinished", "set_error_goal"
})  # fmt: skip


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
    texts: LogTexts | None = None
    if isinstance(log, (str, PathLike)):
        from adaptive_calib.store import read_log  # here: only a log on disk needs the store

        log, texts = _calls(read_log(log)), LogTexts()
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
