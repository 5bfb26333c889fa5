"""Signals at random moments, over all executors: nothing that was told is lost, and the script always ends."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from adaptive_calib.store import SQLiteStore
from tests.processes import started

SCRIPT = """
    import asyncio, sys, time
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from contextlib import ExitStack
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import AsyncRunner, BlockingRunner, Runner, SequentialExecutor

    kind, store, told = sys.argv[1:]

    def slow(x):
        time.sleep(0.05)
        return x

    async def slow_coroutine(x):
        await asyncio.sleep(0.05)
        return x

    class Told:
        def on_tell(self, event, progress):
            with open(told, "a") as file:
                file.write(f"{event.value} ")

    def dask():
        from distributed import Client
        return Client(n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1")

    async def main(**options):
        await AsyncRunner(learner, **options).task

    if __name__ == "__main__":
        options = {"store": store, "callbacks": [Told()]}
        learner = SequenceLearner(slow_coroutine if kind == "coroutines" else slow, range(100_000))
        with ExitStack() as opened:
            if kind in ("threads", "background", "asyncio"):
                options["executor"] = opened.enter_context(ThreadPoolExecutor(2))
            elif kind == "dask":
                options["executor"] = opened.enter_context(dask())
            elif kind in ("pool", "asyncio-pool"):
                options["executor"] = lambda: ProcessPoolExecutor(2)
            elif kind == "sequential":
                options["executor"] = SequentialExecutor()
            try:
                if kind == "background":
                    Runner(learner, **options).block_until_done()
                elif kind in ("asyncio", "asyncio-pool", "coroutines"):
                    asyncio.run(main(**options, **({"ntasks": 2} if kind == "coroutines" else {})))
                else:
                    BlockingRunner(learner, **options)
            finally:
                with open(told + ".over", "w") as file:
                    file.write(str(time.monotonic()))
        print("GOES ON")
"""

KINDS = ("sequential", "threads", "pool", "loky", "dask", "background", "asyncio", "asyncio-pool", "coroutines")


def _signalled(kind: str, rng: random.Random, tmp_path) -> str:
    """Signal a script once or twice; return what was done and the seconds to the end, also of a cluster of its own."""
    script, store, told = tmp_path / "script.py", tmp_path / "results.db", tmp_path / "told.txt"
    script.write_text(textwrap.dedent(SCRIPT))
    number = rng.choice([signal.SIGINT, signal.SIGTERM])
    send = rng.choice([os.kill, os.killpg])
    twice = rng.random() < 0.3
    with started(
        [sys.executable, "-X", "faulthandler", str(script), kind, str(store), str(told)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 60
        while not told.exists() and time.monotonic() < until:
            time.sleep(0.01)
        if not told.exists():
            process.send_signal(signal.SIGABRT)  # with the stacks of its threads
            raise AssertionError(f"{kind}: nothing was told within a minute: {process.communicate()[1][-4000:]}")
        time.sleep(rng.random())
        begin = time.monotonic()
        send(process.pid, number)
        if twice:
            time.sleep(0.03 * rng.random())
            try:
                send(process.pid, number)
            except ProcessLookupError:
                twice = False
        output, errors = process.communicate(timeout=60)
        took = time.monotonic() - begin
    words = f"{kind} {number.name} {send.__name__} twice={twice}: {process.returncode}\n{errors[-2000:]}"
    assert process.returncode not in (0, None), words
    assert "GOES ON" not in output, words
    assert took < 20, words  # five seconds on a quiet machine
    values = {int(value) for value in told.read_text().split(" ")[:-1]}
    with SQLiteStore(store) as kept:
        (space,) = kept.spaces()
        stored = {evaluation.y for evaluation in space}
    assert values <= stored, words
    over = float((tmp_path / "told.txt.over").read_text()) - begin
    sent = f"{kind:12} {number.name} {send.__name__:6} {'twice' if twice else 'once '}"
    return f"{sent} status {process.returncode:4}  run over after {over:5.2f} s, script after {took:5.2f} s"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_signals_at_random_moments(kind, tmp_path):
    """Once or twice, to the process or its group: the exit status is not 0, and all that was told is stored.

    ``SIGNALS=25 pytest -m slow -s tests/engine/test_random_signals.py`` sends 225 and prints what came of each.
    """
    if kind == "dask":
        pytest.importorskip("distributed", reason="needs the extra `dask`")
    rng = random.Random(os.environ.get("SEED", "") + kind)
    for trial in range(int(os.environ.get("SIGNALS", "3"))):
        folder = tmp_path / str(trial)
        folder.mkdir()
        print(_signalled(kind, rng, folder))
