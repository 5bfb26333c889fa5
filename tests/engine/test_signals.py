"""Ctrl-C and SIGTERM in a script with worker processes, as a terminal and a batch system send them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from adaptive_calib.engine import drivers
from adaptive_calib.learner import SequenceLearner
from adaptive_calib.runner import AsyncRunner, BlockingRunner
from adaptive_calib.store import SQLiteStore
from tests.processes import started

SCRIPT = """
    import sys
    from concurrent.futures import ProcessPoolExecutor
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import BlockingRunner

    began, go = sys.argv[1:]

    def wait(x):
        if x == 2:
            with open(began, "w") as pipe:  # says that this evaluation has begun
                pipe.write("x")
            with open(go) as pipe:          # and waits for the test
                pipe.read()
        return 10 * x

    if __name__ == "__main__":
        learner = SequenceLearner(wait, range(1000))
        try:
            BlockingRunner(learner, executor=lambda: ProcessPoolExecutor(1), ntasks=1)
        finally:
            print(dict(learner.data))
        print("the next run")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_has_begun_is_waited_for_and_kept(number, tmp_path):
    """Signals reach the whole group: the workers leave them to the parent, which drains; then the script ends."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    began, go = str(tmp_path / "began"), str(tmp_path / "go")
    os.mkfifo(began)
    os.mkfifo(go)
    with started(
        [sys.executable, str(script), began, go],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        with open(began) as pipe:
            pipe.read()
        os.killpg(process.pid, number)  # as a terminal and batch systems do
        assert f"cancelled by {number.name}: waiting for 1 pending task;" in process.stderr.readline()
        with open(go, "w") as pipe:
            pipe.write("x")
        output, errors = process.communicate(timeout=60)
    assert output.strip() == "{0: 0, 1: 10, 2: 20}"
    if number == signal.SIGINT:
        assert errors.rstrip().endswith("KeyboardInterrupt")
        assert process.returncode == -signal.SIGINT
    else:
        assert errors == ""
        assert process.returncode == 143


ABANDON = """
    import sys
    from concurrent.futures import ProcessPoolExecutor
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import BlockingRunner

    began, store, kind = sys.argv[1:]

    def wait(x):
        if x == 2:
            with open(began, "w") as pipe:  # says that this evaluation has begun
                pipe.write("x")
            with open(began) as pipe:       # and waits for nothing
                pipe.read()
        return 10 * x

    if __name__ == "__main__":
        learner = SequenceLearner(wait, range(1000))
        executor = {"pool": lambda: ProcessPoolExecutor(1), "loky": None}[kind]
        BlockingRunner(learner, executor=executor, ntasks=1, store=store)
"""


def _last_of(group: int) -> None:
    """Wait until no process of a group is left."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
    raise AssertionError(f"processes of the group {group} are still there")


@pytest.mark.parametrize("kind", ["pool", "loky"])
def test_a_second_ctrl_c_leaves_at_once(kind, tmp_path):
    """What was told is stored, KeyboardInterrupt ends the script, and no worker stays behind with its evaluation."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(ABANDON))
    began, store = str(tmp_path / "began"), str(tmp_path / "results.db")
    os.mkfifo(began)
    with started(
        [sys.executable, str(script), began, store, kind], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        with open(began) as pipe:
            pipe.read()
        os.killpg(process.pid, signal.SIGINT)
        line = process.stderr.readline()
        while "cancelled by SIGINT: waiting for 1 pending task;" not in line:  # a function in __main__ is warned about
            assert line
            line = process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
    _last_of(process.pid)
    with SQLiteStore(store) as kept:
        (space,) = kept.spaces()
        assert [evaluation.y for evaluation in space] == [0, 10]


CLOSING = """
    import atexit, threading, time
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import BlockingRunner, SequentialExecutor
    import signal

    def interrupted(x):
        if x == 2:
            signal.raise_signal(signal.SIGINT)
        return x

    try:
        BlockingRunner(SequenceLearner(interrupted, range(5)), executor=SequentialExecutor())
    finally:
        atexit.register(time.sleep, 600)  # waits for what is not closed, as a cluster's own function does
        print("closing", flush=True)
        threading.Event().wait(600)
"""


def test_a_second_ctrl_c_after_the_run_ends_the_script(tmp_path):
    """Also while it closes something at its end, of which something else may then wait for ever."""
    command = [sys.executable, "-c", textwrap.dedent(CLOSING)]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "closing\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == 128 + signal.SIGINT


KILLED = """
    import os
    import sys
    import time
    from pathlib import Path
    from concurrent.futures import ProcessPoolExecutor
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import BlockingRunner

    place, pool = Path(sys.argv[1]), sys.argv[2]

    def wait(x):
        if x == 1:
            place.with_suffix(".new").write_text(str(os.getpid()))
            place.with_suffix(".new").rename(place)
            time.sleep(600)
        return x

    if __name__ == "__main__":
        executor = None if pool == "loky" else (lambda: ProcessPoolExecutor(1))
        BlockingRunner(SequenceLearner(wait, range(5)), executor=executor, ntasks=1)
