"""Signatures help: names and types of arguments are known to notebooks and to type checkers."""

from __future__ import annotations

import inspect
import textwrap

import pytest

from adaptive_calib import AsyncRunner, BlockingRunner
from adaptive_calib.runner import BaseRunner
from adaptive_calib.tasks import Calibrate

#: Arguments that only one of the runners has.
OWN = {AsyncRunner: {"ioloop", "background"}, BlockingRunner: set()}


@pytest.mark.parametrize("runner", [AsyncRunner, BlockingRunner])
def test_runners_name_their_arguments(runner):
    """Shift-Tab shows those of all runners, and none that is passed on unseen."""
    parameters = inspect.signature(runner).parameters
    assert set(parameters) == set(inspect.signature(BaseRunner).parameters) | OWN[runner]
    assert all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values())


def test_calibrate_names_its_arguments():
    """Those of a runner have the same defaults, apart from `on_error`."""
    mine, runner = inspect.signature(Calibrate).parameters, inspect.signature(BlockingRunner).parameters
    assert all(parameter.kind is not parameter.VAR_KEYWORD for parameter in mine.values())
    shared = set(mine) & set(runner) - {"store", "executor"}
    assert shared >= {"ntasks", "retries", "timeout", "progress", "callbacks", "mode"}
    assert [name for name in sorted(shared) if mine[name].default != runner[name].default] == ["on_error"]


@pytest.mark.slow
def test_a_type_checker_refuses_wrong_names_and_types(tmp_path):
    """Each wrong line has an error of its own, and the right ones have none."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            from adaptive_calib import BlockingRunner, Learner1D, Runner
            from adaptive_calib.runner import RetryPolicy, simple
            from adaptive_calib.tasks import Calibrate

            learner = Learner1D(abs, bounds=(-1, 1))
            BlockingRunner(learner, npoints_goal=3, retries=RetryPolicy(2), on_error="continue", capture=None)
            Runner(learner, npoints_goal=3, background=True, progress=True)
            BlockingRunner(learner, npoint_goal=3)
            BlockingRunner(learner, npoints_goal=3, on_error="ignore")
            Runner(learner, loss_goal="small")
            Runner(learner, npoints_goal=3, timout=1.0)  # codespell:ignore
            Calibrate([1.0], [], 10, 10, progres=True)  # codespell:ignore
            Calibrate([1.0], [], 10, 10, ntasks="many")
            simple(learner, npoints=3)
            """
        )
    )
    mypy = pytest.importorskip("mypy.api", reason="needs the extra `lint`")
    found, _, _ = mypy.run(["--strict", "--no-error-summary", str(script)])
    lines = sorted({int(line.split(":")[1]) for line in found.splitlines() if "error:" in line})
    assert lines == list(range(9, 16)), found
