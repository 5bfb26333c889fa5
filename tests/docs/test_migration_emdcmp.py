"""One test for each row of ``docs/migration/coming_from_emdcmp.md``, named after the row.

emdcmp itself is not needed: what its side of a row does is told on the page, and held to figures elsewhere
(``tests/emd/test_agreement.py``).
"""

from __future__ import annotations

import math
import pickle
import queue
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.interpolate
from tqdm import tqdm

import adaptive_calib
from adaptive_calib import BlockingRunner, CalibrationLearner, EpistemicDist, Experiment, emd, tasks
from adaptive_calib.calibration import Stream, read_result, stream
from adaptive_calib.emd import Bemd, draw_R_samples, make_empirical_risk_ppf
from adaptive_calib.path_sampling import draw_from_beta, generate_path_hierarchical_beta, generate_quantile_paths
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.tasks import (
    Calibrate,
    CalibrateOutput,
    calib_point_dtype,
    compute_Bemd,
    compute_Bemd_and_maybe_Bepis,
    compute_Bepis,
)
from adaptive_calib.utils import compare_matrix, get_bin_sizes
from adaptive_calib.viz import CalibrationPlotElements, calibration_bins, calibration_hists, calibration_plot

C = [0.25, 1.0, 4.0]
SIZES: dict[str, Any] = {"Ldata": 64, "Linf": 256}


def losses(seed: int, shift: float = 0.0, size: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).exponential(1, size) + shift


def four() -> list[Any]:
    """Return the PPFs of a comparison: both mixed, then both synthetic."""
    return [make_empirical_risk_ppf(losses(seed, shift)) for seed, shift in ((1, 0.0), (2, 0.1), (3, 0.05), (4, 0.2))]


@dataclass(frozen=True)
class Draws:
    """Draws of a normal distribution, always the same for one seed."""

    mean: float
    seed: int

    def __call__(self, size: int) -> np.ndarray:
        return np.random.default_rng(self.seed).normal(self.mean, 1.2, size)

    def like(self, data: np.ndarray) -> np.ndarray:
        return self(len(data))


@dataclass(frozen=True)
class Squares:
    """The loss of a candidate."""

    mean: float

    def __call__(self, data: np.ndarray) -> np.ndarray:
        return 0.5 * (data - self.mean) ** 2


def experiment(index: int, seed: int = 0) -> Experiment:
    mean = float(np.random.default_rng(stream(seed, index, Stream.PARAMETERS)).normal(0, 0.4))
    a, b = Draws(-0.5, 100 + index), Draws(0.5, 200 + index)
    return Experiment(
        data_model=Draws(mean, index), candidateA=a.like, candidateB=b.like, QA=Squares(-0.5), QB=Squares(0.5)
    )


@dataclass(frozen=True)
class World(EpistemicDist):
    """A distribution as it is written for emdcmp: it iterates."""

    seed: int = 0
    file: str = field(default="", metadata={"identity": False})

    def __iter__(self) -> Iterator[Experiment]:
        return (experiment(n, self.seed) for n in range(int(self.N)))


@dataclass(frozen=True)
class Counted(EpistemicDist):
    """A distribution with random access, which notes what is drawn."""

    file: str = field(default="", metadata={"identity": False})

    def draw(self, index: int) -> Experiment:
        if self.file:
            with Path(self.file).open("a") as file:
                file.write(f"{index}\n")
        return experiment(index)


def run(experiments: Any, c_list: list[float] = C, **more: Any) -> Calibrate:
    task = Calibrate(c_list, experiments, **SIZES, **{"executor": SequentialExecutor(), **more})
    task.run()
    return task


def table(seed: int = 1, name: str = "Bepis", size: int = 256) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.empty(size, [("Bemd", float), (name, bool)])
    rows["Bemd"] = rng.random(size)
    rows[name] = rng.random(size) < rows["Bemd"]
    return rows


# -------------------------------------------------------------------------------------------------------- the criterion


def test_top_level():
    """The familiar names are at the top, and in `emd`."""
    for name in ("interp1d", "make_empirical_risk_ppf", "draw_R_samples", "Bemd"):
        assert getattr(adaptive_calib, name) is getattr(emd, name)
    assert adaptive_calib.interp1d is scipy.interpolate.interp1d


