"""When a failed attempt is made again, and after how long.

The wait before attempt k + 1 is ``min(delay * backoff**(k - 1), max_delay)`` seconds: the usual exponential back-off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["RetryPolicy"]


@dataclass(frozen=True)
class RetryPolicy:
    """Policy of retries: how often a failing point is tried, for which errors, and after what delay.

    Attributes
    ----------
    attempts : int
        Attempts in all, at least 1; 1 means that nothing is tried again.
    on : tuple of exception classes, or callable (exception -> bool)
        Which errors are worth another attempt.
    delay : float
        Seconds before the second attempt, at least 0.
    backoff : float
        Factor by which the wait grows with each further attempt, at least 1.
    max_delay : float
        Longest wait, in seconds.

    Examples
    --------
    >>> RetryPolicy(attempts=3, delay=2.0).wait(2, OSError())
    4.0
    """

    attempts: int = 1
    on: tuple[type[BaseException], ...] | type[BaseException] | Callable[[BaseException], bool] = (Exception,)
    delay: float = 0.0
    backoff: float = 2.0
    max_delay: float = 3600.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"`attempts` counts the first one too and should be at least 1, but is {self.attempts}.")
        if self.delay < 0 or self.max_delay < 0:
            raise ValueError(
                f"`delay` and `max_delay` are seconds and should be at least 0, but are {self.delay} and "
                f"{self.max_delay}."
            )
        if self.backoff < 1:
            raise ValueError(f"`backoff` should be at least 1 (1: the wait stays the same), but is {self.backoff}.")

    def concerns(self, error: BaseException) -> bool:
        """Whether `error` is one that another attempt may cure."""
        if isinstance(self.on, (tuple, type)):
            return isinstance(error, self.on)
        return bool(self.on(error))

    def wait(self, failures: int, error: BaseException) -> float | None:
        """Return the seconds to wait after `failures` failures of a point, or None if it is not tried again."""
        if failures >= self.attempts or not self.concerns(error):
            return None
        return float(min(self.delay * self.backoff ** (failures - 1), self.max_delay))
