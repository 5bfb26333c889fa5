"""The contract that every store passes.

A subclass of `StoreContract` in a test file defines how to open the store; pytest collects its tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adaptive_calib.store.base import Store
from adaptive_calib.store.identity.result_set_info import ResultSetInfo
from adaptive_calib.store.rows import Key, Row, Run

__all__ = ["StoreContract", "make_row"]


def make_row(uid: str = "aa", status: str = "ok", y: str = "1.5", data: bytes | None = None, **more: Any) -> Row:
    """Return a row of the space ``"s"``.

    Parameters
    ----------
    uid, status, y, data
        Fields of the row, see `adaptive_calib.store.rows.Row`.
    **more
        Further fields.

    Examples
    --------
    >>> from adaptive_calib.testing.stores import make_row
    >>> row = make_row("bb", y="2.5")
    >>> row.key.point_uid, row.y
    ('bb', '2.5')
    """
    row = Row(
        space="s", point_uid=uid, status=status, point="0.5", y=y, y_kind="json", y_data=data, started=1.0,
        duration=0.25, host="host", pid=7, seed="3", attempt=1, run_id="run", exc_type="", traceback="",
    )  # fmt: skip
    return row._replace(**more)


class StoreContract:
    """The promises of `Store`. Subclass it and define `open`; `persistent`: a closed store can be reopened."""

    persistent = True

    def open(self, place: Path) -> Store:
        """Open the store of a folder, made on first use."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        """A folder of the test's own."""
        return tmp_path

    def reopened(self, store: Store, place: Path) -> Store:
        """Close a store and open it again, if that keeps it."""
        if not self.persistent:
            return store
        store.close()
        return self.open(place)

    def test_rows_come_back_in_order_and_in_full(self, place: Path) -> None:
        """Rows are there in the order of `put`, also after the store is opened again."""
        store = self.open(place)
        rows = [
            make_row("bb", stdout="said", traceback="Trace\nback"),
            make_row("aa", status="failed", y=""),
            make_row("aa", split="fit", replicate=3, y='"ü"'),
            make_row("cc", data=b"\x00\xff" * 10, space="t"),
            make_row("dd", data=bytes(300_000)),
        ]
        store.put(rows[:2])
        store.put(rows[2:])
        store = self.reopened(store, place)
        assert list(store.iter("s")) == [rows[0], rows[1], rows[2], rows[4]]
        assert list(store.iter("t")) == [rows[3]]
        assert store.get(Key("s", "dd")) == rows[4]
        assert store.get(Key("s", "cc")) is None
        assert store.count("s") == {"ok": 3, "failed": 1}
        assert [(r.point_uid, r.split, r.y_data) for r in store.scan("t")] == [("cc", "", rows[3].y_data)]
        places, found = zip(*store.scan_after("s", 0), strict=True)
        assert 0 < places[0] < places[1] < places[2] < places[3]
        assert [(r.key, r.status, r.y, r.traceback) for r in found] == [
            (r.key, r.status, r.y, r.traceback) for r in (rows[0], rows[1], rows[2], rows[4])
        ]
        assert [r.key for _, r in store.scan_after("s", places[1])] == [rows[2].key, rows[4].key]
        assert list(store.scan_after("s", places[3])) == []
        store.close()

    @pytest.mark.parametrize("force", [False, True])
    @pytest.mark.parametrize("new", ["ok", "failed"])
    @pytest.mark.parametrize("old", ["ok", "failed", "crashed"])
    def test_the_first_result_wins_unless_forced(self, place: Path, old: str, new: str, force: bool) -> None:
        """A row replaces failures; a result only with force; and keeps its place in the order."""
        store = self.open(place)
        store.put([make_row("aa", old, "1", stdout="old"), make_row("bb")])
        store.put([make_row("aa", new, "2", data=bytes(100_000), run_id="second")], force=force)
        store = self.reopened(store, place)
        replaced = old != "ok" or (force and new == "ok")
        assert [r.y for r in store.iter("s")] == ["2" if replaced else "1", "1.5"]
        assert [r.stdout for r in store.iter("s")] == ["" if replaced else "old", ""]
        assert store.clean_files() == 0
        store.close()

    def test_deleted_rows_are_gone(self, place: Path) -> None:
        """Deleting returns the number of rows, and none of them comes back."""
        store = self.open(place)
        store.put([make_row("aa"), make_row("bb", data=bytes(100_000)), make_row("cc")])
        assert store.delete([Key("s", "aa"), Key("s", "bb"), Key("s", "zz")]) == 2
        store = self.reopened(store, place)
        assert [r.point_uid for r in store.iter("s")] == ["cc"]
        store.put([make_row("aa", y="again")])
        assert store.get(Key("s", "aa")) == make_row("aa", y="again")
        store.close()

    def test_spaces_and_runs_are_kept_and_replaced(self, place: Path) -> None:
        """Descriptions come back as they were last put."""
        store = self.open(place)
        config = {"a": '{"f":"0x1.0p+0"}'}
        info = ResultSetInfo("s", "slug", "name", "1", 1, None, 2**70, config, config, "code", 1.0)
        other = ResultSetInfo("t", "slug", "name", "2", 1, "key", None, {}, {}, "", 2.0)
        for put in (other, info, ResultSetInfo(**{**as_dict(info), "code_digest": "new"})):
            store.put_result_set(put)
        store.put([make_row("aa"), make_row("aa", space="t", data=bytes(100_000))])
        run = Run("r", 1.0, None, "running", "", "{}")
        store.put_run(run)
        store.put_run(run._replace(ended=2.0, status="finished", reason="ü"))
        store = self.reopened(store, place)
        assert {i.uid: i for i in store.read_result_sets()} == {
            "s": ResultSetInfo(**{**as_dict(info), "code_digest": "new"}),
            "t": other,
        }
        assert store.read_runs() == [Run("r", 1.0, 2.0, "finished", "ü", "{}")]
        store.drop_result_set("t")
        store = self.reopened(store, place)
        assert [i.uid for i in store.read_result_sets()] == ["s"]
        assert list(store.iter("t")) == []
        assert len(list(store.iter("s"))) == 1
        assert store.clean_files() == 0
        store.close()

    def another(self, store: Store, place: Path) -> Store:
        """Open the store of a folder once more, as another process would, if it can be shared."""
        return self.open(place) if self.persistent and store.sees_others else store

    def test_a_point_is_claimed_by_one_owner(self, place: Path) -> None:
        """Leases are refused to others until they are given up or their owner has expired."""
        store = self.open(place)
        other = self.another(store, place)
        a, b, c = Key("s", "aa"), Key("s", "bb", "fit/1", 2), Key("s", "cc")
        assert store.claim([a, b], "host/1/first") == {}
        assert store.claim([a], "host/1/first") == {}
        assert other.claim([a, b, c], "host/2/second") == {a: "host/1/first", b: "host/1/first"}
        other.release([a, b], "host/2/second")  # not its own
        assert other.claim([a], "host/2/second") == {a: "host/1/first"}
        store.release([a], "host/1/first")
        assert other.claim([a, b], "host/2/second") == {b: "host/1/first"}
        assert store.claim([a, c], "host/1/first") == {a: "host/2/second", c: "host/2/second"}
        assert other.claim([b], "host/2/second", {"host/1/first"}) == {}
        assert store.claim([b], "host/3/third") == {b: "host/2/second"}
        other.release([a, b, c], "host/2/second")
        assert store.claim([a, b, c], "host/3/third") == {}
        other.close()
        store.close()

    def test_owners_give_signs_of_life(self, place: Path) -> None:
        """The last number of each owner is there, until it ends."""
        store = self.open(place)
        other = self.another(store, place)
        store.beat("host/1/first", 1)
        other.beat("host/2/second", 5)
        store.beat("host/1/first", 2)
        assert store.beats() == other.beats() == {"host/1/first": 2, "host/2/second": 5}
        store.beat("host/1/first", None)
        assert other.beats() == {"host/2/second": 5}
        other.close()
        store.close()

    def test_what_others_write_is_seen_after_refresh(self, place: Path) -> None:
        """Rows of another process come with the next look at their set, or at their key; results stay as they are."""
        store = self.open(place)
        store.put([make_row("aa", "failed", ""), make_row("bb")])
        assert len(list(store.iter("s"))) == 2
        other = self.another(store, place)
        other.put([make_row("aa", y="2"), make_row("cc", data=bytes(100_000)), make_row("dd", split="x")])
        store.refresh("s", Key("s", "cc"))
        assert store.get(Key("s", "cc")) == make_row("cc", data=bytes(100_000))
        store.refresh("s")
        assert sorted((uid, split, status) for (uid, split, _), status in store.statuses("s")) == [
            ("aa", "", "ok"), ("bb", "", "ok"), ("cc", "", "ok"), ("dd", "x", "ok"),
        ]  # fmt: skip
        assert store.delete([Key("s", "cc")]) == 1
        other.close()
        store.close()

    def test_a_store_is_not_sent_to_other_processes(self, place: Path) -> None:
        """Pickling is refused with a sentence instead of failing somewhere inside."""
        import pickle

        with self.open(place) as store, pytest.raises(TypeError, match="stays in the process"):
            pickle.dumps(store)


def as_dict(info: ResultSetInfo) -> dict[str, Any]:
    """Return the fields of a space."""
    return {name: getattr(info, name) for name in ResultSetInfo.__dataclass_fields__}
