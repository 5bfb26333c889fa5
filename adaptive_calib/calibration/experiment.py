"""Experiments, and the epistemic distribution from which they are drawn.

An experiment ω is a data-generating model with two fitted candidates A and B and their losses. An epistemic
distribution Ω says which experiments one believes possible; a calibration evaluates many of them. Experiment i is a
pure function of i: the result does not depend on where, when or how often it is evaluated. Hence its random streams
are children of one `numpy.random.SeedSequence`, keyed by ``(i, stream)``, never a generator that is passed on.

The names `Experiment` and `EpistemicDist` and their attributes are those of emdcmp 1.1.1, so that distributions
written for it work as they are.

Source: René & Longtin, *Selecting fitted models under epistemic uncertainty using a stochastic process on quantile
functions*, Nature Communications 2025, doi 10.1038/s41467-025-64658-7.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import operator
import os
import pickle
import secrets
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import cloudpickle
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EpistemicDist",
    "Experiment",
    "ExperimentLike",
    "ExperimentSource",
    "SeveralDistributions",
    "Stream",
    "as_one",
    "stream",
]

logger = logging.getLogger("adaptive_calib.calibration")


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


@dataclass(frozen=True)
class SeveralDistributions(EpistemicDist):
    """Several epistemic distributions in turn: experiment i is number i // k of distribution i % k, of k.

    Parameters
    ----------
    N : int
        Number of experiments of all of them together.
    parts : tuple of (str, EpistemicDist)
        Names and distributions.

    Examples
    --------
    >>> from adaptive_calib.calibration import SeveralDistributions
    >>> from adaptive_calib.examples.blackbody.distributions import Infrared, Microwave
    >>> both = SeveralDistributions.of({"infrared": Infrared(N=4), "microwave": Microwave(N=6)})
    >>> len(both), both[3].source == Microwave(N=6)[1].source
    (8, True)
    """

    parts: tuple[tuple[str, EpistemicDist], ...] = ()

    @classmethod
    def of(cls, distributions: Mapping[str, EpistemicDist]) -> SeveralDistributions:
        """Return distributions by name as one; of each as many experiments as the smallest has."""
        if not distributions:
            raise ValueError("expected at least one epistemic distribution, but got none.")
        return cls(len(distributions) * min(one.N for one in distributions.values()), tuple(distributions.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the distributions."""
        return tuple(name for name, _ in self.parts)

    def draw(self, index: int) -> ExperimentLike:
        """Return experiment `index`."""
        _, distribution = self.parts[index % len(self.parts)]
        return distribution[index // len(self.parts)]


def as_one(experiments: Any) -> Any:
    """Return a mapping or sequence of distributions as `SeveralDistributions`; anything else as it is."""
    if isinstance(experiments, Mapping):
        return SeveralDistributions.of(experiments)
    if (
        isinstance(experiments, (list, tuple))
        and experiments
        and all(isinstance(x, EpistemicDist) for x in experiments)
    ):
        names = [type(one).__name__ for one in experiments]
        names = [f"{name} {k}" if names.count(name) > 1 else name for k, name in enumerate(names)]
        return SeveralDistributions.of(dict(zip(names, experiments, strict=True)))
    return experiments


class ExperimentSource:
    """Random access to the experiments of a distribution, each time as a fresh copy.

    Sequences and distributions that define ``draw`` are asked for the experiment itself. Experiments that can only be
    iterated over are drawn once, in the process that asks for points, and kept in pickled form in a temporary folder,
    where workers of the same machine read them: so memory does not grow with their number, and a generator that sits
    inside an experiment starts from the same state whenever the experiment is evaluated. A worker that does not see the
    folder iterates by itself.

    Parameters
    ----------
    experiments
        An `EpistemicDist`, a sequence, or anything that iterates over experiments again and again.
    """

    def __init__(self, experiments: Iterable[ExperimentLike], folder: Path | None = None) -> None:
        self.experiments = experiments
        self._folder = folder
        self._walk: Iterator[ExperimentLike] | None = None
        self._drawn = 0
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[Iterable[ExperimentLike], Path | None]:
        return self.experiments, self._place() if self._only_iterates() else None

    def __setstate__(self, state: tuple[Iterable[ExperimentLike], Path | None]) -> None:
        self.__init__(*state)  # type: ignore[misc]  # the walk starts anew in another process

    def __getitem__(self, index: int) -> ExperimentLike:
        experiments = self.experiments
        if isinstance(experiments, EpistemicDist) and type(experiments).draw is not EpistemicDist.draw:
            return experiments.draw(index)
        if isinstance(experiments, Sequence):
            return _fresh(_packed(experiments[index], index))
        try:
            return _fresh((self._place() / f"{index}").read_bytes())
        except FileNotFoundError:
            self._draw(index)
            return _fresh((self._place() / f"{index}").read_bytes())

    def prepare(self, index: int) -> None:
        """Draw an experiment for the workers, if experiments can only be iterated over.

        If that fails, nothing is said here: the evaluation of the point fails in the same way, and says it.
        """
        if self._only_iterates() and not (self._place() / f"{index}").exists():
            try:
                self._draw(index)
            except Exception as error:  # noqa: BLE001 - whatever the user's iterator raises, it is met again
                logger.debug("experiment %d could not be drawn: %r", index, error)

    def _only_iterates(self) -> bool:
        own = isinstance(self.experiments, EpistemicDist) and type(self.experiments).draw is not EpistemicDist.draw
        return not own and not isinstance(self.experiments, Sequence)

    def _place(self) -> Path:
        """Return the folder of the drawn experiments; one of its own if there is none, or it is not seen here."""
        if self._folder is None or not self._folder.is_dir():
            self._folder = Path(tempfile.mkdtemp(prefix="adaptive_calib-experiments-"))
            weakref.finalize(self, _remove, self._folder, os.getpid())
            self._walk, self._drawn = None, 0
        return self._folder

    def _draw(self, index: int) -> None:
        """Iterate up to an experiment, and keep all on the way."""
        place = self._place()
        with self._lock:
            try:
                if self._walk is None or self._drawn > index:
                    self._walk, self._drawn = iter(self.experiments), 0
                while self._drawn <= index:
                    experiment = next(self._walk, _END)
                    if experiment is _END:
                        raise IndexError(f"experiment {index} does not exist: only {self._drawn} were iterated.")
                    path = place / f"{self._drawn}"
                    if not path.exists():
                        temporary = path.with_name(f".{self._drawn}-{secrets.token_hex(4)}")
                        temporary.write_bytes(_packed(experiment, self._drawn))
                        os.replace(temporary, path)
                    self._drawn += 1
            except BaseException:
                self._walk = None
                raise

    def size(self) -> float:
        """Return the number of experiments; ``inf`` where there is no length."""
        if isinstance(self.experiments, EpistemicDist):
            return float(self.experiments.N)
        try:
            return float(len(self.experiments))  # type: ignore[arg-type]  # unsized iterables are the point
        except TypeError:
            return math.inf


#: What follows the last experiment.
_END: Any = object()


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # not in a process that was forked from this one
        shutil.rmtree(folder, ignore_errors=True)


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
