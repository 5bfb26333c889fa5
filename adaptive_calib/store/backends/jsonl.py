"""A store that only appends, for network folders where databases cannot be trusted: one file, one writer.

Each line says what was put or deleted; opening reads them all into memory. A lock file beside it names the writer.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

from adaptive_calib.store.backends.files import write_atomically
from adaptive_calib.store.backends.json_records import from_row, from_run, from_space, to_row, to_run, to_space
from adaptive_calib.store.backends.jsonl_file import LineFormat
from adaptive_calib.store.backends.memory import MemoryStore
from adaptive_calib.store.base import Store, replaces
from adaptive_calib.store.errors import ReadOnlyStoreError, StoreError
from adaptive_calib.store.manifest import process_is_gone
from adaptive_calib.store.rows import Key, Row, Run, SpaceInfo

__all__ = ["JOURNAL_VERSION", "JournalStore"]

JOURNAL_VERSION = 1
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

    Raises
    ------
    NotAStoreError, NewerStoreError
        If the file is something else, or of a newer version.
    StoreError
        If another process writes to it.

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

    sees_others = False  # one writer

    def __init__(
        self,
        path: Any,
        durable: Literal["process", "power"] = "process",
        readonly: bool = False,
        *,
        pickle_results: bool = False,
    ) -> None:
        super().__init__(pickle_results=pickle_results)
        self.path = Path(path)
        self._readonly = readonly
        self._durable = durable
        self._memory = MemoryStore()
        self._file: BinaryIO | None = None
        if not readonly:
            self._lock()
            try:
                self._file = _FORMAT.open(self.path)
            except BaseException:
                self._unlock()
                raise
        try:
            for number, record in _FORMAT.read(self.path):
                self._replay(number, record)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<JournalStore {str(self.path)!r}{', read-only' if self._readonly else ''}>"

    # ------------------------------------------------------------------------------------------------ the one writer

    @property
    def _lock_path(self) -> Path:
        return self.path.with_name(self.path.name + ".lock")

    def _lock(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        mine = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode()
        for _ in range(2):
            try:
                handle = os.open(self._lock_path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                self._remove_lock_of_the_dead()
            else:
                with os.fdopen(handle, "wb") as file:
                    file.write(mine)
                return
        raise StoreError(f"{self.path} was locked by somebody else at this moment; try again.")

    def _remove_lock_of_the_dead(self) -> None:
        try:
            owner = json.loads(self._lock_path.read_bytes())
        except (FileNotFoundError, ValueError):
            owner = {}
        if not process_is_gone(owner):
            raise StoreError(
                f"process {owner.get('pid')} on {owner.get('host')} writes to {self.path}, and a journal has one "
                f"writer. End it first, or use a file of your own; if that process is gone, delete {self._lock_path}."
            )
        self._lock_path.unlink(missing_ok=True)

    def _unlock(self) -> None:
        self._lock_path.unlink(missing_ok=True)

    def _append(self, records: Iterable[dict[str, Any]]) -> None:
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")
        if self._file is None:
            raise StoreError(f"{self!r} is closed.")
        text = b"".join(map(_FORMAT.line, records))
        end = self._file.seek(0, os.SEEK_END)
        try:
            self._file.write(text)
            self._file.flush()
            if self._durable == "power":
                os.fsync(self._file.fileno())
        except OSError as error:
            self._reopen(end)
            raise StoreError(f"{self.path} could not be written: {error}. What was stored before is there.") from error

    def _reopen(self, end: int) -> None:
        """Take back what was written in part, which would stand in the way of what comes."""
        file, self._file = self._file, None
        if file is not None:
            os.ftruncate(file.fileno(), end)
            try:
                file.close()  # tries to write its buffer once more
            except OSError:
                os.truncate(self.path, end)
            self._file = _FORMAT.open(self.path)

    def _replay(self, number: int, record: dict[str, Any]) -> None:
        match record:
            case {"put": list(rows), "force": bool(force)}:
                self._memory.put(list(map(to_row, rows)), force=force)
            case {"delete": list(keys)}:
                self._memory.delete(Key(*key) for key in keys)
            case {"space": dict(space)}:
                self._memory.put_space(to_space(space))
            case {"drop": str(uid)}:
                self._memory.drop_space(uid)
            case {"run": dict(run)}:
                self._memory.put_run(to_run(run))
            case _:
                raise StoreError(f"line {number} of {self.path} is damaged: {record!r:.80}")

    # ------------------------------------------------------------------------------------------------ the contract

    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Write rows in one line, complete or not at all."""
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
        """Iterate over the rows of a space."""
        return self._memory.iter(space)

    def delete(self, keys: Iterable[Key]) -> int:
        """Delete rows; `gc` gives their room back."""
        present = [key for key in keys if self._memory.get(key) is not None]
        if present:
            self._append([{"delete": present}])
        return self._memory.delete(present)

    def put_space(self, info: SpaceInfo) -> None:
        """Write the description of a space."""
        self._append([{"space": from_space(info)}])
        self._memory.put_space(info)

    def drop_space(self, uid: str) -> None:
        """Delete a space with its rows."""
        self._append([{"drop": uid}])
        self._memory.drop_space(uid)

    def read_spaces(self) -> list[SpaceInfo]:
        """Return the descriptions of all spaces."""
        return self._memory.read_spaces()

    def put_run(self, run: Run) -> None:
        """Write the description of a run."""
        self._append([{"run": from_run(run)}])
        self._memory.put_run(run)

    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs."""
        return self._memory.read_runs()

    def clean_files(self) -> int:
        """Write the file anew, without what was deleted or replaced; return 0, as there are no other files."""
        if self._readonly or self._file is None:
            raise ReadOnlyStoreError(f"{self!r} is closed or read-only.")
        records: list[dict[str, Any]] = [{"format": _FORMAT.name, "version": _FORMAT.version}]
        records += [{"space": from_space(info)} for info in self.read_spaces()]
        records += [{"put": [from_row(row)], "force": False} for row in self._memory.rows()]
        records += [{"run": from_run(run)} for run in self.read_runs()]
        write_atomically(self.path, b"".join(map(_FORMAT.line, records)))
        self._file.close()
        self._file = _FORMAT.open(self.path)
        return 0

    def close(self) -> None:
        """Close the file and let others write."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
            self._unlock()

    @property
    def place(self) -> Path | None:
        """The folder ``<store>.files``."""
        return self.path.with_name(self.path.name + ".files").absolute()

    @property
    def readonly(self) -> bool:
        """Whether nothing is ever written."""
        return self._readonly
