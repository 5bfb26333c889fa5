"""The errors and warnings of stores; each kind has a class of its own, so that it can be caught by itself."""

from __future__ import annotations

from adaptive_calib.engine.archive import RefusedResultError

__all__ = [
    "CodeChangedWarning",
    "EmptyStoreError",
    "NewerStoreError",
    "NotAStoreError",
    "NotCanonicalError",
    "ReadOnlyStoreError",
    "StaleDefaultError",
    "StoreError",
    "StoreWarning",
    "UnreadableRowError",
    "UnstorableResultError",
]


class StoreError(RuntimeError):
    """The base of the errors of stores, except those for wrong arguments."""


class NotAStoreError(StoreError):
    """A file that is not a store, or is damaged beyond reading."""


class EmptyStoreError(NotAStoreError):
    """A file to be read in which nothing is yet: a store that is just being made."""

    def __init__(self, place: object) -> None:
        super().__init__(f"{place} is empty: no run has written to it yet.")


class NewerStoreError(StoreError):
    """A store that was written by a newer version of adaptive_calib."""


class ReadOnlyStoreError(StoreError):
    """A store that is only read would have been written to, or a point evaluated for it."""


class StaleDefaultError(StoreError):
    """A default, of a configuration or a point, changed since the stored results were computed."""


class UnstorableResultError(StoreError, RefusedResultError):
    """A result that a store cannot keep: of a type that is neither plain data nor has a handler, or too large."""


class UnreadableRowError(StoreError):
    """A stored result that cannot be read: damaged, pickled, or written by a handler that is not registered.

    Attributes
    ----------
    readable_elsewhere : bool
        Whether it is undamaged: a store with that handler, or with `pickle_results`, reads it.
    """

    readable_elsewhere = False


class NotCanonicalError(TypeError):
    """A value without a canonical form, so that results could not be found again under it; names the field."""


class StoreWarning(UserWarning):
    """A store is used in a way that may not have the intended effect."""


class CodeChangedWarning(StoreWarning):
    """The code that computes results, or data that it uses, changed since the stored results were computed."""
