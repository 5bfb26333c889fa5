"""Places for points where the cells of a triangulation alone do not decide: the first points, corners, integers."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Collection, Hashable

import numpy as np

from adaptive_calib.learner._domain_nd import DomainND, PointND
from adaptive_calib.learner._simplex.locate import barycentric
from adaptive_calib.learner._simplex.mesh import ChosenCell

__all__ = ["drawn_point", "face_centres", "far_corner", "snapped"]

_DRAWS = 1000
_LATTICE = 5000


def drawn_point(domain: DomainND, known: Callable[[PointND], bool], count: int) -> PointND | None:
    """Return a random point: the first of a fixed sequence that is not one of the `count` known ones."""
    # always from the beginning, so that a learner made from the data draws the same points
    rng = random.Random(1)
    for _ in range(_DRAWS + count):
        point = domain.x([rng.random() * span for span in domain.spans])
        if not known(point) and domain.contains(point):
            return point
    return None


def far_corner(domain: DomainND, known: Callable[[PointND], bool], turn: int) -> PointND | None:
    """Return an unknown corner on every second turn, far from the last one; None if there is none."""
    if turn % 2:
        return None
    corners = domain.corners
    stride = _coprime(len(corners))
    for k in range(len(corners)):
        corner = corners[k * stride % len(corners)]
        if not known(corner):
            return corner
    return None


def snapped(
    domain: DomainND,
    known: Callable[[PointND], bool],
    waiting: Collection[Hashable],
    choice: ChosenCell,
    point: PointND,
) -> tuple[PointND | None, bool]:
    """Return an unknown point near `u`, for integer dimensions; and whether a pending point was skipped."""
    pending = point in waiting
    if not known(point):
        return point, False
    corners = np.array(choice.corners)
    candidates = domain.lattice(corners, _LATTICE)
    fitting = []
    for candidate in candidates:
        pending = pending or candidate in waiting
        if known(candidate):
            continue
        at = domain.u(candidate)
        parts = barycentric(choice.corners, at)
        if parts and min(parts) >= -1e-9:
            fitting.append((math.dist(at, domain.u(point)), candidate))
    if fitting:
        return min(fitting)[1], False
    for a, b in itertools.combinations(choice.corners, 2):
        middle = domain.x([(p + q) / 2 for p, q in zip(a, b, strict=True)])
        pending = pending or middle in waiting
        if not known(middle) and domain.contains(middle):
            return middle, False
    return None, pending


def face_centres(domain: DomainND) -> list[PointND]:
    """Return the centre of the box and the centres of its faces."""
    middle = [span / 2 for span in domain.spans]
    centres = [domain.x(middle)]
    for k, span in enumerate(domain.spans):
        centres.extend(domain.x([*middle[:k], end, *middle[k + 1 :]]) for end in (0.0, span))
    return [centre for centre in dict.fromkeys(centres) if domain.contains(centre)]


def _coprime(n: int) -> int:
    """Return a number near n times the golden ratio that has no factor in common with n."""
    stride = max(1, round(n * 0.6180339887))
    while math.gcd(stride, n) > 1:
        stride += 1
    return stride
