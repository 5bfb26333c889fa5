"""Experiments are pure functions of their index."""

from __future__ import annotations

import copy
import dataclasses
import gc
import math
import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptive_calib.calibration import EpistemicDist, Experiment, Stream, stream
from adaptive_calib.calibration.experiment import ExperimentLike, ExperimentSource
from tests.calibration.worlds import Gaussians, Iterated


def observed(experiment: ExperimentLike) -> Any:
    return experiment.data_model(5)


def test_an_experiment_is_the_same_alone_and_after_others() -> None:
    """dist[i] equals the i-th of an iteration, and neither consumes anything."""
    dist = Gaussians(4)
    for _ in range(2):
        for i, experiment in enumerate(dist):
            np.testing.assert_array_equal(observed(dist[i]), observed(experiment))


def test_length_and_generate() -> None:
    """N is the length; generate(N) keeps the parameters and the experiments."""
    dist = Gaussians(3, spread=0.7)
    more = dist.generate(N=5)
    assert (len(dist), len(more), more.spread) == (3, 5, 0.7)
    np.testing.assert_array_equal(observed(dist[2]), observed(more[2]))


def test_out_of_range() -> None:
    """An experiment beyond N is refused in words that say what to do."""
    with pytest.raises(IndexError, match=r"experiment 3 does not exist.*generate"):
        Gaussians(3)[3]


def test_infinite_distribution() -> None:
    """N may be infinite: any index, no length, an endless iteration."""
    dist = Gaussians(math.inf)
    np.testing.assert_array_equal(observed(dist[1000]), observed(Gaussians(2000)[1000]))
    with pytest.raises(TypeError, match="no length"):
        len(dist)
    assert len(list(islice(dist, 3))) == 3


def test_frozen_and_neither_draw_nor_iter() -> None:
    """A distribution is frozen, and a subclass without draw and __iter__ is told what is missing."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Gaussians(3).N = 4  # type: ignore[misc]

    @dataclasses.dataclass(frozen=True)
    class Empty(EpistemicDist):
        pass

    with pytest.raises(TypeError, match="should define `draw"):
        Empty(2)[0]


def test_streams_are_independent_and_stable() -> None:
    """Streams differ by experiment, purpose and key; their first numbers never change."""
    states = {
        tuple(stream(7, i, purpose, *more).generate_state(2))
        for i in range(3)
        for purpose in Stream
        for more in ((), (0,), (1,))
    }
    assert len(states) == 3 * len(Stream) * 3
    assert np.random.default_rng(stream(7, 2, Stream.SYNTHETIC_B)).integers(0, 1000, 4).tolist() == ANCHOR


#: Of stream(7, 2, SYNTHETIC_B), numpy 2.4; results on disk depend on it.
ANCHOR = [121, 240, 222, 905]


@pytest.mark.parametrize("experiments", [Iterated(6), list(Iterated(6))], ids=["iterated", "list"])
def test_stateful_candidates_start_afresh(experiments: Any) -> None:
    """A generator inside an experiment starts from the same state whenever, and in whatever order, it is evaluated."""
    first = ExperimentSource(experiments)
    data = np.zeros(4)
    forwards = [first[i].candidateA(data) for i in range(6)]
    again = [first[i].candidateA(data) for i in reversed(range(6))]
    np.testing.assert_array_equal(forwards, again[::-1])
    other = pickle.loads(pickle.dumps(ExperimentSource(Iterated(6))))
    np.testing.assert_array_equal(other[4].candidateA(data), forwards[4])


def test_sizes() -> None:
    """The size of a source is its length, or infinite."""
    assert ExperimentSource(Gaussians(3)).size() == 3
    assert ExperimentSource(list(Gaussians(2))).size() == 2
    assert math.isinf(ExperimentSource(iter(Gaussians(2))).size())


def test_too_few_iterated() -> None:
    """Asking beyond the end of an iteration says how many there were."""
    with pytest.raises(IndexError, match="only 2 were iterated"):
        ExperimentSource(Iterated(2))[2]


def test_unpicklable_experiment() -> None:
    """An experiment that cannot travel to a worker is named, with the reason."""
    good = Gaussians(1)[0]
    bad = Experiment(good.data_model, (x for x in ()), good.candidateB, good.QA, good.QB)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"experiment 0 \(Experiment\) should be picklable"):
        ExperimentSource([bad])[0]


def test_iterated_experiments_are_drawn_once_for_all_workers(tmp_path: Path) -> None:
    """They travel through a folder, which a copy in another process reads, and which goes with the source."""

    class Counted:
        draws = 0

        def __iter__(self) -> Any:
            for experiment in Iterated(6):
                Counted.draws += 1
                yield experiment

        def __len__(self) -> int:
            return 6

    source = ExperimentSource(Counted())  # type: ignore[arg-type]
    for index in (2, 0, 2):
        source.prepare(index)
    assert Counted.draws == 3
    copies = [copy.copy(source) for _ in range(3)]
    values = [each[2].candidateA(np.zeros(4)).tolist() for each in (source, *copies)]
    assert values == [values[0]] * 4
    assert Counted.draws == 3
    folder = source._place()
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1", "2"]
    for path in folder.iterdir():
        path.unlink()
    assert copies[0][1] is not None  # it draws by itself where it does not see them
    source.prepare(17)  # said by the evaluation of the point
    with pytest.raises(IndexError, match="only 6"):
        source[17]
    del source
    gc.collect()
    assert not folder.exists()
