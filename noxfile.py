"""The checks of the project, each in an environment of its own: ``nox -s NAME``, and ``nox --list`` names them.

``nox`` alone runs what a change needs before it lands: lint, types and the ordinary tests with one Python. ``.ci/run``
runs everything. Arguments after ``--`` are passed on to pytest: ``nox -s tests-3.12 -- tests/engine``. ``-R`` reuses an
environment that is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"

OLDEST = 11
NEWEST_LOOKED_FOR = 20
PARALLEL = ("-n", "2", "--dist", "worksteal")
#: Tests that need ruff and mypy; they are skipped where these are missing.
TYPED = ("tests/docs/test_code_on_pages.py", "tests/runner/test_signatures.py")
FOLDERS = ("adaptive_calib", "tests", "docs", "notebooks", "noxfile.py", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")


def _let_pyenv_run_all_versions() -> None:
    """Make the shims of pyenv start every version that it has installed, not only the one chosen as default."""
    pyenv = shutil.which("pyenv")
    if pyenv and "PYENV_VERSION" not in os.environ:
        chosen = subprocess.run([pyenv, "version-name"], capture_output=True, text=True, check=False)
        listed = subprocess.run([pyenv, "versions", "--bare"], capture_output=True, text=True, check=True)
        versions = dict.fromkeys([*chosen.stdout.strip().split(":"), *listed.stdout.split()])
        os.environ["PYENV_VERSION"] = ":".join(filter(None, versions))


def _found_pythons() -> Iterator[str]:
    """Iterate over the versions from 3.11 upwards whose interpreter is found and starts."""
    _let_pyenv_run_all_versions()
    for minor in range(OLDEST, NEWEST_LOOKED_FOR + 1):
        interpreter = shutil.which(f"python3.{minor}")
        if interpreter and not subprocess.run([interpreter, "-c", ""], capture_output=True, check=False).returncode:
            yield f"3.{minor}"


PYTHONS = list(_found_pythons())
RUNNING = f"3.{sys.version_info.minor}"
nox.options.sessions = ["lint", "types", f"tests-{RUNNING}" if RUNNING in PYTHONS else "core"]


#: pytest's options that run only what failed, one after the other; an error if nothing is known to have failed.
AGAIN = ("--last-failed", "--last-failed-no-failures", "none")


def _pytest(session: nox.Session, *arguments: str) -> None:
    """Run tests. With ``CI`` set, those that failed run once more, alone: such machines stall for seconds at times."""
    try:
        session.run("python", "-m", "pytest", *arguments, *session.posargs)
    except nox.command.CommandFailed:
        if "CI" not in os.environ:
            raise
        session.warn("tests failed; they run once more, alone. What passes now depends on time or order: mend it.")
        alone = [argument for argument in arguments if argument not in PARALLEL]
        session.run("python", "-m", "pytest", *AGAIN, *alone, *session.posargs)


@nox.session(python=False)
def pythons(session: nox.Session) -> None:
    """Say which versions of Python were found."""
    session.log(f"Pythons found: {', '.join(PYTHONS)}; running: {RUNNING}")


@nox.session
def lint(session: nox.Session) -> None:
    """Rules of style, format, spelling, import contracts, and whether the news can be collected."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell", *FOLDERS)
    session.run("lint-imports")
    session.run("towncrier", "build", "--draft", "--version", "next", silent=True)


@nox.session
def types(session: nox.Session) -> None:
    """Strict mypy over the package and over the code on the pages, with the libraries that it is used with."""
    session.install("-e", ".[test,lint]")
    session.run("mypy")
    session.run("python", "-m", "pytest", "-m", "slow or not slow", *TYPED)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The ordinary tests, on each Python that was found."""
    session.install("-e", ".[all,test]")
    _pytest(session, *PARALLEL)


@nox.session(python=PYTHONS[:1])
def minimum(session: nox.Session) -> None:
    """The ordinary tests with the oldest Python and the oldest versions of all direct dependencies."""
    if session.venv_backend != "uv":
        session.error("`minimum` needs uv, which can choose the lowest versions: pip install 'nox[uv]'")
    session.install("--resolution", "lowest-direct", "-e", ".[all,test]")
    session.run("uv", "pip", "list", external=True)
    _pytest(session, *PARALLEL)


@nox.session
def core(session: nox.Session) -> None:
    """Engine, learners and emd with the small extra ``test-core`` only."""
    session.install("-e", ".[test-core]")
    _pytest(session, "tests/engine", "tests/learner", "tests/emd")


@nox.session
def slow(session: nox.Session) -> None:
    """The slow tests, pools of other packages included; then, with nothing beside it, what a run costs."""
    session.install("-e", ".[all,test,cluster]")
    alone = "tests/runner/test_performance.py"
    ignored = [f"--ignore={path}" for path in ("tests/browser", "tests/slurm", alone)]
    _pytest(session, "-m", "slow", *PARALLEL, "--durations=20", *ignored)
    session.run("python", "-m", "pytest", "-m", "slow", alone)


@nox.session
def slurm(session: nox.Session) -> None:
    """Runs on a SLURM of two nodes on this machine (root, and Debian's slurm-wlm and munge)."""
    session.install("-e", ".[all,test,cluster]")
    _pytest(session, "-m", "slow", "tests/slurm")


@nox.session
def browser(session: nox.Session) -> None:
    """Notebooks in JupyterLab, driven by a real browser (chromium has to be installed)."""
    if not shutil.which("chromium"):
        session.error("`browser` needs chromium: apt-get install chromium")
    session.install("-e", ".[browser]")
    artifacts = Path(".ci/artifacts").absolute()
    artifacts.mkdir(exist_ok=True, parents=True)
    session.env["ADAPTIVE_CALIB_SCREENSHOTS"] = str(artifacts)
    _pytest(session, "-m", "slow", *PARALLEL, "tests/browser")


@nox.session
def docs(session: nox.Session) -> None:
    """The website; every notebook is executed for it, and a warning is an error."""
    session.install("-e", ".[test,docs]")
    session.run("python", "-m", "sphinx", "-W", "-q", "-b", "html", "docs", "docs/_build/html")
