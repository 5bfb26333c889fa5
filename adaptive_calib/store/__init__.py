"""What survives a run: identities, the store of evaluations, logs, snapshots and data frames."""

from adaptive_calib.store.archive import open_archive, open_store
from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import (
    CodeChangedWarning,
    NewerStoreError,
    NotAStoreError,
    NotCanonicalError,
    ReadOnlyStoreError,
    StaleDefaultError,
    StoreError,
    StoreWarning,
    UnreadableRowError,
    UnstorableResultError,
)
from adaptive_calib.store.evaluation import Context, Evaluation
from adaptive_calib.store.log import FileLog, open_log, read_log
from adaptive_calib.store.memory import MemoryStore
from adaptive_calib.store.sqlite import SQLiteStore

__all__ = [
    "CodeChangedWarning",
    "Context",
    "Evaluation",
    "FileLog",
    "MemoryStore",
    "NewerStoreError",
    "NotAStoreError",
    "NotCanonicalError",
    "ReadOnlyStoreError",
    "SQLiteStore",
    "StaleDefaultError",
    "Store",
    "StoreError",
    "StoreWarning",
    "UnreadableRowError",
    "UnstorableResultError",
    "open_archive",
    "open_log",
    "open_store",
    "read_log",
]
