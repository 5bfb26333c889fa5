"""A writer in a rush: ``python -m tests.store.rushing PATH NUMBER`` puts results, one by one, until it is killed.

After each put that was acknowledged its number is appended to ``PATH.told``; at NUMBER the writer stands still.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from adaptive_calib.store import SQLiteStore
from adaptive_calib.store.backends import sqlite
from adaptive_calib.testing.stores import make_row
from tests.store.killed import note


def write(path: Path, number: int) -> None:
    """Put and note, then stand still."""
    sqlite.RUSH = 1e9
    store = SQLiteStore(path)
    for i in range(number):
        store.put([make_row(f"{i:06}", y=str(i))])
        note(path.with_name(path.name + ".told"), i)
    signal.pause()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
