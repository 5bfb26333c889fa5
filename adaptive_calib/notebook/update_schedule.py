"""Schedule of updates of a display: within its share of the time, and less and less often in a long run."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["UpdateSchedule"]


@dataclass(frozen=True)
class UpdateSchedule:
    """The wait between two updates.

    Attributes
    ----------
    interval : float
        Seconds that the user wants between two updates.
    share : float
        The largest part of the time that updates may take in the long run, 0 to 1.
    allowance : float
        Seconds that they may take beyond their share, so that a display begins lively.
    frames : float
        From ``frames * interval`` seconds on the interval grows with the length of the run, so that t seconds bring
        about frames (1 + ln(t / (frames interval))) updates: messages to a front end that is gone do not pile up, and
        to a person one more look at a run of ten hours is worth as much as one more at a run of ten minutes.
    """

    interval: float
    share: float
    allowance: float = 0.2
    frames: float = 1000.0

    def __post_init__(self) -> None:
        if not self.interval > 0:
            raise ValueError(f"`update_interval` should be a positive number of seconds, but is {self.interval!r}.")

    def wait(self, cost: float, spent: float, shown: float, elapsed: float) -> float:
        """Return the seconds until the next update.

        Parameters
        ----------
        cost : float
            Seconds that the last update took, and so probably the next one.
        spent : float
            Seconds that all of them took.
        shown : float
            Seconds since the display began.
        elapsed : float
            Seconds since the run began.
        """
        due = (spent + cost - self.allowance) / self.share - shown
        # after a time without news much of the share is left; even then no more than a fifth goes to drawing
        return max(self.interval, due, 4 * cost, elapsed / self.frames)
