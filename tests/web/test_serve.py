"""The pages of a store as the server makes them; what a browser shows of them is in ``tests/browser``."""

from __future__ import annotations

import json
import math
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from tornado.httpclient import AsyncHTTPClient

pytest.importorskip("panel")

from adaptive_calib import AverageLearner1D, BlockingRunner, Learner1D, Learner2D, LearnerND
from adaptive_calib._command_line import _open, main
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import JournalStore, SQLiteStore, open_store
from adaptive_calib.view.run import from_state
from adaptive_calib.view.stored_run import stored_view
from adaptive_calib.web import drawings, pages
from adaptive_calib.web.results import Watched, numbers_of
from adaptive_calib.web.server import make_server

EVIL = "<script>alert('out of cheese')</script>"


def wave(x: float) -> float:
    print(EVIL)
    if x == 0.5:
        raise ValueError(EVIL)
    return x * x


def power(x: float, n: int) -> float:
    return x**n


def fill(store: Any, npoints: int = 20, learner: Any = None, **options: Any) -> Any:
    learner = learner if learner is not None else Learner1D(wave, (-1, 1))
    options = {"on_error": "continue", "executor": SequentialExecutor(), **options}
    return BlockingRunner(learner, npoints_goal=npoints, store=store, **options)


@pytest.fixture(params=["runs.db", "runs.jsonl", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The name of a store of each kind of place."""
    if request.param == "memory":
        return f"memory://{tmp_path.name}"
    return str(tmp_path / request.param)


def _remove(place: str) -> None:
    if "://" in place:
        fsspec.filesystem("memory").rm(place, recursive=True)
    else:
        for path in Path(place).parent.glob(f"{Path(place).name}*"):
            path.unlink()


def _writing(place: str) -> Any:
    return JournalStore(place) if place.endswith(".jsonl") else open_store(place)


def test_a_store_is_followed(place: str) -> None:
    """Runs and points that are written later are seen, each once, and a result takes the place of its failure."""
    with _writing(place) as store:
        fill(store, 10)
    watched = Watched(_open, place)
    (run,) = watched.runs
    known = watched.evaluations(next(iter(json.loads(run.manifest)["spaces"])))
    assert known is not None
    before = len(known)
    assert known.status.count("failed") == 1
    with _writing(place) as store:
        fill(store, 20)
    watched._next = 0.0
    watched.refresh()
    assert len(watched.runs) == 2
    assert len(known) > before
    assert len(set(known.keys)) == len(known) == sum(_open(place).spaces()[0].counts.values())
    assert sorted(known.frame()["x"]) == sorted(known.points)
    with _writing(place) as store:
        row = next(row for row in store.iter(known.info.uid) if row.status == "failed")
        store.put([row._replace(status="ok", y="0.25", exc_type="", traceback="")])
    watched._next = 0.0
    watched.refresh()
    assert known.status.count("failed") == 0
    assert known.values[known.points.index(0.5)] == 0.25


def test_a_store_that_is_gone(tmp_path: Path) -> None:
    """What was read stays, with a sentence that it cannot be read any more."""
    fill(tmp_path / "runs.db", 5)
    watched = Watched(_open, str(tmp_path / "runs.db"))
    (tmp_path / "runs.db").unlink()
    watched._next = 0.0
    watched.refresh()
    assert "cannot be read any more" in watched.problem
    assert len(watched.runs) == 1


@pytest.mark.parametrize("name", ["store-1.sqlite", "journal-1.jsonl"])
def test_a_store_of_an_older_version(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its runs have no state, and its manifests only the uids of the result sets; points are shown all the same."""
    shutil.copy(Path(__file__).parents[1] / "store" / "golden" / name, tmp_path)
    assert main(["watch", str(tmp_path / name), "--once"]) == 0
    assert "golden; no state was written" in capsys.readouterr().out
    watched = Watched(_open, str(tmp_path / name))
    assert "08b20a65" in pages._runs_table(watched.runs)
    page = pages._RunPage(watched, watched.runs[0])
    assert "golden" in page._state.object
    assert len(page._table.value) == 5


def test_another_store_under_the_same_name(place: str) -> None:
    """Nothing of the first one is left, and nothing of the second one is missing; deleted rows go, too."""
    with _writing(place) as store:
        fill(store, 5)
    watched = Watched(_open, place)
    uid = next(iter(json.loads(watched.runs[0].manifest)["spaces"]))
    known = watched.evaluations(uid)
    assert known is not None
    _remove(place)
    with _writing(place) as store:
        fill(store, 10, Learner1D(wave, (2, 3)))
    watched._next = 0.0
    watched.refresh()
    assert len(known) == 10
    assert min(known.points) == 2
    with _writing(place) as store:
        store.space(uid).delete({})
        fill(store, 3, Learner1D(wave, (5, 6)))
    watched._next = 0.0
    watched.refresh()
    assert len(known) == 3
    assert min(known.points) == 5


def test_text_from_the_store_is_escaped(tmp_path: Path) -> None:
    """Messages, output and goals appear as they are, never as HTML."""
    fill(tmp_path / "runs.db", capture="std")
    watched = Watched(_open, str(tmp_path / "runs.db"))
    page = pages._RunPage(watched, watched.runs[0])
    texts = [page._state.object, page._failures.object, pages._runs_table(watched.runs)]
    side = pages._Side(watched, watched.runs[0])
    texts.append(pages._comparison([side, side]))
    assert "out of cheese" in page._failures.object
    assert page._failures.object.count("stdout") == 1
    assert not any("<script" in text for text in texts)


@pytest.mark.parametrize("change", [{"npoints": EVIL}, {"status": 3}, {"losses": [[1, EVIL]]}, {"split": EVIL}])
def test_a_state_of_wrong_types_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """The state in a store may come from anywhere; pages and terminals rely on its types."""
    fill(tmp_path / "runs.db", 5)
    with SQLiteStore(tmp_path / "runs.db") as store:
        (run,) = store.read_runs()
    manifest = json.loads(run.manifest)
    assert stored_view(run) is not None
    with pytest.raises(ValueError, match="not the state of a run"):
        from_state(manifest["state"] | change)
    assert stored_view(run._replace(manifest=json.dumps(manifest | {"state": change}))) is None


def test_comparison(tmp_path: Path) -> None:
    """What differs between two runs is marked, with the points that each needed to the same loss."""
    store = tmp_path / "runs.db"
    fill(store, 10, Learner1D(partial(power, n=1), (-1, 2)))
    fill(store, 30, Learner1D(partial(power, n=3), (-1, 2)))
    watched = Watched(_open, str(store))
    sides = [pages._Side(watched, run) for run in watched.runs]
    text = pages._comparison(sides)
    loss = sides[0].losses[1][-1]
    assert sides[0].points_to(loss) == "10"
    assert sides[1].points_to(loss / 100) == "not reached"
    assert f"points to a loss of {loss:.4g}" in text
    assert "<tr class=differs><th>goal</th><td>10 points</td><td>30 points</td>" in text
    assert "<tr class=differs><th>configuration: n</th><td>1</td><td>3</td>" in text
    assert "<tr><th>learner</th><td>Learner1D</td><td>Learner1D</td>" in text


def _drawn(watched: Watched) -> list[Any]:
    run = watched.runs[-1]
    page = pages._RunPage(watched, run)
    return list(page._plots._diffs)


@pytest.mark.parametrize(
    ("learner", "npoints", "plots"),
    [
        (lambda: Learner1D(lambda x: np.array([x, x * x]), (-1, 1)), 20, 1),
        (lambda: Learner2D(lambda p: p[0] * p[1], [(-1, 1), (0, 2)]), 20, 1),
        (lambda: LearnerND(lambda p: p[0] * p[1] + p[2], [(0, 1)] * 3), 30, 3),
        (lambda: AverageLearner1D(lambda p: p[1] + p[0] % 3, (-1, 1)), 5, 1),
        (lambda: Learner1D(lambda x: {"a": x}["a"], (0, 1)), 5, 1),
    ],
)
def test_each_learner_has_its_plot(tmp_path: Path, learner: Any, npoints: int, plots: int) -> None:
    """A page draws what the points in the store show, without the function or the learner."""
    fill(tmp_path / "runs.db", npoints, learner())
    assert len(_drawn(Watched(_open, str(tmp_path / "runs.db")))) == plots


def test_decimation_keeps_the_extremes() -> None:
    """Of many points few are drawn, among them each narrow peak and both ends."""
    x = np.random.default_rng(1).permutation(np.linspace(0, 1, 100_001))
    y = np.where(np.abs(x - 0.3) < 1e-5, 5.0, np.sin(40 * x))
    kept = drawings.decimated(x, y)
    assert len(kept) <= drawings.CURVE + 2
    assert {y[kept].max(), y[kept].min()} == {5.0, y.min()}
    assert {0.0, 1.0} <= set(x[kept])


def test_failed_points_are_crosses_as_in_a_notebook() -> None:
    """They are drawn where they failed, also beyond the other points; what is no number is left out."""
    line = [0.0, 0.5, math.inf, 0.25]
    (plot,) = drawings.of_points("Learner1D", "linear", line, line, [1.0, math.nan, 0.3], None)
    assert list(plot)[-1].dimension_values("x").tolist() == [0.3, 1.0]
    samples = [(0, x) for x in (0.0, 0.5, 1.0)]
    (plot,) = drawings.of_points("AverageLearner1D", "separate", samples, [1.0, 2.0, 3.0], [(0, 0.3)], None)
    assert list(plot)[-1].dimension_values("x").tolist() == [0.3]
    corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)]
    (plot,) = drawings.of_points("Learner2D", "linear", corners, [1.0, 2.0, 3.0], [(1.0, 1.0)], None)
    assert list(plot)[-1].array().tolist() == [[1.0, 1.0]]


