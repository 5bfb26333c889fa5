"""Runs on a real SLURM: the pages as they are printed, time limits, ``scancel``, and the same job submitted again."""

from __future__ import annotations

import collections
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adaptive_calib.store import SQLiteStore
from tests.docs.pages import DOCS, blocks, pages
from tests.processes import started
from tests.slurm import my_models
from tests.slurm.one_machine import empty_queue, missing, slurm

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(missing() is not None, reason=missing() or "there is a SLURM"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A SLURM of two nodes, and the environment that leads to it."""
    with slurm(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


@pytest.fixture
def job_environment(cluster, tmp_path):
    """The environment of a user who has models and a folder; jobs inherit it."""
    for name in ("my_models.py", "scan.py"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "calibration").mkdir()
    (tmp_path / "calibration" / ".venv").symlink_to(sys.prefix)  # where the tutorial has its environment
    yield cluster | {
        "DRAWN": str(tmp_path / "drawn.txt"),
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "HOME": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    empty_queue(cluster)


def drawn(folder: Path) -> collections.Counter[str]:
    """How often each point was begun."""
    return collections.Counter((folder / "drawn.txt").read_text(encoding="utf-8").split())


def printed(page: str, *, info: str, having: str) -> str:
    """Return the one code block of a page that contains `having`."""
    (block,) = [b for b in blocks((DOCS / page).read_text(encoding="utf-8")) if b.info == info and having in b.text]
    return block.text


def sbatch(script: str, folder: Path, environment: dict[str, str]) -> str:
    """Submit a script and return the number of its job."""
    path = folder / "job.sh"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        ["sbatch", "--parsable", str(path)], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def state(job: str, environment: dict[str, str]) -> str:
    """Return SLURM's word for the state of a job."""
    shown = subprocess.run(
        ["scontrol", "-o", "show", "job", job], env=environment, capture_output=True, text=True, check=True
    )
    return shown.stdout.partition("JobState=")[2].split()[0]


def ended(job: str, environment: dict[str, str], seconds: float) -> str:
    """Wait until a job is over and return its state."""
    deadline = time.monotonic() + seconds
    while (word := state(job, environment)) in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING"):
        assert time.monotonic() < deadline, f"job {job} is still {word} after {seconds} s"
        time.sleep(0.5)
    return word


def calibrate(folder: Path, environment: dict[str, str]) -> str:
    """Run the script of a page to its end; return what it wrote to its standard error."""
    done = subprocess.run(
        [sys.executable, "calibrate.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def how_to(folder: Path, **other: str) -> None:
    """Write the script of the how-to, with other values for some of the words in it."""
    page = "how-to/slurm_with_dask_jobqueue.md"
    script = printed(page, info="text", having="from dask_jobqueue import SLURMCluster")
    for name, value in {"maximum=": "4", **other}.items():  # this machine has two cores
        script, found = re.subn(rf"({name})\w+", rf"\g<1>{value}", script)
        assert found == 1, name
    (folder / "calibrate.py").write_text(script, encoding="utf-8")


def test_the_how_to_runs_as_printed(job_environment, tmp_path):
    """The script of the page on dask-jobqueue ends, on jobs that come from zero; each experiment is drawn once."""
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue")
    how_to(tmp_path)
    calibrate(tmp_path, job_environment)
    assert drawn(tmp_path) == dict.fromkeys(map(str, range(my_models.ENOUGH)), 1)
    (found,) = SQLiteStore(tmp_path / "decays.db", readonly=True).spaces()
    assert len(found) == my_models.ENOUGH


def test_jobs_whose_lifetime_ends_are_replaced(job_environment, tmp_path):
    """Only experiments that were pending when a worker retired are drawn a second time, and the run says so."""
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue")
    how_to(tmp_path, **{"maximum=": "2", '"--lifetime", "': "20s", '"--lifetime-stagger", "': "2s"})
    said = calibrate(tmp_path, job_environment | {"SECONDS_TO_DRAW": "3"})
    counts = drawn(tmp_path)
    assert counts.keys() == set(map(str, range(my_models.ENOUGH)))
    assert sum(counts.values()) - my_models.ENOUGH <= said.count("has begun for the")
    assert len(list((tmp_path / "logs").glob("*.err"))) > 2, "no job was replaced"


def test_a_job_that_ends_at_once_is_shown(job_environment, tmp_path):
    """While no worker comes, the warning quotes what the newest job has printed."""
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue")
    how_to(tmp_path, **{'"--lifetime", "': "230 minutes"})  # two words of a shell
    with started(
        [sys.executable, "calibrate.py"], cwd=tmp_path, env=job_environment, stderr=subprocess.PIPE, text=True
    ) as script:
        assert script.stderr is not None
        said = next((line for line in script.stderr if "there is no worker" in line and "Error" in line), "")
        script.terminate()
        script.stderr.read()
    assert "minutes" in said, said
    assert script.returncode == 143


def test_the_tutorial_runs_as_printed(job_environment, tmp_path):
    """The script of the tutorial runs on jobs that come from zero and go again."""
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue")
    page = "tutorials/week_long_run_on_a_cluster.md"
    script = printed(page, info="python", having="def make_learner")
    queue = printed(page, info="text", having="from dask_jobqueue import SLURMCluster")
    assert "maximum=100" in queue
    queue = queue.replace("maximum=100", "maximum=4")  # this machine has two cores
    (tmp_path / "calibrate.py").write_text(f"{script}\n\n{queue}\n", encoding="utf-8")
    calibrate(tmp_path, job_environment)
    (found,) = SQLiteStore(tmp_path / "calibration.db", readonly=True).spaces()
    assert len(found) > 0


JOB = """#!/bin/bash
#SBATCH --time={minutes}
#SBATCH --cpus-per-task=2
#SBATCH --signal=B:TERM@20
#SBATCH --output=%j.out
exec {python} scan.py {points}
"""


def test_a_job_that_meets_its_time_limit_goes_on_when_it_is_submitted_again(job_environment, tmp_path):
    """SLURM's signal before the limit ends the run in order; jobs go on to the end; nothing is evaluated twice."""
    points = (
        140  # 105 s for two workers; the signal comes 20 s before the limit or, as SLURM says, up to a minute earlier
    )
    script = JOB.format(minutes=2, python=sys.executable, points=points)
    states = []
    while "COMPLETED" not in states:
        assert len(states) < 5, states
        states.append(ended(sbatch(script, tmp_path, job_environment), job_environment, 180))
    assert len(states) > 1, "the limit was never met"
    assert drawn(tmp_path) == dict.fromkeys(map(str, range(points)), 1)


def test_a_job_that_is_cancelled_goes_on_when_it_is_submitted_again(job_environment, tmp_path):
    """``scancel`` kills everything of a job; only the points pending at that moment are evaluated a second time."""
    points = 30
    script = JOB.format(minutes=10, python=sys.executable, points=points)
    first = sbatch(script, tmp_path, job_environment)
    deadline = time.monotonic() + 60
    while not (tmp_path / "drawn.txt").exists() or len(drawn(tmp_path)) < 8:
        assert time.monotonic() < deadline, "the job did not begin"
        time.sleep(0.2)
    subprocess.run(["scancel", "--full", first], env=job_environment, check=True)
    assert ended(first, job_environment, 60) == "CANCELLED"
    second = sbatch(script, tmp_path, job_environment)
    assert ended(second, job_environment, 200) == "COMPLETED", (tmp_path / f"{second}.out").read_text()
    counts = drawn(tmp_path)
    assert counts.keys() == set(map(str, range(points)))
    assert sum(counts.values()) <= points + 2  # two were pending


def options_of_jobs() -> list[str]:
    """Return what pages write behind ``#SBATCH``."""
    texts = [page.read_text(encoding="utf-8") for page in pages()]
    return [option.strip() for text in texts for option in re.findall(r"#SBATCH ([^`\n]+)", text)]


def test_sbatch_accepts_the_options_on_pages(job_environment, tmp_path):
    """Each option exists and its value can be read; whether there are so many nodes is not asked."""

    def refused(options: str) -> str:
        path = tmp_path / "job.sh"
        path.write_text(f"#!/bin/bash\n#SBATCH {options}\n", encoding="utf-8")
        tried = subprocess.run(
            ["sbatch", "--test-only", path], env=job_environment, capture_output=True, text=True, check=False
        )
        said = tried.stderr.lower()
        return said if "unrecognized option" in said or "invalid" in said or "requires an argument" in said else ""

    found = options_of_jobs()
    assert found
    assert [refused(options) for options in found] == [""] * len(found)
    assert refused("--no-such-option=3")
    assert refused("--time=soon")
