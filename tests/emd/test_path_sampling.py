from __future__ import annotations

import inspect
import io
import queue
import subprocess
import sys

import numpy as np
import pytest
from tqdm import tqdm

from adaptive_calib import emd
from adaptive_calib.emd import (
    draw_from_beta,
    draw_R_samples,
    generate_path_hierarchical_beta,
    generate_quantile_paths,
    path_sampling,
)
from adaptive_calib.emd.progress import Progress
from tests.emd.data import ppfs

MIXED, SYNTHETIC = ppfs("GA")


def _delta(phi: np.ndarray) -> np.ndarray:
    return np.abs(MIXED(phi) - SYNTHETIC(phi))


#: emdcmp's arguments, by position and by keyword, with its defaults; ours come after them.
SIGNATURES = {
    "make_empirical_risk_ppf": "risk_samples",
    "draw_R_samples": "mixed_risk_ppf synth_risk_ppf c * res=8 M=128 max_M=1024 relstderr_tol=0.03125 "
    "path_progbar=None print_relstderr=False",
    "generate_quantile_paths": "qstar deltaEMD c M res=8 rng=None * Phistart=0.0 Phiend=1.0 progbar='auto' "
    "previous_M=0",
    "generate_path_hierarchical_beta": "qstar deltaEMD c qstart qend res=8 rng=None * Phistart=0.0 Phiend=1.0",
    "draw_from_beta": "r v rng=None n_samples=1",
    "Bemd": "mixed_risk_ppfA mixed_risk_ppfB synth_risk_ppfA synth_risk_ppfB c * res=7 M=32 max_M=1024 "
    "relstderr_tol=None progbarA='auto' progbarB='auto' use_multiprocessing=True",
    "compare_matrix": "R_samples",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_emdcmps(name: str) -> None:
    """The familiar functions have emdcmp's arguments in emdcmp's order with its defaults."""
    words = []
    for parameter in inspect.signature(getattr(emd, name)).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        words.append(parameter.name + default)
    familiar = SIGNATURES[name].split()
    assert words[: len(familiar)] == familiar


def test_paths_one_after_the_other() -> None:
    """M pairs of a grid and a path come out; the same seed gives the same."""
    pairs = list(generate_quantile_paths(MIXED, _delta, 1.0, 200, 5, 3))
    assert len(pairs) == 200
    phi, path = pairs[0]
    assert phi.shape == path.shape == (33,)
    assert (phi[0], phi[-1]) == (0.0, 1.0)
    assert all((np.diff(path) >= 0).all() for _, path in pairs)
    again = list(generate_quantile_paths(MIXED, _delta, 1.0, M=200, res=5, rng=3, progbar=None))
    np.testing.assert_array_equal([q for _, q in pairs], [q for _, q in again])


def test_part_of_the_range() -> None:
    """Paths may cover a part of [0, 1]."""
    phi, path = next(generate_quantile_paths(MIXED, _delta, 0.0, 1, 4, 0, Phistart=0.25, Phiend=0.75))
    assert (phi[0], phi[-1]) == (0.25, 0.75)
    np.testing.assert_allclose(path, MIXED(phi), rtol=1e-9)


def test_path_with_given_ends() -> None:
    """One path goes from the first given end to the second."""
    phi, path = generate_path_hierarchical_beta(MIXED, _delta, 1.0, 0.5, 30.0, 6, 1)
    assert phi.shape == path.shape == (65,)
    assert (path[0], path[-1]) == (0.5, 30.0)
    with pytest.raises(ValueError, match="begin below its end"):
        generate_path_hierarchical_beta(MIXED, _delta, 1.0, qstart=3.0, qend=2.0)


def test_bad_arguments_are_refused_at_the_call() -> None:
    """What is wrong is said before the first path is asked for."""
    for options, text in (
        ({"res": 0}, "`res`"),
        ({"M": 0}, "`M`"),
        ({"c": -1.0}, "`c`"),
        ({"Phistart": 1.0}, "Phistart"),
        ({"deltaEMD": lambda phi: -_delta(phi)}, "`deltas` should be at least 0"),
        ({"qstar": lambda phi: -phi}, "`qstar` should be non-decreasing"),
    ):
        with pytest.raises(ValueError, match=text):
            generate_quantile_paths(**{"qstar": MIXED, "deltaEMD": _delta, "c": 1.0, "M": 3, **options})


def test_beta_draws_have_the_right_limits() -> None:
    """R = 0 and ∞ give 0 and 1, v = 0 gives r/(1+r), large v gives 0 or 1 with nearly equal odds."""
    assert draw_from_beta(0.0, 1.0, 0) == 0.0
    assert draw_from_beta(np.inf, 1e7, 0) == 1.0
    assert draw_from_beta(0.2, 0.0, 0) == pytest.approx(0.2 / 1.2, abs=1e-12)
    assert draw_from_beta(0.2, 1e-9, 0) == pytest.approx(0.2 / 1.2, abs=1e-4)
    large = draw_from_beta(0.2, 11_000.0, 0, n_samples=20_000)
    assert np.mean((large < 1e-6) | (large > 1 - 1e-6)) > 0.75
    assert large.mean() == pytest.approx(0.4946, abs=4 * 0.5 / np.sqrt(20_000))


def test_beta_draws_of_every_shape() -> None:
    """A scalar gives a float, arrays their shape, several samples one more axis."""
    assert isinstance(draw_from_beta(0.5, 1.0), float)
    assert draw_from_beta(0.5, 1.0, n_samples=3).shape == (3,)
    assert draw_from_beta(np.ones((2, 1)), np.ones(4), rng=1).shape == (2, 4)
    assert draw_from_beta(np.ones((2, 1)), np.ones(4), rng=1, n_samples=3).shape == (2, 4, 3)
    for r, v in ((-1.0, 1.0), (1.0, -1.0), (np.nan, 1.0), (1.0, np.nan)):
        with pytest.raises(ValueError, match="expected r >= 0 and v >= 0"):
            draw_from_beta(r, v)


def test_bars() -> None:
    """A bar is given the total and moved to its end; growing sampling gives it a new total."""
    with tqdm(file=io.StringIO()) as bar:
        list(generate_quantile_paths(MIXED, _delta, 1.0, 300, 4, 0, progbar=bar, previous_M=20))
        assert (bar.n, bar.total) == (300, 320)
        draw_R_samples(MIXED, SYNTHETIC, 1.0, M=32, max_M=100, relstderr_tol=1e-9, rng=0, path_progbar=bar)
        assert (bar.n, bar.total) == (100, 100)
        (a, b) = (io.StringIO(), io.StringIO())
        with tqdm(file=a) as bar_a, tqdm(file=b) as bar_b:
            emd.Bemd(MIXED, MIXED, SYNTHETIC, SYNTHETIC, 1.0, progbarA=bar_a, progbarB=bar_b, max_M=32, rng=0)
            assert (bar_a.n, bar_b.n) == (32, 32)
            for rule in ({"max_M": 32}, {"relstderr_tol": 1.0}):
                emd.Bemd(MIXED, MIXED, SYNTHETIC, SYNTHETIC, [1.0, 2.0], progbarA=bar_a, rng=0, **rule)
                assert (bar_a.n, bar_a.total) == (32, 32)


def test_queues() -> None:
    """A queue gets the number of paths once for each path."""
    messages: queue.Queue[int] = queue.Queue()
    list(generate_quantile_paths(MIXED, _delta, 1.0, 5, 4, 0, progbar=messages, previous_M=2))
    assert [messages.get() for _ in range(messages.qsize())] == [7] * 5


def test_no_bar() -> None:
    """None and 'auto' show nothing; anything else is refused."""
    for target in (None, "auto"):
        assert draw_R_samples(MIXED, SYNTHETIC, 1.0, res=3, M=2, max_M=2, path_progbar=target).size == 2
    with pytest.raises(TypeError, match="tqdm bar or a queue, but is of type int"):
        Progress(3)


def test_plain_functions_and_scipys_interpolation_are_ppfs() -> None:
    """Any callable array → array is a PPF: SciPy's interp1d, NumPy's, a lambda."""
    ppf = emd.interp1d([0.0, 0.5, 1.0], [0.0, 1.0, 4.0])
    for mixed in (ppf, lambda phi: phi**2, lambda phi: np.interp(phi, [0, 1], [0, 2])):
        assert np.isfinite(draw_R_samples(mixed, lambda phi: phi, 1.0, M=8, max_M=8)).all()


def test_documented_names_of_path_sampling() -> None:
    """Emdcmp's submodule and its names are where they were; unknown names are refused."""
    for name in ("generate_quantile_paths", "generate_path_hierarchical_beta", "draw_from_beta"):
        assert name in path_sampling.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = emd.nothing


def test_import_is_light() -> None:
    """Importing the numbers loads no display and no data frames."""
    code = (
        "import sys, adaptive_calib.emd; "
        "print([m for m in ('tqdm.notebook', 'pandas', 'matplotlib', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
