"""One run's view of a store: preload, look up, record.

A keyed cache alone would not do: an adaptive learner chooses its points by the order of arrival, so a second run asks
for other points than the first. Therefore all that is stored is told before the first ask; then each asked point is
looked up; then it is evaluated, and recorded before the learner hears of it.

=========== ============ ================= ================== =============================
mode        preloaded    stored results    stored failures    written
=========== ============ ================= ================== =============================
"cached"    all results  told at once      `tell_failed`      yes
"retry"     all results  told at once      evaluated again    yes, failures are replaced
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
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args

from adaptive_calib.engine.archive import Archive, Outcome, Preloaded, Stored
from adaptive_calib.store.backends.fsspec import FsspecStore
from adaptive_calib.store.backends.sqlite import SQLiteStore
from adaptive_calib.store.base import Store
from adaptive_calib.store.codec import decode, encode
from adaptive_calib.store.compatibility import open_space
from adaptive_calib.store.errors import ReadOnlyStoreError, StoreError, StoreWarning, UnstorableResultError
from adaptive_calib.store.identity.canonical import PointKey
from adaptive_calib.store.identity.evaluation import Evaluation
from adaptive_calib.store.identity.replicates import Replicate
from adaptive_calib.store.manifest import gather, process_is_gone, refuse_dirty
from adaptive_calib.store.point_map import PointMap, point_map
from adaptive_calib.store.rows import OK, Key, Row, Run, Scanned

__all__ = ["Mode", "RunArchive", "open_archive", "open_store"]

logger = logging.getLogger("adaptive_calib.store")

Mode = Literal["cached", "retry", "force", "read-only"]
#: Uid of a point, status, the evaluation's point, its result (None unless ok).
_Found = tuple[str, str, Any, Any]
#: An evaluation, its point, and the place of this in the evaluation's space: uid, split, replicate.
_Place = tuple[Evaluation, Any, tuple[str, str, int]]


def open_store(store: Any, *, readonly: bool = False) -> Store:
    """Return the store that is given, or open the one at a path or a URL.

    Parameters
    ----------
    store : path, URL or Store
        A path is a `SQLiteStore`, an URL a `FsspecStore`.
    readonly : bool
        Refuse to write, and do not make a new one.

    Raises
    ------
    TypeError
        If it is neither.

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
        return SQLiteStore(Path(store), readonly=readonly)
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
        evaluated is not evaluated again. For modes "cached" and "retry".

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
        If there is something wrong with the file, or with what it holds under these identities; or with the
        checkout.
    NotCanonicalError
        If the identity of a function cannot be told.

    Examples
    --------
    >>> from adaptive_calib import Learner1D
    >>> from adaptive_calib.engine.archive import Outcome
    >>> from adaptive_calib.store import MemoryStore, open_archive
    >>> archive = open_archive(MemoryStore(), Learner1D(abs, bounds=(-1, 2)))
    >>> archive.record([Outcome(-1.0, "ok", 1.0)])
    >>> archive.find(-1.0)
    Stored(status='ok', value=1.0)
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
    opened = open_store(store, readonly=mode == "read-only")
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
            raise ValueError(f"{store!r} does not see what other runs write, so leave `share_every` out; a file does.")
        self.store = store
        self.run_id = secrets.token_hex(8)
        self.loaded = self.skipped = self.not_repeated = 0
        self._points = points
        self._mode = mode
        self._owns_store = owns_store
        self._share_every = share_every
        self._next_look = inf if share_every is None else time.monotonic() + share_every
        self._closed = False
        # Rows that are made but not written yet, each with its outcome, which keeps the id from being used again.
        self._encoded: dict[int, tuple[Outcome, Row]] = {}
        # Where the points belong that were asked and are not known, until their outcomes come; by id, as above.
        self._asked: dict[int, tuple[Any, _Place]] = {}
        self._lost = False  # whether results could not be written
        self._known: dict[str, dict[tuple[str, str, int], str]] = {e.uid: {} for e in points.evaluations}
        writes = mode != "read-only"
        for evaluation in {e.uid: e for e in points.evaluations}.values():
            open_space(store, evaluation, write=writes)
        for evaluation in points.evaluations:
            evaluation.attach(store.place)
        self._run: Run | None = None
        if writes:
            text = json.dumps(manifest, default=repr)
            self._look_at_other_runs()
            self._run = Run(self.run_id, time.time(), None, "running", "", text)
            store.put_run(self._run)

    # ------------------------------------------------------------------------------------------------ the protocol

    def preload(self) -> Preloaded:
        """Return what the store holds of this learner, in the order in which it was recorded."""
        if self._mode == "force":
            return Preloaded()
        with _collecting_no_garbage():
            known = self._load(self._scan)
        self.loaded, self.not_repeated = len(known.points), len(known.failed)
        if known.points or known.failed or self.skipped:
            logger.info(
                "%r: %d results loaded, %d outside of the learner's domain, %d failures not repeated%s",
                self.store, self.loaded, self.skipped, self.not_repeated,
                ' (mode="retry" would)' if known.failed else "",
            )  # fmt: skip
        return known

    def news(self) -> Preloaded | None:
        """Return the results that other runs have recorded since the last look, if there are any and it is time."""
        if time.monotonic() < self._next_look:
            return None
        found = self._load(self._scan_new)
        self._next_look = time.monotonic() + (self._share_every or 0.0)
        self.loaded += len(found.points)
        return Preloaded(found.points, found.values) if found.points else None

    def _load(self, scan: Callable[[str], list[_Found]]) -> Preloaded:
        points: list[Any] = []
        values: list[Any] = []
        failed: list[Any] = []
        repeats, restore = self._mode == "retry", self._points.restore
        scanned = {}
        for number, evaluation in enumerate(self._points.evaluations):
            if evaluation.uid not in scanned:
                scanned[evaluation.uid] = scan(evaluation.uid)
            for uid, status, point, value in scanned[evaluation.uid]:
                places = restore(number, point, uid)
                self.skipped += not places and type(point) is not PointKey
                if status == OK:
                    points += places
                    values += (value,) * len(places)
                elif not repeats:
                    failed += places
        return Preloaded(points, values, failed)

    def _scan(self, space: str) -> list[_Found]:
        return self._read(space, self.store.scan(space))

    def _scan_new(self, space: str) -> list[_Found]:
        """Return what became known since, apart from what this run recorded itself."""
        known = self._known[space]
        new = [place for place, status in self.store.statuses(space) if known.get(place) not in (OK, status)]
        rows = (self.store.get(Key(space, *place)) for place in new)
        return self._read(space, (row.scanned for row in rows if row is not None))

    def _read(self, space: str, rows: Iterable[Scanned]) -> list[_Found]:
        known, read = self._known[space], self.store.results.read
        found = []
        for uid, split, replicate, status, point, y, kind, data in rows:
            known[uid, split, replicate] = status
            own = Replicate(split, replicate) if split else decode(point)
            found.append((uid, status, own, read(kind, y, data) if status == OK else None))
        return found

    def find(self, point: Any) -> Stored | None:
        """Return what is known of an asked point, None if it has to be evaluated.

        Raises
        ------
        ReadOnlyStoreError
            In mode "read-only", instead of None.
        """
        found = evaluation, own, place = self._place(point)
        status = self._known[evaluation.uid].get(place)
        if status is None and self._mode != "read-only" and self._share_every is None:
            self._asked[id(point)] = point, found
            return None
        if status == OK or self._share_every is not None:
            row = self.store.get(Key(evaluation.uid, *place))
            if row is not None and row.status == OK:  # else somebody deleted it since
                return Stored("ok", self.store.results.read(row.y_kind, row.y, row.y_data))
        if status not in (None, OK) and self._mode in ("cached", "read-only"):
            return Stored("crashed" if status == "crashed" else "failed")
        if self._mode == "read-only":
            raise ReadOnlyStoreError(
                f'the point {own!r} of {evaluation.name} is not in {self.store!r} and mode="read-only" evaluates '
                'nothing; use mode="cached".'
            )
        return None

    def refusal(self, outcome: Outcome) -> Exception | None:
        """Return why a result can never be stored; None if it can be, and it is then encoded already."""
        try:
            self._encoded[id(outcome)] = outcome, self._row(outcome)
        except UnstorableResultError as error:
            return _unstorable(error, outcome)
        except Exception as error:  # noqa: BLE001 - no matter of this result alone: `record` meets it again, and raises
            logger.debug("the result at %r could not be encoded: %r", outcome.point, error)
        return None

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write final outcomes in one transaction; returns when they survive the death of this process.

        Raises
        ------
        UnstorableResultError
            If a result is no plain data; the others are written all the same.
        StoreError
            If they could not be written; it says why, and what was stored before stays readable.
        """
        rows, refused = [], []
        for outcome in outcomes:
            try:
                encoded = self._encoded.pop(id(outcome), None)
                rows.append(self._row(outcome) if encoded is None else encoded[1])
            except UnstorableResultError as error:
                refused.append((outcome, error))
        if rows:
            self._write(rows)
        if refused:
            outcome, cause = refused[0]
            more = f" (and {len(refused) - 1} more points)" if len(refused) > 1 else ""
            raise _unstorable(cause, outcome, more) from cause

    def close(self, status: str, reason: str) -> None:
        """End the run: `status` is finished, exhausted, failed or cancelled; `reason` is for people."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._run is not None:
                self.store.put_run(self._run._replace(ended=time.time(), status=status, reason=reason))
        except (StoreError, OSError) as error:
            if not self._lost:
                raise
            logger.warning("%r does not know how the run ended, either: %s", self.store, error)
        finally:
            if self._owns_store:
                self.store.close()

    # ------------------------------------------------------------------------------------------------ inside

    def _place(self, point: Any) -> _Place:
        """Return where a learner's point belongs."""
        number, own = self._points.locate(point)
        evaluation = self._points.evaluations[number]
        uid = evaluation.point_uid(own)
        return evaluation, own, ((uid, *own) if type(own) is Replicate else (uid, "", 0))

    def _row(self, outcome: Outcome) -> Row:
        if self._mode == "read-only":
            raise ReadOnlyStoreError(
                f'{self.store!r} is used with mode="read-only": {outcome.point!r} is not recorded.'
            )
        point, status, value, error, text, started, seconds, host, pid, attempt, stdout, stderr, logs = outcome
        asked = self._asked.pop(id(point), None)
        evaluation, own, (uid, split, replicate) = self._place(point) if asked is None else asked[1]
        kind, y, data = self.store.results.write(value) if status == OK else ("json", "", b"")
        exc_type = "" if error is None else f"{type(error).__module__}.{type(error).__qualname__}"
        seed = "" if evaluation.seed is None else str(evaluation.seed)
        return Row(
            evaluation.uid, uid, split, replicate, status, _point_text(evaluation, own), y, kind, data or None, started,
            seconds, host, pid, seed, attempt, self.run_id, exc_type, text, stdout, stderr, logs,
        )  # fmt: skip

    def _write(self, rows: Sequence[Row]) -> None:
        try:
            self.store.put(rows, force=self._mode == "force")
        except (StoreError, OSError) as error:
            self._lost = True
            names = ", ".join(row.point for row in rows[:5]) + (" ..." if len(rows) > 5 else "")
            kind = type(error) if isinstance(error, StoreError) else StoreError
            raise kind(f"the results at {names} could not be written. {_explained(error, self.store)}") from error
        for row in rows:
            known, place = self._known[row.space], row[1:4]
            if row.status == OK or known.get(place) != OK:
                known[place] = row.status

    def _look_at_other_runs(self) -> None:
        own = set(self._known)
        for run in self.store.read_runs():
            if run.status != "running":
                continue
            about = json.loads(run.manifest)
            if process_is_gone(about):
                self.store.put_run(run._replace(status="died", reason="its process is gone"))
            elif own & set(about.get("spaces", ())) and about.get("pid") != os.getpid() and self._share_every is None:
                warnings.warn(
                    f"another run (process {about.get('pid')} on {about.get('host')}) is computing the same in "
                    f"{self.store!r}. Nothing is lost: each result is kept once, the first one; but points that both "
                    "ask for are evaluated twice. End one of them if that is not wanted, or give each share_every=10.",
                    StoreWarning,
                    stacklevel=4,
                )


def _unstorable(cause: Exception, outcome: Outcome, more: str = "") -> UnstorableResultError:
    return UnstorableResultError(f"the result at the point {outcome.point!r}{more} was not stored: {cause}")


def _point_text(evaluation: Evaluation, own: Any) -> str:
    """Return a point as text: as it is if it is plain data, otherwise its canonical text, which a uid is made of."""
    try:
        text, in_bytes = encode(tuple(own) if type(own) is Replicate else own, "the point")
        if not in_bytes:
            return text
    except UnstorableResultError:
        pass  # a member of an Enum, an instance, ...: known by its identity alone
    return encode(PointKey(evaluation.point_text(own)))[0]


def _explained(error: Exception, store: Store) -> str:
    if isinstance(error, StoreError):  # says so itself
        return str(error)
    when = "you may write there" if isinstance(error, PermissionError) else "there is room"
    return f"{store!r}: {error}. What was stored until now is there; start again when {when}."


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Pause the garbage collector while very many objects are made that all stay: it would look at each of them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
