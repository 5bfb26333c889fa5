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
from adaptive_calib.store.fsspec import FsspecStore
from adaptive_calib.store.journal import JournalStore
from adaptive_calib.store.log import FileLog, open_log, read_log
from adaptive_calib.store.memory import MemoryStore
from adaptive_calib.store.mlflow import MlflowCallback
from adaptive_calib.store.path_template import PathTemplate
from adaptive_calib.store.replicates import Replicate, Replicates
from adaptive_calib.store.space import Space, StoredEvaluation
from adaptive_calib.store.sqlite import SQLiteStore

__all__ = [
    "CodeChangedWarning",
    "Context",
    "Evaluation",
    "FileLog",
    "FsspecStore",
    "JournalStore",
    "MemoryStore",
    "MlflowCallback",
    "NewerStoreError",
    "NotAStoreError",
    "NotCanonicalError",
    "PathTemplate",
    "ReadOnlyStoreError",
    "Replicate",
    "Replicates",
    "SQLiteStore",
    "Space",
    "StaleDefaultError",
    "Store",
    "StoreError",
    "StoreWarning",
    "StoredEvaluation",
    "UnreadableRowError",
    "UnstorableResultError",
    "open_archive",
    "open_log",
    "open_store",
    "read_log",
]
