"""Bookkeeping of what a session has submitted to its executor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adaptive_calib.engine.events import Submit
from adaptive_calib.engine.executor_protocol import Executor, Handle, MayNotWithdraw
from adaptive_calib.engine.inbox import Inbox
from adaptive_calib.engine.limit import Interrupted
from adaptive_calib.engine.observers import logger

__all__ = ["Submission", "withdrawn"]


@dataclass(slots=True)
class Submission:
    """One call of `Executor.submit`: its tasks, its handle, and when it was submitted.

    Attributes
    ----------
    number : int
        Number of the submission in the run, from 0.
    submits : list of Submit
        The tasks, one for each point.
    handle : Handle or None
        None while `Executor.submit` is called.
    generation : int
        How many pools of this run had been replaced before.
    begun : float
        Time of the submission, on the session's clock.
    inbox : Inbox
        Where the submission is put when it is over.
    overdue : bool
        Whether its worker was ended because of the time limit.
    """

    number: int
    submits: list[Submit]
    handle: Handle | None
    generation: int
    begun: float
    inbox: Inbox
    overdue: bool = False

    @property
    def points(self) -> list[Any]:
        """The points of the tasks."""
        return [submit.point for submit in self.submits]

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self.handle is not None and self.handle.done()

    def cancel(self) -> bool:
        """Withdraw it; return whether it had not begun. A handle that cannot be cancelled counts as begun."""
        if self.handle is None:
            return False
        try:
            return bool(self.handle.cancel())
        except Exception as error:  # noqa: BLE001 - the handle of a foreign executor may raise anything
            logger.debug("%r cannot be cancelled: %r", self.handle, error)
            return False

    def has_result(self) -> bool:
        """Whether it had a result before its pool broke."""
        if self.handle is None or not self.handle.done():
            return False
        try:
            self.handle.result()
        except Interrupted:
            raise
        except BaseException:  # noqa: BLE001 - only whether there is a result counts
            return False
        return True

    def over(self, handle: Handle) -> None:
        """Put the submission into the inbox; the handle calls this when it is over, in any thread."""
        self.inbox.put(self)


def withdrawn(executor: Executor, out: Sequence[Submission]) -> list[Submission]:
    """Withdraw what has not begun of the submissions that are out; return it.

    Nothing is withdrawn if the executor cannot say what has begun.
    """
    handles = [submission.handle for submission in out if submission.handle is not None]
    if isinstance(executor, MayNotWithdraw) and not executor.can_withdraw(handles):
        return []
    return [submission for submission in out if submission.cancel()]
