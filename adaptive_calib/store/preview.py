"""What a run of a learner would find in a store, and what it would evaluate; nothing is evaluated or written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adaptive_calib._words import count
from adaptive_calib.learner.protocol import has_method
from adaptive_calib.store.errors import ReadOnlyStoreError
from adaptive_calib.store.point_map import point_map
from adaptive_calib.store.run_archive import open_archive, open_store
from adaptive_calib.store.sweeps import explain

__all__ = ["DryRun", "dry_run"]

#: Points that an adaptive learner is asked for by default.
FIRST = 10


@dataclass(frozen=True, slots=True)
class DryRun:
    """The answer of `dry_run`.

    Attributes
    ----------
    found : int
        Results that the learner would be told.
    left_out : tuple
        Points that failed before, and would be left out.
    points : tuple
        Points that would be evaluated: all of a sequence, else the first ones.
    reasons : tuple of str
        For each function what there is in the store, or in what it differs from the nearest.

    Examples
    --------
    >>> from adaptive_calib import SequenceLearner
    >>> from adaptive_calib.store import MemoryStore, dry_run
    >>> dry_run(SequenceLearner(abs, [-1, 2]), MemoryStore()).points
    ((0, -1), (1, 2))
    """

    found: int
    left_out: tuple[Any, ...]
    points: tuple[Any, ...]
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.points[:5])) + (", ..." if len(self.points) > 5 else "")
        lines = [f"{count(self.found, 'result')} found; {count(len(self.left_out), 'failed point')} would be left out."]
        lines.append(f"Would be evaluated: {shown or 'nothing'}")
        return "\n".join([*lines, *self.reasons])


def dry_run(learner: Any, store: Any, n: int | None = None) -> DryRun:
    """Return what a run of a learner would find in a store, and which points it would evaluate first.

    Parameters
    ----------
    learner
        It is left as it is: a new one of its kind is asked.
    store : path, URL or Store
        Only read.
    n : int, optional
        How many points to ask for. Default: all of a sequence, ten of other learners, whose further points depend on
        the results.

    Returns
    -------
    DryRun

    Raises
    ------
    TypeError
        If the learner has no method ``new``.

    Examples
    --------
    >>> from adaptive_calib import SequenceLearner
    >>> from adaptive_calib.store import Evaluation, MemoryStore, dry_run
    >>> learner = SequenceLearner(Evaluation(abs, name="abs", version="1"), [-1, -2])
    >>> print(dry_run(learner, MemoryStore()))  # doctest: +ELLIPSIS
    0 results found; 0 failed points would be left out.
    Would be evaluated: (0, -1), (1, -2)
    abs,1/-...: nothing is stored; <MemoryStore of 0 rows> is empty.
    """
    if not has_method(learner, "new"):
        raise TypeError(
            f"a {type(learner).__name__} has no method `new`, so that none can be asked without changing it."
        )
    again = learner.new()
    opened = open_store(store, readonly=True)
    try:
        reasons = tuple(dict.fromkeys(explain(opened, evaluation) for evaluation in point_map(again).evaluations))
        archive = open_archive(opened, again, mode="read-only")
        known = archive.preload()
        if known.points:
            again.tell_many(list(known.points), list(known.values))
        for point in known.failed:
            if has_method(again, "tell_failed"):
                again.tell_failed(point)
        wanted = n if n is not None else len(again.sequence) if hasattr(again, "sequence") else FIRST
        points = []
        for point in again.ask(wanted)[0]:
            try:
                archive.find(point)
            except ReadOnlyStoreError:
                points.append(point)
        archive.close("finished", "")
    finally:
        if opened is not store:
            opened.close()
    return DryRun(len(known.points), tuple(known.failed), tuple(points), reasons)
