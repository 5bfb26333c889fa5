"""What a calibration is about: experiments, and the distribution from which they are drawn.

An experiment ω is a data-generating model with two fitted candidates A and B and their losses. An epistemic
distribution Ω says which experiments one believes possible; a calibration evaluates many of them. Experiment i is a
pure function of i: whoever evaluates it, when, and for the how-manieth time, the result is the same. Hence its random
streams are children of one `numpy.random.SeedSequence`, keyed by ``(i, stream)``, never a generator that is passed on.

The names `Experiment` and `EpistemicDist` and their attributes are those of emdcmp 1.1.1, so that distributions
written for it work as they are.

Source: René & Longtin, *Selecting fitted models under epistemic uncertainty using a stochastic process on quantile
functions*, Nature Communications 2025, doi 10.1038/s41467-025-64658-7.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol, Self, runtime_checkable

import cloudpickle
import numpy as np
from numpy.typing import NDArray

__all__ = ["EpistemicDist", "Experiment", "ExperimentLike", "ExperimentSource", "Stream", "stream"]


class Stream(IntEnum):
    """The independent random streams of one experiment; values are part of every stored result, never renumber."""

    PARAMETERS = 0
    FIT_DATA = 1
    OBSERVED_DATA = 2
    SYNTHETIC_A = 3
    SYNTHETIC_B = 4
    INFINITE_DATA = 5
    SAMPLER = 6


def stream(entropy: int, index: int, purpose: Stream, *more: int) -> np.random.SeedSequence:
    """Return the seed of one random stream of experiment `index`.

    Parameters
    ----------
    entropy : int
        Root seed of the calibration, >= 0.
    index : int
        Number of the experiment, >= 0.
    purpose : Stream
        What the random numbers are for.
    *more : int
        Further non-negative keys, for instance the first point of a block of infinite data.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import Stream, stream
    >>> purposes = Stream.FIT_DATA, Stream.FIT_DATA, Stream.OBSERVED_DATA
    >>> draws = [np.random.default_rng(stream(1, 7, purpose)).random() for purpose in purposes]
    >>> draws[0] == draws[1], draws[0] == draws[2]
    (True, False)
    """
    return np.random.SeedSequence(entropy, spawn_key=(index, int(purpose), *more))


@runtime_checkable
class ExperimentLike(Protocol):
    """Anything with these five attributes is an experiment."""

    @property
    def data_model(self) -> Callable[[int], Any]:
        """``data_model(L)``: a data set of L points, of any structure."""
        ...

    @property
    def candidateA(self) -> Callable[[Any], Any]:
        """``candidateA(data)``: a synthetic data set of A, of the form and size of `data`."""
        ...

    @property
    def candidateB(self) -> Callable[[Any], Any]:
        """The same for B."""
        ...

    @property
    def QA(self) -> Callable[[Any], NDArray[np.floating]]:
        """``QA(data)``: the losses of A on the data, shape (L,)."""
        ...

    @property
    def QB(self) -> Callable[[Any], NDArray[np.floating]]:
        """The same for B."""
        ...


@dataclass(frozen=True)
class Experiment:
    """One data-generating model with two fitted candidates.

    Parameters
    ----------
    data_model : callable, L -> data set
        Draws L points of the true model; any structure that the other callables understand.
    candidateA, candidateB : callable, data set -> data set
        Synthetic data of the fitted candidate, of the form and size of its argument.
    QA, QB : callable, data set -> array, shape (L,)
        Pointwise loss of the fitted candidate.
    data_block : callable, (n0, n1) -> data set, optional
        Points n0 to n1 of an endless exchangeable sample of the true model: the same call gives the same points and
        different ranges are independent. With it the sign of the expected difference in loss is found from as few
        points as it takes; without it larger and larger samples of `data_model` are drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from adaptive_calib.calibration import Experiment
    >>> rng = np.random.default_rng(1)
    >>> experiment = Experiment(
    ...     data_model=lambda L: rng.normal(size=L),
    ...     candidateA=lambda data: rng.normal(size=len(data)),
    ...     candidateB=lambda data: rng.laplace(size=len(data)),
    ...     QA=lambda data: data**2 / 2 + 0.919,
    ...     QB=lambda data: abs(data) + 0.693,
    ... )
    >>> data = experiment.data_model(10_000)
    >>> bool(experiment.QA(data).mean() < experiment.QB(data).mean())
    True
    """

    data_model: Callable[[int], Any]
    candidateA: Callable[[Any], Any]
    candidateB: Callable[[Any], Any]
    QA: Callable[[Any], NDArray[np.floating]]
    QB: Callable[[Any], NDArray[np.floating]]
    data_block: Callable[[int, int], Any] | None = None


@dataclass(frozen=True)
class EpistemicDist:
    """An epistemic distribution: the experiments that one believes possible. To be subclassed.

    A subclass is a frozen dataclass that appends its parameters after `N` and defines one of

    - ``draw(self, index)``: experiment `index`, from random streams of its own (see `stream`). Preferred: any
      experiment is reached at once, in any process;
    - ``__iter__``: yields the `N` experiments, again and again the same ones.

    Parameters
    ----------
    N : int
        Number of experiments; ``math.inf`` for as many as the calibration asks for. Not part of the identity of a
        result: a larger `N` adds experiments and keeps those that there are.

    Examples
    --------
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared
    >>> experiments = Infrared(N=4)
    >>> len(experiments), experiments[2].source == Infrared(N=100)[2].source
    (4, True)
    """

    N: int | float = field(metadata={"identity": False})

    def draw(self, index: int) -> ExperimentLike:
        """Return experiment `index`; the default walks along ``__iter__``."""
        if type(self).__iter__ is EpistemicDist.__iter__:
            raise TypeError(f"{type(self).__name__} should define `draw(self, index)` or `__iter__`; it has neither.")
        return next(itertools.islice(iter(self), index, None))

    def __getitem__(self, index: int) -> ExperimentLike:
        i = operator.index(index)
        if not 0 <= i < self.N:
            raise IndexError(f"experiment {i} does not exist: the distribution has N = {self.N}; use generate(N=...).")
        return self.draw(i)

    def __iter__(self) -> Iterator[ExperimentLike]:
        numbers = itertools.count() if math.isinf(self.N) else iter(range(int(self.N)))
        return (self.draw(i) for i in numbers)

    def __len__(self) -> int:
        if math.isinf(self.N):
            raise TypeError("an infinite distribution has no length; use generate(N=...) for a finite one.")
        return int(self.N)

    def generate(self, N: int) -> Self:
        """Return a copy with `N` experiments."""
        return dataclasses.replace(self, N=N)


class ExperimentSource:
    """Random access to the experiments of a distribution, each time as a fresh copy.

    Sequences and distributions that define ``draw`` are asked for the experiment itself. What can only be iterated
    is walked along once, in this process, and kept in pickled form: a generator that sits inside an experiment then
    starts from the same state whenever the experiment is evaluated.

    Parameters
    ----------
    experiments
        An `EpistemicDist`, a sequence, or anything that iterates over experiments again and again.
    """

    def __init__(self, experiments: Iterable[ExperimentLike]) -> None:
        self.experiments = experiments
        self._walk: Iterator[ExperimentLike] | None = None
        self._passed: list[bytes] = []

    def __getstate__(self) -> Iterable[ExperimentLike]:
        return self.experiments

    def __setstate__(self, state: Iterable[ExperimentLike]) -> None:
        self.__init__(state)  # type: ignore[misc]  # the walk starts anew in another process

    def __getitem__(self, index: int) -> ExperimentLike:
        experiments = self.experiments
        if isinstance(experiments, EpistemicDist) and type(experiments).draw is not EpistemicDist.draw:
            return experiments.draw(index)
        if isinstance(experiments, Sequence):
            return _fresh(_packed(experiments[index], index))
        if self._walk is None:
            self._walk = iter(experiments)
        while len(self._passed) <= index:
            try:
                experiment = next(self._walk)
            except StopIteration:
                raise IndexError(
                    f"experiment {index} does not exist: only {len(self._passed)} were iterated."
                ) from None
            self._passed.append(_packed(experiment, len(self._passed)))
        return _fresh(self._passed[index])

    def size(self) -> float:
        """Return the number of experiments; ``inf`` where there is no length."""
        if isinstance(self.experiments, EpistemicDist):
            return float(self.experiments.N)
        try:
            return float(len(self.experiments))  # type: ignore[arg-type]  # unsized iterables are the point
        except TypeError:
            return math.inf


def _packed(experiment: ExperimentLike, index: int) -> bytes:
    try:
        return bytes(cloudpickle.dumps(experiment))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise TypeError(
            f"experiment {index} ({type(experiment).__name__}) should be picklable, since it travels to workers and "
            f"starts from a fresh copy each time, but pickling failed: {error}"
        ) from error


def _fresh(packed: bytes) -> ExperimentLike:
    experiment: ExperimentLike = pickle.loads(packed)
    return experiment
