"""The one place where a run looks at the time."""

from __future__ import annotations

import time

__all__ = ["Clock"]


class Clock:
    """Source of the time of a driver.

    Examples
    --------
    >>> from adaptive_calib.engine.clock import Clock
    >>> clock = Clock()
    >>> clock.monotonic() <= clock.monotonic()
    True
    """

    #: Return seconds that only grow, from an arbitrary start.
    monotonic = staticmethod(time.monotonic)

    #: Return seconds since the epoch.
    wall = staticmethod(time.time)
