"""Many runs in one interpreter leave no thread, open file, process or temporary file."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
    import asyncio, gc, glob, multiprocessing, os, sys, tempfile, threading
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import AsyncRunner, BlockingRunner, Runner, SequentialExecutor

    def f(x):
        return x

    async def coroutine(x):
        return x

    def run(i, folder):
        learner, options = SequenceLearner(f, range(4)), {"store": f"{folder}/{i % 3}.db"}
        kind = i % 7
        if kind == 0:
            BlockingRunner(learner, executor=SequentialExecutor(), **options)
        elif kind == 1:
            BlockingRunner(learner, executor=lambda: ThreadPoolExecutor(2), **options)
        elif kind == 2:
            BlockingRunner(learner, executor=lambda: ProcessPoolExecutor(2), timeout=5, **options)
        elif kind == 3:
            Runner(learner, executor=SequentialExecutor(), **options).block_until_done()
        elif kind == 4:
            async def main():
                await AsyncRunner(SequenceLearner(coroutine, range(4)), **options).task
            asyncio.run(main())
        elif kind == 5:
            runner = Runner(learner, executor=lambda: ThreadPoolExecutor(2), log=True)
            runner.live_info_terminal()
            runner.block_until_done()
        else:
            runner = Runner(learner, executor=lambda: ThreadPoolExecutor(1))
            runner.cancel()
            runner.task.join()

    def left():
        gc.collect()
        files = glob.glob(f"{tempfile.gettempdir()}/adaptive_calib-*")
        opened = len(os.listdir("/proc/self/fd"))
        return threading.active_count(), opened, len(multiprocessing.active_children()), len(files)

    if __name__ == "__main__":
        folder, runs = sys.argv[1], int(sys.argv[2])
        for i in range(14):
            run(i, folder)
        before = left()
        for i in range(runs):
            run(i, folder)
        assert left() == before, f"{before} -> {left()}: {[t.name for t in threading.enumerate()]}"
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_many_runs_leave_nothing(tmp_path):
    """After 210 runs of all kinds there is what there was after 14."""
    script, temporary = tmp_path / "script.py", tmp_path / "temporary"
    temporary.mkdir()
    script.write_text(textwrap.dedent(SCRIPT))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(tmp_path), "210"],
        env={"TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
