"""One test for each row of ``docs/migration/coming_from_python_adaptive.md``, named after the row."""

from __future__ import annotations

import asyncio
import functools
import importlib
import math
import pickle
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from scipy.spatial import ConvexHull

import adaptive_calib
from adaptive_calib import (
    AsyncRunner,
    AverageLearner,
    AverageLearner1D,
    BalancingLearner,
    BaseLearner,
    BlockingRunner,
    DataSaver,
    IntegratorLearner,
    Learner1D,
    Learner2D,
    LearnerND,
    Runner,
    SequenceLearner,
    make_datasaver,
    notebook_integration,
    utils,
)
from adaptive_calib.learner import base_learner, integrator_learner, learner1D, learner2D, learnerND, triangulation
from adaptive_calib.learner import triangulation_backend as backend
from adaptive_calib.runner import (
    BaseRunner,
    Elapsed,
    Goal,
    Loss,
    Points,
    ReplayError,
    RetryPolicy,
    SequentialExecutor,
    When,
    auto_goal,
    replay_log,
    simple,
    stop_after,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the peer's import, for instance that uvloop is not there
    import adaptive

BOX = [(-1, 1), (-1, 1)]


def peak(x, width=0.1):
    return x + width**2 / (width**2 + x**2)


def ring(xy):
    x, y = xy
    return x + math.exp(-((x**2 + y**2 - 0.5) ** 2) / 0.1)


def gauss(seed):
    return float(np.random.default_rng(seed).normal(0.5, 1))


def noisy(seed_x):
    seed, x = seed_x
    return x + 0.1 * gauss(seed)


CALLS: list[float] = []


def counted(x):
    CALLS.append(x)
    return x**2


def fails_at_zero(x):
    if x == 0:
        raise ValueError("no value at zero")
    return x


async def later(x):
    await asyncio.sleep(0)
    return peak(x)


def nap(x):
    time_of_day = time.perf_counter()
    while time.perf_counter() < time_of_day + 0.05:
        pass
    return x


def learners() -> list[BaseLearner]:
    """Return one learner of each class, without data."""
    return [
        Learner1D(peak, (-1, 1)),
        AverageLearner1D(noisy, (-1, 1), min_samples=2),
        AverageLearner(gauss, rtol=0.1),
        Learner2D(ring, BOX),
        LearnerND(ring, BOX),
        IntegratorLearner(peak, (-1, 1), 1e-6),
        SequenceLearner(abs, range(-20, 20)),
        BalancingLearner([Learner1D(peak, (-1, 1)), Learner1D(peak, (0, 1))]),
        DataSaver(Learner1D(lambda x: {"y": x}, (-1, 1)), lambda result: result["y"]),
    ]


def filled(learner: Any, n: int = 12) -> Any:
    """Evaluate n points one by one."""
    for _ in range(n):
        for x in learner.ask(1)[0]:
            learner.tell(x, learner.function(x))
    return learner


def blocking(learner: Any, *args: Any, **arguments: Any) -> BlockingRunner:
    return BlockingRunner(learner, *args, executor=SequentialExecutor(), **arguments)


EACH = pytest.mark.parametrize("learner", learners(), ids=lambda learner: type(learner).__name__)


# ----------------------------------------------------------------------------------------------------------- importing


PATHS = {
    "": "learner runner utils types notebook_integration __version__ AverageLearner AverageLearner1D BalancingLearner "
    "BaseLearner DataSaver IntegratorLearner Learner1D Learner2D LearnerND SequenceLearner make_datasaver AsyncRunner "
    "BlockingRunner Runner live_plot notebook_extension active_plotting_tasks",
    ".learner": "AverageLearner AverageLearner1D BalancingLearner BaseLearner DataSaver IntegratorLearner Learner1D "
    "Learner2D LearnerND SequenceLearner make_datasaver",
    ".learner.learner1D": "default_loss uniform_loss triangle_loss abs_min_log_loss resolution_loss_function "
    "curvature_loss_function uses_nth_neighbors Learner1D linspace finite_loss",
    ".learner.learner2D": "default_loss uniform_loss minimize_triangle_surface_loss resolution_loss_function areas "
    "deviations thresholded_loss_function triangle_loss choose_point_in_triangle Learner2D",
    ".learner.learnerND": "default_loss uniform_loss std_loss triangle_loss curvature_loss_function volume orientation "
    "choose_point_in_simplex LearnerND",
    ".learner.base_learner": "BaseLearner uses_nth_neighbors LearnerType DataType",
    ".learner.integrator_learner": "IntegratorLearner DivergentIntegralError",
    ".learner.integrator_coeffs": "ns xi V_inv calc_V",
    ".learner.average_learner": "AverageLearner",
    ".learner.average_learner1D": "AverageLearner1D",
    ".learner.balancing_learner": "BalancingLearner",
    ".learner.data_saver": "DataSaver make_datasaver",
    ".learner.sequence_learner": "SequenceLearner",
    ".learner.triangulation": "Triangulation FakeDelaunay circumsphere fast_2d_circumcircle fast_3d_circumcircle "
    "point_in_simplex fast_2d_point_in_simplex fast_norm fast_det orientation simplex_volume_in_embedding",
    ".learner.triangulation_backend": "TRIANGULATION_BACKEND Triangulation resolve_triangulation_class",
    ".runner": "BaseRunner AsyncRunner Runner BlockingRunner simple replay_log auto_goal stop_after SequentialExecutor",
    ".utils": "named_product restore cache_latest save load copy_docstring_from assign_defaults "
    "partial_function_from_dataframe SequentialExecutor daskify",
    ".notebook_integration": "notebook_extension live_plot live_info active_plotting_tasks ensure_holoviews "
    "ensure_plotly in_ipynb should_update",
    ".types": "Float Bool Int Real",
}


def test_import_paths():
    """Each documented name of the peer is found under the same path of our package."""
    for path, names in PATHS.items():
        for name in names.split():
            assert hasattr(importlib.import_module("adaptive_calib" + path), name), f"adaptive_calib{path}.{name}"
    assert set(adaptive.__all__) <= set(adaptive_calib.__all__)
    assert Runner is AsyncRunner
    assert learner1D.curvature_loss_function


def test_helpers_not_here():
    """Some helpers are the peer's own; their users have public names instead."""
    for module, names in (
        ("learner1D", "loss_manager with_pandas"),
        ("learnerND", "to_list"),
        ("triangulation", "is_iterable_and_sized"),
        ("integrator_coeffs", "legendre newton scalar_product calc_bdef"),
    ):
        for name in names.split():
            assert hasattr(importlib.import_module(f"adaptive.learner.{module}"), name)
            assert not hasattr(importlib.import_module(f"adaptive_calib.learner.{module}"), name)
    learner = filled(Learner1D(peak, (-1, 1)))
    assert max(learner.losses.values()) == learner.loss()
    assert len(learner.to_dataframe()) == 12
    assert learner1D.linspace(0, 1, 2) == [0.5]
    assert learner1D.finite_loss((0, 1), math.inf, 1)[0] == 1


def test_import_sets_up_nothing():
    """Importing the runners changes no policy and loads no display library, no dask and no pandas."""
    code = (
        "import asyncio, sys; before = asyncio.get_event_loop_policy(); import adaptive_calib.runner; "
        "assert asyncio.get_event_loop_policy() is before; "
        "print([m for m in ('uvloop', 'holoviews', 'distributed', 'pandas') if m in sys.modules])"
    )
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_typed():
    """The package says that it has types."""
    assert (Path(adaptive_calib.__file__).parent / "py.typed").exists()


def test_installed_packages():
    """The flags say which cluster packages are installed."""
    from adaptive_calib import runner

    for name in ("distributed", "ipyparallel", "mpi4py"):
        assert getattr(runner, f"with_{name}") is (importlib.util.find_spec(name) is not None)


# ------------------------------------------------------------------------------------------------ what all learners do


@EACH
def test_ask_dry(learner):
    """A dry ask answers the same each time, and so does the ask after it."""
    learner = filled(learner.new())
    first, again = learner.ask(3, tell_pending=False), learner.ask(3, tell_pending=False)
    assert first == again
    assert learner.ask(3) == first


@EACH
def test_ask_nothing(learner):
    """Asking for nothing gives nothing."""
    assert [list(part) for part in filled(learner.new()).ask(0)] == [[], []]


def test_tell_many():
    """Values may come from any iterable; as many as there are points."""
    xs = np.linspace(-1, 1, 9).tolist()
    learner = Learner1D(peak, (-1, 1))
    learner.tell_many(xs, map(peak, xs))
    assert learner.npoints == 9
    learner.tell(0.125, peak(0.125))
    assert learner.npoints == 10
    with pytest.raises(ValueError, match="as many values as points"):
        learner.tell_many([0.3, 0.4, 0.6], [1.0])
    assert learner.npoints == 10


@pytest.mark.parametrize("learner", learners()[:7], ids=lambda learner: type(learner).__name__)
def test_tell_pending(learner):
    """A pending point is not asked for twice; once forgotten, it is asked for again."""
    learner = filled(learner.new(), 5)
    asked = learner.ask(4)[0]
    assert len(learner.pending_points) >= len(asked)
    learner.remove_unfinished()
    assert set(map(str, learner.ask(4)[0])) == set(map(str, asked))
    line = Learner1D(peak, (-1, 1))
    line.tell_pending(-1)
    assert line.pending_points == {-1}
    assert -1 not in line.ask(2)[0]


def test_loss():
    """With pending points the expected loss is smaller; the last one computed has a name."""
    learner = filled(Learner1D(peak, (-1, 1)))
    learner.ask(20)
    assert learner.loss(real=False) < learner.loss()
    assert learner.latest_loss == learner.loss()


@EACH
def test_new_copy(learner):
    """A new learner is empty, and a copy has the data."""
    learner = filled(learner.new())
    new = learner.new()
    assert new.npoints == 0
    new.copy_from(learner)
    assert dict(new.data) == dict(learner.data)
    new.tell_many([], [])


@EACH
def test_attributes(learner):
    """Each learner has its function, its data and their number."""
    learner = filled(learner.new())
    assert callable(learner.function)
    assert learner.npoints == 12 or isinstance(learner, AverageLearner1D)
    assert len(learner.data) == learner.npoints


@pytest.mark.parametrize("learner", [*learners()[:4], learners()[5]], ids=lambda learner: type(learner).__name__)
def test_none_refused(learner):
    """None is no value, and refusing it changes nothing."""
    learner = filled(learner.new(), 5)
    before = learner.npoints
    (x,), _ = learner.ask(1)
    with pytest.raises(TypeError, match="None"):
        learner.tell(x, None)
    assert learner.npoints == before
    space = LearnerND(ring, BOX)
    space.tell((0.5, 0.5), None)
    assert (space.npoints, len(space.pending_points)) == (0, 1)
    sequence = SequenceLearner(lambda x: None, [1, 2])
    assert blocking(sequence).status() == "finished"
    assert sequence.result() == [None, None]


@pytest.mark.parametrize("make", [lambda f: Learner1D(f, (-1, 1)), lambda f: Learner2D(f, BOX)], ids=["1D", "2D"])
def test_invalid_values(make):
    """A NaN is kept and counted, and the run goes on to its goal."""
    learner = make(lambda x: math.nan if np.all(np.abs(x) < 0.3) else float(np.sum(x)))
    blocking(learner, npoints_goal=40)
    assert learner.ninvalid > 0
    assert sum(map(math.isnan, learner.data.values())) == learner.ninvalid
    assert math.isfinite(learner.loss())


def test_failed_points():
    """A point that failed is not pending and not asked for again."""
    learner = Learner1D(peak, (-1, 1))
    first = learner.ask(1)[0][0]
    learner.tell_failed(first)
    assert first in learner.failed_points
    assert first not in learner.pending_points
    assert first not in learner.ask(10)[0]


class Halving(BaseLearner):
    """A learner of a user: x = 1, 1/2, 1/4, ..."""

    def __init__(self, function):
        self.function = function
        self.data = {}
        self.pending_points = set()

    @property
    def npoints(self):
        return len(self.data)

    def ask(self, n, tell_pending=True):
        known = len(self.data) + len(self.pending_points)
        points = [2.0 ** -(known + i) for i in range(n)]
        if tell_pending:
            self.pending_points.update(points)
        return points, [1.0] * n

    def tell(self, x, y):
        self.pending_points.discard(x)
        self.data[x] = y

    def tell_pending(self, x):
        self.pending_points.add(x)

    def remove_unfinished(self):
        self.pending_points = set()

    def loss(self, real=True):
        return 1 / (1 + self.npoints)

    def new(self):
        return Halving(self.function)

    def _get_data(self):
        return self.data

    def _set_data(self, data):
        self.data = dict(data)


def test_own_learner(tmp_path):
    """A user's subclass runs, saves and loads by its two hooks."""
    learner = Halving(peak)
    blocking(learner, loss_goal=0.2)
    learner.save(tmp_path / "own.p")
    other = Halving(peak)
    other.load(tmp_path / "own.p")
    assert other.data == learner.data
    assert learner.npoints == 4
    assert importlib.import_module("adaptive_calib.testing.learners").LearnerContract


def test_foreign_learner():
    """A learner of python-adaptive runs under our runner."""
    learner = adaptive.Learner1D(peak, bounds=(-1, 1))
    adaptive_calib.BlockingRunner(learner, npoints_goal=5, executor=SequentialExecutor())
    assert learner.npoints == 5


# --------------------------------------------------------------------------------------------- saving, pickles, tables


@EACH
@pytest.mark.parametrize("compress", [True, False], ids=["compressed", "plain"])
def test_save_load(learner, compress, tmp_path):
    """What was saved is loaded, into a folder that is made."""
    learner = filled(learner.new())
    balancing = isinstance(learner, BalancingLearner)
    fname = [tmp_path / "a" / "0.p", tmp_path / "a" / "1.p"] if balancing else tmp_path / "a" / "x.p"
    learner.save(fname, compress=compress)
    new = learner.new()
    new.load(fname, compress=compress)
    assert dict(new.data) == dict(learner.data)


def test_load_missing_damaged(tmp_path):
    """No file is no data; half a file is an error."""
    learner = filled(Learner1D(peak, (-1, 1)))
    fname = tmp_path / "x.p"
    new = learner.new()
    new.load(fname)
    assert new.npoints == 0
    learner.save(fname)
    fname.write_bytes(fname.read_bytes()[:-20])
    with pytest.raises(Exception, match=r"x\.p"):
        new.load(fname)
    assert new.npoints == 0


def test_load_their_files(tmp_path):
    """Files that python-adaptive wrote are read."""
    combine = {"learner_kwargs": {"bounds": (-1, 1)}, "combos": {"width": [0.1, 0.2]}}
    pairs = [
        (adaptive.Learner1D(peak, (-1, 1)), Learner1D(peak, (-1, 1))),
        (adaptive.Learner2D(ring, BOX), Learner2D(ring, BOX)),
        (adaptive.LearnerND(ring, BOX), LearnerND(ring, BOX)),
        (adaptive.AverageLearner(gauss, rtol=0.1), AverageLearner(gauss, rtol=0.1)),
        (adaptive.AverageLearner1D(noisy, (-1, 1)), AverageLearner1D(noisy, (-1, 1))),
        (adaptive.SequenceLearner(abs, range(20)), SequenceLearner(abs, range(20))),
        (
            adaptive.DataSaver(adaptive.Learner1D(lambda x: {"y": x}, (-1, 1)), lambda r: r["y"]),
            DataSaver(Learner1D(lambda x: {"y": x}, (-1, 1)), lambda r: r["y"]),
        ),
        (
            adaptive.BalancingLearner.from_product(peak, adaptive.Learner1D, **combine),
            BalancingLearner.from_product(peak, Learner1D, **combine),
        ),
    ]
    for theirs, ours in pairs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the peer's own
            filled(theirs)
        names = [tmp_path / "0.p", tmp_path / "1.p"] if isinstance(ours, BalancingLearner) else tmp_path / "x.p"
        theirs.save(names)
        ours.load(names)
        assert dict(ours.data) == pytest.approx(dict(theirs.data)), type(ours).__name__
    integral = adaptive.IntegratorLearner(np.exp, (0, 1), tol=1e-6)
    integral.save(tmp_path / "integral.p")
    with pytest.raises(ValueError, match="python-adaptive's working lists"):
        IntegratorLearner(np.exp, (0, 1), tol=1e-6).load(tmp_path / "integral.p")


@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
def test_pickle(module):
    """A copy by pickle has the pending points and asks for the same points."""
    for learner in learners()[:8]:
        filled(learner).ask(2)
        copy = module.loads(module.dumps(learner))
        assert list(map(str, copy.pending_points)) == list(map(str, learner.pending_points)) or len(
            copy.pending_points
        ) == len(learner.pending_points)
        assert copy.ask(5) == learner.ask(5)


@pytest.mark.parametrize("index", range(5))
def test_to_dataframe(index):
    """Columns, their order and the notes in `attrs` are those of the peer."""
    ours = [
        Learner1D(peak, (-1, 1)), AverageLearner(gauss, rtol=0.1), Learner2D(ring, BOX), SequenceLearner(abs, range(9)),
        BalancingLearner([Learner1D(peak, (-1, 1))]),
    ][index]  # fmt: skip
    theirs = [
        adaptive.Learner1D(peak, (-1, 1)), adaptive.AverageLearner(gauss, rtol=0.1), adaptive.Learner2D(ring, BOX),
        adaptive.SequenceLearner(abs, range(9)), adaptive.BalancingLearner([adaptive.Learner1D(peak, (-1, 1))]),
    ][index]  # fmt: skip
    for learner in (ours, theirs):
        filled(learner, 4)
    arguments = {"with_default_function_args": True, "function_prefix": "f."}
    if index == 0:
        arguments |= {"x_name": "length", "y_name": "height"}
    frame, other = ours.to_dataframe(**arguments), theirs.to_dataframe(**arguments)
    assert list(frame.columns) == list(other.columns)
    assert frame.attrs["inputs"] == list(other.attrs["inputs"])
    assert frame.attrs["output"] == other.attrs["output"]
    assert frame.to_numpy().tolist() == other.to_numpy().tolist()


def test_load_dataframe():
    """What went into a table comes out of it, and functions stay what they are."""
    for learner in (*learners()[:5], learners()[6], learners()[8]):
        filled(learner)
        names = {"point_names": ("x", "y")} if isinstance(learner, LearnerND) else {}
        frame = learner.to_dataframe(**names)
        new = learner.new()
        new.load_dataframe(frame, **names)
        assert dict(new.data) == pytest.approx(dict(learner.data))
    sequence = SequenceLearner(abs, [-1, -2])
    sequence.load_dataframe(filled(SequenceLearner(abs, [-1, -2]), 1).to_dataframe())
    assert blocking(sequence).status() == "finished"
    assert sequence.result() == [1, 2]


def test_to_numpy():
    """Rows of point and value, sorted by point."""
    assert filled(Learner1D(peak, (-1, 1))).to_numpy().shape == (12, 2)
    assert filled(Learner2D(ring, BOX)).to_numpy().shape == (12, 3)
    assert filled(LearnerND(ring, BOX)).to_numpy().shape == (12, 3)
    assert filled(AverageLearner(gauss, rtol=0.1)).to_numpy().shape == (12, 2)
    array = filled(AverageLearner1D(noisy, (-1, 1), min_samples=2)).to_numpy(mean=True)
    assert (np.diff(array[:, 0]) > 0).all()


def test_every_result(tmp_path):
    """A second run with the same store evaluates only what is missing."""
    CALLS.clear()
    for goal in (9, 12):
        learner = Learner1D(counted, (-1, 1))
        BlockingRunner(learner, npoints_goal=goal, store=tmp_path / "results.db", executor=SequentialExecutor())
        assert len(CALLS) == goal


# ----------------------------------------------------------------------------------------------------- 1D and averages


def test_learner1d():
    """The same points, losses and attributes as the peer's."""
    ours, theirs = (module.Learner1D(peak, (-1, 1), loss_per_interval=None) for module in (adaptive_calib, adaptive))
    for learner in (ours, theirs):
        filled(learner, 40)
    assert list(ours.data) == list(theirs.data)
    assert ours.loss() == pytest.approx(theirs.loss())
    assert tuple(ours.bounds) == tuple(theirs.bounds)
    assert ours.vdim == theirs.vdim == 1
    assert ours.nth_neighbors == theirs.nth_neighbors == 0
    assert ours.loss_per_interval is learner1D.default_loss
    assert dict(ours.losses) == pytest.approx(dict(theirs.losses))
    assert set(ours.losses_combined) == set(theirs.losses_combined)
    assert {x: list(pair) for x, pair in ours.neighbors.items()} == dict(theirs.neighbors)
    assert set(ours.neighbors_combined) == set(theirs.neighbors_combined)


def test_learner1d_losses():
    """The same values as the peer's."""
    theirs = adaptive.learner.learner1D
    xs, ys = (0.1, 0.4), (0.2, 0.6)
    for name in ("default_loss", "uniform_loss", "abs_min_log_loss"):
        assert getattr(learner1D, name)(xs, ys) == pytest.approx(getattr(theirs, name)(xs, ys))
    for limits in ({"min_length": 0.5, "max_length": 1}, {"min_length": 0, "max_length": 0.1}):
        values = (module.resolution_loss_function(**limits)(xs, ys) for module in (learner1D, theirs))
        assert next(values) == next(values)
    wide = (0, 0.1, 0.4, 1), (0.5, 0.2, 0.6, 0.1)
    assert learner1D.triangle_loss(*wide) == pytest.approx(theirs.triangle_loss(*wide))
    factors = {"area_factor": 1, "euclid_factor": 0.02, "horizontal_factor": 0.02}
    ours = learner1D.curvature_loss_function(**factors)(*wide)
    assert ours == pytest.approx(theirs.curvature_loss_function(**factors)(*wide))


def test_nth_neighbors():
    """A user's loss that looks at neighbours is given them."""

    @learner1D.uses_nth_neighbors(1)
    def slope_change(xs, ys):
        assert len(xs) == 4
        return xs[2] - xs[1]

    learner = Learner1D(peak, (-1, 1), loss_per_interval=slope_change)
    filled(learner)
    assert learner.nth_neighbors == 1
    assert base_learner.uses_nth_neighbors is learner1D.uses_nth_neighbors


def test_tell_many_force():
    """Loading in bulk gives the learner that telling gives."""
    xs = np.linspace(-1, 1, 65).tolist()
    ys = [peak(x) for x in xs]
    one, many = Learner1D(peak, (-1, 1)), Learner1D(peak, (-1, 1))
    for x, y in zip(xs, ys, strict=True):
        one.tell(x, y)
    many.tell_many(xs, ys, force=True)
    assert many.data == one.data
    one.tell_many(xs, ys, force=True)
    assert many.loss() == one.loss()
    many.tell_many([*xs, 5.0], [*ys, 1.0], force=True)
    assert many.npoints == one.npoints + 1
    assert all(-1 <= x <= 1 for x in many.ask(20)[0])


def test_scales_and_integers():
    """A logarithmic axis, and one of integers that comes to an end."""
    learner = Learner1D(math.log, (1, 1000), x_scale="log")
    assert filled(learner, 3).ask(0) == ([], [])
    assert sorted(learner.data)[1] == pytest.approx(math.sqrt(1000))
    whole = Learner1D(lambda n: n**2, (0, 9), integer=True)
    blocking(whole, loss_goal=0)
    assert all(float(n).is_integer() for n in whole.data)


def test_average_learner1d():
    """All arguments of the peer, which may change between two runs."""
    learner = AverageLearner1D(
        noisy, (-1, 1), loss_per_interval=None, delta=0.5, alpha=0.05, neighbor_sampling=0.3, min_samples=3,
        max_samples=100, min_error=0,
    )  # fmt: skip
    blocking(learner, lambda one: one.nsamples >= 60)
    learner.delta, learner.min_error, learner.max_samples = 0.1, 0.01, 50
    blocking(learner, lambda one: one.nsamples >= 120 and one.min_samples_per_point >= 2)
    assert learner.nsamples >= 120
    assert learner.min_samples_per_point >= 2
    assert set(learner.error) == set(learner.data)
    assert set(learner.rescaled_error) <= set(learner.data)


def test_average_learner1d_told_twice():
    """A seed counts once, however often its value is told."""
    learner = AverageLearner1D(noisy, (-1, 1), min_samples=2)
    samples = {seed: noisy((seed, 0.5)) for seed in range(5)}
    learner.tell_many_at_point(0.5, samples)
    error = learner.error[0.5]
    learner.tell_many_at_point(0.5, samples)
    assert learner.nsamples == 5
    assert learner.error[0.5] == error


def test_average_learner():
    """The same mean, deviation and loss as the peer's."""
    ours, theirs = (m.AverageLearner(gauss, atol=None, rtol=0.1, min_npoints=2) for m in (adaptive_calib, adaptive))
    for learner in (ours, theirs):
        filled(learner, 50)
        learner.ask(3)
    for name in ("mean", "std", "sum_f", "sum_f_sq", "n_requested", "npoints"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name)), name
    assert ours.loss() == pytest.approx(theirs.loss())


