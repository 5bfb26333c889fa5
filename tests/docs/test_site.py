"""The site holds together: links lead somewhere, every page is found, every public name is in the reference."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
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

TEXTS = [*pages(), *sorted([*NOTEBOOKS.glob("*.md"), *ROOT.glob("*.md"), *DOCS.glob("news/**/*.md")])]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _broken(page: Path) -> list[str]:
    """Return the links and pictures of a page that are no file of the repository, or no heading in it."""
    broken = []
    for line, target in links(page.read_text(encoding="utf-8")):
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
    return broken


@pytest.mark.parametrize("page", TEXTS, ids=_name)
def test_links_lead_somewhere(page: Path):
    """Every relative link and picture is a file of the repository, and every anchor a heading in it."""
    assert _broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path):
    """Also one to a heading, and one whose text begins on the line before; none in code."""
    page = tmp_path / "page.md"
    page.write_text("# A title\n[a](#a-title) [b](#b) [c\nc](gone.md)\n```\n[d](code.md)\n```\n`[e](code.md)`\n")
    assert _broken(page) == ["line 2: #b (no such heading)", "line 3: gone.md"]


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


def test_every_page_is_in_a_visible_list():
    """The first page links to every page and notebook, apart from those that an overview in their folder lists."""
    listed = {
        (DOCS / target.partition("#")[0]).resolve() for _, target in links((DOCS / "index.md").read_text("utf-8"))
    }
    by_overview = ("reference", "decisions")
    wanted = {
        page for page in pages() if page.parent.name not in by_overview and not page.stem.endswith("_performance")
    }
    missing = {*wanted, *map(site_path, NOTEBOOKS.glob("*.md"))} - listed - {DOCS / "index.md"}
    assert not missing, f"not on the first page: {sorted(map(_name, missing))}"


_FIGURE = re.compile(r"(?<![\w.,])(\d[\d.,]*)(?: (s|ms))?(?![\w.]*\d)")


def _figures(line: str) -> set[float]:
    """Return the numbers of a line of a table; times in seconds."""
    found = ((float(number.rstrip(".,").replace(",", "")), unit) for number, unit in _FIGURE.findall(line))
    return {round(number * (1e-3 if unit == "ms" else 1), 9) for number, unit in found}


def test_figures_of_the_readme_are_those_of_the_performance_page():
    """Each figure in a measured row of README's comparison stands, with its command, in the main rows of the page."""
    rows = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    measured = [line for line in rows if re.search(r"\d (m?s)\b|\d{3} \|", line)]
    assert len(measured) == 3
    page = (DOCS / "explanation" / "performance.md").read_text(encoding="utf-8")
    stated = set().union(*(_figures(line) for line in page.splitlines() if line.startswith("| ") and "`py" in line))
    for line in measured:
        cells = line.split("|")[2:-1]
        missing = set().union(*map(_figures, cells)) - stated
        assert not missing, f"{line}: {sorted(missing)}"


def test_counts_of_the_readme_are_those_of_the_page_on_evaluations():
    """How many functions were compared, and what a narrow resonance takes to 1e-6."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (DOCS / "explanation" / "evaluations.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    compared = [
        text for text in sections if text.startswith(("Functions with which it was made", "Functions held out"))
    ]
    rows = [line for text in compared for line in re.findall(r"^\| .* / .*$", text, re.MULTILINE)]
    assert f"Over {len(rows)} functions" in readme
    (resonance,) = (line for line in rows if line.startswith("| resonance 1e-4 |"))
    assert f"a resonance of width 1e-4 takes {resonance.split('|')[2].split('/')[1].strip()}." in " ".join(
        readme.split()
    )


@pytest.mark.parametrize("page", sorted((DOCS / "explanation").glob("*_performance.md")), ids=_name)
def test_no_table_of_figures_without_its_command(page: Path):
    """On a performance page each section that has a table names a command that gives its figures."""
    for section in re.split(r"^#+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        if re.search(r"^\|.*\d", section, re.MULTILINE):
            title = section.partition("\n")[0]
            assert re.search(r"python (-m )?[\w./]+|pytest ", section), f"{page.name}: {title}"


def test_links_and_pictures_have_words():
    """A link without a text is empty where files are read without the site, a picture for those who do not see it."""
    bare = [_name(page) for page in TEXTS if "[](" in page.read_text(encoding="utf-8")]
    assert not bare, "write the title of the page between the brackets"


def _packages() -> list[str]:
    """Return the modules whose ``__all__`` is the public face: packages, and modules at the top."""
    modules = pkgutil.iter_modules(adaptive_calib.__path__, "adaptive_calib.")
    names = ["adaptive_calib", *(module.name for module in modules if "._" not in module.name)]
    names.remove("adaptive_calib.examples")  # a program
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
