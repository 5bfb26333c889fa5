"""What can go wrong with a store, each with a name of its own, so that it can be caught and told apart."""

from __future__ import annotations

__all__ = [
    "CodeChangedWarning",
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
    """Something about a store; the base of the errors of this package that are no wrong arguments."""


class NotAStoreError(StoreError):
    """A file that is no store, or is damaged beyond reading."""


class NewerStoreError(StoreError):
    """A store that a newer version of adaptive_calib wrote."""


class ReadOnlyStoreError(StoreError):
    """Something would have been written to, or evaluated for, a store that is only read."""


class StaleDefaultError(StoreError):
    """A default of the configuration changed: the stored results were computed with another one."""


class UnstorableResultError(StoreError):
    """A result that holds something which is neither JSON nor array; it can be computed again."""


class UnreadableRowError(StoreError):
    """A stored result that cannot be read here: damaged, pickled, or of a handler that is not registered."""


class NotCanonicalError(TypeError):
    """A value without a canonical form, so that nothing could be found again under it; names the field."""


class StoreWarning(UserWarning):
    """A store is used in a way that may not do what is hoped for."""


class CodeChangedWarning(StoreWarning):
    """The code of the function is not the one that gave the stored results."""
