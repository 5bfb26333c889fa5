"""The main job, as a user runs it: from the command line, killed and started again."""

from __future__ import annotations

import io
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest

from adaptive_calib.calibration import CalibrationLearner
from adaptive_calib.callbacks.calibration_progress import CalibrationProgress
from adaptive_calib.examples.blackbody.__main__ import _used, main
from adaptive_calib.examples.blackbody.distributions import Infrared
from adaptive_calib.view.calibration import CalibrationView
from tests.processes import started

COMMAND = [sys.executable, "-m", "adaptive_calib.examples.blackbody", "--distribution", "infrared"]


def arguments(folder: Path, *more: str) -> list[str]:
    return ["--distribution", "infrared", "--output", str(folder), "--experiments", "48", "--band", "0.05", *more]


def table(text: str) -> str:
    """The lines of the summary, from its head to the recommended c."""
    found = re.search(r"^ +c +log2 c.*^(Recommended c|No c can).*?$", text, re.DOTALL | re.MULTILINE)
    assert found, text
    return found[0]


def counts(text: str) -> tuple[int, int]:
    found = re.search(r"^(\d+) experiments? evaluated now, (\d+) from", text, re.MULTILINE)
    assert found, text
    return int(found[1]), int(found[2])


def references(html: str) -> list[str]:
    """What the tags of a page load from elsewhere."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value or "" for name, value in attrs if name in ("src", "href") and tag != "a")

    Reader().feed(html)
    return [url for url in found if not url.startswith("data:")]


def stored(store: Path) -> int:
    """Evaluations that are in the file, read by SQLite itself."""
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(
            connection.execute("SELECT count(*) FROM evals WHERE status = 'ok' AND point LIKE '%new%'").fetchone()[0]
        )


@pytest.mark.slow
def test_two_runs_of_one_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The job writes store, PNG and HTML and a table; a second run evaluates nothing and says the same."""
    assert main(arguments(tmp_path, "--executor", "sequential")) == 0
    first = capsys.readouterr().out
    assert counts(first) == (48, 0)
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")
    assert references((tmp_path / "calibration.html").read_text()) == [], "the page should need no network"
    drawn = (tmp_path / "calibration.png").stat().st_mtime_ns
    assert main(arguments(tmp_path, "--executor", "sequential")) == 0
    second = capsys.readouterr().out
    assert counts(second) == (0, 48)
    assert table(second) == table(first)
    assert table((tmp_path / "calibration.txt").read_text()) == table(first)
    assert (tmp_path / "calibration.png").stat().st_mtime_ns == drawn, "the picture shows this already"


def test_more_experiments_and_other_c_go_on_from_the_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another number of experiments or range of c uses what is there; another seed does not."""
    for name in ("save_png", "save_html"):  # they are tested above, and take longer than the rest of this
        monkeypatch.setattr(CalibrationView, name, lambda view, path: None)
    common = ["--distribution", "infrared", "--output", str(tmp_path), "--executor", "sequential"]
    main([*common, "--experiments", "10"])
    capsys.readouterr()
    main([*common, "--experiments", "12", "--c-min", "0.01", "--c-max", "10"])
    assert counts(capsys.readouterr().out) == (2, 10)
    main([*common, "--experiments", "12"])
    assert counts(capsys.readouterr().out) == (0, 12)
    main([*common, "--experiments", "3", "--seed", "5"])
    assert counts(capsys.readouterr().out) == (3, 0)


def test_both_distributions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With both, experiments of the two distributions are taken in turn, and each has its table and pictures."""
    for name in ("save_png", "save_html"):  # they are tested above, and take longer than the rest of this
        monkeypatch.setattr(CalibrationView, name, lambda view, path: Path(path).touch())
    arguments = ["--output", str(tmp_path), "--executor", "sequential", "--experiments", "20"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert counts(out) == (40, 0)
    assert "The answer uses" not in out, "all of them are used"
    assert re.search(r"^infrared:$.*^bias-sweep:$", out, re.DOTALL | re.MULTILINE)
    for name in ("infrared", "bias-sweep"):
        assert (tmp_path / f"calibration-{name}.png").exists()
        assert (tmp_path / f"calibration-{name}.html").exists()
    missing = tmp_path / "calibration-infrared.html"
    missing.unlink()
    assert main(arguments) == 0
    assert missing.exists(), "what is missing is drawn again"
    assert "the pictures in" not in capsys.readouterr().out
    assert main(arguments) == 0
    assert "the pictures in" in capsys.readouterr().out


def test_experiments_that_no_answer_rests_on_are_counted_apart() -> None:
    """One that ended before an earlier one, or after the last decision, is evaluated, kept and not used."""
    learner = CalibrationLearner(Infrared(N=4), Ldata=64, Linf=256, c_list=[1.0])
    bar = CalibrationProgress(learner, file=io.StringIO())
    points, _ = learner.ask(3)
    for point in (points[0], points[2]):
        learner.tell(point, learner.function(point))
    bar.loaded, bar.evaluated = 1, 1
    assert _used(learner, bar) == " The answer uses 1 of them."
    learner.tell(points[1], learner.function(points[1]))
    bar.evaluated = 2
    assert _used(learner, bar) == ""


@pytest.mark.slow
def test_every_executor_says_the_same(tmp_path: Path) -> None:
    """One process, two processes and a dask cluster: the same table, digit for digit."""
    tables = []
    for executor in ("sequential", "processes", "dask"):
        command = [*COMMAND, *arguments(tmp_path / executor, "--executor", executor, "--workers", "2")]
        tables.append(table(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert tables[0] == tables[1] == tables[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_killed_at_five_random_moments(tmp_path: Path, executor: str) -> None:
    """Killed five times and started again, the job ends with the table of an undisturbed run.

    Whatever was in the store at a restart is not evaluated again. About two minutes.
    """
    rng = random.Random(20)
    size = ["--experiments", "200", "--band", "0.01", "--executor", executor]

    def command(folder: str) -> list[str]:
        return [*COMMAND, "--output", str(tmp_path / folder), *size]

    undisturbed = subprocess.run(command("calm"), capture_output=True, text=True, check=True).stdout
    store = tmp_path / "killed" / "calibration.db"
    reached = []
    for k in range(5):
        with started(
            command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            goal = (reached[-1] if reached else 0) + rng.randrange(5, 30)
            until = time.monotonic() + 120
            while (not store.exists() or _count(store) < goal) and process.poll() is None:
                assert time.monotonic() < until, f"run {k} did not get to {goal} experiments"
            process.send_signal(signal.SIGKILL)
        reached.append(stored(store))
    assert reached == sorted(reached)
    last = subprocess.run(command("killed"), capture_output=True, text=True, check=True).stdout
    evaluated, loaded = counts(last)
    assert loaded == reached[-1]
    assert evaluated == 200 - loaded
    assert table(last) == table(undisturbed)


def _count(store: Path) -> int:
    """Rows so far, while another process writes; 0 while there is no table yet."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=10)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM evals WHERE point LIKE '%new%'").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """Ctrl-C: exit status 130, what is there is shown and kept; the next run loads it."""
    store = tmp_path / "calibration.db"
    command = [*COMMAND, "--output", str(tmp_path), "--experiments", "150", "--band", "0.01"]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        until = time.monotonic() + 120
        while not store.exists() or _count(store) < 40:
            assert time.monotonic() < until
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "The same command continues from there" in out
    evaluated, _ = counts(out)
    assert evaluated == stored(store)
    again = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert counts(again) == (150 - evaluated, evaluated)
