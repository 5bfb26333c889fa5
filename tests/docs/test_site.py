"""The site holds together: links lead somewhere, every page is found, every public name is in the reference."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import adaptive_calib
from tests.docs.pages import (
    DOCS,
    NOTEBOOKS,
    ROOT,
    anchors,
    blocks,
    links,
    pages,
    public_pages,
    site_path,
    toctree_entries,
)

PAGES = public_pages()

TEXTS = [*pages(), *sorted(NOTEBOOKS.glob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", TEXTS, ids=_name)
def test_links_lead_somewhere(page: Path):
    """Every relative link and picture is a file of the repository, and every anchor a heading in it."""
    broken = []
    text = page.read_text(encoding="utf-8")
    for line, target in links(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        place, _, anchor = target.partition("#")
        there = (site_path(page).parent / place).resolve() if place else page
        if there.parent == DOCS / "notebooks":
            there = NOTEBOOKS / there.name
        if not there.exists():
            broken.append(f"line {line}: {target}")
        elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text(encoding="utf-8")):
            broken.append(f"line {line}: {target} (no such heading)")
    assert not broken, f"{_name(page)}: " + "; ".join(broken)


def test_every_page_is_found():
    """Every page and notebook is in a toctree that is reached from the first page."""
    found, new = set(), {DOCS / "index.md"}
    while new:
        page = new.pop()
        found.add(page)
        assert page.exists() or page.parent == DOCS / "notebooks", f"{_name(page)} is in a toctree and not there"
        if page.exists():
            new |= toctree_entries(page) - found
    missing = {*pages(), *map(site_path, NOTEBOOKS.glob("*.md"))} - found
    assert not missing, f"in no toctree: {sorted(map(_name, missing))}"


def test_pictures_have_words():
    """Every picture on a page says what it shows, for those who do not see it."""
    bare = [_name(page) for page in TEXTS if "![](" in page.read_text(encoding="utf-8")]
    assert not bare


def _packages() -> list[str]:
    """Return the modules whose ``__all__`` is the public face: packages, and modules at the top."""
    modules = pkgutil.iter_modules(adaptive_calib.__path__, "adaptive_calib.")
    names = ["adaptive_calib", *(module.name for module in modules if "._" not in module.name)]
    names.remove("adaptive_calib.examples")
    return [name for name in names if hasattr(importlib.import_module(name), "__all__")]


def test_every_public_module_has_a_page():
    """What a package or a module at the top offers, and every module of `engine` and `testing`, is in the reference."""
    documented = {module for modules in PAGES.values() for module in modules}
    parts = [f"adaptive_calib.{name}" for name in ("testing.learners", "testing.executors", "testing.stores")]
    assert {*_packages(), *parts} <= documented, sorted({*_packages(), *parts} - documented)


def test_every_module_is_on_its_page():
    """Each reference page has the directive that writes the names of each of its modules."""
    for page, modules in PAGES.items():
        text = (DOCS / "reference" / f"{page}.md").read_text(encoding="utf-8")
        written = [
            line.rpartition(" ")[2]
            for block in blocks(text)
            for line in block.text.splitlines()
            if line.startswith(".. public-names::")
        ]
        assert written == list(modules), page


def test_every_public_name_is_there():
    """Each name in an ``__all__`` exists, and is what its own module calls by that name, not a module of that name."""
    for module in map(importlib.import_module, (module for modules in PAGES.values() for module in modules)):
        for name in module.__all__:
            value = getattr(module, name)
            familiar = module is adaptive_calib and name in ("learner", "runner", "utils")
            assert inspect.ismodule(value) == familiar, f"{module.__name__}.{name}"
