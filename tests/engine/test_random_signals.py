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

SCRIPT = """
    import os, sys, time
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import BlockingRunner, Runner, SequentialExecutor

    kind, store, told = sys.argv[1:]

    def slow(x):
        time.sleep(0.05)
        return x

    class Told:
        def on_tell(self, event, progress):
            with open(told, "a") as file:
                file.write(f"{event.value} ")

    if __name__ == "__main__":
        executor = {
            "sequential": SequentialExecutor(),
            "threads": ThreadPoolExecutor(2),
            "pool": lambda: ProcessPoolExecutor(2),
            "background": ThreadPoolExecutor(2),
        }[kind]
        learner = SequenceLearner(slow, range(100_000))
        if kind == "background":
            Runner(learner, executor=executor, store=store, callbacks=[Told()]).block_until_done()
        else:
            BlockingRunner(learner, executor=executor, store=store, callbacks=[Told()])
        print("GOES ON")
"""


def _signalled(kind: str, rng: random.Random, tmp_path) -> None:
    script, store, told = tmp_path / "script.py", tmp_path / "results.db", tmp_path / "told.txt"
    script.write_text(textwrap.dedent(SCRIPT))
    number = rng.choice([signal.SIGINT, signal.SIGTERM])
    send = rng.choice([os.kill, os.killpg])
    twice = rng.random() < 0.3
    with subprocess.Popen(
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sequential", "threads", "pool", "background"])
def test_signals_at_random_moments(kind, tmp_path):
    """Once or twice, to the process or its group: the exit status is not 0, and all that was told is stored."""
    rng = random.Random(kind)
    for trial in range(int(os.environ.get("SIGNALS", "6"))):
        folder = tmp_path / str(trial)
        folder.mkdir()
        _signalled(kind, rng, folder)
