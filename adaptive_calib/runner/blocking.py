"""The runner for scripts: when the constructor returns, the run is over."""

from __future__ import annotations

from adaptive_calib.engine.drivers import run_blocking
from adaptive_calib.runner.base import BaseRunner

__all__ = ["BlockingRunner"]


class BlockingRunner(BaseRunner):
    """Run a learner to its goal, in the constructor.

    See `BaseRunner` for the parameters; a goal is required unless the learner has an end of its own.

    Raises
    ------
    RuntimeError
        A point failed for good (``on_error="raise"``); its cause is the error of the function.
    KeyboardInterrupt, SystemExit
        A signal has ended the run, see `on_interrupt`.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> runner = BlockingRunner(learner, npoints_goal=20, executor=SequentialExecutor())
    >>> runner.status(), runner.stop_reason
    ('finished', 'goal reached: 20 points (npoints_goal=20)')
    """

    def _begin(self) -> None:
        run_blocking(self.session, on_interrupt=self.on_interrupt)
        error = self.session.machine.error
        if error is not None:
            raise error

    def status(self) -> str:
        """Return "finished", "cancelled" or "failed"."""
        status = self.session.machine.status
        return "finished" if status == "exhausted" else status