def test_make_empirical_risk_ppf():
    """Interpolated and extrapolated as there; what would spoil it is refused; it can be sent to workers."""
    ppf = make_empirical_risk_ppf(risk_samples=[1, 2, 4])
    assert ppf(np.array([0, 0.25, 0.5, 0.75, 1])).tolist() == [0, 1, 2, 4, 6]
    assert pickle.loads(pickle.dumps(ppf))(0.5) == 2
    for bad in ([1.0], [1.0, math.nan], [1.0, math.inf]):
        with pytest.raises(ValueError, match="samples"):
            make_empirical_risk_ppf(bad)


def test_own_ppf():
    """A function of the user's is taken if it is a quantile function."""
    assert len(draw_R_samples(lambda phi: 2 * phi, lambda phi: 2.1 * phi, 1.0, rng=1)) >= 128
    with pytest.raises(ValueError, match="decreas"):
        draw_R_samples(lambda phi: -2 * phi, lambda phi: 2.1 * phi, 1.0, rng=1)


def test_draw_r_samples(capsys):
    """The call with all its arguments, and a seed."""
    mixed, _, synth, _ = four()
    arguments: dict[str, Any] = {
        "res": 8, "M": 128, "max_M": 1024, "relstderr_tol": 2**-5, "path_progbar": None, "print_relstderr": True
    }  # fmt: skip
    samples = draw_R_samples(mixed_risk_ppf=mixed, synth_risk_ppf=synth, c=1.0, **arguments, rng=3)
    assert samples.ndim == 1
    assert 128 <= len(samples) <= 1024
    assert capsys.readouterr().out
    assert np.array_equal(samples, draw_R_samples(mixed, synth, 1.0, rng=3))


def test_bemd():
    """The call with all its arguments; its own rule for stopping does not care for a constant."""
    mixed_a, mixed_b, synth_a, synth_b = four()
    named = {
        "mixed_risk_ppfA": mixed_a, "mixed_risk_ppfB": mixed_b, "synth_risk_ppfA": synth_a, "synth_risk_ppfB": synth_b
    }  # fmt: skip
    assert 0 <= Bemd(**named, c=1.0, res=7, M=32, max_M=1024, relstderr_tol=0.03125, rng=1) <= 1
    plain = Bemd(mixed_a, mixed_b, synth_a, synth_b, 1.0, rng=1, stderr_tol=0.01)
    moved = [lambda phi, ppf=ppf: ppf(phi) + 10 for ppf in four()]
    assert Bemd(*moved, c=1.0, rng=1) == pytest.approx(plain, abs=1e-9)


def test_bemd_many_c():
    """Several c at once are each what they are alone."""
    ppfs = four()
    values = Bemd(*ppfs, c=[0.5, 1, 2], rng=1)
    assert values.shape == (3,)
    assert values[1] == Bemd(*ppfs, c=1, rng=1)


def test_use_multiprocessing(capsys):
    """Accepted, and without effect."""
    ppfs = four()
    with_processes = Bemd(*ppfs, 1.0, use_multiprocessing=True, progbarA="auto", progbarB="auto", rng=1)
    assert with_processes == Bemd(*ppfs, 1.0, use_multiprocessing=False, rng=1)
    assert capsys.readouterr().err == ""


def test_progress_targets():
    """A bar and a queue are told how many paths there are."""
    mixed, _, synth, _ = four()
    calls: queue.Queue[Any] = queue.Queue()
    with tqdm(disable=False, file=_Nowhere()) as bar:
        for progbar in (bar, calls, "auto", None):
            paths = generate_quantile_paths(mixed, lambda phi: abs(mixed(phi) - synth(phi)), 1.0, 16, progbar=progbar)
            assert len(list(paths)) == 16
        assert bar.n == 16
    assert not calls.empty()


class _Nowhere:
    def write(self, text: str) -> None:
        """Throw it away."""

    def flush(self) -> None:
        """Nothing to do."""


def test_less_outer():
    """The share of pairs is what Bemd is."""
    mixed_a, mixed_b, synth_a, synth_b = four()
    ra, rb = draw_R_samples(mixed_a, synth_a, 1.0, rng=1), draw_R_samples(mixed_b, synth_b, 1.0, rng=2)
    share = np.less.outer(ra, rb).mean()
    assert share == pytest.approx(Bemd(*four(), 1.0, rng=3), abs=0.1)
    assert np.less.outer([1.0], [1.0]).mean() == 0


