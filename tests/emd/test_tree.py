from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import simpson

from adaptive_calib.emd.tree import simpson_weights, tree_of


@pytest.mark.parametrize("res", [1, 2, 3, 6, 8])
def test_weights_are_simpsons(res: int) -> None:
    """The weights give SciPy's composite Simpson rule."""
    values = np.random.default_rng(res).standard_normal(2**res + 1)
    assert abs(values @ simpson_weights(res) - simpson(values, dx=2.0**-res)) < 1e-14


@pytest.mark.parametrize("res", [1, 2, 3, 6, 8])
def test_integral_needs_no_path(res: int) -> None:
    """The upward pass gives the weighted sum of the filled path."""
    tree = tree_of(res)
    rng = np.random.default_rng(res)
    x = rng.random((tree.nodes, 7))
    first, last = rng.normal(-1, 1, 7), rng.normal(5, 1, 7)
    paths = tree.fill(x, first, last)
    np.testing.assert_allclose(
        first + (last - first) * tree.integrate(x), paths @ simpson_weights(res), rtol=0, atol=1e-14
    )
    assert (np.diff(paths, axis=1) >= 0).all()


@pytest.mark.parametrize("res", [1, 2, 5])
def test_fill_follows_its_definition(res: int) -> None:
    """Each node lies between its two parents at the share x."""
    tree = tree_of(res)
    x = np.random.default_rng(res).random((tree.nodes, 1))
    path = tree.fill(x, np.zeros(1), np.ones(1))[0]
    natural = np.empty(tree.nodes)
    natural[tree.order] = x[:, 0]
    for i in range(1, 2**res):
        distance = i & -i
        low, high = path[i - distance], path[i + distance]
        assert path[i] == pytest.approx(low + (high - low) * natural[i - 1], abs=1e-15)


def test_draw_order_is_a_permutation_and_kept() -> None:
    """Every node occurs once; the table is made once and cannot be changed."""
    tree = tree_of(6)
    assert sorted(tree.order.tolist()) == list(range(63))
    assert tree_of(6) is tree
    assert not tree.order.flags.writeable


def test_factors_of_0_and_1_reach_the_parents_exactly() -> None:
    """X = 0 gives the left parent and x = 1 the right one, without rounding."""
    tree = tree_of(3)
    first, last = np.array([0.1]), np.array([0.7])
    assert (tree.fill(np.zeros((7, 1)), first, last)[0, :-1] == 0.1).all()
    assert (tree.fill(np.ones((7, 1)), first, last)[0, 1:] == 0.7).all()
