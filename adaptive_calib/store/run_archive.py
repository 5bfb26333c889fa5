"""One run's view of a store: preload, look up, record.

A keyed cache is not enough: an adaptive learner chooses its points by the order of arrival, so a second run asks for
other points than the first. Therefore all stored results are told before the first ask; then each asked point is looked
up; if it is not there it is evaluated, and the result is recorded before it is told to the learner.

=========== ============ ================= ================== =============================
mode        preloaded    stored results    stored failures    written
=========== ============ ================= ================== =============================
"cached"    all results  told at once      `tell_failed`      yes
"retry"     all results  told at once      evaluated first    yes, failures are replaced
"force"     nothing      evaluated again   evaluated again    yes, results are replaced
"read-only" all results  told at once      `tell_failed`      never; a miss is an error
=========== ============ ================= ================== =============================
"""

from __future__ import annotations

import gc
import json
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args

from adaptive_calib._warnings import warn_caller
from adaptive_calib._words import count
from adaptive_calib.engine.archive import Archive, Outcome, Preloaded, Stored
from adaptive_calib.learner.carried_point import CarriedPoint
from adaptive_calib.store.backends.fsspec import FsspecStore
from adaptive_calib.store.backends.jsonl import JournalStore, is_journal
from adaptive_calib.store.backends.sqlite import SQLiteStore
from adaptive_calib.store.base import Store
from adaptive_calib.store.codec import PointKey, encode
from adaptive_calib.store.compatibility import PointGuard, open_result_set
from adaptive_calib.store.errors import (
    ReadOnlyStoreError,
    StoreError,
    StoreWarning,
    UnreadableRowError,
    UnstorableResultError,
)
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.facts import point_fields
from adaptive_calib.store.identity.replicates import Replicate, set_and_number
from adaptive_calib.store.leases import Leases
from adaptive_calib.store.manifest import gather, process_is_gone, refuse_dirty
from adaptive_calib.store.point_map import PointMap, point_map
from adaptive_calib.store.result_set import is_damage, point_of
from adaptive_calib.store.rows import DAMAGED, OK, STATUSES, Key, Row, Run, damaged
from adaptive_calib.store.text import encodable

__all__ = ["Mode", "RunArchive", "open_archive", "open_store"]

logger = logging.getLogger("adaptive_calib.store")

#: Endings of files that are expected to be something else than a database.
_NO_STORES = (".csv", ".h5", ".hdf5", ".json", ".npy", ".npz", ".parquet", ".pickle", ".pkl", ".txt", ".xlsx")
#: Characters of the reason of a run that are kept.
_LONGEST_REASON = 10_000

Mode = Literal["cached", "retry", "force", "read-only"]
#: An evaluation, its point, and the key of its row.
_Place = tuple[Evaluation, Any, Key]


def open_store(store: Any, *, readonly: bool = False, shared: bool = False) -> Store:
    """Return the store that is given, or open the one at a path or a URL.

    Parameters
    ----------
    store : path, URL or Store
        A path that ends with ``.jsonl``, or a file of JSON lines, is a `JournalStore`; any other file is a
        `SQLiteStore`; a URL, or the folder of such a store, is a `FsspecStore`.
    readonly : bool
        Refuse to write, and do not make a new one.
    shared : bool
        Open a `JournalStore` for several processes; the others always are.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        A new file would have the ending of a table or a pickle.

    Examples
    --------
    >>> from adaptive_calib.store import open_store
    >>> with open_store("opened-example.db") as store:
    ...     print(store.spaces())
    []
    """
    if isinstance(store, Store):
        return store
    if isinstance(store, str) and "://" in store:
        return FsspecStore(store, readonly=readonly)
    if isinstance(store, (str, os.PathLike)):
        path = Path(store)
        if (path / "store.json").is_file():
            return FsspecStore(f"file://{path.absolute()}", readonly=readonly)
        is_new = not (path.exists() and path.stat().st_size)  # before it is looked into: another process may begin it
        if is_journal(path) or (path.suffix == ".jsonl" and is_new):
            return JournalStore(path, readonly=readonly, shared=shared)
        if path.suffix in _NO_STORES and not path.exists():
            raise ValueError(
                f"`store` should be a file such as results.db (SQLite) or results.jsonl (JSON lines), but is "
                f"{str(store)!r}. To write a table, export the store: adaptive-calib export results.db -o {path.name}."
            )
        return SQLiteStore(path, readonly=readonly)
    raise TypeError(
        f"`store` should be a path, a URL or a Store (SQLiteStore, MemoryStore, ...), but is a {type(store).__name__}."
    )