def test_limits():
    """Where mixed and synthetic losses agree, every R is the integral of the quantile function."""
    ppf = make_empirical_risk_ppf(np.random.default_rng(1).exponential(1, 500))
    samples = draw_R_samples(ppf, ppf, 1.0, rng=1)
    assert samples == pytest.approx(np.full(len(samples), 0.9794512456), abs=1e-9)


def test_no_hidden_cache():
    """The same call gives other samples, unless it is seeded."""
    mixed, _, synth, _ = four()
    assert not np.array_equal(draw_R_samples(mixed, synth, 1.0), draw_R_samples(mixed, synth, 1.0))
    assert np.array_equal(draw_R_samples(mixed, synth, 1.0, rng=7), draw_R_samples(mixed, synth, 1.0, rng=7))


# ------------------------------------------------------------------------------------------------ paths and comparisons


def test_generate_quantile_paths():
    """Pairs of grid and path, M of them, never decreasing."""
    mixed, _, synth, _ = four()
    arguments: dict[str, Any] = {"Phistart": 0.0, "Phiend": 1, "progbar": "auto", "previous_M": 0}
    paths = list(
        generate_quantile_paths(
            qstar=mixed, deltaEMD=lambda phi: abs(mixed(phi) - synth(phi)), c=1.0, M=4, res=6, rng=1, **arguments
        )
    )
    assert len(paths) == 4
    for phi, path in paths:
        assert phi.shape == path.shape == (65,)
        assert (np.diff(path) >= 0).all()


def test_generate_path_hierarchical_beta():
    """One path with given ends."""
    phi, path = generate_path_hierarchical_beta(
        qstar=lambda phi: phi, deltaEMD=lambda phi: 0.1 + 0 * phi, c=1.0, qstart=-0.5, qend=2.0, res=5, rng=1,
        Phistart=0.0, Phiend=1.0,
    )  # fmt: skip
    assert (path[0], path[-1], len(phi)) == (-0.5, 2.0, 33)


def test_draw_from_beta():
    """Samples in a last axis; the same mean on both sides of where emdcmp jumps."""
    samples = draw_from_beta(r=np.array([1.0, 2.0]), v=0.5, rng=1, n_samples=5)
    assert samples.shape == (2, 5)
    assert isinstance(draw_from_beta(1.0, 1.0, rng=1), float)
    means = [draw_from_beta(0.2, v, rng=1, n_samples=4000).mean() for v in (2e-8, 1e-9)]
    assert means == pytest.approx([1 / 6, 1 / 6], abs=1e-3)
    means = [draw_from_beta(0.2, v, rng=1, n_samples=40_000).mean() for v in (9000, 11_000)]
    assert means == pytest.approx([0.494, 0.495], abs=0.01)


