"""The peers of the comparison by evaluations do what their names say, and its tables are made of counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.benchmarks.cases import evaluations
from tests.benchmarks.curve_functions import DRAWN, HELD_OUT, NAMED, CurveFunction, drawn

QUINTIC = CurveFunction("quintic", lambda x: x**5 - x)


@pytest.mark.parametrize("name", ["Chebyshev", "Chebyshev pieces, 8", "Chebyshev pieces, 16", "quintic spline"])
def test_methods_that_are_exact_for_polynomials(name: str) -> None:
    """A polynomial of degree 5 takes the first points of these methods, and no more."""
    counts = evaluations.count(QUINTIC, evaluations.PEERS[name])
    assert set(counts) == {17.0 if name.endswith("16") else 9.0}


@pytest.mark.parametrize("name", ["python-adaptive", "python-adaptive, curvature", "cubic spline"])
def test_methods_of_low_order(name: str) -> None:
    """Lower orders take more points for smaller errors, or never get there."""
    if name.startswith("python-adaptive"):
        pytest.importorskip("adaptive")
    few, more, _ = evaluations.count(QUINTIC, evaluations.PEERS[name])
    assert few < more


def test_aaa_is_exact_for_rational_functions() -> None:
    """Runge's function takes its first nine points."""
    assert set(evaluations.count(NAMED[0], evaluations.PEERS["AAA"])) == {9.0}


def test_chebyshev_coefficients() -> None:
    """The interpolant takes the values at its points."""
    _, interpolant = next(iter(evaluations.chebyshev(QUINTIC)))
    x = np.cos(np.pi * np.arange(9) / 8)
    assert np.allclose(interpolant(x), x**5 - x, rtol=0, atol=1e-14)
    c, _ = evaluations._through(CurveFunction("T3", lambda x: 4 * x**3 - 3 * x), -1.0, 1.0, 9)
    assert np.allclose(c, np.eye(9)[3], rtol=0, atol=1e-14)


def test_grids_are_fine_at_features() -> None:
    """Every feature of every function has grid points nearer than its width, and names are used once."""
    for f in (*NAMED, *HELD_OUT, *DRAWN):
        grid = f.grid()
        assert np.all(np.diff(grid) > 0)
        assert np.isfinite(f.formula(grid)).all()
        inside = [(place, width) for place, width in f.features if f.bounds[0] < place < f.bounds[1]]
        assert all(np.min(np.abs(grid - place)) < width for place, width in inside)
    names = [f.name for f in (*NAMED, *HELD_OUT, *DRAWN)]
    assert len(set(names)) == len(names)


def test_drawn_functions_depend_on_the_seed_alone() -> None:
    """The same seed draws the same functions, another one others."""
    x = np.linspace(-0.99, 0.99, 7)
    for one, again, other in zip(drawn(1), drawn(1), drawn(2), strict=True):
        assert np.array_equal(one.formula(x), again.formula(x))
        assert not np.array_equal(one.formula(x), other.formula(x))


def test_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables have a line for each function and the ratios to the best peer."""
    monkeypatch.setattr(evaluations, "PEERS", {"Chebyshev": evaluations.chebyshev, "AAA": evaluations.aaa,
                                               "python-adaptive": evaluations.spline(1),
                                               "python-adaptive, curvature": evaluations.spline(3)})  # fmt: skip
    ours = evaluations.count(QUINTIC, evaluations.ours("auto", most=60))
    assert all(math.isfinite(n) for n in ours)
    text = evaluations.compare((QUINTIC,))
    assert "| quintic | " + " / ".join(f"{n:.0f}" for n in ours) in text
    assert f"auto / best peer {ours[1] / 9:.2f} in the median" in text
    assert "| quintic | " in evaluations.in_flight((QUINTIC,))
