"""The runner for scripts: when the constructor returns, the run is over."""

from __future__ import annotations

from typing import Any

from adaptive_calib.engine.drivers import run_blocking
from adaptive_calib.runner.base import BaseRunner

__all__ = ["BlockingRunner"]


class BlockingRunner(BaseRunner):
    """Run a learner to its goal, in the constructor.

    See `BaseRunner` for the other parameters; a goal is required unless the learner is done by itself.

    Parameters
    ----------
    on_interrupt : {"raise", "return"}
        After Ctrl-C or SIGTERM everything that has begun is told and stored. Then, "raise": KeyboardInterrupt or
        SystemExit(143) ends the script, as without a run; or "return": the constructor returns, see `stop_reason`.
        A second signal always raises immediately, and pending evaluations are abandoned.

    Raises
    ------
    RuntimeError
        A point failed for good (``on_error="raise"``); its cause is the error of the function.
    KeyboardInterrupt, SystemExit
        See `on_interrupt`.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=20, executor=SequentialExecutor())
    >>> runner.status(), runner.stop_reason
    ('finished', '20 points are known, at least 20')
    """

    def __init__(self, learner: Any, goal: Any = None, *, on_interrupt: str = "raise", **arguments: Any) -> None:
        if on_interrupt not in ("raise", "return"):
            raise ValueError(f'`on_interrupt` should be "raise" or "return", but is {on_interrupt!r}.')
        super().__init__(learner, goal, **arguments)
        run_blocking(self.session, on_interrupt=on_interrupt)
        error = self.session.machine.error
        if error is not None:
            raise error

    def status(self) -> str:
        """Return "finished", "cancelled" or "failed"."""
        status = self.session.machine.status
        return "finished" if status == "exhausted" else status
