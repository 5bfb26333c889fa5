"""Links between pages, README and the other files of the repository lead somewhere, anchors too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("notebooks/*.md")])
PAGES = [page for page in PAGES if "_build" not in page.parts and (ROOT / "docs" / "notebooks") not in page.parents]


def _links(page: Path) -> list[str]:
    text = re.sub(r"(?ms)^(```|~~~).*?^\1", "", page.read_text())
    return re.findall(r"\]\(<?([^)\s>]+)>?\)", re.sub(r"`[^`\n]*`", "", text))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub and MyST make them of headings, and those that are written out."""
    text = re.sub(r"(?ms)^(```|~~~).*?^\1", "", page.read_text())
    titles = re.findall(r"(?m)^#+ +(.*?) *$", text)
    plain = [re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title)).lower() for title in titles]
    return {title.replace(" ", "-") for title in plain} | set(re.findall(r"(?m)^\(([\w-]+)\)=$", text))


def _target(page: Path, path: str) -> Path:
    """Return the file that a link leads to; notebooks are copied into the docs when the site is built."""
    target = (page.parent / path).resolve() if path else page
    if (ROOT / "notebooks") in page.parents and not target.exists():  # as if the page were in docs/notebooks
        target = (ROOT / "docs" / "notebooks" / path).resolve()
    copied = ROOT / "docs" / "notebooks"
    return ROOT / "notebooks" / target.name if copied in target.parents else target


def problems(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    wrong = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = _target(page, path)
        if not target.exists():
            wrong.append(f"{link}: there is no {target}")
        elif anchor and target.suffix == ".md" and anchor not in _anchors(target):
            wrong.append(f"{link}: {target.name} has no such heading; it has {sorted(_anchors(target))}")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Files and headings that a page links to are there."""
    assert problems(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """Also one to a heading, and none in code."""
    page = tmp_path / "page.md"
    page.write_text("# A title\n[a](#a-title) [b](#b) [c](gone.md)\n```\n[d](code.md)\n```\n`[e](code.md)`\n")
    assert [problem.partition(":")[0] for problem in problems(page)] == ["#b", "gone.md"]
