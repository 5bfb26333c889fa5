"""Points that another run on the same store evaluates.

They need no place here. Every now and then the archive is asked whether they have a result; and, if there are free
places, whether they can be evaluated here, because the other run has died or has given them up.
"""

from __future__ import annotations

from math import inf

from adaptive_calib.engine.archive import Archive, Stored
from adaptive_calib.engine.events import Claimed, Dropped, Event, Failed, Finished, Submit
from adaptive_calib.engine.machine import StoredFailureError
from adaptive_calib.engine.observers import logger

__all__ = ["ClaimedPoints", "event_of"]


class ClaimedPoints:
    """The tasks of a session whose points other runs evaluate.

    Attributes
    ----------
    due : float
        Second of the run at which to look again; inf if there are none.

    Examples
    --------
    >>> from adaptive_calib.engine.claimed import ClaimedPoints
    >>> from adaptive_calib.engine.events import Submit
    >>> points = ClaimedPoints()
    >>> points.add(Submit(task=0, point=0.5), due=2.0)
    >>> points.due
    2.0
    """

    def __init__(self) -> None:
        self.due = inf
        self._submits: dict[int, Submit] = {}
        self._said = False

    def add(self, submit: Submit, due: float) -> None:
        """Add a task whose point another run evaluates; look again at second `due`."""
        self._submits[submit.task] = submit
        self.due = min(self.due, due)

    def look(self, archive: Archive, now: float, capacity: int, running: int) -> list[Event]:
        """Return the events of tasks that have a result, and, for free places, of those to be asked for again."""
        if now < self.due:
            return []
        if not (running or self._said):
            self._said = True
            logger.info("only points that other runs evaluate are left (%d); waiting for them", len(self._submits))
        free = capacity - running
        events: list[Event] = []
        for submit in list(self._submits.values()):
            stored = archive.find(submit.point, submit.place, claim=False)
            if stored is not None:
                events.append(event_of(stored, submit, now))
            elif free > 0:
                events.append(Dropped(now, submit.task))
                free -= 1
            else:
                continue
            del self._submits[submit.task]
        self.due = now + archive.look_every if self._submits else inf
        return events


def event_of(stored: Stored, submit: Submit, now: float) -> Event:
    """Return the event of a task whose point is in the archive."""
    if stored.status == "ok":
        return Finished(now, submit.task, stored.value, stored=True)
    if stored.status == "claimed":
        return Claimed(now, submit.task)
    error = StoredFailureError(f"the point {submit.point} {stored.status} in another run.")
    return Failed(now, submit.task, error, stored.reason, stored=True)
