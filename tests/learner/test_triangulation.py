"""The familiar names of triangulations, and where a point lies in one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adaptive_calib.learner import triangulation, triangulation_backend
from adaptive_calib.learner._simplex.locate import Locator, barycentric
from adaptive_calib.learner.triangulation import FakeDelaunay, Triangulation, fast_det


def test_names():
    """All familiar names are there, and there is one backend."""
    for name in triangulation.__all__:
        assert getattr(triangulation_backend, name) is getattr(triangulation, name)
    assert triangulation_backend.TRIANGULATION_BACKEND == "rust"
    assert triangulation_backend.rust_default_loss([(0, 0), (1, 0), (0, 1)], [0, 0.5, 1]) == pytest.approx(0.75)


@pytest.mark.parametrize("backend", ["auto", "python", "rust", Triangulation])
def test_backends(backend, monkeypatch):
    """Every backend is the same class; others are refused, in the environment too."""
    monkeypatch.delenv("ADAPTIVE_TRIANGULATION_BACKEND", raising=False)
    assert triangulation_backend.resolve_triangulation_class(backend) is Triangulation
    with pytest.raises(ValueError, match="triangulation_backend"):
        triangulation_backend.resolve_triangulation_class("c")
    monkeypatch.setenv("ADAPTIVE_TRIANGULATION_BACKEND", "c")
    with pytest.raises(ValueError, match="triangulation_backend"):
        triangulation_backend.resolve_triangulation_class()


def test_what_the_package_lacks():
    """Determinants, and a dress for SciPy."""
    assert fast_det([[1, 2], [3, 4]]) == pytest.approx(-2)
    assert fast_det(np.diag([2, 3, 4])) == pytest.approx(24)
    fake = FakeDelaunay([(0, 0), (1, 0), (0, 1)], {(0, 1, 2)})
    assert (fake.ndim, fake.npoints, fake.nsimplex) == (2, 3, 1)
    assert fake.simplices.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("ndim", [2, 3, 4])
def test_barycentric(ndim):
    """Barycentric coordinates add up to 1 and give the point back; a flat simplex has none."""
    rng = np.random.default_rng(ndim)
    corners, point = rng.random((ndim + 1, ndim)), rng.random(ndim)
    parts = barycentric(corners.tolist(), point.tolist())
    assert math.fsum(parts) == pytest.approx(1)
    assert np.array(parts) @ corners == pytest.approx(point)
    assert barycentric([[0.0] * ndim] * (ndim + 1), point.tolist()) == []


@pytest.mark.parametrize("ndim", [2, 3])
def test_locate(ndim):
    """Every point inside is found in a simplex that contains it, outside points in none, while points are added."""
    rng = np.random.default_rng(ndim)
    tri = Triangulation(np.array(np.meshgrid(*[[0.0, 1.0]] * ndim)).reshape(ndim, -1).T)
    locator = Locator(tri)
    # crowded in one corner, so that the grid is far from even
    for point in (rng.random((300, ndim)) ** 2).tolist():
        cell = locator.find(point)
        assert tri.point_in_simplex(point, cell)
        tri.add_point(point, cell)
        assert locator.find([1.5] * ndim) == ()
    for vertex in list(tri.vertices):
        assert tri.point_in_simplex(vertex, locator.find(vertex))
