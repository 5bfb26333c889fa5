"""A store that only appends, for network folders where databases cannot be trusted: one file.

Each line is one call: rows that were put, keys that were deleted, and so on. Opening reads all of them into memory. One
process writes as long as it has the store open; or, with ``shared=True``, several do: each locks the file while it
appends, and reads what the others have appended before.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import Any, Literal

from adaptive_calib.store.atomic import write_atomically
from adaptive_calib.store.backend import replaces
from adaptive_calib.store.backends.json_records import (
    from_result_set,
    from_row,
    from_run,
    to_result_set,
    to_row,
    to_run,
)
from adaptive_calib.store.backends.jsonl_file import LineFormat, append, cut_torn_line
from adaptive_calib.store.backends.memory import MemoryStore
from adaptive_calib.store.backends.writer_lock import WriterLock
from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import ReadOnlyStoreError, StoreError, UnreadableRowError
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.rows import DAMAGED, Key, Row, Run

__all__ = ["JOURNAL_VERSION", "JournalStore", "is_journal"]

JOURNAL_VERSION = 1
#: Seconds that a writer of a shared file waits for the others.
PATIENCE = 30.0
_FORMAT = LineFormat("adaptive_calib journal store", JOURNAL_VERSION)


class JournalStore(Store):
    """A store in one file of JSON lines. All of it is held in memory.

    Parameters
    ----------
    path
        The file; made, with its folder, if it is not there.
    durable : {"process", "power"}
        What acknowledged rows survive: the death of the process, or a power cut (a flush of the disk per write).
    readonly : bool
        Whether the file is only read; this needs no lock.
    pickle_results : bool
        See `Store`.
    shared : bool
        Whether several processes write, which all have to give it: for runs with ``share_every=``. In a folder without
        locks (`flock`) each write takes seconds.
    skip_damaged : bool
        Whether lines that cannot be read are left out; by default they are an error. What they held is evaluated again.

    Raises
    ------
    NotAStoreError, NewerStoreError
        If the file is something else, or of a newer version.
    StoreError
        If another process writes to it, or lines of it are damaged.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> from adaptive_calib.store import JournalStore
    >>> learner = Learner1D(abs, bounds=(-1, 2))
    >>> with JournalStore("example.jsonl") as store:
    ...     runner = BlockingRunner(learner, npoints_goal=10, store=store, executor=SequentialExecutor())
    ...     print(store.space(abs).counts)
    {'ok': 10}
    """

    def __init__(
        self,
        path: Any,
        durable: Literal["process", "power"] = "process",
        readonly: bool = False,
        *,
        pickle_results: bool = False,
        shared: bool = False,
        skip_damaged: bool = False,
    ) -> None:
        super().__init__(pickle_results=pickle_results)
        self._given = str(path)
        self.path = Path(path).absolute()  # a function may change the folder
        self._readonly = readonly
        self._durable = durable
        self._shared = shared and not readonly
        self.sees_others = self._shared
        self._memory = MemoryStore()
        self._file: FileIO | None = None
        self._lock: WriterLock | None = None
        self._in_use = threading.RLock()  # leases write in a thread of their own
        self._position = 0  # behind the last line that was read; of shared files only
        try:
            if not readonly:
                self._lock = WriterLock(self.path, wait=PATIENCE if shared else 0.0)
                self._file = _FORMAT.open(self.path)
            self._read(skip_damaged)
            if self._shared and self._lock is not None:
                self._position = self.path.stat().st_size
                self._release_lock()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<JournalStore {self._given!r}{', read-only' if self._readonly else ''}>"

    def _read(self, skip_damaged: bool) -> None:
        damaged: list[str] = []
        records = _FORMAT.read(self.path, damaged)
        for number, record in records:
            try:
                self._replay(record)
            except (UnreadableRowError, TypeError, ValueError) as error:
                damaged.append(f"line {number} of {self.path} is damaged: {record!r:.80} ({error}).")
        if damaged and not skip_damaged:
            more = f" And {len(damaged) - 3} more." if len(damaged) > 3 else ""
            raise StoreError(
                f"{' '.join(damaged[:3])}{more} Restore the file from a backup, or open it with skip_damaged=True: "
                "what these lines held is then evaluated again."
            )

    def _replay(self, record: Any) -> None:
        match record:
            case {"put": list(rows), "force": bool(force)}:
                self._memory.put(list(map(to_row, rows)), force=force)
            case {"delete": keys, "check": check} | {"drop": keys, "check": check} if check != _check(keys):
                raise ValueError("its checksum is not the one that was written")
            case {"delete": list(keys)}:
                self._memory.delete(Key(*key) for key in keys)
            case {"space": dict(space)}:
                self._memory.put_result_set(to_result_set(space))
            case {"drop": str(uid)}:
                self._memory.drop_result_set(uid)
            case {"run": dict(run)}:
                self._memory.put_run(to_run(run))
            case {"claim": list(keys), "owner": str(owner), "expired": list(expired)}:
                self._memory.claim([Key(*key) for key in keys], owner, expired)
            case {"release": list(keys), "owner": str(owner)}:
                self._memory.release([Key(*key) for key in keys], owner)
            case {"owner": str(owner), "beat": int() | None as number}:
                self._memory.beat(owner, number)
            case _:
                raise ValueError("no call of a store")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Context manager for writing: with the lock of the file, and all that others have written."""
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")
        if self._file is None:
            raise StoreError(f"{self!r} is closed.")
        with self._in_use:
            if not self._shared:
                yield
                return
            self._refuse_if_replaced(self._file)
            self._lock = WriterLock(self.path, wait=PATIENCE)
            try:
                self._read_on()
                cut_torn_line(self._file)  # of a process that was killed
                yield
                self._position = os.fstat(self._file.fileno()).st_size
            finally:
                self._release_lock()

    def _read_on(self) -> None:
        """Read what other processes have appended."""
        with self._in_use:
            if self._shared and self._file is not None and os.fstat(self._file.fileno()).st_size > self._position:
                records, position = _FORMAT.read_on(self.path, self._position)
                try:
                    for record in records:
                        self._replay(record)
                except (UnreadableRowError, TypeError, ValueError) as error:
                    raise StoreError(f"a line of {self.path} is damaged: {error}.") from error
                self._position = position

    def _append(self, records: Iterable[dict[str, Any]]) -> None:
        if self._file is None or self._lock is None:
            raise StoreError(f"{self!r} is closed.")
        self._lock.refuse_if_lost()
        self._refuse_if_replaced(self._file)
        try:
            append(self._file, b"".join(map(_FORMAT.line, records)))
            if self._durable == "power":
                os.fsync(self._file.fileno())
        except OSError as error:
            raise StoreError(f"{self.path} could not be written: {error}. What was stored before is there.") from error

    def _refuse_if_replaced(self, file: FileIO) -> None:
        """Raise if another file is at the path than the one that is open; all rows are then saved elsewhere."""
        try:
            if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                return
        except OSError:
            pass  # it is not there
        saved = self.path.with_name(f"{self.path.name}.rescued-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            write_atomically(saved, self._content())
            there = f"All that it held was saved as {saved}."
        except OSError as error:
            there = f"It could not be saved under another name either: {error}."
        raise StoreError(f"{self.path} was deleted, moved or replaced while it was open. {there}")

    def _content(self) -> bytes:
        """Return a file that holds what is stored now."""
        records: list[dict[str, Any]] = [{"format": _FORMAT.name, "version": _FORMAT.version}]
        records += [{"space": from_result_set(info)} for info in self.read_result_sets()]
        records += [{"put": [from_row(row)], "force": False} for row in self._memory.rows() if row.status != DAMAGED]
        records += [{"run": from_run(run)} for run in self.read_runs()]
        return b"".join(map(_FORMAT.line, records))

    # ------------------------------------------------------------------------------------------------ the contract

    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Write rows in one line, complete or not at all."""
        with self._writing():
            wanted = []
            for row in rows:
                old = self._memory.get(row.key)
                if old is None or replaces(row.status, old.status, force):
                    wanted.append(row)
            if wanted:
                self._append([{"put": [from_row(row) for row in wanted], "force": force}])
                self._memory.put(wanted, force=force)

    def get(self, key: Key) -> Row | None:
        """Return the row under a key, or None."""
        return self._memory.get(key)

    def iter(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a result set."""
        self._read_on()
        return self._memory.iter(space)

    def refresh(self, space: str, key: Key | None = None) -> None:
        """Read what other processes have appended."""
        self._read_on()

    def delete(self, keys: Iterable[Key]) -> int:
        """Delete rows; `gc` gives their room back."""
        with self._writing():
            present = [key for key in keys if self._memory.get(key) is not None]
            if present:
                self._append([{"delete": present, "check": _check(present)}])
            return self._memory.delete(present)

    def put_result_set(self, info: ResultSetInfo) -> None:
        """Write the description of a result set."""
        with self._writing():
            self._append([{"space": from_result_set(info)}])
            self._memory.put_result_set(info)

    def drop_result_set(self, uid: str) -> None:
        """Delete a result set with its rows."""
        with self._writing():
            self._append([{"drop": uid, "check": _check(uid)}])
            self._memory.drop_result_set(uid)

    def read_result_sets(self) -> list[ResultSetInfo]:
        """Return the descriptions of all result sets."""
        self._read_on()
        return self._memory.read_result_sets()

    def put_run(self, run: Run) -> None:
        """Write the description of a run."""
        with self._writing():
            self._append([{"run": from_run(run)}])
            self._memory.put_run(run)

    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs."""
        self._read_on()
        return self._memory.read_runs()

    def claim(self, keys: Sequence[Key], owner: str, expired: Collection[str] = ()) -> dict[Key, str]:
        """Take leases on points; return those that another owner has, with its name."""
        with self._writing():
            held = self._memory.claim(keys, owner, expired)
            claimed = [key for key in keys if key not in held]
            if claimed:
                self._append([{"claim": claimed, "owner": owner, "expired": list(expired)}])
            return held

    def release(self, keys: Iterable[Key], owner: str) -> None:
        """Give up leases."""
        with self._writing():
            keys = list(keys)
            self._append([{"release": keys, "owner": owner}])
            self._memory.release(keys, owner)

    def beat(self, owner: str, number: int | None) -> None:
        """Write that an owner lives, or that it has ended."""
        with self._writing():
            self._append([{"owner": owner, "beat": number}])
            self._memory.beat(owner, number)

    def beats(self) -> dict[str, int]:
        """Return the last numbers of the owners."""
        self._read_on()
        return self._memory.beats()

    def clean_files(self) -> int:
        """Write the file anew, without what was deleted or replaced; return 0, as there are no other files.

        Nothing is done to a shared file, which other processes have open.
        """
        if self._readonly or self._file is None:
            raise ReadOnlyStoreError(f"{self!r} is closed or read-only.")
        if self._shared:
            return 0
        write_atomically(self.path, self._content())
        self._file.close()
        self._file = _FORMAT.open(self.path)
        return 0

    def close(self) -> None:
        """Close the file and release it to other writers."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
        self._release_lock()

    def _release_lock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    @property
    def place(self) -> Path | None:
        """The folder ``<store>.files``."""
        return self.path.with_name(self.path.name + ".files")

    @property
    def readonly(self) -> bool:
        """Whether nothing is ever written."""
        return self._readonly


def is_journal(path: Path) -> bool:
    """Whether there is a file at a path that begins as that of a `JournalStore` does."""
    try:
        with path.open("rb") as file:
            begin = file.read(100)
    except OSError:
        return False
    return begin.startswith(_FORMAT.start) or (begin != b"" and _FORMAT.start.startswith(begin))  # written in part


def _check(content: Any) -> str:
    return blake2b(json.dumps(content).encode("ascii"), digest_size=8).hexdigest()
