"""Ctrl-C and SIGTERM in a script with worker processes, as a terminal and a batch system send them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

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
        runner = BlockingRunner(learner, executor=lambda: ProcessPoolExecutor(1), ntasks=1)
        print(runner.status(), runner.stop_reason, dict(learner.data), sep=";")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_has_begun_is_waited_for_and_kept(number, tmp_path):
    """Ctrl-C reaches the whole group: the workers leave it to the parent, which drains; the script goes on."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    began, go = str(tmp_path / "began"), str(tmp_path / "go")
    os.mkfifo(began)
    os.mkfifo(go)
    with subprocess.Popen(
        [sys.executable, str(script), began, go],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        with open(began) as pipe:
            pipe.read()
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        assert f"cancelled by {number.name}: 1 tasks" in process.stderr.readline()
        with open(go, "w") as pipe:
            pipe.write("x")
        output, errors = process.communicate(timeout=60)
    assert errors == ""
    assert output.strip() == f"cancelled;cancelled by {number.name};{{0: 0, 1: 10, 2: 20}}"
    assert process.returncode == 0
