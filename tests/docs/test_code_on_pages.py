"""The code on the pages keeps the rules of the package, calls it as it is, and the files that pages name are there.

The tests with ruff and mypy need the extra `lint`; ``nox -s types`` runs them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks, module_of, pages, prose

#: Pages whose code is meant to be copied into the package.
MAINTAIN = [page for page in pages() if page.parent.name == "maintain" and module_of(page).strip()]
#: All other pages with Python.
OTHERS = [page for page in pages() if page not in MAINTAIN and module_of(page).strip()]

#: Rules that a page cannot keep: imports stand where they are needed, and programs print.
NOT_ON_PAGES = "E402,I001,T20,F811"

#: Files of the examples on the pages for maintainers: those that a reader would add.
TO_BE_ADDED = {"zeros_learner", "zeros-learner", "one_thread", "one-thread", "per-point", "durations"}


def _name(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


def _written(folder: Path, chosen: list[Path]) -> list[Path]:
    """Write the code of each page to a module of its own."""
    written = []
    for page in chosen:
        path = folder / (_name(page).removesuffix(".md").replace("/", "__").replace("-", "_") + ".py")
        path.write_text(module_of(page), encoding="utf-8")
        written.append(path)
    return written


def _run(*command: str | Path, text: str | None = None) -> str:
    """Run a module of Python from the root of the repository; return what it prints if it fails."""
    ran = subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=ROOT, input=text, capture_output=True, text=True, check=False
    )
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def test_code_for_the_package_passes_lint(tmp_path: Path):
    """What maintainers copy from a page keeps the rules of ruff, docstrings included."""
    pytest.importorskip("ruff", reason="needs the extra `lint`")
    assert MAINTAIN
    written = _written(tmp_path, MAINTAIN)
    config = ROOT / "pyproject.toml"
    assert not _run("ruff", "check", "--no-cache", "--config", config, "--extend-ignore", NOT_ON_PAGES, *written)


@pytest.mark.parametrize("page", MAINTAIN, ids=_name)
def test_code_for_the_package_is_formatted(page: Path):
    """Each block is formatted as the package is."""
    pytest.importorskip("ruff", reason="needs the extra `lint`")
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.info == "python":
            said = _run("ruff", "format", "--diff", "--no-cache", "-", text=block.text + "\n")
            assert not said, f"the block in line {block.line}:\n{said}"


#: What strict mypy says of functions without annotations, which readers' own code on the other pages may have, and of
#: names that a page uses twice.
_UNTYPED = {
    "no-untyped-def",
    "no-untyped-call",
    "no-redef",
    "var-annotated",
    "type-arg",
    "misc",
    "assignment",
    "untyped-decorator",
}


@pytest.fixture(scope="module")
def mypy_errors(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str]]:
    """Return (page, error, code) of all errors of strict mypy; one run for all pages, with the cache of the package."""
    pytest.importorskip("mypy", reason="needs the extra `lint`")
    written = _written(tmp_path_factory.mktemp("pages"), [*MAINTAIN, *OTHERS])
    said = _run("mypy", "--config-file", ROOT / "pyproject.toml", "--no-error-summary", *written)
    found = re.findall(r"^(?:.*/)?([\w.]+)\.py:(\d+: error: .*?)  \[([\w-]+)\]$", said, re.MULTILINE)
    assert bool(found) == bool(said), said
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)  # mypy without a cache, on a busy machine
def test_code_for_the_package_passes_strict_types(mypy_errors: list[tuple[str, str, str]]):
    """What maintainers copy from a page passes ``mypy --strict``."""
    assert not [error for error in mypy_errors if error[0].startswith("maintain__")]


@pytest.mark.slow
@pytest.mark.timeout(900)  # mypy without a cache, on a busy machine
def test_calls_on_pages_have_the_arguments_of_the_package(mypy_errors: list[tuple[str, str, str]]):
    """Names, keywords and types of calls on all other pages are those of the code; readers' functions need no types."""
    assert not [error for error in mypy_errors if error[2] not in _UNTYPED and not error[0].startswith("maintain__")]


_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.py)`")


def _exists(path: str) -> bool:
    """Whether a path is in the repository or the package; a bare file name may be in any folder of package or tests."""
    found = any((base / path).exists() for base in (ROOT, ROOT / "adaptive_calib", DOCS))
    return found or ("/" not in path and any(any((ROOT / top).rglob(path)) for top in ("adaptive_calib", "tests")))


@pytest.mark.parametrize(
    "page",
    [*(page for page in pages() if page.parent.name in ("maintain", "explanation")), ROOT / "CONTRIBUTING.md"],
    ids=lambda page: page.name,
)
def test_files_that_pages_name_are_there(page: Path):
    """A file or folder in backticks exists, but for those that a reader is told to add."""
    named = {match for _, line in prose(page.read_text(encoding="utf-8")) for match in _PATH.findall(line)}
    missing = {path for path in named if not _exists(path) and not any(part in path for part in TO_BE_ADDED)}
    assert not missing, f"{page.name}: {sorted(missing)}"