def test_the_interpolant_is_that_of_the_learner() -> None:
    """In a smooth mode curves are smooth, of many points straight lines; of noisy values the mean is drawn."""
    x = np.linspace(0, 3, 9)
    (plot,) = drawings.of_points("Learner1D", "auto", x.tolist(), np.cos(x).tolist(), [], None)
    curve = plot.Path.I.array()
    assert np.abs(curve[:, 1] - np.cos(curve[:, 0])).max() < 1e-4
    many = np.linspace(0, 3, drawings.FITTED + 1).tolist()
    (plot,) = drawings.of_points("Learner1D", "auto", many, many, [], None)
    assert "Path" not in plot
    grid = np.stack(np.meshgrid(x[::2], x[::2]), axis=-1).reshape(-1, 2)
    values = np.cos(grid).prod(axis=1).tolist()
    for title, mode in [("Learner2D", "smooth"), ("GPLearner", "")]:
        (plot,) = drawings.of_points(title, mode, list(map(tuple, grid.tolist())), values, [], None)
        assert plot.Image.I[1.1, 1.1] == pytest.approx(math.cos(1.1) ** 2, abs=0.03)
    noise = np.random.default_rng(1).standard_normal(200)
    samples = [(k, u) for k, u in enumerate(np.random.default_rng(2).random(200).tolist())]
    measured = [math.sin(u) + 0.1 * e for (_, u), e in zip(samples, noise.tolist(), strict=True)]
    (plot,) = drawings.of_points("AverageLearner1D", "shared", samples, measured, [], None)
    mean = plot.Curve.I.array()
    assert np.abs(mean[:, 1] - np.sin(mean[:, 0])).max() < 0.1
    (plot,) = drawings.of_points("GPLearner", "noise", [(u,) for _, u in samples], measured, [], None)
    mean = plot.Curve.I.array()
    assert np.abs(mean[:, 1] - np.sin(mean[:, 0])).max() < 0.1