def open_archive(
    store: Any,
    learner: Any,
    *,
    mode: Mode = "cached",
    manifest: Mapping[str, Any] | None = None,
    require_clean_git: bool = False,
    share_every: float | None = None,
) -> Archive:
    """Open a store for one run of a learner.

    Parameters
    ----------
    store : path, URL or Store
        A path is a `SQLiteStore`, closed with the run; a `Store` stays open.
    learner
        Its function is an `Evaluation`, or a plain callable whose name, code and parameters then are its identity.
        Each child of a BalancingLearner has a space of its own function; of a DataSaver the whole result is kept; of
        a SequenceLearner results belong to elements, not to indices.
    mode : {"cached", "retry", "force", "read-only"}
        See the table of this module.
    manifest : mapping, optional
        More entries for the run's manifest, plain data.
    require_clean_git : bool
        Refuse to begin unless the learner's function is in a git checkout without changes to its files, so that the
        commit in the manifest says what ran.
    share_every : float, optional
        Seconds after which the results are told that other runs have recorded since; and a point that one of them has
        evaluated, or is evaluating, is not evaluated here. For modes "cached" and "retry".

    Returns
    -------
    Archive
        For the drivers. Close it at the end of the run.

    Raises
    ------
    ValueError
        If `mode` is no mode, or `share_every` does not go with it.
    ReadOnlyStoreError
        If the store is read-only and the mode is not.
    StoreError
        If the file, or its content under these identities, is damaged or of other code; or the checkout has changes.
    NotCanonicalError
        If a function has no identity.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.archive import Outcome
    >>> from adaptive_calib.engine.evaluate import Report
    >>> from adaptive_calib.store import MemoryStore, open_archive
    >>> archive = open_archive(MemoryStore(), Learner1D(abs, bounds=(-1, 2)))
    >>> archive.record([Outcome(-1.0, "ok", Report(1.0))])
    >>> archive.find(-1.0)
    Stored(status='ok', value=1.0, reason='')
    >>> archive.close("finished", "enough")
    """
    if mode not in get_args(Mode):
        raise ValueError(f"`mode` should be one of {', '.join(get_args(Mode))}, but is {mode!r}.")
    if share_every is not None and (mode not in ("cached", "retry") or not share_every >= 0):
        raise ValueError(
            '`share_every` should be a number of seconds, in mode "cached" or "retry", '
            f"but is {share_every!r} in mode {mode!r}."
        )
    points = point_map(learner)
    about = gather(points.evaluations, manifest) if require_clean_git or mode != "read-only" else {}
    if require_clean_git:
        refuse_dirty(about["git"])
    opened = open_store(store, readonly=mode == "read-only", shared=share_every is not None)
    if opened.readonly and mode != "read-only":
        raise ReadOnlyStoreError(f'{opened!r} is read-only; give mode="read-only", or open it without readonly=True.')
    try:
        return RunArchive(opened, points, mode, about, owns_store=opened is not store, share_every=share_every)
    except BaseException:
        if opened is not store:
            opened.close()
        raise


