"""The peers of the comparisons in planes and in noise do what their names say; the tables are made of counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.cases import many_dimensions, noise, noisy_planes, planes

BOWL = planes.Function("bowl", lambda x, y: x**2 * y + y**2)
FLAT = planes.Function("plane in space", lambda x, y, z: x - 2 * y + z, 3)


@pytest.mark.parametrize("function", [BOWL, FLAT])
def test_chebyshev_is_exact_for_polynomials(function: planes.Function) -> None:
    """The first grid is enough for a polynomial of degree 2 along each axis."""
    assert planes.count(function, planes.chebyshev(function)) == (3**function.ndim, pytest.approx(0, abs=1e-12))


@pytest.mark.parametrize("name", ["RBF", "Clough-Tocher", "linear LearnerND", "linear Learner2D"])
def test_other_peers_get_there(name: str) -> None:
    """Each method takes more points than corners, and fewer than the most, for a smooth bowl."""
    count, error = planes.count(BOWL, planes.PEERS[name](BOWL))
    assert 4 < count < planes.MOST
    assert error <= planes.GOALS[2]


def test_names_are_used_once() -> None:
    """Every function has a name of its own, and finite values."""
    functions = (*planes.NAMED, *planes.HELD_OUT)
    assert len({f.name for f in functions}) == len(functions)
    assert all(np.isfinite(f.formula(*f.places().T)).all() for f in functions)


def test_tables_of_planes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A table has a row for each function that was asked for, and the ratio to the best peer."""
    monkeypatch.setattr(planes, "PEERS", {"Chebyshev": planes.chebyshev})
    monkeypatch.setattr(planes, "NAMED", (BOWL, FLAT))
    monkeypatch.setattr("sys.argv", ["tests.benchmarks", "planes", "--case", "bow"])
    main()
    text = capsys.readouterr().out
    assert "plane in space" not in text
    smooth, _ = planes.count(BOWL, planes.ours(BOWL, "smooth"))
    assert math.isfinite(smooth)
    assert f"| bowl | {smooth:.0f} | 9 |" in text
    assert f"{smooth / 9:.2f} in the median" in text


def test_tables_of_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row has the errors of three methods at all sizes; the even samples are fitted well."""
    monkeypatch.setattr(noise, "SIZES", (40, 80))
    monkeypatch.setattr(noise, "LEVELS", (0.03,))
    rows = noise.report([1]).splitlines()
    assert len(rows) == 2 + len(noise.FUNCTIONS)
    assert all(row.count("/") == 3 for row in rows[2:])
    sample = noise.Noisy(np.sin, 0.01, 0)
    assert [noise.rms(curve, np.sin(noise._X)) < 0.01 for curve in noise.even(sample, 80)] == [True, True]


def test_functions_of_many_numbers() -> None:
    """Genz's functions and the models have names of their own and finite values, at one place as at many."""
    functions = [*many_dimensions.genz(4, 0), *many_dimensions.genz(6, 0), *many_dimensions.MODELS]
    assert len({f.name for f in functions}) == len(functions)
    for f in functions:
        places = f.places()[:20]
        assert f.formula(*places.T) == pytest.approx([f(place) for place in places])
    hartmann = many_dimensions.MODELS[3]
    minimum = hartmann((0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573))
    assert minimum == pytest.approx(-3.32237, abs=1e-5)


def test_row_of_many_dimensions() -> None:
    """A row has the counts of three peers and the ratio to the better of two."""
    text, ratio = many_dimensions.row(planes.Function("line", lambda a, b, c, d: a - b + 2 * c + d, 4))
    ours, rbf, process, linear = (float(cell) for cell in text.split("|")[2:6])
    assert ratio == ours / min(rbf, process)
    assert max(ours, rbf, process, linear) < 50


def test_table_of_noisy_planes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row has the errors of three methods at all sizes; the grid is fitted well."""
    monkeypatch.setattr(noisy_planes, "SIDES", (5, 6))
    row = noisy_planes._row("wave", noisy_planes.FUNCTIONS["wave"], 0.03, [1])
    assert row.count("/") == 3
    assert row.endswith("of 1 |")
    sample = noisy_planes.Noisy(lambda x, y: x + y, 0.01, 0)
    assert np.abs(noisy_planes.grid(sample, 12) - noisy_planes._SQUARE.sum(axis=1)).max() < 0.03
