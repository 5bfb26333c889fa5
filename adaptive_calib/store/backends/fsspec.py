"""A store at any place that fsspec reaches (S3, GCS, SSH, memory, ...): one object per evaluation.

::

    store.json                              the format
    spaces/<uid>.json   runs/<id>.json
    evals/<space>/<point uid>-<split>-<replicate>.json      the row; large data in data/, which is written first
    claims/<space>/<point uid>-<split>-<replicate>.<turn>   the owner of a lease; owners/<owner>: its sign of life

Each object is complete or absent: object stores put it in one step, elsewhere it is written under another name and
moved. A result set is listed when it is first read, and again by `refresh`. A lease is an object that only one process
can make; who takes over the lease of a dead owner makes the one of the next turn. Names in records are compared with
the names of their objects, so that a record from elsewhere cannot lead out of the store. Some milliseconds per
evaluation are usual; for less use `SQLiteStore` and copy the file.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, unquote

from adaptive_calib.store.backend import replaces
from adaptive_calib.store.backends.json_records import (
    from_result_set,
    from_row,
    from_run,
    to_result_set,
    to_row,
    to_run,
)
from adaptive_calib.store.backends.memory import MemoryStore
from adaptive_calib.store.base import Store
from adaptive_calib.store.errors import (
    NewerStoreError,
    NotAStoreError,
    ReadOnlyStoreError,
    StoreError,
    UnreadableRowError,
)
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.rows import OK, Key, Row, Run, damaged

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
        self._turns: dict[Key, int] = {}  # of the leases that were taken here
        self._number = time.time_ns()  # order of writing, also across runs
        self._check_format()
        for name, record in self._read_all("spaces"):
            info = to_result_set(_known(record, name))
            if name == f"spaces/{info.uid}.json":
                self._memory.put_result_set(info)
        for name, record in self._read_all("runs"):
            with suppress(UnreadableRowError):  # the description of a run that is damaged: results do not depend on it
                run = to_run(_known(record, name))
                if name == f"runs/{run.id}.json":
                    self._memory.put_run(run)

    def __repr__(self) -> str:
        return f"<FsspecStore {self.url!r}{', read-only' if self._readonly else ''}>"

    # ------------------------------------------------------------------------------------------------ objects

    def _check_format(self) -> None:
        place = f"{self._root}/store.json"
        try:
            content = self._fs.cat_file(place)
        except FileNotFoundError:
            there = [
                str(path) for path in (self._fs.ls(self._root, detail=False) if self._fs.exists(self._root) else [])
            ]
            if any(path.endswith("/store.json") for path in there):  # another process made it meanwhile
                content = self._fs.cat_file(place)
            # what a process leaves that was killed before the first object had its name
            elif any(not path.rpartition("/")[2].startswith("store.json.tmp-") for path in there):
                raise NotAStoreError(f"{self.url} holds other things, no store; give an empty or new place.") from None
            elif self._readonly:
                raise
            else:
                self._write("store.json", {"format": _NAME, "version": FSSPEC_VERSION})
                return
        head = _known(_record(content), "store.json")
        if head.get("format") != _NAME or not isinstance(head.get("version"), int):
            raise NotAStoreError(f"{self.url} is not a store: its store.json is {head!r:.80}.")
        if head["version"] > FSSPEC_VERSION:
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

    def _create(self, name: str, content: bytes) -> bool:
        """Make an object; return False if it is there. Of several processes one succeeds."""
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")
        path = f"{self._root}/{name}"
        try:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.url}: {name} could not be written: {error}. What was stored is there.") from error
        try:
            if self._puts_at_once:
                self._fs.pipe_file(path, content, mode="create")
            else:
                with self._fs.open(path, "xb") as file:
                    file.write(content)
        except FileExistsError:
            return False
        except (OSError, ValueError, NotImplementedError) as error:
            raise StoreError(
                f"{self.url}: {name} could not be made: {error!r}. If this place cannot make a file only if it is not "
                "there, leave `share_every` out."
            ) from error
        return True

    def _read_all(self, folder: str, known: Collection[str] = ()) -> list[tuple[str, dict[str, Any] | None]]:
        """Return names and records of the objects in a folder, None for those that are damaged, in their order.

        Objects whose names are in `known` are left out.
        """
        place = f"{self._root}/{folder}"
        try:
            paths = [str(path) for path in self._fs.find(place) if str(path).endswith(".json")]
            if known:
                paths = [path for path in paths if f"{folder}/{path.rpartition('/')[2]}" not in known]
            contents = self._fs.cat(paths) if paths else {}
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OSError(f"{self.url}: {folder} could not be listed: {error}. Try again.") from error
        found = [(f"{folder}/{path.rpartition('/')[2]}", _record(contents[path])) for path in paths]
        return sorted(found, key=lambda item: _order(item[1]))

    @staticmethod
    def _object(key: Key) -> str:
        return f"evals/{key.space}/{key.point_uid}-{quote(key.split, safe='')}-{key.replicate}.json"

    def _list(self, space: str) -> None:
        if space in self._listed or _UNSAFE.search(space):
            return
        self._take(space, self._read_all(f"evals/{space}"))
        self._listed.add(space)

    def _take(self, space: str, records: Iterable[tuple[str, dict[str, Any] | None]]) -> None:
        for name, record in records:
            row = self._row(space, name, record)
            self._memory.put([row])
            data = None if record is None else record.get("data")
            self._objects[row.key] = int(_order(record)), data if isinstance(data, str) else None

    def refresh(self, space: str, key: Key | None = None) -> None:
        """List a result set again, and read what is new; with `key`, look for this object only. Results stay."""
        if space not in self._listed or _UNSAFE.search(space):
            self._list(space)
            return
        self._fs.invalidate_cache(f"{self._root}/evals/{space}")
        known = {self._object(row.key) for row in self._memory.iter(space) if row.status == OK}
        if key is None:
            self._take(space, self._read_all(f"evals/{space}", known))
            return
        name = self._object(key)
        if name not in known:
            with suppress(FileNotFoundError):
                self._take(space, [(name, _record(self._fs.cat_file(f"{self._root}/{name}")))])

    def _row(self, space: str, name: str, record: dict[str, Any] | None) -> Row:
        """Return the row of an object, a damaged one under the key that its name gives if the record is no good."""
        stem, _, replicate = name.rpartition("/")[2].removesuffix(".json").rpartition("-")
        uid, _, split = stem.partition("-")
        empty = Row(
            space=space, point_uid=uid, split=unquote(split), replicate=int(replicate) if replicate.isdigit() else 0,
            status="", point="", y="", y_kind="json", y_data=None, started=0.0, duration=0.0, host="", pid=0, seed="",
            attempt=0, run_id="", exc_type="", traceback="",
        )  # fmt: skip
        if record is None:
            return damaged(empty, f"{name} is no JSON record")
        data, place = None, record.get("data")
        if place is not None:
            if not self._is_data(space, place):
                return damaged(empty, f"{name} names {place!r:.80}, which is no place for its data")
            try:
                data = self._fs.cat_file(f"{self._root}/{place}")
            except FileNotFoundError:
                return damaged(empty._replace(point=str(record.get("point"))), f"its data {place} are not there")
            except OSError as error:
                raise OSError(f"{self.url}: {place} could not be read: {error}. Try again.") from error
        try:
            row = to_row(record, data)
        except UnreadableRowError as error:
            return damaged(empty, str(error))
        if self._object(row.key) != name:
            return damaged(empty, f"{name} holds the record of another evaluation")
        return row

    @staticmethod
    def _is_data(space: str, name: Any) -> bool:
        folder, _, file = name.rpartition("/") if isinstance(name, str) else ("", "", "")
        return folder == f"data/{space}" and file.endswith(".bin") and not _UNSAFE.search(file)

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
                stem = self._object(row.key).rpartition("/")[2].removesuffix(".json")
                name = f"data/{row.space}/{stem}-{quote(row.run_id, safe='')}.bin"
                self._write_bytes(name, row.y_data)
                record.update(data=name, y_data=None)
            self._write(self._object(row.key), record)
            self._memory.put([row], force=force)
            self._objects[row.key] = number, name
            if old_data != name:
                self._remove_data(row.space, old_data)

    def get(self, key: Key) -> Row | None:
        """Return the row under a key, or None."""
        self._list(key.space)
        return self._memory.get(key)

    def iter(self, space: str) -> Iterator[Row]:
        """Iterate over the rows of a result set."""
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
                self._remove_data(key.space, data)
        return deleted

    def _remove_data(self, space: str, name: str | None) -> None:
        if self._is_data(space, name):
            self._remove(str(name))

    def _remove(self, name: str) -> None:
        if self._readonly:
            raise ReadOnlyStoreError(f"{self!r} would have been written to; open it without readonly=True.")
        with suppress(FileNotFoundError):
            self._fs.rm(f"{self._root}/{name}")

    def put_result_set(self, info: ResultSetInfo) -> None:
        """Write the description of a result set."""
        self._write(f"spaces/{info.uid}.json", from_result_set(info))
        self._memory.put_result_set(info)

    def drop_result_set(self, uid: str) -> None:
        """Delete the rows of a result set, then the result set."""
        self.delete([row.key for row in self.iter(uid)])
        if any(info.uid == uid for info in self.read_result_sets()) and not _UNSAFE.search(uid):
            self._remove(f"spaces/{uid}.json")
        self._memory.drop_result_set(uid)

    def read_result_sets(self) -> list[ResultSetInfo]:
        """Return the descriptions of all result sets."""
        return self._memory.read_result_sets()

    def put_run(self, run: Run) -> None:
        """Write the description of a run."""
        self._write(f"runs/{run.id}.json", {**from_run(run), "created": run.started})
        self._memory.put_run(run)

    def read_runs(self) -> list[Run]:
        """Return the descriptions of all runs."""
        return self._memory.read_runs()

    def claim(self, keys: Sequence[Key], owner: str, expired: Collection[str] = ()) -> dict[Key, str]:
        """Take leases on points, each by an object of its own; return those that another owner has, with its name."""
        held = {}
        for key in keys:
            holder = self._claim(key, owner, expired)
            if holder is not None:
                held[key] = holder
        return held

    def _claim(self, key: Key, owner: str, expired: Collection[str]) -> str | None:
        """Make the object of the next turn if the owner of the last one has expired; else return that owner."""
        folder, _, begin = self._claim_name(key, "").rpartition("/")
        while True:
            self._fs.invalidate_cache(f"{self._root}/{folder}")
            try:
                names = [str(path).rpartition("/")[2] for path in self._fs.ls(f"{self._root}/{folder}", detail=False)]
            except FileNotFoundError:
                names = []
            ends = [name.removeprefix(begin) for name in names if name.startswith(begin)]
            turn = max((int(end) for end in ends if end.isdigit()), default=-1)
            if turn >= 0:
                try:
                    content = self._fs.cat_file(f"{self._root}/{self._claim_name(key, turn)}")
                except FileNotFoundError:  # given up meanwhile
                    continue
                holder = str(content.decode("utf-8", "replace"))
                if holder == owner:
                    return None
                if holder not in expired:
                    return holder
            if self._create(self._claim_name(key, turn + 1), owner.encode()):
                self._turns[key] = turn + 1
                return None

    @staticmethod
    def _claim_name(key: Key, turn: int | str) -> str:
        return f"claims/{key.space}/{key.point_uid}-{quote(key.split, safe='')}-{key.replicate}.{turn}"

    def release(self, keys: Iterable[Key], owner: str) -> None:
        """Remove the objects of leases, and those of dead owners before them."""
        for key in keys:
            for turn in range(self._turns.pop(key, -1) + 1):
                self._remove(self._claim_name(key, turn))

    def beat(self, owner: str, number: int | None) -> None:
        """Write that an owner lives, or that it has ended."""
        name = f"owners/{quote(owner, safe='')}"
        if number is None:
            self._remove(name)
        else:
            self._write_bytes(name, str(number).encode())

    def beats(self) -> dict[str, int]:
        """Return the last numbers of the owners."""
        place = f"{self._root}/owners"
        self._fs.invalidate_cache(place)
        beats = {}
        with suppress(FileNotFoundError):
            for path in map(str, self._fs.find(place)):
                number = self._fs.cat_file(path)
                if number.isdigit():
                    beats[unquote(path.rpartition("/")[2])] = int(number)
        return beats

    def clean_files(self) -> int:
        """Remove data that no row names, and leases; return how many data."""
        for folder in ("claims", "owners"):
            with suppress(FileNotFoundError):
                self._fs.rm(f"{self._root}/{folder}", recursive=True)
        try:
            found = [str(path) for path in self._fs.find(f"{self._root}/data")]
            sets = [str(path).rpartition("/")[2] for path in self._fs.ls(f"{self._root}/evals", detail=False)]
        except FileNotFoundError:
            return 0
        records = [record for space in sets for _, record in self._read_all(f"evals/{space}")]
        names = {record.get("data") for record in records if record is not None}
        orphans = [path for path in found if path[path.rindex("/data/") + 1 :] not in names]
        for path in orphans:
            self._fs.rm(path)
        return len(orphans)

    @property
    def readonly(self) -> bool:
        """Whether nothing is ever written."""
        return self._readonly


#: What no part of a name may hold.
_UNSAFE = re.compile(r"[^0-9A-Za-z_.%~+-]|^\.\.?$")


def _record(content: bytes) -> dict[str, Any] | None:
    """Return the record that an object holds, None if it is damaged."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _known(record: dict[str, Any] | None, name: str) -> dict[str, Any]:
    if record is None:
        raise UnreadableRowError(f"{name} is damaged: it is no JSON record. Restore it from a backup, or remove it.")
    return record


def _order(record: dict[str, Any] | None) -> float:
    place = {} if record is None else record
    number = place.get("number", place.get("created", 0.0))
    return number if isinstance(number, (int, float)) else 0.0
