"""Shared by the examples: options of the command line, the run with a progress bar, the report and the picture."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from adaptive_calib.calibration import CalibrationLearner, format_summary, summarise
from adaptive_calib.callbacks.calibration_progress import CalibrationProgress
from adaptive_calib.runner import BlockingRunner, SequentialExecutor
from adaptive_calib.view import learner_view

__all__ = ["calibrate", "executor", "parser", "report", "save_picture"]


def parser(script: str, description: str | None, output: str) -> argparse.ArgumentParser:
    """Return a parser with the options ``--workers``, ``--output`` and ``--store``.

    Parameters
    ----------
    script : str
        Name of the example, without ``.py``.
    description : str, optional
        Its docstring; ``--help`` prints it above the options.
    output : str
        Default folder of the output.
    """
    made = argparse.ArgumentParser(
        prog=f"python docs/examples/{script}.py",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--workers", type=int, default=None, help="number of processes (default: one for each core; 0: this one)")
    add("--output", type=Path, default=Path(output), help="folder of store and picture (default: %(default)s)")
    add("--store", type=Path, default=None, help="file of the results (default: results.db in the output folder)")
    return made


def executor(workers: int | None) -> Any:
    """Return the `executor` argument of a runner: None for all cores, 0 workers for this process."""
    if workers is None:
        return None  # loky's reusable pool
    if workers == 0:
        return SequentialExecutor()
    from loky import get_reusable_executor

    return get_reusable_executor(max_workers=workers)


def calibrate(learner: CalibrationLearner, store: Path, executor: Any) -> bool:
    """Run a calibration with a progress bar, print how it ended, and return whether it was completed."""
    started = time.perf_counter()
    with CalibrationProgress(learner) as bar:
        runner = BlockingRunner(learner, executor=executor, store=store, on_error="continue", callbacks=[bar])
    seconds = time.perf_counter() - started
    print(f"\n{bar.evaluated} experiments evaluated in {seconds:.0f} s, {bar.loaded} from {store}.")
    if learner.failed_points:
        print(f"{len(learner.failed_points)} failed; see python -m adaptive_calib.store {store} failures")
    print(f"{learner.stopped_because()}.\n")
    if runner.status() == "cancelled":
        print("Interrupted; all finished results are kept. Repeat the command to continue.\n")
        return False
    return True


def report(learner: CalibrationLearner) -> None:
    """Print a row for each c, the interval of acceptable c, the recommended c and the cautions."""
    learner.sharpen()
    print(format_summary(summarise(learner)))
    print(f"\n{learner.acceptable_interval().words}")
    recommended = learner.recommended_c()
    print("No c can be recommended yet." if recommended is None else f"Recommended c: {recommended:g}")
    for words in learner.cautions():
        print(f"Note: {words}.")


def save_picture(learner: CalibrationLearner, path: Path) -> None:
    """Draw the calibration curves into a PNG file, if Matplotlib is installed."""
    table = learner.table()
    if not any(len(rows) for rows in table.values()):
        print("No experiment has a label: nothing to draw.")
        return
    view = learner_view(learner)
    try:
        view.save_png(path)
    except ImportError:
        print("No picture: Matplotlib is missing (pip install 'adaptive_calib[notebook]').")
    else:
        print(f"wrote {path}")
