"""How often a display may update: no faster than it costs, and ever less often in a run that lasts for hours."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pace"]


@dataclass(frozen=True)
class Pace:
    """The wait between two updates.

    Attributes
    ----------
    interval : float
        Seconds that the user wants between two updates.
    share : float
        The largest part of the run's time that updates may take, 0 to 1.
    frames : float
        From ``frames * interval`` seconds on the interval grows with the length of the run, so that t seconds bring
        about frames (1 + ln(t / (frames interval))) updates: messages to a front end that is gone do not pile up, and
        to a person one more look at a run of ten hours is worth as much as one more at a run of ten minutes.
    """

    interval: float
    share: float
    frames: float = 1000.0

    def __post_init__(self) -> None:
        if not self.interval > 0:
            raise ValueError(f"`update_interval` should be a positive number of seconds, but is {self.interval!r}.")

    def wait(self, cost: float, elapsed: float) -> float:
        """Return the seconds until the next update, after one that took `cost` seconds."""
        return max(self.interval, cost * (1 / self.share - 1), elapsed / self.frames)
