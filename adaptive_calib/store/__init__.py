"""Stores of evaluations: identities, backends, queries, and logs of runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if sys.argv[:1] == ["-m"] and "adaptive_calib.store" in sys.orig_argv and sys.path[:1] in ([""], [os.getcwd()]):
    # ``python -m adaptive_calib.store FILE`` would import modules from the folder that it looks at
    del sys.path[0]

from adaptive_calib._lazy import attach
from adaptive_calib.store.backends.fsspec import FsspecStore
from adaptive_calib.store.backends.jsonl import JournalStore
from adaptive_calib.store.backends.memory import MemoryStore
from adaptive_calib.store.backends.sqlite import SQLiteStore
from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import (
    CodeChangedWarning,
    EmptyStoreError,
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
from adaptive_calib.store.identity.evaluation import Context, Evaluation
from adaptive_calib.store.identity.replicates import Replicate, Replicates
from adaptive_calib.store.log import FileLog, open_log, read_log
from adaptive_calib.store.path_template import PathTemplate
from adaptive_calib.store.preview import DryRun, dry_run
from adaptive_calib.store.result_set import Space, StoredEvaluation
from adaptive_calib.store.run_archive import open_archive, open_store

if TYPE_CHECKING:
    from adaptive_calib.callbacks.mlflow import MlflowCallback

__all__ = [
    "CodeChangedWarning",
    "Context",
    "DryRun",
    "EmptyStoreError",
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
    "dry_run",
    "open_archive",
    "open_log",
    "open_store",
    "read_log",
]

# a callback, which lives above the store, under the name that it has had here
__getattr__, __dir__ = attach(globals(), {"adaptive_calib.callbacks.mlflow": ("MlflowCallback",)})
