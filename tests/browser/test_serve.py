"""The pages of ``adaptive-calib serve``, seen and clicked by a real browser while a run goes on in another process."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adaptive_calib import BlockingRunner, SequenceLearner
from adaptive_calib.runner import SequentialExecutor
from adaptive_calib.store import SQLiteStore
from adaptive_calib.store.identity.evaluation import Evaluation
from tests.browser.conftest import FLAGS, NOT_OURS, needed, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: A run that goes on until a file says that it may end.
RUN = """
import time
from pathlib import Path
from adaptive_calib import BlockingRunner, Learner1D
from adaptive_calib.runner import SequentialExecutor

def wave(x):
    Path("begun").touch()
    time.sleep(0.02)
    print("<b>evaluating</b>", x)
    if x == 0.5:
        raise ValueError("<script>document.title = 'out of cheese'</script>")
    return x + 0.01 / (0.01 + (x - 0.3) ** 2)

def goal(learner):
    return Path("end").exists()

if __name__ == "__main__":
    BlockingRunner(Learner1D(wave, (-1, 1)), goal=goal, store="runs.db", executor=SequentialExecutor(),
                   on_error="continue", capture="std")
"""
#: Numbers of points in all plots; the largest.
DRAWN = """() => Math.max(0, ...Bokeh.documents.flatMap(document => [...document._all_models.values()]
    .filter(model => model.type.endsWith("ColumnDataSource")).map(source => source.data.x?.length ?? 0)))"""
WIDER = "document.documentElement.scrollWidth > window.innerWidth"


@contextmanager
def served(store: Path) -> Iterator[str]:
    """Serve a store from a process of its own; give the address of the first page."""
    log = store.with_suffix(".log")
    command = [sys.executable, "-m", "adaptive_calib._command_line", "serve", store.name, "--port", "0"]
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=store.parent, stdout=out, stderr=out)
    try:
        yield until(lambda: re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()), server)[0]
    finally:
        server.terminate()
        server.wait(20)
    assert "Traceback" not in log.read_text()


@pytest.fixture
def browser() -> Iterator[Any]:
    """A browser, and at the end the assertion that no page had an error or asked another machine."""
    needed()
    from playwright import sync_api

    errors: list[str] = []

    class Pages:
        def open(self, address: str, width: int = 1600, scheme: str = "light") -> Any:
            page = chromium.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
            page.set_default_timeout(60_000)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
            page.on("request", lambda request: errors.append(request.url) if "//127.0.0.1" not in request.url else None)
            page.goto(address)
            page.wait_for_selector("main h2, main table, main p")
            return page

    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield Pages()
        chromium.close()
    assert [error for error in errors if not NOT_OURS.search(error) and not error.startswith(("data:", "blob:"))] == []


@pytest.mark.parametrize(("width", "scheme"), [(1600, "light"), (520, "dark")])
def test_a_run_that_goes_on(tmp_path: Path, browser: Any, width: int, scheme: str) -> None:
    """From the list of runs to the page of one, which grows until the run has ended; nothing is wider than the page."""
    (tmp_path / "run.py").write_text(RUN)
    run = subprocess.Popen([sys.executable, "run.py"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        until(lambda: (tmp_path / "begun").exists(), run)
        with served(tmp_path / "runs.db") as address:
            page = browser.open(address, width, scheme)
            assert not page.evaluate(WIDER)
            page.locator("table.runs a").click()
            page.wait_for_selector('.adaptive-calib-run[data-status="running"]')
            page.wait_for_selector("summary:has-text('out of cheese')")
            page.wait_for_selector(".bk-Figure")
            before = page.evaluate(DRAWN)
            page.wait_for_function(f"before => ({DRAWN})() > before", arg=before)
            assert not page.evaluate(WIDER)
            dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert dark == ("rgb(20, 24, 29)" if scheme == "dark" else "rgb(244, 246, 248)")
            page.locator("summary:has-text('out of cheese')").click()
            page.wait_for_selector("pre:has-text('<b>evaluating</b> 0.5')")
            assert "out of cheese" not in page.title()
            (tmp_path / "end").touch()
            page.wait_for_selector('.adaptive-calib-run[data-status="finished"]')
            assert run.wait(60) == 0
            assert page.locator("details[open]").count() == 1  # what was opened stays open
            page.get_by_role("link", name="compare with another run").click()
            page.wait_for_selector("table.runs th:has-text('points to a loss of')")
            page.wait_for_selector(".bk-Figure")
            assert not page.evaluate(WIDER)
            page.close()
    finally:
        (tmp_path / "end").touch()
        run.wait(60)


def many_points(path: Path, number: int) -> None:
    """Write a store with a run of so many points."""
    evaluation = Evaluation.of(abs)
    with SQLiteStore(path) as store:
        BlockingRunner(SequenceLearner(abs, [0.0]), store=store, executor=SequentialExecutor())
        (row,) = store.iter(store.spaces()[0].uid)
        (run,) = store.read_runs()
        rows = [
            row._replace(point_uid=evaluation.point_uid(x), point=repr(x), y=repr(x * x), started=run.started + x)
            for x in (float(k) for k in range(1, number))
        ]
        store.put(rows)
        store.put_run(run._replace(ended=run.started + 2 * number))


def test_many_points(tmp_path: Path, browser: Any) -> None:
    """The page of a run of 100,000 points is there at once, and so is the last page of its table."""
    many_points(tmp_path / "runs.db", 100_000)
    with served(tmp_path / "runs.db") as address:
        page = browser.open(address)
        begin = time.monotonic()
        page.locator("table.runs a").click()
        page.wait_for_selector(".tabulator-row")
        page.wait_for_selector(".bk-Figure")
        elapsed = time.monotonic() - begin
        assert page.evaluate(DRAWN) < 10_000
        page.get_by_role("button", name="Last Page").click()
        page.wait_for_selector(".tabulator-row:has-text('0.0')")
        assert elapsed < 10  # seconds: a loose bound, for the machine is not alone
        page.close()


def test_text_in_the_table_is_text(tmp_path: Path, browser: Any) -> None:
    """Points and results that look like HTML are shown as they are."""
    evil = "<img src=x onerror=\"document.title='out of cheese'\">"
    learner = SequenceLearner(str, [evil, "<b>bold</b>"])
    BlockingRunner(learner, store=tmp_path / "runs.db", executor=SequentialExecutor())
    with served(tmp_path / "runs.db") as address:
        page = browser.open(address)
        page.locator("table.runs a").click()
        page.wait_for_selector(".tabulator-row:has-text('<b>bold</b>')")
        assert page.locator(".tabulator-row img").count() == 0
        assert "out of cheese" not in page.title()
        page.close()
