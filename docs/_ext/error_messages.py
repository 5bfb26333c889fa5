"""The directive ``error-messages``: every message that the package raises, read from its source.

What a message is filled in with stands as ``…``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["Message", "messages", "setup"]

SOURCE = Path(__file__).parents[2] / "adaptive_calib"


@dataclass(frozen=True)
class Message:
    """One ``raise`` with a text: the module, the line, the exception's name, the text."""

    module: str
    line: int
    error: str
    text: str


def messages(source: Path = SOURCE) -> Iterator[Message]:
    """Iterate over the messages of all modules, in the order of the source."""
    for path in sorted(source.rglob("*.py")):
        module = ".".join(path.relative_to(source.parent).with_suffix("").parts)
        if ".examples" in module:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                text, error = template(node.exc.args[0]), ast.unparse(node.exc.func).rpartition(".")[2]
                if text and error not in ("AttributeError", "NotImplementedError"):  # Python's own protocols
                    yield Message(module, node.lineno, error if error[0].isupper() else "the same error", text)


def template(node: ast.expr) -> str:
    """Return the text of an expression, with … for what is filled in; empty if it is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join("…" if isinstance(part, ast.FormattedValue) else template(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = template(node.left), template(node.right)
        return (left or "…") + (right or "…") if left or right else ""
    return ""


class ErrorMessages(SphinxDirective):
    """``error-messages``: one list for each package."""

    def run(self) -> list[nodes.Node]:
        """Write the lists."""
        for path in SOURCE.rglob("*.py"):
            self.env.note_dependency(str(path))
        by_package: dict[str, list[Message]] = {}
        for message in messages():
            by_package.setdefault(".".join(message.module.split(".")[:2]), []).append(message)
        written: list[nodes.Node] = []
        for package, found in by_package.items():
            section = nodes.section(ids=[nodes.make_id(f"messages-{package}")])
            section += nodes.title(text=package)
            items = nodes.bullet_list()
            for error, text in sorted({(message.error, message.text) for message in found}):
                line = nodes.paragraph()
                line += nodes.strong(text=error)
                line += nodes.Text(f": {text}")
                items += nodes.list_item("", line)
            section += items
            written.append(section)
        return written


def setup(app: Sphinx) -> dict[str, Any]:
    """Give Sphinx the directive."""
    app.add_directive("error-messages", ErrorMessages)
    return {"version": "1", "parallel_read_safe": True}