class RunArchive:
    """One run's view of a store; made by `open_archive`.

    Attributes
    ----------
    store : Store
        The store.
    run_id : str
        Number of this run in the store.
    loaded, skipped, not_repeated : int
        Results told before the first ask; results outside the learner's domain; stored failures that are not
        repeated.
    """

    def __init__(
        self,
        store: Store,
        points: PointMap,
        mode: Mode,
        manifest: Mapping[str, Any],
        *,
        owns_store: bool = False,
        share_every: float | None = None,
    ) -> None:
        if share_every is not None and not store.sees_others:
            raise ValueError(
                f"{store!r} does not see what other runs write; leave `share_every` out, or open a JournalStore with "
                "shared=True in each process."
            )
        self.store = store
        self.run_id = secrets.token_hex(8)
        self.loaded = self.skipped = self.not_repeated = 0
        self._points = points
        self._mode = mode
        self._owns_store = owns_store
        self._share_every = share_every
        self._next_look = inf if share_every is None else time.monotonic() + share_every
        self._closed = False
        self._unwritten: list[Row] = []  # rows that could not be written, tried again with the next ones
        self._failure: StoreError | None = None  # its message is kept true until the end
        self._guards: dict[str, PointGuard] = {}
        self._known: dict[str, dict[tuple[str, str, int], str]] = {e.uid: {} for e in points.evaluations}
        writes = mode != "read-only"
        for evaluation in {e.uid: e for e in points.evaluations}.values():
            self._guards[evaluation.uid] = open_result_set(store, evaluation, write=writes)
        for evaluation in points.evaluations:
            evaluation.attach(store.place)
        self._leases: Leases | None = None
        self._claimed_elsewhere: set[Key] = set()
        self._repeats: dict[Key, str] = {}  # failures that are evaluated again -> the run that stored them
        self._run: Run | None = None
        if writes:
            text = json.dumps(manifest, default=repr)
            self._look_at_other_runs()
            self._run = Run(self.run_id, time.time(), None, "running", "", text)
            store.put_run(self._run)
        if share_every is not None:
            self._leases = Leases(store, self.run_id)

    # ------------------------------------------------------------------------------------------------ the protocol

    def preload(self, stop: Callable[[], object] = lambda: None) -> Preloaded:
        """Return what the store holds of this learner, in the order of recording, until `stop()` is true."""
        if self._mode == "force":
            return Preloaded()
        with _collecting_no_garbage():
            known = self._load(lambda space: takewhile(lambda row: not stop(), self.store.scan(space)))
        self.loaded, self.not_repeated = len(known.points), len(known.failed)
        found = (
            (self.loaded, "result", "loaded"),
            (self.skipped, "result", "outside of the learner's domain"),
            (self.not_repeated, "failed point", 'left out (mode="retry" repeats failed points)'),
            (len(known.again), "failed point", "evaluated again"),
        )
        words = ", ".join(f"{count(number, noun)} {what}" for number, noun, what in found if number)
        if words:
            # a failure that is left out without a word would look like a finished list
            level = logging.WARNING if known.failed else logging.INFO
            logger.log(level, "%r: %s", self.store, words)
        return known

    def news(self) -> Preloaded | None:
        """Return the results that other runs have recorded since the last look, if there are any and it is time."""
        if time.monotonic() < self._next_look:
            return None
        found = self._load(self._scan_new)
        self._next_look = time.monotonic() + (self._share_every or 0.0)
        self.loaded += len(found.points)
        return Preloaded(found.points, found.values) if found.points else None

    def _load(self, scan: Callable[[str], Iterable[Row]]) -> Preloaded:
        points: list[Any] = []
        values: list[Any] = []
        failed: list[Any] = []
        reasons: list[str] = []
        again: list[Any] = []
        damage: list[Row] = []
        repeats, restore = self._mode == "retry", self._points.restore
        scanned: dict[str, list[tuple[Row, Any, Any]]] = {}
        for number, evaluation in enumerate(self._points.evaluations):
            if evaluation.uid not in scanned:
                scanned[evaluation.uid] = self._read(scan(evaluation.uid), damage)
            for row, point, value in scanned[evaluation.uid]:
                places = restore(number, point, row.point_uid)
                if type(point) is PointKey:
                    for place in places:
                        self._guards[evaluation.uid].check(self._points.locate(place)[1])
                else:
                    self.skipped += not places
                if row.status == OK:
                    points += places
                    values += (value,) * len(places)
                elif repeats:
                    again += places
                    self._repeats[row.key] = row.run_id
                else:
                    failed += places
                    reasons += [row.traceback] * len(places)
        if damage:
            self._settle_damage(damage)
        return Preloaded(points, values, failed, reasons, again)

    def _scan_new(self, space: str) -> Iterator[Row]:
        """Yield the rows that were written since the last look, except those of this run."""
        known = self._known[space]
        self.store.refresh(space)
        new = [Key(space, *place) for place, now in self.store.statuses(space) if known.get(place) not in (OK, now)]
        rows = (self.store.get(key) for key in new if key not in self._claimed_elsewhere)  # the run looks for these
        return (row for row in rows if row is not None)

    def _read(self, rows: Iterable[Row], damage: list[Row]) -> list[tuple[Row, Any, Any]]:
        """Return rows with their points and results; those that are damaged go to `damage`."""
        read = self.store.results.read
        found = []
        for row in rows:
            try:
                if row.status == DAMAGED:
                    raise UnreadableRowError(row.traceback)
                point = point_of(row)
                value = read(row.y_kind, row.y, row.y_data) if row.status == OK else None
            except UnreadableRowError as error:
                if not is_damage(error):
                    raise
                damage.append(row if row.status == DAMAGED else damaged(row, str(error)))
                continue
            self._known[row.space][row.point_uid, row.split, row.replicate] = row.status
            found.append((row, point, value))
        return found

    def _settle_damage(self, damage: Sequence[Row]) -> None:
        """Delete damaged rows in a run that evaluates them again; raise in any other."""
        points = ", ".join(row.point[:80] for row in damage[:10]) + (", ..." if len(damage) > 10 else "")
        if self._mode == "retry":
            self.store.delete([row.key for row in damage])
            logger.warning("%r: %s evaluated again: %s", self.store, count(len(damage), "damaged result"), points)
            return
        spaces = " and ".join(
            f'store.space("{uid}").delete({{"status": "damaged"}})' for uid in sorted({row.space for row in damage})
        )
        raise UnreadableRowError(
            f"{count(len(damage), 'damaged result')} in {self.store!r}, at {points} (the first one: "
            f'{damage[0].traceback}). Restore the files from a backup; or give mode="retry", to evaluate these points '
            f"again; or delete them: {spaces}."
        )

    def place(self, point: Any) -> _Place:
        """Return the evaluation of a learner's point, its point, and its key."""
        number, own = self._points.locate(point)
        evaluation = self._points.evaluations[number]
        return evaluation, own, Key(evaluation.uid, evaluation.point_uid(own), *set_and_number(own))

    def find(self, point: Any, place: _Place | None = None, *, claim: bool = True) -> Stored | None:
        """Return what is stored of an asked point, None if it has to be evaluated.

        Parameters
        ----------
        point
            The point as the learner asked for it.
        place : optional
            What `place` returned for it.
        claim : bool
            In a run that shares its points: take a lease on the point if there is no result.

        Raises
        ------
        ReadOnlyStoreError
            In mode "read-only", instead of None.
        """
        evaluation, own, key = place or self.place(point)
        self._guards[evaluation.uid].check(own)
        known = self._known[evaluation.uid]
        status = known.get(key[1:])
        if status not in (None, OK) and self._mode in ("cached", "read-only"):
            return self._failed(key, status)
        if status == OK:
            row = self.store.get(key)
            if row is not None and row.status == OK:  # else somebody deleted it since
                return self._stored(row)
        if self._leases is not None:
            found = self._found_elsewhere(key, status)
            if found is not None or not claim:
                return found
            if self._leases.claim([key]):
                self._claimed_elsewhere.add(key)
                return Stored("claimed")
            found = self._found_elsewhere(key, status)  # its last owner may have stored it before it gave it up
            self._claimed_elsewhere.discard(key)
            if found is not None:
                self._leases.release([key])
                return found
        if self._mode == "read-only":
            raise ReadOnlyStoreError(
                f'the point {own!r} of {evaluation.name} is not in {self.store!r} and mode="read-only" evaluates '
                'nothing; use mode="cached".'
            )
        return None

    def _found_elsewhere(self, key: Key, status: str | None) -> Stored | None:
        """Return what another run has stored of a point since; `status` is what was known before."""
        self.store.refresh(key.space, key)
        row = self.store.get(key)
        if row is None or row.status not in STATUSES:
            return None
        if row.status == status and row.run_id == self._repeats.get(key, row.run_id):
            return None
        self._claimed_elsewhere.discard(key)
        self._known[key.space][key[1:]] = row.status
        return self._stored(row) if row.status == OK else self._failed(key, row.status)

    def _stored(self, row: Row) -> Stored:
        return Stored("ok", self.store.results.read(row.y_kind, row.y, row.y_data))

    def _failed(self, key: Key, status: str) -> Stored:
        row = self.store.get(key)
        return Stored("crashed" if status == "crashed" else "failed", reason="" if row is None else row.traceback)

    def release(self, places: Sequence[_Place | None]) -> None:
        """Give up leases on points that are not going to be evaluated now."""
        if self._leases is not None:
            self._leases.release([place[2] for place in places if place is not None])

    @property
    def look_every(self) -> float:
        """Seconds after which to look again for a point that another run has leased."""
        return min(self._share_every or 0.05, 1.0)

    def prepare(self, outcome: Outcome) -> Row:
        """Return the row of an outcome, with its result encoded; `record` takes it from ``outcome.prepared``.

        Raises
        ------
        UnstorableResultError
            If the result is no plain data.
        """
        try:
            return self._row(outcome)
        except UnstorableResultError as error:
            raise _unstorable(error, outcome) from error

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write final outcomes in one transaction; returns when they survive the death of this process.

        Raises
        ------
        UnstorableResultError
            If a result is no plain data; the others are written all the same.
        StoreError
            If they could not be written. They are kept, and tried again with the next ones and at the end; the message
            has the reason and counts them. What was stored before stays readable.
        """
        rows, refused = [], []
        for outcome in outcomes:
            try:
                rows.append(self._row(outcome) if outcome.prepared is None else outcome.prepared)
            except UnstorableResultError as error:
                refused.append((outcome, error))
        if rows:
            self._write(rows)
        if refused:
            outcome, cause = refused[0]
            more = f" (and {len(refused) - 1} more points)" if len(refused) > 1 else ""
            raise _unstorable(cause, outcome, more) from cause

    def report(self, state: Mapping[str, Any]) -> None:
        """Keep the state of the run for those who watch the store: plain data, in the entry "state" of its manifest."""
        if self._run is not None and not self._closed:
            manifest = json.loads(self._run.manifest) | {"state": dict(state)}
            self._run = self._run._replace(manifest=encodable(json.dumps(manifest)))
            self.store.put_run(self._run)

    def close(self, status: str, reason: str) -> None:
        """End the run: `status` is finished, exhausted, failed or cancelled; `reason` is for people.

        Raises
        ------
        StoreError
            If the configuration was changed during the run, or its end cannot be written.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._write_the_rest()
            if self._run is not None:
                run = self._run._replace(ended=time.time(), status=status, reason=encodable(reason)[:_LONGEST_REASON])
                try:
                    self.store.put_run(run)
                except (StoreError, OSError) as error:
                    if self._failure is None:
                        raise
                    logger.warning("%r: the end of the run could not be written: %s", self.store, error)
            for evaluation in self._points.evaluations:
                evaluation.refuse_changed_config()
        finally:
            if self._leases is not None:
                self._leases.close()
            if self._owns_store:
                self.store.close()

    # ------------------------------------------------------------------------------------------------ inside

    def _row(self, outcome: Outcome) -> Row:
        if self._mode == "read-only":
            raise ReadOnlyStoreError(
                f'{self.store!r} is used with mode="read-only": {outcome.point!r} is not recorded.'
            )
        report = outcome.report
        evaluation, own, key = outcome.place or self.place(outcome.point)
        kind, y, data = self.store.results.write(report.value) if outcome.status == OK else ("json", "", b"")
        error = report.error
        return Row(
            space=key.space,
            point_uid=key.point_uid,
            split=key.split,
            replicate=key.replicate,
            status=outcome.status,
            point=_point_text(evaluation, own),
            y=y,
            y_kind=kind,
            y_data=data or None,
            started=report.started,
            duration=report.seconds,
            host=report.host,
            pid=report.pid,
            seed="" if evaluation.seed is None else str(evaluation.seed),
            attempt=outcome.attempt,
            run_id=self.run_id,
            exc_type="" if error is None else encodable(f"{type(error).__module__}.{type(error).__qualname__}"),
            traceback=encodable(report.traceback),
            stdout=encodable(report.stdout),
            stderr=encodable(report.stderr),
            logs=encodable(report.logs),
        )

    def _write(self, rows: Sequence[Row]) -> None:
        """Write rows, and those that could not be written before."""
        rows = [*self._unwritten, *rows]
        try:
            self.store.put(rows, force=self._mode == "force")
        except (StoreError, OSError) as error:
            self._unwritten = rows
            if self._failure is None:
                kind = type(error) if isinstance(error, StoreError) else StoreError
                self._failure = kind("")
                self._failure.__cause__ = error
            self._say(_explained(error, self.store))
            raise self._failure from error
        self._unwritten = []
        for row in rows:
            known, place = self._known[row.space], (row.point_uid, row.split, row.replicate)
            if row.status == OK or known.get(place) != OK:
                known[place] = row.status
        if self._leases is not None:
            self._leases.release([row.key for row in rows])

    def _write_the_rest(self) -> None:
        """Try once more to write what could not be written; if that fails, write it to a file beside the store."""
        if not self._unwritten:
            if self._failure is not None:
                self._say("They were written when there was room again, so nothing is missing.", lost=False)
            return
        with suppress(StoreError):
            self._write([])
            self._say("They were written at the end of the run, so nothing is missing.", lost=False)
            return
        saved = self._saved_elsewhere()
        if saved is None:
            self._say(f"{_explained(self._failure_cause(), self.store)} They could not be written to any other place.")
        else:
            self._say(
                f"{_explained(self._failure_cause(), self.store)} They were written to {saved}; take them over with "
                f'store.merge(JournalStore("{saved}")).'
            )
        logger.error("%s", self._failure)

    def _failure_cause(self) -> BaseException:
        assert self._failure is not None
        return self._failure.__cause__ or self._failure

    def _say(self, rest: str, *, lost: bool = True) -> None:
        """Complete the message of the failure that ends the run, which the user sees when all is over."""
        if self._failure is None:
            return
        if lost:
            names = ", ".join(row.point for row in self._unwritten)
            self._failure.args = (f"{count(len(self._unwritten), 'result')} at {names} could not be written. {rest}",)
        else:
            self._failure.args = (f"results could not be written at first. {rest} ({self._failure_cause()})",)

    def _saved_elsewhere(self) -> Path | None:
        """Write the rows that the store does not take to a journal elsewhere; return its path."""
        place = self.store.place
        name = f"{place.name.removesuffix('.files') if place is not None else 'results'}.unwritten-{self.run_id}.jsonl"
        folders = [Path.cwd(), Path.home(), Path(tempfile.gettempdir())]
        for folder in folders if place is None else [place.parent, *folders]:
            path = folder / name
            try:
                with JournalStore(path) as journal:
                    for info in self.store.read_result_sets():
                        if info.uid in self._known:
                            journal.put_result_set(info)
                    journal.put(self._unwritten)
            except (StoreError, OSError) as error:
                logger.debug("%s could not be written: %r", path, error)
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            else:
                return path
        return None

    def _look_at_other_runs(self) -> None:
        own = set(self._known)
        for run in self.store.read_runs():
            if run.status != "running":
                continue
            about = json.loads(run.manifest)
            if process_is_gone(about):
                self.store.put_run(run._replace(status="died", reason="killed: its process is gone"))
            elif own & set(about.get("spaces", ())) and about.get("pid") != os.getpid() and self._share_every is None:
                warn_caller(
                    f"another run (process {about.get('pid')} on {about.get('host')}) is computing the same in "
                    f"{self.store!r}. Nothing is lost: each result is kept once, the first one; but points that both "
                    "ask for are evaluated twice. End one of them if that is not wanted, or give each share_every=10, "
                    "to share the points out.",
                    StoreWarning,
                )


def _unstorable(cause: Exception, outcome: Outcome, more: str = "") -> UnstorableResultError:
    return UnstorableResultError(f"the result at the point {outcome.point!r}{more} was not stored: {cause}")


def _point_text(evaluation: Evaluation, own: Any) -> str:
    """Return a point as text: as it is if it is plain data, otherwise its canonical text, of which a uid is made."""
    try:
        text, in_bytes = encode(tuple(own) if type(own) in (Replicate, CarriedPoint) else own, "the point")
        if not in_bytes:
            return text
    except UnstorableResultError:
        pass  # a member of an Enum, an instance, ...: identified by its canonical text alone
    key = evaluation.point_text(own)
    if type(own) is PointKey:
        return encode(own)[0]
    text, in_bytes = encode(PointKey(key, point_fields(own)))
    return encode(PointKey(key))[0] if in_bytes else text


def _explained(error: BaseException, store: Store) -> str:
    if isinstance(error, StoreError):  # says so itself
        return str(error)
    when = "you may write there" if isinstance(error, PermissionError) else "there is room"
    return f"{store!r}: {error}. What was stored before is there; start again when {when}."


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Context manager that pauses the garbage collector, which would visit each of very many objects that all stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
