"""Kills, full disks and damage at random, in small numbers; ``python -m tests.benchmarks.faults`` takes any number."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("what", ["kills", "disks", "damage"])
def test_nothing_told_is_lost_and_nothing_is_made_up(what: str) -> None:
    """Every store is opened and its run finished, with right values; errors are explained, and no run hangs."""
    if what != "damage" and shutil.which("strace") is None:
        pytest.skip("needs strace, which interrupts system calls")
    command = [sys.executable, "-m", "tests.benchmarks.faults", what, "36", "--seed", "20261127"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout[done.stdout.rindex("{") :])
    assert outcomes["WRONG"] == 0, done.stdout
    assert sum(number for name, number in outcomes.items() if ": " in name) == 36
    assert any(name.endswith(("killed", "StoreError")) for name in outcomes)
