"""What the tests of the documentation know about its pages: which there are, their code blocks, links and anchors."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NOTEBOOKS = ROOT / "notebooks"

_FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>[^\n]*)$")
_LINK = re.compile(r"\]\(<?(?P<target>[^()\s>]+)>?\)")  # without the text, which may begin on the line before
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?) *$")


@dataclass(frozen=True)
class Block:
    """A fenced block: what is written behind its fence, the line that it begins in, and its text."""

    info: str
    line: int
    text: str


def pages() -> list[Path]:
    """Return the pages of the site that are written by hand."""
    left_out = ("_build", "_ext", "news", "notebooks")
    return sorted(path for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] not in left_out)


def site_path(path: Path) -> Path:
    """Return where a page or notebook is in the site's own folder."""
    return DOCS / "notebooks" / path.name if path.parent == NOTEBOOKS else path


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page; a fence inside a longer one belongs to its text."""
    found: list[Block] = []
    fence, info, begin, lines = "", "", 0, []
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if not fence and match:
            fence, info, begin, lines = match["fence"], match["info"].strip(), number, []
        elif fence and match and match["fence"].startswith(fence) and not match["info"].strip():
            found.append(Block(info, begin, "\n".join(lines)))
            fence = ""
        elif fence:
            lines.append(line)
    assert not fence, f"the block that begins in line {begin} has no end"
    return found


def module_of(page: Path) -> str:
    """Return the Python of a page as one module, each line where it is on the page."""
    lines: list[str] = []
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.info == "python":
            lines += [""] * (block.line - len(lines)) + block.text.splitlines()
    return "\n".join(lines) + "\n"


def prose(text: str) -> list[tuple[int, str]]:
    """Return the lines outside fenced blocks, with their numbers."""
    kept, fence = [], ""
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if not fence and match:
            fence = match["fence"]
        elif fence and match and match["fence"].startswith(fence) and not match["info"].strip():
            fence = ""
        elif not fence:
            kept.append((number, line))
    return kept


def links(text: str) -> list[tuple[int, str]]:
    """Return the targets of all links and pictures, with their lines; code is not looked at."""
    return [
        (number, match["target"])
        for number, line in prose(text)
        for match in _LINK.finditer(re.sub(r"`[^`]*`", "", line))
    ]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub and MyST make them, and those that are written out."""
    found = set()
    for _, line in prose(text):
        match = _HEADING.match(line)
        found.update(re.findall(r"^\(([\w-]+)\)=$", line))
        if match:
            plain = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", re.sub(r"[`*]", "", match["text"])).lower()
            found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def toctree_entries(page: Path) -> set[Path]:
    """Return the pages that the toctrees of a page name, globs included."""
    found: set[Path] = set()
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.info != "{toctree}":
            continue
        for line in block.text.splitlines():
            entry = line.strip()
            if not entry or entry.startswith(":"):
                continue
            if "*" in entry:
                found.update(path for path in page.parent.glob(entry + ".md"))
                if entry.startswith("notebooks/"):
                    found.update(map(site_path, (ROOT / "notebooks").glob(entry.removeprefix("notebooks/") + ".md")))
            else:
                found.add((page.parent / (entry + ".md")).resolve())
    return found


def public_pages() -> dict[str, tuple[str, ...]]:
    """Return the modules on each page of the reference, as ``docs/_ext/public_names.py`` lists them."""
    tree = ast.parse((DOCS / "_ext" / "public_names.py").read_text(encoding="utf-8"))
    pages_node = next(
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "PAGES"
    )
    assert pages_node is not None
    found: dict[str, tuple[str, ...]] = ast.literal_eval(pages_node)
    return found