def test_bars_of_workers() -> None:
    """Short evaluations one after another are one bar, long ones bars of their own, failures too."""
    started = np.concatenate([np.arange(10_000) * 0.001, [20.0, 25.0, 40.0]])
    seconds = np.concatenate([np.full(10_000, 0.001), [5.0, 5.0, 1.0]])
    failed = np.arange(10_003) == 10_002
    spans = drawings._spans(["a"] * 10_003, started, seconds, failed)
    assert spans["count"].tolist() == [10_000, 1, 1, 1]
    assert spans["color"].tolist() == [drawings.BLUE] * 3 + [drawings.RED]


def test_numbers() -> None:
    """Numbers and vectors of one length are coordinates; texts of digits and ragged vectors are not."""
    assert numbers_of([1.0, None, 2]).tolist()[2] == [2.0]  # type: ignore[union-attr]
    assert numbers_of([(1.0, 2.0), None]).shape == (2, 2)  # type: ignore[union-attr]
    assert numbers_of(["1", "2"]) is None
    assert numbers_of([("1", "2")]) is None
    assert numbers_of([(1.0,), (1.0, 2.0)]) is None
    assert numbers_of([]) is None


# ---------------------------------------------------------------------------------------------------- who may look


class Served:
    """A server, asked from its own event loop."""

    def __init__(self, store: Path, **options: Any) -> None:
        self.server, self.url = make_server(_open, str(store), **options)

    def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        async def fetch() -> Any:
            client, url = AsyncHTTPClient(), f"http://127.0.0.1:{self.server.port}/{path}"
            return await client.fetch(url, headers=headers, follow_redirects=False, raise_error=False)

        answer = self.server.io_loop.run_sync(fetch)
        return answer.code, answer.body.decode(), answer.headers


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    fill(tmp_path / "runs.db", 5)
    one = Served(tmp_path / "runs.db", **getattr(request, "param", {}))
    yield one
    one.server.stop()


