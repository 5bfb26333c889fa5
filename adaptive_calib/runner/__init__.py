"""The familiar face of runs: `Runner`, `BlockingRunner`, `simple`, goals, logs."""

from importlib.util import find_spec

from adaptive_calib.callbacks.progress_bar import ProgressBar
from adaptive_calib.engine.executors import SequentialExecutor
from adaptive_calib.engine.goals import (
    AllOf,
    AnyOf,
    Done,
    Elapsed,
    Goal,
    LargestError,
    Loss,
    Never,
    Points,
    Progress,
    Until,
    When,
)
from adaptive_calib.engine.machine import EvaluationError
from adaptive_calib.engine.retry import RetryPolicy
from adaptive_calib.runner.asynchronous import AsyncRunner
from adaptive_calib.runner.base import BaseRunner
from adaptive_calib.runner.blocking import BlockingRunner
from adaptive_calib.runner.goals import auto_goal, stop_after
from adaptive_calib.runner.preflight import preflight
from adaptive_calib.runner.replay import ReplayError, replay_log
from adaptive_calib.runner.simple import simple

__all__ = [
    "AllOf",
    "AnyOf",
    "AsyncRunner",
    "BaseRunner",
    "BlockingRunner",
    "Done",
    "Elapsed",
    "EvaluationError",
    "Goal",
    "LargestError",
    "Loss",
    "Never",
    "Points",
    "Progress",
    "ProgressBar",
    "ReplayError",
    "RetryPolicy",
    "Runner",
    "SequentialExecutor",
    "Until",
    "When",
    "auto_goal",
    "preflight",
    "replay_log",
    "simple",
    "stop_after",
    "with_distributed",
    "with_ipyparallel",
    "with_mpi4py",
]

Runner = AsyncRunner

#: Whether these packages are installed.
with_ipyparallel = find_spec("ipyparallel") is not None
with_distributed = find_spec("distributed") is not None
with_mpi4py = find_spec("mpi4py") is not None
