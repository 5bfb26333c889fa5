"""Polynomials around the vertices of a triangulation, and how they are blended into one smooth function.

Each vertex v has a polynomial p_v that takes the value at v and is fitted to the values at the nearest other vertices,
by least squares in which near ones count more. Several degrees are fitted; the highest is for smooth functions. A
vertex uses the degree that predicts best what is known: for every vertex and degree the *miss* is the distance of the
value from a polynomial fitted without it, and the degree with the smallest root mean square of the misses at the
nearest vertices is taken. Planes win at steps and kinks. Such a vertex, and one whose polynomial leaves the range of
the values at the neighbours by far in the middle of a cell, is *rough*: in each of its cells the linear interpolant of
the cell takes the place of p_v.

In a cell with the vertices v the function is s(x) = Σ φ_v(x) p_v(x) with weights φ_v ≥ 0, Σ φ_v = 1, that are 1 at v
and 0 at the other vertices. s takes all values and reproduces polynomials of the degree of the p_v. It is continuous,
and linear in cells of rough vertices only. The weights have a continuous gradient over the whole triangulation, and so
has s away from rough vertices: on an edge, with t from 0 to 1, they are the cubic t²(3 - 2t); in a triangle they are
the mean of the weights on its three edges, each at the foot of the perpendicular on the edge and weighted with 1/d², d
the barycentric distance from the edge, so that their derivative across the edge vanishes; in a tetrahedron the same is
done with its faces.

Sources: blending of nodal functions, Renka, ACM TOMS 14 (1988) 139; transfinite interpolation in
triangles, Nielson, J. Approx. Theory 25 (1979) 318.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from adaptive_calib._arrays import Floats

__all__ = ["DEGREES", "LocalPolynomials", "blending_weights"]

#: Degrees that are fitted, by the number of dimensions.
DEGREES = {2: (5, 3, 1), 3: (4, 2, 1)}
#: Values for each coefficient of a fit. With 1.3 the polynomials follow chance, with 2 they reach too far.
VALUES_EACH = 1.6
#: Weight of a value at the distance d, in units of the largest distance in the fit: 1 / (NEAR + d²).
NEAR = 0.05
#: Number of vertices over which misses are averaged.
AROUND = 9
#: Factors of the misses of degrees between the highest and planes, and of planes, in the comparison. Planes win where
#: they are as good: at steps no degree is good. 0.7 was better than 1 at steps, and no worse on smooth functions.
MIDDLE, PLANES = 1.2, 0.7
#: A polynomial leaves the range by far if it is off the mean of the values of a cell by more than this share of the
#: range of all values around its vertex; tried: 0.5 and 1.
LEAVES = 0.7
#: Number of further vertices among which those are looked for that are as far as the last one taken.
TIES = 12
#: Relative size of the damping of the normal equations, for layouts that leave a coefficient open.
DAMPING = 1e-9


@lru_cache
def _exponents(ndim: int, degree: int) -> np.ndarray:
    """Return the exponents of all monomials up to a degree, by degree, shape (terms, N)."""
    powers = itertools.product(range(degree + 1), repeat=ndim)
    return np.array(sorted((p for p in powers if sum(p) <= degree), key=lambda p: (sum(p), *[-k for k in p])))


@lru_cache
def _factors(ndim: int, degree: int) -> list[tuple[int, int]]:
    """Return for each monomial but the constant an earlier one and the axis that it is multiplied by."""
    known = list(map(tuple, _exponents(ndim, degree).tolist()))
    found = []
    for power in known[1:]:
        axis = next(k for k in range(ndim) if power[k])
        before = tuple(p - (k == axis) for k, p in enumerate(power))
        found.append((known.index(before), axis))
    return found


def _monomials(offsets: Floats, degree: int) -> Floats:
    """Return the monomials at offsets of shape (..., N), shape (..., terms)."""
    axes = np.ascontiguousarray(np.moveaxis(offsets, -1, 0))
    factors = _factors(len(axes), degree)
    monomials = np.empty((len(factors) + 1, *axes.shape[1:]))
    monomials[0] = 1.0
    for term, (before, axis) in enumerate(factors, 1):
        np.multiply(monomials[before], axes[axis], out=monomials[term])
    return np.moveaxis(monomials, 0, -1)


def _least_squares(matrices: Floats, right: Floats) -> Floats:
    """Solve many small least-squares problems: shapes (m, k, terms) and (m, k, M) give (m, terms, M)."""
    transposed = np.swapaxes(matrices, 1, 2)
    sizes = np.maximum(np.sqrt((matrices**2).sum(axis=1)), 1e-100)
    normal = (transposed @ matrices) / (sizes[:, :, None] * sizes[:, None, :])
    diagonal = np.arange(normal.shape[1])
    normal[:, diagonal, diagonal] += DAMPING
    solved: Floats = np.linalg.solve(normal, (transposed @ right) / sizes[..., None]) / sizes[..., None]
    return solved


def _nearest(tree: cKDTree, points: Floats, k: int, known: np.ndarray) -> tuple[Floats, np.ndarray]:
    """Return distances and vertices of the k nearest other vertices; of equally near ones the older are taken."""
    near, indices = map(np.asarray, tree.query(points, min(k + 1 + TIES, len(known))))
    distances, found = near[:, 1:], known[indices[:, 1:]]
    # rounded, as distances that are equal differ by rounding
    unit = 2.0 ** (np.floor(np.log2(np.maximum(distances, 1e-300))) - 30)
    coarse = np.round(distances / unit) * unit
    order = np.lexsort((found, coarse), axis=1)[:, :k]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(found, order, 1)


class LocalPolynomials:
    """The polynomials around vertices, kept up to date as vertices are added.

    Parameters
    ----------
    ndim : int
        Number of dimensions N, 2 or 3.

    Attributes
    ----------
    degrees : tuple of int
        The degrees, the highest first.
    """

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim
        self.degrees = DEGREES[ndim]
        terms = len(_exponents(ndim, self.degrees[0])) - 1
        self._points = np.empty((0, ndim))
        self._values = np.empty((0, 1))
        # by degree: distance of the farthest value of the fit, coefficients without the constant, misses
        self._radii = np.empty((len(self.degrees), 0))
        self._coefficients = np.empty((len(self.degrees), 0, terms, 1))
        self._misses = np.empty((len(self.degrees), 0))
        self._cells = np.empty((0, ndim + 1), int)
        # the row of the degree in use at each vertex; None if it is not known
        self._best: np.ndarray | None = None

    def update(self, points: Floats, values: Floats, cells: np.ndarray) -> None:
        """Take in all vertices, known and new ones, and fit polynomials again where values around them are new.

        Parameters
        ----------
        points, values : array, shapes (n, N) and (n, M)
            The first rows are those of the last call; values may have changed, NaN is a missing one.
        cells : array of int, shape (S, N + 1)
            The vertices of the simplices.
        """
        old = len(self._values)
        count, width = values.shape
        if width != self._values.shape[1]:
            self.__init__(self.ndim)  # type: ignore[misc]  # the width is known with the first value
            self._coefficients = np.repeat(self._coefficients, width, axis=3)
            self._values = np.empty((0, width))
            old = 0
        same = np.zeros(count, bool)
        same[:old] = ((values[:old] == self._values) | (np.isnan(values[:old]) & np.isnan(self._values))).all(axis=1)
        if same.all() and count == old:
            return
        self._cells = cells
        grown = count - old
        self._radii = np.pad(self._radii, ((0, 0), (0, grown)), constant_values=np.inf)
        self._misses = np.pad(self._misses, ((0, 0), (0, grown)), constant_values=np.nan)
        self._coefficients = np.pad(self._coefficients, ((0, 0), (0, grown), (0, 0), (0, 0)))
        self._points, self._values = points.copy(), values.copy()
        self._best = None
        known = np.flatnonzero(~np.isnan(values[:, 0]))
        if len(known) <= self.ndim + 1:
            return
        changed = points[~same]
        reach = self._radii.max(axis=0)
        near = ~same
        for block in np.array_split(np.flatnonzero(same), max(1, len(changed) * count // 2_000_000)):
            apart = ((points[block, None] - changed[None]) ** 2).sum(axis=2).min(axis=1)
            near[block] = apart <= (reach[block] * (1 + 1e-6)) ** 2
        # the number of values of the highest degree may have been too small so far
        self._fit(np.flatnonzero(near & ~np.isnan(values[:, 0])), known)

    def _fit(self, which: np.ndarray, known: np.ndarray) -> None:
        """Fit the polynomials of some vertices to the vertices with a value."""
        tree = cKDTree(self._points[known])
        for row, degree in enumerate(self.degrees):
            terms = len(_exponents(self.ndim, degree))
            k = max(6, int(VALUES_EACH * terms))
            if k >= len(known):
                if degree > 1:
                    continue
                k = len(known) - 1
            distances, neighbours = _nearest(tree, self._points[which], k, known)
            radii = distances.max(axis=1)
            offsets = (self._points[neighbours] - self._points[which, None]) / radii[:, None, None]
            weights = 1 / (NEAR + (distances / radii[:, None]) ** 2)
            rises = self._values[neighbours] - self._values[which, None]
            matrices = _monomials(offsets, degree) * weights[..., None]
            right = rises * weights[..., None]
            self._misses[row, which] = np.abs(_least_squares(matrices, right)[:, 0]).max(axis=1)
            through = _least_squares(matrices[..., 1:], right)
            self._coefficients[row, which, : terms - 1] = through
            self._radii[row, which] = radii

    def _chosen(self) -> np.ndarray:
        """Return the row of the degree that each vertex uses, shape (n,)."""
        if self._best is None:
            count = len(self._values)
            known = np.flatnonzero(~np.isnan(self._misses[-1]))
            best = np.full(count, len(self.degrees) - 1)
            if len(known):
                tree = cKDTree(self._points[known])
                around = min(AROUND, len(known)) - 1
                near = np.column_stack([known, _nearest(tree, self._points[known], around, known)[1]])
                misses = self._misses / (np.nanmax(self._misses) or 1.0)  # squares neither over- nor underflow
                misses = np.sqrt((misses[:, near] ** 2).mean(axis=2))
                misses[1:-1] *= MIDDLE
                misses[-1] *= PLANES
                best[known] = np.where(np.isnan(misses), np.inf, misses).argmin(axis=0)
            self._best = best
            self._look_at_neighbours()
        return self._best

    def _look_at_neighbours(self) -> None:
        """Count vertices as rough where polynomials leave the range of the values at the neighbours by far."""
        assert self._best is not None
        count, width = self._values.shape
        at = self._values[self._cells]
        shares = np.full(self._cells.shape, 1 / (self.ndim + 1))
        reached = self.at(self._points[self._cells].mean(axis=1), self._cells, shares)
        low, high = np.full((count, width), np.inf), np.full((count, width), -np.inf)
        for corner in range(self.ndim + 1):
            np.fmin.at(low, self._cells[:, corner], np.nanmin(at, axis=1, initial=np.inf))
            np.fmax.at(high, self._cells[:, corner], np.nanmax(at, axis=1, initial=-np.inf))
        wrong = (np.abs(reached - at.mean(axis=1, keepdims=True)) > LEAVES * (high - low)[self._cells]).any(axis=2)
        self._best[self._cells[wrong]] = len(self.degrees) - 1

    @property
    def rough(self) -> np.ndarray:
        """Whether the function has a step or a kink at each vertex."""
        rough: np.ndarray = self._chosen() == len(self.degrees) - 1
        return rough

    def misses(self) -> Floats:
        """Return by how much the degree in use misses the value at each vertex when it is left out, shape (n,)."""
        chosen = self._chosen()
        misses: Floats = self._misses[chosen, np.arange(len(chosen))]
        return misses

    def at(self, points: Floats, vertices: np.ndarray, shares: Floats) -> Floats:
        """Return the values of the polynomials of the vertices of a cell at each of m points.

        Parameters
        ----------
        points : array, shape (m, N)
        vertices : array of int, shape (m, N + 1)
        shares : array, shape (m, N + 1)
            The barycentric coordinates of the points.

        Returns
        -------
        array, shape (m, N + 1, M)
            NaN for vertices without a value.
        """
        chosen = self._chosen()[vertices]
        radii = self._radii[chosen, vertices]
        offsets = (points[:, None] - self._points[vertices]) / radii[..., None]
        monomials = _monomials(offsets, self.degrees[0])[..., 1:]
        rises = (monomials[..., None] * self._coefficients[chosen, vertices]).sum(axis=2)
        values: Floats = self._values[vertices]
        linear = (shares[..., None] * values).sum(axis=1, keepdims=True)
        rough = chosen == len(self.degrees) - 1
        result: Floats = np.where(rough[..., None], linear, values + rises)
        return result

    def frozen(self) -> LocalPolynomials:
        """Return a copy that does not change any more."""
        self._chosen()
        copied = LocalPolynomials(self.ndim)
        copied.__dict__.update(self.__dict__)
        for name in ("_radii", "_misses", "_coefficients"):
            setattr(copied, name, getattr(self, name).copy())
        return copied

    def rates(self) -> Floats:
        """Return the mean rate of change along each axis, 1 / length, from the third (in 3-D second) derivatives."""
        order = 3 if self.ndim == 2 else 2
        fitted = np.isfinite(self._radii) & ~np.isnan(self._misses)
        rates = np.zeros(self.ndim)
        rows = [row for row, d in enumerate(self.degrees) if order <= d <= order + 2 and fitted[row].any()]
        if not rows:
            return rates
        row, known = rows[0], fitted[rows[0]]
        exponents = _exponents(self.ndim, self.degrees[row])[1:]
        for k in range(self.ndim):
            term = int(np.flatnonzero((exponents[:, k] == order) & (exponents.sum(axis=1) == order))[0])
            sizes = np.abs(self._coefficients[row, known, term]).max(axis=1) / self._radii[row, known] ** order
            rates[k] = np.sqrt(sizes).mean() ** (2 / order)
        return rates


def blending_weights(shares: Floats, corners: Floats) -> Floats:
    """Return the weights φ of the vertices of m simplices.

    Parameters
    ----------
    shares : array, shape (m, k)
        Barycentric coordinates of a point in each simplex.
    corners : array, shape (m, k, N)
        The vertices, k - 1 <= N.

    Returns
    -------
    array, shape (m, k)
    """
    k = shares.shape[1]
    if k == 2:
        inside = np.clip(shares, 0, 1)
        smooth: Floats = inside**2 * (3 - 2 * inside)
        return smooth
    edges = corners[:, 1:] - corners[:, :1]
    products = edges @ np.swapaxes(edges, 1, 2)
    traces = np.trace(products, axis1=1, axis2=2)
    inverse = np.linalg.inv(products + 1e-13 * traces[:, None, None] * np.eye(k - 1))
    lift = np.vstack([-np.ones(k - 1), np.eye(k - 1)])
    slopes = lift @ inverse @ lift.T  # products of the gradients of the barycentric coordinates
    squares = shares**2
    weights = np.zeros_like(shares)
    total = np.zeros(len(shares))
    for i in range(k):
        others = [j for j in range(k) if j != i]
        nearness = np.multiply.reduce(squares[:, others], axis=1)
        foot = shares[:, others] - shares[:, [i]] * slopes[:, others, i] / slopes[:, [i], i]
        weights[:, others] += nearness[:, None] * blending_weights(foot, corners[:, others])
        total += nearness
    at_vertex = total < 1e-200
    weights[at_vertex], total[at_vertex] = squares[at_vertex], squares[at_vertex].sum(axis=1)
    return weights / total[:, None]
