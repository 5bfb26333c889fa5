"""A run that cannot go on writing: ``python -m tests.store.limited FOLDER KIND FAULT``.

FAULT is ``full`` (a limit on the size of files stands for a full disk) or ``permission`` (the folder of large results
may no longer be written). Prints the numbers of what the learner was told, and the error that ended the run.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from adaptive_calib.engine.executors import SequentialExecutor
from adaptive_calib.learner.sequence_learner import SequenceLearner
from adaptive_calib.runner import BlockingRunner
from adaptive_calib.store import SQLiteStore

N = 400
LIMIT = 400_000
NOBODY = 65534


def result(i: int, kind: str) -> Any:
    """Return the result of element i: of 1.5 KB, or of 70 KB and, from element 5 on, 700 KB, which has its own file."""
    return {"text": f"{i} " * 300} if kind == "dict" else np.full(9_000 if i < 5 else 90_000, float(i))


def evaluate(i: int, folder: str, kind: str, fault: str) -> Any:
    """Evaluate element i; at element 3 permission is withdrawn."""
    results = Path(folder) / "s.db.files" / "results"
    if fault == "permission" and i == 3:
        for path in (results, *results.iterdir()):
            path.chmod(0o555)
    return result(i, kind)


def run(folder: Path, kind: str, fault: str) -> SequenceLearner:
    """Run until the end or the fault."""
    function = partial(evaluate, kind=kind)
    learner = SequenceLearner(partial(function, folder=str(folder), fault=fault), range(N if kind == "dict" else 12))
    try:
        with SQLiteStore(folder / "s.db") as store:
            BlockingRunner(learner, lambda learner: learner.done(), executor=SequentialExecutor(), store=store)
    except Exception as error:  # noqa: BLE001 - any error is what the test wants to see
        print(json.dumps({"told": sorted(learner.data), "type": type(error).__name__, "error": str(error)}))
    return learner


if __name__ == "__main__":
    if sys.argv[3] == "full":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
    elif os.getuid() == 0:  # root is never refused; another user is
        with tempfile.TemporaryDirectory() as warm:  # modules loaded on use may lie in folders only root can read
            run(Path(warm), sys.argv[2], "none")
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    run(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