def test_who_may_look_on_loopback(served: Served) -> None:
    """Everybody on this machine, but no page of another name that leads here."""
    assert served.url == f"http://127.0.0.1:{served.server.port}/"
    code, body, _ = served.get("")
    assert (code, "runs.db" in body) == (200, True)
    assert served.get("run?id=nothing")[0] == 200
    assert served.get("compare")[0] == 200
    assert served.get("", Host="localhost:8080")[0] == 200  # through a tunnel
    assert served.get("", Host="evil.example")[0] == 302
    assert served.get("", Origin="http://evil.example")[0] == 302
    assert served.get("refused")[0] == 403


@pytest.mark.parametrize("served", [{"token": "open-sesame"}], indirect=True)
def test_who_may_look_with_a_token(served: Served) -> None:
    """Who has the token in the address, and then in a cookie."""
    assert served.get("")[0] == 302
    assert served.get("?token=wrong")[0] == 302
    code, body, headers = served.get("?token=open-sesame")
    assert (code, "runs.db" in body) == (200, True)
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert served.get("compare", Cookie=cookie.partition(";")[0])[0] == 200
    assert served.get("compare", Cookie="adaptive-calib-token=wrong")[0] == 302
    assert served.get("ws")[0] in (302, 400, 403)  # 400: older versions ask for a handshake first


def test_the_server_leaves_the_handler_of_ctrl_c_alone(tmp_path: Path) -> None:
    """Panel sets one of its own, in a process that may have other things to do."""
    before = signal.getsignal(signal.SIGINT)
    with SQLiteStore(tmp_path / "runs.db"):
        pass
    server, _ = make_server(SQLiteStore, str(tmp_path / "runs.db"))
    assert signal.getsignal(signal.SIGINT) is before
    server.stop()


@pytest.mark.parametrize("served", [{"address": "0.0.0.0"}], indirect=True)
def test_another_address_needs_a_token(served: Served) -> None:
    """A token is made, and stands in the printed address."""
    token = served.url.rpartition("?token=")[2]
    assert len(token) >= 24
    assert served.get("")[0] == 302
    assert served.get(f"?token={token}")[0] == 200


def test_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    """The page says so, and shows the first run when there is one."""
    watched = Watched(_open, str(tmp_path / "runs.db"))
    assert "there is no store" in watched.problem
    assert watched.runs == []
    (tmp_path / "runs.db").touch()
    watched._next = 0.0
    watched.refresh()
    assert "no run has written to it yet" in watched.problem
    fill(tmp_path / "runs.db", 5)
    watched._next = 0.0
    watched.refresh()
    assert watched.problem == ""
    assert len(watched.runs) == 1


def test_errors_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no store is named."""
    (tmp_path / "notes.txt").write_text("notes")
    assert main(["serve", str(tmp_path / "notes.txt")]) == 1
    assert "is not a store" in capsys.readouterr().err