def test_average_learner_empty():
    """The mean of nothing is NaN."""
    assert math.isnan(AverageLearner(gauss, rtol=0.1).mean)


# ------------------------------------------------------------------------------------------------------------ 2D and ND


def test_learner2d():
    """Arguments and attributes of the peer; no point twice."""
    learner = Learner2D(ring, BOX, loss_per_triangle=None)
    learner.aspect_ratio, learner.stack_size = 1, 5
    asked = []
    for _ in range(30):
        points, _ = learner.ask(1)
        asked += points
        learner.tell(points[0], ring(points[0]))
    assert len(set(asked)) == 30
    assert (learner.ndim, learner.vdim, learner.bounds_are_done) == (2, 1, True)
    assert learner.inside_bounds((0, 0))
    assert not learner.inside_bounds((2, 0))
    assert np.allclose(learner.xy_mean, 0)
    assert np.allclose(learner.xy_scale, 2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_learner2d_interpolation():
    """An interpolator, and a grid of it."""
    learner = filled(Learner2D(ring, BOX), 30)
    point = next(iter(learner.data))
    assert learner.interpolator(scaled=False)(*point) == pytest.approx(learner.data[point])
    xs, ys, zs = learner.interpolated_on_grid(n=7)
    assert (len(xs), len(ys), zs.shape) == (7, 7, (7, 7))
    assert learner.interpolated_on_grid()[2].ndim == 2
    with pytest.warns(DeprecationWarning, match="interpolator"):
        learner.ip()


def test_learner2d_losses():
    """The same values as the peer's, on the same triangulation."""
    theirs = adaptive.learner.learner2D
    points = [(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5), (0.1, 0.2)]
    learner = adaptive.Learner2D(ring, [(-0.5, 0.5), (-0.5, 0.5)])
    learner.tell_many(points, [0, 1, 2, 1.5, 0.3])
    ip = learner.interpolator(scaled=True)
    assert learner2D.areas(ip) == pytest.approx(theirs.areas(ip))
    assert learner2D.deviations(ip) == pytest.approx(np.asarray(theirs.deviations(ip)))
    for name in ("default_loss", "uniform_loss", "minimize_triangle_surface_loss", "triangle_loss"):
        assert np.asarray(getattr(learner2D, name)(ip)) == pytest.approx(np.asarray(getattr(theirs, name)(ip))), name
    for make, arguments in (
        ("resolution_loss_function", {"min_distance": 0.45, "max_distance": 1}),
        ("thresholded_loss_function", {"lower_threshold": 0.5, "upper_threshold": 1, "priority_factor": 0.1}),
    ):
        ours = getattr(learner2D, make)(**arguments)(ip)
        assert np.asarray(ours) == pytest.approx(getattr(theirs, make)(**arguments)(ip)), make
    assert learner2D.resolution_loss_function(min_distance=0, max_distance=1)
    assert learner2D.thresholded_loss_function(lower_threshold=None, upper_threshold=None)
    triangle = np.array([(0, 0), (1, 0), (0, 1)])
    assert np.allclose(learner2D.choose_point_in_triangle(triangle, max_badness=5), 1 / 3)


def test_learner2d_plot():
    """A plot of told data, and its elements by name."""
    learner = Learner2D(ring, BOX)
    points = [(x, y) for x in np.linspace(-1, 1, 5) for y in np.linspace(-1, 1, 5)]
    learner.tell_many(points, map(ring, points))
    plot = learner.plot(n=8, tri_alpha=0.5)
    assert plot.Image is not None
    assert plot.EdgePaths.I is not None


def test_learner_nd():
    """Arguments and attributes of the peer; the function under both names."""
    bounds = [(-1, 1)] * 3
    learner = LearnerND(
        func=lambda x: sum(x), bounds=bounds, loss_per_simplex=None, anisotropic=True, triangulation_backend="auto"
    )
    filled(learner, 15)
    assert (learner.ndim, learner.vdim, learner.bounds_are_done) == (3, 1, True)
    assert learner.points.shape == (15, 3)
    assert learner.values.shape[0] == 15
    assert len(learner.tri.simplices) > 0
    assert learner.inside_bounds((0, 0, 0))
    matrix = learner.get_local_transform_matrix(next(iter(learner.tri.simplices)))
    assert np.shape(matrix) == (3, 3)
    assert LearnerND(function=ring, bounds=BOX).function is ring


def test_learner_nd_hull():
    """The domain may be a convex hull."""
    hull = ConvexHull([(0, 0), (1, 0), (0.5, 1)])
    learner = filled(LearnerND(ring, hull), 20)
    assert learner.npoints == 20
    assert all(learner.inside_bounds(point) for point in learner.data)


def test_learner_nd_loss_real():
    """Pending points lower the expected loss."""
    learner = filled(LearnerND(ring, BOX), 20)
    learner.ask(30)
    assert learner.loss(real=False) < learner.loss()


def test_learner_nd_losses():
    """The same values as the peer's."""
    theirs = adaptive.learner.learnerND
    simplex, values = np.array([(0.0, 0), (1, 0), (0, 1)]), np.array([0, 0.5, 1])
    for name in ("default_loss", "uniform_loss", "std_loss"):
        ours = getattr(learnerND, name)(simplex, values, 1)
        assert ours == pytest.approx(float(np.squeeze(getattr(theirs, name)(simplex, values, 1)))), name
        assert isinstance(ours, float)
    near, near_values = [(1, 1), None, (-1, 0.5)], [0.3, None, 0.1]
    arguments = (simplex, values, 1, near, near_values)
    assert learnerND.triangle_loss(*arguments) == pytest.approx(theirs.triangle_loss(*arguments))
    curvature = learnerND.curvature_loss_function(exploration=0.05)(*arguments)
    assert curvature == pytest.approx(theirs.curvature_loss_function(exploration=0.05)(*arguments))
    assert learnerND.volume(simplex) == pytest.approx(0.5)
    assert learnerND.orientation(simplex) == theirs.orientation(simplex)
    ours = learnerND.choose_point_in_simplex(simplex, transform=None)
    assert np.allclose(ours, theirs.choose_point_in_simplex(simplex, transform=None))


def test_learner_nd_plots():
    """Image, cut and lines of equal value; what needs plotly says so where it is missing."""
    import holoviews as hv

    learner = filled(LearnerND(ring, BOX), 40)
    assert isinstance(learner.plot(n=8, tri_alpha=0.5), hv.Overlay)
    assert learner.plot_slice({0: 0.1}, n=20) is not None
    assert learner.plot_isoline(level=0.5, n=8, tri_alpha=0.5) is not None
    space = filled(LearnerND(lambda x: sum(x), [(-1, 1)] * 3), 20)
    calls = (
        lambda: space.plot_isosurface(level=0.0, hull_opacity=0.2),
        lambda: space.plot_3D(with_triangulation=False, return_fig=True),
    )
    for call in calls:
        if importlib.util.find_spec("plotly") is None:
            with pytest.raises(RuntimeError, match="plotly"):
                call()
        else:
            assert call() is not None


def test_triangulation():
    """Triangulations under the familiar paths."""
    corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    mesh = triangulation.Triangulation(corners)
    inside = mesh.locate_point((0.3, 0.2))
    deleted, added = mesh.add_point((0.3, 0.2), tuple(inside))
    assert len(added) - len(deleted) == 2
    _, radius = triangulation.circumsphere([(0, 0), (1, 0), (0, 1)])
    assert radius == pytest.approx(math.sqrt(0.5))
    assert triangulation.FakeDelaunay(corners, [(0, 1, 2)]).nsimplex == 1
    assert backend.resolve_triangulation_class("auto") is triangulation.Triangulation
    assert backend.TRIANGULATION_BACKEND == "rust"
    assert triangulation.point_in_simplex((0.3, 0.2), [(0, 0), (1, 0), (0, 1)], eps=1e-8)
    for name in ("fast_2d_point_in_simplex", "fast_2d_circumcircle", "fast_3d_circumcircle", "fast_norm", "fast_det"):
        assert callable(getattr(triangulation, name))
    assert triangulation.simplex_volume_in_embedding([(0, 0), (1, 0), (0, 1)]) == pytest.approx(0.5)


# ------------------------------------------------------------------------------------------------ integrals, sequences


def test_integrator():
    """The run ends by itself; the integral is the peer's, with fewer points, eight of which check it."""
    ours, theirs = (m.IntegratorLearner(math.sin, (0, 3), tol=1e-10) for m in (adaptive_calib, adaptive))
    blocking(ours)
    simple(theirs, lambda learner: learner.done())
    assert ours.done()
    assert ours.igral == pytest.approx(theirs.igral, abs=1e-14)
    assert ours.err <= ours.wanted
    assert ours.npoints == 17 + 8 < theirs.npoints
    assert len(ours.approximating_intervals) >= 1
    assert ours.max_ivals == 1000
    assert asyncio.run(_finished(lambda: Runner(ours.new(), executor=SequentialExecutor()))).learner.done()


async def _finished(make: Any) -> AsyncRunner:
    runner = make()
    await runner.task
    return runner


def test_integrator_inside():
    """The state of the algorithm is public as data."""
    state = filled(IntegratorLearner(math.sin, (0, 3), tol=1e-10), 20).state()
    assert isinstance(state, dict)
    assert not hasattr(IntegratorLearner, "priority_split")


def test_integrator_resume():
    """Stopped with pending points and continued, the integral needs as many points as in one go."""
    learner = IntegratorLearner(math.sin, (0, 3), tol=1e-10)
    learner.ask(16)
    learner.remove_unfinished()
    blocking(learner)
    whole = learner.new()
    blocking(whole)
    assert learner.npoints == whole.npoints
    assert learner.igral == pytest.approx(1 - math.cos(3))


def test_integrator_divergent():
    """A divergent integral is said to be one."""
    assert issubclass(integrator_learner.DivergentIntegralError, ValueError)
    learner = IntegratorLearner(lambda x: 1 / x if x else math.inf, (0, 1), tol=1e-6)
    with pytest.raises(integrator_learner.DivergentIntegralError):
        filled(learner, 5000)


def test_sequence():
    """Each element is evaluated once, in its order, and the run ends by itself."""
    learner = SequenceLearner(lambda pair: pair["a"], [{"a": 1}, {"a": 2}])
    runner = asyncio.run(_finished(lambda: Runner(learner, executor=SequentialExecutor())))
    assert runner.status() == "finished"
    assert learner.done()
    assert learner.result() == [1, 2]
    assert len(learner.sequence) == 2


def test_sequence_outside():
    """An index outside the sequence is refused."""
    learner = SequenceLearner(abs, [-1, -2])
    with pytest.raises(IndexError):
        learner.tell((7, -1), 1)
    assert learner.npoints == 0


# --------------------------------------------------------------------------------------------------- balancing, saving


def test_balancing():
    """Every strategy of the peer chooses the points that the peer's chooses."""
    for strategy in ("loss_improvements", "loss", "npoints", "cycle"):
        pair = []
        for module in (adaptive_calib, adaptive):
            children = [module.Learner1D(functools.partial(peak, width=w), (-1, 1)) for w in (0.02, 0.2)]
            learner = module.BalancingLearner(children, cdims=None, strategy="loss_improvements")
            learner.strategy = strategy
            pair.append(filled(learner, 20))
        assert {x for x, _ in pair[0].data.items()} == {x for x, _ in pair[1].data.items()}, strategy


def test_balancing_weights():
    """A child with twice the weight gets more points."""
    learner = BalancingLearner([Learner1D(peak, (-1, 1)) for _ in range(2)], weights=[1, 2])
    blocking(learner, lambda one: one.npoints >= 60)
    assert learner.learners[1].npoints > learner.learners[0].npoints


def test_from_product():
    """A child for each combination, the last name varying fastest."""
    learner = BalancingLearner.from_product(
        lambda x, a, b: a * x + b, Learner1D, {"bounds": (-1, 1)}, {"a": [1, 2], "b": [3, 4]}
    )
    assert learner.cdims[:2] == [{"a": 1, "b": 3}, {"a": 1, "b": 4}]
    assert learner.function((2, 1.0)) == 5


def test_balancing_files(tmp_path):
    """A function of the child, or a list of names as long as there are children."""
    learner = BalancingLearner.from_product(peak, Learner1D, {"bounds": (-1, 1)}, {"width": [0.1, 0.2]})
    filled(learner, 20)

    def name(child):
        return tmp_path / f"{child.function.keywords['width']}.p"

    learner.save(name)
    new = learner.new()
    new.load(name)
    assert new.data == learner.data
    learner.save([tmp_path / "a.p", tmp_path / "b.p"])
    with pytest.raises(ValueError, match="2"):
        learner.load([tmp_path / "a.p"])
    with pytest.raises(AttributeError):
        _ = learner.nsamples
    assert learner.cdims == [{"width": 0.1}, {"width": 0.2}]


def test_balancing_plot():
    """A map with a slider for each dimension of the children, or all of them together."""
    import holoviews as hv

    hv.extension("bokeh", logo=False)
    learner = BalancingLearner.from_product(peak, Learner1D, {"bounds": (-1, 1)}, {"width": [0.1, 0.2]})
    filled(learner, 20)
    assert isinstance(learner.plot(cdims=None, plotter=None, dynamic=True), hv.DynamicMap)
    static = learner.plot(dynamic=False, plotter=lambda child: hv.Curve(sorted(child.data.items())))
    assert list(static.keys()) == [0.1, 0.2]
    two = BalancingLearner.from_product(
        lambda x, a, b: a * x + b, Learner1D, {"bounds": (-1, 1)}, {"a": [1, 2], "b": [3, 4]}
    )
    filled(two, 20)
    assert isinstance(two.plot(dynamic=False).overlay("b").grid(), hv.GridSpace)


def test_balancing_goal():
    """A number of points is meant for each child."""
    learner = BalancingLearner([Learner1D(peak, (-1, 1)) for _ in range(2)], strategy="npoints")
    blocking(learner, npoints_goal=5)
    assert [child.npoints for child in learner.learners] == [5, 5]


def test_data_saver():
    """The whole result is kept, and what is picked of it is learned."""
    learner = DataSaver(Learner1D(lambda x: {"y": x, "why": "so"}, (-1, 1)), arg_picker=lambda result: result["y"])
    filled(learner)
    assert learner.extra_data[1]["why"] == "so"
    assert learner.learner.data == learner.data
    assert learner.data[1] == 1


def test_make_datasaver():
    """A kind of learner for products."""
    kind = make_datasaver(Learner1D, arg_picker=lambda result: result["y"])
    learner = BalancingLearner.from_product(lambda x, a: {"y": a * x}, kind, {"bounds": (-1, 1)}, {"a": [1, 2]})
    filled(learner, 8)
    assert learner.learners[1].extra_data[1] == {"y": 2}


# -------------------------------------------------------------------------------------------------------------- runners


def test_blocking_runner():
    """When the constructor returns, the run is over; the goal may be given by position."""
    for arguments in (((lambda one: one.npoints >= 9),), ()):
        learner = Learner1D(peak, (-1, 1))
        goal = {} if arguments else {"loss_goal": 0.1}
        BlockingRunner(learner, *arguments, executor=SequentialExecutor(), progress=True, **goal)
        assert learner.npoints == 9 if arguments else learner.loss() <= 0.1


def test_runner_task():
    """The task of a run is awaited, is done, and has no result but None."""

    async def main():
        learner = Learner1D(peak, (-1, 1))
        runner = Runner(learner, loss_goal=0.1, executor=SequentialExecutor())
        assert not runner.task.done()
        await runner.task
        assert runner.task.done()
        assert runner.task.result() is None
        assert runner.status() == "finished"

    asyncio.run(main())


def test_block_until_done():
    """In a script a run is waited for; on a loop of the user's, and in a thread of its own."""
    loop = asyncio.new_event_loop()
    for arguments in ({}, {"ioloop": loop}):
        runner = Runner(Learner1D(peak, (-1, 1)), npoints_goal=5, executor=SequentialExecutor(), **arguments)
        runner.block_until_done()
        assert runner.learner.npoints == 5
    loop.close()
    runner = Runner(Learner1D(peak, (-1, 1)), npoints_goal=5, background=True, executor=SequentialExecutor())
    runner.block_until_done()
    assert runner.learner.npoints == 5


def test_status():
    """The four states, and why a run ended."""
    may_end = threading.Event()

    def held(x):
        may_end.wait(60)
        return peak(x)

    runner = Runner(Learner1D(held, (-1, 1)), npoints_goal=5, executor=SequentialExecutor())
    assert (runner.status(), runner.stop_reason) == ("running", None)
    may_end.set()
    runner.block_until_done()
    assert runner.status() == "finished"
    assert "5 points" in runner.stop_reason
    failing = Runner(Learner1D(fails_at_zero, (-1, 1)), npoints_goal=5, executor=SequentialExecutor())
    with pytest.raises(RuntimeError):
        failing.block_until_done()
    assert failing.status() == "failed"
    cancelled = Runner(Learner1D(peak, (-1, 1)), npoints_goal=10**6, executor=SequentialExecutor())
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        cancelled.block_until_done()
    assert cancelled.status() == "cancelled"


def test_cancel():
    """What is under way at a cancel is told; at once, it is not waited for."""

    async def main(drain):
        evaluated = []

        def slow(x):
            nap(x)
            evaluated.append(x)
            return x

        with ThreadPoolExecutor(2) as executor:
            learner = Learner1D(slow, (-1, 1))
            runner = Runner(learner, npoints_goal=1000, executor=executor)
            while not evaluated:  # noqa: ASYNC110 - the worker is a thread, without an event of the loop
                await asyncio.sleep(0.01)
            if drain:
                runner.cancel()
            else:
                runner.cancel(drain=False)
            await asyncio.wait([runner.task])
            assert runner.status() == "cancelled"
            assert len(runner.learner.data) == len(evaluated) or not drain
            assert not learner.pending_points

    asyncio.run(main(True))
    asyncio.run(main(False))


def test_times():
    """Times are set however the run ends."""
    runner = blocking(Learner1D(nap, (-1, 1)), npoints_goal=4)
    assert runner.start_time <= runner.end_time
    assert 0.2 <= runner.elapsed_time() < 60
    assert 0 <= runner.overhead() < 90
    failing = Runner(Learner1D(fails_at_zero, (-1, 1)), npoints_goal=9, executor=SequentialExecutor())
    with pytest.raises(RuntimeError):
        failing.block_until_done()
    assert failing.end_time is not None
    assert failing.elapsed_time() > 0


class Strange(Executor):
    """An executor that does not say how many workers it has."""


def test_executors():
    """Pools, dask, a function that makes a pool; anything else is refused."""
    from distributed import Client

    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(1) as processes:
        for executor in (threads, processes, functools.partial(ThreadPoolExecutor, 2), None):
            learner = Learner1D(abs, (-1, 1))
            BlockingRunner(learner, npoints_goal=5, executor=executor)
            assert learner.npoints >= 5
    with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0") as client:
        learner = Learner1D(abs, (-1, 1))
        BlockingRunner(learner, npoints_goal=5, executor=client)
        assert learner.npoints >= 5
    with pytest.raises(TypeError, match=r"Only a concurrent\.futures\.Executor"):
        BlockingRunner(Learner1D(abs, (-1, 1)), npoints_goal=5, executor=7)
    with pytest.raises(TypeError, match="Cannot get number of cores"):
        BlockingRunner(Learner1D(abs, (-1, 1)), npoints_goal=5, executor=Strange())


def test_sequential_executor():
    """It evaluates at once, and maps several iterables as map does."""
    executor = SequentialExecutor()
    assert executor.submit(abs, -1).result() == 1
    assert list(executor.map(pow, [2, 3], [3, 2])) == [8, 9]
    executor.shutdown()
    assert utils.SequentialExecutor is SequentialExecutor


def test_ntasks():
    """At most so many points are under way; and a cluster may be without workers at first."""
    from distributed import Client, LocalCluster

    most = []
    with ThreadPoolExecutor(4) as executor:
        learner = Learner1D(peak, (-1, 1))
        watch = lambda events, effects, progress: most.append(progress.running)  # noqa: E731 - one line is enough
        BlockingRunner(learner, npoints_goal=20, executor=executor, ntasks=3, callbacks=[watch])
    assert max(most) == 3
    local = {"n_workers": 0, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**local) as cluster, Client(cluster) as client:
        runner = Runner(Learner1D(peak, (-1, 1)), npoints_goal=5, executor=client, background=True)
        cluster.scale(1)  # a worker comes later
        runner.block_until_done()
    assert runner.learner.npoints >= 5


def test_shutdown_executor():
    """A given executor stays open unless the runner is told to shut it down."""
    executor = ThreadPoolExecutor(1)
    BlockingRunner(Learner1D(peak, (-1, 1)), npoints_goal=5, executor=executor)
    assert executor.submit(abs, -1).result() == 1
    BlockingRunner(Learner1D(peak, (-1, 1)), npoints_goal=5, executor=executor, shutdown_executor=True)
    with pytest.raises(RuntimeError):
        executor.submit(abs, -1)


def test_log_replay(tmp_path):
    """A log in memory or in a file gives the learner again; another learner is noticed."""
    for log in (True, tmp_path / "run.jsonl"):
        learner = Learner1D(fails_at_zero, (-1, 1.5))
        runner = blocking(learner, npoints_goal=12, log=log, retries=1)
        assert runner.do_log
        fresh = Learner1D(fails_at_zero, (-1, 1.5))
        replay_log(fresh, runner.log if log is True else log)
        assert fresh.data == learner.data
        with pytest.raises(ReplayError):
            replay_log(Learner1D(peak, (-2, 2)), runner.log if log is True else log)
    assert blocking(Learner1D(peak, (-1, 1)), npoints_goal=3).log is None


def test_retries():
    """A failing point is tried again, so often and for such errors as the policy says."""
    tries = []

    def now_and_then(x):
        tries.append(x)
        if tries.count(x) == 1:
            raise OSError("come again")
        return x

    for retries in (2, RetryPolicy(attempts=3)):
        tries.clear()
        learner = Learner1D(now_and_then, (-1, 1))
        runner = blocking(learner, npoints_goal=6, retries=retries, raise_if_retries_exceeded=True)
        assert learner.npoints == 6
        assert len(tries) == 12
        assert runner.retries == 2
        assert runner.raise_if_retries_exceeded
        assert (runner.to_retry, runner.tracebacks, runner.failed) == ([], [], set())
    with pytest.raises(RuntimeError):
        blocking(Learner1D(now_and_then, (-3, 3)), npoints_goal=6, retries=RetryPolicy(attempts=3, on=(ValueError,)))


def test_function_fails(caplog):
    """The error names the point and has that of the function as its cause; it is logged if nobody waits for the run."""
    runner = Runner(Learner1D(fails_at_zero, (-1, 1)), npoints_goal=9, executor=SequentialExecutor())
    runner.task.join()
    with pytest.raises(RuntimeError, match=r"^fails_at_zero\(0.0\) raised") as caught:
        runner.task.result()
    assert isinstance(caught.value.__cause__, ValueError)
    assert "the run has failed" in caplog.text
    ((point, text),) = runner.tracebacks
    assert point == 0
    assert "no value at zero" in text
    assert runner.failures[0].attempts == 1
    assert "no value at zero" in runner.stop_reason
    assert runner.learner.npoints == 2


def test_go_on_after_failures():
    """The others are evaluated, and the run ends; after too many failures it ends, too."""
    for how in ({"raise_if_retries_exceeded": False}, {"on_error": "continue"}):
        learner = SequenceLearner(fails_at_zero, [1, 0, 2])
        runner = blocking(learner, **how)
        assert sorted(learner.data.values()) == [1, 2]
        assert len(runner.failed) == 1
    with pytest.raises(RuntimeError):
        blocking(SequenceLearner(fails_at_zero, [1, 0, 0, 0, 0, 2]), on_error="continue", max_failures=3)


def test_timeout():
    """An evaluation that takes too long fails."""

    async def hangs(x):
        await asyncio.sleep(60 if x == 0 else 0)
        return x

    async def main():
        learner = SequenceLearner(hangs, [1, 0, 2])
        runner = Runner(learner, timeout=0.1, on_error="continue", ntasks=2)
        await runner.task
        assert learner.data == {0: 1, 2: 2}
        assert isinstance(runner.failures[0].error, TimeoutError)

    asyncio.run(main())


def test_finished_work_is_kept():
    """All that was evaluated is told."""

    async def main():
        evaluated = []

        def counted(x):
            nap(x)
            evaluated.append(x)
            return x

        with ThreadPoolExecutor(4) as executor:
            learner = Learner1D(counted, (-1, 1))
            await Runner(learner, npoints_goal=9, executor=executor).task
        assert learner.npoints == len(evaluated) >= 9

    asyncio.run(main())


def test_goal_only_one():
    """Two goals are refused, and combined by writing so."""
    learner = Learner1D(peak, (-1, 1))

    def goal(one):
        return one.npoints >= 7

    with pytest.raises(ValueError, match="not both"):
        blocking(learner, goal, loss_goal=0.1)
    blocking(learner, Loss(0.1) | When(goal, learner))
    assert learner.npoints == 7


def test_allow_running_forever():
    """Without a goal a run warns and goes on, or is refused where nobody could end it."""
    with pytest.raises(ValueError, match="continue forever"):
        blocking(Learner1D(peak, (-1, 1)))
    blocking(SequenceLearner(abs, [1]), allow_running_forever=False)
    with pytest.warns(UserWarning, match="continue forever"):
        runner = Runner(Learner1D(peak, (-1, 1)), executor=SequentialExecutor())
    runner.cancel()
    with pytest.raises(asyncio.CancelledError):
        runner.block_until_done()


def test_coroutine_function():
    """Coroutine functions run on the loop, without executor, and not in a blocking runner."""

    async def main():
        for function in (later, functools.partial(later)):
            learner = Learner1D(function, (-1, 1))
            await AsyncRunner(learner, npoints_goal=5, ntasks=20).task
            assert learner.npoints >= 5
        with pytest.raises(RuntimeError, match="Cannot use an executor"):
            AsyncRunner(Learner1D(later, (-1, 1)), npoints_goal=5, executor=SequentialExecutor())

    asyncio.run(main())
    with pytest.raises(ValueError, match="Coroutine functions"):
        BlockingRunner(Learner1D(later, (-1, 1)), npoints_goal=5)


def test_periodic_saving(tmp_path):
    """The learner is saved at once and at the end, by its own method or by one that is given."""

    async def main():
        saved = []
        runner = Runner(Learner1D(later, (-1, 1)), npoints_goal=50, ntasks=1)
        runner.start_periodic_saving(save_kwargs={"fname": tmp_path / "x.p"}, interval=0.01)
        await runner.task
        await runner.saving_task
        other = Runner(Learner1D(later, (-1, 1)), npoints_goal=5)
        other.start_periodic_saving(interval=30, method=lambda learner: saved.append(learner.npoints))
        await other.task
        await other.saving_task
        with pytest.raises(ValueError, match="save_kwargs"):
            other.start_periodic_saving()
        assert saved[0] == 0
        assert saved[-1] == other.learner.npoints
        return runner.learner

    learner = asyncio.run(main())
    new = Learner1D(later, (-1, 1))
    new.load(tmp_path / "x.p")
    assert new.data == learner.data


def test_pending_points():
    """Pairs of future and point while it runs, nothing afterwards."""
    seen = threading.Event()

    def late_at_the_left_end(x):
        assert x != -1 or seen.wait(60)
        return x

    with ThreadPoolExecutor(2) as executor:
        runner = Runner(Learner1D(late_at_the_left_end, (-1, 1)), npoints_goal=6, executor=executor)
        deadline = time.monotonic() + 50
        while -1 not in (pending := [point for future, point in runner.pending_points]):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        seen.set()
        runner.block_until_done()
    assert -1 in pending
    assert runner.pending_points == []
    assert isinstance(runner.goal, Goal)
    assert runner.executor is executor
    assert isinstance(runner.learner, Learner1D)


def test_live_terminal(capsys):
    """A line in the terminal, and the final state."""

    async def main():
        runner = Runner(Learner1D(later, (-1, 1)), npoints_goal=5)
        shown = runner.live_info_terminal(update_interval=0.5, overwrite_previous=True)
        await runner.task
        await shown

    asyncio.run(main())
    assert "goal reached" in capsys.readouterr().out


def test_simple():
    """In this thread, several points an ask; at the end of a sequence it ends."""
    learner = Learner1D(peak, (-1, 1))
    simple(learner, lambda one: one.npoints >= 10, points_per_ask=4)
    assert learner.npoints == 12
    simple(learner, loss_goal=0.1)
    assert learner.loss() <= 0.1
    sequence = SequenceLearner(abs, [1, 2])
    simple(sequence, npoints_goal=5)
    assert sequence.done()


def test_base_runner():
    """It cannot be made, only subclassed."""
    with pytest.raises(TypeError, match="abstract"):
        BaseRunner(Learner1D(peak, (-1, 1)), npoints_goal=5)
    assert issubclass(BlockingRunner, BaseRunner)
    assert issubclass(AsyncRunner, BaseRunner)


# ---------------------------------------------------------------------------------------------------------------- goals


def test_goal_keywords():
    """Each keyword alone is a goal; two of them are refused."""
    soon = datetime.now() + timedelta(seconds=0.2)
    for goal in (
        {"loss_goal": 0.1},
        {"npoints_goal": 20},
        {"end_time_goal": soon},
        {"duration_goal": 0.1},
        {"duration_goal": timedelta(seconds=0.1)},
    ):
        runner = blocking(Learner1D(peak, (-1, 1)), **goal)
        assert runner.status() == "finished"
    with pytest.raises(ValueError, match="Only one of"):
        blocking(Learner1D(peak, (-1, 1)), loss_goal=0.1, npoints_goal=20)


def test_goals_combined():
    """Either, or both."""
    either = blocking(Learner1D(peak, (-1, 1)), Loss(0.01) | Elapsed(hours=1))
    assert "loss" in either.stop_reason
    both = blocking(Learner1D(peak, (-1, 1)), Points(5) & Loss(9.0))
    assert both.learner.npoints == 5


def test_goal_in_time():
    """Time is a goal also while nothing is finished: no point is begun after it."""

    async def slow(x):
        await asyncio.sleep(0.3)
        return x

    async def main():
        runner = Runner(Learner1D(slow, (-1, 1)), duration_goal=0.1, ntasks=2)
        await runner.task
        return runner

    runner = asyncio.run(main())
    assert runner.learner.npoints == 2
    assert runner.status() == "finished"


def test_auto_goal():
    """A function of the learner made of one of the keywords."""
    learner = filled(Learner1D(peak, (-1, 1)), 30)
    assert auto_goal(loss=10)(learner)
    assert not auto_goal(npoints=31)(learner)
    assert auto_goal(end_time=datetime.now())(learner)
    assert not auto_goal(duration=1000)(learner)
    assert auto_goal(learner=SequenceLearner(abs, []))(SequenceLearner(abs, []))
    with pytest.raises(ValueError, match="not allowed"):
        auto_goal(learner=learner, allow_running_forever=False)


def test_stop_after():
    """Counted from the call."""
    learner = Learner1D(peak, (-1, 1))
    assert stop_after(seconds=0, minutes=0, hours=0)(learner)
    assert not stop_after(hours=1)(learner)


# ------------------------------------------------------------------------------------------------------------ notebooks


def test_notebook_extension():
    """Outside a notebook it says where it belongs, and is not needed for plots."""
    with pytest.raises(RuntimeError, match="may only be run from a Jupyter notebook"):
        notebook_integration.notebook_extension()
    assert filled(Learner1D(peak, (-1, 1))).plot() is not None
    assert adaptive_calib.notebook_extension is notebook_integration.notebook_extension


def test_live_views(capsys):
    """In a script they print a line; their arguments are those of the peer (in a kernel: the advanced topics)."""
    runner = Runner(Learner1D(peak, (-1, 1)), npoints_goal=5, executor=SequentialExecutor())
    runner.live_info(update_interval=0.1)
    runner.live_plot(plotter=None, update_interval=2.0, name=None, normalize=True)
    adaptive_calib.live_plot(runner)
    notebook_integration.live_info(runner)
    assert "Learner1D run" in capsys.readouterr().out
    runner.block_until_done()
    assert adaptive_calib.active_plotting_tasks == {}


def test_notebook_tools():
    """The tools of the familiar module answer as in a script."""
    assert not notebook_integration.in_ipynb()
    assert notebook_integration.should_update(None)
    assert notebook_integration.ensure_holoviews().__name__ == "holoviews"
    if importlib.util.find_spec("plotly") is None:
        with pytest.raises(RuntimeError, match="plotly"):
            notebook_integration.ensure_plotly()
    else:
        assert notebook_integration.ensure_plotly() is not None


def test_plots():
    """Plots are HoloViews objects that are put together as there, also without data."""
    import holoviews as hv

    learner = filled(Learner1D(peak, (-1, 1)))
    assert isinstance(learner.plot(scatter_or_line="line"), hv.Overlay)
    assert len(learner.plot().relabel("a") + learner.plot()) == 2
    assert learner.plot().Scatter.I.opts(size=6) * learner.plot() is not None
    for empty in learners():
        if not isinstance(empty, SequenceLearner):
            assert empty.plot() is not None, type(empty).__name__


# ---------------------------------------------------------------------------------------------------------------- tools


def test_named_product():
    """All combinations, the last name fastest."""
    assert utils.named_product(a=[1, 2], b=[3, 4]) == adaptive.utils.named_product(a=[1, 2], b=[3, 4])


def test_restore():
    """What happens to a learner inside is undone at the end."""
    learner = Learner1D(peak, (-1, 1))
    with utils.restore(learner):
        filled(learner)
        assert learner.npoints == 12
    assert learner.npoints == 0


def test_cache_latest():
    """The last answer is kept."""

    class Counter:
        def __init__(self):
            self._cache = {}

        @utils.cache_latest
        def loss(self):
            return 3

    counter = Counter()
    assert counter.loss() == 3
    assert vars(counter)["_cache"] == {"loss": 3}


def test_save_load_functions(tmp_path):
    """Any object, compressed or not."""
    for compress in (True, False):
        assert utils.save(tmp_path / "x", {"a": 1}, compress=compress)
        assert utils.load(tmp_path / "x", compress=compress) == {"a": 1}


def test_copy_docstring():
    """The text is the other's."""

    @utils.copy_docstring_from(peak.__call__)
    def other():
        pass

    assert other.__doc__ == peak.__call__.__doc__


def test_function_arguments():
    """Defaults become columns, and columns become bound arguments."""
    import pandas as pd

    frame = pd.DataFrame({"x": [1, 2]})
    utils.assign_defaults(peak, frame, function_prefix="function.")
    assert frame["function.width"].tolist() == [0.1, 0.1]
    frame["function.width"] = 0.1
    bound = utils.partial_function_from_dataframe(peak, frame, function_prefix="function.")
    assert bound.keywords == {"width": 0.1}
    assert type(bound.keywords["width"]) is float


def test_daskify():
    """Equal arguments share a computation, others do not, and a failure is not kept."""
    from distributed import Client

    async def main():
        async with Client(asynchronous=True, processes=False, n_workers=1, dashboard_address="127.0.0.1:0") as client:

            @utils.daskify(client, cache=True)
            def f(x):
                if x == "bad":
                    raise ValueError("bad")
                return str(x)

            assert [await f(1), await f("1"), await f(1)] == ["1", "1", "1"]
            assert len(f.cache) == 2
            with pytest.raises(ValueError, match="bad"):
                await f("bad")
            assert len(f.cache) == 2
            assert await utils.daskify(client)(peak)(0) == 1

    asyncio.run(main())