"""


@pytest.mark.parametrize("pool", ["loky", "processes"])
def test_workers_end_when_their_parent_is_killed(pool, tmp_path):
    """A worker that computes for minutes ends with a parent that is killed, and prints nothing about it."""
    script, place = tmp_path / "script.py", tmp_path / "pid"
    script.write_text(textwrap.dedent(KILLED))
    with (
        open(tmp_path / "stderr", "w") as stderr,
        started([sys.executable, str(script), str(place), pool], stderr=stderr) as process,
    ):
        while not place.exists():
            assert process.poll() is None
            time.sleep(0.05)
        worker = int(place.read_text())
        process.kill()
    _wait_until_gone(worker)
    assert "adaptive_calib-parent" not in (tmp_path / "stderr").read_text()


def _wait_until_gone(pid: int) -> None:
    """Return when a process has ended; the time limit of pytest fails the test otherwise."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


IN_A_LOOP = """
    import asyncio, sys
    from concurrent.futures import ThreadPoolExecutor
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import AsyncRunner

    began, go, on_interrupt = sys.argv[1:]

    def wait(x):
        if x == 2:
            with open(began, "w") as pipe:  # says that this evaluation has begun
                pipe.write("x")
            with open(go) as pipe:          # and waits for the test
                pipe.read()
        return 10 * x

    async def main():
        learners = [SequenceLearner(wait, range(1000)), SequenceLearner(wait, range(7, 2000))]
        with ThreadPoolExecutor(1) as pool:
            runners = [AsyncRunner(learner, executor=pool, ntasks=1, on_interrupt=on_interrupt) for learner in learners]
            try:
                await asyncio.gather(*(runner.task for runner in runners), return_exceptions=True)
                print("goes on")
            finally:
                print(dict(learners[0].data), [runner.status() for runner in runners])
        await asyncio.sleep(0)
        print("the end")

    asyncio.run(main())
"""


@pytest.mark.parametrize("on_interrupt", ["raise", "return"])
def test_sigterm_in_a_loop(on_interrupt, tmp_path):
    """Runs of ``asyncio.run(main())`` drain at SIGTERM; then it raises, unless a signal is to end the runs only."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(IN_A_LOOP))
    began, go = str(tmp_path / "began"), str(tmp_path / "go")
    os.mkfifo(began)
    os.mkfifo(go)
    command = [sys.executable, str(script), began, go, on_interrupt]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with open(began) as pipe:
            pipe.read()
        process.send_signal(signal.SIGTERM)
        assert "cancelled by SIGTERM" in process.stderr.readline()  # although the loop waits for the thread
        with open(go, "w") as pipe:
            pipe.write("x")
        output, errors = process.communicate(timeout=60)
    ended = "{0: 0, 1: 10, 2: 20} ['cancelled', 'cancelled']\n"
    if on_interrupt == "raise":
        assert (process.returncode, output) == (143, ended), errors
    else:
        assert (process.returncode, output) == (0, f"goes on\n{ended}the end\n"), errors


IDLE = """
    import os
    import sys
    import time
    from concurrent.futures import ProcessPoolExecutor
    from adaptive_calib.learner.sequence_learner import SequenceLearner
    from adaptive_calib.runner import BlockingRunner

    folder, kind = sys.argv[1:]

    def note(folder):
        open(f"{folder}/{os.getpid()}", "w").close()

    def wait(x):
        time.sleep(600)

    if __name__ == "__main__":
        make = lambda: ProcessPoolExecutor(3, initializer=note, initargs=(folder,))
        BlockingRunner(SequenceLearner(wait, range(5)), executor=make if kind == "function" else make(), ntasks=1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there a pool starts all its workers with the first task")
@pytest.mark.parametrize("kind", ["function", "pool"])
def test_idle_workers_end_when_their_parent_is_killed(kind, tmp_path):
    """Those too that never had a task; the pool's own initializer runs in each."""
    script, folder = tmp_path / "script.py", tmp_path / "workers"
    folder.mkdir()
    script.write_text(textwrap.dedent(IDLE))
    with started([sys.executable, str(script), str(folder), kind]) as process:
        while len(list(folder.iterdir())) < (3 if sys.version_info < (3, 14) else 1):
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    for worker in folder.iterdir():
        _wait_until_gone(int(worker.name))


async def _in_loop(learner, **arguments):
    await AsyncRunner(learner, **arguments).task


RUNS = {
    "blocking": BlockingRunner,
    "loop": lambda learner, **arguments: asyncio.run(_in_loop(learner, **arguments)),
    "background": lambda learner, **arguments: AsyncRunner(learner, background=True, **arguments).block_until_done(),
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_signal_that_does_not_wake_the_main_thread(kind, monkeypatch):
    """Handlers run in the main thread, also when another thread gets the signal while that waits without a limit."""
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # of another test: in Jupyter signals are the kernel's
    began, go = threading.Event(), threading.Event()
    seen = []

    def wait(x):
        began.set()
        assert go.wait(60)
        return x

    def send():
        assert began.wait(60)
        time.sleep(0.1)  # the main thread waits
        (session,) = drivers._sessions
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        until = time.monotonic() + 20
        while session.signal is None and time.monotonic() < until:
            time.sleep(0.01)
        seen.append(session.signal)
        go.set()

    sender = threading.Thread(target=send)
    sender.start()
    learner = SequenceLearner(wait, range(1000))
    with ThreadPoolExecutor(1) as pool, pytest.raises(SystemExit, match="143"):
        RUNS[kind](learner, executor=pool, ntasks=1)
    sender.join()
    assert seen == [signal.SIGTERM]
    assert learner.data == {0: 0}
