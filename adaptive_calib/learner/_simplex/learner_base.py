"""The common base of `Learner2D` and `LearnerND`: asking and telling on a triangulation.

First come the *start points*: the corners of the domain, or, where there would be too many, the centres of the faces
of the box. Until the observed points span a volume, points are drawn from a seeded generator. Then each point goes into
the cell of the largest rank, see `mesh`. The learner checks points and values, keeps the data, and decides which
proposals are taken: none that is known, none nearer to another than the minimum spacing, only integers in integer
dimensions. A cell without a place for another point is closed.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, overload

import cloudpickle
import numpy as np

from adaptive_calib.learner._domain_nd import DomainND, PointND
from adaptive_calib.learner._simplex.error_goal import CAUTION, GOAL_CAUTION, ErrorGoal
from adaptive_calib.learner._simplex.interpolant import Interpolant
from adaptive_calib.learner._simplex.mesh import Cell, CellLosses, ChosenCell, Mesh
from adaptive_calib.learner._simplex.noise import most_unresolved
from adaptive_calib.learner._simplex.parameters import PlaneMode, check_parameters
from adaptive_calib.learner._simplex.places import drawn_point, face_centres, far_corner, snapped
from adaptive_calib.learner._simplex.smooth import (
    FIRST_STRETCH,
    SmoothInterpolant,
    SmoothLosses,
    longest_middle,
    stretched_spans,
)
from adaptive_calib.learner._simplex.smooth import MOST_DIMENSIONS as MOST_SMOOTH
from adaptive_calib.learner._simplex.spacing import Spacing
from adaptive_calib.learner.base_learner import BaseLearner, check_number_of_points
from adaptive_calib.learner.claims import Claim
from adaptive_calib.learner.values import value_and_vector

__all__ = ["PlaneMode", "TriangulatedLearner"]

#: Above this dimension the 2^N corners are no start points by default.
MOST_CORNER_DIMENSIONS = 4
#: Default share of exploration of a learner that starts without corners: without it no point outside the hull of the
#: start points would be asked for.
EXPLORATION_WITHOUT_CORNERS = 0.25

#: Fewest points for each dimension for an error estimate; number of points from which on an estimate is reused.
FEWEST = 25
SMALL = 500


class TriangulatedLearner(BaseLearner):
    """A learner on a triangulation; abstract.

    Subclasses call `_begin` in their constructor and define `_rule` and `_place`.
    """

    _replaces_values = False

    def _begin(
        self,
        domain: DomainND,
        *,
        corners: bool | None,
        min_spacing: float,
        exploration: float | None,
        mode: PlaneMode = "linear",
        own_loss: bool = False,
    ) -> None:
        """Check the common parameters, and start without data."""
        if corners is None:
            corners = domain.ndim <= MOST_CORNER_DIMENSIONS
        if exploration is None:
            exploration = 0.0 if corners else EXPLORATION_WITHOUT_CORNERS
        check_parameters(domain.ndim, min_spacing, exploration, mode, own_loss)
        self._smooth = mode != "linear" and domain.ndim <= MOST_SMOOTH
        self.mode: PlaneMode = mode
        self._domain = domain
        self._all_corners = corners
        self._exploration = float(exploration)
        self._min_spacing = float(min_spacing)
        self._start: list[PointND] = domain.corners if corners else face_centres(domain)
        self._reset()

    def _reset(self) -> None:
        """Forget all data and pending points."""
        self.data: dict[PointND, Any] = {}
        self._failed: dict[PointND, None] = {}
        self._cache: dict[str, float] = {}
        self._lazy: dict[str, Any] = {}
        self._estimate = (0, math.inf)  # the largest error, and at how many points it was estimated
        self._shape: tuple[int, ...] | None = None
        self._invalid = 0
        self._goal: ErrorGoal | None = None
        self._next_stretch: float = FIRST_STRETCH if self._smooth and not self._min_spacing else math.inf
        self._new_mesh()

    def _new_mesh(self) -> None:
        self._mesh = Mesh(
            self._domain.ndim, SmoothLosses(self.ndim) if self._smooth else self._rule(), sized=self._exploration > 0
        )
        self._vertex_of: dict[PointND, int] = {}
        self._start_left = dict.fromkeys(self._start)
        self._has_strays = False
        self._spacing = Spacing(self._min_spacing, self._domain.ndim) if self._min_spacing else None

    @abstractmethod
    def _rule(self) -> CellLosses:
        """Return what computes the losses of cells."""

    @abstractmethod
    def _place(self, choice: ChosenCell) -> Sequence[float]:
        """Return the coordinates of the new point in a cell."""

    @property
    def _shift(self) -> np.ndarray:
        """Shift from the coordinates of the mesh to those of the interpolant, shape (N,)."""
        return np.zeros(self.ndim)

    # -- data --------------------------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """Dimension N of the points."""
        return self._domain.ndim

    @property
    def vdim(self) -> int:
        """Length of the values; 1 for numbers and while there is no data."""
        return self._shape[0] if self._shape else 1

    @property
    def npoints(self) -> int:
        """Number of observed points, invalid ones and those outside the domain included."""
        return len(self.data)

    @property
    def ninvalid(self) -> int:
        """Number of observed points with a value that is not finite."""
        return self._invalid

    @property
    def pending_points(self) -> set[PointND]:
        """The pending points (a new set at each access)."""
        return set(self._mesh.pending)  # type: ignore[arg-type]  # all keys of the mesh are points

    @property
    def failed_points(self) -> Collection[PointND]:
        """The failed points."""
        return frozenset(self._failed)

    @property
    def bounds_are_done(self) -> bool:
        """Whether all start points (by default the corners of the domain) are observed or failed."""
        return not self._start_left

    def inside_bounds(self, point: Any) -> bool:
        """Whether a point lies in the domain, or outside by no more than 1e-8 of its bounding box."""
        return self._domain.contains(self._domain.read(point))

    def loss(self, real: bool = True) -> float:
        """Return the largest loss of a cell; infinite until all start points are observed and span a volume.

        Parameters
        ----------
        real : bool
            False: of the pieces into which pending points divide the cells, each with its share of the loss.
        """
        if self._start_left:
            loss = math.inf
        else:
            loss = self._mesh.largest_loss() if real else self._mesh.largest_rank()
            if loss == -math.inf:  # all cells are closed
                loss = 0.0
        self._cache["loss"] = loss
        return loss

    # -- ask -------------------------------------------------------------------------------------------------------

    def ask(self, n: int, tell_pending: bool = True) -> tuple[list[PointND], list[float]]:
        """Choose at most `n` points, one after the other as if those before were pending; see `BaseLearner.ask`.

        Start points come first, with infinite improvement. The improvement of others is the loss of the cell, or of
        the piece of a cell with pending points. Fewer than `n` points come only when every cell is closed.
        """
        n = check_number_of_points(n)
        goal = self._goal
        kept = (
            None if goal is None or tell_pending else ([*goal.queue], {**goal.open_places}, goal.passed, goal.checked)
        )
        points: list[PointND] = []
        improvements: list[float] = []
        closed: list[tuple[Cell, float]] = []
        mesh, spacing = self._mesh, self._spacing
        for _ in range(n):
            proposal = self._propose(closed)
            if proposal is None:
                break
            point, u, hint, improvement = proposal
            mesh.add_pending(point, u, hint)
            if spacing is not None:
                spacing.add(u)
            points.append(point)
            improvements.append(improvement)
        if not tell_pending:
            for point in points:
                if spacing is not None:
                    spacing.remove(mesh.pending[point][0])
                mesh.remove_pending(point)
            for cell, _ in closed:
                mesh.reopen(cell)
        if goal is not None and kept is not None:
            goal.queue, goal.open_places, goal.passed, goal.checked = kept
        return points, improvements

    def _propose(self, closed: list[tuple[Cell, float]]) -> tuple[PointND, Sequence[float], Cell | None, float] | None:
        mesh, domain = self._mesh, self._domain
        if self._start_left:
            for point in self._start_left:
                if point not in mesh.pending:
                    return point, domain.u(point), None, math.inf
        if mesh.tri is None:
            known = len(self.data) + len(self._failed) + len(mesh.pending)
            drawn = drawn_point(domain, self._known, known)
            return None if drawn is None else (drawn, domain.u(drawn), None, math.inf)
        if self._goal is not None and (self._goal.noise.stopped or self._can_estimate()):
            decides, wanted = self._for_goal(self._goal)
            if wanted is not None:
                return wanted, domain.u(wanted), None, mesh.largest_rank()
            if decides:
                return None
        by_size = False
        if self._exploration:
            # a function of the known points alone, so that a learner made from the data chooses the same points
            count = len(self.data) + len(self._failed) + len(mesh.pending)
            turn = math.floor((count + 1) * self._exploration)
            by_size = turn > math.floor(count * self._exploration)
            if by_size and not self._all_corners and (corner := far_corner(domain, self._known, turn)) is not None:
                return corner, domain.u(corner), None, mesh.largest_rank()
        while True:
            choice = mesh.worst(by_size)
            if choice is None:
                return None
            point = domain.x(longest_middle(choice.corners) if self._smooth else self._place(choice))
            # computed from the point: the same, to the last digit, as for a point that is loaded
            u = domain.u(point)
            hint: Cell | None = choice.cell
            if not domain.plain:
                found, pending = snapped(domain, self._known, mesh.pending, choice, point)
                if found is None:
                    closed.append((choice.cell, 0.0))
                    mesh.close(choice.cell, not pending)
                    continue
                if found is not point:
                    point, u, hint = found, domain.u(found), None
            elif point in self.data or point in mesh.pending or point in self._failed:
                closed.append((choice.cell, 0.0))
                mesh.close(choice.cell, point not in mesh.pending)
                continue
            if self._spacing is not None and not self._spacing.allows(u):
                closed.append((choice.cell, 0.0))
                mesh.close(choice.cell, not mesh.pending)
                continue
            return point, u, hint, choice.improvement

    # -- error goal ------------------------------------------------------------------------------------------------

    @property
    def error_goal(self) -> float | None:
        """The error goal, in units of the values; None without one."""
        return None if self._goal is None else self._goal.error

    def set_error_goal(self, error: float | None) -> None:
        """Choose points that reduce the estimated error, and check it, until it is at most `error`; None: no longer.

        With the same goal as before nothing changes. Data from an earlier run with this goal make its claim again.
        """
        self._estimate = (0, math.inf)
        if error is None:
            self._goal = None
        elif self._goal is None or self._goal.error != error:
            self._goal = goal = ErrorGoal(float(error), self._domain)
            inside = [x for x in self.data if self._domain.contains(x)]
            if any(goal.is_place(x, 0) or self._domain.twin(x) in self.data for x in inside):
                self._retrace(self.data, float(error))

    def claim(self) -> Claim | None:
        """Return what is claimed about the error of `predict`; see `adaptive_calib.learner.claims`."""
        goal = self._goal
        checked = None if goal is None else goal.checked or goal.exhausted(self.data, self._failed)
        return super().claim() if checked is None else checked

    def stopped_because(self) -> str:
        """Return why no more points are asked for on the way to an error goal: noise near it; empty if they are."""
        return "" if self._goal is None or self._goal.checked is not None else self._goal.noise.stopped

    def unpredicted(self) -> float:
        """Return the share of the domain where `predict` has no value, in the coordinates of the scales."""
        if self._mesh.tri is None or self._mesh.values is None:
            return 1.0
        cells = self._interpolant().cells()
        predicted = float(cells.volumes[np.isfinite(cells.errors)].sum()) / self._domain.volume()
        return max(0.0, 1.0 - predicted)

    def _can_estimate(self) -> bool:
        """Whether there are enough points for an error estimate."""
        mesh = self._mesh
        return not self._start_left and mesh.values is not None and mesh.count >= FEWEST * self.ndim and bool(mesh.tri)

    def _for_goal(self, goal: ErrorGoal) -> tuple[bool, PointND | None]:
        """Return whether the error goal decides about the next point, and the point; None: it awaits values."""
        if goal.checked is not None or goal.noise.stopped:
            return bool(goal.noise.stopped), None
        for twin in goal.noise.twins.open:
            if not self._known(twin):
                return True, twin
        if not goal.open_places:
            worst = self._worst_place(goal)
            if worst is not None:
                return True, worst
            if self._fill_queue(goal):  # the worst places are pending or have no room: the loss chooses
                goal.queue = []
                return False, None
            if goal.passed is not None:
                goal.checked = goal.passed
                return False, None
            goal.begin_check(len(self.data), self.data.keys() | self._failed.keys())
        for point in goal.open_places:
            if not self._known(point):
                return True, point
        return goal.checked is None, None

    def _worst_place(self, goal: ErrorGoal) -> PointND | None:
        """Return the next place of the queue that can be asked for; None if no cell is open, or none has room."""
        for _ in range(2):
            while goal.queue:
                point = self._domain.x(np.subtract(goal.queue.pop(), self._shift).tolist())
                if not self._known(point) and self._domain.contains(point) and self._has_room(point):
                    return point
            if not self._fill_queue(goal):
                return None
        return None

    def _fill_queue(self, goal: ErrorGoal) -> bool:
        return goal.fill_queue(self._interpolant(), self._mesh.count, len(self._mesh.pending))

    def _has_room(self, point: PointND) -> bool:
        return self._spacing is None or self._spacing.allows(self._domain.u(point))

    def _observe_check(self, point: PointND, u: Sequence[float], inner: np.ndarray | None) -> None:
        """Pass the value at a check point to the error goal, before it becomes data.

        A point of the present check begins it, asked for or not, so that data that come again make the same claim.
        Of integers any point may be one, and which were asked for as such is not known: there the estimate decides.
        """
        goal = self._goal
        if goal is None or point in self.data:
            return
        begins = goal.is_place(point, len(self.data)) and self._can_estimate()
        if not begins and point not in goal.open_places:
            return
        taken = self.data.keys() | self._failed.keys()
        if begins:
            if not all(self._domain.integer) or not self._fill_queue(goal):
                goal.begin_check(len(self.data), taken)
            goal.queue = []
        if point in goal.open_places:
            goal.observe(point, inner, self._interpolant(), np.array(u) + self._shift, len(self.data), taken)

    def _observe_twin(self, point: PointND, inner: np.ndarray | None) -> bool:
        """Pass the value at a twin to the error goal; return whether it is one: no vertex, as cells would be flat."""
        if self._goal is None or point not in self._goal.noise.twins.open:
            return False
        self._goal.noise.observe(point, inner)
        self._mesh.remove_pending(point)
        return True

    def _known(self, point: PointND) -> bool:
        return point in self.data or point in self._failed or point in self._mesh.pending

    # -- tell ------------------------------------------------------------------------------------------------------

    def tell(self, x: Any, y: Any) -> None:
        """Record the value `y` at the point `x`, asked for or not.

        Parameters
        ----------
        x : sequence of N numbers
            A point outside the domain, or nearer to another than about 1e-9 of the bounding box, is kept in `data`
            and otherwise not used.
        y : float or vector of shape (M,)
            A value that is not finite (for vectors: in any component) is *invalid*: kept in `data`, but no part of the
            scale; the cells around it get a low loss that shrinks with their volume.

        Raises
        ------
        TypeError, ValueError
            `x` is no point, or `y` no number or vector, or not of the shape of the values so far. The learner stays
            as it was.
        """
        point = x if type(x) is tuple and x in self._mesh.pending else self._domain.read(x)
        if self._replaces_values or point not in self.data:
            self._take(point, *self._checked(point, y, self._shape))

    def _take(self, point: PointND, value: Any, inner: np.ndarray | None) -> None:
        """Record a checked value: first in the mesh, which may raise, then in the data."""
        pending = self._mesh.pending.get(point)
        inside = pending is not None or self._domain.contains(point)
        u = pending[0] if pending else self._domain.u(point) if inside else ()
        self._observe_check(point, u, inner)
        twin = self._observe_twin(point, inner)
        self._lazy.clear()
        # what is data but no vertex, a twin or a point too near to another, does not become one when it is told again
        if inside and not twin and (point in self._vertex_of or point not in self.data):
            self._enter(point, u, inner)
        if self._shape is None and inner is not None:
            self._shape = np.shape(value)
        if point in self.data:
            self._invalid -= not np.isfinite(self.data[point]).all()
        self._failed.pop(point, None)
        self._invalid += inner is None
        self.data[point] = value
        if len(self._vertex_of) >= self._next_stretch and self._mesh.tri is not None and not self._start_left:
            self._stretch_axes()
        goal = self._goal
        if goal is None or goal.checked is not None:
            return
        if goal.noise.due(len(self.data), self._shape is not None) and not self._spacing and self._can_estimate():
            goal.noise.look(self._interpolant(), list(self._vertex_of), self._mesh.count)
        if goal.passed is not None and not self._fill_queue(goal):
            goal.checked = goal.passed

    def _stretch_axes(self) -> None:
        """Choose the coordinates of the smooth mode from the first points of the data."""
        first = int(self._next_stretch)
        self._next_stretch *= 2
        mesh = self._mesh
        if mesh.values is None:
            return
        spans = stretched_spans(mesh.points[:first], mesh.values[:first], self._domain.spans)
        if spans is not None:
            self._domain.with_spans(spans)
            if self._goal is not None:
                self._goal.queue = []
            self._rebuild()

    def _enter(self, point: PointND, u: Sequence[float], inner: np.ndarray | None) -> None:
        mesh = self._mesh
        vertex = self._vertex_of.get(point)
        if vertex is not None:
            if mesh.has_value(vertex, inner):
                return  # to the last bit: losses that are computed again differ by rounding
            self._estimate = (0, math.inf)
            mesh.set_value(vertex, inner)
            return
        if self._spacing is not None and point not in mesh.pending:
            self._spacing.add(u)
        count = mesh.count
        try:
            mesh.add(u, inner, point)
        finally:
            # the vertex stays when a user's loss raises, and the value can be told again
            if mesh.count > count:
                self._vertex_of[point] = count
        if self._start_left and point in self._start_left:
            del self._start_left[point]
        elif mesh.tri is None:
            self._has_strays = True
        # the corners are triangulated together
        if mesh.tri is None and (self._has_strays or not self._start_left):
            mesh.build()

    def _checked(self, point: PointND, y: Any, shape: tuple[int, ...] | None) -> tuple[Any, np.ndarray | None]:
        """Return the value for `data`, and for the mesh: shape (M,), None if it is invalid."""
        if type(y) is float and shape == ():
            return y, (np.array((y,)) if math.isfinite(y) else None)
        return value_and_vector(y, point, shape)

    def tell_many(self, xs: Iterable[Any], ys: Iterable[Any]) -> None:
        """Record many values; the same as telling them one by one, with the losses computed once at the end.

        If one of the points or values is refused, none is recorded.
        """
        points, values = list(xs), list(ys)
        if len(points) != len(values):
            raise ValueError(
                f"as many values as points are expected, but there are {len(points)} points and {len(values)} values; "
                "nothing was recorded."
            )
        shape = self._shape
        checked: list[tuple[PointND, Any, np.ndarray | None]] = []
        for x, y in zip(points, values, strict=True):
            point = self._domain.read(x)
            if y is None and self._none_is_pending:
                checked.append((point, None, None))
                continue
            value, inner = self._checked(point, y, shape)
            if inner is not None and shape is None:
                shape = np.shape(value)
            checked.append((point, value, inner))
        self._mesh.defer()
        try:
            for point, value, inner in checked:
                if value is None:
                    self.tell_pending(point)
                elif point not in self.data or self._replaces_values:
                    self._take(point, value, inner)
        finally:
            self._mesh.compute_deferred()

    _none_is_pending = False

    def tell_pending(self, x: Any) -> None:
        """Mark `x` as pending; no effect outside the domain, and for observed, failed and pending points."""
        point = self._domain.read(x)
        if self._known(point) or not self._domain.contains(point):
            return
        u = self._domain.u(point)
        self._mesh.add_pending(point, u)
        if self._spacing is not None:
            self._spacing.add(u)

    def tell_failed(self, x: Any) -> None:
        """Mark `x` as failed: not pending, never asked for again; a later value revokes it.

        The cells around it get a low loss that shrinks with their volume, like those around an invalid value.
        """
        point = self._domain.read(x)
        if point in self.data or point in self._failed:
            return
        if self._domain.contains(point):
            pending = self._mesh.pending.get(point)
            u = pending[0] if pending else self._domain.u(point)
            self._observe_check(point, u, None)
            if not self._observe_twin(point, None):
                self._enter(point, u, None)
        self._lazy.clear()
        self._failed[point] = None

    def remove_unfinished(self) -> None:
        """Forget the pending points: they may be asked for again, and every cell is whole again."""
        if self._spacing is not None:
            for u, _ in self._mesh.pending.values():
                self._spacing.remove(u)
        if self._goal is not None:
            self._goal.queue = []
        self._mesh.clear_pending()

    # -- predict ---------------------------------------------------------------------------------------------------

    @overload
    def predict(self, x: Any, return_error: Literal[False] = False) -> np.ndarray: ...

    @overload
    def predict(self, x: Any, return_error: Literal[True]) -> tuple[np.ndarray, np.ndarray]: ...

    def predict(self, x: Any, return_error: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return the interpolant at many points, and an estimate of its error.

        Parameters
        ----------
        x : array, shape (..., N)
            Where; NaN is returned outside the hull of the observed points and in cells with an invalid or failed point.
            From five dimensions on, where not all corners are known at first, the hull is a small part of the box:
            use `adaptive_calib.GPLearner` there.
        return_error : bool
            Return the estimated error as well.

        Returns
        -------
        value : array
            Shape ``x.shape[:-1]``; for vectors of M components with M at the end.
        error : array, shape ``x.shape[:-1]``
            Estimated absolute error, for vectors the largest of a component: exact for quadratic functions up to the
            error of the gradients, see `_predict`.
        """
        at = self._domain.many(x)
        flat = at.reshape(-1, self.ndim)
        values = np.full((len(flat), self.vdim), math.nan)
        errors = np.full(len(flat), math.nan)
        if self._mesh.tri is not None and self._mesh.values is not None and len(flat):
            interpolant = self._interpolant()
            inside = self._domain.inside(flat)
            if inside.any():
                at_inside = self._domain.us(flat[inside]) + self._shift
                values[inside], errors[inside] = interpolant.at(at_inside, return_error)
        shape = at.shape[:-1]
        value = values.reshape(shape if not self._shape else (*shape, self.vdim))
        return (value, errors.reshape(shape)) if return_error else value

    def largest_error(self) -> float:
        """Return a cautious estimate of the interpolant's largest error; the goal of ``error_goal=``.

        Returns
        -------
        float
            In units of the values, for vectors the largest of a component: twice (with an error goal 2.5 times) the
            largest estimate that `predict` gives in the middle of an edge, a triangle or a cell. Where the function is
            smooth and resolved the true error of linear interpolation was 0.4 to 0.9 of it, at kinks up to 1.7 times as
            large; features between points are not in it. Infinite until all start points are observed and there are 25
            N points, and while more than 2 % of the domain, 10 % above the plane, are cells beside an invalid or failed
            point.

        Notes
        -----
        It takes as long as a triangulation of all points: 10 ms for 1000. From 500 points on it is computed again only
        when there are 2 % more, so that a goal that is checked after each tell is cheap.
        """
        count = self._mesh.count
        if not self._can_estimate():
            return math.inf
        seen, error = self._estimate
        if not (seen == count or SMALL <= seen <= count <= 1.02 * seen):
            interpolant = self._interpolant()
            cells = interpolant.cells()
            error = (CAUTION if self._goal is None else GOAL_CAUTION) * interpolant.largest_error()
            unknown = float(cells.volumes[np.isinf(cells.errors)].sum()) / self._domain.volume()
            if math.isnan(error) or unknown > most_unresolved(self.ndim):
                error = math.inf
            self._estimate = (count, error)
        return error

    def _interpolant(self) -> Interpolant:
        if "interpolant" not in self._lazy:
            count, values = self._mesh.count, self._mesh.values
            assert values is not None
            points = self._mesh.points[:count] + self._shift
            rule = self._mesh.rule
            if isinstance(rule, SmoothLosses):
                rule.model.update(self._mesh.points[:count], values[:count], np.array(list(self._mesh.slot_of)))
                self._lazy["interpolant"] = SmoothInterpolant(points, values[:count], rule.model.frozen(), self._shift)
            else:
                self._lazy["interpolant"] = Interpolant(points, values[:count])
        interpolant: Interpolant = self._lazy["interpolant"]
        return interpolant

    # -- copies ----------------------------------------------------------------------------------------------------

    def to_numpy(self) -> np.ndarray:
        """Return the data sorted by point, shape (npoints, N + M); empty without data."""
        if not self.data:
            return np.array([])
        rows = [
            [*point, *(np.full(self.vdim, value) if np.ndim(value) == 0 else value)]
            for point, value in sorted(self.data.items(), key=lambda item: item[0])
        ]
        return np.array(rows, float)

    def _get_data(self) -> dict[PointND, Any]:
        return self.data

    def _set_data(self, data: Any) -> None:
        """Replace all data, in their order, so that the triangulation is the same.

        A file of python-adaptive's LearnerND holds the whole state of that learner; its data are taken out of it.
        """
        if isinstance(data.get("data"), Mapping):  # points are tuples, so "data" is none of them
            data = data["data"]
        self._retrace({x: np.copy(y) if isinstance(y, np.ndarray) else y for x, y in data.items()})

    def _retrace(self, data: Mapping[Any, Any], error: float | None = None) -> None:
        """Begin anew with these data in their order, on the way to an error goal if there is one."""
        fresh = self.new()
        if error is not None:
            fresh.set_error_goal(error)
        fresh.tell_many(list(data), list(data.values()))
        if error is not None:
            for point in self._failed:
                fresh.tell_failed(point)
            for unfinished in self._mesh.pending:
                fresh.tell_pending(unfinished)
        function = self.function
        self.__dict__.update(fresh.__dict__)
        self.function = function

    def _rebuild(self) -> None:
        """Rebuild the mesh, with the same vertices in the same order and the same pending points."""
        pending, vertices = list(self._mesh.pending), list(self._vertex_of)
        self._new_mesh()
        self._lazy.clear()
        self._mesh.defer()
        for point in vertices:
            inner = None if point in self._failed else self._checked(point, self.data[point], self._shape)[1]
            self._enter(point, self._domain.u(point), inner)
        for point in [start for start in self._start_left if start in self.data or start in self._failed]:
            del self._start_left[point]  # too near to another to be a vertex
        self._mesh.compute_deferred()
        for unfinished in pending:
            self.tell_pending(unfinished)

    def __getstate__(self) -> Any:
        # `_lazy` holds objects of Qhull, which cannot be pickled
        return cloudpickle.dumps({**self.__dict__, "_lazy": {}})
