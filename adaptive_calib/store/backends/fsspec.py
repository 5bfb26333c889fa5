"""A store at any place that fsspec reaches (S3, GCS, SSH, memory, ...): one object per evaluation.

::

    store.json                              the format
    spaces/<uid>.json   runs/<id>.json
    evals/<space>/<point uid>-<split>-<replicate>.json      the row; large data in data/, which is written first

An object is there or not: object stores put it at once, elsewhere it is written under another name and moved. What is
there is listed when a space is first looked at; what others write afterwards is not seen. Some milliseconds per
evaluation are usual; for less use `SQLiteStore` and copy the file.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from adaptive_calib.store.backends.json_records import from_row, from_run, from_space, to_row, to_run, to_space
from adaptive_calib.store.backends.memory import MemoryStore
from adaptive_calib.store.base import Store, replaces
from adaptive_calib.store.errors import (
    NewerStoreError,
    NotAStoreError,
    ReadOnlyStoreError,
    StoreError,
    UnreadableRowError,
)
from adaptive_calib.store.rows import Key, Row, Run, SpaceInfo

__all__ = ["FSSPEC_VERSION", "FsspecStore"]

FSSPEC_VERSION = 1
_NAME = "adaptive_calib object store"
#: Data of this size stand in objects of their own.
LARGE = 64 * 1024
#: Here a put is one step that is complete or absent.
OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "adl", "oss", "oci", "tos", "memory"})


class FsspecStore(Store):
    """A store at a URL.

    Parameters
    ----------
    url : str
        As fsspec understands it: ``"s3://bucket/runs"``, ``"memory://runs"``, ``"file:///data/runs"``.
    readonly : bool
        Whether nothing is ever written.
    pickle_results : bool
        See `Store`.
    **options
        For the file system (keys, endpoints).

    Raises
    ------
    ImportError
        If fsspec is not installed.
    NotAStoreError, NewerStoreError
        If other things are there, or a newer version wrote it.

    Examples
    --------
    >>> from adaptive_calib import BlockingRunner, Learner1D
    >>> from adaptive_calib.runner import SequentialExecutor
    >>> from adaptive_calib.store import FsspecStore
    >>> with FsspecStore("memory://fsspec-example") as store:
    ...     learner = Learner1D(abs, bounds=(-1, 2))
    ...     runner = BlockingRunner(learner, npoints_goal=10, store=store, executor=SequentialExecutor())
    ...     print(store.space(abs).counts)
    {'ok': 10}
    """

    sees_others = False  # what is there is listed once

    def __init__(self, url: str, readonly: bool = False, *, pickle_results: bool = False, **options: Any) -> None:
        super().__init__(pickle_results=pickle_results)
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise ImportError("a store at a URL needs fsspec: pip install adaptive_calib[fsspec]") from error
        self._fs, root = url_to_fs(url, **options)
        self.url = url
        self._root = str(root).rstrip("/")
        self._readonly = readonly
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        self._puts_at_once = bool(OBJECT_STORES & protocols)
        self._memory = MemoryStore()
        self._listed: set[str] = set()
        self._objects: dict[Key, tuple[int, str | None]] = {}  # place in the order, and name of the data
        self._number = time.time_ns()  # order of writing, also across runs
        self._check_format()
        for record in self._read_all("spaces"):
            self._memory.put_space(to_space(record))
        for record in self._read_all("runs"):
            self._memory.put_run(to_run(record))

    def __repr__(self) -> str:
        return f"<FsspecStore {self.url!r}{', read-only' if self._readonly else ''}>"

    # ------------------------------------------------------------------------------------------------ objects

    def _check_format(self) -> None:
        try:
            head = self._read("store.json")
        except FileNotFoundError:
            if self._fs.exists(self._root) and self._fs.ls(self._root, detail=False):
                raise NotAStoreError(f"{self.url} holds other things, no store; give an empty or new place.") from None
            if self._readonly:
                raise
            self._write("store.json", {"format": _NAME, "version": FSSPEC_VERSION})
            return
        if head.get("format") != _NAME:
            raise NotAStoreError(f"{self.url} is no store: its store.json says {head!r:.80}.")
        if head.get("version", 0) > FSSPEC_VERSION:
            raise NewerStoreError(
                f"{self.url} has format {head['version']}, and this adaptive_calib reads up to {FSSPEC_VERSION}."
            )

    def _write(self, name: str, record: dict[str, Any]) -> None:
        self._write_bytes(name, json.dumps(record, separators=(",", ":")).encode("ascii"))

    def _write_bytes(self, name: str, content: bytes) -> None:
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")
        path = f"{self._root}/{name}"
        try:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            if self._puts_at_once:
                self._fs.pipe_file(path, content)
            else:
                beside = f"{path}.tmp-{secrets.token_hex(4)}"
                self._fs.pipe_file(beside, content)
                self._fs.mv(beside, path)
        except OSError as error:
            raise StoreError(f"{self.url}: {name} could not be written: {error}. What was stored is there.") from error

    def _read(self, name: str) -> dict[str, Any]:
        return _record(self._fs.cat_file(f"{self._root}/{name}"), name)

    def _read_all(self, folder: str) -> list[dict[str, Any]]:
        place = f"{self._root}/{folder}"
        try:
            paths = [path for path in self._fs.find(place) if path.endswith(".json")]
        except FileNotFoundError:
            return []
        contents = self._fs.cat(paths) if paths else {}
        return sorted((_record(contents[p], p) for p in paths), key=lambda r: r.get("number", r.get("created", 0.0)))

    def _object(self, key: Key) -> str:
        return f"evals/{key.space}/{key.point_uid}-{key.split}-{key.replicate}.json"

    def _list(self, space: str) -> None:
        if space not in self._listed:
            self._listed.add(space)
            for record in self._read_all(f"evals/{space}"):
                row = self._with_data(record)
                self._memory.put([row])
                self._objects[row.key] = record.get("number", 0), record.get("data")

    def _with_data(self, record: dict[str, Any]) -> Row:
        row, name = to_row(record), record.get("data")
        if name is None:
            return row
        try:
            return row._replace(y_data=self._fs.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError as error:
            raise UnreadableRowError(f"the data {name} of a result in {self.url} are not there.") from error

    # ------------------------------------------------------------------------------------------------ the contract

    def put(self, rows: Sequence[Row], *, force: bool = False) -> None:
        """Write rows, each complete or not at all."""
        for row in rows:
            self._list(row.space)
            old = self._memory.get(row.key)
            if old is not None and not replaces(row.status, old.status, force):
                continue
            self._number += 1
            number, old_data = self._objects.get(row.key, (self._number, None))
            record, name = {**from_row(row), "number": number}, None
            if row.y_data is not None and len(row.y_data) > LARGE:
                name = f"data/{row.space}/{row.point_uid}-{row.split}-{row.replicate}-{row.run_id}.bin"
                self._write_bytes(name, row.y_data)
                record.update(data=name, y_data=None)
            self._write(self._object(row.key), record)
            self._memory.put([row], force=force)
            self._objects[row.key] = number, name
            if old_data not in (None, name):
                self._remove(str(old_data))

    def get(self, key: Key) -> Row | None:
        """Return the row under a key, or None."""
        self._list(key.space)
        return self._memory.get(key)

    def iter(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a space."""
        self._list(space)
        return self._memory.iter(space)

    def delete(self, keys: Iterable[Key]) -> int:
        """Delete rows, then their data."""
        deleted = 0
        for key in keys:
            if self.get(key) is not None:
                _, data = self._objects.pop(key)
                self._remove(self._object(key))
                deleted += self._memory.delete([key])
                if data is not None:
                    self._remove(data)
        return deleted

    def _remove(self, name: str) -> None:
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")
        self._fs.rm(f"{self._root}/{name}")

    def put_space(self, info: SpaceInfo) -> None:
        """Write the description of a space."""
        self._write(f"spaces/{info.uid}.json", from_space(info))
        self._memory.put_space(info)

    def drop_space(self, uid: str) -> None:
        """Delete the rows of a space, then the space."""
        self.delete([row.key for row in self.iter(uid)])
        if any(info.uid == uid for info in self.read_spaces()):
            self._remove(f"spaces/{uid}.json")
        self._memory.drop_space(uid)

    def read_spaces(self) -> list[SpaceInfo]:
        """Return the descriptions of all spaces."""
        return self._memory.read_spaces()

    def put_run(self, run: Run) -> None:
        """Write the description of a run."""
        self._write(f"runs/{run.id}.json", {**from_run(run), "created": run.started})
        self._memory.put_run(run)

    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs."""
        return self._memory.read_runs()

    def clean_files(self) -> int:
        """Remove data that no row names; return how many."""
        try:
            found = set(self._fs.find(f"{self._root}/data"))
        except FileNotFoundError:
            return 0
        names = {r.get("data") for r in self._read_all("evals")}
        orphans = [path for path in found if path[path.rindex("/data/") + 1 :] not in names]
        for path in orphans:
            self._fs.rm(path)
        return len(orphans)

    def close(self) -> None:
        """Do nothing: there is nothing open."""

    @property
    def place(self) -> Path | None:
        """None: workers could not write there."""
        return None

    @property
    def readonly(self) -> bool:
        """Whether nothing is ever written."""
        return self._readonly


def _record(content: bytes, name: str) -> dict[str, Any]:
    try:
        record = json.loads(content)
    except ValueError as error:
        raise UnreadableRowError(f"{name} is damaged: {content[:80]!r}") from error
    if not isinstance(record, dict):
        raise UnreadableRowError(f"{name} is damaged: {content[:80]!r}")
    return record
