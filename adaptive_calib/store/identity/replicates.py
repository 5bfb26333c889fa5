"""Repetitions of a random experiment: numbered, in named sets, each with its own seed.

Replicate i of the set "fit" is drawn from ``SeedSequence(entropy=root, spawn_key=(set, i))``, where `set` is 64 bits
of the name's digest: from its number alone, not from the size of the set. So a debugging run with ``cap=5`` computes
the first five of the full set, which the full run then finds in the store; and the sets share nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, overload

import numpy as np

__all__ = ["Replicate", "Replicates", "replicate_seed", "set_and_number"]


class Replicate(NamedTuple):
    """One repetition: a point for an `Evaluation`, whose `rng` it then determines.

    Attributes
    ----------
    split : str
        Name of the set.
    number : int
        Number of the repetition in it, from 0.

    Examples
    --------
    >>> from adaptive_calib.store import Replicate
    >>> Replicate("fit", 3)
    Replicate(split='fit', number=3)
    """

    split: str
    number: int


class Replicates(Sequence[Replicate]):
    """The repetitions 0 to n - 1 of one set; a sequence for a `SequenceLearner`.

    Parameters
    ----------
    n : int
        Number of repetitions, >= 0.
    split : str
        Name of the set: ``"fit"``, ``"validation"``, ``"test"``.
    cap : int, optional
        Only the first `cap` repetitions, for a trial.

    Examples
    --------
    >>> from adaptive_calib.store import Replicates
    >>> list(Replicates(1000, split="fit", cap=2))
    [Replicate(split='fit', number=0), Replicate(split='fit', number=1)]
    """

    def __init__(self, n: int, split: str = "fit", cap: int | None = None) -> None:
        if n < 0 or (cap is not None and cap < 0):
            raise ValueError(f"`n` and `cap` should be >= 0, but are {n} and {cap}.")
        if not split:
            raise ValueError('`split` should be a name like "fit", but is empty.')
        self.n = n
        self.split = split
        self.cap = cap

    def __repr__(self) -> str:
        return f"Replicates({self.n}, split={self.split!r}{'' if self.cap is None else f', cap={self.cap}'})"

    def __len__(self) -> int:
        return self.n if self.cap is None else min(self.n, self.cap)

    def __iter__(self) -> Iterator[Replicate]:
        return (Replicate(self.split, i) for i in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Replicate: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Replicate]: ...
    def __getitem__(self, index: int | slice) -> Replicate | Sequence[Replicate]:
        """Return one repetition, or a list of some."""
        numbers = range(len(self))[index]
        if isinstance(numbers, range):
            return [Replicate(self.split, i) for i in numbers]
        return Replicate(self.split, numbers)


def set_and_number(point: Any) -> tuple[str, int]:
    """Return the set and the number of a repetition, ``("", 0)`` for any other point."""
    return (point.split, point.number) if isinstance(point, Replicate) else ("", 0)


def replicate_seed(root: int | None, replicate: Replicate) -> np.random.SeedSequence:
    """Return the seed of a repetition, from the root seed, the set and the number alone."""
    return np.random.SeedSequence(entropy=root, spawn_key=(_number(replicate.split), replicate.number))


@lru_cache(maxsize=64)
def _number(split: str) -> int:
    return int.from_bytes(blake2b(split.encode(), digest_size=8).digest(), "big")