def test_compare_matrix():
    """Row against column; one half on the diagonal."""
    matrix = compare_matrix({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert matrix["b"]["a"] == 1
    assert matrix["a"]["b"] == 0
    assert matrix["a"]["a"] == 0.5
    assert compare_matrix is emd.compare_matrix


def test_get_bin_sizes():
    """Sizes sum to the number of points and differ by one at most."""
    assert list(get_bin_sizes(100, 30)) == [33, 33, 34]
    assert len(get_bin_sizes(1024)) == 16
    assert list(get_bin_sizes(total_points=7, target_bin_size=16)) == [7]


# ---------------------------------------------------------------------------------------------------------- experiments


def test_experiment():
    """Five attributes by position, and one that may be left out."""
    one = Experiment(np.ones, np.copy, np.copy, np.square, np.abs)
    assert one.data_block is None
    assert tasks.Experiment is adaptive_calib.Experiment
    blocks = Experiment(np.ones, np.copy, np.copy, np.square, np.abs, data_block=lambda n0, n1: np.ones(n1 - n0))
    assert len(blocks.data_block(3, 5)) == 2


class Lazy:
    """An experiment of a user's own class, which fits when it is asked."""

    def __init__(self, index: int) -> None:
        self.index = index

    @cached_property
    def fitted(self) -> Experiment:
        return experiment(self.index)

    data_model = property(lambda self: self.fitted.data_model)
    candidateA = property(lambda self: self.fitted.candidateA)
    candidateB = property(lambda self: self.fitted.candidateB)
    QA = property(lambda self: self.fitted.QA)
    QB = property(lambda self: self.fitted.QB)


def test_any_five_attributes():
    """Another class gives the same numbers."""
    lazy = run([Lazy(0), Lazy(1)]).run()
    assert lazy == run([experiment(0), experiment(1)]).run()
    assert not {"fitted"} & set(vars(Lazy(0)))


def test_epistemic_dist():
    """Both ways to write a distribution give the same calibration."""

    @dataclass(frozen=True)
    class Random(EpistemicDist):
        def draw(self, index: int) -> Experiment:
            return experiment(index)

    assert issubclass(World, EpistemicDist)
    assert run(Random(3)).run() == run(World(3)).run()


def test_generate_len():
    """A copy of another length, which iterates again and again."""
    dist = World(2).generate(4)
    assert len(dist) == 4
    assert len(list(dist)) == len(list(dist)) == 4
    assert dist.seed == 0


@dataclass(frozen=True)
class NoBase:
    """A distribution that subclasses nothing."""

    N: int

    def __iter__(self) -> Iterator[Experiment]:
        return iter(World(self.N))

    def __len__(self) -> int:
        return self.N


def test_own_distribution(tmp_path):
    """A dataclass without our base, and a list; a list in a store needs a name."""
    assert run(NoBase(3)).run() == run(list(World(3))).run()
    named = run(list(World(3)), store=tmp_path / "a.db", name="three experiments")
    assert named.run() == run(NoBase(3), store=tmp_path / "b.db").run()


def test_infinite_dist():
    """A task needs an end; a learner does not."""
    dist = World(np.inf)
    with pytest.raises(TypeError, match="length"):
        Calibrate(C, dist, **SIZES)
    assert len(dist.generate(4)) == 4
    learner = CalibrationLearner(Counted(math.inf), Ldata=64, Linf=256)
    BlockingRunner(learner, npoints_goal=3, executor=SequentialExecutor())
    assert learner.npoints == 3


class Stateful:
    """A candidate with a generator that it carries along."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, data: np.ndarray) -> np.ndarray:
        return self.rng.normal(0.2, 1, len(data))


def test_seeds():
    """Streams are a function of the index; and a generator in a candidate begins the same in each evaluation."""
    first, again = (np.random.default_rng(stream(5, 3, Stream.OBSERVED_DATA)).random() for _ in range(2))
    assert first == again

    class Indexed(EpistemicDist):
        def draw(self, index: int) -> Experiment:
            one = experiment(index)
            return Experiment(one.data_model, Stateful(index), one.candidateB, one.QA, one.QB)

    forward = run(Indexed(2), C).run()
    backward = run(Indexed(2), C[::-1]).run()
    assert forward.Bemd[:3] == backward.Bemd[:3][::-1]


# ------------------------------------------------------------------------------------------------------------- the task


def test_import_tasks():
    """Its names are where they were."""
    for name in ("Calibrate", "EpistemicDist", "CalibrateOutput", "Experiment", "CalibrateResult"):
        assert hasattr(tasks, name)


def test_calibrate():
    """The familiar call."""
    dist = World(2)
    task = Calibrate(c_list=C, experiments=dist.generate(4), Ldata=64, Linf=256, executor=SequentialExecutor())
    assert len(task.run().Bepis) == 4


def test_calibrate_reason():
    """The reason is kept."""
    assert Calibrate(reason="pilot", c_list=C, experiments=World(2), Ldata=64, Linf=256).reason == "pilot"


def test_calibrate_attributes():
    """What was given can be read again."""
    task = Calibrate(C, World(2), **SIZES, executor=SequentialExecutor())
    assert not task.has_run
    task.run()
    assert task.has_run
    assert (task.c_list, len(task.experiments), task.Ldata, task.Linf) == (C, 2, 64, 256)
    assert task.learner.npoints == 2


def test_calibrate_output():
    """Two lists, experiment by experiment, c by c."""
    out = run(World(4)).run()
    assert isinstance(out, CalibrateOutput)
    assert (len(out.Bemd), len(out.Bepis)) == (12, 4)
    assert out.Bemd[:3] == run(World(1)).run().Bemd


def test_unpack_results():
    """A record array for each c."""
    task = run(World(4))
    out = task.run()
    result = task.unpack_results(out)
    assert list(result) == C
    assert result[1.0].dtype == calib_point_dtype
    assert result[1.0]["Bemd"].tolist() == out.Bemd[1::3]
    with pytest.raises(ValueError, match="values"):
        task.unpack_results(CalibrateOutput([0.5], [True]))


def test_order_of_c():
    """The same numbers in any order of c."""
    one, two = run(World(3)), run(World(3), C[::-1])
    a, b = one.unpack_results(one.run()), two.unpack_results(two.run())
    assert all(np.array_equal(a[c], b[c]) for c in C)


def drawn(file: Path) -> int:
    """Return how many experiments were drawn since the last look."""
    lines = file.read_text().splitlines() if file.exists() else []
    file.write_text("")
    return len(lines)


def test_recorded_task(tmp_path):
    """Run again, nothing is simulated."""
    notes, dist = tmp_path / "notes", Counted(3, str(tmp_path / "notes"))
    store = tmp_path / "calibration.db"
    first = run(dist, store=store).run()
    assert drawn(notes) == 3
    task = Calibrate(C, dist, **SIZES, store=store, executor=SequentialExecutor())
    assert task.run() == first
    assert drawn(notes) == 0


def test_more_c(tmp_path):
    """A longer list of c simulates nothing, and the old c stay what they were."""
    notes, dist, more = tmp_path / "notes", Counted(3, str(tmp_path / "notes")), [*C, 16.0]
    store = tmp_path / "calibration.db"
    old = run(dist, store=store).run()
    drawn(notes)
    task = Calibrate(c_list=more, experiments=dist, Ldata=64, Linf=256, store=store, executor=SequentialExecutor())
    assert task.run().Bemd[:3] == old.Bemd[:3]
    assert drawn(notes) == 0


def test_more_experiments(tmp_path):
    """A longer distribution simulates only what is new."""
    notes, dist = tmp_path / "notes", Counted(3, str(tmp_path / "notes"))
    run(dist, store=tmp_path / "calibration.db")
    drawn(notes)
    run(dist.generate(8), store=tmp_path / "calibration.db")
    assert drawn(notes) == 5


def test_ncores():
    """Any executor; a pool that replaces its workers."""
    with ProcessPoolExecutor(1, max_tasks_per_child=50) as executor:
        task = Calibrate(C, Counted(2), **SIZES, executor=executor)
        assert task.run() == run(Counted(2)).run()


def test_progress_bar(capsys):
    """A bar over experiments."""
    Calibrate(C, World(3), **SIZES, executor=SequentialExecutor(), progress=True).run()
    assert "3" in capsys.readouterr().err


@dataclass(frozen=True)
class Failing(EpistemicDist):
    """Its second experiment fails."""

    def draw(self, index: int) -> Experiment:
        if index == 1:
            raise RuntimeError("no fit")
        return experiment(index)


def test_failing_experiment():
    """The others are as if it were not there."""
    task = Calibrate(C, Failing(3), **SIZES, executor=SequentialExecutor())
    with pytest.warns(UserWarning, match="1 of 3 experiments failed"):
        out = task.run()
    assert np.isnan(out.Bemd[3:6]).all()
    assert task.learner.failed_points == {("new", 1)}
    assert out.Bemd[:3] == run(Counted(1)).run().Bemd


def test_caching_config(tmp_path, monkeypatch):
    """Without a store no file is written anywhere near."""
    monkeypatch.chdir(tmp_path)
    run(World(2))
    assert not list(tmp_path.iterdir())
    assert not hasattr(adaptive_calib, "config")


def test_compute_bemd():
    """For one pair, the number of the task."""
    task = run(World(3))
    one = experiment(2)
    (i, _, c), bemd = compute_Bemd((2, one, 1.0), Ldata=64)
    assert (i, c) == (2, 1.0)
    assert bemd == task.unpack_results(task.run())[1.0]["Bemd"][2]


def test_compute_bepis():
    """Who truly wins."""
    one = experiment(2)
    found = compute_Bepis(one.data_model, one.QA, one.QB, Linf=256)
    data = one.data_model(256)
    assert found is bool(one.QA(data).mean() < one.QB(data).mean())


def test_compute_both():
    """The label only at the c that is named."""
    one = experiment(2)
    i, c, bemd, bepis = compute_Bemd_and_maybe_Bepis((2, one, 1.0), 64, 256, c_conf=1.0)
    assert (i, c, bepis) == (2, 1.0, compute_Bepis(one.data_model, one.QA, one.QB, 256))
    assert compute_Bemd_and_maybe_Bepis((2, one, 1.0), Ldata=64, Linf=256, c_conf=4.0)[2:] == (bemd, None)


def test_type_names():
    """The hints of emdcmp are no names here; any structure of data will do."""
    assert not hasattr(tasks, "DataModel")
    pairs = Experiment(
        data_model=lambda L: [(x, x) for x in Draws(0.1, 1)(L)],
        candidateA=lambda data: [(x, y + 0.1) for x, y in data],
        candidateB=lambda data: [(x, y - 0.2) for x, y in data],
        QA=lambda data: np.array([y**2 for _, y in data]),
        QB=lambda data: np.array([(y - 0.3) ** 2 for _, y in data]),
    )
    assert len(run([pairs]).run().Bemd) == 3


def test_adaptive_instead():
    """A learner chooses c and experiments; it says what it would recommend, or that it does not know yet."""
    learner = CalibrationLearner(Counted(math.inf), Ldata=64, Linf=256)
    BlockingRunner(learner, npoints_goal=20, executor=SequentialExecutor())
    assert learner.npoints >= 20
    recommended = learner.recommended_c()
    assert recommended is None or recommended in learner.c_list


# ----------------------------------------------------------------------------------------------------- tables and plots


def test_old_tables():
    """Either name of the field is read."""
    for name in ("Bepis", "Bconf"):
        result = read_result({1.0: table(name=name)})
        assert result[1.0].dtype == calib_point_dtype
        assert calibration_hists({1.0: table(name=name)})


def test_calibration_plot():
    """The familiar call."""
    plot = calibration_plot({1.0: table()}, target_bin_size=16)
    assert isinstance(plot, CalibrationPlotElements)
    assert len(plot.experiment_idcs[1.0]) == 16


def test_plot_elements():
    """Every part by its name."""
    plot = calibration_plot({0.25: table(1), 1.0: table(2)})
    for name in (
        "calibration_curves", "prohibited_areas", "discouraged_areas", "experiment_idcs", "Bemd_hist_data",
        "Bepis_hist_data", "lines", "scatters", "overlayed_lines", "overlayed_scatters", "Bemd_hists", "Bepis_hists",
    ):  # fmt: skip
        assert getattr(plot, name) is not None, name
    assert plot.prohibited_areas * plot.discouraged_areas * plot.overlayed_lines is not None


def test_plot_select():
    """One c, several, or a range."""
    plot = calibration_plot({0.25: table(1), 1.0: table(2), 4.0: table(3)})
    assert list(plot.select(c=1.0).experiment_idcs) == [1.0]
    assert list(plot.select([0.25, 1.0]).experiment_idcs) == [0.25, 1.0]
    assert list(plot.select((0.5, 2)).experiment_idcs) == [1.0]
    assert plot.select(1.0).calibration_curves.clone() is not None


def test_calibration_hists():
    """Curves and the experiments behind each of their points."""
    curves, experiments = calibration_hists({1.0: table()}, target_bin_size=None)
    assert len(curves[1.0]) == len(experiments[1.0]) == 16
    assert sorted(np.concatenate(experiments[1.0])) == list(range(256))


def test_calibration_bins():
    """Smallest, boundaries, largest; a boundary lies between two neighbours."""
    rows = np.array([(x / 32, True) for x in range(32)], calib_point_dtype)
    edges = calibration_bins({1.0: rows}, target_bin_size=16)[1.0]
    assert edges.tolist() == [0, 15.5 / 32, 31 / 32]


def test_bands():
    """The plot of a learner has bands around its curves."""
    import holoviews as hv

    hv.extension("bokeh", logo=False)
    learner = CalibrationLearner(Counted(12), Ldata=64, Linf=256, c_list=[1.0])
    BlockingRunner(learner, npoints_goal=12, executor=SequentialExecutor())
    plot = learner.plot()
    kinds = {type(element).__name__ for element in plot.traverse(lambda element: element)}
    assert kinds & {"Area", "Spread", "ErrorBars"}
