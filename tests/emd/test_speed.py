"""Generous guards: five times what one slow core took. The figures themselves are in tests/benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from adaptive_calib.emd import bemd_curve, draw_R_samples, solve_beta
from tests.emd.data import arrays, ppfs


def _cpu_seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def test_sampling_is_fast() -> None:
    """128 risks at res 8 take less than 10 ms of CPU time."""
    assert _cpu_seconds(lambda: draw_R_samples(*ppfs("DA"), 1.0, M=128, max_M=128, rng=0)) < 0.010


def test_solving_is_fast() -> None:
    """45,241 pairs (λ, v) take less than 0.3 s of CPU time."""
    lam, log_v = np.meshgrid(np.linspace(-700, 700, 281), np.linspace(-10, 6, 161))
    assert _cpu_seconds(lambda: solve_beta(lam, 10.0**log_v)) < 0.3


def test_a_curve_is_fast() -> None:
    """17 values of c for two models, M = 32 with 32 ends, take less than 120 ms of CPU time."""
    seeds = np.random.SeedSequence(0).spawn(17)
    c = 2.0 ** np.arange(-8.0, 9.0)
    assert _cpu_seconds(lambda: bemd_curve(*arrays("GA"), *arrays("GB"), c, seeds, max_M=32)) < 0.12
